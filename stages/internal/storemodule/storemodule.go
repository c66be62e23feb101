// Package storemodule is what the stand-alone modules that are stores have in common:
// options, the buffer for writes, contact with a server, and an orderly end.
package storemodule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/retry"
	"gambolputty/stages/internal/store"
)

// Options are those of all stores.
type Options struct {
	BatchSize     *int           `opt:"batch_size" min:"1" doc:"Collect values that are set and send this many together. Without it, and without store_interval_in_secs, every value is sent at once."`
	StoreInterval *time.Duration `opt:"store_interval_in_secs" min:"1ms" doc:"Send what was collected after this time, in seconds. The default with batch_size is 5."`
	BacklogSize   int            `opt:"backlog_size" min:"1" doc:"Most values that wait to be sent."`
	WhenFull      string         `opt:"when_full" enum:"block|drop" doc:"What happens to a value that is set when backlog_size is reached: whoever sets it waits for room, or it is dropped and counted."`
	Encoding      string         `opt:"encoding" enum:"json|msgpack|raw" doc:"How values are written: as JSON, which cannot hold bytes that are no UTF-8, as MessagePack, or raw as text without a type."`
	KeyPrefix     string         `opt:"key_prefix" doc:"Text in front of all keys."`
	DefaultTTL    time.Duration  `opt:"default_ttl" min:"0s" doc:"Time to live of values that are set without one, in seconds. 0 is for ever."`
	AtStart       bool           `opt:"require_at_start" doc:"End the program if the server cannot be reached at start, instead of trying again in the background."`
	Charset       string         `opt:"charset" doc:"Understood for old configurations; text is UTF-8."`
	Errors        string         `opt:"errors" doc:"Understood for old configurations, without effect."`
	DecodeReplies bool           `opt:"decode_responses" doc:"Understood for old configurations, without effect."`
}

// Defaults are the options of a store without a buffer.
var Defaults = Options{BacklogSize: 5000, WhenFull: "block", Encoding: "json", Charset: "utf-8", Errors: "strict"}

// CheckModule warns of what has no effect.
func (o *Options) CheckModule() error {
	var errs []error
	warn := func(name, text string) {
		errs = append(errs, &option.Fault{Code: "W105", Option: name, Message: text})
	}
	if o.Charset != "utf-8" && o.Charset != "utf8" && o.Charset != "UTF-8" {
		warn("charset", fmt.Sprintf("only utf-8 has a meaning, got %q", o.Charset))
	}
	if o.Errors != "strict" {
		warn("errors", "has no effect, because no text is recoded")
	}
	if o.BatchSize != nil && *o.BatchSize > o.BacklogSize {
		warn("batch_size", fmt.Sprintf("%d is more than backlog_size, %d is used", *o.BatchSize, o.BacklogSize))
	}
	return errors.Join(errs...)
}

// Backend is what keeps the values.
type Backend struct {
	store.Store
	// Target says in words where that is.
	Target string
	// Ping, which is nil for what cannot be away, looks whether it is there.
	Ping func(context.Context) error
	// Close, which may be nil, ends its use.
	Close func() error
	// Timeout bounds one attempt to write.
	Timeout time.Duration
}

// Module is the service.
type Module struct {
	store.Store // as others see it

	env     actor.Env
	opts    Options
	connect func() (*Backend, error)
	backend *Backend
	buffer  *store.Buffer
	up      bool
	outage  *retry.Outage
	tries   retry.Backoff
}

// New makes a module whose backend comes from connect. Where nothing must be reached it
// is a store in memory.
func New(env actor.Env, o Options, connect func() (*Backend, error)) *Module {
	m := &Module{env: env, opts: o, connect: connect, tries: retry.Inputs()}
	if env.CheckOnly {
		m.Store = store.NewMemory(store.MemoryOptions{})
	}
	return m
}

// Open makes the store. That its server is away is no reason not to start, unless the
// options say so.
func (m *Module) Open(ctx context.Context) error {
	var err error
	if m.backend, err = m.connect(); err != nil {
		return err
	}
	m.outage = retry.NewOutage(m.env, m.backend.Target)
	m.Store = m.stack(m.backend.Store)
	if m.backend.Ping == nil {
		m.markUp(true)
		return nil
	}
	if err := m.ping(ctx); err != nil && m.opts.AtStart {
		return fmt.Errorf("%s does not answer: %w", m.backend.Target, err)
	}
	return nil
}

// stack puts buffer, prefix and counters in front of a store.
func (m *Module) stack(s store.Store) store.Store {
	if m.opts.BatchSize != nil || m.opts.StoreInterval != nil {
		o := store.BufferOptions{Backlog: m.opts.BacklogSize, Drop: m.opts.WhenFull == "drop", Timeout: m.backend.Timeout, Count: m.env.Count, Failed: m.failed, Refused: m.refused}
		if m.opts.BatchSize != nil {
			o.BatchSize = *m.opts.BatchSize
		}
		if m.opts.StoreInterval != nil {
			o.Interval = *m.opts.StoreInterval
		}
		m.buffer = store.NewBuffer(s, o)
		s = m.buffer
	}
	return store.Measure(store.Scope(s, m.opts.KeyPrefix, m.opts.DefaultTTL), m.env.Count)
}

func (m *Module) failed(err error) {
	m.env.Warn("values could not be written, trying again", "target", m.backend.Target, "waiting", m.buffer.Len(), "error", err)
}

func (m *Module) refused(r *store.RefusedError) {
	m.env.Count("refused", len(r.Keys))
	m.env.Warn("values were refused and are given up", "target", m.backend.Target, "error", r)
}

// markUp keeps the counter up at 1 while the backend works, else at 0.
func (m *Module) markUp(up bool) {
	if m.up != up {
		m.up = up
		m.env.Count("up", map[bool]int{true: 1, false: -1}[up])
	}
}

// ping looks whether the server is there and tells what has changed.
func (m *Module) ping(ctx context.Context) error {
	err := m.backend.Ping(ctx)
	if ctx.Err() != nil {
		return err
	}
	m.markUp(err == nil)
	if err != nil {
		m.outage.Failed(err)
		return err
	}
	m.outage.Over()
	m.tries.Reset()
	return nil
}

// pingEvery is the time between two looks at a server that is there.
const pingEvery = 10 * time.Second

// Serve writes the buffer out when it is due and keeps contact with the server.
func (m *Module) Serve(ctx context.Context) error {
	if m.backend == nil { // nothing must be reached
		<-ctx.Done()
		return nil
	}
	var all sync.WaitGroup
	defer all.Wait()
	if m.buffer != nil {
		all.Go(func() { m.buffer.Run(ctx) })
	}
	for m.pause(ctx) == nil {
		if m.backend.Ping != nil {
			_ = m.ping(ctx) // which has told
		}
	}
	return nil
}

func (m *Module) pause(ctx context.Context) error {
	switch {
	case m.backend.Ping == nil:
		<-ctx.Done()
		return context.Cause(ctx)
	case !m.up:
		return m.tries.Wait(ctx)
	}
	timer := time.NewTimer(pingEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lastMoments is how long the end waits for a server to take what is left.
const lastMoments = 10 * time.Second

// Close writes out what waits and ends the use of the backend.
func (m *Module) Close(ctx context.Context) error {
	if m.backend == nil {
		return nil
	}
	var errs []error
	if m.buffer != nil {
		errs = append(errs, m.flush(ctx))
	}
	m.markUp(false)
	if m.backend.Close != nil {
		errs = append(errs, m.backend.Close())
	}
	return errors.Join(errs...)
}

func (m *Module) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lastMoments)
	defer cancel()
	for tries := (retry.Backoff{First: 100 * time.Millisecond, Longest: time.Second}); ; {
		err := m.buffer.Flush(ctx)
		if err == nil {
			return nil
		}
		if tries.Wait(ctx) != nil {
			m.env.Log.Error("values could not be written before the end and are lost", "target", m.backend.Target, "lost", m.buffer.Len(), "error", err)
			return err
		}
	}
}
