package event

import (
	"sync"
	"sync/atomic"
)

// BufferSize is the length of a Buffer in bytes.
const BufferSize = 256 << 10

// Buffer is memory that an input reads into and that texts of events point to. It is used
// again when whoever fills it and all slabs that hold it are done, unless a module said that
// it keeps texts: then it is left to the garbage collector.
type Buffer struct {
	// Bytes is the memory. What events point to is not written to any more.
	Bytes []byte

	refs atomic.Int32
	kept atomic.Bool
	pool *Buffers
}

// mostBuffers is how many buffers wait to be used again at most.
const mostBuffers = 16

// Buffers gives out buffers, those first that were used last, because they are still in the
// caches. The zero Buffers is ready for use by any number of goroutines.
type Buffers struct {
	// Poison makes buffers that were given back unreadable, so that tests find stages that
	// keep texts and do not say so.
	Poison bool

	mu   sync.Mutex
	free []*Buffer
}

// Buffer returns a buffer that is held once, with anything in it.
func (p *Buffers) Buffer() *Buffer {
	b := p.last()
	if b == nil {
		b = &Buffer{Bytes: make([]byte, BufferSize), pool: p}
	}
	b.refs.Store(1)
	return b
}

func (p *Buffers) last() *Buffer {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free) - 1
	if n < 0 {
		return nil
	}
	b := p.free[n]
	p.free[n] = nil
	p.free = p.free[:n]
	return b
}

// Release takes a holder away. When the last one is gone the bytes may change.
func (b *Buffer) Release() {
	if b.refs.Add(-1) > 0 || b.kept.Load() {
		return
	}
	p := b.pool
	if p.Poison {
		for i := range b.Bytes {
			b.Bytes[i] = '?'
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < mostBuffers {
		p.free = append(p.free, b)
	}
}

// HoldBuffer says that events in s point to b. It is for whoever fills the slab.
func (s *Slab) HoldBuffer(b *Buffer) {
	b.refs.Add(1)
	s.buffers = append(s.buffers, b)
}

// Nodes is memory for values of the events in s. It is for whoever fills the slab.
func (s *Slab) Nodes() *Nodes { return &s.nodes }

// KeepValues says that values of events in s may be kept longer than the events.
func (s *Slab) KeepValues() {
	s.kept.Store(true)
	for _, b := range s.buffers {
		b.kept.Store(true)
	}
}

func (s *Slab) releaseBuffers() {
	for i, b := range s.buffers {
		b.Release()
		s.buffers[i] = nil
	}
	s.buffers = s.buffers[:0]
}

// releaseNodes makes the memory of values free again, unless somebody may keep some.
func (s *Slab) releaseNodes() {
	if s.kept.Load() {
		s.nodes = Nodes{}
		s.kept.Store(false)
	}
	s.nodes.reset()
	s.nodes.recycle()
}
