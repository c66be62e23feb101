package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/cmd/gambolputty/internal/logging"
	"gambolputty/cmd/gambolputty/internal/systemd"
	"gambolputty/config"
	"gambolputty/stages/webserver/webservertornado"
)

// program is what the web server may ask of the process.
type program struct {
	app     *app
	paths   []string // of the configuration
	logs    *logs
	log     *slog.Logger
	graph   *actor.Graph
	plan    atomic.Pointer[config.Plan]
	stop    context.CancelFunc
	reloads reloads
	// refreshed is the hash of the configuration that was last tried because its files had
	// changed.
	refreshed string
}

// Plan is the configuration that runs.
func (p *program) Plan() *config.Plan { return p.plan.Load() }

// Loader checks configurations.
func (p *program) Loader() config.Loader { return p.app.loader(false) }

// Stop drains and ends the process, as SIGTERM does.
func (p *program) Stop() {
	_ = systemd.Notify("STOPPING=1") // it is only news
	p.stop()
}

// SetLevel sets the level of a module's log, or of all for "".
func (p *program) SetLevel(module, level string, d time.Duration) error {
	l, ok := logging.ParseLevel(level)
	if !ok && d > 0 {
		return fmt.Errorf("level must be one of debug, info, warn, error, critical, got %q", level)
	}
	p.logs.levels.Set(module, l, d)
	return nil
}

// Rehearse runs lines through a configuration that need not be the one that runs.
func (p *program) Rehearse(ctx context.Context, loader config.Loader, text string, lines []string) ([]webservertornado.Step, error) {
	plan, report := loader.LoadText("configuration", []byte(text))
	if !report.OK(false) {
		return nil, errors.New(report.Text())
	}
	plan.Global.ShutdownTimeout = rehearsalGrace
	for _, m := range plan.Modules {
		if o, ok := m.Opts.(actor.Outsider); ok && o.Outside() != "" {
			return nil, fmt.Errorf("%s uses %s, which is not done here; leave it out", m.ID, o.Outside())
		}
	}
	var events []*event.Event
	src, module := testSource(plan)
	for _, line := range lines {
		events = append(events, testEvent(line, src))
	}
	return rehearse(ctx, plan, module, events)
}

// rehearsalGrace is how long a rehearsal may go on after it was called off.
const rehearsalGrace = 2 * time.Second

// mostSteps bounds the steps of a rehearsal behind one module.
const mostSteps = 10_000

// rehearse runs events through a plan in which nothing is opened, and tells what was seen
// behind every module, in the order in which it happened.
func rehearse(ctx context.Context, plan *config.Plan, module string, events []*event.Event) ([]webservertornado.Step, error) {
	handler, err := logging.New(io.Discard, logging.Options{})
	if err != nil {
		return nil, err
	}
	got := &captured{events: map[string][]*event.Event{}}
	nodes, outputs, err := rewire(plan, &logs{handler: handler, levels: new(logging.Levels)}, "", "", module, events, got)
	if err != nil {
		return nil, err
	}
	settings := plan.Settings()
	settings.Log, settings.DryRun = slog.New(slog.DiscardHandler), true
	graph, err := actor.New(settings, nodes...)
	if err != nil {
		return nil, err
	}
	var taps []*actor.Tap
	for _, n := range nodes {
		tap, err := graph.Tap(actor.TapOptions{Module: n.ID, Out: !slices.Contains(outputs, n.ID), Room: mostSteps})
		if err != nil {
			return nil, err
		}
		defer tap.Close()
		taps = append(taps, tap)
	}
	err = graph.Run(ctx)
	return steps(taps, module), err
}

// steps are what taps have seen, in order. The stand-in for the input goes by its name.
func steps(taps []*actor.Tap, input string) []webservertornado.Step {
	type timed struct {
		webservertornado.Step
		at time.Time
	}
	var all []timed
	for _, tap := range taps {
		module := tap.Module
		if module == standIn {
			module = input
		}
		for len(tap.Events()) > 0 {
			seen := <-tap.Events()
			all = append(all, timed{webservertornado.Step{Module: module, Receiver: seen.Edge, Event: json.RawMessage(seen.Event)}, seen.Time})
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return a.at.Compare(b.at) })
	list := []webservertornado.Step{}
	for _, t := range all {
		list = append(list, t.Step)
	}
	return list
}

// testSource is the origin of events that a test makes: the first input of the plan.
func testSource(plan *config.Plan) (src *event.Source, module string) {
	module = "StdIn"
	for _, m := range plan.Modules {
		if m.Spec.Role == actor.Input {
			module = m.Spec.Name
			break
		}
	}
	return event.NewSource(module, module), module
}

// testEvent makes an event of a line: of the object in it if it is one with data or metadata,
// else with the line as its data.
func testEvent(line string, src *event.Source) *event.Event {
	e, err := parseEvent(line, src)
	if err != nil || !e.Has(event.KeyPath(event.Data)) && !strings.Contains(line, `"gambolputty"`) {
		return event.New(src, event.Field{Key: event.Data, Value: event.String(line)})
	}
	return e
}
