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

// Append appends the line of e with the line feed that ends it.
func (l *Line) Append(dst []byte, e *event.Event) []byte {
	from := len(dst)
	dst = l.AppendText(dst, e)
	if len(dst) == from || l.format.IsZero() || dst[len(dst)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}

// AppendText appends the text of e as it is, for outputs that need nothing between events.
func (l *Line) AppendText(dst []byte, e *event.Event) []byte {
	if l.format.IsZero() {
		return l.enc.AppendEvent(dst, e)
	}
	dst, resolved := l.format.Append(dst, e)
	if !resolved {
		l.env.Unresolved("format", l.format.Source())
	}
	return dst
}
