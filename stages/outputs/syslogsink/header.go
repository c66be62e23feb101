package syslogsink

import (
	"os"
	"strconv"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/eventtime"
)

// header writes what stands in front of the text of a message.
type header struct {
	env       actor.Env
	style     string
	facility  int // -1 if it comes from the event
	fromField expr.Template
	severity  int // -1 if it comes from the event
	pattern   expr.Template
	clock     eventtime.Clock
	local     bool   // the receiver is this host, and expects no name of it from RFC 3164
	host      string // if no pattern says it
	hostname  expr.Template
	appName   expr.Template
	procID    expr.Template
	msgID     expr.Template
	data      structure
	dataField event.Path

	scratch []byte
}

func newHeader(env actor.Env, o *Options) *header {
	h := &header{
		env: env, style: o.Style, facility: o.facility, fromField: o.Facility.Template, severity: o.severity, pattern: o.Severity.Template, clock: o.Clock,
		hostname: o.Hostname, appName: o.AppName, procID: o.ProcID, msgID: o.MsgID, data: o.Data, dataField: o.DataField,
	}
	h.local = o.addresses[0].Network == "unix" && o.Hostname.IsZero()
	h.host, _ = os.Hostname() // without one the header says that it is not known
	return h
}

// Lengths of the fields of a header: RFC 5424, section 6, and RFC 3164, section 4.1.3.
const (
	longestHost   = 255
	longestApp    = 48
	longestTag    = 32
	longestProcID = 128
	longestMsgID  = 32
)

// append appends the header of e, up to the text. Without data the structured data is left
// out, for messages that would be too long with it.
func (h *header) append(dst []byte, e *event.Event, now time.Time, data bool) []byte {
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(h.facilityOf(e)<<3|h.severityOf(e)), 10)
	dst = append(dst, '>')
	switch h.style {
	case modern:
		dst = append(dst, '1', ' ')
		dst = h.appendTime(dst, h.clock.Of(h.env, e, now))
		dst = h.appendHost(append(dst, ' '), e)
		dst = h.appendWord(append(dst, ' '), "app_name", h.appName, longestApp, e)
		dst = h.appendWord(append(dst, ' '), "proc_id", h.procID, longestProcID, e)
		dst = h.appendWord(append(dst, ' '), "msg_id", h.msgID, longestMsgID, e)
		dst = append(dst, ' ')
		if !data {
			return append(dst, '-', ' ')
		}
		return append(h.appendData(dst, e), ' ')
	case legacy:
		dst = h.clock.Of(h.env, e, now).AppendFormat(dst, time.Stamp+" ")
		if !h.local {
			dst = append(h.appendHost(dst, e), ' ')
		}
		return h.appendTag(dst, e)
	}
	return dst
}

// Where none is known.
const (
	info = 6 // severity
	user = 1 // facility
)

func (h *header) facilityOf(e *event.Event) int {
	if h.facility >= 0 {
		return h.facility
	}
	if !h.resolve("facility", h.fromField, e) {
		return user
	}
	n, known := facilityNumber(string(h.scratch))
	if !known {
		h.env.Count("unknown_facilities", 1)
		return user
	}
	return n
}

func (h *header) severityOf(e *event.Event) int {
	if h.severity >= 0 {
		return h.severity
	}
	if !h.resolve("severity", h.pattern, e) {
		return info
	}
	n, known := severityNumber(string(h.scratch))
	if !known {
		h.env.Count("unknown_severities", 1)
		return info
	}
	return n
}

// resolve renders the template of an option into scratch. A field that is missing is counted,
// and the answer is false.
func (h *header) resolve(name string, t expr.Template, e *event.Event) (ok bool) {
	if h.scratch, ok = t.Append(h.scratch[:0], e); !ok {
		h.env.Unresolved(name, t.Source())
	}
	return ok
}

// appendTime appends a time with microseconds, the most that RFC 5424 allows.
func (h *header) appendTime(dst []byte, t time.Time) []byte {
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000000Z07:00")
}

func (h *header) appendHost(dst []byte, e *event.Event) []byte {
	if h.hostname.IsZero() {
		return appendWord(dst, h.host, longestHost)
	}
	return h.appendWord(dst, "hostname", h.hostname, longestHost, e)
}

// appendWord appends a field of the header, - if there is nothing for it.
func (h *header) appendWord(dst []byte, name string, t expr.Template, longest int, e *event.Event) []byte {
	if t.IsZero() {
		return append(dst, '-')
	}
	if !h.resolve(name, t, e) {
		return append(dst, '-')
	}
	return appendWord(dst, h.scratch, longest)
}

// appendWord appends printable ASCII characters, with _ for all others.
func appendWord[T string | []byte](dst []byte, s T, longest int) []byte {
	if len(s) == 0 {
		return append(dst, '-')
	}
	for i := range min(len(s), longest) {
		c := s[i]
		if c <= ' ' || c > '~' {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendTag appends program[pid]: as RFC 3164 has it. What would end the name becomes _.
func (h *header) appendTag(dst []byte, e *event.Event) []byte {
	start := len(dst)
	dst = h.appendWord(dst, "app_name", h.appName, longestTag, e)
	escape(dst[start:])
	if !h.procID.IsZero() {
		before := len(dst)
		dst = append(dst, '[')
		dst = h.appendWord(dst, "proc_id", h.procID, longestProcID, e)
		if string(dst[before+1:]) == "-" {
			dst = dst[:before]
		} else {
			escape(dst[before+1:])
			dst = append(dst, ']')
		}
	}
	return append(dst, ':', ' ')
}

func escape(tag []byte) {
	for i, c := range tag {
		if c == ':' || c == '[' || c == ']' {
			tag[i] = '_'
		}
	}
}
