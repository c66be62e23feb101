package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
)

func (a *app) deadLetterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dead-letter",
		Short: "Look at events that were set aside, and feed them back",
		Long: `Reads files of events that could not be handled or delivered: what outputs write to their
reject_file, and what a FileSink with format: json writes that is the dead letter module.`,
		Example: `  gambolputty dead-letter list rejected.json
  gambolputty dead-letter show rejected.json --reason mapper_parsing
  gambolputty dead-letter replay rejected.json -c pipeline.yml`,
	}
	list := &cobra.Command{
		Use:   "list FILE",
		Short: "Count the events by module and reason",
		Example: `  gambolputty dead-letter list rejected.json
  gambolputty dead-letter list rejected.json --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.listLetters(args[0], a.settings.GetString("output"))
		},
	}
	list.Flags().String("output", "text", "text or json")
	show := &cobra.Command{
		Use:     "show FILE",
		Short:   "Show the events with the reasons",
		Example: `  gambolputty dead-letter show rejected.json --line 12`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.showLetters(args[0]) },
	}
	replay := &cobra.Command{
		Use:   "replay FILE",
		Short: "Send the events once more",
		Long: `Sends the events to the modules of a configuration that could not handle them, or to the one
that --at names, and ends when all of them have been dealt with. The inputs of the
configuration and its buffers do not run. Events keep their ids.

What is refused again goes where the configuration says. With --remove the events that were
sent are removed from the file afterwards, even if they were refused again.`,
		Example: `  gambolputty dead-letter replay rejected.json -c pipeline.yml --remove
  gambolputty dead-letter replay rejected.json -c pipeline.yml --module es --at JsonParser`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.replayLetters(c.Context(), args[0]) },
	}
	conf(replay)
	replay.Flags().String("at", "", "id of the module to send the events to")
	replay.Flags().Bool("dry-run", false, "say what would be sent, and send nothing")
	replay.Flags().Bool("remove", false, "remove what was sent from the file")
	for _, sub := range []*cobra.Command{show, replay} {
		sub.Flags().String("module", "", "only events that this module set aside")
		sub.Flags().String("reason", "", "only events whose reason contains this text")
		sub.Flags().Int("line", 0, "only the event in this line of the file")
	}
	c.AddCommand(list, show, replay)
	return c
}

// letter is one event that was set aside.
type letter struct {
	line                 int
	time, module, reason string
	event                *event.Event
}

var (
	letterTime   = event.Intern("time")
	letterModule = event.Intern("module")
	letterReason = event.Intern("reason")
	letterEvent  = event.Intern("event")
	errorPath    = event.MustPath("gambolputty.error")
)

// parseLetter reads a line of a reject_file, or an event with the error in it.
func parseLetter(number int, line string) (*letter, error) {
	v, rest, err := new(event.Decoder).Decode(line)
	m := v.Map()
	switch {
	case err != nil:
		return nil, err
	case m == nil || strings.TrimSpace(rest) != "":
		return nil, errors.New("this is not one JSON object")
	}
	l := &letter{line: number}
	text := func(k *event.Key) string { v, _ := m.Get(k); return v.Str() }
	src := event.NewSource("DeadLetter", "")
	inner, _ := m.Get(letterEvent)
	if inner.Map() != nil && text(letterModule) != "" && text(letterReason) != "" {
		l.time, l.module, l.reason = text(letterTime), text(letterModule), text(letterReason)
		m = inner.Map()
	}
	l.event = event.New(src)
	l.event.Merge(m, false)
	if e, ok := l.event.Get(errorPath); ok && l.module == "" {
		l.module, l.reason, _ = strings.Cut(e.Text(), ": ")
	}
	l.event.Delete(errorPath)
	return l, nil
}

// letters calls f for the events of a file that the flags mean.
func (a *app) letters(path string, f func(*letter) error) error {
	module, reason, line := a.settings.GetString("module"), a.settings.GetString("reason"), a.settings.GetInt("line")
	return a.eachLine(path, func(number int, text string) error {
		if strings.TrimSpace(text) == "" || line > 0 && number != line {
			return nil
		}
		l, err := parseLetter(number, text)
		if err != nil {
			return &exit{exitModule, fmt.Sprintf("%s:%d: %s", path, number, err)}
		}
		if module != "" && l.module != module || !strings.Contains(l.reason, reason) {
			return nil
		}
		return f(l)
	})
}

// letterCount is what list prints for one reason.
type letterCount struct {
	Module string `json:"module"`
	Reason string `json:"reason"`
	Events int    `json:"events"`
	First  string `json:"first,omitempty"`
	Last   string `json:"last,omitempty"`
}

func (a *app) listLetters(path, output string) error {
	if output != "text" && output != "json" {
		return fmt.Errorf("output must be text or json, got %q", output)
	}
	var list []*letterCount
	known := map[[2]string]*letterCount{}
	err := a.letters(path, func(l *letter) error {
		k := [2]string{l.module, l.reason}
		n := known[k]
		if n == nil {
			n = &letterCount{Module: l.module, Reason: l.reason, First: l.time}
			known[k] = n
			list = append(list, n)
		}
		n.Events++
		n.Last = l.time
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b *letterCount) int {
		return cmp.Or(strings.Compare(a.Module, b.Module), cmp.Compare(b.Events, a.Events))
	})
	if output == "json" {
		text, err := json.MarshalIndent(append([]*letterCount{}, list...), "", "  ")
		fmt.Fprintln(a.out, string(text))
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "EVENTS\tMODULE\tLAST\tREASON")
	for _, n := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", n.Events, cmp.Or(n.Module, "-"), cmp.Or(n.Last, "-"), cmp.Or(n.Reason, "-"))
	}
	return w.Flush()
}

func (a *app) showLetters(path string) error {
	return a.letters(path, func(l *letter) error {
		fmt.Fprintf(a.out, "line %d", l.line)
		for _, p := range [][2]string{{"time", l.time}, {"module", l.module}, {"reason", l.reason}} {
			if p[1] != "" {
				fmt.Fprintf(a.out, ", %s %s", p[0], p[1])
			}
		}
		_, err := fmt.Fprintf(a.out, "\n%s\n", event.AppendPretty(nil, l.event.Whole(), 0))
		return err
	})
}

func (a *app) replayLetters(ctx context.Context, path string) error {
	plan, err := a.load(a.settings.GetStringSlice("conf"), false)
	if err != nil {
		return err
	}
	at := a.settings.GetString("at")
	targets := map[string][]*event.Event{}
	sent := map[int]bool{}
	err = a.letters(path, func(l *letter) error {
		to := cmp.Or(at, l.module)
		if !slices.ContainsFunc(plan.Modules, func(m *config.Module) bool {
			return m.ID == to && m.Spec.Role != actor.Input && m.Spec.Role != actor.StandAlone
		}) {
			return &exit{exitModule, fmt.Sprintf("%s:%d: there is no module %q through which events pass; say where to with --at", path, l.line, to)}
		}
		targets[to] = append(targets[to], l.event)
		sent[l.line] = true
		return nil
	})
	if err != nil {
		return err
	}
	if a.settings.GetBool("dry-run") {
		for _, id := range slices.Sorted(maps.Keys(targets)) {
			fmt.Fprintf(a.out, "%s: %d events\n", id, len(targets[id]))
		}
		return nil
	}
	again, err := a.deliverLetters(ctx, plan, targets)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%d events sent, %d of them refused or dropped\n", len(sent), again)
	if a.settings.GetBool("remove") {
		return a.removeLetters(path, sent)
	}
	return nil
}

// deliverLetters runs a configuration with events for some of its modules instead of its
// inputs. It returns how many were refused or dropped.
func (a *app) deliverLetters(ctx context.Context, plan *config.Plan, targets map[string][]*event.Event) (again int64, err error) {
	logs, err := a.openLog(config.Logging{Level: config.Level{Level: slog.LevelWarn}, Format: plan.Global.Logging.Format})
	if err != nil {
		return 0, err
	}
	var nodes []actor.Node
	for _, n := range withoutBuffers(plan.Nodes(logs.module)) {
		if n.Spec.Role != actor.Input {
			nodes = append(nodes, n)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(targets)) {
		spec := actor.DefineSource(actor.Info{Name: "DeadLetter", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) {
			return feeder(targets[id]), nil
		})
		nodes = append(nodes, actor.Node{
			ID: "dead letters for " + id, Spec: spec, Opts: &none{}, Log: slog.New(slog.DiscardHandler), Receivers: []actor.Receiver{{ID: id}},
		})
	}
	settings := plan.Settings()
	settings.Log = slog.New(logs.handler)
	graph, err := actor.New(settings, nodes...)
	if err != nil {
		return 0, &exit{exitModule, err.Error()}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, signals := watchSignals(ctx, graph, settings.Log, logs)
	defer signals.stop()
	if err := graph.Run(ctx); err != nil {
		return 0, &exit{exitModule, err.Error()}
	}
	if ctx.Err() != nil {
		return 0, &exit{exitForced, "stopped before all events were sent; the file was not changed"}
	}
	for _, s := range graph.Status() {
		again += s.Meter.Dropped.Load() + s.Meter.DeadLettered.Load()
	}
	return again, nil
}

// removeLetters writes a file anew without the given lines. What has been added to it since
// it was read stays.
func (a *app) removeLetters(path string, lines map[int]bool) error {
	if path == "-" {
		return errors.New("--remove needs a file")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".dead-letter-*")
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		if number++; !lines[number] && err == nil {
			_, err = io.WriteString(next, line)
		}
	}
	if info, failed := os.Stat(path); failed == nil {
		err = errors.Join(err, next.Chmod(info.Mode()))
	}
	if err = errors.Join(err, next.Sync(), next.Close()); err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
