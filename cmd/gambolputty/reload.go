package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/cmd/gambolputty/internal/systemd"
	"gambolputty/config"
	"gambolputty/stages/webserver/webservertornado"
)

// reloads remembers how the reloads of a run ended.
type reloads struct {
	mu         sync.Mutex // one at a time
	last       webservertornado.Reload
	good, bad  int64
	lastLocked sync.Mutex
}

func (r *reloads) note(c actor.Change, err error) {
	r.lastLocked.Lock()
	defer r.lastLocked.Unlock()
	r.last = webservertornado.Reload{Time: time.Now(), Change: c, Err: err}
	if err == nil {
		r.good++
	} else {
		r.bad++
	}
}

// LastReload is how the last reload ended; its time is zero if there was none. The numbers
// are those of the reloads that did what they should, and of those that did not.
func (p *program) LastReload() (last webservertornado.Reload, good, bad int64) {
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
// done, everything goes on as before, and the error says why: a config.InvalidError, or what the
// runtime says.
func (p *program) Reload() (actor.Change, error) {
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	return p.reloadNow()
}

// reloadNow is Reload for those who have the mutex.
func (p *program) reloadNow() (actor.Change, error) {
	p.told(systemd.Reloading())
	defer func() { p.told(systemd.Notify("READY=1")) }()
	change, err := p.readAgain()
	p.reloads.note(change, err)
	switch invalid, _ := errors.AsType[*config.InvalidError](err); {
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

func (p *program) readAgain() (actor.Change, error) {
	plan, report, err := p.app.read(p.paths, p.app.settings.GetBool("check-files"))
	if err != nil {
		return actor.Change{}, err
	}
	if !report.OK(false) {
		return actor.Change{}, &config.InvalidError{Report: report}
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
	p.app.shared.keep(plan)
	return change, nil
}

func (p *program) told(err error) {
	if err != nil {
		p.log.Warn("systemd was not told", "error", err)
	}
}

// Check reads the configuration again and says what is wrong with it.
func (p *program) Check() *config.Report {
	_, report, err := p.app.read(p.paths, p.app.settings.GetBool("check-files"))
	if err != nil {
		return &config.Report{Problems: []config.Problem{{Severity: "error", Code: "E001", Message: err.Error()}}}
	}
	return report
}

// Write replaces the file of the configuration and puts it into effect. What was there before
// stays beside it with the ending .bak; after an error it is back in its place.
func (p *program) Write(text, hash string) (actor.Change, error) {
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	if len(p.paths) != 1 || len(p.Plan().Texts) != 1 {
		return actor.Change{}, errors.New("the configuration is not one file")
	}
	path := p.Plan().Texts[0].Name
	before, err := os.ReadFile(path)
	if err != nil {
		return actor.Change{}, err
	}
	on := config.Plan{Texts: []config.Text{{Name: path, Text: string(before)}}}
	if on.Hash() != hash {
		return actor.Change{}, fmt.Errorf("%s has changed on the disk", path)
	}
	if _, report := p.Loader().LoadText(path, []byte(text)); !report.OK(false) {
		return actor.Change{}, &config.InvalidError{Report: report}
	}
	if err := replaceFile(path+".bak", before); err != nil {
		return actor.Change{}, err
	}
	if err := replaceFile(path, []byte(text)); err != nil {
		return actor.Change{}, err
	}
	change, err := p.reloadNow()
	if err != nil {
		err = errors.Join(err, replaceFile(path, before))
	}
	return change, err
}

// replaceFile writes a file in one step, with the permissions that it has, or that only the
// owner may read it, as there may be secrets in it.
func replaceFile(path string, text []byte) error {
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
