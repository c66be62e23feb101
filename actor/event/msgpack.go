package event

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// ErrShort says that a MessagePack object ends behind the bytes that are there.
var ErrShort = errors.New("the object is cut off")

// DecodeMsgpack reads one MessagePack object from the front of s and returns its length.
// Strings are bytes as they came. Keys that are not strings take their text form.
// The error is ErrShort or a *SyntaxError. See https://github.com/msgpack/msgpack/blob/master/spec.md.
func (d *Decoder) DecodeMsgpack(s string) (v Value, n int, err error) {
	d.begin(s)
	defer func() { d.s = "" }()
	v, err = d.packed(cmp.Or(d.MaxDepth, defaultDepth))
	return v, d.at, err
}

func (d *Decoder) packed(depth int) (Value, error) {
	if d.at >= len(d.s) {
		return Null, ErrShort
	}
	c := d.s[d.at]
	if depth == 0 && (c >= 0x80 && c < 0xa0 || c >= 0xdc && c <= 0xdf) {
		return Null, d.fail("lists and maps are nested too deeply")
	}
	d.at++
	switch {
	case c < 0x80:
		return Int(int64(c)), nil
	case c < 0x90:
		return d.packedMap(uint64(c&0x0f), depth-1)
	case c < 0xa0:
		return d.packedList(uint64(c&0x0f), depth-1)
	case c < 0xc0:
		s, err := d.bytes(uint64(c & 0x1f))
		return String(s), err
	case c >= 0xe0:
		return Int(int64(int8(c))), nil
	}
	return d.packedLong(c, depth)
}

func (d *Decoder) packedLong(c byte, depth int) (Value, error) {
	switch c {
	case 0xc0:
		return Null, nil
	case 0xc2, 0xc3:
		return Bool(c == 0xc3), nil
	case 0xc4, 0xc5, 0xc6: // bin
		return d.packedString(1 << (c - 0xc4))
	case 0xc7, 0xc8, 0xc9: // ext with a length
		n, err := d.uint(1 << (c - 0xc7))
		if err != nil {
			return Null, err
		}
		return d.ext(n)
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // ext of 1 to 16 bytes
		return d.ext(1 << (c - 0xd4))
	case 0xca:
		n, err := d.uint(4)
		return Float(float64(math.Float32frombits(uint32(n)))), err
	case 0xcb:
		n, err := d.uint(8)
		return Float(math.Float64frombits(n)), err
	case 0xcc, 0xcd, 0xce, 0xcf:
		n, err := d.uint(1 << (c - 0xcc))
		return bigUint(n), err
	case 0xd0, 0xd1, 0xd2, 0xd3:
		width := 1 << (c - 0xd0)
		n, err := d.uint(width)
		return Int(int64(n<<(64-8*width)) >> (64 - 8*width)), err
	case 0xd9, 0xda, 0xdb:
		return d.packedString(1 << (c - 0xd9))
	case 0xdc, 0xdd:
		n, err := d.uint(2 << (c - 0xdc))
		if err != nil {
			return Null, err
		}
		return d.packedList(n, depth-1)
	case 0xde, 0xdf:
		n, err := d.uint(2 << (c - 0xde))
		if err != nil {
			return Null, err
		}
		return d.packedMap(n, depth-1)
	}
	d.at--
	return Null, d.fail("no object begins with 0x%02x", c)
}

func (d *Decoder) packedString(width int) (Value, error) {
	n, err := d.uint(width)
	if err != nil {
		return Null, err
	}
	s, err := d.bytes(n)
	return String(s), err
}

func (d *Decoder) uint(width int) (uint64, error) {
	s, err := d.bytes(uint64(width))
	if err != nil {
		return 0, err
	}
	n := uint64(0)
	for i := range len(s) {
		n = n<<8 | uint64(s[i])
	}
	return n, nil
}

func (d *Decoder) bytes(n uint64) (string, error) {
	if n > uint64(len(d.s)-d.at) {
		return "", ErrShort
	}
	d.at += int(n)
	return d.s[d.at-int(n) : d.at], nil
}

// enough refuses a declared number of objects that the bytes left cannot hold, before
// anything is allocated for them.
func (d *Decoder) enough(n uint64) bool { return n <= uint64(len(d.s)-d.at) }

func (d *Decoder) packedList(n uint64, depth int) (Value, error) {
	if !d.enough(n) {
		return Null, ErrShort
	}
	base := len(d.values)
	for range n {
		v, err := d.packed(depth)
		if err != nil {
			return Null, err
		}
		d.values = append(d.values, v)
	}
	return d.closeList(base), nil
}

func (d *Decoder) packedMap(n uint64, depth int) (Value, error) {
	if !d.enough(2 * n) {
		return Null, ErrShort
	}
	base := len(d.fields)
	var index map[string]int
	for range n {
		k, err := d.packed(depth)
		if err != nil {
			return Null, err
		}
		name := k.Str()
		if !k.IsString() {
			name = k.Text()
		}
		v, err := d.packed(depth)
		if err != nil {
			return Null, err
		}
		if index, err = d.addField(base, index, d.key(name), v); err != nil {
			return Null, err
		}
	}
	return d.closeMap(base), nil
}

var (
	extTypeKey = Intern("ext_type")
	extDataKey = Intern("data")
)

func (d *Decoder) ext(n uint64) (Value, error) {
	kind, err := d.uint(1)
	if err != nil {
		return Null, err
	}
	data, err := d.bytes(n)
	if err != nil {
		return Null, err
	}
	if d.Ext == nil {
		return MapOf(FromFields([]Field{{extTypeKey, Int(int64(int8(kind)))}, {extDataKey, String(data)}})), nil
	}
	v, err := d.Ext(int8(kind), data)
	if err != nil {
		return Null, &SyntaxError{Offset: d.at, Reason: err.Error()}
	}
	return v, nil
}

// AppendMsgpack appends v as MessagePack. Text that is not UTF-8 becomes a binary string,
// an integer beyond 64 bits its digits.
func AppendMsgpack(dst []byte, v Value) []byte {
	switch v.Kind() {
	case KindString:
		return appendPackedString(dst, v.Str())
	case KindInt:
		i, _ := v.Int()
		return appendPackedInt(dst, i)
	case KindFloat, KindDecimal:
		f, _ := v.Float()
		return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
	case KindBool:
		if v.Bool() {
			return append(dst, 0xc3)
		}
		return append(dst, 0xc2)
	case KindBigInt:
		if n, err := strconv.ParseUint(v.raw(), 10, 64); err == nil {
			return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
		}
		return appendPackedString(dst, v.raw())
	case KindList:
		l := v.List()
		dst = appendPackedLength(dst, l.Len(), 0x90, 0xdc)
		for i := range l.Len() {
			dst = AppendMsgpack(dst, l.At(i))
		}
		return dst
	case KindMap:
		m := v.Map()
		dst = appendPackedLength(dst, m.Len(), 0x80, 0xde)
		if m == nil {
			return dst
		}
		return appendPackedFields(dst, m.fields)
	}
	return append(dst, 0xc0)
}

// AppendMsgpackEvent appends all of e with its metadata, which is what AppendMsgpack makes of
// Whole.
func AppendMsgpackEvent(dst []byte, e *Event) []byte {
	if e.meta.has&hasMeta == 0 {
		return appendPackedFields(appendPackedLength(dst, e.Len(), 0x80, 0xde), e.root.fields)
	}
	dst = appendPackedFields(appendPackedLength(dst, e.Len()+1, 0x80, 0xde), e.root.fields)
	var room [12]Field
	meta := e.metaFields(room[:0])
	dst = appendPackedLength(appendPackedString(dst, metaKey.Name), len(meta), 0x80, 0xde)
	return appendPackedFields(dst, meta)
}

func appendPackedFields(dst []byte, fields []Field) []byte {
	for _, f := range fields {
		dst = AppendMsgpack(appendPackedString(dst, f.Key.Name), f.Value)
	}
	return dst
}

func appendPackedString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		switch n := len(s); {
		case n <= math.MaxUint8:
			dst = append(dst, 0xc4, byte(n))
		case n <= math.MaxUint16:
			dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
		default:
			dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
		}
		return append(dst, s...)
	}
	return append(appendStringHead(dst, len(s)), s...)
}

// appendStringHead appends what stands in front of n bytes of text.
func appendStringHead(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
}

func appendPackedInt(dst []byte, i int64) []byte {
	switch {
	case i >= 0 && i < 128, i < 0 && i >= -32:
		return append(dst, byte(i))
	case i >= 0 && i <= math.MaxUint8:
		return append(dst, 0xcc, byte(i))
	case i >= 0 && i <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(i))
	case i >= 0 && i <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(i))
	case i >= 0:
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), uint64(i))
	case i >= math.MinInt8:
		return append(dst, 0xd0, byte(i))
	case i >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(i))
	case i >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(i))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(i))
}

func appendPackedLength(dst []byte, n int, short, long byte) []byte {
	switch {
	case n < 16:
		return append(dst, short|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}
