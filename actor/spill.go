package actor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// Buffer puts a disk behind the memory of an edge: what finds the inbox of the receiver full
// is written there, and counts as delivered for the sender.
type Buffer struct {
	// Path is a directory of the edge's own.
	Path string
	// MaxBytes, MaxAge, WhenFull and Fsync are as in disklog.Options.
	MaxBytes int64
	MaxAge   time.Duration
	WhenFull string
	Fsync    disklog.Policy
	// MaxEvents bounds how many events wait there; 0 is no bound.
	MaxEvents int
	// FS is where the files are; nil is the disk.
	FS disklog.FS
}

// spill is the disk of an edge. As long as there is something on it, everything goes there,
// so that the order stays. A goroutine of its own brings it to the receiver.
type spill struct {
	from *node
	id   string // of the receiver
	log  *disklog.Log
	wake chan struct{} // something has changed
	pool sync.Pool     // of *disklog.Records

	mu       sync.Mutex
	edge     *edge  // which leads to the receiver; a reload puts another one in its place
	spilling bool   // the memory is not used
	writing  int    // batches on their way to the disk
	finish   func() // tells the receiver that nothing more will come; set when the sender has ended
	books    spillBooks
}

// openSpills opens the buffers of all edges.
func (g *Graph) openSpills() error {
	if g.DryRun {
		return nil
	}
	for _, n := range g.modules() {
		if err := n.table.Load().openSpills(); err != nil {
			return err
		}
	}
	return nil
}

// openSpills opens the buffers of those edges that have none yet.
func (t *table) openSpills() error {
	for i := range t.edges {
		e := &t.edges[i]
		if e.Buffer == nil || e.spill != nil {
			continue
		}
		if err := e.openSpill(); err != nil {
			return fmt.Errorf("%w: %s: buffer for %s: %w", ErrStart, t.node.ID, e.ID, err)
		}
	}
	return nil
}

func (e *edge) openSpill() error {
	n, o := e.table.node, e.Buffer
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return err
	}
	log, err := disklog.Open(disklog.Options{
		Dir: path, Fsync: o.Fsync, MaxBytes: o.MaxBytes, MaxRecords: o.MaxEvents, MaxAge: o.MaxAge, WhenFull: o.WhenFull, FS: o.FS, Log: n.log,
	})
	if err != nil {
		return err
	}
	e.spill = &spill{from: n, id: e.ID, edge: e, log: log, wake: make(chan struct{}, 1)}
	if left := log.Recovery().Records; left > 0 {
		e.spill.spilling = true
		e.spill.books.found.Store(int64(left))
		n.log.Info("events of a former run are sent from the disk first", "receiver", e.ID, "events", left, "path", path)
	}
	return nil
}

// eachSpill calls f for all buffers that are open.
func (g *Graph) eachSpill(f func(*spill)) {
	for _, n := range g.modules() {
		for _, e := range n.edges() {
			if e.spill != nil {
				f(e.spill)
			}
		}
	}
}

func (g *Graph) closeSpills() {
	g.eachSpill((*spill).close)
}

func (s *spill) close() {
	if err := s.log.Close(); err != nil {
		s.from.log.Error("the disk buffer could not be closed", "receiver", s.id, "error", err)
	}
}

// put sends b to the receiver or to the disk.
func (s *spill) put(ctx context.Context, b *Batch) error {
	s.mu.Lock()
	if !s.spilling && s.edge.target().offer(b) {
		s.mu.Unlock()
		return nil
	}
	if !s.spilling {
		s.from.log.Info("the receiver lags, events go to the disk", "receiver", s.id)
	}
	s.spilling = true
	s.writing++
	s.mu.Unlock()
	err := s.store(ctx, b)
	s.mu.Lock()
	s.writing--
	s.mu.Unlock()
	s.notify()
	return err
}

func (s *spill) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// store writes b to the disk, however long it takes, and answers for it.
func (s *spill) store(ctx context.Context, b *Batch) error {
	r, _ := s.pool.Get().(*disklog.Records)
	if r == nil {
		r = new(disklog.Records)
	}
	defer s.pool.Put(r)
	r.Reset()
	for _, e := range b.events {
		r.Add(func(to []byte) []byte { return event.AppendRecord(to, e) })
	}
	n := int64(len(b.events))
	p := DefaultRestart
	for try := 0; ; try++ {
		_, err := s.log.Append(ctx, r)
		switch {
		case err == nil:
			s.from.meter.Own("spilled").Add(n)
			s.books.stored.Add(n)
			b.release(nil)
			return nil
		case errors.Is(err, disklog.ErrFull):
			s.from.warn.log(levelWarn, "disk buffer is full, events were dropped", "receiver", s.id, "events", n)
			s.books.stored.Add(n) // and dropped there
			b.release(nil)
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		s.from.warn.log(levelError, "the disk buffer cannot be written, trying again", "receiver", s.id, "error", err)
		select {
		case <-time.After(p.pause(try)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// run brings what is on the disk to the receiver. What is left there when the program stops
// is for the next run; when the inputs come to an end by themselves, all of it is sent.
func (s *spill) run() {
	defer func() { s.waitForSender()() }()
	soft := s.from.graph.soft
	r := &spillReader{spill: s, log: s.log.Reader()}
	defer r.log.Close()
	var b *Batch
	for soft.Err() == nil {
		if b == nil {
			b = r.batch()
		}
		if b != nil {
			n := int64(len(b.events)) // the receiver may be done with it at once
			if s.force(soft, b) == nil {
				s.books.read.Add(n)
				b = nil
			}
			continue
		}
		if over := s.calm(r); over {
			return
		}
		select {
		case <-s.wake:
		case <-soft.Done():
		}
	}
	if b = s.makeRoom(r, b); b != nil {
		b.release(errStays)
	}
}

// roomPause is the time between two looks whether the sender waits for room.
const roomPause = 10 * time.Millisecond

// makeRoom goes on after a stop was asked for where the disk is full, because the sender
// could not come to its end otherwise. It returns what was read and not sent.
func (s *spill) makeRoom(r *spillReader, b *Batch) *Batch {
	hard := s.from.graph.hard
	for !s.senderEnded() && hard.Err() == nil {
		if s.log.Stats().Waiting > 0 {
			if b == nil {
				b = r.batch()
			}
			if b != nil {
				n := int64(len(b.events))
				if s.offer(b) {
					s.books.read.Add(n)
					b = nil
					continue
				}
			}
		}
		select {
		case <-s.wake:
		case <-time.After(roomPause):
		case <-hard.Done():
		}
	}
	return b
}

func (s *spill) senderEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish != nil
}

// force sends b to the receiver of the moment, which stays open for so long.
func (s *spill) force(ctx context.Context, b *Batch) error {
	s.mu.Lock()
	e := s.edge
	e.table.pins.Add(1)
	s.mu.Unlock()
	defer e.table.unpin()
	return e.target().force(ctx, b, s.from)
}

// offer sends b to the receiver of the moment if there is room.
func (s *spill) offer(b *Batch) bool {
	s.mu.Lock()
	e := s.edge
	e.table.pins.Add(1)
	s.mu.Unlock()
	defer e.table.unpin()
	return e.target().offer(b)
}

// move makes another edge to the same receiver the way of what is on the disk.
func (s *spill) move(e *edge) {
	s.mu.Lock()
	s.edge, e.spill = e, s
	s.mu.Unlock()
}

var errStays = errors.New("the events stay on the disk")

// calm uses the memory again if there is nothing on the disk any more. It reports whether
// nothing more will come.
func (s *spill) calm(r *spillReader) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing > 0 || !r.empty() {
		s.notify()
		return false
	}
	if s.spilling {
		s.from.log.Info("the receiver has caught up, nothing is left on the disk", "receiver", s.id)
	}
	s.spilling = false
	return s.finish != nil
}

// capacity is that of the receiver.
func (s *spill) capacity() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edge.to.capacity
}

// end is called when nothing more will come by an edge.
func (s *spill) end(e *edge) {
	s.mu.Lock()
	moved := s.edge != e
	if !moved {
		s.finish = e.endQueue
	}
	s.mu.Unlock()
	if moved {
		e.end()
		return
	}
	s.notify()
}

// waitForSender returns what is to be done in the end, once the sender has ended.
func (s *spill) waitForSender() func() {
	for {
		s.mu.Lock()
		finish := s.finish
		s.mu.Unlock()
		if finish != nil {
			return finish
		}
		<-s.wake
	}
}

// tend looks after the disk until ctx ends.
func (s *spill) tend(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.log.Maintain(time.Now())
			s.countDropped()
		case <-ctx.Done():
			s.countDropped()
			return
		}
	}
}

func (s *spill) countDropped() {
	n := int64(s.log.Stats().Dropped)
	s.from.meter.Dropped.Add(n - s.books.dropped.Swap(n))
}
