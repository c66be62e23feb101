package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/cmd/gambolputty/internal/systemd"
	"gambolputty/config"
)

// InvalidError says that a configuration has errors.
type InvalidError struct{ Report *config.Report }

// Error counts them.
func (e *InvalidError) Error() string {
	errs, _ := e.Report.Count()
	return fmt.Sprintf("the configuration has %d errors", errs)
}

// Problems are the errors and warnings, for those who show them.
func (e *InvalidError) Problems() []config.Problem { return e.Report.Problems }

// Reloaded is how a reload ended.
type Reloaded struct {
	Time   time.Time
	Change actor.Change
	Err    error
}

// reloads remembers how the reloads of a run ended.
type reloads struct {
	mu         sync.Mutex // one at a time
	last       Reloaded
	good, bad  int64
	lastLocked sync.Mutex
}

func (r *reloads) note(c actor.Change, err error) {
	r.lastLocked.Lock()
	defer r.lastLocked.Unlock()
	r.last = Reloaded{time.Now(), c, err}
	if err == nil {
		r.good++
	} else {
		r.bad++
	}
}

// LastReload is how the last reload ended; its time is zero if there was none. The numbers
// are those of the reloads that did what they should, and of those that did not.
func (p *program) LastReload() (last Reloaded, good, bad int64) {
	p.reloads.lastLocked.Lock()
	defer p.reloads.lastLocked.Unlock()
	return p.reloads.last, p.reloads.good, p.reloads.bad
}

// hangUp is what SIGHUP asks for. The log tells how it ends.
func (p *program) hangUp() {
	if err := p.logs.reopen(); err != nil {
		p.log.Error("the log file was not opened anew", "error", err)
	}
	_, _ = p.Reload()
}

// Reload reads the configuration again and changes what runs accordingly. If that cannot be
// done, everything goes on as before, and the error says why: an InvalidError, or what the
// runtime says.
func (p *program) Reload() (actor.Change, error) {
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	p.told(systemd.Reloading())
	defer func() { p.told(systemd.Notify("READY=1")) }()
	change, err := p.reload()
	p.reloads.note(change, err)
	switch invalid, _ := errors.AsType[*InvalidError](err); {
	case invalid != nil:
		for _, line := range strings.Split(strings.TrimSpace(invalid.Report.Text()), "\n") {
			p.log.Error("the new configuration is refused: " + line)
		}
	case err != nil:
		p.log.Error("the new configuration could not be put into effect, the former one goes on", "error", err)
	default:
		p.log.Info("reloaded: " + change.String())
	}
	return change, err
}

func (p *program) reload() (actor.Change, error) {
	plan, report, err := p.app.read(p.paths, p.app.settings.GetBool("check-files"))
	if err != nil {
		return actor.Change{}, err
	}
	if !report.OK(false) {
		return actor.Change{}, &InvalidError{report}
	}
	for _, problem := range report.Problems {
		p.log.Warn(problem.String())
	}
	p.app.override(plan)
	return p.apply(plan)
}

// apply makes a plan the one that runs.
func (p *program) apply(plan *config.Plan) (actor.Change, error) {
	former := p.plan.Load()
	if err := p.logs.configure(p.app, plan.Global.Logging); err != nil {
		return actor.Change{}, err
	}
	change, err := p.graph.Reload(plan.Settings(), plan.Nodes(p.logs.module)...)
	if err != nil {
		former.Nodes(p.logs.module) // which sets the levels of the modules again
		return change, errors.Join(err, p.logs.configure(p.app, former.Global.Logging))
	}
	p.plan.Store(plan)
	return change, nil
}

func (p *program) told(err error) {
	if err != nil {
		p.log.Warn("systemd was not told", "error", err)
	}
}
