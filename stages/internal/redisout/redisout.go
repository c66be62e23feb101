package redisout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/render"
)

// Target is where events go.
type Target struct {
	Kind   Kind
	Option string // the one with the name
	Name   expr.TimeTemplate
	// Threshold is the length of a list or stream above which nothing is sent; 0 is none.
	Threshold int64
	// Interval is the pause until its length is looked at again.
	Interval time.Duration
}

// item is what becomes of an event.
type item struct {
	delivery.Draft
	target     string // "" if the name has a field that is missing
	start, end int    // of the payload
}

// Sink is an output to Redis.
type Sink struct {
	env     actor.Env
	opts    Options
	target  Target
	client  *redisconn.Client
	courier *delivery.Courier
	line    *render.Line

	items    []item
	payloads []byte
	name     []byte
	groups   []group
	commands []redisconn.Command
}

// group are events for one command.
type group struct {
	target string
	events []*event.Event
	args   []any
}

// New makes a sink. It connects when the first events come.
func New(env actor.Env, o Options, t Target) (*Sink, error) {
	c, err := o.New(env.Log)
	if err != nil {
		return nil, err
	}
	return &Sink{
		env: env, opts: o, target: t, client: c, line: render.NewLine(env, o.Format),
		courier: delivery.New(env, o.Delivery.Options, c.Target()),
	}, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *Sink) Open(ctx context.Context) error {
	if err := s.courier.Require(ctx, s.client.Ping); err != nil {
		return fmt.Errorf("%s: %w", s.client.Target(), err)
	}
	return nil
}

// Write delivers the events of the batch.
func (s *Sink) Write(ctx context.Context, b *actor.Batch) error {
	s.gather(b)
	defer s.forget()
	return s.courier.Deliver(ctx, b, s.send)
}

// gather renders the events. Names depend on the time of now, however long it takes.
func (s *Sink) gather(b *actor.Batch) {
	now, last := time.Now(), ""
	for e := range b.View() {
		at := now
		if !s.opts.TimestampField.IsZero() {
			at = s.timeOf(e, now)
		}
		var resolved bool
		s.name, resolved = s.target.Name.AppendAt(s.name[:0], e, at.In(s.opts.zone))
		switch {
		case !resolved:
			s.env.Unresolved(s.target.Option, s.target.Name.Source())
			last = ""
		case last != string(s.name):
			last = string(s.name)
		}
		start := len(s.payloads)
		s.payloads = s.line.AppendText(s.payloads, s.env.Payload(e))
		s.items = append(s.items, item{delivery.Draft{Event: e}, last, start, len(s.payloads)})
	}
}

// timeOf reads the time in the event.
func (s *Sink) timeOf(e *event.Event, now time.Time) time.Time {
	v, ok := e.Get(s.opts.TimestampField)
	if ok && v.IsString() {
		if t, err := time.Parse(time.RFC3339Nano, v.Str()); err == nil {
			return t
		}
		if n, isNumber := event.Number(v.Str()); isNumber {
			v = n
		}
	}
	if f, isNumber := v.Float(); ok && isNumber {
		return time.Unix(0, int64(f*float64(time.Second)))
	}
	s.env.Count("unreadable_timestamps", 1)
	return now
}

// keepPayloads is the memory for payloads that is kept from batch to batch.
const keepPayloads = 4 << 20

func (s *Sink) forget() {
	clear(s.items)
	s.items, s.payloads = s.items[:0], s.payloads[:0]
	if cap(s.payloads) > keepPayloads {
		s.payloads = nil
	}
	s.clear()
}

func (s *Sink) clear() {
	for i := range s.groups {
		clear(s.groups[i].events)
		clear(s.groups[i].args)
	}
	clear(s.commands)
	s.groups, s.commands = s.groups[:0], s.commands[:0]
}

var errNoName = errors.New("a field in the name of the target is missing, or the name is empty")

// send tries once.
func (s *Sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	s.clear()
	at := -1
	for _, e := range events {
		at = delivery.Find(s.items, e, at)
		i := &s.items[at]
		if i.target == "" {
			r.Never(e, errNoName)
			continue
		}
		s.add(i)
	}
	if len(s.groups) == 0 {
		return
	}
	if s.target.Threshold > 0 && s.target.Kind != Channel {
		if err := s.decongest(ctx); err != nil {
			s.allLater(r, err)
			return
		}
	}
	for i := range s.groups {
		g := &s.groups[i]
		s.commands = append(s.commands, redisconn.Command{Key: g.target, Name: s.command(), Args: g.args})
	}
	replies, err := s.client.Run(ctx, s.commands...)
	if err != nil {
		s.allLater(r, err)
		return
	}
	for i, reply := range replies {
		s.judge(&s.groups[i], reply, r)
	}
}

func (s *Sink) command() string {
	return map[Kind]string{List: "RPUSH", Channel: "PUBLISH", Stream: "XADD"}[s.target.Kind]
}

// add makes a command for an event, or an argument of one for its list.
func (s *Sink) add(i *item) {
	payload := s.payloads[i.start:i.end:i.end]
	if s.target.Kind == List {
		for at := range s.groups {
			g := &s.groups[at]
			if g.target == i.target {
				g.events, g.args = append(g.events, i.Event), append(g.args, payload)
				return
			}
		}
	}
	n := len(s.groups)
	if n < cap(s.groups) {
		s.groups = s.groups[:n+1] // with the memory of its slices
	} else {
		s.groups = append(s.groups, group{})
	}
	g := &s.groups[n]
	g.target, g.events, g.args = i.target, append(g.events[:0], i.Event), append(g.args[:0], i.target)
	if s.target.Kind == Stream {
		if s.opts.MaxLength > 0 {
			g.args = append(g.args, "MAXLEN", "~", s.opts.MaxLength)
		}
		g.args = append(g.args, "*", "data")
	}
	g.args = append(g.args, payload)
}

func (s *Sink) allLater(r *delivery.Report, err error) {
	for i := range s.groups {
		r.AllLater(s.groups[i].events, err)
	}
	if redisconn.Forbidden(err) {
		r.Wait(slow(s.opts.RetryMax))
	}
}

// slow is the pause after what only people can change.
func slow(longest time.Duration) time.Duration { return min(time.Minute, longest) }

var errNobody = errors.New("nobody has subscribed")

// judge looks at the reply to a command.
func (s *Sink) judge(g *group, reply any, r *delivery.Report) {
	if e, bad := reply.(redis.Error); bad {
		r.AllLater(g.events, fmt.Errorf("%s %s: %w", s.target.Kind, g.target, e))
		if strings.HasPrefix(string(e), "WRONGTYPE") || redisconn.Forbidden(e) {
			r.Wait(slow(s.opts.RetryMax))
		}
		return
	}
	if n, ok := reply.(int64); ok && n == 0 && s.target.Kind == Channel {
		if s.opts.Subscribers {
			r.AllLater(g.events, fmt.Errorf("channel %s: %w", g.target, errNobody))
			return
		}
		s.env.Count("without_subscriber", len(g.events))
	}
	for _, a := range g.args {
		if payload, ok := a.([]byte); ok {
			s.env.Count("bytes", len(payload))
		}
	}
}

// decongest waits until no target of the groups is too long.
func (s *Sink) decongest(ctx context.Context) error {
	name := map[Kind]string{List: "LLEN", Stream: "XLEN"}[s.target.Kind]
	for {
		var ask []redisconn.Command
		asked := map[string]bool{}
		for i := range s.groups {
			if t := s.groups[i].target; !asked[t] {
				asked[t] = true
				ask = append(ask, redisconn.Command{Key: t, Name: name, Args: []any{t}, Again: true})
			}
		}
		replies, err := s.client.Run(ctx, ask...)
		if err != nil {
			return err
		}
		congested := ""
		for i, r := range replies {
			if n, ok := r.(int64); ok && n > s.target.Threshold {
				congested = ask[i].Key
			}
		}
		if congested == "" {
			return nil // what else is wrong shows when events are sent
		}
		s.env.Warn("target is congested, waiting", "name", congested, "congestion_threshold", s.target.Threshold)
		s.env.Count("congested", 1)
		timer := time.NewTimer(s.target.Interval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s %s is congested: %w", s.target.Kind, congested, context.Cause(ctx))
		}
	}
}

// Close ends the connections.
func (s *Sink) Close(context.Context) error { return s.client.Close() }
