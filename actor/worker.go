package actor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gambolputty/actor/event"
)

// worker runs one instance of a module at a time, and a new one after a failure. What it
// was working on belongs to the worker, so that it outlives the instance.
type worker struct {
	node   *node
	index  int
	router *router
	stage  any // the living instance
	shelf  *shelf
	job    *job
	good   int // events finished since something last went wrong

	lives, flushes int64 // wishes that were fulfilled
}

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

// life is one instance from Build to Close.
func (w *worker) life(ctx context.Context) (err error) {
	if w.stage == nil {
		if err := w.ready(ctx); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	switch s := w.stage.(type) {
	case Source:
		return w.source(ctx, s)
	case Sink:
		return w.loop(ctx, s.Write)
	case Processor:
		return w.loop(ctx, s.Process)
	}
	return fmt.Errorf("%T is neither a source, a processor nor a sink", w.stage)
}

func (w *worker) source(ctx context.Context, s Source) error {
	soft, release := w.untilAsked(w.node.graph.soft)
	err := guard(func() error { return s.Run(soft, newOutlet(w.node)) })
	release()
	switch {
	case w.node.graph.soft.Err() != nil:
		err = nil
	case w.outdated():
		err = errAsked
	}
	if _, over := errors.AsType[final](err); err == nil || over {
		w.node.ended()
	}
	// Close, and a next instance, must wait for the answers: committing may need the
	// connection, and two lives must not commit side by side.
	return errors.Join(err, w.node.pending.empty(ctx))
}

func (w *worker) loop(ctx context.Context, do func(context.Context, *Batch) error) error {
	f, tick, stop := w.flusher()
	defer stop()
	for {
		news, err := w.obey(ctx, f)
		if err != nil {
			return err
		}
		if w.job == nil {
			var why fetched
			w.job, why = w.node.feed.next(ctx, tick, news)
			switch why {
			case asked:
				continue
			case ticked:
				if err := w.flush(ctx, f); err != nil {
					return err
				}
				continue
			case drained:
				return w.last(ctx, f)
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
func (w *worker) flusher() (f Flusher, tick <-chan time.Time, stop func()) {
	f, ok := w.stage.(Flusher)
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

func (w *worker) flush(ctx context.Context, f Flusher) error {
	w.node.ring.enter()
	defer w.node.ring.leave()
	b := w.node.graph.batch(w.node.src)
	b.shelf = w.shelf
	if err := guard(func() error { return f.Flush(ctx, b) }); err != nil {
		w.shelf.add(b) // what was moved there is not lost
		return err
	}
	b.shelf = nil
	if b.empty() {
		b.release(nil)
		return nil
	}
	return w.node.send(ctx, w.router.finish(b))
}

// work does the job at hand and sends on what comes out.
func (w *worker) work(ctx context.Context, do func(context.Context, *Batch) error) error {
	j := w.job
	for {
		if err := w.process(ctx, j.rest, do); err != nil {
			return w.sort(err)
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
	return w.hand(ctx, j)
}

// process lets the instance handle one batch.
func (w *worker) process(ctx context.Context, b *Batch, do func(context.Context, *Batch) error) error {
	n := w.node
	b.shelf, b.src = w.shelf, n.src
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
	var parcels []parcel
	if n.Spec.Role == Output {
		parcels = w.router.refused(j.rest)
		j.rest.release(nil)
	} else {
		parcels = w.router.finish(j.rest)
	}
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
	w.good += len(finished.events)
	j.keep(finished)
	switch {
	case outside || sink && !panicked: // nobody here is to blame
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
	j := w.job
	if j == nil {
		return
	}
	w.job = nil
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
