package syslogprivalparser

import (
	"errors"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/syslog"
)

var errNoHeader = errors.New("this is no line of syslog")

// headerFields are where the parts of a line go.
var headerFields = []event.Path{
	event.MustPath("syslog_prival"), event.MustPath("syslog_timestamp"), event.MustPath("host"), event.MustPath("program"),
	event.MustPath("pid"), event.MustPath("msgid"), event.MustPath("structured_data"), event.MustPath("message"),
}

// header splits a line, sets its parts, and returns the priority.
func (p *parser) header(e *event.Event, line string) (event.Value, bool) {
	m := &p.message
	if !m.Parse(line, syslog.Format(p.opts.ParseHeader)) || m.Priority == "" {
		return event.Null, false
	}
	for i, value := range [...]string{m.Priority, m.Stamp.Raw, m.Host, m.Program, m.PID, m.ID, m.Data, m.Text} {
		if value != "" {
			p.set(e, headerFields[i], event.String(value))
		}
	}
	return event.String(m.Priority), true
}
