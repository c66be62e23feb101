package actor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gambolputty/actor/event"
)

// Source brings events in. Run blocks until ctx ends or the input is exhausted, and
// returns nil for both. What was read before it returns must have been sent.
type Source interface {
	Run(ctx context.Context, out *Outlet) error
}

// Processor changes a batch in place. One instance is called by one goroutine, and it
// sees only the events that pass the module's filter. An error or a panic means that
// the instance is broken: a new one is built and gets what was not done. What is wrong
// with a single event is no error, it goes to Env.Fault.
type Processor interface {
	Process(ctx context.Context, b *Batch) error
}

// Sink delivers a batch. Returning nil means that all of it has arrived and that
// nothing is buffered in the instance that could be lost with it.
type Sink interface {
	Write(ctx context.Context, b *Batch) error
}

// Service offers something to other modules and has no events of its own. Serve returns
// when ctx ends.
type Service interface {
	Serve(ctx context.Context) error
}

// What an instance may implement beside that.
type (
	// Opener connects, before the first batch. A refusal that may pass is Transient.
	Opener interface {
		Open(ctx context.Context) error
	}
	// Closer gives everything back. It is called once for an instance, also after a
	// failed Open or a panic.
	Closer interface {
		Close(ctx context.Context) error
	}
	// Waiter is a service that says after Open whether the program goes on until it is
	// stopped, even when all inputs have ended or there are none yet.
	Waiter interface{ Waits() bool }
	// Flusher lets events out that were held back, at least every FlushEvery, and once
	// at the end. With several workers only one of them is asked.
	Flusher interface {
		Flush(ctx context.Context, out *Batch) error
		FlushEvery() time.Duration
	}
)

// Env is what the runtime gives to a new instance. It is valid as long as the instance.
type Env struct {
	// ID is the module's id.
	ID string
	// Log carries the module's id already.
	Log *slog.Logger
	// Source is the origin for events that the module makes.
	Source *event.Source
	// Worker numbers the workers of a pool from 0, of Workers.
	Worker, Workers int
	// CheckOnly is set where the instance must not reach out, as in a dry run.
	CheckOnly bool

	node    *node
	payload *payload
}

// Payload returns what a sink is to write for e: the event after the common actions of
// the sink, valid until the next call. What addresses the target is taken from e itself.
func (v Env) Payload(e *event.Event) *event.Event {
	p := v.payload
	if p == nil || p.act == nil {
		return e
	}
	e.ForkTo(&p.copy)
	p.act.apply(&p.copy)
	return &p.copy
}

// Shared returns a value that all workers and all successive instances of a module have
// in common. The first one to ask makes it.
func Shared[T any](env Env, make func() T) T {
	n := env.node
	n.sharedMu.Lock()
	defer n.sharedMu.Unlock()
	if n.shared == nil {
		n.shared = make()
	}
	return n.shared.(T)
}

// Find returns the service with the given id as a T. The configuration has made sure
// that it exists and is of a fitting kind.
func Find[T any](env Env, id string) (T, bool) {
	g := env.node.graph
	g.mu.RLock()
	defer g.mu.RUnlock()
	if s := g.offered[id]; s != nil {
		stage, ok := s.stage.(T)
		return stage, ok
	}
	var none T
	return none, false
}

// Fault notes that the module could not handle e: the event is tagged, counted, and
// goes on unchanged or to where on_error says. field names what was wrong in the event.
func (v Env) Fault(e *event.Event, field string, err error) { v.node.fault(levelWarn, e, field, err) }

// Miss is Fault for what is to be expected now and then, such as a name that nobody knows:
// it is logged for those who look for it only.
func (v Env) Miss(e *event.Event, field string, err error) { v.node.fault(levelDebug, e, field, err) }

// Warn logs something that may happen for every event: at most one line every ten
// seconds for each message, with the number of lines left out.
func (v Env) Warn(message string, args ...any) { v.node.warn.log(slog.LevelWarn, message, args...) }

// Count adds to a counter of the module's own, such as resyncs.
func (v Env) Count(name string, n int) { v.node.meter.Own(name).Add(int64(n)) }

// Drop counts events of a batch that the module throws away on purpose: a processor does not
// emit them, and a sink is done with them without having written them.
func (v Env) Drop(n int) {
	v.node.meter.Dropped.Add(int64(n))
	v.node.books.thrown.Add(int64(n))
}

// DeadLetter reports whether there is another module that gets what goes to Fault in a sink.
func (v Env) DeadLetter() bool {
	return v.node.table.Load().dead.to != nil
}

// Quit ends the program, because the module has found that it can never work again. If it
// is the only output, everything ends at once with ErrQuit, as there is nothing left to do;
// otherwise the others drain and the run fails with err.
func (v Env) Quit(err error) {
	g := v.node.graph
	for _, n := range g.modules() {
		if n != v.node && n.Spec.Role == Output {
			g.fail(fmt.Errorf("%s: %w", v.ID, err))
			return
		}
	}
	g.Abort(ErrQuit)
}

// Ending reports whether Flush is called because nothing more will come, so that all that
// was held back must go.
func (v Env) Ending() bool { return v.node.ending.Load() }

// Phase is where a run stands.
type Phase int32

// The phases of a run.
const (
	Starting Phase = iota // not all modules have started
	Running
	Stopping // inputs end, and what is under way is delivered
)

// Phase tells where the run stands, for those that report on the program.
func (v Env) Phase() Phase { return Phase(v.node.graph.phase.Load()) }

// Status describes all modules, for those that report on the program.
func (v Env) Status() []Status { return v.node.graph.Status() }

// Balance tells what has become of all events so far, for those that report on the program.
func (v Env) Balance() Balance { return v.node.graph.Balance() }

// Unresolved counts a dynamic string with a missing field.
func (v Env) Unresolved(option, text string) {
	v.node.meter.Unresolved.Add(1)
	v.Warn("field of a dynamic string is missing", "option", option, "text", text)
}
