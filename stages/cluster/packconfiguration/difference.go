package packconfiguration

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gambolputty/config"
)

// Side is one of two configurations that are compared.
type Side struct {
	N    int64  `json:"n"`
	Hash string `json:"hash"`
	Text string `json:"text"`
}

// Difference is what a revision would change. The texts hold what stands in the file, secrets
// as well, but not what the environment holds.
type Difference struct {
	Before Side `json:"before"`
	After  Side `json:"after"`
}

// Difference compares what runs with a revision of the history, or for 0 with the one that waits
// for approval, goes to canaries or is only reported.
func (n *node) Difference(number int64) (Difference, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var to *revision
	switch {
	case number > 0:
		for _, r := range n.book.Revisions {
			if r.N == number {
				to = &r.revision
			}
		}
		if to == nil {
			return Difference{}, fmt.Errorf("revision %d is not in the history", number)
		}
	case n.next != nil:
		to = n.next
	case n.staged != nil:
		to = &n.staged.revision
	default:
		return Difference{}, errors.New("no revision waits")
	}
	return Difference{side(n.current), side(*to)}, nil
}

func side(r revision) Side {
	var b strings.Builder
	for _, m := range r.Modules {
		b.WriteString(m.Text)
	}
	return Side{r.N, r.Hash, b.String()}
}

// difference says in a line how two lists of modules differ.
func difference(before, after []config.Shared) string {
	was := map[string]string{}
	for _, s := range before {
		was[s.ID] = s.Text
	}
	var added, changed, removed []string
	for _, s := range after {
		text, known := was[s.ID]
		switch {
		case !known:
			added = append(added, s.ID)
		case text != s.Text:
			changed = append(changed, s.ID)
		}
		delete(was, s.ID)
	}
	for _, s := range before {
		if _, gone := was[s.ID]; gone {
			removed = append(removed, s.ID)
		}
	}
	var parts []string
	for what, ids := range map[string][]string{"added": added, "changed": changed, "removed": removed} {
		if len(ids) > 0 {
			parts = append(parts, what+" "+strings.Join(ids, ", "))
		}
	}
	slices.Sort(parts)
	if len(parts) == 0 && config.HashShared(before) == config.HashShared(after) {
		return "nothing has changed"
	}
	if len(parts) == 0 {
		return "the order has changed"
	}
	return strings.Join(parts, "; ")
}
