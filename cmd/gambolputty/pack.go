package main

import (
	"context"
	"sync"

	"gambolputty/actor"
	"gambolputty/config"
	"gambolputty/stages/cluster/packconfiguration"
)

// sharedModules are the modules that the leader of a pack has given, and those that stand in the
// place of the own ones.
type sharedModules struct {
	mu      sync.Mutex
	list    []config.Shared
	instead *config.Instead
}

func (s *sharedModules) get() ([]config.Shared, *config.Instead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list, s.instead
}

func (s *sharedModules) set(list []config.Shared, instead *config.Instead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.instead = list, instead
}

// keep forgets what stood in the place of the own modules when that is not so in what runs, so that
// it does not come back when the files are one day as they were.
func (s *sharedModules) keep(plan *config.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !plan.Replaced {
		s.instead = nil
	}
}

var _ packconfiguration.Program = (*program)(nil)

// Refresh reads the configuration again if its files have changed since it was tried last.
func (p *program) Refresh() {
	if len(p.paths) == 1 && p.paths[0] == "-" {
		return // there is nothing to read again
	}
	plan, _, err := p.app.read(p.paths, false)
	if err != nil {
		return // the next reload that somebody asks for tells
	}
	hash := plan.Hash()
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	if hash == p.Plan().Hash() || hash == p.refreshed {
		return
	}
	p.refreshed = hash
	_, _ = p.reloadNow() // the log tells
}

// Take puts modules of the leader into effect beside the own ones, or in their place. After an
// error those before go on. Nothing is done when ctx has ended.
func (p *program) Take(ctx context.Context, list []config.Shared, instead *config.Instead) (actor.Change, error) {
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return actor.Change{}, err
	}
	former, formerInstead := p.app.shared.get()
	p.app.shared.set(list, instead)
	change, err := p.reloadNow()
	if err != nil {
		p.app.shared.set(former, formerInstead)
	}
	return change, err
}

// Try says what is wrong with modules of the leader, and does nothing else.
func (p *program) Try(list []config.Shared) error {
	loader := p.app.loader(p.app.settings.GetBool("check-files"))
	loader.Shared = list
	if _, report := loader.Load(p.paths...); !report.OK(false) {
		return &config.InvalidError{Report: report}
	}
	return nil
}
