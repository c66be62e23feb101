package actor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Command is what people may ask of one module while the program runs.
type Command string

// The commands.
const (
	// Pause makes an input wait when it wants to send events; Resume ends that. What the
	// input does when it cannot go on is up to it: a TCP connection is not read, for example.
	Pause  Command = "pause"
	Resume Command = "resume"
	// Restart ends the instances of a module when they have done with the batch they have, and
	// builds new ones. Nothing that waits is lost. An input that is paused is resumed; its next
	// instance is built when all that the former one sent has been delivered.
	Restart Command = "restart"
	// Flush makes an output that gathers events, or a module that holds some back for a
	// while, deliver now what is due at the next interval.
	Flush Command = "flush"
)

// Refusal says why a module cannot do what it was asked for.
type Refusal struct{ Reason string }

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Do asks something of a module and does not wait until it is done. The error wraps
// ErrNoModule or is a Refusal.
func (g *Graph) Do(c Command, id string) error {
	n := g.find(id)
	switch {
	case n == nil:
		return fmt.Errorf("%w: %s", ErrNoModule, id)
	case n.Spec.Role == StandAlone:
		return refuse("%s has no events and cannot be asked to %s", id, c)
	case n.over.Load():
		return refuse("%s has come to its end", id)
	}
	switch c {
	case Pause, Resume:
		if n.Spec.Role != Input {
			return refuse("only inputs can %s, and %s is a module of the kind %s", c, id, n.Spec.Role)
		}
		if c == Resume && n.waits() && n.wishes.held.Load() == nil {
			return refuse("%s runs on the leader of the pack, and this node does not lead", id)
		}
		n.wishes.pause(c == Pause)
	case Restart:
		n.wishes.pause(false)
		n.wishes.lives.Add(1)
		n.wishes.tell()
	case Flush:
		if n.feed.bulk == nil && !n.wishes.holds.Load() {
			return refuse("%s holds no events back", id)
		}
		n.wishes.flushes.Add(1)
		n.wishes.tell()
	default:
		return refuse("there is no command %q", c)
	}
	n.log.Info("module was asked to "+string(c), "command", string(c))
	return nil
}

// wishes are what was asked of a module.
type wishes struct {
	held    atomic.Pointer[chan struct{}] // closed when the pause ends; nil if there is none
	news    atomic.Pointer[chan struct{}] // closed when there is a new wish
	lives   atomic.Int64                  // restarts that were asked for
	flushes atomic.Int64
	holds   atomic.Bool // the instances let events out at an interval
}

func (w *wishes) pause(on bool) {
	ch := make(chan struct{})
	if on {
		w.held.CompareAndSwap(nil, &ch)
		return
	}
	if before := w.held.Swap(nil); before != nil {
		close(*before)
	}
}

// wait holds a source up as long as it is paused. The end of the inputs ends the pause.
func (w *wishes) wait(n *node) {
	if held := w.held.Load(); held != nil {
		select {
		case <-*held:
		case <-n.softly().Done():
		}
	}
}

func (w *wishes) tell() {
	ch := make(chan struct{})
	if before := w.news.Swap(&ch); before != nil {
		close(*before)
	}
}

// listen returns a channel that is closed at the next wish.
func (w *wishes) listen() <-chan struct{} {
	for {
		if ch := w.news.Load(); ch != nil {
			return *ch
		}
		ch := make(chan struct{})
		w.news.CompareAndSwap(nil, &ch)
	}
}

// errAsked ends an instance because somebody wants a new one.
var errAsked = errors.New("a restart was asked for")

// born notes which wishes a new instance has fulfilled by being new.
func (w *worker) born() { w.lives = w.node.wishes.lives.Load() }

// outdated reports whether a restart was asked for since the instance was built.
func (w *worker) outdated() bool { return w.node.wishes.lives.Load() != w.lives }

// obey does what was asked of the module. The channel tells of the next wish.
func (w *worker) obey(ctx context.Context, f Flusher) (<-chan struct{}, error) {
	news := w.node.wishes.listen() // before the look, so that no wish is missed
	if w.outdated() {
		return nil, errAsked
	}
	if n := w.node.wishes.flushes.Load(); n != w.flushes {
		w.flushes = n
		if f != nil && f.FlushEvery() > 0 {
			return news, w.flush(ctx, f)
		}
	}
	return news, nil
}

// holds notes whether an instance lets events out at an interval.
func (w *worker) holds() {
	if f, ok := w.stage.(Flusher); ok && f.FlushEvery() > 0 {
		w.node.wishes.holds.Store(true)
	}
}

// untilAsked is a context for a source that ends with ctx or with the wish for a restart.
func (w *worker) untilAsked(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	wishes, lives := &w.node.wishes, w.lives
	go func() {
		for {
			news := wishes.listen()
			if wishes.lives.Load() != lives {
				cancel()
				return
			}
			select {
			case <-news:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, cancel
}
