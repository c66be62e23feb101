package syslogparser

import (
	"strings"

	"gambolputty/stages/internal/syslog"
)

// times writes times in ISO 8601, and remembers the last one: messages come in swarms.
type times struct {
	syslog.Clock

	last     [lastSize]byte // as it was read
	lastLen  int
	lastText string
	out      strings.Builder // many texts share its memory
}

const (
	lastSize = 40
	// stampLen is the length of 2003-10-11T22:14:15.003000+02:00, and chunk how much memory
	// is taken at a time.
	stampLen = 32
	chunk    = 64 * stampLen
)

// text is ok unless the year that is set has no such day.
func (t *times) text(s *syslog.Stamp) (string, bool) {
	if s.Raw == string(t.last[:t.lastLen]) {
		return t.lastText, true
	}
	year, offset, ok := t.Complete(s)
	if !ok {
		return "", false
	}
	var room [stampLen]byte
	iso := appendISO(room[:0], s, year, offset)
	if t.out.Cap()-t.out.Len() < len(iso) {
		t.out = strings.Builder{}
		t.out.Grow(chunk)
	}
	at := t.out.Len()
	t.out.Write(iso)
	text := t.out.String()[at:]
	if t.lastLen = 0; len(s.Raw) <= lastSize {
		t.lastLen = copy(t.last[:], s.Raw)
		t.lastText = text
	}
	return text, true
}

// appendISO writes a time with microseconds and the zone.
func appendISO(dst []byte, s *syslog.Stamp, year, offset int) []byte {
	dst = two(two(dst, year/100), year%100)
	dst = two(append(dst, '-'), s.Month)
	dst = two(append(dst, '-'), s.Day)
	dst = two(append(dst, 'T'), s.Hour)
	dst = two(append(dst, ':'), s.Minute)
	dst = two(append(dst, ':'), s.Second)
	micros := s.Nanos / 1000
	dst = two(two(two(append(dst, '.'), micros/10_000), micros/100%100), micros%100)
	if offset == 0 {
		return append(dst, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = two(append(dst, sign), offset/3600)
	return two(append(dst, ':'), offset/60%60)
}

// two writes two digits.
func two(dst []byte, n int) []byte { return append(dst, '0'+byte(n/10), '0'+byte(n%10)) }
