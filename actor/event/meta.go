package event

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
)

// Source is what all events of one input have in common. It is made once for an input
// and never changed.
type Source struct {
	// Module is the class name of the input.
	Module string
	// ID is the id of the input, or "" if it is the class name.
	ID string
	// ReceivedBy is the name of this host.
	ReceivedBy string
	// PID is the process id.
	PID int

	pidText string
	json    string // the tail of the rendered metadata, see appendMeta
}

// NewSource makes the source for the events of one input. An id equal to the module
// name is left out of the events.
func NewSource(module, id string) *Source {
	if id == module {
		id = ""
	}
	host, _ := os.Hostname() // without a name the field is empty
	s := &Source{Module: module, ID: id, ReceivedBy: host, PID: os.Getpid()}
	s.pidText = strconv.Itoa(s.PID)
	s.json = s.render()
	return s
}

// present says which of the metadata fields an event has; they can be deleted one by one.
type present uint8

const (
	hasID present = 1 << iota
	hasType
	hasPID
	hasBy
	hasFrom
	hasModule
	hasSourceID
	hasMeta // the map itself: off after gambolputty was deleted

	hasAll = hasID | hasType | hasPID | hasBy | hasFrom | hasModule | hasSourceID | hasMeta
)

// meta holds the metadata of one event. What every event has lies in typed fields,
// rendered only when somebody looks; whatever else is written goes to extra.
type meta struct {
	hi, lo uint64 // the random part of the event id
	id     string // appended to the random part; or the whole id if whole is set
	typ    string
	from   string
	src    *Source
	extra  *Map
	has    present
	whole  bool
}

func newMeta(src *Source, from string) meta {
	return meta{hi: rand.Uint64(), lo: rand.Uint64(), typ: "Unknown", from: from, src: src, has: hasAll}
}

// ID returns the event id: 32 hex digits and the process id, plus what copies and parts
// of an event append to it. It is "" if it was deleted.
func (e *Event) ID() string {
	if e.meta.whole && e.meta.has&hasID != 0 {
		return e.meta.id
	}
	return string(e.AppendID(make([]byte, 0, 48)))
}

// AppendID appends the event id, and nothing if it was deleted.
func (e *Event) AppendID(dst []byte) []byte {
	if e.meta.has&hasID == 0 {
		return dst
	}
	return e.appendID(dst)
}

func (e *Event) appendID(dst []byte) []byte {
	if !e.meta.whole {
		dst = appendHex(dst, e.meta.hi)
		dst = appendHex(dst, e.meta.lo)
		dst = append(dst, e.meta.src.pidText...)
	}
	return append(dst, e.meta.id...)
}

// appendHex appends the 16 hex digits of x.
func appendHex(dst []byte, x uint64) []byte {
	// Each half becomes eight digits at once: first one digit to a byte, then 6 more and
	// the distance to the letters where a digit is above 9.
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, hexDigits(x>>32)), hexDigits(x&0xffffffff))
}

// hexDigits spreads 32 bits to the text of their digits, the first one highest.
func hexDigits(x uint64) uint64 {
	x = (x<<16 | x) & 0x0000ffff0000ffff
	x = (x<<8 | x) & 0x00ff00ff00ff00ff
	x = (x<<4 | x) & 0x0f0f0f0f0f0f0f0f
	const ones = 0x0101010101010101
	letters := (x + 6*ones) >> 4 & ones
	return x + '0'*ones + letters*('a'-'0'-10)
}

// ExtendID appends a suffix to the event id, as copies and parts of an event carry it.
func (e *Event) ExtendID(suffix string) {
	if e.meta.id == "" {
		e.meta.id = suffix
		return
	}
	e.meta.id += suffix
}

// SameID reports whether e and o carry the same id.
func (e *Event) SameID(o *Event) bool {
	a, b := &e.meta, &o.meta
	return a.hi == b.hi && a.lo == b.lo && a.id == b.id && a.whole == b.whole
}

// Type returns the event type.
func (e *Event) Type() string {
	if e.meta.has&hasType == 0 {
		v, _ := e.meta.get(typeKey)
		return v.Str()
	}
	return e.meta.typ
}

// SetType sets the event type.
func (e *Event) SetType(t string) {
	e.meta.drop(typeKey)
	e.meta.typ = t
	e.meta.has |= hasType | hasMeta
}

// ReceivedFrom returns where the event came from, "" if nobody knows.
func (e *Event) ReceivedFrom() string {
	if e.meta.has&hasFrom == 0 {
		return ""
	}
	return e.meta.from
}

// SetReceivedFrom says where the event came from.
func (e *Event) SetReceivedFrom(from string) {
	e.meta.drop(fromKey)
	e.meta.from = from
	e.meta.has |= hasFrom | hasMeta
}

// SetError notes why a module could not handle the event.
func (e *Event) SetError(text string) { e.setMeta(errorKey, String(text)) }

// Tag appends a tag to the list of tags in the metadata, once.
func (e *Event) Tag(tag string) {
	v, _ := e.meta.get(tagsKey)
	l := v.List()
	for i := range l.Len() {
		if l.At(i).IsString() && l.At(i).Str() == tag {
			return
		}
	}
	items := make([]Value, 0, l.Len()+1)
	if l != nil {
		items = append(items, l.items...)
	}
	e.setMeta(tagsKey, ListOf(append(items, String(tag))...))
}

// drop removes a field that had been given an unusual value from extra.
func (m *meta) drop(k *Key) {
	if m.extra == nil || m.extra.find(k) < 0 {
		return
	}
	m.extra = &Map{fields: slices.Clone(m.extra.fields)}
	m.extra.delete(k)
}

// bit tells which typed field a key means.
func bit(k *Key) present {
	switch k {
	case idKey:
		return hasID
	case typeKey:
		return hasType
	case pidKey:
		return hasPID
	case byKey:
		return hasBy
	case fromKey:
		return hasFrom
	case moduleKey:
		return hasModule
	case sourceKey:
		return hasSourceID
	}
	return 0
}

func (e *Event) getMeta(k *Key) (Value, bool) {
	m := &e.meta
	switch b := bit(k); {
	case b == 0 || m.has&b == 0:
		return m.get(k)
	case b == hasID:
		return String(e.ID()), true
	case b == hasType:
		return String(m.typ), true
	case b == hasPID:
		return Int(int64(m.src.PID)), true
	case b == hasBy:
		return String(m.src.ReceivedBy), true
	case b == hasFrom:
		return String(m.from), true
	case b == hasModule:
		return String(m.src.Module), true
	}
	return String(m.src.ID), m.src.ID != ""
}

func (m *meta) get(k *Key) (Value, bool) { return m.extra.Get(k) }

func (e *Event) setMeta(k *Key, v Value) {
	m := &e.meta
	m.has |= hasMeta
	if v.IsString() {
		switch k {
		case idKey:
			m.id, m.whole = v.Str(), true
			m.drop(k)
			m.has |= hasID
			return
		case typeKey:
			e.SetType(v.Str())
			return
		case fromKey:
			e.SetReceivedFrom(v.Str())
			return
		}
	}
	m.has &^= bit(k)
	e.ownExtra().Set(k, v)
}

// ownExtra makes the extra metadata safe to write to.
func (e *Event) ownExtra() *Map {
	m := &e.meta
	if m.extra == nil || m.extra.owner != e.owner {
		extra := &Map{owner: e.owner}
		if m.extra != nil {
			extra.fields = append(make([]Field, 0, len(m.extra.fields)+2), m.extra.fields...)
		}
		m.extra = extra
	}
	return m.extra
}

func (e *Event) deleteMeta(k *Key) bool {
	m := &e.meta
	if b := bit(k); b != 0 && m.has&b != 0 {
		if b == hasSourceID && m.src.ID == "" {
			return false
		}
		m.has &^= b
		return true
	}
	if _, ok := m.get(k); !ok {
		return false
	}
	return e.ownExtra().delete(k)
}

// metaFields lists the metadata as fields sorted by name.
func (e *Event) metaFields(dst []Field) []Field {
	for _, k := range [...]*Key{idKey, typeKey, pidKey, byKey, fromKey, sourceKey, moduleKey} {
		if e.meta.has&bit(k) == 0 {
			continue
		}
		if v, ok := e.getMeta(k); ok {
			dst = append(dst, Field{k, v})
		}
	}
	if e.meta.extra != nil {
		dst = append(dst, e.meta.extra.fields...)
		slices.SortFunc(dst, byName)
	}
	return dst
}
