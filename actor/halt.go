package actor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// errHalted ends the workers of a module whose place another one takes.
var errHalted = errors.New("the module is being replaced")

// patience is how long a module may go on with the batch at hand before it is interrupted.
// An output whose counterpart is away would go on for ever.
const patience = 2 * time.Second

// reign is the time in which a module works: from its start until it has drained, or until
// a reload puts another one in its place.
type reign struct {
	work    context.Context // of what the instances do
	cease   context.CancelFunc
	evicted atomic.Bool   // the instances are not for the workers any more
	halt    chan struct{} // closed when the workers are to leave what they have not begun
	vacant  chan struct{} // closed when the instances of a halted module are closed
	exited  chan struct{} // closed when its workers are gone
	left    chan left     // for a successor
	heir    atomic.Bool   // there is to be one, so the receivers are not told of the end

	mu       sync.Mutex
	soft     context.Context // of an input
	stop     context.CancelFunc
	ousted   bool     // the input is to end for good
	gone     bool     // it has
	finished *Batch   // what a halted module has to send on
	way      *table   // by which it does
	skipped  []uint64 // jobs of an ordered pool that it has left
}

// begin prepares a module for its work.
func (n *node) begin() {
	n.work, n.cease = context.WithCancel(n.graph.hard)
	n.soft, n.stop = context.WithCancel(n.graph.soft)
	n.halt, n.vacant, n.exited = make(chan struct{}), make(chan struct{}), make(chan struct{})
	n.left = make(chan left, 3*n.Workers) // a worker leaves two at most, and one was held for the pool
}

// halted reports whether the workers are to leave.
func (n *node) halted() bool {
	select {
	case <-n.halt:
		return true
	default:
		return false
	}
}

// softly is the context of an input that ends when it is to stop.
func (n *node) softly() context.Context {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.soft
}

// leaving reports whether an input was asked to stop by a reload, which may still change
// its mind.
func (n *node) leaving() bool { return n.softly().Err() != nil && n.graph.soft.Err() == nil }

// oust ends an input and waits for it, but not longer than limit: what it has read must
// have been delivered. It reports whether the input has ended; if not, it goes on.
func (n *node) oust(limit time.Duration) bool {
	n.dismiss()
	select {
	case <-n.exited:
		return true
	case <-time.After(limit):
	}
	if n.spare() {
		return false
	}
	<-n.exited
	return true
}

// dismiss tells an input to end.
func (n *node) dismiss() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ousted = true
	n.stop()
}

// spare lets an input go on that was told to end. It fails if that has happened.
func (n *node) spare() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return false
	}
	n.ousted = false
	return true
}

// resume decides what becomes of an input that has stopped: it starts again if it is not
// to end for good after all.
func (n *node) resume() bool {
	if n.Spec.Role != Input || !n.leaving() {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ousted {
		n.gone = true
		return false
	}
	n.stop()
	n.soft, n.stop = context.WithCancel(n.graph.soft)
	return true
}

// standDown stops the workers of a module when they have done what they have begun, lets the
// instances give out what they hold back, and closes them. What was not done by then is for
// the successor. It fails if an instance does not come back from what it does.
func (n *node) standDown(limit time.Duration) error {
	n.way = n.pin() // for what is finished by then
	close(n.halt)
	n.settleDown()
	n.evicted.Store(true)
	n.cease()
	free := make(chan struct{})
	go func() {
		defer close(n.vacant)
		for _, w := range n.workers {
			w.mu.Lock()
		}
		close(free)
		n.vacate()
		for _, w := range n.workers {
			w.mu.Unlock()
		}
	}()
	select {
	case <-free:
		<-n.vacant
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s does not stop, it has been busy with one batch for %s", n.ID, limit)
	}
}

// settleDown gives the workers time to do what they have begun. Those that wait for room in
// the inboxes of receivers have.
func (n *node) settleDown() {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(lookAgain) {
		if !slices.ContainsFunc(n.workers, func(w *worker) bool { return w.doing.Load() == working }) {
			return
		}
	}
}

// vacate closes the instances, which no worker uses any more.
func (n *node) vacate() {
	n.ending.Store(true)
	n.work = n.graph.hard // for what the instances have to say in the end
	for i, w := range n.workers {
		if f, ok := w.stage.(Flusher); ok && i == 0 {
			b, err := w.collect(f)
			if err != nil {
				n.log.Error("module failed to give out what it held back", "error", err)
			}
			n.keepFinished(b)
		}
	}
	for _, w := range n.workers {
		if err := w.close(n.graph.hard); err != nil {
			n.log.Error("module was not closed well", "error", err)
		}
		if j := w.job; j != nil {
			w.job = nil
			n.leave(j)
		}
	}
	n.cease()
}

// overdue reports whether an input was asked to stop and need not try any more.
func (n *node) overdue() bool { return n.Spec.Role == Input && n.softly().Err() != nil }
