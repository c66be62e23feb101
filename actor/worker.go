package actor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor/event"
)

// worker runs one instance of a module at a time, and a new one after a failure. What it
// was working on belongs to the worker, so that it outlives the instance.
type worker struct {
	node   *node
	index  int
	router *router
	good   int // events finished since something last went wrong
	doing  atomic.Int32

	lives, flushes int64 // wishes that were fulfilled

	mu    sync.Mutex // held while the instance works; whoever halts the module waits for it
	stage any        // the living instance
	shelf *shelf
	job   *job
}

// What a worker does.
const (
	working int32 = iota
	sending       // what it has finished
	gone          // for good
)

// job is a batch on its way through a module.
type job struct {
	seq     uint64 // place in the order of the pool, if it has one
	ordered bool
	rest    *Batch
	later   []*Batch // halves that wait while rest is tried
	done    *Batch   // finished parts of a batch that was interrupted
	suspect *event.Event
	spared  bool // the suspect's first failure did not count
	counted bool // its events are in the counters
}

// ready builds and opens an instance.
func (w *worker) ready(ctx context.Context) error {
	w.shelf = &shelf{}
	w.node.ailments.heal(w.index)
	w.born()
	err := guard(func() (err error) {
		if w.stage, err = w.node.Spec.Build(w.node.env(w.index), w.node.Opts); err == nil {
			w.holds()
		}
		return err
	})
	if err != nil {
		w.stage = nil
		return fmt.Errorf("build: %w", err)
	}
	o, ok := w.stage.(Opener)
	if !ok || w.node.graph.DryRun {
		return nil
	}
	if err := guard(func() error { return o.Open(ctx) }); err != nil {
		return errors.Join(err, w.close(ctx))
	}
	return nil
}

// close ends the instance and keeps what it held for the next one.
func (w *worker) close(ctx context.Context) (err error) {
	if w.stage == nil {
		return nil
	}
	if c, ok := w.stage.(Closer); ok {
		err = guard(func() error { return c.Close(ctx) })
	}
	w.stage = nil
	w.node.ailments.heal(w.index)
	if kept := w.shelf.takeAll(); kept != nil {
		w.again(kept)
	}
	return err
}

// again puts what an instance had kept in front of what there is to do.
func (w *worker) again(kept *Batch) {
	if w.job == nil {
		w.node.ring.enter()
		w.job = &job{rest: kept, counted: true}
		return
	}
	rest := w.job.rest
	kept.join(rest)
	w.job.rest = kept
}

// use takes the instance to work with it. It fails when the module has been halted: then
// the instance belongs to whoever did that.
func (w *worker) use() bool {
	w.mu.Lock()
	if w.node.evicted.Load() {
		w.mu.Unlock()
		return false
	}
	return true
}

// life is one instance from Build to Close.
func (w *worker) life(ctx context.Context) (err error) {
	if w.node.restricted() && !w.node.awaitLeadership(ctx) {
		return nil
	}
	if !w.use() {
		return errHalted
	}
	if w.stage == nil {
		if err := w.ready(w.node.work); err != nil {
			w.mu.Unlock()
			return err
		}
	}
	stage := w.stage
	w.mu.Unlock()
	defer func() {
		if !errors.Is(err, errHalted) && w.use() {
			err = errors.Join(err, w.close(ctx))
			w.mu.Unlock()
		}
	}()
	switch s := stage.(type) {
	case Source:
		return w.source(ctx, s)
	case Sink:
		return w.loop(ctx, stage, s.Write)
	case Processor:
		return w.loop(ctx, stage, s.Process)
	}
	return fmt.Errorf("%T is neither a source, a processor nor a sink", stage)
}

func (w *worker) source(ctx context.Context, s Source) error {
	leave := w.node.softly()
	soft, release := w.untilAsked(leave)
	lost := func() bool { return false }
	if w.node.restricted() {
		var unhook func()
		soft, unhook, lost = w.node.whileLeading(soft)
		defer unhook()
	}
	err := guard(func() error { return s.Run(soft, newOutlet(w.node)) })
	release()
	switch {
	case leave.Err() != nil:
		err = nil
	case lost():
		err = errUnled
	case w.outdated():
		err = errAsked
	}
	_, over := errors.AsType[final](err)
	if (err == nil || over) && !w.node.leaving() {
		w.node.ended()
	}
	// Close, and a next instance, must wait for the answers: committing may need the
	// connection, and two lives must not commit side by side.
	return errors.Join(err, w.node.pending.empty(ctx))
}

func (w *worker) loop(ctx context.Context, stage any, do func(context.Context, *Batch) error) error {
	f, tick, stop := w.flusher(stage)
	defer stop()
	for {
		news, err := w.obey(ctx, f)
		if err != nil {
			return err
		}
		if w.job == nil {
			j, why := w.node.feed.next(ctx, tick, news)
			switch why {
			case asked:
				continue
			case got:
				if !w.use() {
					w.node.leave(j)
					return errHalted
				}
				w.job = j
				w.mu.Unlock()
			case ticked:
				if err := w.flush(ctx, f); err != nil {
					return err
				}
				continue
			case drained:
				return w.last(ctx, f)
			case halting:
				return errHalted
			case aborted:
				return context.Cause(ctx)
			}
		}
		if err := w.work(ctx, do); err != nil {
			return err // the next instance goes on with the job
		}
	}
}

// flusher returns the instance as a Flusher with its ticks, where this worker has to.
func (w *worker) flusher(stage any) (f Flusher, tick <-chan time.Time, stop func()) {
	f, ok := stage.(Flusher)
	if !ok || w.index > 0 {
		return nil, nil, func() {}
	}
	every := f.FlushEvery()
	if every <= 0 {
		return f, nil, func() {}
	}
	t := time.NewTicker(every)
	return f, t.C, t.Stop
}

// last flushes at the end: the first worker does so when all others are done.
func (w *worker) last(ctx context.Context, f Flusher) error {
	if f == nil {
		return nil
	}
	w.node.others.Wait()
	w.node.ending.Store(true)
	return w.flush(ctx, f)
}

// flush lets the instance give out what it holds back, and sends it on.
func (w *worker) flush(ctx context.Context, f Flusher) error {
	w.node.ring.enter()
	defer w.node.ring.leave()
	if !w.use() {
		return errHalted
	}
	b, err := w.collect(f)
	w.mu.Unlock()
	if b == nil {
		return err
	}
	w.doing.Store(sending)
	defer w.doing.Store(working)
	return w.node.send(ctx, w.router.finish(b))
}

// collect takes what the instance held back; nil is nothing.
func (w *worker) collect(f Flusher) (*Batch, error) {
	b := w.node.graph.batch(w.node.src)
	b.shelf = w.shelf
	err := guard(func() error { return f.Flush(w.node.work, b) })
	w.node.books.enter(w.shelf)
	if err != nil {
		w.shelf.add(b) // what was moved there is not lost
		return nil, err
	}
	b.shelf = nil
	if b.empty() {
		b.release(nil)
		return nil, nil
	}
	return b, nil
}

// work does the job at hand and sends on what comes out.
func (w *worker) work(ctx context.Context, do func(context.Context, *Batch) error) error {
	if !w.use() {
		return errHalted
	}
	j, err := w.finish(do)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	w.doing.Store(sending)
	defer w.doing.Store(working)
	return w.hand(ctx, j)
}

// finish does the job at hand.
func (w *worker) finish(do func(context.Context, *Batch) error) (*job, error) {
	j := w.job
	for {
		if err := w.process(w.node.work, j.rest, do); err != nil {
			return nil, w.sort(err)
		}
		n := len(j.later)
		if n == 0 {
			break
		}
		j.keep(j.rest)
		j.rest, j.later = j.later[n-1], j.later[:n-1]
	}
	if j.done != nil {
		j.done.join(j.rest)
		j.rest = j.done
	}
	w.job = nil
	return j, nil
}

// process lets the instance handle one batch.
func (w *worker) process(ctx context.Context, b *Batch, do func(context.Context, *Batch) error) error {
	n := w.node
	b.shelf, b.src = w.shelf, n.src
	if !n.Spec.Forgets {
		b.KeepValues()
	}
	handled := w.router.selectInput(b)
	if j := w.job; !j.counted {
		j.counted = true
		n.came(b)
		if t := n.graph.types.Load(); t != nil && n.Spec.Role == Output {
			t.count(b.events)
		}
		n.meter.Handled.Add(int64(handled))
		n.meter.Filtered.Add(int64(len(b.events) - handled))
	}
	if handled > 0 {
		start := time.Now()
		err := guard(func() error { return do(ctx, b) })
		d := time.Since(start)
		n.meter.Busy.Add(int64(d))
		n.books.enter(w.shelf)
		if err != nil {
			return err
		}
		n.meter.Handling.Observe(d, handled)
		n.arrived(b, start.Add(d), handled)
	}
	b.shelf = nil
	w.good += len(b.events)
	return nil
}

// hand sends a finished job on, or ends it in a sink.
func (w *worker) hand(ctx context.Context, j *job) error {
	n := w.node
	defer n.ring.leave()
	parcels := w.router.hand(j.rest)
	if !j.ordered {
		return n.send(ctx, parcels)
	}
	return n.feed.deliver(ctx, j.seq, parcels)
}

// keep adds a finished part to the job.
func (j *job) keep(b *Batch) {
	if j.done == nil {
		j.done = b
		return
	}
	j.done.join(b)
}

// sort puts the job in order after a failure and says how bad the failure is.
func (w *worker) sort(err error) error {
	j := w.job
	_, panicked := errors.AsType[*PanicError](err)
	_, outside := errors.AsType[transient](err)
	sink := w.node.Spec.Role == Output
	finished, culprit, after := j.rest.cut(sink)
	w.node.books.enter(w.shelf)
	w.good += len(finished.events)
	j.keep(finished)
	switch {
	case outside || !panicked && (sink || w.node.work.Err() != nil): // nobody here is to blame
		if culprit != nil {
			j.rest.events = slices.Concat(j.rest.events, []*event.Event{culprit}, after)
		}
		return err
	case culprit != nil:
	case len(j.rest.events) == 1:
		culprit = j.rest.events[0]
		j.rest.events = nil
	case panicked && len(j.rest.events) > 1: // look for the culprit
		j.later = append(j.later, j.rest.halve())
		return isolated{err}
	default:
		return err
	}
	return w.blame(j, culprit, after, err)
}

// blame gives an event that failed a second chance on its own, and sets it aside after
// that.
func (w *worker) blame(j *job, e *event.Event, after []*event.Event, err error) error {
	w.node.log.Debug("event could not be handled", "event_id", e.ID(), "error", err, "second_time", e == j.suspect)
	if len(after) > 0 {
		j.later = append(j.later, j.rest.with(after...))
	}
	if e == j.suspect {
		w.setAside(j, e, err)
		j.suspect = nil
	} else {
		j.suspect, j.spared = e, w.good > 1
		j.later = append(j.later, j.rest.with(e))
	}
	w.good = 0
	if j.spared {
		return isolated{err}
	}
	return err
}

// setAside gives up on an event: it goes on with the error, or to where on_error says.
func (w *worker) setAside(j *job, e *event.Event, err error) {
	n := w.node
	n.meter.Errors.Add(1)
	e.SetError(n.ID + ": " + err.Error())
	n.warn.log(levelError, "event failed twice and is set aside", "event_id", e.ID(), "error", err, "on_error", string(n.OnError))
	e.Fault = n.OnError != Pass
	e.Skip = true
	n.failed.Store(true)
	j.done.events = append(j.done.events, e)
}

// lose gives up on the job at hand.
func (w *worker) lose(ctx context.Context, err error) {
	w.mu.Lock()
	j := w.job
	if w.node.halted() || j == nil {
		w.mu.Unlock()
		return // or it is for the successor
	}
	w.job = nil
	w.mu.Unlock()
	for _, b := range append(j.later, j.rest, j.done) {
		if b != nil {
			w.node.lose(b, err)
		}
	}
	w.node.ring.leave()
	if j.ordered {
		_ = w.node.feed.deliver(ctx, j.seq, nil) // the order must go on; an abort is known already
	}
}
