package syslogsink

import (
	"bytes"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/render"
)

// messages writes events as messages.
type messages struct {
	env     actor.Env
	header  *header
	line    *render.Line
	framing string
	most    int
	text    []byte
}

// Default sizes of messages.
const (
	mostInPacket = 2048
	mostInStream = 65536
)

func newMessages(env actor.Env, o *Options) *messages {
	m := &messages{env: env, header: newHeader(env, o), line: render.NewLine(env, o.Format), framing: o.Framing, most: mostInStream}
	if o.Proto == protoUDP {
		m.most = mostInPacket
	}
	if o.MaxSize != nil {
		m.most = *o.MaxSize
	}
	return m
}

// appendPacket appends a message that has a packet of its own.
func (m *messages) appendPacket(dst []byte, e *event.Event, now time.Time) []byte {
	return m.append(dst, e, now, 0, "")
}

// appendFrame appends a message for a stream.
func (m *messages) appendFrame(dst []byte, e *event.Event, now time.Time) []byte {
	switch m.framing {
	case newline:
		return append(m.append(dst, e, now, '\n', "#012"), '\n')
	case octetCounted:
		start := len(dst)
		dst = m.append(dst, e, now, 0, "")
		var digits [20]byte
		return slices.Insert(dst, start, append(strconv.AppendInt(digits[:0], int64(len(dst)-start), 10), ' ')...)
	}
	return append(m.append(dst, e, now, 0, "#000"), 0)
}

// append appends a message in which an escape, if there is one, stands for a byte that would end
// it.
func (m *messages) append(dst []byte, e *event.Event, now time.Time, end byte, escaped string) []byte {
	start := len(dst)
	dst = m.header.append(dst, e, now, true)
	if escaped != "" { // structured data may contain anything
		dst = m.escape(dst, start, end, escaped)
	}
	if len(dst)-start > m.most {
		dst = m.header.append(dst[:start], e, now, false)
	}
	text := len(dst)
	dst = m.line.AppendText(dst, m.env.Payload(e))
	if n := len(dst); n > text && dst[n-1] == '\n' { // the end of a line is not part of it
		dst = dst[:n-1]
	}
	if escaped != "" {
		dst = m.escape(dst, text, end, escaped)
	}
	if len(dst)-start <= m.most {
		return dst
	}
	m.env.Count("cut", 1)
	return dst[:start+whole(dst[start:], m.most)]
}

// escape replaces what would end a message, from a place on. A carriage return in front of a
// newline belongs to it.
func (m *messages) escape(dst []byte, from int, end byte, escaped string) []byte {
	if bytes.IndexByte(dst[from:], end) < 0 {
		return dst
	}
	m.text = append(m.text[:0], dst[from:]...)
	dst = dst[:from]
	for rest := m.text; ; {
		at := bytes.IndexByte(rest, end)
		if at < 0 {
			return append(dst, rest...)
		}
		before := rest[:at]
		if end == '\n' {
			before = bytes.TrimSuffix(before, []byte("\r"))
		}
		dst = append(append(dst, before...), escaped...)
		rest = rest[at+1:]
	}
}

// whole is the length of the longest beginning of b with at most so many bytes that cuts no
// character in two.
func whole(b []byte, most int) int {
	for n := most; n > most-utf8.UTFMax && n > 0; n-- {
		if utf8.RuneStart(b[n]) {
			return n
		}
	}
	return most // it is no UTF-8 anyway
}
