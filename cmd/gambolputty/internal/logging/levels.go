package logging

import (
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Levels are lowest levels that hold for a while instead of those that are configured. The
// zero value is ready.
type Levels struct {
	now atomic.Pointer[map[string]slog.Level] // by module; "" is all of them

	mu     sync.Mutex
	timers map[string]*time.Timer
}

// Set sets the level of a module, or of all for "", for some time. 0 ends that at once.
func (l *Levels) Set(module string, level slog.Level, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.timers[module]; t != nil {
		t.Stop()
	}
	delete(l.timers, module)
	if d <= 0 {
		l.change(func(m map[string]slog.Level) { delete(m, module) })
		return
	}
	l.change(func(m map[string]slog.Level) { m[module] = level })
	if l.timers == nil {
		l.timers = map[string]*time.Timer{}
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.timers[module] == t { // nobody has set it anew
			delete(l.timers, module)
			l.change(func(m map[string]slog.Level) { delete(m, module) })
		}
	})
	l.timers[module] = t
}

func (l *Levels) change(f func(map[string]slog.Level)) {
	next := map[string]slog.Level{}
	if now := l.now.Load(); now != nil {
		maps.Copy(next, *now)
	}
	f(next)
	if len(next) == 0 {
		l.now.Store(nil)
		return
	}
	l.now.Store(&next)
}

// Of returns the level of a module, which is the configured one most of the time.
func (l *Levels) Of(module string, configured slog.Leveler) slog.Leveler {
	return moduleLevel{l, module, configured}
}

type moduleLevel struct {
	levels     *Levels
	module     string
	configured slog.Leveler
}

// Level is the lowest level that is written now.
func (m moduleLevel) Level() slog.Level {
	if now := m.levels.now.Load(); now != nil {
		if l, ok := (*now)[m.module]; ok {
			return l
		}
		if l, ok := (*now)[""]; ok {
			return l
		}
	}
	return m.configured.Level()
}
