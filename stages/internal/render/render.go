// Package render writes events as text for outputs.
package render

import (
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
