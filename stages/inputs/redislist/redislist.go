// Package redislist takes events from lists of a Redis server.
package redislist

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/retry"
)

//go:embed redislist.md
var doc string

// Spec is the RedisList module.
var Spec = actor.DefineSource(actor.Info{
	Name:     "RedisList",
	Aliases:  []string{"input.RedisList"},
	Role:     actor.Input,
	Summary:  "Takes events from one or more Redis lists.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- RedisList:
    lists: [TestList, other]
    batch_size: 100
    timeout: 5
`,
}, Options{Options: redisconn.Defaults, BatchSize: 1, Direction: "left", Lease: 10 * time.Second}, New)

// Options of the RedisList module.
type Options struct {
	Lists []string `opt:"lists" required:"true" doc:"Names of the lists. The first that is not empty is served first."`
	redisconn.Options
	BatchSize    int           `opt:"batch_size" min:"1" max:"1000000" doc:"Most entries that are fetched together."`
	Timeout      time.Duration `opt:"timeout" min:"0s" doc:"Time in seconds after which waiting for an entry begins anew, with a line in the log at level debug. 0 is for ever."`
	Direction    string        `opt:"direction" enum:"left|right" doc:"End of the list from which entries are taken."`
	Reliable     bool          `opt:"reliable" doc:"Keep entries in a list of their own, called list.processing.consumer, until they have been delivered."`
	Consumer     string        `opt:"consumer" null:"true" doc:"Name of this consumer with reliable. The default is the id of the module; another program that uses the same name at the same time gets a number appended."`
	Lease        time.Duration `opt:"lease_in_secs" min:"100ms" doc:"With reliable, a consumer that was not heard of for so long is dead, and others take what it has not delivered."`
	StartTimeout time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if the server cannot be reached within this time. 0 starts without it and tries again."`
}

// Validate checks the lists and the connection.
func (o *Options) Validate() error {
	errs := []error{o.CheckRedis()}
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	if !o.Anywhere() {
		fault("server", option.Required, "required option is missing: nothing else says where to connect to")
	}
	if o.Lists != nil && len(o.Lists) == 0 || slices.Contains(o.Lists, "") {
		fault("lists", option.NotAllowed, "must name at least one list, and no name may be empty")
	}
	for i, l := range o.Lists {
		if slices.Contains(o.Lists[:i], l) {
			fault("lists", option.NotAllowed, fmt.Sprintf("%q is named twice", l))
		}
		if o.Reliable && len(o.Cluster) > 0 && redisconn.Slot(l) != redisconn.Slot(keysOf(l, "x", true).processing) {
			fault("lists", option.NotAllowed, fmt.Sprintf("with reliable, a cluster needs a name with a hash tag in braces, or one without braces, got %q", l))
		}
	}
	if !o.Reliable && o.Consumer != "" {
		fault("consumer", "W105", "has no effect without reliable")
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesRedis() }

// list is one of the lists.
type list struct {
	keys
	rest time.Time // it is left alone until then
}

// source is one worker of the module.
type source struct {
	env    actor.Env
	opts   Options
	client *redisconn.Client
	lists  []*list
	out    *actor.Outlet

	safe       *ledger // with reliable
	idle       time.Time
	cannotWait bool // the server does not know the command
}

// New makes a RedisList.
func New(env actor.Env, o Options) (actor.Source, error) {
	c, err := o.New(env.Log)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, opts: o, client: c}
	for _, name := range o.Lists {
		s.lists = append(s.lists, &list{keys: keys{list: name}})
	}
	if o.Reliable {
		s.safe = newLedger(env, o, c, s.lists)
	}
	return s, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *source) Open(ctx context.Context) error {
	if err := retry.Required(ctx, s.opts.StartTimeout, s.client.Ping); err != nil {
		return fmt.Errorf("%s: %w", s.client.Target(), err)
	}
	return nil
}

// Run takes entries until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	s.out = out
	if s.safe != nil {
		s.safe.keepAlive()
	}
	redisconn.Persist(ctx, s.env, s.client.Target(), s.session, nil)
	return nil
}

// session takes entries until something fails.
func (s *source) session(ctx context.Context, works func()) error {
	if s.safe != nil {
		if err := s.safe.begin(ctx); err != nil {
			return err
		}
	}
	p := &popper{source: s}
	defer p.close()
	for ctx.Err() == nil {
		if s.safe != nil {
			if err := s.safe.upkeep(ctx); err != nil {
				return err
			}
		}
		from, entries, err := p.pop(ctx)
		if len(entries) > 0 { // also if an error came after it
			works()
			if failed := s.emit(from, entries); failed != nil {
				return nil // the program is being stopped by force
			}
		}
		switch {
		case err != nil && s.safe != nil:
			s.safe.doubt = true
			return err
		case err != nil:
			return err
		}
		works()
		s.note(len(entries) > 0)
	}
	return nil
}

// note tells of waiting in vain.
func (s *source) note(some bool) {
	now := time.Now()
	switch {
	case some || s.idle.IsZero():
		s.idle = now
	case s.opts.Timeout > 0 && now.Sub(s.idle) >= s.opts.Timeout:
		s.env.Log.Debug("no entry within the timeout, waiting again", "timeout", s.opts.Timeout)
		s.env.Count("timeouts", 1)
		s.idle = now
	}
}

// emit sends entries of a list on, in batches that the receivers like.
func (s *source) emit(from *list, entries [][]byte) error {
	for len(entries) > 0 {
		n := min(len(entries), max(1, s.out.Size()))
		texts := strung(entries[:n])
		entries = entries[n:]
		b := s.out.Batch(from.list)
		for _, t := range texts {
			b.New().SetField(event.Data, event.String(t))
		}
		var err error
		if s.safe != nil {
			err = s.out.Emit(b, s.safe.open(from, texts))
		} else {
			err = s.out.Emit(b, nil)
		}
		if err != nil {
			return fmt.Errorf("send entries on: %w", err)
		}
	}
	return nil
}

// strung makes texts of entries, with one piece of memory for all of them.
func strung(entries [][]byte) []string {
	size := 0
	for _, e := range entries {
		size += len(e)
	}
	var all strings.Builder
	all.Grow(size)
	for _, e := range entries {
		all.Write(e)
	}
	texts, rest := make([]string, len(entries)), all.String()
	for i, e := range entries {
		texts[i], rest = rest[:len(e)], rest[len(e):]
	}
	return texts
}

// Close notes what has been delivered and ends the connections.
func (s *source) Close(ctx context.Context) error {
	if s.safe != nil {
		s.safe.end(ctx)
	}
	return s.client.Close()
}
