package httprequest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/store"
)

type modifier struct {
	env     actor.Env
	opts    Options
	client  *client
	results *store.Results
	same    *singleflight.Group // requests for one key of the store
	poll    *poller             // nil without interval, and in all workers but the first
	target  event.Path          // zero if it depends on the event
}

// shared is what all workers have in common.
type shared struct {
	client *client
	same   singleflight.Group
}

// New makes an HttpRequest.
func New(env actor.Env, o Options) (actor.Processor, error) {
	var err error
	s := actor.Shared(env, func() *shared {
		var c *client
		c, err = newClient(o, max(1, env.Workers), env.Log)
		return &shared{client: c}
	})
	if err == nil && s.client == nil {
		err = errors.New("the client could not be made")
	}
	if err != nil {
		return nil, err
	}
	m := &modifier{env: env, opts: o, client: s.client, same: &s.same}
	if text, static := o.Target.Static(); static {
		if m.target, err = event.ParsePath(text); err != nil {
			return nil, fmt.Errorf("target_field: %w", err)
		}
	}
	if m.results, err = o.Results(env); err != nil {
		return nil, err
	}
	if o.Interval != nil && env.Worker == 0 {
		m.poll = newPoller(m)
		return &polling{m}, nil
	}
	return m, nil
}

// Close gives connections back that are not in use.
func (m *modifier) Close(context.Context) error {
	m.client.http.CloseIdleConnections()
	return nil
}

// Process makes the requests for all events of a batch, as many at a time as there are
// workers altogether, and then sets the results in order.
func (m *modifier) Process(ctx context.Context, b *actor.Batch) error {
	if m.env.CheckOnly {
		m.env.Warn("no request is made, because nothing must be reached")
		return nil
	}
	results := m.fetchAll(ctx, b)
	i := 0
	for e := range b.Each() {
		m.finish(e, results[i])
		i++
	}
	return nil
}

// answered is a request with its result.
type answered struct {
	request *request
	result
}

func (m *modifier) fetchAll(ctx context.Context, b *actor.Batch) []answered {
	list := make([]answered, b.Len())
	var all sync.WaitGroup
	defer all.Wait()
	i := -1
	for e := range b.View() {
		i++
		a := &list[i]
		if a.request, a.err = m.request(e); a.err != nil {
			continue
		}
		select {
		case m.client.slots <- struct{}{}:
		case <-ctx.Done():
			a.err = context.Cause(ctx)
			continue
		}
		all.Go(func() {
			defer func() { <-m.client.slots }()
			defer func() {
				if v := recover(); v != nil { // nobody else would, here
					m.env.Log.Error("request panicked", "error", v, "stack", string(debug.Stack()))
					a.result = result{err: fmt.Errorf("panic: %v", v)}
				}
			}()
			a.result = m.get(ctx, a.request)
		})
	}
	return list
}

// get asks the store, and the server if that does not know. Equal requests at the same time
// are one, if their result is kept.
func (m *modifier) get(ctx context.Context, r *request) result {
	if r.key == "" {
		v, keep, err := m.ask(ctx, r)
		return result{value: v, keep: keep, err: err}
	}
	v, _, _ := m.same.Do(r.key, func() (any, error) {
		v, hit, err := m.results.Get(ctx, r.key, func() (event.Value, bool, error) { return m.ask(ctx, r) })
		return result{value: v, hit: hit, err: err}, nil
	})
	return v.(result)
}

// ask makes a request and counts it.
func (m *modifier) ask(ctx context.Context, r *request) (event.Value, bool, error) {
	start := time.Now()
	v, keep, err := m.client.fetch(ctx, r)
	m.env.Count("requests", 1)
	m.env.Count("request_micros", int(time.Since(start).Microseconds()))
	if err != nil {
		m.env.Count("failed_requests", 1)
	}
	return v, keep, err
}

// unresolved says that a field of an option is missing.
type unresolved struct{ option string }

// Error names the option.
func (u unresolved) Error() string { return "a field of " + u.option + " is missing" }

// request makes the request of an event.
func (m *modifier) request(e *event.Event) (*request, error) {
	r := &request{}
	var err error
	text := func(option string, t expr.Template) string {
		s, ok := t.Text(e)
		if !ok {
			m.env.Unresolved(option, t.Source())
			err = unresolved{option}
		}
		return s
	}
	r.url, r.method = text("url", m.opts.URL), text("method", m.opts.Method)
	if m.opts.Encode {
		r.url = m.opts.URL.Map(e, escape)
	}
	target := ""
	if r.target = m.target; m.target.IsZero() {
		target = text("target_field", m.opts.Target)
	}
	if !m.opts.Body.IsZero() {
		r.body, r.hasBody = text("body", m.opts.Body), true
	}
	for name, t := range m.opts.Headers {
		if r.headers == nil {
			r.headers = make(map[string]string, len(m.opts.Headers))
		}
		r.headers[name] = text("headers."+name, t)
	}
	if m.results != nil {
		key, ok := m.results.Key(e)
		if !ok {
			err = unresolved{"redis_key"}
		}
		r.key = key
	}
	if err == nil && m.target.IsZero() {
		if r.target, err = event.ParsePath(strings.Clone(target)); err != nil {
			err = fmt.Errorf("target_field: %w", err)
		}
	}
	return r, err
}

// escape percent-encodes a value so that it means the same in a path and in a query.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

var hitPath = event.MustPath("gambolputty.cache_hit")

// finish sets the result on an event.
func (m *modifier) finish(e *event.Event, a answered) {
	if a.err != nil {
		m.env.Fault(e, "url", a.err)
		return
	}
	err := e.Set(a.request.target, a.value)
	if err == nil && m.results != nil {
		err = e.Set(hitPath, event.Bool(a.hit))
	}
	if err != nil {
		m.env.Fault(e, a.request.target.String(), err)
	}
}
