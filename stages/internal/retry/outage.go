package retry

import (
	"context"
	"fmt"
	"time"

	"gambolputty/actor"
)

// Outage tells the log about a counterpart that is away: at the first failure at once, then
// once in a while with the number of attempts, and when it is back.
type Outage struct {
	env    actor.Env
	target string
	since  time.Time
	tries  int
}

// NewOutage names the counterpart as the log calls it.
func NewOutage(env actor.Env, target string) *Outage { return &Outage{env: env, target: target} }

// Failed notes one more failure.
func (o *Outage) Failed(err error) {
	o.tries++
	if o.tries == 1 {
		o.since = time.Now()
		o.env.Ailing(o.target, o.target+" does not answer as it should")
		o.env.Log.Error("target failed, trying again", "target", o.target, "error", err, "tries", 1)
		return
	}
	if time.Since(o.since) < quiet {
		return
	}
	o.env.Warn("target still fails, trying again", "target", o.target, "error", err, "tries", o.tries, "since", o.since.UTC().Format(time.RFC3339))
}

// quiet is the time after the first line in which nothing more is said.
const quiet = 10 * time.Second

// Over notes a success.
func (o *Outage) Over() {
	if o.tries == 0 {
		return
	}
	o.env.Log.Info("target works again", "target", o.target, "tries", o.tries, "after", time.Since(o.since).Round(time.Millisecond))
	o.env.Ailing(o.target, "")
	o.tries = 0
}

// Required dials at start if a limit says that the program shall not start without the
// counterpart, and until then. Without a limit nothing is reached out for.
func Required(ctx context.Context, limit time.Duration, dial func(context.Context) error) error {
	if limit <= 0 {
		return nil
	}
	return FirstContact(ctx, limit, dial)
}

// FirstContact dials at start. With a limit it tries until then, and the error ends the
// start of the program; without one it tries once, and the error is transient.
func FirstContact(ctx context.Context, limit time.Duration, dial func(context.Context) error) error {
	if limit <= 0 {
		return actor.Transient(dial(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for b := Inputs(); ; {
		err := dial(ctx)
		if err == nil {
			return nil
		}
		if b.Wait(ctx) != nil {
			return fmt.Errorf("no contact within %s: %w", limit, err)
		}
	}
}
