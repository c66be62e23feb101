package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// A record is an event as it is kept outside the memory: two MessagePack objects, a list
// with the metadata and a map with the fields. Numbers whose digits matter are extensions,
// so that every value comes back as what it was.

// extNumber is the type of the extension for an integer of any size, or a fraction, as its
// digits.
const extNumber = 1

// metaItems is the number of items of the list: which of the fields there are, id, type,
// pid, received_by, received_from, source_module, source_id, further fields.
const metaItems = 9

// AppendRecord appends all of e in the form that a RecordDecoder reads.
func AppendRecord(dst []byte, e *Event) []byte {
	m := &e.meta
	src := m.src
	if src == nil {
		src = new(Source)
	}
	dst = appendPackedLength(dst, metaItems, 0x90, 0xdc)
	dst = appendPackedInt(dst, int64(m.has))
	if m.has&hasID != 0 {
		var room [64]byte
		id := e.appendID(room[:0])
		dst = append(appendStringHead(dst, len(id)), id...)
	} else {
		dst = append(dst, 0xc0)
	}
	dst = appendPackedString(dst, m.typ)
	dst = appendPackedInt(dst, int64(src.PID))
	dst = appendPackedString(dst, src.ReceivedBy)
	dst = appendPackedString(dst, m.from)
	dst = appendPackedString(dst, src.Module)
	dst = appendPackedString(dst, src.ID)
	dst = appendRecordMap(dst, m.extra)
	return appendRecordMap(dst, &e.root)
}

func appendRecordMap(dst []byte, m *Map) []byte {
	dst = appendPackedLength(dst, m.Len(), 0x80, 0xde)
	for i := range m.Len() {
		f := m.At(i)
		dst = appendRecordValue(appendPackedString(dst, f.Key.Name), f.Value)
	}
	return dst
}

func appendRecordValue(dst []byte, v Value) []byte {
	switch v.Kind() {
	case KindBigInt, KindDecimal:
		digits := v.raw()
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc9), uint32(len(digits)))
		return append(append(dst, extNumber), digits...)
	case KindList:
		l := v.List()
		dst = appendPackedLength(dst, l.Len(), 0x90, 0xdc)
		for i := range l.Len() {
			dst = appendRecordValue(dst, l.At(i))
		}
		return dst
	case KindMap:
		return appendRecordMap(dst, v.Map())
	}
	return AppendMsgpack(dst, v)
}

// RecordDecoder reads events that AppendRecord has written. One decoder belongs to one
// goroutine.
type RecordDecoder struct {
	d    Decoder
	last *Source
}

var errRecord = errors.New("this is no event")

// Decode reads one event. Its texts point into the record.
func (r *RecordDecoder) Decode(record string) (*Event, error) {
	if r.d.Ext == nil {
		r.d.Ext = recordExt
	}
	head, n, err := r.d.DecodeMsgpack(record)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	body, k, err := r.d.DecodeMsgpack(record[n:])
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	case n+k != len(record) || body.Kind() != KindMap || head.List().Len() != metaItems:
		return nil, errRecord
	}
	e := new(Event)
	if err := r.meta(&e.meta, head.List()); err != nil {
		return nil, err
	}
	e.owner = owners.Add(1)
	e.root.fields = slices.Clip(body.Map().fields) // one that is added must not go where the decoder writes
	return e, nil
}

func (r *RecordDecoder) meta(m *meta, l *List) error {
	has, ok := l.At(0).Int()
	pid, numbered := l.At(3).Int()
	if !ok || !numbered || has < 0 || has > int64(hasAll) || l.At(8).Kind() != KindMap {
		return errRecord
	}
	for _, i := range [...]int{2, 4, 5, 6, 7} {
		if !l.At(i).IsString() {
			return errRecord
		}
	}
	if !l.At(1).IsString() && has&int64(hasID) != 0 {
		return errRecord
	}
	m.has = present(has)
	m.id, m.whole = l.At(1).Str(), true
	m.typ, m.from = l.At(2).Str(), l.At(5).Str()
	m.src = r.source(int(pid), l.At(4).Str(), l.At(6).Str(), l.At(7).Str())
	if extra := l.At(8).Map(); extra.Len() > 0 {
		m.extra = FromFields(slices.Clip(extra.fields))
	}
	return nil
}

// source returns what all events of one input have in common.
func (r *RecordDecoder) source(pid int, by, module, id string) *Source {
	if s := r.last; s != nil && s.PID == pid && s.ReceivedBy == by && s.Module == module && s.ID == id {
		return s
	}
	s := &Source{Module: module, ID: id, ReceivedBy: by, PID: pid, pidText: strconv.Itoa(pid)}
	s.json = s.render()
	r.last = s
	return s
}

func recordExt(kind int8, data string) (Value, error) {
	if v, ok := Number(data); ok && kind == extNumber {
		return v, nil
	}
	return Null, errRecord
}

// Origin returns the class and the id of the input that made the event; the id is "" if it
// is the class.
func (e *Event) Origin() (module, id string) {
	if e.meta.src == nil {
		return "", ""
	}
	return e.meta.src.Module, e.meta.src.ID
}
