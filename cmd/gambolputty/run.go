package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"gambolputty/actor"
	"gambolputty/cmd/gambolputty/internal/systemd"
	"gambolputty/config"
)

func (a *app) runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a pipeline",
		Long: `Runs a pipeline until all inputs have ended or the program is asked to stop.

SIGINT and SIGTERM stop the inputs and deliver what is under way; a second one ends the
program at once. SIGUSR1 writes the state of all modules to the log.

SIGHUP reads the configuration again. Modules that are the same go on with their connections
and all that waits in them; others are replaced, added or removed, and no event is lost. If
the new configuration has errors, or a module does not start with it, all goes on as before,
and the log says why. SIGHUP also opens the log file anew.

Exit codes: 0 all is well, 1 the configuration has errors, 2 wrong usage, 3 a module could
not start or failed for good, 4 events were lost because the stop was forced or took too long.`,
		Example: `  gambolputty run -c pipeline.yml
  gambolputty run -c base.yml -c site.yml --workers 4
  gambolputty run -c pipeline.yml --watch`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.run(c.Context(), a.settings.GetStringSlice("conf")) },
	}
	conf(c)
	c.Flags().Int("workers", 0, "workers of every module that may run in parallel; wins over the configuration")
	c.Flags().Duration("shutdown-timeout", 0, "time for delivering what is under way at a stop; wins over the configuration")
	c.Flags().String("pid-file", "", "file to write the process id to once all modules have started")
	c.Flags().Bool("watch", false, "read the configuration again whenever one of its files has changed")
	c.Flags().Bool("check-files", false, "files that the configuration names must be readable")
	return c
}

// run runs a pipeline to its end.
func (a *app) run(ctx context.Context, paths []string) error {
	if n := a.settings.GetInt("workers"); n < 0 {
		return fmt.Errorf("workers must be at least 1, got %d", n)
	}
	plan, err := a.load(paths, a.settings.GetBool("check-files"))
	if err != nil {
		return err
	}
	a.override(plan)
	logs, err := a.openLog(plan.Global.Logging)
	if err != nil {
		return &exit{exitModule, "open the log file: " + err.Error()}
	}
	defer logs.Close()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := &program{app: a, paths: paths, logs: logs, log: slog.New(logs.handler), stop: stop}
	p.plan.Store(plan)
	settings := plan.Settings()
	settings.Log, settings.Offers = p.log, []any{p, logs.book}
	nodes := plan.Nodes(logs.module)
	settings.Ready = func() { a.started(p.log, len(nodes)) }
	if p.graph, err = actor.New(settings, nodes...); err != nil {
		return &exit{exitModule, err.Error()}
	}
	ctx, signals := watchSignals(ctx, p.graph, p.log, p.hangUp)
	defer signals.stop()
	if a.settings.GetBool("watch") {
		go p.watch(ctx)
	}
	defer a.removePID()
	err = p.graph.Run(ctx)
	logBalance(p.log, p.graph.Balance())
	return a.outcome(err, p.graph, p.log)
}

// override lets flags win over the Global section.
func (a *app) override(plan *config.Plan) {
	if n := a.settings.GetInt("workers"); n > 0 {
		plan.Global.Workers = n
	}
	if d := a.settings.GetDuration("shutdown-timeout"); d > 0 {
		plan.Global.ShutdownTimeout = d
	}
}

// started says that every module runs.
func (a *app) started(log *slog.Logger, modules int) {
	log.Info(fmt.Sprintf("started with %d modules", modules), "pid", os.Getpid())
	if err := systemd.Notify("READY=1"); err != nil {
		log.Warn("systemd was not told", "error", err)
	}
	if path := a.settings.GetString("pid-file"); path != "" {
		if err := writePID(path); err != nil {
			log.Error("the process id was not written", "error", err)
		}
	}
}

// writePID replaces the file in one step, so that nobody reads half a number.
func writePID(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".pid-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

func (a *app) removePID() {
	if path := a.settings.GetString("pid-file"); path != "" {
		os.Remove(path) // it may never have been written
	}
}

// outcome turns the end of a run into an exit code.
func (a *app) outcome(err error, graph *actor.Graph, log *slog.Logger) error {
	switch {
	case err == nil, errors.Is(err, actor.ErrQuit):
		log.Info("stopped, all events are delivered")
		return nil
	case errors.Is(err, actor.ErrForced), errors.Is(err, actor.ErrGrace):
		log.Error("events were lost", "error", err)
		for _, s := range graph.Status() {
			if n := s.Meter.Lost.Load(); n > 0 {
				log.Error(fmt.Sprintf("%s: %d events lost", s.ID, n))
			}
		}
		return &exit{code: exitForced}
	}
	log.Error("stopped", "error", err)
	return &exit{code: exitModule}
}
