// Package redislistsink appends events to lists of a Redis server.
package redislistsink

import (
	_ "embed"
	"errors"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/redisout"
)

//go:embed redislistsink.md
var doc string

// Spec is the RedisListSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "RedisListSink",
	Aliases:  []string{"output.RedisList"},
	Role:     actor.Output,
	Summary:  "Appends events to a Redis list.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- RedisListSink:
    list: gambolputty
    batch_size: 100
`,
}, Options{Options: redisout.Defaults(), DataType: "list", Interval: time.Second}, New)

// Options of the RedisListSink module.
type Options struct {
	List expr.TimeTemplate `opt:"list" required:"true" doc:"Name of the list."`
	redisout.Options
	DataType  string        `opt:"data_type" enum:"list|channel|stream" doc:"What list names."`
	Threshold int64         `opt:"congestion_threshold" min:"0" doc:"Send nothing while the list or stream is longer than this. 0 is no limit."`
	Interval  time.Duration `opt:"congestion_interval_in_secs" min:"1ms" doc:"Time in seconds until a list that is too long is looked at again."`
}

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.Check(redisout.Kind(o.DataType), "list", o.List)}
	if o.Threshold > 0 && o.DataType == "channel" {
		errs = append(errs, &option.Fault{Code: "W105", Option: "congestion_threshold", Message: "has no effect, because channels have no length"})
	}
	return errors.Join(errs...)
}

// New makes a RedisListSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	return redisout.New(env, o.Options, redisout.Target{
		Kind: redisout.Kind(o.DataType), Option: "list", Name: o.List, Threshold: o.Threshold, Interval: o.Interval,
	})
}
