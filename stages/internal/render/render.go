// Package render writes events as text for outputs.
package render

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// Line renders events, one line each, by a format or as a JSON object. It keeps scratch
// memory and belongs to one goroutine.
type Line struct {
	env    actor.Env
	format expr.Template
	enc    event.Encoder
}

// NewLine makes a renderer. An unset format means the whole event as JSON.
func NewLine(env actor.Env, format expr.Template) *Line { return &Line{env: env, format: format} }

// Append appends e and a newline, unless the text ends with one.
func (l *Line) Append(dst []byte, e *event.Event) []byte {
	from := len(dst)
	if l.format.IsZero() {
		return append(l.enc.AppendEvent(dst, e), '\n')
	}
	dst, resolved := l.format.Append(dst, e)
	if !resolved {
		l.env.Unresolved("format", l.format.Source())
	}
	if len(dst) == from || dst[len(dst)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}

// width is the line length that pretty printing aims at.
const width = 80

// AppendPretty appends v as Python would write it, on several lines where one is too
// short, beginning in the given column.
func AppendPretty(dst []byte, v event.Value, column int) []byte {
	from := len(dst)
	dst = appendPython(dst, v)
	if utf8.RuneCount(dst[from:]) <= width-column {
		return dst
	}
	switch v.Kind() {
	case event.KindMap:
		return appendMembers(dst[:from], v.Map().Len(), '{', '}', column, func(dst []byte, i, at int) []byte {
			f := sorted(v.Map())[i]
			begin := len(dst)
			dst = append(appendString(dst, f.Key.Name), ": "...)
			return AppendPretty(dst, f.Value, at+utf8.RuneCount(dst[begin:]))
		})
	case event.KindList:
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
func sorted(m *event.Map) []event.Field {
	list := make([]event.Field, m.Len())
	for i := range list {
		list[i] = m.At(i)
	}
	sortFields(list)
	return list
}

func appendPython(dst []byte, v event.Value) []byte {
	switch v.Kind() {
	case event.KindString:
		return appendString(dst, v.Str())
	case event.KindList:
		dst = append(dst, '[')
		for i := range v.List().Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendPython(dst, v.List().At(i))
		}
		return append(dst, ']')
	case event.KindMap:
		dst = append(dst, '{')
		for i, f := range sorted(v.Map()) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendPython(append(appendString(dst, f.Key.Name), ": "...), f.Value)
		}
		return append(dst, '}')
	}
	return v.AppendText(dst)
}

// appendString appends s as a literal of Python: in single quotes, or in double quotes if
// there are single ones in it and no double ones.
func appendString(dst []byte, s string) []byte {
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
