package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gambolputty/actor"
)

func (a *app) topCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "top",
		Short: "Show what the modules of a running program do",
		Long: `Shows the modules of a running program with what comes in and goes out each second, how full
their inboxes are, and what went wrong. The program must have a WebserverTornado.`,
		Example: `  gambolputty top
  gambolputty top --url https://loghost:5100 --sort waiting
  gambolputty top --once`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.top(c.Context()) },
	}
	remoteFlags(c)
	c.Flags().Bool("once", false, "print one table and end")
	c.Flags().String("sort", "flow", "flow (as configured), in, out, waiting or errors")
	return c
}

// tick is a message of the statistics stream.
type tick struct {
	EPS     float64      `json:"eps"`
	Out     float64      `json:"out"`
	Errors  float64      `json:"errors"`
	Waiting int64        `json:"waiting"`
	Modules []moduleTick `json:"modules"`
}

type moduleTick struct {
	ID       string  `json:"id"`
	In       float64 `json:"in"`
	Out      float64 `json:"out"`
	State    string  `json:"state"`
	Waiting  int     `json:"inbox_length"`
	Capacity int     `json:"inbox_capacity"`
	Failed   int64   `json:"failed"`
	Restarts int64   `json:"restarts"`
}

// orders are the ways to sort, the busiest first.
var orders = map[string]func(a, b moduleTick) int{
	"flow":    func(a, b moduleTick) int { return 0 },
	"in":      func(a, b moduleTick) int { return cmp.Compare(b.In, a.In) },
	"out":     func(a, b moduleTick) int { return cmp.Compare(b.Out, a.Out) },
	"waiting": func(a, b moduleTick) int { return cmp.Compare(b.Waiting, a.Waiting) },
	"errors":  func(a, b moduleTick) int { return cmp.Compare(b.Failed, a.Failed) },
}

func (a *app) top(ctx context.Context) error {
	order := orders[a.settings.GetString("sort")]
	if order == nil {
		return fmt.Errorf("sort must be one of flow, in, out, waiting, errors, got %q", a.settings.GetString("sort"))
	}
	r, err := a.remote()
	if err != nil {
		return err
	}
	ctx, cancel := interrupted(ctx)
	defer cancel()
	c, err := r.dial(ctx, "/websockets/statistics")
	if err != nil {
		return err
	}
	defer c.CloseNow() // there is nothing to say at the end
	once := a.settings.GetBool("once")
	for first := true; ; first = false {
		_, text, err := c.Read(ctx)
		if err != nil {
			return farewell(ctx, err)
		}
		var t tick
		if err := json.Unmarshal(text, &t); err != nil {
			return &exit{exitModule, "the server sends what is no JSON"}
		}
		slices.SortStableFunc(t.Modules, order)
		switch {
		case once && first: // rates need two looks
		case once:
			fmt.Fprint(a.out, t.table(false))
			return nil
		default:
			// Home, the table with every line cleared to its end, and the rest of the screen.
			screen := strings.ReplaceAll(t.table(a.colour(a.out)), "\n", "\x1b[K\n")
			fmt.Fprintf(a.out, "\x1b[H%s  %s\x1b[K\n%s\x1b[J", r.name, time.Now().Format(time.TimeOnly), screen)
		}
	}
}

// table shows a tick for a terminal.
func (t tick) table(colour bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/s in, %s/s to outputs, %s errors/s, %d waiting\n\n", brief(t.EPS), brief(t.Out), brief(t.Errors), t.Waiting)
	width, states := len("module"), len("blocked ")
	for i, m := range t.Modules {
		if m.State == "standby" {
			t.Modules[i].State = actor.WaitsToLead
		}
		width, states = max(width, utf8.RuneCountInString(m.ID)), max(states, len(t.Modules[i].State))
	}
	fmt.Fprintf(&b, "%-*s  %-*s %9s %9s  %-21s %8s %9s\n", width, "module", states, "state", "in/s", "out/s", "inbox", "errors", "restarts")
	for _, m := range t.Modules {
		line := fmt.Sprintf("%-*s  %-*s %9s %9s  %-21s %8d %9d", width, m.ID, states, m.State, brief(m.In), brief(m.Out), fill(m.Waiting, m.Capacity), m.Failed, m.Restarts)
		if code := map[string]string{"errors": "31", "blocked": "33", "paused": "35", actor.WaitsToLead: "35", "ended": "2"}[m.State]; colour && code != "" {
			line = "\x1b[" + code + "m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// fill is a bar for an inbox with its numbers.
func fill(n, capacity int) string {
	if capacity == 0 {
		return ""
	}
	const width = 8
	full := min(width, (n*width+capacity-1)/capacity)
	return fmt.Sprintf("[%s%s] %d", strings.Repeat("#", full), strings.Repeat(".", width-full), n)
}

func brief(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1fM", n/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.1fk", n/1e3)
	case n >= 10 || n == 0:
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.1f", n)
}
