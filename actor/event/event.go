// Package event is the data model: what a log record is made of, how its fields are
// found and changed, and how it becomes JSON.
//
// An event is an ordered list of fields plus metadata. Keys are interned, values take 16
// bytes, and both live in slabs that are used again when the batch they belong to has
// been delivered. Fork makes a second event that shares all nodes with the first until
// one of them writes.
package event

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// Event is one record. It belongs to one goroutine at a time.
type Event struct {
	root   Map
	meta   meta
	room   *[roomFields]Field // where the field slice goes when it has to be copied
	owner  uint64             // maps and lists below root with another owner are shared
	shared bool               // the field slice of root is shared
	// Skip is set by the runtime on events that do not pass the stage's filter.
	Skip bool
	// Fault is set by the runtime on events that the stage could not handle.
	Fault bool
	// Hops counts how often the event went round a loop of modules.
	Hops uint16
}

// Faults of a write to a field. ErrMetadata is also given for a write below it.
var (
	ErrNoParent = errors.New("the parent is neither a map nor a list")
	ErrIndex    = errors.New("the list index is out of range")
	ErrMetadata = errors.New("gambolputty must be a map")
)

var owners atomic.Uint64

// New makes an event on the heap. Inputs take theirs from a batch instead.
func New(src *Source, fields ...Field) *Event {
	e := &Event{meta: newMeta(src, "")}
	for _, f := range fields {
		e.root.Set(f.Key, f.Value)
	}
	return e
}

// Renew gives e an id of its own, for events that a module makes from what it gathered.
func (e *Event) Renew() {
	fresh := newMeta(e.meta.src, "")
	e.meta.hi, e.meta.lo, e.meta.id, e.meta.whole = fresh.hi, fresh.lo, "", false
}

// ForkTo makes dst a copy of e that shares everything with it. Whoever of the two writes
// first clones what it writes to.
func (e *Event) ForkTo(dst *Event) {
	e.shared = true
	e.owner = owners.Add(1)
	*dst = *e
	dst.owner, dst.room = owners.Add(1), nil
}

// Fork returns a copy of e on the heap that shares everything with it.
func (e *Event) Fork() *Event {
	dst := new(Event)
	e.ForkTo(dst)
	return dst
}

// Detach returns e with a field slice of its own on the heap, for events that outlive
// the batch they came in.
func (e *Event) Detach() *Event {
	d := new(Event)
	*d = *e
	d.root.fields = append([]Field(nil), e.root.fields...)
	d.shared, d.room = false, nil
	return d
}

// Clone returns a copy of e on the heap that shares nothing with it, not even texts, for
// those who keep an event for good.
func (e *Event) Clone() *Event {
	d := e.Detach()
	d.owner = owners.Add(1)
	for i, f := range d.root.fields {
		d.root.fields[i].Value = f.Value.Clone()
	}
	m := &d.meta
	m.id, m.typ, m.from = strings.Clone(m.id), strings.Clone(m.typ), strings.Clone(m.from)
	if m.extra != nil {
		m.extra = MapOf(m.extra).Clone().Map()
	}
	return d
}

// Len is the number of top level fields, the metadata not counted.
func (e *Event) Len() int { return len(e.root.fields) }

// At returns top level field i in the order in which the fields were set.
func (e *Event) At(i int) Field { return e.root.fields[i] }

// Field returns a top level field other than the metadata. It is the fast way for keys
// known at configuration time.
func (e *Event) Field(k *Key) (Value, bool) { return e.root.Get(k) }

// SetField sets a top level field other than the metadata.
func (e *Event) SetField(k *Key, v Value) {
	if k == metaKey {
		_ = e.setWholeMeta(v) // what is not a map cannot be the metadata
		return
	}
	e.adopt(v)
	e.own().Set(k, v)
}

// AppendField adds a top level field of which the caller knows that it is new.
func (e *Event) AppendField(k *Key, v Value) {
	m := e.own()
	m.fields = append(m.fields, Field{k, v})
}

// AppendFields adds top level fields of which the caller knows that all of them are new.
func (e *Event) AppendFields(fields []Field) {
	for _, f := range fields {
		if k := f.Value.Kind(); k == KindMap || k == KindList {
			e.owner = owners.Add(1)
			break
		}
	}
	m := e.ownFor(len(fields))
	m.fields = append(m.fields, fields...)
}

// DeleteField removes a top level field other than the metadata.
func (e *Event) DeleteField(k *Key) bool {
	if e.root.find(k) < 0 {
		return false
	}
	return e.own().delete(k)
}

// own makes the top level fields safe to write to.
func (e *Event) own() *Map {
	const few = 8
	return e.ownFor(few)
}

// ownFor is own with room for n more fields where they have to be copied.
func (e *Event) ownFor(n int) *Map {
	if !e.shared {
		return &e.root
	}
	var to []Field
	if n += len(e.root.fields); e.room != nil && n <= len(e.room) {
		to = e.room[:0]
	} else {
		to = make([]Field, 0, n)
	}
	e.root.fields = append(to, e.root.fields...)
	e.shared, e.room = false, nil
	return &e.root
}

// adopt prepares for v becoming part of e. A map or list may still be reachable from
// elsewhere, so from here on e clones every node before it writes to it.
func (e *Event) adopt(v Value) {
	if k := v.Kind(); k == KindMap || k == KindList {
		e.owner = owners.Add(1)
	}
}

// Get returns the value at p; ok is false if there is none.
func (e *Event) Get(p Path) (v Value, ok bool) {
	if p.meta && e.meta.has&hasMeta != 0 {
		return e.metaAt(p.steps)
	}
	if v, ok := e.root.Get(p.whole); ok || len(p.steps) < 2 && !p.legacy {
		return v, ok
	}
	if v, ok := e.root.Get(p.steps[0].key); ok || !p.legacy {
		return descend(v, p.steps[1:])
	}
	return e.metaAt(p.steps)
}

func (e *Event) metaAt(steps []step) (Value, bool) {
	switch {
	case e.meta.has&hasMeta == 0:
		return Null, false
	case len(steps) == 1:
		return MapOf(FromFields(e.metaFields(nil))), true
	}
	v, ok := e.getMeta(steps[1].key)
	if !ok {
		return Null, false
	}
	return descend(v, steps[2:])
}

// descend follows steps downwards from v. The zero value of a missing field has no
// steps below it either.
func descend(v Value, steps []step) (Value, bool) {
	for _, s := range steps {
		var ok bool
		switch v.Kind() {
		case KindMap:
			v, ok = v.Map().Get(s.key)
		case KindList:
			v, ok = v.List().step(s)
		}
		if !ok {
			return Null, false
		}
	}
	return v, true
}

func (l *List) step(s step) (Value, bool) {
	if !s.number {
		return Null, false
	}
	i, ok := l.position(s.index)
	if !ok {
		return Null, false
	}
	return l.items[i], true
}

// Has reports whether there is a value at p.
func (e *Event) Has(p Path) bool {
	_, ok := e.Get(p)
	return ok
}

// Set writes v to p. Missing parents become maps. On a list an index in range replaces
// the item and the index just behind the last one appends. The faults are ErrNoParent,
// ErrIndex and ErrMetadata; the event is unchanged then.
func (e *Event) Set(p Path, v Value) error {
	steps := p.steps
	switch {
	case p.meta || p.legacy && e.root.find(legacyKey) < 0 && e.root.find(p.whole) < 0:
		return e.setMetaAt(steps, v)
	case len(steps) == 1 || e.root.find(p.whole) >= 0:
		e.SetField(p.whole, v)
		return nil
	}
	if err := e.check(e.root, steps); err != nil {
		return fmt.Errorf("field %s: %w", p.text, err)
	}
	e.adopt(v)
	e.setBelow(e.own(), steps, v)
	return nil
}

func (e *Event) setMetaAt(steps []step, v Value) error {
	if len(steps) == 1 {
		return e.setWholeMeta(v)
	}
	e.adopt(v)
	if len(steps) == 2 {
		e.setMeta(steps[1].key, v)
		return nil
	}
	top, _ := e.getMeta(steps[1].key)
	tmp := Map{fields: []Field{{steps[1].key, top}}}
	if top.IsNull() {
		tmp.fields = nil
	}
	if err := e.check(tmp, steps[1:]); err != nil {
		return err
	}
	e.setBelow(&tmp, steps[1:], v)
	e.setMeta(steps[1].key, tmp.fields[0].Value)
	return nil
}

// setWholeMeta replaces the metadata by a map.
func (e *Event) setWholeMeta(v Value) error {
	m := v.Map()
	if m == nil {
		return ErrMetadata
	}
	fields := append([]Field(nil), m.fields...)
	e.clearMeta()
	e.adopt(v)
	for _, f := range fields {
		e.setMeta(f.Key, f.Value)
	}
	e.meta.has |= hasMeta
	return nil
}

func (e *Event) clearMeta() {
	e.meta.has = 0
	e.meta.extra = nil
}

// MergeMeta sets the fields of m in the metadata, key by key.
func (e *Event) MergeMeta(m *Map) {
	e.adopt(MapOf(m))
	for _, f := range m.fields {
		e.setMeta(f.Key, f.Value)
	}
}

// check walks the steps of a write without changing anything.
func (e *Event) check(m Map, steps []step) error {
	v, ok := m.Get(steps[0].key)
	for i, s := range steps[1:] {
		if !ok {
			return nil // from here on parents are created
		}
		last := i == len(steps)-2
		switch v.Kind() {
		case KindMap:
			v, ok = v.Map().Get(s.key)
		case KindList:
			if last && s.number && s.index == v.List().Len() {
				return nil
			}
			if v, ok = v.List().step(s); !ok {
				return ErrIndex
			}
		default:
			return ErrNoParent
		}
	}
	return nil
}

// setBelow writes v under m, which e owns. The steps have been checked.
func (e *Event) setBelow(m *Map, steps []step, v Value) {
	if len(steps) == 1 {
		m.Set(steps[0].key, v)
		return
	}
	i := m.find(steps[0].key)
	if i < 0 {
		m.fields = append(m.fields, Field{steps[0].key, MapOf(&Map{owner: e.owner})})
		i = len(m.fields) - 1
	}
	e.setIn(&m.fields[i].Value, steps[1:], v)
}

// setIn writes v into the map or list in slot, which is cloned first if it is shared.
func (e *Event) setIn(slot *Value, steps []step, v Value) {
	if slot.Kind() == KindMap {
		e.setBelow(e.ownMap(slot), steps, v)
		return
	}
	l := e.ownList(slot)
	i, inside := l.position(steps[0].index)
	switch {
	case !inside:
		l.items = append(l.items, v)
	case len(steps) == 1:
		l.items[i] = v
	default:
		e.setIn(&l.items[i], steps[1:], v)
	}
}

func (e *Event) ownMap(slot *Value) *Map {
	m := slot.Map()
	if m.owner == e.owner {
		return m
	}
	m = &Map{fields: append(make([]Field, 0, len(m.fields)+2), m.fields...), owner: e.owner}
	*slot = MapOf(m)
	return m
}

func (e *Event) ownList(slot *Value) *List {
	l := slot.List()
	if l.owner == e.owner {
		return l
	}
	l = &List{items: append(make([]Value, 0, len(l.items)+2), l.items...), owner: e.owner}
	*slot = listValue(l)
	return l
}

// Delete removes the value at p and reports whether there was one. A list becomes
// shorter. Deleting gambolputty removes all metadata.
func (e *Event) Delete(p Path) bool {
	switch {
	case p.meta && len(p.steps) == 1:
		had := e.meta.has&hasMeta != 0
		e.clearMeta()
		return had
	case p.meta && len(p.steps) == 2:
		return e.deleteMeta(p.steps[1].key)
	case !p.meta && (len(p.steps) == 1 || e.root.find(p.whole) >= 0):
		return e.DeleteField(p.whole)
	}
	if !e.Has(p) {
		return false
	}
	if p.meta || e.root.find(p.steps[0].key) < 0 {
		return e.deleteBelowMeta(p)
	}
	e.deleteBelow(e.own(), p.steps)
	return true
}

// deleteBelowMeta removes what lies deeper than the first level of the metadata.
func (e *Event) deleteBelowMeta(p Path) bool {
	if len(p.steps) == 2 { // the later name of gambolputty
		return e.deleteMeta(p.steps[1].key)
	}
	top, _ := e.getMeta(p.steps[1].key)
	tmp := Map{fields: []Field{{p.steps[1].key, top}}}
	e.deleteBelow(&tmp, p.steps[1:])
	e.setMeta(p.steps[1].key, tmp.fields[0].Value)
	return true
}

func (e *Event) deleteBelow(m *Map, steps []step) {
	if len(steps) == 1 {
		m.delete(steps[0].key)
		return
	}
	slot := &m.fields[m.find(steps[0].key)].Value
	for _, s := range steps[1 : len(steps)-1] {
		slot = e.slot(slot, s)
	}
	last := steps[len(steps)-1]
	if slot.Kind() == KindMap {
		e.ownMap(slot).delete(last.key)
		return
	}
	l := e.ownList(slot)
	i, _ := l.position(last.index)
	l.items = append(l.items[:i], l.items[i+1:]...)
}

// slot goes one existing step down, cloning what is shared.
func (e *Event) slot(v *Value, s step) *Value {
	if v.Kind() == KindMap {
		m := e.ownMap(v)
		return &m.fields[m.find(s.key)].Value
	}
	l := e.ownList(v)
	i, _ := l.position(s.index)
	return &l.items[i]
}
