package zmqsink

import (
	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/render"
	"gambolputty/stages/internal/zmqconn"
)

// messages are those of a batch.
type messages struct {
	env    actor.Env
	line   *render.Line
	topic  expr.Template
	packed bool // as MessagePack
	apart  bool // the topic is a frame of its own

	text []byte
	cuts []cut
}

// cut is where a message lies in the text.
type cut struct {
	event            *event.Event
	start, body, end int
}

func newMessages(env actor.Env, o *Options) messages {
	return messages{env: env, line: render.NewLine(env, o.Format), topic: o.Topic, packed: o.Format.IsZero(), apart: o.Multipart}
}

// add renders an event. It reports false for one whose topic has a field that is missing.
func (m *messages) add(e *event.Event) bool {
	c := cut{event: e, start: len(m.text)}
	if !m.topic.IsZero() {
		var resolved bool
		if m.text, resolved = m.topic.Append(m.text, e); !resolved {
			m.env.Unresolved("topic", m.topic.Source())
			m.text = m.text[:c.start]
			return false
		}
		if !m.apart {
			m.text = append(m.text, ' ')
		}
	}
	c.body = len(m.text)
	if p := m.env.Payload(e); m.packed {
		m.text = event.AppendMsgpackEvent(m.text, p)
	} else {
		m.text = m.line.AppendText(m.text, p)
	}
	c.end = len(m.text)
	m.cuts = append(m.cuts, c)
	return true
}

// write adds the frames of a message.
func (m *messages) write(f *zmqconn.Frames, c cut) {
	if m.apart {
		f.Message(m.text[c.start:c.body], m.text[c.body:c.end])
		return
	}
	f.Message(m.text[c.start:c.end])
}

// keepText is the memory for texts that is kept from batch to batch.
const keepText = 4 << 20

func (m *messages) reset() {
	clear(m.cuts)
	m.text, m.cuts = m.text[:0], m.cuts[:0]
	if cap(m.text) > keepText {
		m.text = nil
	}
}
