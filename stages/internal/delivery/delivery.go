// Package delivery brings batches to a counterpart that may be away, slow or picky: it
// tries again what may work later, and finds a place for what never will.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/retry"
)

// Options are what all outputs with a counterpart have in common.
type Options struct {
	actor.Bulk
	RetryMax     time.Duration `opt:"retry_max_interval_in_secs" min:"0s" doc:"Longest pause between two attempts; the first is half a second, and they double."`
	MaxRetries   int           `opt:"max_retries" min:"0" doc:"Attempts after the first before events are given to reject_action. 0 is no limit."`
	RejectAction string        `opt:"reject_action" enum:"dead_letter|log|file|retry|drop" doc:"What becomes of events that can never be delivered: they go to the dead letter module, are named in the log (also if there is no such module), written to reject_file, tried for ever, or dropped."`
	RejectFile   string        `opt:"reject_file" null:"true" doc:"File for rejected events, one JSON object per line. At a stop by force it also gets the events that could not be delivered in time."`
	StartTimeout time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if the counterpart cannot be reached within this time. 0 starts without it and tries again."`
}

// Defaults are the options of a module whose batches have the given bounds.
func Defaults(batch int, interval time.Duration, backlog int) Options {
	return Options{
		Bulk:         actor.Bulk{BatchSize: batch, StoreInterval: interval, BacklogSize: backlog, BacklogFull: "block"},
		RetryMax:     time.Minute,
		RejectAction: "dead_letter",
	}
}

// CheckDelivery tells what does not go together.
func (o *Options) CheckDelivery() error {
	if o.RejectAction == "file" && o.RejectFile == "" {
		return &option.Fault{Code: option.Required, Option: "reject_file", Message: "required option is missing: reject_action is file"}
	}
	return nil
}

// Send tries once to deliver events, and tells r about all that did not arrive.
type Send func(ctx context.Context, events []*event.Event, r *Report)

// Report is what became of an attempt. Events that it does not hear of have arrived.
type Report struct {
	later   []*event.Event
	refused []refusal
	err     error
	pause   time.Duration
}

type refusal struct {
	event *event.Event
	err   error
}

// Later says that the event could not be delivered now, because of err.
func (r *Report) Later(e *event.Event, err error) {
	r.later, r.err = append(r.later, e), err
}

// AllLater says so of many events.
func (r *Report) AllLater(events []*event.Event, err error) {
	r.later, r.err = append(r.later, events...), err
}

// Never says that the counterpart will not take the event, because of err.
func (r *Report) Never(e *event.Event, err error) { r.refused = append(r.refused, refusal{e, err}) }

// Wait asks for at least this pause before the next attempt, as a Retry-After header does.
func (r *Report) Wait(d time.Duration) { r.pause = max(r.pause, d) }

func (r *Report) reset() {
	clear(r.later)
	clear(r.refused)
	*r = Report{later: r.later[:0], refused: r.refused[:0]}
}

// Courier delivers the batches of one instance of a module.
type Courier struct {
	env     actor.Env
	opts    Options
	outage  *retry.Outage
	report  Report
	pending []*event.Event
	rejects rejects
}

// New makes a courier. The target is what log lines call the counterpart, such as
// localhost:9200; there must be no secret in it.
func New(env actor.Env, o Options, target string) *Courier {
	return &Courier{env: env, opts: o, outage: retry.NewOutage(env, target), rejects: rejects{env: env, opts: o}}
}

// Connect makes the first contact in Open. Without a limit a failure is transient, so that
// the module starts and tries again.
func (c *Courier) Connect(ctx context.Context, dial func(context.Context) error) error {
	return retry.FirstContact(ctx, c.opts.StartTimeout, dial)
}

// Require makes the first contact in Open, but only if the program shall not start without
// the counterpart.
func (c *Courier) Require(ctx context.Context, dial func(context.Context) error) error {
	return retry.Required(ctx, c.opts.StartTimeout, dial)
}

// Deliver hands the events of a batch to send, again and again, until every one of them
// has arrived or was refused. The error says that the program is being stopped by force.
func (c *Courier) Deliver(ctx context.Context, b *actor.Batch, send Send) error {
	c.pending = slices.AppendSeq(c.pending[:0], b.View())
	backoff := retry.Backoff{First: 500 * time.Millisecond, Longest: c.longest()}
	for len(c.pending) > 0 {
		tried := len(c.pending)
		c.attempt(ctx, send)
		b.Settle(c.pending)
		switch {
		case len(c.pending) == 0:
			c.outage.Over()
			return nil
		case ctx.Err() != nil:
			return c.abandon(ctx)
		case len(c.pending) < tried: // it does get on
			backoff.Reset()
		}
		c.env.Count("retried", len(c.pending))
		c.outage.Failed(c.report.err)
		if c.opts.MaxRetries > 0 && backoff.Tries() >= c.opts.MaxRetries {
			c.giveUp(b)
			return nil
		}
		if err := backoff.WaitAtLeast(ctx, c.report.pause); err != nil {
			return c.abandon(ctx)
		}
	}
	return nil
}

func (c *Courier) longest() time.Duration {
	return max(c.opts.RetryMax, time.Millisecond)
}

// attempt sends what is pending and keeps what is still to be done.
func (c *Courier) attempt(ctx context.Context, send Send) {
	c.report.reset()
	send(ctx, c.pending, &c.report)
	delivered := len(c.pending) - len(c.report.later) - len(c.report.refused)
	c.env.Count("delivered", delivered)
	c.pending = append(c.pending[:0], c.report.later...)
	for _, r := range c.report.refused {
		if c.opts.RejectAction == "retry" {
			c.pending = append(c.pending, r.event)
			c.report.err = r.err
			continue
		}
		c.rejects.take(r.event, r.err)
	}
}

// giveUp rejects what was tried often enough.
func (c *Courier) giveUp(b *actor.Batch) {
	err := fmt.Errorf("not delivered after %d attempts: %w", c.opts.MaxRetries+1, c.report.err)
	for _, e := range c.pending {
		c.rejects.take(e, err)
	}
	c.pending = c.pending[:0]
	b.Settle(nil)
}

// abandon keeps what could not be delivered in time if there is a place for it.
func (c *Courier) abandon(ctx context.Context) error {
	err := errors.Join(c.report.err, context.Cause(ctx))
	if c.opts.RejectFile == "" {
		return err
	}
	for _, e := range c.pending {
		if failed := c.rejects.write(e, err); failed != nil {
			return errors.Join(err, failed)
		}
	}
	return err
}
