package event

import (
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
	refs   atomic.Int32
	pool   *Pool
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
	}
	s.refs.Store(1)
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
		c.events[k] = Event{}
		clear(c.fields[k*roomFields : (k+1)*roomFields]) // text must not pin its read buffer
		if s.pool.Poison {
			c.events[k].root.fields = []Field{{Intern("given back"), String("this event was given back")}}
		}
	}
	s.used = 0
	if !s.pool.Poison {
		s.pool.slabs.Put(s)
	}
}

// New makes a fresh event in s.
func (s *Slab) New(src *Source, from string) *Event {
	e, room := s.next()
	e.init(src, from, room)
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
