package event

// What is allocated at a time.
const (
	arenaFields = 128
	arenaItems  = 64
	arenaMaps   = 16
	arenaText   = 1024
)

// Nodes is memory for what lies below the top level of events: maps, lists, and texts that
// had to be made. The zero Nodes is ready for use by one goroutine.
type Nodes struct {
	fields arena[Field]
	items  arena[Value]
	maps   arena[Map]
	lists  arena[List]
	texts  arena[byte]
}

// reset makes all memory free again. It is cleared, so that it does not keep alive what it
// pointed to.
func (n *Nodes) reset() {
	n.fields.reset()
	n.items.reset()
	n.maps.reset()
	n.lists.reset()
	n.texts.reset()
}

// recycle makes n note its chunks for the time after a reset.
func (n *Nodes) recycle() {
	n.fields.recycles, n.items.recycles, n.maps.recycles, n.lists.recycles, n.texts.recycles = true, true, true, true, true
}

// mostChunks bounds the chunks of a kind that an arena keeps.
const mostChunks = 256

// arena hands out memory that is allocated for many values at a time.
type arena[T any] struct {
	rest     []T
	recycles bool
	chunks   [][]T // all of one size, to be used again after a reset
	used     int   // of the chunks
}

// take returns memory for n values; what is allocated at a time is chunk values.
func (a *arena[T]) take(n, chunk int) []T {
	if n > len(a.rest) {
		if n > chunk {
			return make([]T, n)
		}
		a.rest = a.more(chunk)
	}
	taken := a.rest[:n:n]
	a.rest = a.rest[n:]
	return taken
}

func (a *arena[T]) more(chunk int) []T {
	if a.used < len(a.chunks) {
		a.used++
		return a.chunks[a.used-1]
	}
	fresh := make([]T, chunk)
	if a.recycles && len(a.chunks) < mostChunks {
		a.chunks = append(a.chunks, fresh)
		a.used++
	}
	return fresh
}

func (a *arena[T]) reset() {
	for _, c := range a.chunks[:a.used] {
		clear(c)
	}
	a.rest, a.used = nil, 0
}
