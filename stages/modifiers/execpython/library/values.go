package library

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"

	"gambolputty/actor/event"
)

// FromEvent makes a value of a program. Lists and maps are copied.
func FromEvent(v event.Value) starlark.Value {
	switch v.Kind() {
	case event.KindString:
		return starlark.String(v.Str())
	case event.KindInt:
		i, _ := v.Int()
		return starlark.MakeInt64(i)
	case event.KindBigInt:
		i, _ := v.Big()
		return starlark.MakeBigInt(i)
	case event.KindFloat, event.KindDecimal:
		f, _ := v.Float()
		return starlark.Float(f)
	case event.KindBool:
		return starlark.Bool(v.Bool())
	case event.KindList:
		items := make([]starlark.Value, v.List().Len())
		for i := range items {
			items[i] = FromEvent(v.List().At(i))
		}
		return starlark.NewList(items)
	case event.KindMap:
		m := v.Map()
		d := starlark.NewDict(m.Len())
		for i := range m.Len() {
			_ = d.SetKey(starlark.String(m.At(i).Key.Name), FromEvent(m.At(i).Value)) // a new dict takes every string
		}
		return d
	}
	return starlark.None
}

var (
	errNested = errors.New("the value is nested too deeply, or contains itself")
	errMuch   = errors.New("the value holds too much")
)

const (
	// nesting is how deep lists and dicts may be nested in an event.
	nesting = 200
	// values is how many values there may be in one of an event.
	values = 1 << 20
)

// ToEvent makes a value of an event. What events do not know becomes text.
func ToEvent(v starlark.Value) (event.Value, error) {
	c := converter{left: values}
	return c.convert(v, nesting)
}

type converter struct{ left int }

func (c *converter) convert(v starlark.Value, depth int) (event.Value, error) {
	if depth == 0 {
		return event.Null, errNested
	}
	if c.left--; c.left < 0 {
		return event.Null, errMuch
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return event.Null, nil
	case starlark.String:
		return event.String(string(v)), nil
	case starlark.Bytes:
		return event.String(string(v)), nil
	case starlark.Bool:
		return event.Bool(bool(v)), nil
	case starlark.Int:
		if i, ok := v.Int64(); ok {
			return event.Int(i), nil
		}
		return event.BigInt(v.BigInt()), nil
	case starlark.Float:
		return event.Float(float64(v)), nil
	case starlark.IterableMapping:
		m, err := c.mapping(v, depth)
		return event.MapOf(m), err
	case starlark.Iterable:
		var items []event.Value
		for x := range starlark.Elements(v) {
			item, err := c.convert(x, depth-1)
			if err != nil {
				return event.Null, err
			}
			items = append(items, item)
		}
		return event.ListOf(items...), nil
	}
	return event.String(Str(v)), nil
}

func (c *converter) mapping(v starlark.IterableMapping, depth int) (*event.Map, error) {
	items := v.Items()
	m := event.NewMap(len(items))
	for _, pair := range items {
		value, err := c.convert(pair[1], depth-1)
		if err != nil {
			return nil, err
		}
		m.Set(event.Intern(Str(pair[0])), value)
	}
	return m, nil
}

// ToMap makes a map of an event of a dict.
func ToMap(v starlark.IterableMapping) (*event.Map, error) {
	c := converter{left: values}
	return c.mapping(v, nesting)
}

// typeName is what Python calls the type of a value.
func typeName(v starlark.Value) string {
	switch v.Type() {
	case "string":
		return "str"
	case "builtin_function_or_method":
		return "function"
	}
	return v.Type()
}

// Str is Python's str().
func Str(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.String:
		return string(v)
	case starlark.Bytes:
		return string(v)
	case starlark.Int:
		return v.String()
	case texted:
		return v.text()
	}
	return repr(v)
}

// texted are values of ours whose str() differs from their repr().
type texted interface{ text() string }

// repr is Python's repr(). What is very long is cut off.
func repr(v starlark.Value) string {
	w := writer{}
	w.value(v, nesting)
	return w.out.String()
}

// writer writes values as they stand in a program.
type writer struct{ out strings.Builder }

func (w *writer) value(v starlark.Value, depth int) {
	if depth == 0 || w.out.Len() > longest {
		w.out.WriteString("...")
		return
	}
	switch v := v.(type) {
	case starlark.String:
		w.out.WriteString(quote(string(v)))
	case starlark.Float:
		w.out.WriteString(event.Float(float64(v)).Text())
	case *starlark.List:
		w.list("[", v, "]", depth)
	case starlark.Tuple:
		closing := ")"
		if len(v) == 1 {
			closing = ",)"
		}
		w.list("(", v, closing, depth)
	case *starlark.Set:
		if v.Len() == 0 {
			w.out.WriteString("set()")
			return
		}
		w.list("{", v, "}", depth)
	case starlark.IterableMapping:
		w.out.WriteByte('{')
		for i, pair := range v.Items() {
			if i > 0 {
				w.out.WriteString(", ")
			}
			w.value(pair[0], depth-1)
			w.out.WriteString(": ")
			w.value(pair[1], depth-1)
		}
		w.out.WriteByte('}')
	default:
		w.out.WriteString(v.String())
	}
}

func (w *writer) list(open string, v starlark.Iterable, closing string, depth int) {
	w.out.WriteString(open)
	first := true
	for x := range starlark.Elements(v) {
		if !first {
			w.out.WriteString(", ")
		}
		first = false
		w.value(x, depth-1)
	}
	w.out.WriteString(closing)
}

// quote quotes text as Python's repr does.
func quote(s string) string {
	mark := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	out := make([]byte, 0, len(s)+2)
	out = append(out, mark)
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == rune(mark) || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n' || r == '\r' || r == '\t':
			out = append(out, '\\', "nrt"[strings.IndexByte("\n\r\t", byte(r))])
		case r == utf8.RuneError && w == 1, r < ' ', r == 0x7f:
			out = fmt.Appendf(out, `\x%02x`, s[i])
		case !strconv.IsPrint(r):
			out = append(out, strings.Trim(strconv.QuoteRuneToASCII(r), "'")...)
		default:
			out = append(out, s[i:i+w]...)
		}
		i += w
	}
	return string(append(out, mark))
}

// number gives True and False as 1 and 0, as Python counts them.
func number(v starlark.Value) starlark.Value {
	if b, ok := v.(starlark.Bool); ok {
		if b {
			return starlark.MakeInt(1)
		}
		return starlark.MakeInt(0)
	}
	return v
}

func elements(v starlark.Iterable) []starlark.Value {
	var list []starlark.Value
	for x := range starlark.Elements(v) {
		list = append(list, x)
	}
	return list
}

const (
	// mostKept and mostText bound what Size counts.
	mostKept = 1 << 20
	mostText = 64 << 20
)

// Size counts the values in v; it is negative if they are too many, or hold too much text.
func Size(v starlark.Value) int {
	s := sizer{seen: map[starlark.Value]bool{}}
	s.count(v, nesting)
	if s.values > mostKept || s.text > mostText {
		return -1
	}
	return s.values
}

type sizer struct {
	values, text int
	seen         map[starlark.Value]bool // lists and dicts may be there several times
}

func (s *sizer) count(v starlark.Value, depth int) {
	if s.values++; s.values > mostKept || s.text > mostText || depth == 0 {
		return
	}
	switch v := v.(type) {
	case starlark.String:
		s.text += len(v)
	case *starlark.Dict:
		if s.seen[v] {
			return
		}
		s.seen[v] = true
		for k, x := range v.Entries() {
			s.count(k, depth-1)
			s.count(x, depth-1)
		}
	case *starlark.List:
		if s.seen[v] {
			return
		}
		s.seen[v] = true
		for i := range v.Len() {
			s.count(v.Index(i), depth-1)
		}
	case starlark.Tuple:
		for _, x := range v {
			s.count(x, depth-1)
		}
	case *starlark.Set:
		for x := range starlark.Elements(v) {
			s.count(x, depth-1)
		}
	}
}
