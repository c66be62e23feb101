package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gambolputty/actor"
	"gambolputty/actor/logbook"
	"gambolputty/cmd/gambolputty/internal/logging"
	"gambolputty/cmd/gambolputty/internal/systemd"
	"gambolputty/config"
)

func (a *app) runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a pipeline",
		Long: `Runs a pipeline until all inputs have ended or the program is asked to stop.

SIGINT and SIGTERM stop the inputs and deliver what is under way; a second one ends the
program at once. SIGUSR1 writes the state of all modules to the log, SIGHUP opens the log
file anew.

Exit codes: 0 all is well, 1 the configuration has errors, 2 wrong usage, 3 a module could
not start or failed for good, 4 events were lost because the stop was forced or took too long.`,
		Example: `  gambolputty run -c pipeline.yml
  gambolputty run -c base.yml -c site.yml --workers 4`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.run(c.Context(), a.settings.GetStringSlice("conf")) },
	}
	conf(c)
	c.Flags().Int("workers", 0, "workers of every module that may run in parallel; wins over the configuration")
	c.Flags().Duration("shutdown-timeout", 0, "time for delivering what is under way at a stop; wins over the configuration")
	c.Flags().String("pid-file", "", "file to write the process id to once all modules have started")
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
	settings := plan.Settings()
	settings.Log = slog.New(logs.handler)
	nodes := plan.Nodes(logs.module)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := &program{app: a, levels: logs.levels, stop: stop}
	p.plan.Store(plan)
	settings.Offers = []any{p, logs.book}
	settings.Ready = func() { a.started(settings.Log, len(nodes)) }
	graph, err := actor.New(settings, nodes...)
	if err != nil {
		return &exit{exitModule, err.Error()}
	}
	ctx, signals := watchSignals(ctx, graph, settings.Log, logs)
	defer signals.stop()
	defer a.removePID()
	err = graph.Run(ctx)
	logBalance(settings.Log, graph.Balance())
	return a.outcome(err, graph, settings.Log)
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

// logs is where the log goes.
type logs struct {
	handler *logging.Handler
	level   slog.Level
	levels  *logging.Levels // for a while
	book    *logbook.Book   // the last lines
	file    *logging.File
}

// openLog makes the log of a configuration; flags win over it.
func (a *app) openLog(o config.Logging) (*logs, error) {
	l := &logs{level: o.Level.Level, levels: new(logging.Levels), book: new(logbook.Book)}
	if name := a.settings.GetString("log-level"); name != "" {
		l.level, _ = logging.ParseLevel(name) // it was checked before
	}
	var w io.Writer = a.err
	if o.Filename != "" {
		file, err := logging.OpenFile(o.Filename, o.Filemode == "w")
		if err != nil {
			return nil, err
		}
		l.file, w = file, file
	}
	format := o.Format
	switch a.settings.GetString("log-format") {
	case "json":
		format = "json"
	case "text":
		if format == "json" {
			format = logging.DefaultFormat
		}
	}
	var err error
	l.handler, err = logging.New(w, logging.Options{Format: format, Level: l.levels.Of("", l.level), Colour: a.colour(w), Book: l.book})
	return l, err
}

// colour reports whether w is a terminal that shows colours.
func (a *app) colour(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || a.settings.GetBool("no-color") || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// module makes the logger of a module.
func (l *logs) module(id string, level *slog.Level) *slog.Logger {
	lowest := l.level
	if level != nil {
		lowest = *level
	}
	return slog.New(l.handler.WithLevel(l.levels.Of(id, lowest))).With(logging.Module, id)
}

// Close closes the log file.
func (l *logs) Close() {
	if l.file != nil {
		l.file.Close() // the last line is written
	}
}

// stopTime is how long a forced stop may take before the process ends without it.
const stopTime = 2 * time.Second
