package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/misc/eventbuffer"
)

func (a *app) eventBufferCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "eventbuffer",
		Short: "Look after the events that an EventBuffer keeps",
		Long: `Looks after the events that the EventBuffer of a configuration keeps, such as those of an
input that is not there any more. A buffer on disk must not be in use; in a store, events of
processes that are at work are left alone.`,
		Example: `  gambolputty eventbuffer list -c pipeline.yml
  gambolputty eventbuffer requeue -c pipeline.yml --from old_tcp --to tcp
  gambolputty eventbuffer purge -c pipeline.yml --from old_tcp`,
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "Show what is kept",
		Long:    "Shows how many events of each input are kept, or with --events the events as JSON lines.",
		Example: "  gambolputty eventbuffer list -c pipeline.yml --events",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withPlace(c.Context(), func(ctx context.Context, p eventbuffer.Place) error {
				return a.listKept(ctx, p, a.settings.GetBool("events"))
			})
		},
	}
	list.Flags().Bool("events", false, "show the events")
	requeue := &cobra.Command{
		Use:     "requeue",
		Short:   "Make events those of another input",
		Long:    "Makes the events of one input those of another one, to whose receivers they are sent at the next start.",
		Example: "  gambolputty eventbuffer requeue -c pipeline.yml --from old_tcp --to tcp",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			to := a.settings.GetString("to")
			if to == "" {
				return errors.New("--to is missing: the id of an input")
			}
			return a.changeKept(c.Context(), "requeued", func(ctx context.Context, p eventbuffer.Place, k eventbuffer.Kept) error {
				return p.Move(ctx, k, to)
			})
		},
	}
	purge := &cobra.Command{
		Use:     "purge",
		Short:   "Throw events away",
		Example: "  gambolputty eventbuffer purge -c pipeline.yml --from old_tcp",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.changeKept(c.Context(), "thrown away", func(ctx context.Context, p eventbuffer.Place, k eventbuffer.Kept) error {
				return p.Remove(ctx, k)
			})
		},
	}
	requeue.Flags().String("to", "", "id of the input that shall have them")
	for _, sub := range []*cobra.Command{requeue, purge} {
		sub.Flags().String("from", "", "id of the input that made the events")
		sub.Flags().Bool("all", false, "the events of all inputs")
	}
	for _, sub := range []*cobra.Command{list, requeue, purge} {
		conf(sub)
		c.AddCommand(sub)
	}
	return c
}

// listKept prints what is kept.
func (a *app) listKept(ctx context.Context, p eventbuffer.Place, whole bool) error {
	counts := map[string]int{}
	unreadable, living := 0, 0
	var json event.Encoder
	var line []byte
	err := p.Look(ctx, func(k eventbuffer.Kept) bool {
		switch {
		case k.Err != nil:
			unreadable++
			fmt.Fprintf(a.err, "%s: %s\n", cmp.Or(k.Where, "a segment"), k.Err)
			return true
		case k.Living:
			living++
		}
		counts[k.Input]++
		if whole {
			line = append(json.AppendEvent(line[:0], k.Event), '\n')
			_, _ = a.out.Write(line)
		}
		return true
	})
	if err != nil || whole {
		return err
	}
	for _, input := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(a.out, "%s: %d events\n", input, counts[input])
	}
	if len(counts) == 0 {
		fmt.Fprintln(a.out, "no events are kept")
	}
	if unreadable > 0 {
		fmt.Fprintf(a.out, "%d cannot be read\n", unreadable)
	}
	if living > 0 {
		fmt.Fprintf(a.out, "%d belong to a process that is at work\n", living)
	}
	return nil
}

// changeKept does something with the events of an input.
func (a *app) changeKept(ctx context.Context, what string, do func(context.Context, eventbuffer.Place, eventbuffer.Kept) error) error {
	from, all := a.settings.GetString("from"), a.settings.GetBool("all")
	if (from == "") != all {
		return errors.New("say which events are meant: --from ID or --all")
	}
	return a.withPlace(ctx, func(ctx context.Context, p eventbuffer.Place) error {
		var list []eventbuffer.Kept
		err := p.Look(ctx, func(k eventbuffer.Kept) bool {
			if k.Err == nil && !k.Living && (all || k.Input == from) {
				list = append(list, k)
			}
			return true
		})
		if err != nil {
			return err
		}
		for _, k := range list {
			if err := do(ctx, p, k); err != nil {
				return fmt.Errorf("event %s: %w", k.Where, err)
			}
		}
		fmt.Fprintf(a.out, "%d events %s\n", len(list), what)
		return nil
	})
}

// withoutBuffers leaves out what keeps events on disk or in a store, so that a command which
// is no run of the pipeline neither sends them nor waits for whoever does.
func withoutBuffers(nodes []actor.Node) []actor.Node {
	nodes = slices.DeleteFunc(nodes, func(n actor.Node) bool { return n.Spec.Name == eventbuffer.Spec.Name })
	for _, n := range nodes {
		for i := range n.Receivers {
			n.Receivers[i].Buffer = nil
		}
	}
	return nodes
}

// placeOptions are those of a service that opens the place of an EventBuffer, and of the
// store that this needs.
type placeOptions struct{ eventbuffer.Options }

// opener is a service that does its work when it is opened.
type opener func(context.Context) error

// Open does the work.
func (o opener) Open(ctx context.Context) error { return o(ctx) }

// Serve waits for the end.
func (o opener) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

// withPlace runs the stores of a configuration and works with what its EventBuffer keeps.
func (a *app) withPlace(ctx context.Context, work func(context.Context, eventbuffer.Place) error) error {
	plan, err := a.load(a.settings.GetStringSlice("conf"), false)
	if err != nil {
		return err
	}
	logs, err := a.openLog(config.Logging{Level: config.Level{Level: slog.LevelError}, Format: plan.Global.Logging.Format})
	if err != nil {
		return err
	}
	var nodes []actor.Node
	found := false
	for _, n := range plan.Nodes(logs.module) {
		switch {
		case n.Spec.Name == eventbuffer.Spec.Name:
			found = true
			o := placeOptions{*n.Opts.(*eventbuffer.Options)}
			n.Opts = &o
			n.Spec = actor.DefineService(actor.Info{Name: n.Spec.Name, Role: actor.StandAlone}, o, func(env actor.Env, o placeOptions) (actor.Service, error) {
				return opener(func(ctx context.Context) error {
					p, e := eventbuffer.OpenPlace(env, o.Options)
					if e == nil {
						e = errors.Join(work(ctx, p), p.Close(ctx))
					}
					err = e
					return nil
				}), nil
			})
		case n.Spec.Role != actor.StandAlone:
			continue
		}
		nodes = append(nodes, n)
	}
	if !found {
		return errors.New("there is no EventBuffer in the configuration")
	}
	graph, failed := actor.New(actor.Settings{Log: slog.New(logs.handler)}, nodes...)
	if failed != nil {
		return &exit{exitModule, failed.Error()}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if failed := errors.Join(graph.Run(ctx), err); failed != nil {
		return &exit{exitModule, failed.Error()}
	}
	return nil
}
