package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"gambolputty/actor"
	"gambolputty/cmd/gambolputty/internal/systemd"
)

// signals reacts to signals while a graph runs.
type signals struct {
	graph  *actor.Graph
	hangUp func() // what SIGHUP asks for
	log    *slog.Logger
	soft   context.CancelFunc
	ch     chan os.Signal
	end    chan struct{}
}

// watchSignals returns a context that ends with the first signal to stop.
func watchSignals(ctx context.Context, g *actor.Graph, log *slog.Logger, hangUp func()) (context.Context, *signals) {
	ctx, soft := context.WithCancel(ctx)
	s := &signals{graph: g, log: log, hangUp: hangUp, soft: soft, ch: make(chan os.Signal, 4), end: make(chan struct{})}
	signal.Notify(s.ch, slices.Concat([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, reloadSignals, stateSignals)...)
	go s.watch()
	return ctx, s
}

func (s *signals) stop() {
	signal.Stop(s.ch)
	close(s.end)
	s.soft()
}

func (s *signals) watch() {
	asked := false
	for {
		select {
		case <-s.end:
			return
		case sig := <-s.ch:
			switch {
			case sig == syscall.SIGHUP || slices.Contains(reloadSignals, sig):
				go s.hangUp() // a signal to stop must not wait for it
			case isStateSignal(sig):
				s.state()
			case asked:
				s.force(sig)
			default:
				asked = true
				s.log.Info("stopping, events under way are delivered; a second signal ends the program at once", "signal", sig.String())
				if err := systemd.Notify("STOPPING=1"); err != nil {
					s.log.Warn("systemd was not told", "error", err)
				}
				s.soft()
			}
		}
	}
}

// stopTime is how long a forced stop may take before the process ends without it.
const stopTime = 2 * time.Second

// force ends the graph at once. A module that hangs even then must not keep the process.
func (s *signals) force(sig os.Signal) {
	s.log.Error("stopped by force", "signal", sig.String())
	s.graph.Abort(actor.ErrForced)
	time.AfterFunc(stopTime, func() {
		for _, st := range s.graph.Status() {
			if n := st.Meter.Lost.Load() + int64(st.Waiting); n > 0 {
				s.log.Error(fmt.Sprintf("%s: %d events lost", st.ID, n))
			}
		}
		os.Exit(exitForced)
	})
}

// state writes a line about every module to the log.
func (s *signals) state() {
	for _, st := range s.graph.Status() {
		m := st.Meter
		s.log.Info("state of "+st.ID,
			"inbox", fmt.Sprintf("%d/%d", st.Waiting, st.Capacity), "workers", st.Workers,
			"received", m.Received.Load(), "handled", m.Handled.Load(), "filtered", m.Filtered.Load(), "emitted", m.Emitted.Load(),
			"unrouted", m.Unrouted.Load(), "dropped", m.Dropped.Load(), "errors", m.Errors.Load(), "restarts", m.Restarts.Load(),
			"blocked", time.Duration(m.Blocked.Load()).Round(time.Millisecond))
	}
	s.log.Info("balance so far", figures(s.graph.Balance())...)
}
