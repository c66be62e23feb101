package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gambolputty/actor/event"
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
