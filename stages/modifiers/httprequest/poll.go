package httprequest

import (
	"context"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// poller makes requests on its own.
type poller struct {
	m      *modifier
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	results []event.Value // that were not sent yet
}

// maxResults bounds how many results wait to be sent.
const maxResults = 1000

func newPoller(m *modifier) *poller { return &poller{m: m} }

// run makes the first request at once.
func (p *poller) run(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(*p.m.opts.Interval)
	defer tick.Stop()
	for {
		p.once(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *poller) once(ctx context.Context) {
	e := event.New(p.m.env.Source)
	r, err := p.m.request(e)
	var v event.Value
	if err == nil {
		r.key = "" // a result of before is no result
		v, _, err = p.m.ask(ctx, r)
	}
	if err != nil {
		if ctx.Err() == nil {
			p.m.env.Warn("request failed", "error", err)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.results) < maxResults {
		p.results = append(p.results, v)
	}
}

func (p *poller) take() []event.Value {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.results
	p.results = nil
	return list
}

// polling is the first worker of a module with interval.
type polling struct{ *modifier }

// Open begins to make requests.
func (p *polling) Open(ctx context.Context) error {
	ctx, p.poll.cancel = context.WithCancel(ctx)
	p.poll.done = make(chan struct{})
	go p.poll.run(ctx)
	return nil
}

// Close ends that.
func (p *polling) Close(ctx context.Context) error {
	if p.poll.cancel != nil {
		p.poll.cancel()
		<-p.poll.done
	}
	return p.modifier.Close(ctx)
}

// FlushEvery is how often to look for results.
func (p *polling) FlushEvery() time.Duration {
	return min(100*time.Millisecond, max(10*time.Millisecond, *p.opts.Interval/10))
}

// Flush sends the results as events.
func (p *polling) Flush(_ context.Context, out *actor.Batch) error {
	for _, v := range p.poll.take() {
		e := out.New()
		target, ok := p.opts.Target.Text(e)
		path, err := event.ParsePath(target)
		if err == nil && ok {
			err = e.Set(path, v)
		}
		if err != nil {
			p.env.Fault(e, "target_field", err)
		}
	}
	return nil
}
