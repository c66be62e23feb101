package actor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/meter"
)

const (
	levelWarn  = slog.LevelWarn
	levelDebug = slog.LevelDebug
)

// OnError says what becomes of an event that a module could not handle.
type OnError string

// The ways to deal with such an event.
const (
	Pass       OnError = "pass"
	Drop       OnError = "drop"
	DeadLetter OnError = "dead_letter"
)

// Node is one configured module in the graph.
type Node struct {
	// ID addresses the module, Spec and Opts say what it is.
	ID   string
	Spec Spec
	Opts any
	// Filter selects the events that the module handles; the others pass by. Nil is all.
	Filter *expr.Filter
	// Actions happen to the events that were handled.
	Actions Actions
	// Receivers get what leaves the module, in this order.
	Receivers []Receiver
	// Workers is the size of the pool, at least 1.
	Workers int
	// Ordered makes a pool hand events on in the order in which they came.
	Ordered bool
	// Inbox is the capacity of the inbox in events.
	Inbox int
	// OnError and FaultTag deal with events the module could not handle.
	OnError  OnError
	FaultTag string
	// Leads is the id of a Chief: the module, an input, runs only while the process leads.
	// Empty is always.
	Leads string
	// Restart is the policy for failures; the zero value is DefaultRestart.
	Restart RestartPolicy
	// Origin stands for all that the module is made from: its class, its options, the files
	// that these name. A reload lets a module go on whose origin is the same. Empty is never
	// the same. Receivers are not part of it.
	Origin string
	// Hidden are the names of options whose values nobody may see, beside those that are secret
	// by themselves.
	Hidden []string
	// Log is the logger of the module, which names its id.
	Log *slog.Logger
}

// Receiver names a node and the events that go there.
type Receiver struct {
	ID     string
	Filter *expr.Filter
	// Else takes what no other receiver took.
	Else bool
	// Sample lets this share of the events through, at random. 0 is all of them.
	Sample float64
	// Closing marks an edge that closes a loop.
	Closing bool
	// Buffer is the disk behind the memory of the edge; nil is none.
	Buffer *Buffer
	// Queue is memory of the edge's own in front of the inbox; nil is none.
	Queue *Queue

	passed *atomic.Int64
}

// node is a Node at work.
type node struct {
	Node
	graph    *Graph
	in       *inbox
	ring     *ring
	table    atomic.Pointer[table]
	tableMu  sync.Mutex // of a change of the table, and of silent
	silent   bool       // the receivers have been told that nothing more will come
	meter    *meter.Module
	books    *books
	log      *slog.Logger
	warn     *throttle
	src      *event.Source
	ending   atomic.Bool // the inbox is closed and empty
	failed   atomic.Bool // some event has been marked by hand
	pending  gate        // what a source has sent and not heard of
	workers  []*worker
	others   sync.WaitGroup // all workers but the first
	feed     *feed
	taps     atomic.Pointer[taps] // nil unless somebody looks
	wishes   wishes
	ailments ailments
	over     atomic.Bool            // it has come to its end
	standby  atomic.Bool            // it waits until the process leads
	forsaken atomic.Pointer[string] // why it was given up
	reign

	sharedMu sync.Mutex
	shared   any
}

// edges are those of the table that is in force.
func (n *node) edges() []edge { return n.table.Load().edges }

// fault marks an event that the module could not handle.
func (n *node) fault(level slog.Level, e *event.Event, field string, err error) {
	n.meter.Errors.Add(1)
	if n.FaultTag != "" {
		e.Tag(n.FaultTag)
	}
	if n.OnError != Pass {
		e.Fault = true
		e.SetError(n.ID + ": " + err.Error())
	}
	if level < levelWarn { // which must not use up the line of a warning
		n.log.Log(context.Background(), level, "event could not be handled", "field", field, "error", err)
		return
	}
	n.warn.log(level, "event could not be handled", "field", field, "error", err)
}

func (n *node) unresolved(option, text string) {
	n.meter.Unresolved.Add(1)
	n.warn.log(levelWarn, "field of a dynamic string is missing", "option", option, "text", text)
}

// Mismatch is called when a filter compares text with a number.
func (n *node) Mismatch(filter, field string, a, b event.Value) {
	if n.meter.FilterMismatches.Add(1) == 1 {
		n.log.Warn("filter compares text with a number, which are never equal", "filter", filter, "field", field, "left", clip(a), "right", clip(b))
	}
}

// Failed is called when a filter failed on an event.
func (n *node) Failed(filter string, err error) {
	n.meter.FilterErrors.Add(1)
	n.warn.log(levelWarn, "filter failed, the event does not match", "filter", filter, "error", err)
}

// Timeout is called when a regular expression in a filter took too long.
func (n *node) Timeout(filter string) {
	n.Failed(filter, errors.New("a regular expression took too long"))
}

func clip(v event.Value) string {
	const most = 100
	s := v.Text()
	if len(s) > most {
		s = s[:most]
	}
	return s
}

// env is what instance number i of the module gets.
func (n *node) env(i int) Env {
	return Env{
		ID: n.ID, Log: n.log, Source: n.src, Worker: i, Workers: n.Workers, CheckOnly: n.graph.DryRun,
		node: n, payload: &payload{act: newActing(n)},
	}
}

// payload makes the copies on which the actions of a sink happen.
type payload struct {
	act  *acting
	copy event.Event
}
