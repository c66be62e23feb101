package msgpackparser

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// The forward protocol of Fluentd wraps records in frames, which are lists:
//
//	[tag, time, record, option]         one record
//	[tag, [[time, record], ...], option]  several
//	[tag, bytes, option]                several, as the concatenated entries, perhaps packed with gzip
//
// See https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1.

// entry is one record of a frame.
type entry struct {
	time   event.Value
	record *event.Map
}

var (
	tagKey        = event.Intern("tag")
	timestampKey  = event.Intern("@timestamp")
	compressedKey = event.Intern("compressed")

	errNoFrame = errors.New("this is no frame of the forward protocol, which is a list of tag, entries and option")
)

// forward emits an event for every record of a frame. What is no frame leaves as it came.
func (p *parser) forward(b *actor.Batch, e *event.Event, source event.Path, emit func(*event.Event)) {
	v, ok := e.Get(source)
	if !ok {
		emit(e)
		return
	}
	tag, entries, err := p.frame(v)
	if err != nil {
		p.env.Fault(e, source.String(), err)
		emit(e)
		return
	}
	if len(entries) == 0 {
		p.drop(e, source)
		emit(e)
		return
	}
	copies := make([]*event.Event, len(entries)) // taken before the first one is changed
	copies[0] = e
	for i := range copies[1:] {
		copies[i+1] = b.Fork(e)
	}
	for i, r := range entries {
		c := copies[i]
		c.SetField(tagKey, tag)
		if t, err := p.when(r.time); err == nil {
			c.SetField(timestampKey, t)
		}
		p.set(c, source, event.MapOf(r.record))
		emit(c)
	}
}

func (p *parser) frame(v event.Value) (tag event.Value, entries []entry, err error) {
	if !v.IsString() {
		return event.Null, nil, errNoFrame
	}
	object, n, err := p.decoder.DecodeMsgpack(v.Str())
	if err != nil {
		return event.Null, nil, err
	}
	if strings.Trim(v.Str()[n:], "\r\n") != "" {
		return event.Null, nil, fmt.Errorf("%w at byte %d", errMore, n)
	}
	if object.Kind() != event.KindList || object.List().Len() < 2 || !object.List().At(0).IsString() {
		return event.Null, nil, errNoFrame
	}
	list := object.List()
	switch second := list.At(1); {
	case second.Kind() == event.KindList:
		entries, err = listed(second.List())
	case second.IsString():
		entries, err = p.packed(second.Str(), list)
	case list.Len() > 2 && list.At(2).Kind() == event.KindMap:
		entries = []entry{{second, list.At(2).Map()}}
	default:
		err = errNoFrame
	}
	return list.At(0), entries, err
}

func listed(list *event.List) (entries []entry, err error) {
	for i := range list.Len() {
		e, err := newEntry(list.At(i))
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func newEntry(v event.Value) (entry, error) {
	if v.Kind() != event.KindList || v.List().Len() < 2 || v.List().At(1).Kind() != event.KindMap {
		return entry{}, errors.New("an entry of the frame is no list of time and record")
	}
	return entry{v.List().At(0), v.List().At(1).Map()}, nil
}

// packed reads entries that follow each other.
func (p *parser) packed(data string, frame *event.List) (entries []entry, err error) {
	if frame.Len() > 2 && frame.At(2).Kind() == event.KindMap {
		if how, ok := frame.At(2).Map().Get(compressedKey); ok && how.Str() == "gzip" {
			if data, err = gunzip(data, p.opts.Max); err != nil {
				return nil, err
			}
		}
	}
	for len(data) > 0 {
		v, n, err := p.decoder.DecodeMsgpack(data)
		if err != nil {
			return nil, err
		}
		e, err := newEntry(v)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
		data = data[n:]
	}
	return entries, nil
}

func gunzip(data string, most int) (string, error) {
	z, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	switch n, err := io.Copy(&out, io.LimitReader(z, int64(most)+1)); {
	case err != nil:
		return "", err
	case n > int64(most):
		return "", fmt.Errorf("the entries are larger than max_buffer_bytes, %d", most)
	}
	return out.String(), nil
}

// eventTimeExt is the extension type of times with nanoseconds: two big-endian numbers of
// 32 bits, seconds and nanoseconds.
const eventTimeExt = 0

// when makes the text of a time.
func (p *parser) when(v event.Value) (event.Value, error) {
	if seconds, ok := v.Int(); ok {
		return p.timestamp(time.Unix(seconds, 0)), nil
	}
	if v.Kind() != event.KindMap {
		return event.Null, errNoFrame
	}
	kind, _ := v.Map().Get(extTypeKey)
	data, _ := v.Map().Get(extDataKey)
	if n, ok := kind.Int(); !ok || n != eventTimeExt || len(data.Str()) != 8 {
		return event.Null, errNoFrame
	}
	raw := []byte(data.Str())
	return p.timestamp(time.Unix(int64(binary.BigEndian.Uint32(raw)), int64(binary.BigEndian.Uint32(raw[4:])))), nil
}
