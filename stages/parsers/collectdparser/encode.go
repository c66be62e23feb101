package collectdparser

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/parse"
)

// encoder makes packets.
type encoder struct {
	env  actor.Env
	opts Options
	keys *keys
	all  bool
	buf  []byte
	said [partTypeInstance + 1]struct { // by the parts so far
		something bool
		text      string
	}
}

// fields are those of an event or of a map in it.
type fields struct {
	event *event.Event
	inner *event.Map
}

func (f fields) get(k *event.Key) event.Value {
	if f.event != nil {
		v, _ := f.event.Field(k)
		return v
	}
	v, _ := f.inner.Get(k)
	return v
}

// Process encodes the events.
func (c *encoder) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		packet, field, err := c.packet(e)
		switch {
		case err != nil:
			c.env.Fault(e, field, err)
			continue
		case packet == "":
			continue
		}
		if err := e.Set(c.opts.TargetField, event.String(packet)); err != nil {
			c.env.Fault(e, c.opts.TargetField.String(), err)
			continue
		}
		if c.all || c.opts.KeepOriginal {
			continue
		}
		for _, source := range c.opts.SourceFields {
			if source.String() != c.opts.TargetField.String() {
				e.Delete(source)
			}
		}
	}
	return nil
}

var (
	errNoMap     = errors.New("the value is no map")
	errLongPart  = errors.New("the packet would be longer than 65535 bytes")
	errTextNUL   = errors.New("the text has a NUL in it")
	errNotNumber = errors.New("the value is neither an integer nor a float from 0 on")
)

// packet makes a packet of an event, "" if none of its source fields is there. With an
// error, field is what it is about.
func (c *encoder) packet(e *event.Event) (packet, field string, err error) {
	c.buf = c.buf[:0]
	clear(c.said[:])
	if c.all {
		field, err = c.record(fields{event: e})
	}
	for _, source := range c.opts.SourceFields {
		v, ok := e.Get(source)
		if c.all || !ok {
			continue
		}
		if v.Kind() != event.KindMap {
			return "", source.String(), errNoMap
		}
		if field, err = c.record(fields{inner: v.Map()}); err != nil {
			return "", source.String() + "." + field, err
		}
	}
	if err == nil && len(c.buf) > maxPacket {
		err = errLongPart
	}
	return string(c.buf), field, err
}

// record appends the parts of one record. With an error, field is what it is about.
func (c *encoder) record(f fields) (field string, err error) {
	k := c.keys
	for _, name := range [...]struct {
		key  *event.Key
		kind uint16
	}{{k.host, partHost}, {k.plugin, partPlugin}, {k.pluginInstance, partPluginInstance}, {k.kind, partType}, {k.typeInstance, partTypeInstance}} {
		if err := c.name(name.kind, f.get(name.key)); err != nil {
			return name.key.Name, err
		}
	}
	if err := c.time(partTime, partTimeHR, f.get(k.time)); err != nil {
		return k.time.Name, err
	}
	if err := c.time(partInterval, partIntervalHR, f.get(k.interval)); err != nil {
		return k.interval.Name, err
	}
	message := f.get(k.message)
	if message.IsNull() {
		if f.get(k.time).IsNull() {
			return k.time.Name, errNoTime
		}
		return k.values.Name, c.measured(f.get(k.values).List(), f.get(k.dstypes).List())
	}
	if severity := f.get(k.severity); !severity.IsNull() {
		n, ok := severity.Int()
		if !ok || n < 0 {
			return k.severity.Name, errNotNumber
		}
		c.number(partSeverity, uint64(n))
	}
	return k.message.Name, c.text(partMessage, message)
}

// name writes a name unless the parts so far say the same. A null resets what they say.
func (c *encoder) name(kind uint16, v event.Value) error {
	said := &c.said[kind]
	if v.IsNull() && !said.something || v.IsString() && said.something && said.text == v.Str() {
		return nil
	}
	if v.IsNull() {
		v = event.String("")
	}
	said.something, said.text = true, v.Str()
	return c.text(kind, v)
}

func (c *encoder) text(kind uint16, v event.Value) error {
	s := v.Str()
	switch {
	case !v.IsString():
		return parse.ErrNotText
	case strings.IndexByte(s, 0) >= 0:
		return errTextNUL
	case len(s) >= maxPacket-headerSize:
		return errLongPart
	}
	c.header(kind, len(s)+1)
	c.buf = append(append(c.buf, s...), 0)
	return nil
}

// time writes seconds, in high resolution if they are a float.
func (c *encoder) time(whole, fine uint16, v event.Value) error {
	switch v.Kind() {
	case event.KindNull:
		return nil
	case event.KindInt, event.KindBigInt:
		n, ok := v.Big()
		if !ok || !n.IsUint64() {
			return errNotNumber
		}
		c.number(whole, n.Uint64())
		return nil
	case event.KindFloat, event.KindDecimal:
		f, _ := v.Float()
		const fraction, limit = 1 << 30, 1 << 34 // 64 bits in all
		if !(f >= 0 && f < limit) {
			return errNotNumber
		}
		c.number(fine, uint64(math.Round(f*fraction)))
		return nil
	}
	return errNotNumber
}

func (c *encoder) header(kind uint16, size int) {
	c.buf = binary.BigEndian.AppendUint16(c.buf, kind)
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(headerSize+size))
}

func (c *encoder) number(kind uint16, n uint64) {
	c.header(kind, numberSize-headerSize)
	c.buf = binary.BigEndian.AppendUint64(c.buf, n)
}

func (c *encoder) measured(values, kinds *event.List) error {
	const most = (maxPacket - headerSize - 2) / 9
	switch n := values.Len(); {
	case values == nil || kinds == nil:
		return errors.New("values and dstypes must be lists")
	case n != kinds.Len():
		return fmt.Errorf("there are %d values and %d dstypes", n, kinds.Len())
	case n > most:
		return errLongPart
	}
	c.header(partValues, 2+9*values.Len())
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(values.Len()))
	begin := len(c.buf)
	for i := range kinds.Len() {
		kind := kindOf(kinds.At(i).Str())
		if kind < 0 {
			return fmt.Errorf("%q is none of counter, gauge, derive and absolute", clip(kinds.At(i).Text()))
		}
		c.buf = append(c.buf, byte(kind))
	}
	for i := range values.Len() {
		if err := c.value(c.buf[begin+i], values.At(i)); err != nil {
			return fmt.Errorf("value %d: %w", i, err)
		}
	}
	return nil
}

func kindOf(name string) int {
	for i, v := range sourceNames {
		if v.Str() == name {
			return i
		}
	}
	return -1
}

func (c *encoder) value(kind byte, v event.Value) error {
	if kind == gauge {
		f, ok := v.Float()
		if v.IsNull() {
			f, ok = math.NaN(), true
		}
		if !ok {
			return errors.New("a gauge is neither a number nor null")
		}
		c.buf = binary.LittleEndian.AppendUint64(c.buf, math.Float64bits(f))
		return nil
	}
	n, ok := v.Big()
	switch {
	case !ok:
		return errors.New("it is no integer")
	case kind == derive && n.IsInt64():
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(n.Int64()))
	case kind != derive && n.IsUint64():
		c.buf = binary.BigEndian.AppendUint64(c.buf, n.Uint64())
	default:
		return errors.New("it does not fit 64 bits")
	}
	return nil
}
