package event

import "slices"

// Field is a key with its value.
type Field struct {
	Key   *Key
	Value Value
}

// Map is an ordered map with text keys. A Map that is part of an event is changed
// through that event only, because copies of the event may share it; one that was just
// made by NewMap may be filled with Set.
type Map struct {
	fields []Field
	owner  uint64
}

// NewMap makes an empty map with room for n fields.
func NewMap(n int) *Map { return &Map{fields: make([]Field, 0, n)} }

// FromFields makes a map of fields, which it keeps. The keys must differ.
func FromFields(fields []Field) *Map { return &Map{fields: fields} }

// Len is the number of fields; that of a nil map is 0.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.fields)
}

// At returns field i in the order in which the fields were set.
func (m *Map) At(i int) Field { return m.fields[i] }

// Get returns the value of k. The nil map has none.
func (m *Map) Get(k *Key) (Value, bool) {
	if m == nil {
		return Null, false
	}
	if i := m.find(k); i >= 0 {
		return m.fields[i].Value, true
	}
	return Null, false
}

// GetName returns the value of a field by its name.
func (m *Map) GetName(name string) (Value, bool) {
	for i := range m.Len() {
		if m.fields[i].Key.Name == name {
			return m.fields[i].Value, true
		}
	}
	return Null, false
}

// Set sets a field of a map that is not part of an event yet.
func (m *Map) Set(k *Key, v Value) {
	if i := m.find(k); i >= 0 {
		m.fields[i].Value = v
		return
	}
	m.fields = append(m.fields, Field{k, v})
}

func (m *Map) find(k *Key) int {
	for i := range m.fields {
		if m.fields[i].Key == k {
			return i
		}
	}
	if !table.full.Load() {
		return -1
	}
	return slices.IndexFunc(m.fields, func(f Field) bool { return f.Key.same(k) })
}

func (m *Map) delete(k *Key) bool {
	i := m.find(k)
	if i < 0 {
		return false
	}
	m.fields = slices.Delete(m.fields, i, i+1)
	return true
}

func (m *Map) equal(o *Map) bool {
	if m.Len() != o.Len() {
		return false
	}
	for _, f := range m.fields {
		if v, ok := o.Get(f.Key); !ok || !v.Equal(f.Value) {
			return false
		}
	}
	return true
}

// List is a list of values. As with Map, a list in an event is changed through the
// event.
type List struct {
	items []Value
	owner uint64
}

// Len is the number of items; that of a nil list is 0.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return len(l.items)
}

// At returns item i, counted from 0.
func (l *List) At(i int) Value { return l.items[i] }

// position turns an index, which may count from the end, into a position.
func (l *List) position(index int) (int, bool) {
	if index < 0 {
		index += len(l.items)
	}
	return index, index >= 0 && index < len(l.items)
}

func (l *List) equal(o *List) bool {
	return slices.EqualFunc(l.items, o.items, Value.Equal)
}
