// Package noop does nothing.
package noop

import (
	"context"

	"gambolputty/actor"
)

// Spec is the Noop module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Noop",
	Aliases:  []string{"misc.Noop"},
	Role:     actor.Misc,
	Summary:  "Does nothing itself: a place for filters, for the options of every module, and for fan-out.",
	Parallel: true,
	Ends:     true,
	Example: `- Noop:
    id: tag_web
    filter: $(port) in [80, 443]
    add_fields: {service: web}
`,
}, Options{}, New)

// Options of the Noop module: there are none.
type Options struct{}

type noop struct{}

// New makes a Noop.
func New(actor.Env, Options) (actor.Processor, error) { return noop{}, nil }

// Process leaves the events as they are.
func (noop) Process(context.Context, *actor.Batch) error { return nil }
