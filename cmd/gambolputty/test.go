package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
)

func (a *app) testCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [FILE]",
		Short: "Run lines through a pipeline without opening anything",
		Long: `Runs lines through a pipeline in which inputs and outputs are replaced: no socket and no
file is opened. A line that is a JSON object with data or gambolputty is an event, any other
line becomes the field data. Every event that reaches an output is printed as one JSON object.

With --expect the events are compared with a YAML list of {output: ID, event: {fields}}, in
which events name only the fields that matter. Differences are printed and the exit code is 5.`,
		Example: `  echo 'a line' | gambolputty test pipeline.yml --input -
  gambolputty test pipeline.yml --input lines.txt --expect expected.yml`,
		RunE: func(c *cobra.Command, args []string) error { return a.test(c.Context(), a.paths(args)) },
	}
	conf(c)
	c.Flags().String("input", "-", "file with lines; - is standard input")
	c.Flags().String("at", "", "id of the module to start at; without it, the receivers of the first input")
	c.Flags().String("until", "", "id of the module to stop behind")
	c.Flags().String("expect", "", "YAML file with the events that are expected")
	c.Flags().String("output", "json", "json or pretty")
	return c
}

// captured is what reached the outputs, by their ids.
type captured struct {
	mu     sync.Mutex
	events map[string][]*event.Event
}

func (a *app) test(ctx context.Context, paths []string) error {
	plan, err := a.load(paths, false)
	if err != nil {
		return err
	}
	events, source, err := a.testEvents(plan)
	if err != nil {
		return err
	}
	logs, err := a.openLog(config.Logging{Level: config.Level{Level: slog.LevelWarn}, Format: plan.Global.Logging.Format})
	if err != nil {
		return err
	}
	got := &captured{events: map[string][]*event.Event{}}
	nodes, outputs, err := rewire(plan, logs, a.settings.GetString("at"), a.settings.GetString("until"), source, events, got)
	if err != nil {
		return err
	}
	settings := plan.Settings()
	settings.Log, settings.DryRun = slog.New(logs.handler), true
	graph, err := actor.New(settings, nodes...)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if err := graph.Run(ctx); err != nil {
		return &exit{exitModule, err.Error()}
	}
	a.printCaptured(outputs, got)
	if path := a.settings.GetString("expect"); path != "" {
		return a.expect(path, outputs, got)
	}
	return nil
}

// testEvents reads the events and says which module they seem to come from.
func (a *app) testEvents(plan *config.Plan) ([]*event.Event, string, error) {
	src, source := testSource(plan)
	var events []*event.Event
	err := a.eachLine(a.settings.GetString("input"), func(_ int, line string) error {
		events = append(events, testEvent(line, src))
		return nil
	})
	return events, source, err
}

// standIn is the id of the input that sends the events.
const standIn = "test input"

// none are the options of modules that stand in for others.
type none struct{}

// rewire replaces inputs by one that sends the events and outputs by ones that keep them.
func rewire(plan *config.Plan, l *logs, at, until, source string, events []*event.Event, got *captured) (nodes []actor.Node, outputs []string, err error) {
	feed := actor.Node{ID: standIn, Opts: &none{}, Log: slog.New(slog.DiscardHandler), Inbox: 1}
	feed.Spec = actor.DefineSource(actor.Info{Name: source, Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return feeder(events), nil })
	for _, n := range plan.Nodes(l.module) {
		switch n.Spec.Role {
		case actor.Input:
			if feed.Receivers == nil && at == "" {
				feed.Receivers, feed.Actions, feed.Filter = n.Receivers, n.Actions, n.Filter
			}
			continue
		case actor.StandAlone:
			continue
		case actor.Output:
			n.Spec = got.spec(n.ID)
			n.Opts = &none{}
			outputs = append(outputs, n.ID)
		}
		n.Workers = 1
		nodes = append(nodes, n)
	}
	known := func(id string) bool { return slices.ContainsFunc(nodes, func(n actor.Node) bool { return n.ID == id }) }
	for flag, id := range map[string]string{"at": at, "until": until} {
		if id != "" && !known(id) {
			return nil, nil, fmt.Errorf("--%s: there is no module %q through which events pass", flag, id)
		}
	}
	if at != "" {
		feed.Receivers = []actor.Receiver{{ID: at}}
	}
	if until != "" {
		nodes, outputs = stopBehind(nodes, outputs, until, got)
	}
	return append([]actor.Node{feed}, nodes...), outputs, nil
}

// stopBehind catches what leaves a module.
func stopBehind(nodes []actor.Node, outputs []string, id string, got *captured) ([]actor.Node, []string) {
	for i := range nodes {
		if nodes[i].ID == id && nodes[i].Spec.Role != actor.Output {
			nodes[i].Receivers = []actor.Receiver{{ID: "behind " + id}}
			end := actor.Node{ID: "behind " + id, Spec: got.spec(id), Opts: &none{}, Log: slog.New(slog.DiscardHandler)}
			return append(nodes, end), append([]string{id}, outputs...)
		}
	}
	return nodes, outputs
}

// feeder is an input that sends given events.
type feeder []*event.Event

// Run sends the events.
func (f feeder) Run(_ context.Context, out *actor.Outlet) error {
	for part := range slices.Chunk(f, out.Size()) {
		b := out.Batch("")
		for _, e := range part {
			b.Add(e)
		}
		if err := out.Emit(b, nil); err != nil {
			return err
		}
	}
	return nil
}

// spec makes a module that keeps what would reach the output with the given id.
func (c *captured) spec(id string) actor.Spec {
	return actor.DefineSink(actor.Info{Name: id, Role: actor.Output}, none{}, func(env actor.Env, _ none) (actor.Sink, error) {
		return &catcher{c, id, env}, nil
	})
}

type catcher struct {
	*captured
	id  string
	env actor.Env
}

// Write keeps copies of the events.
func (c *catcher) Write(_ context.Context, b *actor.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := range b.Each() {
		c.events[c.id] = append(c.events[c.id], c.env.Payload(e).Fork().Detach())
	}
	return nil
}

func (a *app) printCaptured(outputs []string, got *captured) {
	var enc event.Encoder
	pretty := a.settings.GetString("output") == "pretty"
	for _, id := range outputs {
		for _, e := range got.events[id] {
			if pretty {
				fmt.Fprintf(a.out, "%s:\n%s\n", id, event.AppendPretty(nil, e.Whole(), 0))
				continue
			}
			line := append(event.AppendJSONString([]byte(`{"output":`), id), `,"event":`...)
			fmt.Fprintf(a.out, "%s}\n", enc.AppendEvent(line, e))
		}
	}
}

// expectation is one entry of an expect file.
type expectation struct {
	Output string    `yaml:"output"`
	Event  yaml.Node `yaml:"event"`
	line   int
}

// expect compares what was captured with what a file says.
func (a *app) expect(path string, outputs []string, got *captured) error {
	list, err := readExpectations(path)
	if err != nil {
		return err
	}
	next := map[string]int{}
	wrong := 0
	complain := func(format string, args ...any) { wrong++; fmt.Fprintf(a.err, path+format+"\n", args...) }
	for _, x := range list {
		events := got.events[x.Output]
		n := next[x.Output]
		next[x.Output]++
		switch {
		case !slices.Contains(outputs, x.Output):
			complain(":%d: there is no output %q", x.line, x.Output)
		case n >= len(events):
			complain(":%d: %s: event %d did not come", x.line, x.Output, n+1)
		default:
			want, err := valueOf(&x.Event)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", path, x.line, err)
			}
			for _, d := range differences("", want, events[n].Whole()) {
				complain(":%d: %s: event %d: %s", x.line, x.Output, n+1, d)
			}
		}
	}
	for _, id := range outputs {
		if extra := len(got.events[id]) - next[id]; extra > 0 {
			complain(": %s: %d events more than expected", id, extra)
		}
	}
	if wrong > 0 {
		return &exit{code: exitExpected}
	}
	return nil
}

func readExpectations(path string) ([]expectation, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var nodes []yaml.Node
	if err := yaml.Unmarshal(text, &nodes); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var list []expectation
	for _, n := range nodes {
		x := expectation{line: n.Line}
		if err := n.Decode(&x); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, x)
	}
	return list, nil
}

// valueOf turns a YAML node into a value.
func valueOf(n *yaml.Node) (event.Value, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := event.NewMap(len(n.Content) / 2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := valueOf(n.Content[i+1])
			if err != nil {
				return event.Null, err
			}
			m.Set(event.Intern(n.Content[i].Value), v)
		}
		return event.MapOf(m), nil
	case yaml.SequenceNode:
		var items []event.Value
		for _, c := range n.Content {
			v, err := valueOf(c)
			if err != nil {
				return event.Null, err
			}
			items = append(items, v)
		}
		return event.ListOf(items...), nil
	case yaml.ScalarNode:
		return scalarOf(n)
	}
	return event.Null, errors.New("aliases are not supported here")
}

func scalarOf(n *yaml.Node) (event.Value, error) {
	switch n.ShortTag() {
	case "!!null":
		return event.Null, nil
	case "!!bool":
		return event.Bool(strings.EqualFold(n.Value, "true")), nil
	case "!!int", "!!float":
		if v, ok := event.Number(n.Value); ok {
			return v, nil
		}
	}
	return event.String(n.Value), nil
}

// differences lists where got is not as wanted. Of maps only the wanted keys count.
func differences(path string, want, got event.Value) []string {
	if want.Kind() == event.KindMap && got.Kind() == event.KindMap {
		var list []string
		for i := range want.Map().Len() {
			f := want.Map().At(i)
			below := strings.TrimPrefix(path+"."+f.Key.Name, ".")
			v, ok := got.Map().Get(f.Key)
			if !ok {
				list = append(list, below+" is missing, expected "+show(f.Value))
				continue
			}
			list = append(list, differences(below, f.Value, v)...)
		}
		return list
	}
	if want.Kind() == got.Kind() && want.Equal(got) || want.IsNumber() && got.IsNumber() && want.Equal(got) {
		return nil
	}
	return []string{fmt.Sprintf("%s is %s, expected %s", path, show(got), show(want))}
}

func show(v event.Value) string { return string(new(event.Encoder).AppendValue(nil, v)) }
