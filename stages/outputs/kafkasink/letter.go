package kafkasink

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/render"
)

// letter is a message on its way, and what became of it.
type letter struct {
	delivery.Draft
	topic     string
	partition int32 // -1 until it is chosen
	at        time.Time
	record    sarama.Record
	size      int

	key, value span
	headers    span // of letters.headers
	keyed      bool
	unfit      error // it must not even be tried
	done       bool
	enlisted   bool // it is in the transaction
	refused    error
	trouble    error // why it is not done yet
}

// span is a part of a buffer that may still move.
type span struct{ from, to int }

// letters are the messages of one batch. Their memory is kept from batch to batch.
type letters struct {
	env   actor.Env
	opts  *Options
	line  *render.Line
	names []string // of headers, sorted

	list    []letter
	mail    []*letter
	bytes   []byte
	name    []byte
	headers []header
	records []sarama.RecordHeader
	refs    []*sarama.RecordHeader
	topics  map[string]string // names as texts, so that one is made once
}

type header struct {
	name  string
	value span
}

// Memory and names that are kept from batch to batch.
const (
	keepBytes  = 4 << 20
	keepTopics = 10_000
)

func newLetters(env actor.Env, o *Options) *letters {
	l := &letters{env: env, opts: o, line: render.NewLine(env, o.Format), topics: map[string]string{}}
	for name := range o.Headers {
		l.names = append(l.names, name)
	}
	slices.Sort(l.names)
	return l
}

var errNoTopic = errors.New("a field in the name of the topic is missing")

// write renders the events. Names depend on the time of now, however long it takes.
func (l *letters) write(b *actor.Batch) {
	now := time.Now()
	for e := range b.View() {
		m := letter{Draft: delivery.Draft{Event: e}, partition: -1, at: l.opts.Of(l.env, e, now)}
		m.topic, m.unfit = l.topic(e, m.at)
		if !l.opts.Key.IsZero() {
			m.key, m.keyed = l.render(l.opts.Key, e)
			if !m.keyed {
				l.env.Count("missing_keys", 1)
			}
		}
		m.headers.from = len(l.headers)
		for _, name := range l.names {
			if value, ok := l.render(l.opts.Headers[name], e); ok {
				l.headers = append(l.headers, header{name, value})
			} else {
				l.env.Count("missing_headers", 1)
			}
		}
		m.headers.to = len(l.headers)
		m.value.from = len(l.bytes)
		l.bytes = l.line.AppendText(l.bytes, l.env.Payload(e))
		m.value.to = len(l.bytes)
		l.list = append(l.list, m)
	}
	l.seal()
}

func (l *letters) topic(e *event.Event, at time.Time) (string, error) {
	var resolved bool
	l.name, resolved = l.opts.Topic.AppendAt(l.name[:0], e, at)
	if !resolved {
		l.env.Unresolved("topic", l.opts.Topic.Source())
		return "", errNoTopic
	}
	if name, ok := l.topics[string(l.name)]; ok {
		return name, nil
	}
	name := string(l.name)
	if !validTopic(l.name) {
		return "", fmt.Errorf("%.300q is no valid name of a topic", name)
	}
	if len(l.topics) >= keepTopics {
		clear(l.topics)
	}
	l.topics[name] = name
	return name, nil
}

// validTopic reports whether a topic may have that name.
func validTopic(name []byte) bool {
	if len(name) == 0 || len(name) > 249 || string(name) == "." || string(name) == ".." {
		return false
	}
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// render appends a text. ok is false if a field is missing, and then nothing is appended.
func (l *letters) render(t expr.Template, e *event.Event) (s span, ok bool) {
	from := len(l.bytes)
	out, ok := t.Append(l.bytes, e)
	if !ok {
		return span{}, false
	}
	l.bytes = out
	return span{from, len(out)}, true
}

// overhead is about what a record needs beside its texts.
const overhead = 24

// seal makes the records, once the buffers do not move any more.
func (l *letters) seal() {
	l.records = slices.Grow(l.records[:0], len(l.headers))
	l.refs = slices.Grow(l.refs[:0], len(l.headers))
	for _, h := range l.headers {
		l.records = append(l.records, sarama.RecordHeader{Key: []byte(h.name), Value: l.cut(h.value)})
		l.refs = append(l.refs, &l.records[len(l.records)-1])
	}
	for i := range l.list {
		m := &l.list[i]
		m.record.Value = l.cut(m.value)
		m.size = overhead + len(m.record.Value)
		if m.keyed {
			m.record.Key = l.cut(m.key)
			m.size += len(m.record.Key)
		}
		m.record.Headers = l.refs[m.headers.from:m.headers.to:m.headers.to]
		for _, h := range m.record.Headers {
			m.size += len(h.Key) + len(h.Value) + 4
		}
	}
}

func (l *letters) cut(s span) []byte { return l.bytes[s.from:s.to:s.to] }

// of returns the letters of events that may be tried. What cannot work is refused.
func (l *letters) of(events []*event.Event, r *delivery.Report) []*letter {
	l.mail = l.mail[:0]
	at := -1
	for _, e := range events {
		at = delivery.Find(l.list, e, at)
		m := &l.list[at]
		if m.unfit != nil {
			r.Never(e, m.unfit)
			continue
		}
		m.done, m.refused, m.trouble = false, nil, nil
		l.mail = append(l.mail, m)
	}
	return l.mail
}

func (l *letters) forget() {
	clear(l.list)
	clear(l.headers)
	clear(l.records)
	l.list, l.headers, l.bytes = l.list[:0], l.headers[:0], l.bytes[:0]
	if cap(l.bytes) > keepBytes {
		l.bytes = nil
	}
}
