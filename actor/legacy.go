package actor

import (
	"context"
	"slices"
	"time"
)

// legacy is what a module that was replaced leaves to its successor: what its workers had
// begun, and what senders that had not heard of the change still put into its inbox.
type legacy struct {
	node   *node
	closed bool // nothing more comes by the inbox
}

// left is a batch that a worker had taken and not finished.
type left struct {
	b       *Batch
	counted bool // as handled or filtered
}

// leave gives up a job for the successor to do. What is finished of it goes on from here,
// but later: whoever replaces the module must not wait for its receivers.
func (n *node) leave(j *job) {
	rest := j.rest
	for _, b := range j.later {
		rest.join(b)
	}
	for _, e := range rest.events {
		e.Skip, e.Fault = false, false // the successor may have another filter
	}
	if rest.empty() {
		rest.release(nil)
	} else {
		n.left <- left{rest, j.counted}
	}
	n.ring.leave()
	n.keepFinished(j.done)
	if j.ordered {
		n.mu.Lock()
		n.skipped = append(n.skipped, j.seq)
		n.mu.Unlock()
	}
}

// keepFinished notes what is to be sent on when the workers are gone.
func (n *node) keepFinished(b *Batch) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case b == nil:
	case n.finished == nil:
		n.finished = b
	default:
		n.finished.join(b)
	}
}

// sendFinished sends on what was finished when the module was halted.
func (n *node) sendFinished(ctx context.Context) {
	for _, seq := range n.skipped {
		_ = n.feed.deliver(ctx, seq, nil) // fails only if all ends by force
	}
	if b := n.feed.held; b != nil {
		n.left <- left{b: b}
	}
	if b := n.finished; b != nil {
		_ = n.send(ctx, newRouter(n).hand(b)) // the same
	}
}

// inherit makes the feed take what old leaves before anything else.
func (f *feed) inherit(old *feed) {
	old.legacyMu.Lock()
	defer old.legacyMu.Unlock()
	f.legacies = append(slices.Clone(old.legacies), &legacy{node: old.node})
	f.since = time.Now()
}

// heir reports whether there is, or may be, something that a predecessor left.
func (f *feed) heir() bool {
	f.legacyMu.Lock()
	defer f.legacyMu.Unlock()
	return len(f.legacies) > 0
}

// takeOver is take for a module with predecessors. The order of every sender stays: what
// was begun comes first, then what is in the inboxes, the oldest first.
func (f *feed) takeOver(ctx context.Context, tick <-chan time.Time, news <-chan struct{}) (*Batch, fetched) {
	if why := f.awaitLast(ctx, tick, news); why != got {
		return nil, why
	}
	for ctx.Err() == nil {
		if b, why := f.old(); b != nil {
			return b, why
		}
		if b := f.held; b != nil {
			f.held = nil
			return b, got
		}
		if !f.heir() {
			return f.take(ctx, tick, news)
		}
		if why := f.await(ctx, tick, news); why != got {
			return nil, why
		}
	}
	return nil, aborted
}

// awaitLast waits until the predecessors have sent on all that they had finished, as it is
// older than what they left. It does not wait for ever: their receivers may be gone.
func (f *feed) awaitLast(ctx context.Context, tick <-chan time.Time, news <-chan struct{}) fetched {
	f.legacyMu.Lock()
	last := f.legacies[len(f.legacies)-1].node
	f.legacyMu.Unlock()
	late := time.NewTimer(time.Until(f.since.Add(patience)))
	defer late.Stop()
	select {
	case <-last.exited:
	case <-late.C:
	case <-tick:
		return ticked
	case <-news:
		return asked
	case <-f.node.halt:
		return halting
	case <-ctx.Done():
		return aborted
	}
	return got
}

// old returns what a predecessor left, without waiting, and forgets those that are done.
func (f *feed) old() (*Batch, fetched) {
	f.legacyMu.Lock()
	defer f.legacyMu.Unlock()
	for _, l := range slices.Backward(f.legacies) {
		gone := l.gone() // before the look: nothing comes after it
		select {
		case x := <-l.node.left:
			f.begun = x.counted
			return x.b, inherited
		default:
		}
		if l.closed && gone {
			f.legacies = slices.DeleteFunc(slices.Clone(f.legacies), func(o *legacy) bool { return o == l })
		}
	}
	for _, l := range f.legacies {
		if l.closed {
			continue
		}
		select {
		case b, ok := <-l.node.in.ch:
			if ok {
				return f.adopt(l, b), got
			}
			l.closed = true
		default:
		}
	}
	return nil, got
}

// gone reports whether the workers of the predecessor have left all they had.
func (l *legacy) gone() bool {
	select {
	case <-l.node.exited:
		return true
	default:
		return false
	}
}

// adopt moves a batch from the books of the predecessor's inbox into those of the own.
func (f *feed) adopt(l *legacy, b *Batch) *Batch {
	n := int64(len(b.events))
	l.node.in.events.Add(-n)
	f.node.in.events.Add(n)
	return b
}

// lookAgain is how often the inboxes of predecessors are looked at. They are of interest
// for the moment that a reload takes, or until senders that were blocked have gone on.
const lookAgain = time.Millisecond

// await waits a while, and keeps what comes by the own inbox meanwhile: something older of
// the same sender may have arrived elsewhere just before it.
func (f *feed) await(ctx context.Context, tick <-chan time.Time, news <-chan struct{}) fetched {
	again := time.NewTimer(lookAgain)
	defer again.Stop()
	own := f.node.in.ch
	if f.ownClosed {
		own = nil
	}
	select {
	case b, ok := <-own:
		f.held, f.ownClosed = b, !ok
	case <-again.C:
	case <-tick:
		return ticked
	case <-news:
		return asked
	case <-f.node.halt:
		return halting
	case <-ctx.Done():
		return aborted
	}
	return got
}
