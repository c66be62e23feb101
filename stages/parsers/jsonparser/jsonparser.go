// Package jsonparser decodes and encodes JSON.
package jsonparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/reassembly"
	"gambolputty/stages/internal/render"
)

//go:embed jsonparser.md
var doc string

// Spec is the JsonParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "JsonParser",
	Aliases:  []string{"parser.Json", "parser.Jsons"},
	Role:     actor.Parser,
	Summary:  "Decodes JSON text into fields, or encodes fields as JSON text.",
	Forgets:  true,
	Doc:      doc,
	Parallel: true,
	Example: `- JsonParser:
    source_fields: json_data
`,
}, Options{
	Action:        "decode",
	Mode:          "line",
	SourceFields:  []event.Path{event.KeyPath(event.Data)},
	SingleQuotes:  true,
	MaxDepth:      512,
	OverwriteKeys: true,
	MaxEvents:     10_000,
	DuplicateKeys: "last",
	Options:       reassembly.Defaults(),
}, New)

// Options of the JsonParser module.
type Options struct {
	Action        string       `opt:"action" enum:"decode|encode" doc:"Direction."`
	Mode          string       `opt:"mode" enum:"line|stream" doc:"stream takes documents that are cut over several events."`
	SourceFields  []event.Path `opt:"source_fields" old:"source_field" doc:"Fields to decode or encode; all encodes the whole event."`
	TargetField   event.Path   `opt:"target_field" null:"true" doc:"Field for the result. Decoding needs none and merges the keys into the event."`
	KeepOriginal  bool         `opt:"keep_original" doc:"Keep the source fields."`
	SingleQuotes  bool         `opt:"allow_single_quotes" doc:"Try text that is not JSON again as Python writes it."`
	AllowNaN      bool         `opt:"allow_nan" doc:"Accept NaN and Infinity."`
	MaxDepth      int          `opt:"max_depth" min:"1" max:"10000" doc:"Nesting of lists and objects at most."`
	OverwriteKeys bool         `opt:"overwrite_keys" doc:"Decoded keys replace fields of the event."`
	Prefix        string       `opt:"prefix" null:"true" doc:"Text in front of every decoded key of the top level."`
	MaxEvents     int          `opt:"max_events" min:"1" doc:"Most documents in one value; more are a fault."`
	Flatten       bool         `opt:"flatten" doc:"Join the keys of nested objects with dots."`
	PrettyPrint   bool         `opt:"pretty_print" doc:"Encode over several lines."`
	DuplicateKeys string       `opt:"duplicate_keys" enum:"last|first|fault" doc:"Which of several equal keys counts."`
	Comments      bool         `opt:"comments" doc:"Accept comments and trailing commas."`
	reassembly.Options
	parse.Guard
}

// Validate wants a target for encoded text.
func (o *Options) Validate() error {
	var errs []error
	if o.Action == "encode" && o.TargetField.IsZero() {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "target_field", Message: "required option is missing: action is encode"})
	}
	if o.Action == "decode" && parse.All(o.SourceFields) {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "source_fields", Message: "all is for action encode only"})
	}
	if o.Mode == "stream" && len(o.SourceFields) != 1 {
		errs = append(errs, &option.Fault{Code: option.Contradiction, Option: "source_fields", Message: "mode stream reads one field"})
	}
	return errors.Join(errs...)
}

// SingleWorker says that a stream must be put together in order.
func (o *Options) SingleWorker() string {
	if o.Mode == "stream" && o.Action == "decode" {
		return "in mode stream the pieces must be put together in order"
	}
	return ""
}

type parser struct {
	env     actor.Env
	opts    Options
	decoder event.Decoder
	encoder event.Encoder
	buffers *reassembly.Buffers
	docs    []event.Value
	buf     []byte
	plain   bool // objects go to the top level as they are
}

// New makes a JsonParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o}
	p.plain = o.TargetField.IsZero() && !o.Flatten && o.Prefix == "" && o.OverwriteKeys
	p.decoder = event.Decoder{MaxDepth: o.MaxDepth, AllowNaN: o.AllowNaN, Comments: o.Comments}
	switch o.DuplicateKeys {
	case "first":
		p.decoder.Duplicates = event.FirstWins
	case "fault":
		p.decoder.Duplicates = event.RefuseDuplicates
	}
	if o.SingleWorker() != "" {
		p.buffers = actor.Shared(env, func() *reassembly.Buffers {
			b := reassembly.New(o.Options, scanner)
			b.Ignore = " \t\r\n"
			return b
		})
		return &streamParser{p}, nil
	}
	return p, nil
}

func scanner() reassembly.Scanner {
	s := new(event.JSONScanner)
	return func(buf []byte) (int, error) { return s.End(buf), nil }
}

// Process decodes or encodes the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	if p.opts.Action == "encode" {
		for e := range b.Each() {
			p.encode(e)
		}
		return nil
	}
	p.decoder.Into(b.Nodes())
	b.Expand(func(e *event.Event, emit func(*event.Event)) { p.decode(b, e, emit) })
	p.decoder.Into(nil)
	return nil
}

// decode reads all source fields. A field with several documents multiplies the event.
func (p *parser) decode(b *actor.Batch, e *event.Event, emit func(*event.Event)) {
	if len(p.opts.SourceFields) == 1 && p.single(e, p.opts.SourceFields[0]) {
		emit(e)
		return
	}
	events := []*event.Event{e}
	for _, source := range p.opts.SourceFields {
		v, ok := e.Get(source)
		if !ok {
			continue
		}
		docs, err := p.documents(v)
		if err != nil {
			p.env.Fault(e, source.String(), err)
			continue
		}
		events = p.apply(b, events, source, docs)
	}
	for _, one := range events {
		emit(one)
	}
}

// single handles the usual case, one field with one document, and reports whether it was
// that.
func (p *parser) single(e *event.Event, source event.Path) bool {
	v, ok := e.Get(source)
	if !ok {
		return true
	}
	if p.plain && v.IsString() {
		if fields, rest, err := p.decoder.DecodeObject(v.Str()); err == nil && blank(rest) {
			p.drop(e, source)
			p.opts.MergeFields(p.env, e, fields)
			return true
		}
	}
	docs, err := p.documents(v)
	switch {
	case err != nil:
		p.env.Fault(e, source.String(), err)
	case len(docs) == 1:
		p.set(e, source, docs[0])
	default:
		return false
	}
	return true
}

func blank(s string) bool { return s == "" || s == "\n" || strings.TrimLeft(s, " \t\r\n") == "" }

// documents decodes the documents in a field.
func (p *parser) documents(v event.Value) ([]event.Value, error) {
	if !v.IsString() {
		return nil, parse.ErrNotText
	}
	docs, err := p.split(v.Str())
	if err != nil && p.opts.SingleQuotes {
		repaired := strings.ReplaceAll(strings.Trim(v.Str(), "'<>() "), "'", `"`)
		if again, err2 := p.split(repaired); err2 == nil {
			return again, nil
		}
	}
	return docs, err
}

var (
	errEmpty   = errors.New("there is no JSON document")
	errTooMany = errors.New("there are more documents than max_events")
	errNoMap   = errors.New("the document is no object, which needs a target_field")
)

// split decodes all documents of a text; the items of a list count one by one.
func (p *parser) split(text string) ([]event.Value, error) {
	docs := p.docs[:0]
	found := false
	for rest := text; !blank(rest); {
		v, after, err := p.decoder.Decode(rest)
		if err != nil {
			return nil, located(err, text, len(text)-len(rest))
		}
		rest, found = after, true
		if v.Kind() != event.KindList {
			docs = append(docs, v)
		}
		for i := range v.List().Len() {
			docs = append(docs, v.List().At(i))
		}
		if len(docs) > p.opts.MaxEvents {
			return nil, errTooMany
		}
	}
	p.docs = docs
	if !found {
		return nil, errEmpty
	}
	return docs, nil
}

// located adds line and column to the error of a document that begins at base.
func located(err error, text string, base int) error {
	var s *event.SyntaxError
	if !errors.As(err, &s) {
		return err
	}
	at := min(base+s.Offset, len(text))
	line := 1 + strings.Count(text[:at], "\n")
	column := 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:at], '\n')+1:at])
	return fmt.Errorf("line %d, column %d (byte %d): %s", line, column, at, s.Reason)
}

// apply sets the documents on the events. With several of each, every event gets every
// document.
func (p *parser) apply(b *actor.Batch, events []*event.Event, source event.Path, docs []event.Value) []*event.Event {
	if len(docs) == 1 && len(events) == 1 {
		p.set(events[0], source, docs[0])
		return events
	}
	if len(docs) == 0 {
		for _, e := range events {
			p.drop(e, source)
		}
		return events
	}
	out := make([]*event.Event, 0, len(events)*len(docs))
	for _, e := range events {
		copies := make([]*event.Event, len(docs))
		copies[0] = e
		for i := range docs[1:] {
			copies[i+1] = b.Fork(e)
		}
		for i, doc := range docs {
			if len(events) > 1 {
				doc = doc.Clone()
			}
			p.set(copies[i], source, doc)
		}
		out = append(out, copies...)
	}
	return out
}

func (p *parser) drop(e *event.Event, source event.Path) {
	if !p.opts.KeepOriginal {
		e.Delete(source)
	}
}

// set puts a document into an event.
func (p *parser) set(e *event.Event, source event.Path, doc event.Value) {
	if p.opts.Flatten && doc.Kind() == event.KindMap {
		flat := event.NewMap(doc.Map().Len())
		flatten(flat, "", doc.Map())
		doc = event.MapOf(flat)
	}
	if !p.opts.TargetField.IsZero() {
		p.store(e, source, doc)
		return
	}
	if doc.Kind() != event.KindMap {
		p.env.Fault(e, source.String(), errNoMap)
		return
	}
	p.drop(e, source)
	m := parse.Prefixed(doc.Map(), p.opts.Prefix)
	if !p.opts.OverwriteKeys {
		m = onlyNew(e, m)
	}
	p.opts.Merge(p.env, e, m)
}

// store sets the document in the target field. The source goes only when that has worked.
func (p *parser) store(e *event.Event, source event.Path, doc event.Value) {
	target := p.opts.TargetField
	if doc.Kind() == event.KindMap {
		doc = event.MapOf(parse.Prefixed(doc.Map(), p.opts.Prefix))
	}
	if _, exists := e.Get(target); exists && !p.opts.OverwriteKeys && target.String() != source.String() {
		p.drop(e, source)
		return
	}
	if err := e.Set(target, doc); err != nil {
		p.env.Fault(e, target.String(), err)
		return
	}
	if target.String() != source.String() {
		p.drop(e, source)
	}
}

func onlyNew(e *event.Event, m *event.Map) *event.Map {
	out := event.NewMap(m.Len())
	for i := range m.Len() {
		f := m.At(i)
		if _, exists := e.Field(f.Key); !exists {
			out.Set(f.Key, f.Value)
		}
	}
	return out
}

// flatten joins the keys of nested maps with dots.
func flatten(out *event.Map, prefix string, m *event.Map) {
	for i := range m.Len() {
		f := m.At(i)
		if f.Value.Kind() == event.KindMap && f.Value.Map().Len() > 0 {
			flatten(out, prefix+f.Key.Name+".", f.Value.Map())
			continue
		}
		out.Set(event.Intern(prefix+f.Key.Name), f.Value)
	}
}

// encode writes fields of the event as JSON.
func (p *parser) encode(e *event.Event) {
	all := parse.All(p.opts.SourceFields)
	var v event.Value
	if all {
		v = e.Whole()
	} else {
		v = parse.Pick(e, p.opts.SourceFields)
	}
	if p.opts.PrettyPrint {
		p.buf = render.AppendIndented(p.buf[:0], v)
	} else {
		p.buf = p.encoder.AppendValue(p.buf[:0], v)
	}
	text := event.String(string(p.buf))
	if !all && !p.opts.KeepOriginal {
		for _, f := range p.opts.SourceFields {
			e.Delete(f)
		}
	}
	if err := e.Set(p.opts.TargetField, text); err != nil {
		p.env.Fault(e, p.opts.TargetField.String(), err)
	}
}

// streamParser puts documents together before it decodes them.
type streamParser struct{ *parser }

// Process adds the chunks to the documents of their senders.
func (p *streamParser) Process(_ context.Context, b *actor.Batch) error {
	b.KeepValues() // the pieces of a document wait for the rest
	source := p.opts.SourceFields[0]
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		v, ok := e.Get(source)
		if !ok {
			emit(e)
			return
		}
		if !v.IsString() {
			p.env.Fault(e, source.String(), parse.ErrNotText)
			emit(e)
			return
		}
		var complete []*event.Event
		loose := 0
		rest := p.buffers.Add(e, v.Str(), func(raw string) error {
			text := strings.TrimSpace(raw)
			if text == "" {
				return nil
			}
			if p.opts.TargetField.IsZero() && text[0] != '{' && text[0] != '[' {
				if loose++; loose > reassembly.MostLoose {
					return reassembly.ErrNonsense
				}
			}
			c := b.Fork(e)
			if err := c.Set(source, event.String(raw)); err != nil {
				p.env.Fault(c, source.String(), err)
			}
			complete = append(complete, c)
			return nil
		})
		for _, c := range complete {
			p.decode(b, c, emit)
		}
		if rest != nil && strings.TrimSpace(rest.Data) != "" {
			emit(rest.As(p.env, b.Fork(rest.Event), source))
		}
	})
	return nil
}

// FlushEvery is how often documents are looked for that do not go on.
func (p *streamParser) FlushEvery() time.Duration { return p.buffers.Every() }

// Flush lets them out.
func (p *streamParser) Flush(_ context.Context, out *actor.Batch) error {
	p.buffers.Flush(p.env, out, p.opts.SourceFields[0])
	return nil
}
