package actor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// PanicError is a panic that was turned into an error.
type PanicError struct {
	Value any
	Stack []byte
}

// Error names the value of the panic.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Transient says that the outside world is at fault: the stage is restarted with a
// growing pause for as long as it takes, and nothing is counted.
func Transient(err error) error {
	if err == nil {
		return nil
	}
	return transient{err}
}

type transient struct{ error }

func (t transient) Unwrap() error { return t.error }

// Final says that a source has come to its end, and that it was no good one: it is not
// started again, the other inputs go on, and the run fails with err once they have ended.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

type final struct{ error }

func (f final) Unwrap() error { return f.error }

// isolated says that one event was at fault and that the instance had worked before:
// no reason to wait, and none to lose faith.
type isolated struct{ error }

func (i isolated) Unwrap() error { return i.error }

// guard runs f and returns its panic, if any, as an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}

// ErrGaveUp wraps the last error of a module that failed too often.
var ErrGaveUp = errors.New("failed too often")

// supervise runs life until it returns nil, ctx ends, or the policy is exceeded.
func (n *node) supervise(ctx context.Context, life func(context.Context) error) error {
	p := n.Restart
	var failures []time.Time
	for try := 0; ; try++ {
		began := time.Now()
		err := guard(func() error { return life(ctx) })
		if n.resume() {
			continue
		}
		if err == nil || ctx.Err() != nil || n.halted() || n.overdue() {
			return nil
		}
		if _, ok := errors.AsType[final](err); ok {
			return err
		}
		if errors.Is(err, errAsked) || errors.Is(err, errUnled) {
			try = -1
			continue
		}
		n.meter.Restarts.Add(1)
		if _, ok := errors.AsType[isolated](err); ok {
			n.warn.log(levelError, "module failed on one event and was restarted", "error", err, "stack", stack(err))
			try = -1
			continue
		}
		if time.Since(began) > p.Calm {
			try = 0
		}
		pause := p.pause(try)
		if _, ok := errors.AsType[transient](err); !ok {
			failures = append(recent(failures, p.Window), time.Now())
			pause = min(pause, p.longestCounted())
		}
		if len(failures) > p.Max {
			return fmt.Errorf("%w: %w", ErrGaveUp, err)
		}
		n.warn.log(levelError, "module failed, restarting", "error", err, "failures", len(failures), "pause", pause, "stack", stack(err))
		select {
		case <-time.After(pause):
		case <-n.halt:
		case <-n.softly().Done():
		case <-ctx.Done():
			return nil
		}
	}
}

func recent(failures []time.Time, window time.Duration) []time.Time {
	for len(failures) > 0 && time.Since(failures[0]) > window {
		failures = failures[1:]
	}
	return failures
}

// longestCounted keeps the pauses between failures short enough for a module that never
// works to be given up within its window; otherwise it would be restarted for ever.
func (p RestartPolicy) longestCounted() time.Duration {
	return p.Window / time.Duration(2*max(1, p.Max))
}

// pause doubles with every try, with up to a half more at random.
func (p RestartPolicy) pause(try int) time.Duration {
	d := min(p.Longest, p.First<<min(try, 20))
	return d + time.Duration(rand.Int64N(int64(d)/2+1))
}

func stack(err error) string {
	if p, ok := errors.AsType[*PanicError](err); ok {
		return string(p.Stack)
	}
	return ""
}
