package webservertornado

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
)

// pulse finds modules that have events to deal with and do not deal with them.
type pulse struct {
	env actor.Env

	mu   sync.Mutex
	seen map[string]beat
}

// beat is when a module was last seen to do something, or to have nothing to do.
type beat struct {
	handled int64
	at      time.Time
}

const (
	// every is the pause between two looks.
	every = 5 * time.Second
	// stuckAfter is how long a full inbox may stand still.
	stuckAfter = time.Minute
)

func newPulse(env actor.Env) *pulse { return &pulse{env: env, seen: map[string]beat{}} }

func (p *pulse) beat(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p.look(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *pulse) look(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.env.Status() {
		handled := s.Meter.Handled.Load() + s.Meter.Filtered.Load()
		before, known := p.seen[s.ID]
		if !known || handled != before.handled || s.Waiting < s.Capacity {
			p.seen[s.ID] = beat{handled, now}
		}
	}
}

// stuck are the modules whose inbox was full for long while nothing happened.
func (p *pulse) stuck(now time.Time) (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.env.Status() {
		if b, known := p.seen[s.ID]; known && s.Capacity > 0 && now.Sub(b.at) > stuckAfter {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// lost are the modules that were given up.
func lost(status []actor.Status) (list []string) {
	for _, m := range status {
		if m.Failed != "" {
			list = append(list, m.ID+": "+m.Failed)
		}
	}
	return list
}

// health says whether the program lives and events flow.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	if list := lost(s.env.Status()); len(list) > 0 {
		s.fail(w, r, http.StatusServiceUnavailable, "these modules have failed for good: "+strings.Join(list, ", "))
		return
	}
	if ids := s.pulse.stuck(time.Now()); len(ids) > 0 {
		s.fail(w, r, http.StatusServiceUnavailable, "events do not flow, these modules are full and do nothing: "+strings.Join(ids, ", "))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	status := s.env.Status()
	ails := append(ailments(status), s.degraded()...)
	if len(ails) == 0 {
		fmt.Fprintln(w, "ok")
	} else {
		fmt.Fprintln(w, "degraded") // nothing that a restart would mend
	}
	for _, a := range ails {
		fmt.Fprintln(w, a)
	}
	for _, m := range status {
		if m.Standby { // which is as it should be
			fmt.Fprintf(w, "%s: %s\n", m.ID, actor.WaitsToLead)
		}
	}
}

// ailments say which modules cannot do their work at the moment, and why.
func ailments(status []actor.Status) []string {
	list := []string{}
	for _, m := range status {
		for _, why := range m.Ailments {
			list = append(list, m.ID+": "+why)
		}
	}
	return list
}

// ready says whether all modules have started and inputs accept events.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	switch s.env.Phase() {
	case actor.Starting:
		s.fail(w, r, http.StatusServiceUnavailable, "starting")
	case actor.Stopping:
		s.fail(w, r, http.StatusServiceUnavailable, "stopping")
	default:
		if ids := paused(s.env.Status()); len(ids) > 0 {
			s.fail(w, r, http.StatusServiceUnavailable, "these inputs are paused: "+strings.Join(ids, ", "))
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ready")
	}
}

// paused are the inputs that accept nothing.
func paused(status []actor.Status) (ids []string) {
	for _, m := range status {
		if m.Paused && !m.Standby { // which waits as it shall
			ids = append(ids, m.ID)
		}
	}
	return ids
}
