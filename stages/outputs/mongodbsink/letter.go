//go:build mongodb

package mongodbsink

import (
	"bytes"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
)

// letter is an event as it is stored, or why it cannot be. The document lies in the buffer
// of the writer.
type letter struct {
	delivery.Draft
	collection string
	from, to   int
	id         int // end of the _id, which begins at idAt
	err        error
}

// writer makes letters of events.
type writer struct {
	env     actor.Env
	opts    *Options
	now     time.Time
	buf     []byte
	text    []byte
	decoder event.Decoder
	last    string // collection of the letter before
	meta    event.Path
	fields  []event.Field
	names   *strings.Replacer
}

func newWriter(env actor.Env, o *Options) *writer {
	return &writer{env: env, opts: o, meta: event.MustPath("gambolputty"), names: strings.NewReplacer("$", "_", "\x00", "_")}
}

// begin starts a batch. The time is that of the whole batch, so that a second attempt has the
// same target.
func (w *writer) begin() {
	w.now = time.Now()
	if cap(w.buf) > spare {
		w.buf = nil
	}
	w.buf = w.buf[:0]
}

// spare is how much memory is kept from batch to batch.
const spare = 32 << 20

// idAt is where the text of _id begins in a document: after its length, the kind, the name
// with its end, and the length of the text.
const idAt = 4 + 1 + 4 + 4

// letter makes one of an event. Collection and id are taken from it before delete_fields.
func (w *writer) letter(e *event.Event) letter {
	l := letter{Draft: delivery.Draft{Event: e}, collection: w.collection(e), from: len(w.buf)}
	id := w.id(e)
	l.id = l.from + idAt + len(id)
	payload := w.env.Payload(e)
	if w.opts.Format.IsZero() {
		w.buf, l.err = appendDocument(w.buf, id, w.whole(payload))
	} else {
		id = bytes.Clone(id) // the format needs the scratch memory
		w.buf, l.err = appendDocument(w.buf, id, w.formatted(payload))
	}
	l.to = len(w.buf)
	return l
}

// whole is the event with its metadata as a map, which is good until the next call.
func (w *writer) whole(e *event.Event) *event.Map {
	clear(w.fields)
	w.fields = w.fields[:0]
	for i := range e.Len() {
		w.fields = append(w.fields, e.At(i))
	}
	if v, ok := e.Get(w.meta); ok {
		w.fields = append(w.fields, event.Field{Key: w.meta.Key(), Value: v})
	}
	return event.FromFields(w.fields)
}

// collection is the name in small letters.
func (w *writer) collection(e *event.Event) string {
	w.text = w.opts.Collection.AppendMapped(w.text[:0], e, w.opts.Of(w.env, e, w.now), w.harmless)
	w.text = bytes.ToLower(w.text)
	if string(w.text) != w.last {
		w.last = string(w.text)
	}
	return w.last
}

// harmless makes a part of a name of a value.
func (w *writer) harmless(value string) string {
	if value == "" {
		return "unknown"
	}
	return w.names.Replace(value)
}

// id is the _id. Where a field is missing it is the id of the event, and a fresh one if that
// was deleted.
func (w *writer) id(e *event.Event) []byte {
	var ok bool
	if w.text, ok = w.opts.DocID.Append(w.text[:0], e); ok && len(w.text) > 0 {
		return bytes.ToValidUTF8(w.text, []byte("\ufffd"))
	}
	w.env.Unresolved("doc_id", w.opts.DocID.Source())
	if w.text = e.AppendID(w.text[:0]); len(w.text) == 0 {
		w.text = event.New(w.env.Source).AppendID(w.text)
	}
	return w.text
}

// formatted is the document that the format makes: its text as an object, or an object with
// the text.
func (w *writer) formatted(payload *event.Event) *event.Map {
	var ok bool
	w.text, ok = w.opts.Format.Append(w.text[:0], payload)
	if !ok {
		w.env.Unresolved("format", w.opts.Format.Source())
	}
	text := string(w.text)
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		v, rest, err := w.decoder.Decode(text)
		if err == nil && v.Map() != nil && strings.TrimSpace(rest) == "" {
			return v.Map()
		}
	}
	return event.FromFields([]event.Field{{Key: event.Data, Value: event.String(text)}})
}
