package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/stdoutsink"
)

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast a pipeline is and where the time goes",
		Long: `Runs the lines of a file from memory through a pipeline as fast as it goes, in place of
its inputs. What StdOutSink would print is thrown away; other outputs do their work.

Prints events and MiB per second, CPU time, allocations per event, and the share of time that
every module took.`,
		Example: "  gambolputty bench -c pipeline.yml --input access.log --events 1000000",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.bench(c.Context()) },
	}
	conf(c)
	c.Flags().String("input", "", "file with lines")
	c.Flags().Int("events", 0, "number of events; the file is read again and again for more. 0 is once")
	c.Flags().Int("workers", 0, "workers of every module that may run in parallel; wins over the configuration")
	c.AddCommand(a.benchTCPCommand())
	return c
}

func (a *app) bench(ctx context.Context) error {
	path := a.settings.GetString("input")
	if path == "" {
		return errors.New("no lines are given; name a file with --input")
	}
	plan, err := a.load(a.settings.GetStringSlice("conf"), false)
	if err != nil {
		return err
	}
	a.override(plan)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	logs, err := a.openLog(plan.Global.Logging)
	if err != nil {
		return err
	}
	source := &corpus{text: string(text), events: a.settings.GetInt("events")}
	nodes := benchNodes(withoutBuffers(plan.Nodes(logs.module)), source)
	settings := plan.Settings()
	settings.Log = slog.New(logs.handler)
	graph, err := actor.New(settings, nodes...)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	before := readUsage()
	if err := graph.Run(ctx); err != nil {
		return &exit{exitModule, err.Error()}
	}
	return a.printBench(readUsage().since(before), source, graph.Status())
}

// benchNodes replaces the inputs by the corpus and the terminal by nothing.
func benchNodes(nodes []actor.Node, source *corpus) []actor.Node {
	var kept []actor.Node
	feed := actor.Node{ID: "corpus", Opts: &none{}, Log: slog.New(slog.DiscardHandler), Inbox: 1}
	for _, n := range nodes {
		if n.Spec.Role == actor.Input {
			if feed.Receivers == nil {
				feed.Receivers, feed.Actions, feed.Filter = n.Receivers, n.Actions, n.Filter
				feed.Spec = actor.DefineSource(actor.Info{Name: n.Spec.Name, Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return source, nil })
			}
			continue
		}
		if o, ok := n.Opts.(*stdoutsink.Options); ok {
			quiet := &stdoutsink.Writer{W: io.Discard}
			o.StdOut, o.StdErr = quiet, quiet
		}
		kept = append(kept, n)
	}
	return append([]actor.Node{feed}, kept...)
}

// corpus is an input that sends the lines of a text.
type corpus struct {
	text   string
	events int
	sent   int
	bytes  int
}

// Run sends the lines, over and over if more are wanted.
func (c *corpus) Run(ctx context.Context, out *actor.Outlet) error {
	for ctx.Err() == nil {
		before := c.sent
		if err := c.once(ctx, out); err != nil {
			return err
		}
		if c.events == 0 || c.sent >= c.events || c.sent == before {
			break
		}
	}
	return nil
}

func (c *corpus) once(ctx context.Context, out *actor.Outlet) error {
	b := out.Batch("corpus")
	for rest := c.text; rest != "" && ctx.Err() == nil && (c.events == 0 || c.sent < c.events); {
		n := strings.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
		}
		b.New().SetField(event.Data, event.String(rest[:n]))
		rest = rest[n:]
		c.sent++
		c.bytes += n
		if !b.Full(out.Size()) {
			continue
		}
		if err := out.Emit(b, nil); err != nil {
			return err
		}
		b = out.Batch("corpus")
	}
	return out.Emit(b, nil)
}

// usage is what the process has used up.
type usage struct {
	wall   time.Time
	took   time.Duration
	cpu    time.Duration
	allocs uint64
	bytes  uint64
}

func readUsage() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{wall: time.Now(), cpu: cpuTime(), allocs: m.Mallocs, bytes: m.TotalAlloc}
}

func (u usage) since(o usage) usage {
	return usage{took: u.wall.Sub(o.wall), cpu: u.cpu - o.cpu, allocs: u.allocs - o.allocs, bytes: u.bytes - o.bytes}
}

func (a *app) printBench(u usage, c *corpus, states []actor.Status) error {
	n := max(1, c.sent)
	seconds := max(u.took.Seconds(), 1e-9)
	fmt.Fprintf(a.out, "%d events, %.1f MiB in %s\n", c.sent, float64(c.bytes)/(1<<20), u.took.Round(time.Millisecond))
	fmt.Fprintf(a.out, "%.0f events/s, %.1f MiB/s\n", float64(c.sent)/seconds, float64(c.bytes)/(1<<20)/seconds)
	fmt.Fprintf(a.out, "CPU %s, %.2f allocations and %.0f bytes per event\n\n", u.cpu.Round(time.Millisecond), float64(u.allocs)/float64(n), float64(u.bytes)/float64(n))
	var total time.Duration
	for _, s := range states {
		total += time.Duration(s.Meter.Busy.Load())
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "module\tworkers\thandled\ttime\tshare\tns/event\twaited\t")
	for _, s := range states {
		busy := time.Duration(s.Meter.Busy.Load())
		handled := s.Meter.Handled.Load()
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%.1f%%\t%d\t%s\t\n", s.ID, s.Workers, handled, busy.Round(time.Millisecond),
			100*float64(busy)/float64(max(1, total)), int64(busy)/max(1, handled), time.Duration(s.Meter.Blocked.Load()).Round(time.Millisecond))
	}
	return w.Flush()
}
