// Package base64parser decodes base64, or encodes bytes as base64.
package base64parser

import (
	"context"
	_ "embed"
	"encoding/base64"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/base64text"
	"gambolputty/stages/internal/parse"
)

//go:embed base64parser.md
var doc string

// Spec is the Base64Parser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Base64Parser",
	Aliases:  []string{"parser.Base64"},
	Role:     actor.Parser,
	Summary:  "Decodes base64, or encodes bytes as base64.",
	Doc:      doc,
	Parallel: true,
	Example: `- Base64Parser:
    source_field: payload
    target_field: message
`,
}, Options{
	Action:      "decode",
	SourceField: parse.Field{Path: event.KeyPath(event.Data)},
	TargetField: event.KeyPath(event.Data),
	Alphabet:    "standard",
}, New)

// Options of the Base64Parser module.
type Options struct {
	Action       string      `opt:"action" enum:"decode|encode" doc:"What to do."`
	SourceField  parse.Field `opt:"source_field" old:"source_fields" doc:"Field to decode or encode."`
	TargetField  event.Path  `opt:"target_field" doc:"Field for the result."`
	KeepOriginal bool        `opt:"keep_original" doc:"Keep the source field."`
	Alphabet     string      `opt:"alphabet" enum:"standard|url" doc:"Letters to encode with: url writes - and _ for + and /. Decoding takes both."`
	parse.Guard
}

type parser struct {
	env     actor.Env
	opts    Options
	decoder base64text.Decoder
	encoder *base64.Encoding
	in, out []byte
}

// New makes a Base64Parser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o, encoder: base64.StdEncoding}
	if o.Alphabet == "url" {
		p.encoder = base64.URLEncoding
	}
	return p, nil
}

// Process decodes or encodes the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	source := p.opts.SourceField.Path
	for e := range b.Each() {
		v, ok := e.Get(source)
		if !ok {
			continue
		}
		raw, err := p.convert(v)
		if err != nil {
			p.env.Fault(e, source.String(), err)
			continue
		}
		if err := e.Set(p.opts.TargetField, event.String(string(raw))); err != nil {
			p.env.Fault(e, p.opts.TargetField.String(), err)
			continue
		}
		if !p.opts.KeepOriginal && source.String() != p.opts.TargetField.String() {
			e.Delete(source)
		}
	}
	return nil
}

// convert returns bytes that are valid until the next call.
func (p *parser) convert(v event.Value) ([]byte, error) {
	if !v.IsString() {
		return nil, parse.ErrNotText
	}
	if p.opts.Action == "decode" {
		return p.decoder.Decode(v.Str())
	}
	p.in = append(p.in[:0], v.Str()...)
	p.out = p.encoder.AppendEncode(p.out[:0], p.in)
	return p.out, nil
}
