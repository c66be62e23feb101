package packconfiguration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

// The actions of messages.
const (
	actionRevision = "configuration"
	actionReport   = "configuration_state"
)

// running are the classes that run code or commands of whoever writes the configuration.
var running = map[string]bool{"ExecPython": true, "NmapScanner": true}

// outcome is how the use of a revision ended.
type outcome struct {
	revision
	change actor.Change
	err    error
	cached bool
}

// offered takes a revision of the leader. That it is used is another matter.
func (n *node) offered(ctx context.Context) pack.Handler {
	return func(from pack.Member, payload []byte) error {
		leader, _ := n.pack.Leader()
		if from.Name != leader || from.Self {
			return fmt.Errorf("%s is not the leader of %s", from.Name, n.pack.Name())
		}
		var r revision
		if err := json.Unmarshal(payload, &r); err != nil {
			return fmt.Errorf("the revision cannot be read: %w", err)
		}
		if config.HashShared(r.Modules) != r.Hash {
			return errors.New("the revision has another hash than it says")
		}
		select {
		case n.incoming <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow uses the newest revision, and tells the leader how that went.
func (n *node) follow(ctx context.Context) {
	leader, _ := n.pack.Leader()
	if leader == n.pack.Name() {
		n.pending = nil
		return
	}
	if n.told != leader {
		n.told = leader
		n.report(ctx)
	}
	if n.pending == nil || n.busy {
		return
	}
	r := *n.pending
	n.pending = nil
	n.mu.Lock()
	old := !r.after(n.self.Term, n.self.N)
	n.mu.Unlock()
	if old {
		n.report(ctx) // the leader may not know
		return
	}
	n.consider(ctx, r)
}

// consider decides what to do with a revision that is new.
func (n *node) consider(ctx context.Context, r revision) {
	log := n.env.Log.With("term", r.Term, "revision", r.N, "hash", r.Hash[:12], "leader", r.Leader)
	if r.Hash == n.held.Hash {
		n.held = r
		n.settle(r, InSync, "")
		n.save()
		return
	}
	list, err := n.filter(r.Modules)
	if err != nil {
		log.Error("the revision is rejected", "error", err)
		n.settle(r, Rejected, err.Error())
		return
	}
	if n.opts.Mode == "report" {
		log.Info("a revision would change the configuration, which is only reported", "difference", difference(n.held.Modules, list))
		if err := n.program.Try(list); err != nil {
			n.settle(r, Rejected, explain(err))
			return
		}
		n.settle(r, Pending, "")
		return
	}
	if n.opts.Approve == "manual" {
		log.Info("a revision waits for approval", "difference", difference(n.held.Modules, list))
		n.mu.Lock()
		n.next = &r
		n.mu.Unlock()
		n.settle(r, Pending, "")
		return
	}
	n.use(ctx, r, list, false)
}

// use puts a revision into effect. That happens beside Serve, as the change of the program may
// wait for this module.
func (n *node) use(ctx context.Context, r revision, list []config.Shared, cached bool) {
	n.busy = true
	go func() {
		change, err := n.program.Take(ctx, list)
		n.taken <- outcome{r, change, err, cached}
	}()
}

// finish notes how the use of a revision ended.
func (n *node) finish(o outcome) {
	n.busy = false
	if o.err != nil {
		n.failed = o.Hash
	}
	log := n.env.Log.With("term", o.Term, "revision", o.N, "hash", o.Hash[:min(len(o.Hash), 12)], "leader", o.Leader)
	_, invalid := errors.AsType[*config.InvalidError](o.err)
	switch {
	case errors.Is(o.err, context.Canceled), errors.Is(o.err, actor.ErrEnding):
	case o.err == nil:
		log.Info("a revision is in use: " + o.change.String())
		for _, id := range n.program.Plan().Skipped {
			log.Info("a module of the leader is not taken, as there is an own one with its id", "id", id)
		}
		n.held = o.revision
		n.settle(o.revision, InSync, "")
		if !o.cached {
			n.save()
		}
	case invalid:
		log.Error("the revision is rejected, the former configuration goes on")
		n.settle(o.revision, Rejected, explain(o.err))
	default:
		log.Error("the revision was taken back, the former configuration goes on", "error", o.err)
		n.settle(o.revision, RolledBack, o.err.Error())
	}
}

// maxReason bounds the reason that is told to the leader.
const maxReason = 2000

// explain says what is wrong in as many lines as there are.
func explain(err error) string {
	text := err.Error()
	if invalid, ok := errors.AsType[*config.InvalidError](err); ok {
		text = strings.TrimSpace(invalid.Report.Text())
	}
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}

// settle sets what this node tells, and tells it.
func (n *node) settle(r revision, s State, reason string) {
	n.mu.Lock()
	n.self.Term, n.self.N, n.self.Hash, n.self.State, n.self.Error = r.Term, r.N, r.Hash, s, reason
	if s != Pending {
		n.next = nil
	}
	n.mu.Unlock()
	n.report(context.Background())
}

// report tells the leader how this node stands.
func (n *node) report(ctx context.Context) {
	leader, _ := n.pack.Leader()
	if leader == "" || leader == n.pack.Name() {
		return
	}
	n.mu.Lock()
	text, err := json.Marshal(n.self)
	n.mu.Unlock()
	if err != nil {
		return // it is made of texts and numbers
	}
	go func() { _ = n.pack.Send(ctx, leader, actionReport, text) }() // the leader asks by sending again
}

// filter leaves out what this node does not take. The error says why nothing can be taken.
func (n *node) filter(list []config.Shared) (taken []config.Shared, err error) {
	taken = []config.Shared{}
	for _, s := range list {
		allowed := slices.Contains(n.opts.Allow, s.Class)
		switch {
		case n.ignored(s.ID, s.Class):
		case running[s.Class] && !allowed:
			return nil, fmt.Errorf("%s runs code, and %s is not in allow_modules of node %s", s.ID, s.Class, n.pack.Name())
		case n.opts.Given["allow_modules"] && n.opts.Allow != nil && !allowed:
			n.env.Log.Info("a module of the leader is not taken, as allow_modules does not name its class", "id", s.ID, "class", s.Class)
		default:
			taken = append(taken, s)
		}
	}
	return taken, nil
}

// difference says how two lists of modules differ.
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

// Approve uses a revision that waits for it.
func (n *node) Approve(ctx context.Context, hash string) error {
	n.mu.Lock()
	waits := n.next != nil && n.next.Hash == hash
	n.mu.Unlock()
	if !waits {
		return errors.New("no revision with this hash waits for approval")
	}
	select {
	case n.approvals <- hash:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// approved uses the revision that waits.
func (n *node) approved(ctx context.Context, hash string) {
	n.mu.Lock()
	r := n.next
	n.mu.Unlock()
	if r == nil || r.Hash != hash || n.busy {
		return
	}
	list, err := n.filter(r.Modules)
	if err != nil {
		n.settle(*r, Rejected, err.Error())
		return
	}
	n.env.Log.Info("a revision was approved", "term", r.Term, "revision", r.N, "hash", hash)
	n.use(ctx, *r, list, false)
}

// restore uses what was kept when there was a leader.
func (n *node) restore(ctx context.Context) {
	text, err := os.ReadFile(n.cache)
	if errors.Is(err, os.ErrNotExist) || n.opts.Mode == "report" {
		return
	}
	var r revision
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(text)).Decode(&r)
	}
	if err == nil && config.HashShared(r.Modules) != r.Hash {
		err = errors.New("it has another hash than it says")
	}
	if err != nil {
		n.env.Log.Error("the kept revision cannot be read, the one of the leader will take its place", "file", n.cache, "error", err)
		return
	}
	if r.Pack != n.pack.View().Pack {
		n.env.Log.Warn("the kept revision is of another pack and not used", "file", n.cache, "pack", r.Pack)
		return
	}
	list, err := n.filter(r.Modules)
	if err != nil {
		n.settle(r, Rejected, err.Error())
		return
	}
	n.env.Log.Info("the kept revision is used until there is a newer one", "file", n.cache)
	n.use(ctx, r, list, true)
}

// save keeps the last good revision for a start without a leader.
func (n *node) save() {
	text, err := json.Marshal(n.held)
	if err == nil {
		err = replace(n.cache, text)
	}
	if err != nil {
		n.env.Warn("the revision is in use, but could not be kept for the next start; that is tried again", "file", n.cache, "error", err)
	}
	n.unsaved = err != nil
}

// replace writes a file in one step, so that only the owner can read it.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".pack-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
