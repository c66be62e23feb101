package webservertornado

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/config"
)

// info describes the machine, in the form of the former program.
func (s *server) info(w http.ResponseWriter, _ *http.Request) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	list := s.items()
	s.answer(w, map[string]any{
		"hostname": host, "cpu_count": runtime.NumCPU(), "load": load(), "memory": memory(), "disk_usage": disks(), "configuration": list,
		"process": s.process(),
	})
}

// items are the modules as they stand in the file: those without options by their names alone.
func (s *server) items() []any {
	list := []any{}
	if s.program == nil {
		for _, m := range s.env.Status() {
			list = append(list, map[string]any{m.Spec.Name: given(m)})
		}
		return list
	}
	for _, m := range s.program.Plan().Items() {
		if len(m.Options) == 0 {
			list = append(list, m.Name)
			continue
		}
		list = append(list, map[string]any{m.Name: m.Options})
	}
	return list
}

// statistics are the counters, in the form of the former program.
func (s *server) statistics(w http.ResponseWriter, _ *http.Request) {
	status, queues := s.env.Status(), map[string]int{}
	for _, m := range status {
		if m.Spec.Role != actor.Input && m.Spec.Role != actor.StandAlone {
			queues[m.ID] = m.Waiting
		}
	}
	s.sampler.mu.Lock()
	received := s.sampler.received(status)
	s.sampler.mu.Unlock()
	s.answer(w, map[string]any{"timestamp": float64(time.Now().UnixMilli()) / 1000, "received": received, "event_types": s.env.EventTypes(), "queues": queues})
}

// configured is a module as it was configured.
type configured struct {
	ID            string         `json:"id"`
	Class         string         `json:"class"`
	Type          actor.Role     `json:"type"`
	Line          int            `json:"line,omitempty"`
	File          string         `json:"file,omitempty"`
	Configuration map[string]any `json:"configuration"`
}

// configuration is a map in the order of the file, with the defaults filled in.
func (s *server) configuration(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	written := s.written()
	fmt.Fprint(w, "{")
	for i, m := range s.env.Status() {
		options, at := all(m, written[m.ID]), written[m.ID].at()
		var receivers []any
		for _, e := range m.Receivers {
			if e.Filter == "" {
				receivers = append(receivers, e.ID)
			} else {
				receivers = append(receivers, map[string]any{e.ID: map[string]string{"filter": e.Filter}})
			}
		}
		if receivers != nil {
			options["receivers"] = receivers
		}
		key, err := json.Marshal(m.ID)
		value, err2 := json.Marshal(configured{m.ID, m.Spec.Name, m.Spec.Role, at.Line, at.File, options})
		if err != nil || err2 != nil {
			continue // texts can always be written
		}
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, "%s:%s", key, value)
	}
	fmt.Fprintln(w, "}")
}

// writtenModule is a module as it stands in the file, if that is known.
type writtenModule struct{ *config.Module }

// written are the modules by their ids.
func (s *server) written() map[string]writtenModule {
	all := map[string]writtenModule{}
	if s.program != nil {
		for _, m := range s.program.Plan().Modules {
			all[m.ID] = writtenModule{m}
		}
	}
	return all
}

func (m writtenModule) at() (p option.Position) {
	if m.Module != nil {
		p = m.Position
	}
	return p
}

// all are the options of a module: what stands in the file, and the defaults of all else.
func all(m actor.Status, w writtenModule) map[string]any {
	options := map[string]any{}
	for _, f := range option.Fields(m.Options) {
		options[f.Name] = masked(m, f)
	}
	if w.Module != nil && w.Spec.Name == m.Spec.Name {
		maps.Copy(options, w.Given())
	}
	return options
}

// given are the options of a module that are not the defaults.
func given(m actor.Status) map[string]any {
	usual := map[string]string{}
	for _, f := range option.Fields(m.Spec.Options()) {
		usual[f.Name] = f.Default
	}
	options := map[string]any{}
	for _, f := range option.Fields(m.Options) {
		if text := masked(m, f); f.Default != usual[f.Name] {
			options[f.Name] = text
		}
	}
	return options
}

// mask stands for what must not be seen.
const mask = "***"

// masked is the value of an option as YAML reads it, or what stands for it.
func masked(m actor.Status, f option.Field) any {
	text := maskedText(m, f)
	var v any
	if yaml.Unmarshal([]byte(text), &v) != nil {
		return text // such as the mask
	}
	if _, err := json.Marshal(v); err != nil {
		return text // such as a map with numbers as keys
	}
	return v
}

func maskedText(m actor.Status, f option.Field) string {
	text := f.Default
	if text == "" || text == "null" || text == "[]" || text == "{}" || text == `''` {
		return text
	}
	if f.Hidden() || slices.Contains(m.Hidden, f.Name) {
		return mask
	}
	return withoutLogin.ReplaceAllStringFunc(text, hideLogin)
}

func hideLogin(found string) string {
	if u, err := url.Parse(found); err == nil && u.User != nil {
		return u.Scheme + "://" + mask + "@" + u.Host
	}
	return found
}

// withoutLogin finds the logins of addresses.
var withoutLogin = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^/\s'"\]]*@[^/\s'"\],]*`)

// state is what a module does.
type state struct {
	ID       string           `json:"id"`
	Class    string           `json:"class"`
	Role     actor.Role       `json:"role"`
	Summary  string           `json:"summary"`
	Paused   bool             `json:"paused,omitempty"`
	Ended    bool             `json:"ended,omitempty"`
	Standby  string           `json:"standby,omitempty"` // what a paused module waits for
	Ailments []string         `json:"ailments,omitempty"`
	Failed   string           `json:"failed,omitempty"`
	Workers  int              `json:"workers"`
	Waiting  int              `json:"inbox_length"`
	Capacity int              `json:"inbox_capacity"`
	Counters map[string]int64 `json:"counters"`
	Busy     float64          `json:"busy_seconds"`
	Blocked  float64          `json:"blocked_seconds"`
	Options  map[string]any   `json:"options,omitempty"`
	Edges    []link           `json:"receivers"`
}

// link is an edge between modules.
type link struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to"`
	Filter string `json:"filter,omitempty"`
	Passed int64  `json:"events"`
}

func stateOf(m actor.Status) state {
	c := m.Meter
	s := state{
		ID: m.ID, Class: m.Spec.Name, Role: m.Spec.Role, Summary: m.Spec.Summary, Paused: m.Paused, Ended: m.Ended, Ailments: m.Ailments, Failed: m.Failed, Workers: m.Workers, Waiting: m.Waiting, Capacity: m.Capacity,
		Counters: map[string]int64{
			"received": c.Received.Load(), "handled": c.Handled.Load(), "filtered": c.Filtered.Load(), "emitted": c.Emitted.Load(), "dropped": c.Dropped.Load(),
			"dead_lettered": c.DeadLettered.Load(), "lost": c.Lost.Load(), "unrouted": c.Unrouted.Load(), "errors": c.Errors.Load(), "restarts": c.Restarts.Load(),
		},
		Busy: time.Duration(c.Busy.Load()).Seconds(), Blocked: time.Duration(c.Blocked.Load()).Seconds(), Edges: []link{},
	}
	if m.Standby {
		s.Standby = actor.WaitsToLead
	}
	c.EachOwn(func(name string, n int64) { s.Counters[name] = n })
	for _, e := range m.Receivers {
		s.Edges = append(s.Edges, link{To: e.ID, Filter: e.Filter, Passed: e.Passed})
	}
	return s
}

func (s *server) modules(w http.ResponseWriter, _ *http.Request) {
	list := []state{}
	for _, m := range s.env.Status() {
		list = append(list, stateOf(m))
	}
	s.answer(w, list)
}

func (s *server) module(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	for _, m := range s.env.Status() {
		if m.ID == id {
			one := stateOf(m)
			one.Options = all(m, s.written()[m.ID])
			s.answer(w, one)
			return
		}
	}
	s.exists(w, r, id)
}

// topology is nodes and edges, for those who draw.
func (s *server) topology(w http.ResponseWriter, _ *http.Request) {
	nodes, edges := []state{}, []link{}
	for _, m := range s.env.Status() {
		one := stateOf(m)
		for _, e := range one.Edges {
			e.From = m.ID
			edges = append(edges, e)
		}
		one.Edges = nil
		nodes = append(nodes, one)
	}
	s.answer(w, map[string]any{"timestamp": float64(time.Now().UnixMilli()) / 1000, "nodes": nodes, "edges": edges})
}
