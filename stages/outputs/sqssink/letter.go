//go:build aws

package sqssink

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/render"
)

// letter is an event as it is sent, or why it cannot be.
type letter struct {
	delivery.Draft
	entry types.SendMessageBatchRequestEntry
	size  int // as the service counts it
	err   error
}

// writer makes letters.
type writer struct {
	env  actor.Env
	opts *Options
	line *render.Line
	buf  []byte
}

func newWriter(env actor.Env, o *Options) *writer {
	return &writer{env: env, opts: o, line: render.NewLine(env, o.Format)}
}

// Why an event cannot be a message.
var (
	errEmpty     = errors.New("the message is empty, which the service does not take")
	errCharacter = errors.New("the message has a control character that the service does not take")
)

// letter renders an event. Attributes and ids are taken from it before delete_fields.
func (w *writer) letter(e *event.Event) letter {
	l := letter{Draft: delivery.Draft{Event: e}}
	w.buf = w.line.AppendText(w.buf[:0], w.env.Payload(e))
	body := strings.ToValidUTF8(string(w.buf), string(utf8.RuneError))
	l.entry.MessageBody, l.size = &body, len(body)
	switch {
	case body == "":
		l.err = errEmpty
	case strings.ContainsFunc(body, forbidden):
		l.err = errCharacter
	}
	w.attributes(&l)
	if !w.opts.GroupID.IsZero() {
		l.entry.MessageGroupId = w.id(&l, "message_group_id", w.opts.GroupID, "unknown")
	}
	if w.opts.FIFO() && !w.opts.DeduplicationID.IsZero() {
		l.entry.MessageDeduplicationId = w.id(&l, "message_deduplication_id", w.opts.DeduplicationID, e.ID())
	}
	if l.err == nil && l.size > w.opts.MaxRequestSize {
		l.err = fmt.Errorf("the message has %d bytes, more than max_request_size, which is %d", l.size, w.opts.MaxRequestSize)
	}
	return l
}

// forbidden reports whether a character may not be in a message: those that XML 1.0 has not.
func forbidden(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}

// attributes adds what message_attributes names.
func (w *writer) attributes(l *letter) {
	for _, p := range w.opts.MessageAttributes {
		v, ok := l.Event.Get(p)
		if !ok || v.IsNull() {
			continue
		}
		kind, text := "String", strings.ToValidUTF8(v.Text(), string(utf8.RuneError))
		if v.IsNumber() {
			kind = "Number"
		}
		if text == "" {
			continue
		}
		if strings.ContainsFunc(text, forbidden) {
			l.err = fmt.Errorf("field %s has a control character that no attribute may have", p.String())
		}
		if l.entry.MessageAttributes == nil {
			l.entry.MessageAttributes = make(map[string]types.MessageAttributeValue, len(w.opts.MessageAttributes))
		}
		l.entry.MessageAttributes[p.String()] = types.MessageAttributeValue{DataType: aws.String(kind), StringValue: &text}
		l.size += len(p.String()) + len(kind) + len(text)
	}
}

// longestID is what the service takes.
const longestID = 128

// id makes an id, which is instead if a field is missing.
func (w *writer) id(l *letter, name string, t expr.Template, instead string) *string {
	id, ok := t.Text(l.Event)
	if !ok || id == "" {
		w.env.Unresolved(name, t.Source())
		id = instead
	}
	if id == "" { // the metadata was deleted
		id = event.New(w.env.Source).ID()
	}
	outside := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(id) > longestID || strings.ContainsFunc(id, outside) {
		l.err = fmt.Errorf("%s must be up to %d letters, digits and signs, got %.200q", name, longestID, id)
	}
	return &id
}
