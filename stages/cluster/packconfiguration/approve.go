package packconfiguration

import (
	"context"
	"errors"
)

// Who does something.
type Who struct {
	User string `json:"user"`
	// Address is where the request comes from, Via the way: page, cli or api.
	Address string `json:"address,omitempty"`
	Via     string `json:"via,omitempty"`
}

// String is for people.
func (w Who) String() string {
	text := w.User
	if w.Address != "" {
		text += " at " + w.Address
	}
	if w.Via != "" {
		text += " (" + w.Via + ")"
	}
	return text
}

// approval is a wish to use a revision.
type approval struct {
	who  Who
	hash string
}

// Approve uses a revision that waits for it: on a leader, it is given to the others; on a
// follower, it is put into effect there.
func (n *node) Approve(ctx context.Context, who Who, hash string) error {
	if n.pack == nil {
		return errors.New("there is no pack")
	}
	n.mu.Lock()
	waits := n.next != nil && n.next.Hash == hash && n.opts.Mode != "report"
	n.mu.Unlock()
	if !waits {
		return errors.New("no revision with this hash waits for approval")
	}
	select {
	case n.approvals <- approval{who, hash}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// approved uses the revision that waits.
func (n *node) approved(ctx context.Context, a approval) {
	n.mu.Lock()
	r := n.next
	n.mu.Unlock()
	if r == nil || r.Hash != a.hash || n.busy {
		return
	}
	n.act("approve", *r, a.who, "")
	if n.lead.on {
		r.Approved = a.who.String()
		n.advance(*r, why{by: a.who.String()})
		return
	}
	list, err := n.filter(r.Modules)
	if err != nil {
		n.settle(*r, Rejected, err.Error())
		return
	}
	n.use(ctx, *r, list, false)
}
