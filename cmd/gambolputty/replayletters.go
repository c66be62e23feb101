package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
)

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
	ctx, signals := watchSignals(ctx, graph, settings.Log, func() {})
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
