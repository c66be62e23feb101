package event

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Whole is e as one value, metadata included. It shares what the event holds, so it is
// valid as long as the event.
func (e *Event) Whole() Value {
	m := NewMap(e.Len() + 1)
	for i := range e.Len() {
		f := e.At(i)
		m.Set(f.Key, f.Value)
	}
	if meta, ok := e.Get(metaPath); ok {
		m.Set(metaKey, meta)
	}
	return MapOf(m)
}

var metaPath = KeyPath(metaKey)

// width is the line length that pretty printing aims at.
const width = 80

// AppendPretty appends v as Python would write it, on several lines where one is too
// short, beginning in the given column.
func AppendPretty(dst []byte, v Value, column int) []byte {
	from := len(dst)
	dst = appendPython(dst, v)
	if utf8.RuneCount(dst[from:]) <= width-column {
		return dst
	}
	switch v.Kind() {
	case KindMap:
		return appendMembers(dst[:from], v.Map().Len(), '{', '}', column, func(dst []byte, i, at int) []byte {
			f := v.Map().sorted()[i]
			begin := len(dst)
			dst = append(appendPythonString(dst, f.Key.Name), ": "...)
			return AppendPretty(dst, f.Value, at+utf8.RuneCount(dst[begin:]))
		})
	case KindList:
		return appendMembers(dst[:from], v.List().Len(), '[', ']', column, func(dst []byte, i, at int) []byte {
			return AppendPretty(dst, v.List().At(i), at)
		})
	}
	return dst
}

// indent is the space between the margin of a list or map and its members.
const indent = 4

func appendMembers(dst []byte, n int, open, end byte, column int, member func(dst []byte, i, at int) []byte) []byte {
	dst = append(dst, open)
	dst = append(dst, strings.Repeat(" ", indent-1)...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ",\n"...)
			dst = append(dst, strings.Repeat(" ", column+indent)...)
		}
		dst = member(dst, i, column+indent)
	}
	return append(dst, end)
}

// sorted returns the fields of a map by their names.
func (m *Map) sorted() []Field {
	return slices.SortedFunc(slices.Values(m.fields), func(a, b Field) int { return cmp.Compare(a.Key.Name, b.Key.Name) })
}

func appendPython(dst []byte, v Value) []byte {
	switch v.Kind() {
	case KindString:
		return appendPythonString(dst, v.Str())
	case KindList:
		dst = append(dst, '[')
		for i := range v.List().Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendPython(dst, v.List().At(i))
		}
		return append(dst, ']')
	case KindMap:
		dst = append(dst, '{')
		for i, f := range v.Map().sorted() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendPython(append(appendPythonString(dst, f.Key.Name), ": "...), f.Value)
		}
		return append(dst, '}')
	}
	return v.AppendText(dst)
}

// appendString appends s as a literal of Python: in single quotes, or in double quotes if
// there are single ones in it and no double ones.
func appendPythonString(dst []byte, s string) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, quote)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r < 0x20 || r == 0x7f || r == utf8.RuneError && n == 1:
			dst = append(dst, `\x`...)
			if s[0] < 0x10 {
				dst = append(dst, '0')
			}
			dst = strconv.AppendUint(dst, uint64(s[0]), 16)
		default:
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return append(dst, quote)
}
