package syslogprivalparser

import (
	"errors"
	"strings"

	"gambolputty/actor/event"
)

var errNoHeader = errors.New("this is no line of syslog")

// header is the parts of a line of syslog. Empty parts are not known.
type header struct {
	priority, timestamp, host, program, pid, msgid, data, message string
}

// headerFields are where the parts go.
var headerFields = []event.Path{
	event.MustPath("syslog_prival"), event.MustPath("syslog_timestamp"), event.MustPath("host"), event.MustPath("program"),
	event.MustPath("pid"), event.MustPath("msgid"), event.MustPath("structured_data"), event.MustPath("message"),
}

// header splits a line, sets its parts, and returns the priority.
func (p *parser) header(e *event.Event, line string) (event.Value, bool) {
	h, ok := split(line, p.opts.ParseHeader)
	if !ok {
		return event.Null, false
	}
	for i, value := range []string{h.priority, h.timestamp, h.host, h.program, h.pid, h.msgid, h.data, h.message} {
		if value != "" {
			p.set(e, headerFields[i], event.String(value))
		}
	}
	return event.String(h.priority), true
}

// split reads <priority> and what follows it: a version as in RFC 5424, section 6, or the
// header of RFC 3164, section 4.1, as programs really write it.
func split(line, kind string) (h header, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	rest, ok := strings.CutPrefix(line, "<")
	if !ok {
		return h, false
	}
	if h.priority, rest, ok = strings.Cut(rest, ">"); !ok || len(h.priority) > 3 {
		return h, false
	}
	version, after, _ := strings.Cut(rest, " ")
	if kind != "rfc3164" && version == "1" {
		return h.modern(after)
	}
	if kind == "rfc5424" {
		return h, false
	}
	return h.old(rest), true
}

// modern reads what follows the version in RFC 5424. A dash is an empty part.
func (h header) modern(rest string) (header, bool) {
	for _, to := range []*string{&h.timestamp, &h.host, &h.program, &h.pid, &h.msgid} {
		part, after, ok := strings.Cut(rest, " ")
		if !ok {
			return h, false
		}
		if part != "-" {
			*to = part
		}
		rest = after
	}
	n := structured(rest)
	if n < 0 {
		return h, false
	}
	if rest[:n] != "-" {
		h.data = rest[:n]
	}
	h.message = strings.TrimPrefix(strings.TrimPrefix(rest[n:], " "), "\ufeff")
	return h, true
}

// structured returns the length of structured data, -1 if there is none.
func structured(s string) int {
	if strings.HasPrefix(s, "-") {
		return 1
	}
	i := 0
	for i < len(s) && s[i] == '[' {
		quoted := false
		for ; i < len(s) && (quoted || s[i] != ']'); i++ {
			switch {
			case s[i] == '\\' && quoted:
				i++
			case s[i] == '"':
				quoted = !quoted
			}
		}
		i++
	}
	if i == 0 || i > len(s) {
		return -1
	}
	return i
}

// stampLength is that of Jun  2 12:00:00.
const stampLength = 15

// old reads what programs write in the older format: the time and the host may be missing.
func (h header) old(rest string) header {
	if len(rest) > stampLength && rest[stampLength] == ' ' && rest[3] == ' ' && rest[9] == ':' && rest[12] == ':' {
		h.timestamp = rest[:stampLength]
		h.host, rest, _ = strings.Cut(rest[stampLength+1:], " ")
	}
	tag := strings.IndexAny(rest, ": [")
	if tag <= 0 || rest[tag] == ' ' {
		h.message = rest
		return h
	}
	program, after := rest[:tag], rest[tag:]
	if strings.HasPrefix(after, "[") {
		pid, behind, ok := strings.Cut(after[1:], "]")
		if !ok {
			h.message = rest
			return h
		}
		h.pid, after = pid, behind
	}
	h.program, h.message = program, strings.TrimPrefix(strings.TrimPrefix(after, ":"), " ")
	return h
}
