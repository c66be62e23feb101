package event

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Decoder turns JSON and MessagePack into values. It keeps scratch memory, so one decoder
// belongs to one goroutine. The zero Decoder is ready for use.
//
// Text without escapes is not copied: the values point into the source, which the caller
// must not change any more.
type Decoder struct {
	// MaxDepth bounds the nesting of lists and maps; 0 means 512.
	MaxDepth int
	// AllowNaN accepts NaN, Infinity and -Infinity in JSON.
	AllowNaN bool
	// Comments accepts // and /* */ comments and trailing commas in JSON.
	Comments bool
	// Duplicates says which of several equal keys of a map counts.
	Duplicates Duplicates
	// Ext makes values of MessagePack extensions. Without it they are maps of ext_type
	// and data.
	Ext func(kind int8, data string) (Value, error)

	s       string
	at      int
	fields  []Field // fields of maps that are not closed yet
	values  []Value // items of lists that are not closed yet
	scratch []byte  // a string whose escapes are being resolved
	keys    [keyCache]*Key
	usual   []*Key // the keys of the document before, in their order
	nth     int    // of the key that comes next

	into *Nodes // where values go; own unless the caller has something better
	own  Nodes
	age  int // documents since own was new
}

// generation is the number of documents that share memory. What one of them holds keeps
// the others of its generation alive, but none of another: if chunks of one kind were
// filled across that border, they would point to those of another kind and these back to
// older ones, and nothing would ever be free.
const generation = 16

// begin prepares for the next document.
func (d *Decoder) begin(s string) {
	d.s, d.at, d.nth = s, 0, 0
	d.fields, d.values = d.fields[:0], d.values[:0]
	if d.into != nil && d.into != &d.own {
		return
	}
	d.into = &d.own
	if d.age++; d.age >= generation {
		d.own, d.age = Nodes{}, 0
	}
}

// Into makes d put what it decodes into memory that somebody else looks after; nil ends that.
func (d *Decoder) Into(n *Nodes) { d.into = n }

// Duplicates says which of several equal keys counts.
type Duplicates uint8

// The ways to treat equal keys.
const (
	LastWins Duplicates = iota
	FirstWins
	RefuseDuplicates
)

const (
	defaultDepth = 512
	// keyCache is the number of keys that a decoder finds without the common table.
	keyCache = 256
	// mostUsual is the number of keys of a document that the next one is expected to have.
	mostUsual = 256
)

// SyntaxError says where and why a text could not be decoded.
type SyntaxError struct {
	// Offset counts the bytes in front of the place.
	Offset int
	Reason string
	// Incomplete is set when the text ended too early, so that more of it could help.
	Incomplete bool
}

// Error gives offset and reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Reason) }

// Decode reads one JSON document from the front of s and returns what follows it. The
// error is a *SyntaxError.
func (d *Decoder) Decode(s string) (v Value, rest string, err error) {
	d.begin(s)
	defer func() { d.s = "" }()
	if v, err = d.value(cmp.Or(d.MaxDepth, defaultDepth)); err != nil {
		return Null, s, err
	}
	return v, s[d.at:], nil
}

// DecodeObject reads a JSON object from the front of s, of which the fields are to go into
// an event at once: they are valid until the next call, while all that lies below them may
// be kept. It is an error if the document is no object.
func (d *Decoder) DecodeObject(s string) (fields []Field, rest string, err error) {
	d.begin(s)
	defer func() { d.s = "" }()
	if d.blanks(); d.at >= len(s) || s[d.at] != '{' {
		return nil, s, d.fail("the document is no object")
	}
	if err := d.objectFields(cmp.Or(d.MaxDepth, defaultDepth) - 1); err != nil {
		return nil, s, err
	}
	return d.fields, s[d.at:], nil
}

func (d *Decoder) fail(format string, args ...any) error {
	if d.at >= len(d.s) {
		return &SyntaxError{Offset: len(d.s), Reason: "the text ends too early", Incomplete: true}
	}
	return &SyntaxError{Offset: d.at, Reason: fmt.Sprintf(format, args...)}
}

// blanks skips white space and, where they are allowed, comments.
func (d *Decoder) blanks() {
	if d.at < len(d.s) && (d.s[d.at] <= ' ' || d.s[d.at] == '/') {
		d.skipBlanks()
	}
}

func (d *Decoder) skipBlanks() {
	for d.at < len(d.s) {
		switch d.s[d.at] {
		case ' ', '\n', '\r', '\t':
			d.at++
			continue
		case '/':
			if d.Comments && d.comment() {
				continue
			}
		}
		return
	}
}

func (d *Decoder) comment() bool {
	rest := d.s[d.at:]
	if strings.HasPrefix(rest, "//") {
		n := strings.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		}
		d.at += n
		return true
	}
	if strings.HasPrefix(rest, "/*") {
		if n := strings.Index(rest[2:], "*/"); n >= 0 {
			d.at += n + 4
			return true
		}
	}
	return false
}

func (d *Decoder) value(depth int) (Value, error) {
	d.blanks()
	if d.at >= len(d.s) {
		return Null, d.fail("")
	}
	switch c := d.s[d.at]; c {
	case '{':
		if depth == 0 {
			return Null, d.fail("lists and maps are nested too deeply")
		}
		return d.object(depth - 1)
	case '[':
		if depth == 0 {
			return Null, d.fail("lists and maps are nested too deeply")
		}
		return d.list(depth - 1)
	case '"':
		s, err := d.string()
		return String(s), err
	case 't':
		return Bool(true), d.word("true")
	case 'f':
		return Bool(false), d.word("false")
	case 'n':
		return Null, d.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return d.number()
	case 'N':
		if d.AllowNaN {
			return Float(math.NaN()), d.word("NaN")
		}
	case 'I':
		if d.AllowNaN {
			return Float(math.Inf(1)), d.word("Infinity")
		}
	}
	return Null, d.fail("a value cannot begin with %q", d.s[d.at])
}

func (d *Decoder) word(w string) error {
	rest := d.s[d.at:]
	switch {
	case strings.HasPrefix(rest, w):
		d.at += len(w)
		return nil
	case strings.HasPrefix(w, rest):
		d.at = len(d.s)
	}
	return d.fail("this is neither a value nor a part of one")
}

// number keeps the digits of fractions and of integers beyond 64 bits.
func (d *Decoder) number() (Value, error) {
	s, from := d.s, d.at
	i := from
	if s[i] == '-' {
		if i++; d.AllowNaN && strings.HasPrefix(s[i:], "Infinity") {
			d.at = i + len("Infinity")
			return Float(math.Inf(-1)), nil
		}
	}
	digits := i
	n := uint64(0)
	for i < len(s) && s[i]-'0' < 10 {
		n = n*10 + uint64(s[i]-'0')
		i++
	}
	if d.at = i; i == digits || s[digits] == '0' && i > digits+1 {
		return Null, d.fail("this is no number")
	}
	if i == len(s) || s[i] != '.' && s[i]|0x20 != 'e' {
		return integer(s[from:i], n, i-digits), nil
	}
	if s[i] == '.' {
		from := i + 1
		for i++; i < len(s) && s[i]-'0' < 10; i++ {
		}
		if d.at = i; i == from {
			return Null, d.fail("this is no number")
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from := i
		for i < len(s) && s[i]-'0' < 10 {
			i++
		}
		if d.at = i; i == from {
			return Null, d.fail("this is no number")
		}
	}
	d.at = i
	return text(s[from:i], KindDecimal), nil
}

// integer makes the value of a run of digits, of which n is the value if they are few.
func integer(s string, n uint64, digits int) Value {
	if digits > 18 {
		v, _ := Number(s)
		return v
	}
	if s[0] == '-' {
		return Int(-int64(n))
	}
	return Int(int64(n))
}

func (d *Decoder) list(depth int) (Value, error) {
	d.at++
	base := len(d.values)
	for d.blanks(); d.at < len(d.s) && d.s[d.at] != ']'; d.blanks() {
		v, err := d.value(depth)
		if err != nil {
			return Null, err
		}
		d.values = append(d.values, v)
		if done, err := d.separator(']'); err != nil {
			return Null, err
		} else if done {
			break
		}
	}
	if d.at >= len(d.s) {
		return Null, d.fail("")
	}
	d.at++
	return d.closeList(base), nil
}

// separator reads a comma, or sees that the list or map ends here.
func (d *Decoder) separator(end byte) (done bool, err error) {
	if i := d.at; i+1 < len(d.s) && d.s[i] == ',' && d.s[i+1] == '"' { // mostly there are no blanks
		d.at++
		return false, nil
	}
	d.blanks()
	switch {
	case d.at >= len(d.s):
		return false, d.fail("")
	case d.s[d.at] == end:
		return true, nil
	case d.s[d.at] != ',':
		return false, d.fail("expected a comma or %q, found %q", end, d.s[d.at])
	}
	d.at++
	if d.blanks(); d.at < len(d.s) && d.s[d.at] == end && !d.Comments {
		return false, d.fail("there is no value behind the comma")
	}
	return false, nil
}

func (d *Decoder) closeList(base int) Value {
	items := d.into.items.take(len(d.values)-base, arenaItems)
	copy(items, d.values[base:])
	clear(d.values[base:])
	d.values = d.values[:base]
	l := &d.into.lists.take(1, arenaMaps)[0]
	l.items = items
	return listValue(l)
}

func (d *Decoder) object(depth int) (Value, error) {
	base := len(d.fields)
	if err := d.objectFields(depth); err != nil {
		return Null, err
	}
	return d.closeMap(base), nil
}

// objectFields reads an object and leaves its fields on the stack of fields.
func (d *Decoder) objectFields(depth int) error {
	d.at++
	base := len(d.fields)
	var index map[string]int
	var seen uint64 // of the last bits of the keys' numbers
	for d.blanks(); d.at < len(d.s) && d.s[d.at] != '}'; d.blanks() {
		k := d.expectedKey()
		if k == nil {
			var err error
			if k, err = d.objectKey(); err != nil {
				return err
			}
		}
		v, err := d.value(depth)
		if err != nil {
			return err
		}
		bit := uint64(1) << (k.id & 63)
		if index == nil && seen&bit == 0 { // there is no such key yet
			seen |= bit
			d.fields = append(d.fields, Field{k, v})
		} else if index, err = d.addField(base, index, k, v); err != nil {
			return err
		}
		if done, err := d.separator('}'); err != nil {
			return err
		} else if done {
			break
		}
	}
	if d.at >= len(d.s) {
		return d.fail("")
	}
	d.at++
	return nil
}

// expectedKey reads the key that stood at the same place of the document before, with its
// colon, or returns nil.
func (d *Decoder) expectedKey() *Key {
	if d.nth >= len(d.usual) {
		return nil
	}
	k := d.usual[d.nth]
	if len(k.JSON) != len(k.Name)+3 || !strings.HasPrefix(d.s[d.at:], k.JSON) { // escapes may be written in several ways
		return nil
	}
	d.nth++
	d.at += len(k.JSON)
	return k
}

func (d *Decoder) objectKey() (*Key, error) {
	if d.s[d.at] != '"' {
		return nil, d.fail("a key must be a string, found %q", d.s[d.at])
	}
	name, err := d.string()
	if err != nil {
		return nil, err
	}
	d.blanks()
	if d.at >= len(d.s) || d.s[d.at] != ':' {
		return nil, d.fail("expected a colon behind the key")
	}
	d.at++
	return d.key(name), nil
}

// key finds the key for a name. Most documents have the keys of the one before, in the
// same order. A small cache comes next, and then the common table and its lock.
func (d *Decoder) key(name string) *Key {
	i := d.nth
	d.nth++
	if i < len(d.usual) {
		if k := d.usual[i]; k.Name == name {
			return k
		}
	}
	k := d.cached(name)
	switch {
	case i < len(d.usual):
		d.usual[i] = k
	case i == len(d.usual) && i < mostUsual:
		d.usual = append(d.usual, k)
	}
	return k
}

func (d *Decoder) cached(name string) *Key {
	slot := uint32(len(name))
	for i := 0; i < len(name); i += 1 + len(name)/16 {
		slot = (slot ^ uint32(name[i])) * 16777619 // FNV, of a part of long names
	}
	slot = (slot ^ slot>>15) % keyCache
	if k := d.keys[slot]; k != nil && k.Name == name {
		return k
	}
	k := Intern(name)
	d.keys[slot] = k
	return k
}

// addField notes a field of the map whose fields begin at base. Beyond a size, index
// finds equal keys, so that a map of many does not take the square of the time.
func (d *Decoder) addField(base int, index map[string]int, k *Key, v Value) (map[string]int, error) {
	list := d.fields[base:]
	old := -1
	switch {
	case index != nil:
		if i, ok := index[k.Name]; ok {
			old = i
		}
	default:
		for i := range list {
			if list[i].Key.same(k) {
				old = i
				break
			}
		}
	}
	if old < 0 {
		d.fields = append(d.fields, Field{k, v})
		if index != nil {
			index[k.Name] = len(list)
		} else if len(list) >= manyFields {
			index = (&Map{fields: d.fields[base:]}).names()
		}
		return index, nil
	}
	switch d.Duplicates {
	case LastWins:
		list[old].Value = v
	case RefuseDuplicates:
		return index, &SyntaxError{Offset: d.at, Reason: fmt.Sprintf("the key %q stands in a map twice", k.Name)}
	}
	return index, nil
}

func (m *Map) names() map[string]int {
	idx := make(map[string]int, 4*len(m.fields))
	for i, f := range m.fields {
		idx[f.Key.Name] = i
	}
	return idx
}

// closeMap makes a map of the fields from base on.
func (d *Decoder) closeMap(base int) Value {
	list := d.into.fields.take(len(d.fields)-base, arenaFields)
	copy(list, d.fields[base:])
	clear(d.fields[base:])
	d.fields = d.fields[:base]
	m := &d.into.maps.take(1, arenaMaps)[0]
	m.fields = list
	return MapOf(m)
}

// bigUint makes the value of an integer that may exceed 63 bits.
func bigUint(n uint64) Value {
	if n <= math.MaxInt64 {
		return Int(int64(n))
	}
	return BigInt(new(big.Int).SetUint64(n))
}
