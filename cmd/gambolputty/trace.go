package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gambolputty/actor/event"
	"gambolputty/stages/webserver/webservertornado"
)

func (a *app) traceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "trace [FILE]",
		Short: "Follow a line through a pipeline and show what each module does to it",
		Long: `Runs a line through a pipeline in which inputs and outputs are replaced: no socket and no file
is opened. For every module that it leaves, the fields that are new (+), changed (~) or gone (-) are
printed. A line that is a JSON object with data or gambolputty is an event, any other line becomes
the field data. Without --input, the lines of standard input are followed one after the other.`,
		Example: `  gambolputty trace -c pipeline.yml --input '192.168.2.20 - - "GET / HTTP/1.0" 200'
  gambolputty trace pipeline.yml --input '{"data": "x", "level": 3}'`,
		RunE: func(c *cobra.Command, args []string) error { return a.trace(c.Context(), a.paths(args)) },
	}
	conf(c)
	c.Flags().String("input", "", "the line")
	return c
}

func (a *app) trace(ctx context.Context, paths []string) error {
	plan, err := a.load(paths, false)
	if err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	var lines []string
	if line := a.settings.GetString("input"); line != "" {
		lines = []string{line}
	} else if err := a.eachLine("-", func(_ int, line string) error { lines = append(lines, line); return nil }); err != nil {
		return err
	}
	for i, line := range lines {
		src, module := testSource(plan)
		steps, err := rehearse(ctx, plan, module, []*event.Event{testEvent(line, src)})
		if err != nil {
			return &exit{exitModule, err.Error()}
		}
		if len(lines) > 1 {
			fmt.Fprintf(a.out, "%sline %d: %s\n", map[bool]string{true: "\n"}[i > 0], i+1, line)
		}
		if err := a.printTrace(steps); err != nil {
			return err
		}
	}
	return nil
}

// printTrace prints what the modules did, each step against the one before it.
func (a *app) printTrace(steps []webservertornado.Step) error {
	before := map[string]event.Value{} // by event id
	for _, s := range steps {
		v, _, err := new(event.Decoder).Decode(string(s.Event))
		if err != nil {
			return err
		}
		id := eventID(v)
		old := ancestor(before, id)
		before[id] = v
		to := s.Receiver
		if to != "" {
			to = " -> " + to
		}
		fmt.Fprintf(a.out, "%s%s\n", s.Module, to)
		changes := compare("", old, v)
		if len(changes) == 0 {
			fmt.Fprintln(a.out, "    (nothing changed)")
		}
		for _, c := range changes {
			fmt.Fprintln(a.out, "  "+c)
		}
	}
	return nil
}

func eventID(v event.Value) string {
	meta, _ := v.Map().GetName("gambolputty")
	if meta.Kind() != event.KindMap {
		return ""
	}
	id, _ := meta.Map().GetName("event_id")
	return id.Text()
}

// ancestor is what is known of an event: copies and parts append something to its id.
func ancestor(known map[string]event.Value, id string) event.Value {
	for ; id != ""; id = id[:max(strings.LastIndexAny(id, ".-"), 0)] {
		if v, ok := known[id]; ok {
			return v
		}
	}
	return event.MapOf(event.NewMap(0))
}

// compare lists the fields that differ, maps field by field.
func compare(path string, old, now event.Value) (changes []string) {
	for i := range old.Map().Len() {
		f := old.Map().At(i)
		if _, ok := now.Map().Get(f.Key); !ok {
			changes = append(changes, "- "+path+f.Key.Name+": "+show(f.Value))
		}
	}
	for i := range now.Map().Len() {
		f := now.Map().At(i)
		was, ok := old.Map().Get(f.Key)
		switch {
		case f.Value.Kind() == event.KindMap && (!ok || was.Kind() == event.KindMap) && f.Value.Map().Len() > 0:
			if !ok {
				was = event.MapOf(event.NewMap(0))
			}
			changes = append(changes, compare(path+f.Key.Name+".", was, f.Value)...)
		case !ok:
			changes = append(changes, "+ "+path+f.Key.Name+": "+show(f.Value))
		case was.Kind() != f.Value.Kind() || !was.Equal(f.Value):
			changes = append(changes, "~ "+path+f.Key.Name+": "+show(was)+" -> "+show(f.Value))
		}
	}
	return changes
}
