package event

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// Encoder appends events as JSON with sorted keys. It remembers in which order the keys
// of the shapes it has seen lately go, so that it sorts once for a shape and not for an
// event. An Encoder belongs to one goroutine; the zero Encoder is ready for use.
type Encoder struct {
	last   *shape // of the event before, which is most often that of the next one
	shapes [256]shape
}

// shape is a list of keys as a map has them, and their positions in sorted order.
type shape struct {
	keys  []*Key
	order []uint32
	meta  int // before this many fields the metadata goes, on the top level
}

// maxShape is the length above which a map is sorted anew each time.
const maxShape = 256

// AppendEvent appends e as one JSON object without a newline.
func (n *Encoder) AppendEvent(dst []byte, e *Event) []byte {
	s := n.last
	if s == nil || !s.fits(e.root.fields) {
		s = n.shape(e.root.fields)
		n.last = s
	}
	before := len(s.order)
	if e.meta.has&hasMeta != 0 {
		before = s.meta
	}
	dst = append(dst, '{')
	for i, at := range s.order {
		if i == before {
			dst = append(n.appendMeta(dst, e), ',')
		}
		f := &e.root.fields[at]
		dst = appendKey(dst, f.Key.JSON)
		if f.Value.IsString() {
			dst = append(AppendJSONString(dst, f.Value.raw()), ',')
		} else {
			dst = append(n.AppendValue(dst, f.Value), ',')
		}
	}
	if before == len(s.order) && e.meta.has&hasMeta != 0 {
		dst = append(n.appendMeta(dst, e), ',')
	}
	return closeWith(dst, '}')
}

// closeWith replaces the last comma by c, or appends c where there is none.
func closeWith(dst []byte, c byte) []byte {
	if dst[len(dst)-1] == ',' {
		dst[len(dst)-1] = c
		return dst
	}
	return append(dst, c)
}

// AppendValue appends v as JSON. What JSON cannot say, such as an infinity, is null.
func (n *Encoder) AppendValue(dst []byte, v Value) []byte {
	switch v.Kind() {
	case KindString:
		return AppendJSONString(dst, v.raw())
	case KindInt:
		return strconv.AppendInt(dst, int64(v.n), 10)
	case KindBigInt, KindDecimal:
		return append(dst, v.raw()...)
	case KindFloat:
		return appendJSONFloat(dst, math.Float64frombits(v.n))
	case KindBool:
		return strconv.AppendBool(dst, v.n != 0)
	case KindMap:
		return n.appendMap(dst, v.Map().fields)
	case KindList:
		dst = append(dst, '[')
		for _, item := range v.List().items {
			dst = append(n.AppendValue(dst, item), ',')
		}
		return closeWith(dst, ']')
	}
	return append(dst, "null"...)
}

func appendJSONFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return AppendFloat(dst, f)
}

func (n *Encoder) appendMap(dst []byte, fields []Field) []byte {
	dst = append(dst, '{')
	for _, at := range n.shape(fields).order {
		dst = append(dst, fields[at].Key.JSON...)
		dst = append(n.AppendValue(dst, fields[at].Value), ',')
	}
	return closeWith(dst, '}')
}

// shape finds the sorted order of fields, in the cache or by sorting.
func (n *Encoder) shape(fields []Field) *shape {
	h := uint32(len(fields))
	for i := range fields {
		h = h*31 + fields[i].Key.id
	}
	s := &n.shapes[(h^h>>8)&255]
	if s.fits(fields) {
		return s
	}
	if len(fields) > maxShape {
		s = new(shape)
	}
	s.learn(fields)
	return s
}

func (s *shape) fits(fields []Field) bool {
	if len(s.keys) != len(fields) || s.order == nil {
		return false
	}
	for i, k := range s.keys {
		if fields[i].Key != k {
			return false
		}
	}
	return true
}

func (s *shape) learn(fields []Field) {
	s.keys = s.keys[:0]
	s.order = make([]uint32, 0, len(fields))
	for i := range fields {
		s.keys = append(s.keys, fields[i].Key)
		s.order = append(s.order, uint32(i))
	}
	slices.SortStableFunc(s.order, func(a, b uint32) int { return byName(fields[a], fields[b]) })
	s.meta, _ = slices.BinarySearchFunc(s.order, metaKey, func(at uint32, k *Key) int {
		return cmp.Compare(fields[at].Key.Name, k.Name)
	})
}

func byName(a, b Field) int { return cmp.Compare(a.Key.Name, b.Key.Name) }

// render prepares the part of the metadata that is the same for all events of a source.
func (s *Source) render() string {
	dst := AppendJSONString(nil, s.Module)
	if s.ID == "" {
		return `"source_module":` + string(dst)
	}
	return `"source_id":` + string(AppendJSONString(nil, s.ID)) + `,"source_module":` + string(dst)
}

// appendMeta appends the metadata with its key.
func (n *Encoder) appendMeta(dst []byte, e *Event) []byte {
	m := &e.meta
	if m.extra != nil || m.has != hasAll {
		var room [12]Field
		dst = append(dst, metaKey.JSON...)
		return n.appendMap(dst, e.metaFields(room[:0]))
	}
	dst = append(dst, `"gambolputty":{"event_id":`...)
	if m.whole {
		dst = AppendJSONString(dst, m.id)
	} else {
		dst = append(e.appendID(append(dst, '"')), '"')
	}
	dst = AppendJSONString(append(dst, `,"event_type":`...), m.typ)
	dst = append(append(dst, `,"pid":`...), m.src.pidText...)
	dst = AppendJSONString(append(dst, `,"received_by":`...), m.src.ReceivedBy)
	dst = AppendJSONString(append(dst, `,"received_from":`...), m.from)
	dst = append(append(dst, ','), m.src.json...)
	return append(dst, '}')
}

// unclean marks the bytes of a word that need a look: control characters, quotes,
// backslashes, and bytes beyond ASCII. The lowest mark is right; those above it may be
// wrong, as a subtraction borrows from the next byte.
func unclean(v uint64) uint64 {
	low, slash := v^(ones*nextToQuote), v^(ones*'\\')
	return ((low-ones*(' '+1))&^low | (slash-ones)&^slash | v) & highs
}

// nextToQuote turns the quote into the blank and all control characters into others, so that
// one comparison finds both kinds: what is at most a blank afterwards.
const nextToQuote = '"' ^ ' '

// AppendJSONString appends s as a JSON string. Bytes that are not valid UTF-8 become
// U+FFFD, nothing is escaped that need not be.
func AppendJSONString(dst []byte, s string) []byte {
	if len(s) <= shortText {
		if out, ok := appendShort(dst, s); ok {
			return out
		}
	}
	dst = append(dst, '"')
	i := cleanPrefix(s, 0)
	start := 0
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[start:i]...), c)
			i++
			start = i
		} else if r, w := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && w == 1 {
			dst = append(append(dst, s[start:i]...), "\ufffd"...)
			i++
			start = i
		} else {
			i += w
		}
		i = cleanPrefix(s, i)
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// mayBeUnclean is unclean with marks that may be wrong, for a first look.
func mayBeUnclean(v uint64) uint64 {
	return (v ^ (ones * nextToQuote) - ones*(' '+1)) | (v ^ (ones * '\\') - ones) | v
}

// appendKey appends the rendered form of a key, short ones in two words that may overlap.
func appendKey(dst []byte, k string) []byte {
	n := len(k)
	if n < 8 || n > 16 || cap(dst)-len(dst) < n {
		return append(dst, k...)
	}
	at := len(dst)
	dst = dst[:at+n]
	binary.LittleEndian.PutUint64(dst[at:], word(k, 0))
	binary.LittleEndian.PutUint64(dst[at+n-8:], word(k, n-8))
	return dst
}

// shortText is the length up to which a text is copied while it is looked at.
const shortText = 16

// appendShort appends a text of at most shortText bytes in which nothing is to be escaped:
// in two words that may overlap, which spares it the loops of longer ones.
func appendShort(dst []byte, s string) (out []byte, ok bool) {
	if cap(dst)-len(dst) < shortText+2 {
		dst = slices.Grow(dst, 8*shortText)
	}
	at, n := len(dst), len(s)
	b := dst[at : at+shortText+2]
	switch {
	case n >= 8:
		first, last := word(s, 0), word(s, n-8)
		if unclean(first)|unclean(last) != 0 {
			return dst, false
		}
		binary.LittleEndian.PutUint64(b[1:], first)
		binary.LittleEndian.PutUint64(b[n-7:], last)
	case n >= 4:
		first, last := binary.LittleEndian.Uint32([]byte(s[:4])), binary.LittleEndian.Uint32([]byte(s[n-4:]))
		if unclean(uint64(first)|uint64(last)<<32) != 0 {
			return dst, false
		}
		binary.LittleEndian.PutUint32(b[1:], first)
		binary.LittleEndian.PutUint32(b[n-3:], last)
	default:
		for i := range n {
			c := s[i]
			if c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
				return dst, false
			}
			b[1+i] = c
		}
	}
	b[0], b[n+1] = '"', '"'
	return dst[:at+n+2], true
}

// cleanPrefix skips bytes from i that can be copied as they are: first 32 at a time, then
// eight, and the rest of a text together with what stands before it.
func cleanPrefix(s string, i int) int {
	const tops = 0x8080808080808080
	for ; i+32 <= len(s); i += 32 {
		a, b, c, d := word(s, i), word(s, i+8), word(s, i+16), word(s, i+24)
		if (mayBeUnclean(a)|mayBeUnclean(b)|mayBeUnclean(c)|mayBeUnclean(d))&tops != 0 {
			break
		}
	}
	for ; i+8 <= len(s); i += 8 {
		if found := unclean(word(s, i)); found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	if i < len(s) && len(s) >= 8 && unclean(word(s, len(s)-8))>>(8*uint(8-len(s)+i)) == 0 {
		return len(s)
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// word reads the eight bytes at i, which must be there: the loops above have made sure, and a
// second look by the compiler would cost them a third of their speed.
func word(s string, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), i))[:])
}

func appendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
