package actortest

import (
	"unsafe"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// memory is what the texts of a batch lie in, as those of an input lie in what it has read
// into. It is made unreadable when the batch has arrived, unless a module on the way has not
// promised to keep nothing: so the tests of a module that has promised show whether it holds.
type memory struct {
	out     *actor.Outlet
	buffers []*event.Buffer
	used    int // of the last buffer
}

func newMemory(out *actor.Outlet) *memory { return &memory{out: out} }

// move returns a copy of e whose texts lie in m.
func (m *memory) move(e *event.Event) *event.Event {
	d := e.Clone()
	for i := range e.Len() {
		f := e.At(i)
		d.SetField(f.Key, m.value(f.Value))
	}
	return d
}

func (m *memory) value(v event.Value) event.Value {
	switch v.Kind() {
	case event.KindString:
		return event.String(m.text(v.Str()))
	case event.KindList:
		items := make([]event.Value, v.List().Len())
		for i := range items {
			items[i] = m.value(v.List().At(i))
		}
		return event.ListOf(items...)
	case event.KindMap:
		to := event.NewMap(v.Map().Len())
		for i := range v.Map().Len() {
			f := v.Map().At(i)
			to.Set(f.Key, m.value(f.Value))
		}
		return event.MapOf(to)
	}
	return v
}

// text copies a text into m. What is too long for it stays where it is.
func (m *memory) text(s string) string {
	if len(s) > event.BufferSize {
		return s
	}
	if len(m.buffers) == 0 || m.used+len(s) > event.BufferSize {
		m.buffers, m.used = append(m.buffers, m.out.Buffers().Buffer()), 0
	}
	room := m.buffers[len(m.buffers)-1].Bytes[m.used:]
	m.used += copy(room, s)
	return unsafe.String(unsafe.SliceData(room), len(s))
}

// release leaves the memory to a batch.
func (m *memory) release(b *actor.Batch) {
	for _, buffer := range m.buffers {
		b.HoldBuffer(buffer)
		buffer.Release()
	}
}
