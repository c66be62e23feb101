package redisconn

import (
	"context"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/retry"
)

// slowest is the pause after a refusal that only people can do something about.
const slowest = 30 * time.Second

// Forbidden reports whether the server does not know us or does not let us do something.
func Forbidden(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	for _, sign := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "invalid password", "without any password configured", "Client sent AUTH"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// Session is one life of a connection, from which an input reads until it fails or ctx
// ends. It calls works whenever the server has answered.
type Session func(ctx context.Context, works func()) error

// Persist runs session after session until ctx ends, with growing pauses. back, which may
// be nil, hears how long the server was away.
func Persist(ctx context.Context, env actor.Env, target string, session Session, back func(time.Duration)) {
	outage, backoff := retry.NewOutage(env, target), retry.Inputs()
	var since time.Time
	works := func() {
		if since.IsZero() {
			return
		}
		outage.Over()
		backoff.Reset()
		if back != nil {
			back(time.Since(since))
		}
		since = time.Time{}
	}
	for ctx.Err() == nil {
		err := session(ctx, works)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if since.IsZero() {
			since = time.Now()
		}
		outage.Failed(err)
		var least time.Duration
		if Forbidden(err) {
			least = slowest
		}
		if backoff.WaitAtLeast(ctx, least) != nil {
			return
		}
	}
}
