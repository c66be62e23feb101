// Package redischannel receives what is published to channels of a Redis server, or reads its
// streams.
package redischannel

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
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
	Summary: "Receives messages that are published to Redis channels, or reads Redis streams.",
	Doc:     doc,
	Example: `- RedisChannel:
    channel: TestChannel
`,
}, Options{
	Options: redisconn.Defaults, Health: 30 * time.Second,
	Group: "gambolputty", BatchSize: 500, ClaimIdle: time.Minute,
}, New)

// Options of the RedisChannel module.
type Options struct {
	Channel []string `opt:"channel" null:"true" doc:"Names of channels. Needed unless channel_pattern or stream is set."`
	Pattern []string `opt:"channel_pattern" null:"true" doc:"Patterns for names of channels, as in logs.*, with the wildcards of the server."`
	Stream  []string `opt:"stream" null:"true" doc:"Names of streams to read instead of channels, of which nothing is lost."`
	redisconn.Options
	Group        string        `opt:"consumer_group" doc:"Group that shares the entries of the streams. It is made if it does not exist, and begins with the oldest entry then."`
	Consumer     string        `opt:"consumer" null:"true" doc:"Name within the group, which must be another one for each program. The default is made of the id of the module and the name of the host."`
	BatchSize    int           `opt:"batch_size" min:"1" max:"100000" doc:"Most entries of a stream that are fetched together."`
	ClaimIdle    time.Duration `opt:"claim_idle_in_secs" min:"10ms" doc:"Time in seconds after which entries of a stream that a member of the group does not deliver are taken over by another."`
	Health       time.Duration `opt:"health_check_interval_in_secs" min:"10ms" doc:"Time in seconds between two checks whether the connection is alive."`
	StartTimeout time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if the server cannot be reached within this time. 0 starts without it and tries again."`
}

// Validate checks channels and connection.
func (o *Options) Validate() error {
	errs := []error{o.CheckRedis()}
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	published := len(o.Channel)+len(o.Pattern) > 0
	if !published && len(o.Stream) == 0 {
		fault("channel", option.Required, "required option is missing: neither channel nor channel_pattern nor stream is set")
	}
	if published && len(o.Stream) > 0 {
		fault("stream", option.Contradiction, "cannot be set together with channel or channel_pattern; use two modules")
	}
	if slices.Contains(o.Stream, "") {
		fault("stream", option.NotAllowed, "must not be empty")
	}
	for i, name := range o.Stream {
		if slices.Contains(o.Stream[:i], name) {
			fault("stream", option.NotAllowed, fmt.Sprintf("%q is named twice", name))
		}
	}
	if o.Group == "" {
		fault("consumer_group", option.NotAllowed, "must not be empty")
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

	streams []*streamReader
}

// New makes a RedisChannel.
func New(env actor.Env, o Options) (actor.Source, error) {
	c, err := o.New(env.Log)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, opts: o, client: c}
	for _, name := range o.Stream {
		s.streams = append(s.streams, newStreamReader(env, o, c, name, s.consumer()))
	}
	return s, nil
}

// consumer is our name in a group.
func (s *source) consumer() string {
	if s.opts.Consumer != "" {
		return s.opts.Consumer
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return s.env.ID + "@" + host
}

// Open reaches out only if the program shall not start without the server.
func (s *source) Open(ctx context.Context) error {
	if err := retry.Required(ctx, s.opts.StartTimeout, s.client.Ping); err != nil {
		return fmt.Errorf("%s: %w", s.client.Target(), err)
	}
	return nil
}

// Run receives messages until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	if len(s.streams) > 0 {
		s.follow(ctx, out)
		return nil
	}
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

// follow reads the streams until ctx ends, each in a goroutine of its own.
func (s *source) follow(ctx context.Context, out *actor.Outlet) {
	var all sync.WaitGroup
	for _, r := range s.streams {
		r.out = out.Clone()
		all.Go(func() { redisconn.Persist(ctx, s.env, s.client.Target()+", stream "+r.stream, r.session, nil) })
	}
	all.Wait()
}

// Close says what has been delivered and ends the connections.
func (s *source) Close(ctx context.Context) error {
	for _, r := range s.streams {
		err := r.acknowledge(context.WithoutCancel(ctx))
		if err != nil {
			err = r.acknowledge(context.WithoutCancel(ctx)) // over a new connection
		}
		if err != nil {
			s.env.Log.Warn("the server could not be told what has been delivered, so it may come again", "error", err)
		}
	}
	return s.client.Close()
}
