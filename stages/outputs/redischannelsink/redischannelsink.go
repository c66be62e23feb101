// Package redischannelsink publishes events to channels of a Redis server.
package redischannelsink

import (
	_ "embed"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/redisout"
)

//go:embed redischannelsink.md
var doc string

// Spec is the RedisChannelSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "RedisChannelSink",
	Aliases:  []string{"output.RedisChannel"},
	Role:     actor.Output,
	Summary:  "Publishes events to a Redis channel.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- RedisChannelSink:
    channel: 'logs.$(gambolputty.event_type)'
    format: '$(data)'
`,
}, Options{Options: redisout.Defaults()}, New)

// Options of the RedisChannelSink module.
type Options struct {
	Channel expr.TimeTemplate `opt:"channel" required:"true" doc:"Name of the channel, or of the stream."`
	redisout.Options
	Stream bool `opt:"stream" doc:"Append to a stream of that name, which lasts, instead of publishing."`
}

func (o *Options) kind() redisout.Kind {
	if o.Stream {
		return redisout.Stream
	}
	return redisout.Channel
}

// Validate checks what does not go together. Nothing waits for the interval: what has come
// while the connection was busy goes together.
func (o *Options) Validate() error {
	o.StoreInterval, o.Greedy = 0, true
	return o.Check(o.kind(), "channel", o.Channel)
}

// New makes a RedisChannelSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	return redisout.New(env, o.Options, redisout.Target{Kind: o.kind(), Option: "channel", Name: o.Channel})
}
