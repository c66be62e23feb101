// Package inflateparser decompresses fields, or compresses them.
package inflateparser

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/base64text"
	"gambolputty/stages/internal/parse"
)

//go:embed inflateparser.md
var doc string

// Spec is the InflateParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "InflateParser",
	Aliases:  []string{"parser.Inflate"},
	Role:     actor.Parser,
	Summary:  "Decompresses fields, or compresses them.",
	Doc:      doc,
	Parallel: true,
	Example: `- InflateParser:
    source_fields: [body]
    target_fields: [body_text]
    compression: auto
`,
}, Options{
	Action:       "decode",
	SourceFields: []event.Path{event.KeyPath(event.Data)},
	Compression:  []string{"gzip"},
	Max:          64 << 20,
}, New)

// Options of the InflateParser module.
type Options struct {
	Action         string       `opt:"action" enum:"decode|encode" doc:"decode decompresses, encode compresses."`
	SourceFields   []event.Path `opt:"source_fields" old:"source_field" doc:"Fields to work on."`
	TargetFields   []event.Path `opt:"target_fields" old:"target_field" null:"true" doc:"Fields for the results, one for each source field. Without them the results replace the sources."`
	Compression    []string     `opt:"compression" enum:"gzip|zlib|deflate|auto|bzip2|zstd|snappy|lz4|xz" doc:"Format of the data, or a list of formats to try in this order. auto tells them apart by their first bytes, except deflate, which is bare and has no mark."`
	SourceEncoding string       `opt:"source_encoding" null:"true" enum:"base64" doc:"Form in which the compressed bytes stand in a field, if it is not the bytes themselves."`
	Max            int          `opt:"max_inflated_bytes" min:"1" doc:"What becomes longer than this stays compressed and is a fault."`
	parse.Guard
}

// Validate wants a target for every source, and one format to write.
func (o *Options) Validate() error {
	var errs []error
	if n := len(o.TargetFields); n > 0 && n != len(o.SourceFields) {
		errs = append(errs, &option.Fault{Code: option.Contradiction, Option: "target_fields", Message: fmt.Sprintf("must name as many fields as source_fields, which are %d, got %d", len(o.SourceFields), n)})
	}
	if len(o.Compression) == 0 {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "compression", Message: "must name a format, got an empty list"})
	}
	if o.Action == "encode" {
		errs = append(errs, o.writable())
	}
	return errors.Join(errs...)
}

func (o *Options) writable() error {
	message := ""
	switch {
	case len(o.Compression) > 1:
		message = fmt.Sprintf("must be one format with action encode, got %d", len(o.Compression))
	case len(o.Compression) == 1 && (o.Compression[0] == "auto" || o.Compression[0] == "bzip2"):
		message = fmt.Sprintf("must be gzip, zlib, deflate, zstd, snappy, lz4 or xz with action encode, got %q", o.Compression[0])
	default:
		return nil
	}
	return &option.Fault{Code: option.Contradiction, Option: "compression", Message: message}
}

type parser struct {
	env      actor.Env
	opts     Options
	values   []value
	inflater inflater
	deflater *deflater
	base64   base64text.Decoder
}

// value is what stands in a source field.
type value struct {
	event.Value
	found bool
}

// New makes an InflateParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o, values: make([]value, len(o.SourceFields)), inflater: inflater{limit: o.Max}}
	if o.Action == "encode" {
		var err error
		if p.deflater, err = newDeflater(o.Compression[0]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Process works on the fields of the events, each on its own.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		for i, source := range p.opts.SourceFields { // all are read before one is written
			p.values[i].Value, p.values[i].found = e.Get(source)
		}
		for i, v := range p.values {
			if v.found {
				p.field(e, i, v.Value)
			}
		}
	}
	return nil
}

func (p *parser) field(e *event.Event, i int, v event.Value) {
	source := p.opts.SourceFields[i]
	if !v.IsString() {
		p.env.Fault(e, source.String(), parse.ErrNotText)
		return
	}
	convert := p.inflate
	if p.deflater != nil {
		convert = p.deflate
	}
	result, err := convert(v.Str())
	if err != nil {
		p.env.Fault(e, source.String(), err)
		return
	}
	target := source
	if len(p.opts.TargetFields) > 0 {
		target = p.opts.TargetFields[i]
	}
	if err := e.Set(target, event.String(result)); err != nil {
		p.env.Fault(e, target.String(), err)
	}
}

func (p *parser) inflate(text string) (string, error) {
	if p.opts.SourceEncoding != "" {
		raw, err := p.base64.Decode(text)
		if err != nil {
			return "", err
		}
		text = string(raw)
	}
	return p.inflater.inflate(text, p.opts.Compression)
}

func (p *parser) deflate(text string) (string, error) {
	raw, err := p.deflater.deflate(text)
	if err != nil || p.opts.SourceEncoding == "" {
		return string(raw), err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}
