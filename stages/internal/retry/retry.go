// Package retry waits between attempts.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is the pauses between attempts: they double from First to Longest, give or take
// a fifth at random, so that many senders do not come back at the same moment.
type Backoff struct {
	First, Longest time.Duration
	tries          int
}

// Sinks is the backoff of outputs.
func Sinks() Backoff { return Backoff{First: 500 * time.Millisecond, Longest: time.Minute} }

// Inputs is the backoff of inputs that connect to a server.
func Inputs() Backoff { return Backoff{First: 500 * time.Millisecond, Longest: 30 * time.Second} }

// Wait pauses before the next attempt. The error is that of ctx.
func (b *Backoff) Wait(ctx context.Context) error { return b.WaitAtLeast(ctx, 0) }

// WaitAtLeast pauses too, but for no less than the counterpart has asked for.
func (b *Backoff) WaitAtLeast(ctx context.Context, least time.Duration) error {
	timer := time.NewTimer(max(least, b.next()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Backoff) next() time.Duration {
	d := min(b.Longest, b.First<<min(b.tries, 20))
	b.tries++
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}

// Tries is the number of pauses so far.
func (b *Backoff) Tries() int { return b.tries }

// Reset begins anew after a success.
func (b *Backoff) Reset() { b.tries = 0 }
