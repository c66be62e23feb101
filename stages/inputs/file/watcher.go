package file

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"gambolputty/actor"
)

// mostReaders is the most files that are read at a time. One reader cuts lines faster than
// most receivers take them; a few make sure that a file on a server that does not answer,
// or one that has to be unpacked, does not hold up all others. A reader for each file would
// need memory for each, and gain nothing: whoever waits for a receiver waits for all.
const mostReaders = 4

// watcher knows all files and decides which one is read next. It never waits for a
// receiver, only its readers do: while nothing is accepted it still sees rotations and
// opens the new files, so that they can be deleted without being lost.
type watcher struct {
	*source
	tails    map[fileID]*tail
	places   map[string]*tail // by the path where it is now
	names    map[string]*tail // by its names in notifications
	last     map[string]*tail // that were at a path and are read to their end
	ready    []*tail
	resting  *list.List // open files with nothing to do, the longest first
	opened   int
	busy     int
	due      map[*tail]time.Time // when what is not complete is to be sent
	nextDue  time.Time           // not after the first of these
	troubles map[string]*trouble
	bell     *bell
	sets     *decoders
	head     [headSize]byte

	first    bool // this is the first search
	searchAt time.Time
	searched time.Time
	took     time.Duration
	lookAt   time.Time
	listings map[string]map[fileID]string // of directories, in this round
}

func newWatcher(s *source) *watcher {
	return &watcher{
		source: s, tails: map[fileID]*tail{}, places: map[string]*tail{}, names: map[string]*tail{}, last: map[string]*tail{},
		resting: list.New(), due: map[*tail]time.Time{}, troubles: map[string]*trouble{},
		bell: newBell(s.env), first: true, listings: map[string]map[fileID]string{},
	}
}

func (w *watcher) close() {
	w.bell.close()
	for _, t := range w.tails {
		t.closeFile()
	}
}

// answer is a file that comes back from a reader. An error ends everything.
type answer struct {
	*tail
	err error
}

func (w *watcher) run(ctx context.Context, out *actor.Outlet) error {
	var err error
	if w.sets, err = newDecoders(&w.opts); err != nil {
		return err
	}
	work, back := make(chan *tail), make(chan answer)
	defer func() {
		close(work)
		for ; w.busy > 0; w.busy-- {
			<-back
		}
	}()
	for range min(mostReaders, runtime.GOMAXPROCS(0)) {
		r, err := newReader(w.source, out.Clone())
		if err != nil {
			return err
		}
		go func() {
			for t := range work {
				back <- answer{t, r.guarded(ctx, t)}
			}
		}()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, to := w.nextReady(), work
		if next == nil {
			to = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case to <- next:
			w.sent(next)
		case a := <-back:
			w.busy--
			if a.err != nil {
				return a.err
			}
			w.returned(a.tail)
		case e := <-w.bell.events():
			w.rung(e)
		case err := <-w.bell.errors():
			w.missed(err)
		case <-timer.C:
			w.tick()
		}
		timer.Reset(time.Until(w.wake()))
	}
}

// guarded reads a file and makes an error of a panic.
func (r *reader) guarded(ctx context.Context, t *tail) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &actor.PanicError{Value: fmt.Sprintf("%v, in %s at %d", v, t.path, t.start), Stack: debug.Stack()}
		}
	}()
	return r.turn(ctx, t)
}

// wake is when there is something to do even if nothing happens.
func (w *watcher) wake() time.Time {
	at := w.searchAt
	if w.lookAt.Before(at) {
		at = w.lookAt
	}
	if len(w.due) > 0 && w.nextDue.Before(at) {
		at = w.nextDue
	}
	return at
}

// setDue sees to it that a file is read at some time.
func (w *watcher) setDue(t *tail, at time.Time) {
	w.due[t] = at
	if len(w.due) == 1 || at.Before(w.nextDue) {
		w.nextDue = at
	}
}

// tick does what it is time for.
func (w *watcher) tick() {
	now := time.Now()
	clear(w.listings)
	if !now.Before(w.searchAt) {
		w.search()
	}
	if !now.Before(w.lookAt) {
		w.look()
		w.lookAt = time.Now().Add(w.opts.StatInterval)
	}
	if len(w.due) == 0 || now.Before(w.nextDue) {
		return
	}
	due := w.due
	w.due = map[*tail]time.Time{}
	for t, d := range due {
		if now.Before(d) {
			w.setDue(t, d)
			continue
		}
		w.queue(t, w.flushes(t, now))
	}
}

// flushes says which unfinished parts were left alone for long enough.
func (w *watcher) flushes(t *tail, now time.Time) int {
	what, quiet := 0, now.Sub(t.last)
	if quiet >= w.opts.MultilineTimeout {
		what = flushBlock
	}
	if w.opts.Incomplete > 0 && quiet >= w.opts.Incomplete {
		what |= flushRest | flushBlock
	}
	return what
}

// queue sees that a file is read soon.
func (w *watcher) queue(t *tail, flush int) {
	if t.busy || t.after != nil {
		t.dirty = true
		if !t.busy {
			w.rest(t) // or it would keep its descriptor from the one that it waits for
		}
		return
	}
	if !t.queued {
		t.flush = 0
		t.queued = true
		w.stir(t)
		w.ready = append(w.ready, t)
	}
	t.flush |= flush
}

// nextReady returns the file that is read next. It is nil as well if no file can be opened
// before another one has come back.
func (w *watcher) nextReady() *tail {
	for len(w.ready) > 0 {
		t := w.ready[0]
		if t.src != nil {
			return t
		}
		err := w.openTail(t)
		switch {
		case err == nil:
			return t
		case errors.Is(err, errFull) && w.busy > 0:
			return nil
		}
		w.ready = w.ready[1:]
		t.queued = false
		w.unreadable(t, err)
	}
	return nil
}

func (w *watcher) sent(t *tail) {
	w.ready = w.ready[1:]
	w.busy++
	t.queued, t.busy, t.dirty = false, true, false
	delete(w.due, t)
}

// returned looks at a file that was read.
func (w *watcher) returned(t *tail) {
	t.busy = false
	now := time.Now()
	if t.fresh {
		t.last = now
		t.changed = now
	}
	final := t.flush & flushFinal
	switch {
	case t.err != nil && !errors.Is(t.err, errUnfinished):
		w.unreadable(t, t.err)
		return
	case t.more || t.dirty:
		w.queue(t, final)
		return
	case final != 0:
		w.leave(t)
		return
	}
	w.release(t) // also if it has got another name meanwhile and is in its place again
	w.rest(t)
	w.limitWait(t)
}

// limitWait notes when what is not complete has to go.
func (w *watcher) limitWait(t *tail) {
	var at time.Time
	if t.lines > 0 {
		at = t.last.Add(w.opts.MultilineTimeout)
	}
	if late := t.last.Add(w.opts.Incomplete); w.opts.Incomplete > 0 && t.seen > t.line && (at.IsZero() || late.Before(at)) {
		at = late
	}
	if !at.IsZero() {
		w.setDue(t, at)
	}
}

// release lets the files go that come after this one.
func (w *watcher) release(t *tail) {
	for _, n := range t.next {
		n.after = nil
		w.queue(n, 0)
	}
	t.next = nil
}
