package httpsink

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
)

type sink struct {
	env     actor.Env
	opts    Options
	client  *client
	courier *delivery.Courier
	render  *renderer

	items    []item
	payloads []byte
}

// item is what becomes of an event.
type item struct {
	delivery.Draft
	url        string // "" if it has none
	group      string
	start, end int // of the payload
}

// New makes a HttpSink. It connects when the first events come.
func New(env actor.Env, o Options) (actor.Sink, error) {
	s := &sink{env: env, opts: o}
	var err error
	if s.client, err = newClient(env, &s.opts); err != nil {
		return nil, err
	}
	s.render = newRenderer(env, &s.opts)
	s.courier = delivery.New(env, o.Options, s.client.target)
	return s, nil
}

// Open reaches out only if the program shall not start without the receiver.
func (s *sink) Open(ctx context.Context) error {
	if s.opts.StartTimeout <= 0 {
		return nil
	}
	text, static := s.opts.URL.Static()
	if !static {
		return nil // it is known with the first event
	}
	u, err := s.opts.shape.address(text)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return s.courier.Connect(ctx, func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if err != nil {
			return fmt.Errorf("reach %s: %w", s.client.target, err)
		}
		return c.Close()
	})
}

// Close ends the connections.
func (s *sink) Close(context.Context) error {
	s.client.http.CloseIdleConnections()
	return nil
}

// Write delivers the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	s.gather(b)
	defer s.forget()
	return s.courier.Deliver(ctx, b, s.send)
}

// gather renders the events.
func (s *sink) gather(b *actor.Batch) {
	r, shape := s.render, &s.opts.shape
	r.now = time.Now()
	lastURL, lastGroup := "", ""
	var scratch []byte
	for e := range b.View() {
		r.event = e
		if u := r.address(); u != lastURL {
			lastURL = u
		}
		payload := s.env.Payload(e)
		if shape.group != nil {
			scratch = shape.group(r, scratch[:0], payload)
			if string(scratch) != lastGroup {
				lastGroup = string(scratch)
			}
		}
		start := len(s.payloads)
		s.payloads = shape.item(r, s.payloads, payload)
		s.items = append(s.items, item{delivery.Draft{Event: e}, lastURL, lastGroup, start, len(s.payloads)})
	}
	r.event = nil
}

// keepPayloads is the memory for payloads that is kept from batch to batch.
const keepPayloads = 4 << 20

func (s *sink) forget() {
	clear(s.items)
	s.items, s.payloads = s.items[:0], s.payloads[:0]
	if cap(s.payloads) > keepPayloads {
		s.payloads = nil
	}
}

// send tries once: the events go in as many requests as they need, several at a time.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	at := -1
	var order []string
	byURL := map[string][]*item{}
	for _, e := range events {
		at = delivery.Find(s.items, e, at)
		i := &s.items[at]
		if i.url == "" {
			r.Never(e, errNoURL)
			continue
		}
		if byURL[i.url] == nil {
			order = append(order, i.url)
		}
		byURL[i.url] = append(byURL[i.url], i)
	}
	var requests []*request
	for _, u := range order {
		requests = s.cut(requests, u, byURL[u])
	}
	s.perform(ctx, requests)
	for _, q := range requests {
		s.report(q, r)
	}
}

// cut makes requests of the events for one address.
func (s *sink) cut(requests []*request, url string, items []*item) []*request {
	size, from := 0, 0
	for at, i := range items {
		n := i.end - i.start
		if at > from && (at-from >= s.opts.BatchSize || int64(size+n) > s.opts.BatchBytes) {
			requests = append(requests, &request{url: url, items: items[from:at]})
			size, from = 0, at
		}
		size += n
	}
	return append(requests, &request{url: url, items: items[from:]})
}

// perform makes the requests, as many at a time as may be.
func (s *sink) perform(ctx context.Context, requests []*request) {
	if len(requests) == 1 {
		s.client.perform(ctx, requests[0], s.payloads)
		return
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, s.opts.Concurrency)
	for _, q := range requests {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			s.client.perform(ctx, q, s.payloads)
		})
	}
	all.Wait()
}

// report says what became of the events of a request.
func (s *sink) report(q *request, r *delivery.Report) {
	s.env.Count("requests", q.sent)
	s.env.Count("bytes", q.bytes)
	r.Wait(q.pause)
	if p := q.partial; p != nil {
		s.env.Count("partly_refused", p.refused)
		s.env.Warn("the receiver has refused some events without saying which", "target", s.client.target, "error", p)
	}
	for n, v := range q.verdicts {
		switch {
		case v.err == nil:
		case v.final:
			r.Never(q.items[n].Event, v.err)
		default:
			r.Later(q.items[n].Event, v.err)
		}
	}
}
