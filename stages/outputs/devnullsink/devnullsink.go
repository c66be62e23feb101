// Package devnullsink throws events away.
package devnullsink

import (
	"context"

	"gambolputty/actor"
)

// Spec is the DevNullSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "DevNullSink",
	Aliases:  []string{"output.DevNull"},
	Role:     actor.Output,
	Forgets:  true,
	Summary:  "Throws every event away, for tests and benchmarks.",
	Parallel: true,
	Example:  "- DevNullSink\n",
}, Options{}, New)

// Options of the DevNullSink module: there are none.
type Options struct{}

type sink struct{}

// New makes a DevNullSink.
func New(actor.Env, Options) (actor.Sink, error) { return sink{}, nil }

// Write delivers the events to nowhere.
func (sink) Write(context.Context, *actor.Batch) error { return nil }
