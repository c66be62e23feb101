package main

import (
	"context"
	"sync"

	"gambolputty/actor"
	"gambolputty/config"
	"gambolputty/stages/cluster/packconfiguration"
)

// sharedModules are the modules that the leader of a pack has given.
type sharedModules struct {
	mu   sync.Mutex
	list []config.Shared
}

func (s *sharedModules) get() []config.Shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

func (s *sharedModules) set(list []config.Shared) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = list
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

// Take puts modules of the leader into effect beside the own ones. After an error those before
// go on. Nothing is done when ctx has ended.
func (p *program) Take(ctx context.Context, list []config.Shared) (actor.Change, error) {
	p.reloads.mu.Lock()
	defer p.reloads.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return actor.Change{}, err
	}
	former := p.app.shared.get()
	p.app.shared.set(list)
	change, err := p.reloadNow()
	if err != nil {
		p.app.shared.set(former)
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
