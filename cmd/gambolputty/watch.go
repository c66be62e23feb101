package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// lookEvery is how often the files of a configuration are looked at. That needs nothing of the
// system, so it works in containers and on network drives too.
const lookEvery = time.Second

// watch reloads whenever the configuration has changed, until ctx ends.
func (p *program) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	tried := p.stamp()
	if plan, _, err := p.app.read(p.paths, false); err == nil && plan.Hash() != p.Plan().Hash() {
		tried = "" // it has changed since the start
	}
	last := ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := p.stamp()
		if now != tried && now == last { // nobody is writing any more
			tried = now
			_, _ = p.Reload() // the log tells
		}
		last = now
	}
}

// stamp tells one state of the files from another.
func (p *program) stamp() string {
	var b strings.Builder
	for _, path := range append(p.Plan().Files, p.paths...) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
