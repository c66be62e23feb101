package event

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// The storage of a slab grows in chunks, so that a batch with one event stays small.
const (
	chunkEvents = 32
	roomFields  = 16 // fields that an event holds before it moves to the heap
)

type chunk struct {
	events [chunkEvents]Event
	fields [chunkEvents * roomFields]Field
}

// Slab is the storage of the events of one batch. It goes back to its pool when the last
// batch that holds events from it is released.
type Slab struct {
	chunks []*chunk
	used   int
	hi, lo uint64 // event ids count from here
	refs   atomic.Int32
	pool   *Pool

	buffers []*Buffer // that texts of the events lie in
	nodes   Nodes     // what lies below the events
	kept    atomic.Bool
}

// Pool recycles slabs. The zero Pool is ready for use by any number of goroutines.
type Pool struct {
	// Poison makes events that were given back unreadable, so that tests find stages
	// that keep what is not theirs.
	Poison bool

	slabs sync.Pool
}

// Slab returns an empty slab that is held once.
func (p *Pool) Slab() *Slab {
	s, _ := p.slabs.Get().(*Slab)
	if s == nil {
		s = &Slab{pool: p}
		s.nodes.recycle()
	}
	s.refs.Store(1)
	s.hi, s.lo = rand.Uint64(), rand.Uint64()
	return s
}

// Hold adds a holder.
func (s *Slab) Hold() { s.refs.Add(1) }

// Release takes a holder away. When the last one is gone all events of s are void.
func (s *Slab) Release() {
	if s.refs.Add(-1) > 0 {
		return
	}
	for i := range s.used {
		c, k := s.chunks[i/chunkEvents], i%chunkEvents
		room := c.fields[k*roomFields : (k+1)*roomFields]
		clear(room[:used(c.events[k].root.fields, room)]) // text must not pin its read buffer
		c.events[k] = Event{}
		if s.pool.Poison {
			c.events[k].root.fields = []Field{{Intern("given back"), String("this event was given back")}}
		}
	}
	s.used = 0
	s.releaseBuffers()
	s.releaseNodes()
	if !s.pool.Poison {
		s.pool.slabs.Put(s)
	}
}

// used is how much of an event's room may hold something. Fields that were deleted are
// clear, so it is as much as there are fields, unless they have moved out.
func used(fields, room []Field) int {
	if cap(fields) == len(room) && len(fields) > 0 && &fields[0] == &room[0] {
		return len(fields)
	}
	return len(room)
}

// New makes a fresh event in s.
func (s *Slab) New(src *Source, from string) *Event {
	e, room := s.next()
	e.root.fields = room // all else is zero, as Release leaves it
	m := &e.meta
	m.hi, m.lo, m.typ, m.from, m.src, m.has = s.hi, s.lo+uint64(s.used), "Unknown", from, src, hasAll
	return e
}

// Fork makes a copy of e in s that shares everything with e.
func (s *Slab) Fork(e *Event) *Event {
	dst, room := s.next()
	e.ForkTo(dst)
	dst.room = (*[roomFields]Field)(room[:roomFields])
	return dst
}

func (s *Slab) next() (*Event, []Field) {
	i, k := s.used/chunkEvents, s.used%chunkEvents
	if i == len(s.chunks) {
		s.chunks = append(s.chunks, new(chunk))
	}
	s.used++
	c := s.chunks[i]
	return &c.events[k], c.fields[k*roomFields : k*roomFields : (k+1)*roomFields]
}
