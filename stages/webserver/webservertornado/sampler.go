package webservertornado

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor"
)

// sampler reads the counters each second, once for all who want to see rates.
type sampler struct {
	env actor.Env

	mu      sync.Mutex
	before  map[string]counts
	edges   map[[2]string]int64
	when    time.Time
	trouble map[string]time.Time // when a module last had errors
	ring    []moment
	latest  pace
	readers map[*paceReader]struct{}
	inputs  map[string]int64 // what inputs had received when they were last looked at
	gone    int64            // what those had that are not there any more
}

// counts are the counters of a module that rates are made of.
type counts struct{ received, emitted, errors int64 }

// moment is what happened in one second.
type moment struct {
	total   rates
	waiting int64 // events that are unfinished
	modules map[string]rates
}

// rates are events per second.
type rates struct {
	In     float64 `json:"in"`
	Out    float64 `json:"out"`
	Errors float64 `json:"errors"`
}

// pace is what the statistics stream tells each second. Type, queue and edge are as in the
// former program, the modules are ours.
type pace struct {
	Timestamp float64 `json:"timestamp"`
	EPS       float64 `json:"eps"`
	Out       float64 `json:"out"`
	Errors    float64 `json:"errors"`
	Received  int64   `json:"received"`
	Unsettled int64   `json:"waiting"`
	// Unfinished events are in the program: they wait, are at hand in a module, or are on the
	// disk of an edge.
	Unfinished int64            `json:"unfinished"`
	Types      map[string]int64 `json:"event_types"`
	Queues     map[string]int   `json:"queues"`
	Edges      []flow           `json:"edges"`
	Modules    []beating        `json:"modules"`
	Ailments   []string         `json:"ailments"`
	Dropped    int64            `json:"dropped,omitempty"`
}

// flow is what goes along an edge.
type flow struct {
	From string  `json:"from"`
	To   string  `json:"to"`
	Rate float64 `json:"rate"`
}

// beating is what a module does.
type beating struct {
	ID string `json:"id"`
	rates
	State    string `json:"state"`
	Waiting  int    `json:"inbox_length"`
	Capacity int    `json:"inbox_capacity"`
	Failed   int64  `json:"failed"`   // errors since the start
	Restarts int64  `json:"restarts"` // after failures, since the start
}

// The states of a module.
const (
	stateOK      = "ok"
	stateBlocked = "blocked" // its inbox is nearly full
	stateErrors  = "errors"  // there were some a short while ago
	statePaused  = "paused"
	stateEnded   = "ended"
	stateFailed  = "failed"  // it was given up
	stateStandby = "standby" // it waits until this node leads the pack
)

const (
	// remembered is how many seconds the sampler keeps.
	remembered = 300
	// recently is how long errors colour a module.
	recently = time.Minute
	// nearly is how full an inbox is when the module counts as blocked.
	nearly = 0.9
)

func newSampler(env actor.Env) *sampler {
	env.EventTypes() // from now on they are counted
	return &sampler{env: env, trouble: map[string]time.Time{}, readers: map[*paceReader]struct{}{}}
}

func (p *sampler) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		p.sample(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sample takes the counters at now and makes rates of what they were before.
func (p *sampler) sample(now time.Time) {
	status, books := p.env.Status(), p.env.Balance()
	p.mu.Lock()
	defer p.mu.Unlock()
	seconds := now.Sub(p.when).Seconds()
	first := p.before == nil
	m := moment{modules: map[string]rates{}}
	next := pace{Timestamp: float64(now.UnixMilli()) / 1000, Types: p.env.EventTypes(), Queues: map[string]int{}, Edges: []flow{}, Modules: []beating{}, Ailments: ailments(status)}
	before, edges := map[string]counts{}, map[[2]string]int64{}
	for _, s := range status {
		if s.Spec.Role == actor.StandAlone {
			continue
		}
		c := counts{s.Meter.Received.Load(), s.Meter.Emitted.Load(), s.Meter.Errors.Load() + s.Meter.Restarts.Load()}
		before[s.ID] = c
		var r rates
		if old, known := p.before[s.ID]; known && !first {
			r = rates{rate(c.received-old.received, seconds), rate(c.emitted-old.emitted, seconds), rate(c.errors-old.errors, seconds)}
		}
		if r.Errors > 0 {
			p.trouble[s.ID] = now
		}
		m.modules[s.ID] = r
		m.total.Errors += r.Errors
		switch s.Spec.Role {
		case actor.Input:
			m.total.In += r.In
		case actor.Output:
			m.total.Out += r.In
		}
		if s.Spec.Role != actor.Input {
			next.Queues[s.ID] = s.Waiting
			next.Unsettled += int64(s.Waiting)
		}
		next.Modules = append(next.Modules, beating{s.ID, r, p.state(s, now), s.Waiting, s.Capacity, s.Meter.Errors.Load(), s.Meter.Restarts.Load()})
		for _, e := range s.Receivers {
			key := [2]string{s.ID, e.ID}
			edges[key] += e.Passed
			f := flow{From: s.ID, To: e.ID}
			if old, known := p.edges[key]; known && !first {
				f.Rate = rate(e.Passed-old, seconds)
			}
			next.Edges = append(next.Edges, f)
		}
	}
	next.Received = p.received(status)
	next.Unfinished = max(0, books.InFlight+books.Off()+books.Buffered)
	m.waiting = next.Unfinished
	next.EPS, next.Out, next.Errors = m.total.In, m.total.Out, m.total.Errors
	p.before, p.edges, p.when, p.latest = before, edges, now, next
	if !first {
		if p.ring = append(p.ring, m); len(p.ring) > remembered {
			p.ring = p.ring[1:]
		}
	}
	p.tell(next)
}

// received is what all inputs have received since the start, also those that a reload has
// removed. The caller holds the lock.
func (p *sampler) received(status []actor.Status) int64 {
	now, sum := map[string]int64{}, int64(0)
	for _, s := range status {
		if s.Spec.Role == actor.Input {
			now[s.ID] = s.Meter.Received.Load()
			sum += now[s.ID]
		}
	}
	for id, n := range p.inputs {
		if next, there := now[id]; !there || next < n {
			p.gone += n
		}
	}
	p.inputs = now
	return sum + p.gone
}

// rate is what happened per second; a module that is new after a reload counts from zero.
func rate(n int64, seconds float64) float64 {
	if n <= 0 || seconds <= 0 {
		return 0
	}
	return float64(int64(float64(n)/seconds*10+0.5)) / 10
}

func (p *sampler) state(s actor.Status, now time.Time) string {
	at, failed := p.trouble[s.ID]
	switch {
	case s.Failed != "":
		return stateFailed
	case s.Standby:
		return stateStandby
	case s.Paused:
		return statePaused
	case failed && now.Sub(at) < recently:
		return stateErrors
	case s.Spec.Role != actor.Input && s.Capacity > 0 && float64(s.Waiting) >= nearly*float64(s.Capacity):
		return stateBlocked
	case s.Ended:
		return stateEnded
	}
	return stateOK
}

// paceReader gets what the sampler finds.
type paceReader struct {
	ch      chan pace
	dropped atomic.Int64
}

func (p *sampler) tell(next pace) {
	for r := range p.readers {
		select {
		case r.ch <- next:
		default:
			r.dropped.Add(1)
		}
	}
}

// read returns a reader whose first message is the latest one.
func (p *sampler) read() (*paceReader, func()) {
	r := &paceReader{ch: make(chan pace, 2)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readers[r] = struct{}{}
	if p.before != nil {
		r.ch <- p.latest
	}
	return r, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.readers, r)
	}
}

// latest is the last message of the stream.
func (s *server) latest(w http.ResponseWriter, _ *http.Request) {
	s.sampler.mu.Lock()
	latest := s.sampler.latest
	s.sampler.mu.Unlock()
	s.answer(w, latest)
}

// history tells what a module, or the whole program, did in the last minutes.
func (s *server) history(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if id != "" && !s.exists(w, r, id) {
		return
	}
	in, out, failed, waiting := []float64{}, []float64{}, []float64{}, []int64{}
	s.sampler.mu.Lock()
	for _, m := range s.sampler.ring {
		one := m.total
		if id != "" {
			one = m.modules[id]
		}
		in, out, failed = append(in, one.In), append(out, one.Out), append(failed, one.Errors)
		waiting = append(waiting, m.waiting)
	}
	s.sampler.mu.Unlock()
	answer := map[string]any{"interval": 1, "in": in, "out": out, "errors": failed}
	if id == "" {
		answer["unfinished"] = waiting
	}
	s.answer(w, answer)
}

// exists answers for a module that does not.
func (s *server) exists(w http.ResponseWriter, r *http.Request, id string) bool {
	var ids []string
	for _, m := range s.env.Status() {
		if m.ID == id {
			return true
		}
		ids = append(ids, m.ID)
	}
	s.fail(w, r, http.StatusNotFound, "there is no such module"+hint(id, ids))
	return false
}
