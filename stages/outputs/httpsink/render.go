package httpsink

import (
	"net/url"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// renderer makes text of events. Address, labels and time are those of the event; what stands
// in a body is what the actions of the module have made of it.
type renderer struct {
	env    actor.Env
	opts   *Options
	format expr.Template
	labels []string
	enc    event.Encoder
	event  *event.Event
	now    time.Time
	buf    []byte
}

func newRenderer(env actor.Env, o *Options) *renderer {
	return &renderer{env: env, opts: o, format: o.Format, labels: names(o.Labels)}
}

// address is the url for the event; "" if a field is missing.
func (r *renderer) address() string {
	if text, static := r.opts.URL.Static(); static {
		return text
	}
	if _, resolved := r.opts.URL.Append(r.buf[:0], r.event); !resolved {
		r.env.Unresolved("url", r.opts.URL.Source())
		return ""
	}
	return r.opts.URL.Map(r.event, url.PathEscape)
}

// label is the text of a label.
func (r *renderer) label(name string) string {
	t := r.opts.Labels[name]
	text, resolved := t.Text(r.event)
	if !resolved {
		r.env.Unresolved("labels."+name, t.Source())
	}
	return text
}

// time is the time of the event.
func (r *renderer) time() time.Time { return r.opts.Of(r.env, r.event, r.now) }

// text appends the text of an event: the format, or without one the data for lines, and the
// whole event otherwise.
func (r *renderer) text(dst []byte, e *event.Event) []byte {
	if r.format.IsZero() && r.opts.Preset == "" && r.opts.Body == "lines" {
		data, _ := e.Field(event.Data)
		return data.AppendText(dst)
	}
	if r.format.IsZero() {
		return r.enc.AppendEvent(dst, e)
	}
	dst, resolved := r.format.Append(dst, e)
	if !resolved {
		r.env.Unresolved("format", r.format.Source())
	}
	return dst
}

// quoted appends the text of an event as a JSON string.
func (r *renderer) quoted(dst []byte, e *event.Event) []byte {
	r.buf = r.text(r.buf[:0], e)
	return event.AppendJSONString(dst, string(r.buf))
}
