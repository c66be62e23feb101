// Package msgpackparser decodes and encodes MessagePack.
package msgpackparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ugorji/go/codec"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/reassembly"
)

//go:embed msgpackparser.md
var doc string

// Spec is the MsgPackParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "MsgPackParser",
	Aliases:  []string{"parser.MsgPack"},
	Role:     actor.Parser,
	Summary:  "Decodes MessagePack into fields, also as a stream, or encodes fields as MessagePack.",
	Doc:      doc,
	Parallel: true,
	Example: `- MsgPackParser:
    mode: stream
`,
}, Options{
	Action:          "decode",
	Mode:            "line",
	SourceFields:    []event.Path{event.KeyPath(event.Data)},
	MaxDepth:        512,
	TimestampFormat: "iso8601",
	EncodeLayout:    "map",
	Options:         reassembly.Defaults(),
}, New)

// Options of the MsgPackParser module.
type Options struct {
	Action          string       `opt:"action" enum:"decode|encode" doc:"Direction."`
	Mode            string       `opt:"mode" enum:"line|stream" doc:"line takes one object in a field, stream a piece of a stream of objects."`
	SourceFields    []event.Path `opt:"source_fields" old:"source_field" doc:"Fields to decode or encode; all encodes the whole event."`
	TargetField     event.Path   `opt:"target_field" null:"true" doc:"Field for the result. Decoding needs none and merges the keys into the event; for all it is data."`
	KeepOriginal    bool         `opt:"keep_original" doc:"Keep the source fields."`
	MaxDepth        int          `opt:"max_depth" min:"1" max:"10000" doc:"Nesting of lists and maps at most."`
	TimestampFormat string       `opt:"timestamp_format" doc:"Form of timestamps: iso8601, or directives of strftime."`
	EncodeLayout    string       `opt:"encode_layout" enum:"map|list" doc:"Encode one map, or a list of maps with one entry each as the former program did."`
	Protocol        string       `opt:"protocol" null:"true" enum:"forward" doc:"forward takes the frames of Fluentd and Fluent Bit apart: every record becomes an event, with its tag in tag and its time in @timestamp unless the record has fields of these names. The sender gets no receipt."`
	Prefix          string       `opt:"prefix" null:"true" doc:"Text in front of every decoded key of the top level."`
	reassembly.Options
	parse.Guard
}

// Validate wants a target for encoded fields.
func (o *Options) Validate() error {
	all := parse.All(o.SourceFields)
	switch {
	case o.Action == "encode" && o.TargetField.IsZero() && !all:
		return &option.Fault{Code: option.Required, Option: "target_field", Message: "required option is missing: action is encode"}
	case o.Action == "encode" && o.TargetField.IsZero():
		o.TargetField = event.KeyPath(event.Data)
	case o.Action == "decode" && all:
		return &option.Fault{Code: option.NotAllowed, Option: "source_fields", Message: "all is for action encode only"}
	case o.Mode == "stream" && len(o.SourceFields) != 1:
		return &option.Fault{Code: option.Contradiction, Option: "source_fields", Message: "mode stream reads one field"}
	}
	return nil
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
	buffers *reassembly.Buffers
	handle  *codec.MsgpackHandle
	buf     []byte
}

// New makes a MsgPackParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o, handle: &codec.MsgpackHandle{}}
	p.handle.WriteExt = true
	p.decoder = event.Decoder{MaxDepth: o.MaxDepth, Ext: p.ext}
	if o.SingleWorker() != "" {
		p.buffers = actor.Shared(env, func() *reassembly.Buffers { return reassembly.New(o.Options, scanner) })
		return &streamParser{p}, nil
	}
	return p, nil
}

var errBadByte = errors.New("no object begins with this byte")

func scanner() reassembly.Scanner {
	s := new(event.MsgpackScanner)
	return func(buf []byte) (int, error) {
		n, bad := s.End(buf)
		if bad {
			return 0, errBadByte
		}
		return n, nil
	}
}

// timestampExt is the extension type of timestamps.
const timestampExt = -1

var (
	extTypeKey = event.Intern("ext_type")
	extDataKey = event.Intern("data")
)

// ext makes values of extensions: timestamps through the codec library, which knows their
// three layouts, others as they are.
func (p *parser) ext(kind int8, data string) (event.Value, error) {
	if kind != timestampExt {
		m := event.NewMap(2)
		m.Set(extTypeKey, event.Int(int64(kind)))
		m.Set(extDataKey, event.String(data))
		return event.MapOf(m), nil
	}
	raw := []byte{0xc7, byte(len(data)), 0xff}
	switch len(data) {
	case 4:
		raw = []byte{0xd6, 0xff}
	case 8:
		raw = []byte{0xd7, 0xff}
	case 12:
	default:
		return event.Null, fmt.Errorf("a timestamp has 4, 8 or 12 bytes, not %d", len(data))
	}
	var t time.Time
	if err := codec.NewDecoderBytes(append(raw, data...), p.handle).Decode(&t); err != nil {
		return event.Null, fmt.Errorf("bad timestamp: %w", err)
	}
	return p.timestamp(t), nil
}

func (p *parser) timestamp(t time.Time) event.Value {
	if p.opts.TimestampFormat == "iso8601" {
		return event.String(t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	return event.String(string(expr.AppendTime(nil, p.opts.TimestampFormat, t.UTC())))
}

// Process decodes or encodes the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	if p.opts.Protocol == "forward" {
		b.Expand(func(e *event.Event, emit func(*event.Event)) { p.forward(b, e, p.opts.SourceFields[0], emit) })
		return nil
	}
	for e := range b.Each() {
		if p.opts.Action == "encode" {
			p.encode(e)
			continue
		}
		for _, source := range p.opts.SourceFields {
			if v, ok := e.Get(source); ok {
				p.decode(e, source, v)
			}
		}
	}
	return nil
}

var errMore = errors.New("there are bytes behind the object")

// decode reads the object in a field.
func (p *parser) decode(e *event.Event, source event.Path, v event.Value) {
	if !v.IsString() {
		p.env.Fault(e, source.String(), parse.ErrNotText)
		return
	}
	object, n, err := p.decoder.DecodeMsgpack(v.Str())
	if errors.Is(err, event.ErrShort) {
		err = fmt.Errorf("%w at byte %d", err, len(v.Str()))
	}
	if err == nil && strings.Trim(v.Str()[n:], "\r\n") != "" {
		err = fmt.Errorf("%w at byte %d", errMore, n)
	}
	if err != nil {
		p.env.Fault(e, source.String(), err)
		return
	}
	p.set(e, source, object)
}

var errNoMap = errors.New("the object is no map, which needs a target_field")

// set puts an object into the event.
func (p *parser) set(e *event.Event, source event.Path, object event.Value) {
	target := p.opts.TargetField
	if object.Kind() == event.KindMap && p.opts.Prefix != "" {
		object = event.MapOf(parse.Prefixed(object.Map(), p.opts.Prefix))
	}
	switch {
	case !target.IsZero():
		if err := e.Set(target, object); err != nil {
			p.env.Fault(e, target.String(), err)
			return
		}
		if target.String() != source.String() {
			p.drop(e, source)
		}
	case object.Kind() != event.KindMap:
		p.env.Fault(e, source.String(), errNoMap)
	default:
		p.drop(e, source)
		p.opts.Merge(p.env, e, object.Map())
	}
}

func (p *parser) drop(e *event.Event, source event.Path) {
	if !p.opts.KeepOriginal {
		e.Delete(source)
	}
}

// encode writes fields of the event as MessagePack.
func (p *parser) encode(e *event.Event) {
	all := parse.All(p.opts.SourceFields)
	v := p.layout(e, all)
	p.buf = event.AppendMsgpack(p.buf[:0], v)
	packed := event.String(string(p.buf))
	switch {
	case p.opts.KeepOriginal:
	case all:
		for e.Len() > 0 {
			e.DeleteField(e.At(e.Len() - 1).Key)
		}
	default:
		for _, f := range p.opts.SourceFields {
			e.Delete(f)
		}
	}
	if err := e.Set(p.opts.TargetField, packed); err != nil {
		p.env.Fault(e, p.opts.TargetField.String(), err)
	}
}

func (p *parser) layout(e *event.Event, all bool) event.Value {
	if all {
		return e.Whole()
	}
	picked := parse.Pick(e, p.opts.SourceFields)
	if p.opts.EncodeLayout == "map" {
		return picked
	}
	items := make([]event.Value, picked.Map().Len())
	for i := range items {
		items[i] = event.MapOf(event.FromFields([]event.Field{picked.Map().At(i)}))
	}
	return event.ListOf(items...)
}

// streamParser puts objects together before it decodes them.
type streamParser struct{ *parser }

// Process adds the pieces to the objects of their senders. Some senders, such as Beaver over
// TCP, end every object as if it were a line: what follows an object and reads as the numbers
// 10 and 13 is that.
func (p *streamParser) Process(_ context.Context, b *actor.Batch) error {
	source := p.opts.SourceFields[0]
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		v, ok := e.Get(source)
		if ok && !v.IsString() {
			p.env.Fault(e, source.String(), parse.ErrNotText)
		}
		if !v.IsString() {
			emit(e)
			return
		}
		loose, afterObject := 0, p.opts.TargetField.IsZero()
		rest := p.buffers.Add(e, v.Str(), func(raw string) error {
			if afterObject && (raw == "\n" || raw == "\r") {
				return nil
			}
			afterObject = afterObject || beginsMap(raw[0])
			if p.opts.TargetField.IsZero() && !beginsMap(raw[0]) {
				if loose++; loose > reassembly.MostLoose {
					return reassembly.ErrNonsense
				}
			}
			p.object(b, e, source, raw, emit)
			return nil
		})
		if rest != nil {
			emit(rest.As(p.env, b.Fork(rest.Event), source))
		}
	})
	return nil
}

// beginsMap reports whether a byte is that of a fixmap, map 16 or map 32; a forward frame
// begins with an array.
func beginsMap(b byte) bool {
	return b&0xf0 == 0x80 || b == 0xde || b == 0xdf || b&0xf0 == 0x90 || b == 0xdc || b == 0xdd
}

// object emits the event of a complete object.
func (p *streamParser) object(b *actor.Batch, chunk *event.Event, source event.Path, raw string, emit func(*event.Event)) {
	e := b.Fork(chunk)
	if err := e.Set(source, event.String(raw)); err != nil {
		p.env.Fault(e, source.String(), err)
		emit(e)
		return
	}
	if p.opts.Protocol == "forward" {
		p.forward(b, e, source, emit)
		return
	}
	p.decode(e, source, event.String(raw))
	emit(e)
}

// FlushEvery is how often objects are looked for that do not go on.
func (p *streamParser) FlushEvery() time.Duration { return p.buffers.Every() }

// Flush lets them out.
func (p *streamParser) Flush(_ context.Context, out *actor.Batch) error {
	p.buffers.Flush(p.env, out, p.opts.SourceFields[0])
	return nil
}
