package actor

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	levelError = slog.LevelError
	// warnEvery is the least time between two lines with the same message.
	warnEvery = 10 * time.Second
)

// throttle lets a message that is repeated through once in a while and counts the rest.
type throttle struct {
	logger *slog.Logger

	mu   sync.Mutex
	seen map[string]*repeated
}

type repeated struct {
	last       time.Time
	suppressed int
}

func (t *throttle) log(level slog.Level, message string, args ...any) {
	suppressed, ok := t.pass(message)
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	t.logger.Log(context.Background(), level, message, args...)
}

// pass reports whether a line may be written and how many were not since the last one.
// The messages are constants, so the map is bounded by the size of the program.
func (t *throttle) pass(message string) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]*repeated{}
	}
	r, known := t.seen[message]
	if !known {
		r = &repeated{}
		t.seen[message] = r
	}
	if known && time.Since(r.last) < warnEvery {
		r.suppressed++
		return 0, false
	}
	suppressed = r.suppressed
	r.last, r.suppressed = time.Now(), 0
	return suppressed, true
}
