package elasticsearchsink

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/esclient"
)

// encoder writes the lines of a bulk request, all into one buffer.
type encoder struct {
	env    actor.Env
	opts   *Options
	server esclient.Version
	buf    []byte
	now    time.Time
	stamp  []byte // the time as a field, for data streams

	json    event.Encoder
	decoder event.Decoder
	text    []byte
	overlay event.Event
	index   []byte // the name as JSON, where it is the same for all
	plainID bool
}

func newEncoder(env actor.Env, o *Options) *encoder {
	return &encoder{env: env, opts: o, plainID: o.DocID.Source() == defaults.DocID.Source()}
}

// begin starts a batch. The time is that of the whole batch, so that a second attempt has
// the same target.
func (n *encoder) begin(s esclient.Version) {
	n.now = time.Now()
	n.start(s)
	n.stamp = append(n.stamp[:0], `{"@timestamp":"`...)
	n.stamp = append(n.now.UTC().AppendFormat(n.stamp, "2006-01-02T15:04:05.000Z"), '"')
	n.index = n.index[:0]
	if _, static := n.opts.IndexName.Static(); static && n.opts.Fixed() {
		n.index = n.indexName(n.index, nil)
	}
}

// start empties the buffer.
func (n *encoder) start(s esclient.Version) { n.buf, n.server = n.buf[:0], s }

// errID and errVersion are about what would spoil a whole request.
var (
	errID      = errors.New("the document id is longer than 512 bytes")
	errVersion = errors.New("the version is no whole number")
)

// add appends the lines for e. With an error nothing is added.
func (n *encoder) add(e *event.Event) error {
	from := len(n.buf)
	payload := n.env.Payload(e)
	var fields *event.Map
	if len(n.opts.Fields) > 0 {
		fields = n.selected(payload)
		e = n.under(e, fields)
	}
	if err := n.action(e); err != nil {
		n.buf = n.buf[:from]
		return err
	}
	n.document(payload, fields)
	return nil
}

// action appends the line that says what to do, keys sorted.
func (n *encoder) action(e *event.Event) error {
	n.buf = append(n.buf, `{"`...)
	n.buf = append(n.buf, n.opts.Action...)
	n.buf = append(n.buf, `":{`...)
	if err := n.id(e); err != nil {
		return err
	}
	n.buf = append(n.buf, `"_index":`...)
	if len(n.index) > 0 {
		n.buf = append(n.buf, n.index...)
	} else {
		n.buf = n.indexName(n.buf, e)
	}
	old := n.server.Before(7)
	if old {
		n.routing(`,"_routing":`, e)
	}
	if n.opts.TTL != "" && n.server.Before(5) {
		n.field(`,"_ttl":`, n.opts.TTL)
	}
	n.docType(e)
	if old {
		if err := n.version(`,"_version":`, `,"_version_type":`, e); err != nil {
			return err
		}
	}
	n.optional(`,"pipeline":`, "pipeline", n.opts.Pipeline, e)
	if !old {
		n.routing(`,"routing":`, e)
		if err := n.version(`,"version":`, `,"version_type":`, e); err != nil {
			return err
		}
	}
	n.buf = append(n.buf, "}}\n"...)
	return nil
}

// field appends a field with a text.
func (n *encoder) field(name, value string) {
	n.buf = event.AppendJSONString(append(n.buf, name...), value)
}

// quote appends bytes as a JSON string.
func quote(dst, text []byte) []byte {
	for _, c := range text {
		if c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			return event.AppendJSONString(dst, string(text))
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

// maxID is the longest id that servers take. A longer one spoils the whole request.
const maxID = 512

func (n *encoder) id(e *event.Event) error {
	if id, static := n.opts.DocID.Static(); static && id == "" {
		return nil
	}
	n.text = n.text[:0]
	if n.plainID {
		n.text = e.AppendID(n.text)
	}
	if len(n.text) == 0 {
		n.composedID(e)
	}
	if len(n.text) > maxID {
		return errID
	}
	n.buf = quote(append(n.buf, `"_id":`...), n.text)
	n.buf = append(n.buf, ',')
	return nil
}

// composedID makes the id of fields. Where one is missing it is the id of the event, and a
// fresh one if that was deleted.
func (n *encoder) composedID(e *event.Event) {
	var ok bool
	if n.text, ok = n.opts.DocID.Append(n.text, e); ok && len(n.text) > 0 {
		return
	}
	n.env.Unresolved("doc_id", n.opts.DocID.Source())
	if n.text = e.AppendID(n.text[:0]); len(n.text) == 0 {
		n.text = event.New(n.env.Source).AppendID(n.text)
	}
}

// indexName appends the name as JSON. e is not looked at if the name has no fields.
func (n *encoder) indexName(dst []byte, e *event.Event) []byte {
	now := n.now
	if e != nil {
		now = n.opts.Of(n.env, e, now)
	} else {
		now = n.opts.In(now)
	}
	n.text = n.opts.IndexName.AppendMapped(n.text[:0], e, now, harmless)
	for i, c := range n.text {
		switch {
		case c >= 0x80:
			return event.AppendJSONString(dst, strings.ToLower(string(n.text)))
		case c >= 'A' && c <= 'Z':
			n.text[i] = c + 'a' - 'A'
		}
	}
	return quote(dst, n.text)
}

// forbidden are characters that no name of an index may have.
const forbidden = `\/*?"<>|, #:`

// harmless makes a part of a name of a value.
func harmless(value string) string {
	if value == "" {
		return "unknown"
	}
	if !strings.ContainsAny(value, forbidden) {
		return value
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(forbidden, r) {
			return '_'
		}
		return r
	}, value)
}

func (n *encoder) docType(e *event.Event) {
	switch {
	case n.server.Before(6), n.server.Before(7) && n.opts.Given["doc_type"]:
		t, ok := n.opts.DocType.Text(e)
		if !ok {
			n.env.Unresolved("doc_type", n.opts.DocType.Source())
			t = "Unknown"
		}
		n.field(`,"_type":`, t)
	case n.server.Before(7):
		n.field(`,"_type":`, "_doc")
	}
}

func (n *encoder) routing(name string, e *event.Event) {
	if n.opts.Routing.IsZero() {
		return
	}
	var ok bool
	n.text, ok = n.opts.Routing.AppendAt(n.text[:0], e, n.opts.Of(n.env, e, n.now))
	n.setOptional(name, "routing", n.opts.Routing.Source(), ok)
}

func (n *encoder) optional(name, option string, t expr.Template, e *event.Event) bool {
	if t.IsZero() {
		return false
	}
	var ok bool
	n.text, ok = t.Append(n.text[:0], e)
	return n.setOptional(name, option, t.Source(), ok)
}

// setOptional appends the text at hand, unless a field of it was missing.
func (n *encoder) setOptional(name, option, source string, ok bool) bool {
	if !ok {
		n.env.Unresolved(option, source)
		return false
	}
	if len(n.text) == 0 {
		return false
	}
	n.buf = quote(append(n.buf, name...), n.text)
	return true
}

func (n *encoder) version(name, typeName string, e *event.Event) error {
	from := len(n.buf)
	if !n.optional(name, "version", n.opts.Version, e) {
		return nil
	}
	if _, err := strconv.ParseInt(string(n.text), 10, 64); err != nil {
		return errVersion
	}
	n.buf = append(append(n.buf[:from], name...), n.text...)
	if n.opts.VersionType != "" {
		n.field(typeName, n.opts.VersionType)
	}
	return nil
}

// timestamp is the field that documents of a data stream must have.
var timestamp = event.Intern("@timestamp")

// document appends the line with the document.
func (n *encoder) document(payload *event.Event, fields *event.Map) {
	if n.opts.Action == actionUpdate {
		n.buf = append(n.buf, `{"doc":`...)
	}
	switch {
	case fields != nil:
		n.object(event.MapOf(fields))
	case !n.opts.Format.IsZero():
		n.object(n.formatted(payload))
	default:
		at, stamped := n.stampUnless(payload.Has(timestampPath))
		n.buf = n.json.AppendEvent(n.buf, payload)
		n.join(at, stamped)
	}
	if n.opts.Action == actionUpdate {
		if n.opts.Upsert {
			n.buf = append(n.buf, `,"doc_as_upsert":true`...)
		}
		n.buf = append(n.buf, '}')
	}
	n.buf = append(n.buf, '\n')
}

var timestampPath = event.KeyPath(timestamp)

func (n *encoder) object(v event.Value) {
	_, has := v.Map().Get(timestamp)
	at, stamped := n.stampUnless(has)
	n.buf = n.json.AppendValue(n.buf, v)
	n.join(at, stamped)
}

// stampUnless begins an object with the time if it needs one.
func (n *encoder) stampUnless(has bool) (at int, stamped bool) {
	stamped = n.opts.DataStream && !has
	if stamped {
		n.buf = append(n.buf, n.stamp...)
	}
	return len(n.buf), stamped
}

// join makes one object of the time and the object that begins at the given place.
func (n *encoder) join(at int, stamped bool) {
	if !stamped {
		return
	}
	if n.buf[at+1] == '}' {
		n.buf = append(n.buf[:at], '}')
		return
	}
	n.buf[at] = ','
}

// formatted is the document that the format makes: its text as an object, or an object
// with the text.
func (n *encoder) formatted(payload *event.Event) event.Value {
	var ok bool
	n.text, ok = n.opts.Format.Append(n.text[:0], payload)
	if !ok {
		n.env.Unresolved("format", n.opts.Format.Source())
	}
	text := string(n.text)
	if trimmed := bytes.TrimSpace(n.text); len(trimmed) > 0 && trimmed[0] == '{' {
		v, rest, err := n.decoder.Decode(text)
		if err == nil && v.Map() != nil && strings.TrimSpace(rest) == "" {
			return v
		}
	}
	return event.MapOf(event.FromFields([]event.Field{{Key: event.Data, Value: event.String(text)}}))
}

// selected is the document of the listed fields.
func (n *encoder) selected(payload *event.Event) *event.Map {
	m := event.NewMap(len(n.opts.Fields))
	for _, p := range n.opts.Fields {
		v, ok := payload.Get(p)
		if !ok {
			continue
		}
		inner := v.Map()
		if inner == nil {
			m.Set(p.Key(), v)
			continue
		}
		for i := range inner.Len() {
			m.Set(inner.At(i).Key, inner.At(i).Value)
		}
	}
	return m
}

// under lays the document over the event: ids and names come from it first.
func (n *encoder) under(e *event.Event, document *event.Map) *event.Event {
	e.ForkTo(&n.overlay)
	for i := range document.Len() {
		if f := document.At(i); f.Key.Name != "gambolputty" {
			n.overlay.SetField(f.Key, f.Value)
		}
	}
	return &n.overlay
}
