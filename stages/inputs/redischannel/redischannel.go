// Package redischannel receives what is published to channels of a Redis server.
package redischannel

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/retry"
)

//go:embed redischannel.md
var doc string

// Spec is the RedisChannel module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "RedisChannel",
	Aliases: []string{"input.RedisChannel"},
	Role:    actor.Input,
	Summary: "Receives messages that are published to Redis channels.",
	Doc:     doc,
	Example: `- RedisChannel:
    channel: TestChannel
`,
}, Options{Options: redisconn.Defaults, Health: 30 * time.Second}, New)

// Options of the RedisChannel module.
type Options struct {
	Channel []string `opt:"channel" null:"true" doc:"Names of channels. Needed unless channel_pattern is set."`
	Pattern []string `opt:"channel_pattern" null:"true" doc:"Patterns for names of channels, as in logs.*, with the wildcards of the server."`
	redisconn.Options
	Health       time.Duration `opt:"health_check_interval_in_secs" min:"10ms" doc:"Time in seconds between two checks whether the connection is alive."`
	StartTimeout time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if the server cannot be reached within this time. 0 starts without it and tries again."`
}

// Validate checks channels and connection.
func (o *Options) Validate() error {
	errs := []error{o.CheckRedis()}
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	if len(o.Channel) == 0 && len(o.Pattern) == 0 {
		fault("channel", option.Required, "required option is missing: neither channel nor channel_pattern is set")
	}
	if slices.Contains(o.Channel, "") {
		fault("channel", option.NotAllowed, "must not be empty")
	}
	if slices.Contains(o.Pattern, "") {
		fault("channel_pattern", option.NotAllowed, "must not be empty")
	}
	if !o.Anywhere() {
		fault("server", option.Required, "required option is missing: nothing else says where to connect to")
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesRedis() }

type source struct {
	env    actor.Env
	opts   Options
	client *redisconn.Client
	out    *actor.Outlet
}

// New makes a RedisChannel.
func New(env actor.Env, o Options) (actor.Source, error) {
	c, err := o.New(env.Log)
	if err != nil {
		return nil, err
	}
	return &source{env: env, opts: o, client: c}, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *source) Open(ctx context.Context) error {
	if s.opts.StartTimeout <= 0 {
		return nil
	}
	if err := retry.FirstContact(ctx, s.opts.StartTimeout, s.client.Ping); err != nil {
		return fmt.Errorf("%s: %w", s.client.Target(), err)
	}
	return nil
}

// Run receives messages until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	s.out = out
	redisconn.Persist(ctx, s.env, s.client.Target(), s.session, func(gap time.Duration) {
		s.env.Log.Warn("subscribed again; what was published in the meantime is lost", "gap", gap.Round(time.Millisecond))
	})
	return nil
}

// emit sends on the first message and all that wait behind it.
func (s *source) emit(first message, more <-chan message) error {
	b := s.out.Batch("")
	most := max(1, s.out.Size())
	for m, ok := first, true; ok; {
		e := b.New()
		e.SetReceivedFrom(m.channel)
		e.SetField(event.Data, event.String(m.data))
		if b.Full(most) {
			break
		}
		select {
		case m, ok = <-more:
		default:
			ok = false
		}
	}
	return s.out.Emit(b, nil)
}

// Close ends the connections.
func (s *source) Close(context.Context) error { return s.client.Close() }
