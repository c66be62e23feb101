// Package encodingparser converts fields from one character set to another.
package encodingparser

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/charset"
	"gambolputty/stages/internal/parse"
)

//go:embed encodingparser.md
var doc string

// Spec is the EncodingParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "EncodingParser",
	Aliases:  []string{"parser.Encoding"},
	Role:     actor.Parser,
	Summary:  "Converts fields from a character set to UTF-8, or from UTF-8 to a character set.",
	Doc:      doc,
	Parallel: true,
	Example: `- EncodingParser:
    encoding: latin-1
    source_fields: [message, user]
    target_fields: [message, user]
`,
}, Options{
	Action:       "decode",
	Encoding:     encoding{Option: charset.UTF8},
	SourceFields: []event.Path{event.KeyPath(event.Data)},
	TargetFields: []event.Path{event.KeyPath(event.Data)},
	Mistakes:     "fault",
}, New)

// Options of the EncodingParser module.
type Options struct {
	Action       string       `opt:"action" enum:"decode|encode" doc:"decode makes UTF-8 of bytes in the character set, encode the other way round."`
	Encoding     encoding     `opt:"encoding" doc:"Name of the character set as in Python: utf-8, latin-1, iso-8859-15, cp1252, utf-16, shift_jis and so on. auto, for decode, guesses it for every value."`
	SourceFields []event.Path `opt:"source_fields" old:"source_field" doc:"Fields to convert."`
	TargetFields []event.Path `opt:"target_fields" old:"target_field" doc:"Fields for the results, one for each source field."`
	KeepOriginal bool         `opt:"keep_original" doc:"Keep the source fields."`
	Mistakes     string       `opt:"on_error" enum:"fault|replace|ignore|pass|drop|dead_letter" doc:"What becomes of a value with something in it that cannot be converted: it is a fault; U+FFFD, or ? in other character sets, takes the place of a character; or the character is left out. pass, drop and dead_letter make it a fault, and say what becomes of the event as for every module."`
	parse.Guard
}

// encoding is the name of a character set, or auto.
type encoding struct {
	charset.Option
	auto bool
}

// String is the name as it was given.
func (e encoding) String() string {
	if e.auto {
		return "auto"
	}
	return e.Option.String()
}

// DecodeOption looks the name up.
func (e *encoding) DecodeOption(v *option.Value) error {
	if e.auto = v.Kind == option.String && v.Text == "auto"; e.auto {
		return nil
	}
	return e.Option.DecodeOption(v)
}

// Validate wants a target for every source.
func (o *Options) Validate() error {
	if n, m := len(o.SourceFields), len(o.TargetFields); n != m {
		return &option.Fault{Code: option.Contradiction, Option: "target_fields", Message: fmt.Sprintf("must name as many fields as source_fields, which are %d, got %d", n, m)}
	}
	if o.Encoding.auto && o.Action == "encode" {
		return &option.Fault{Code: option.Contradiction, Option: "encoding", Message: `must be the name of a character set with action encode, got "auto"`}
	}
	return nil
}

// OnError is what on_error says about events, beside what it says about characters.
func (o *Options) OnError() actor.OnError {
	switch policy := actor.OnError(o.Mistakes); policy {
	case actor.Drop, actor.DeadLetter:
		return policy
	}
	return actor.Pass
}

type parser struct {
	env     actor.Env
	opts    Options
	convert func(string) (string, error)
	results []result
}

// result is what became of one source field.
type result struct {
	text string
	ok   bool
}

// New makes an EncodingParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	policy := charset.Refuse
	if o.Mistakes == "replace" || o.Mistakes == "ignore" {
		policy = charset.Policy(o.Mistakes)
	}
	p := &parser{env: env, opts: o, results: make([]result, len(o.SourceFields))}
	switch {
	case o.Encoding.auto:
		p.convert = charset.Detector(policy).Decode
	case o.Action == "decode":
		p.convert = o.Encoding.Codec(policy).Decode
	default:
		p.convert = o.Encoding.Codec(policy).Encode
	}
	return p, nil
}

// Process converts the fields of the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		for i, source := range p.opts.SourceFields { // all are read before one is written
			p.results[i] = p.read(e, source)
		}
		for i, r := range p.results {
			if r.ok {
				p.write(e, i, r.text)
			}
		}
	}
	return nil
}

func (p *parser) read(e *event.Event, source event.Path) result {
	v, ok := e.Get(source)
	switch {
	case !ok:
		return result{}
	case !v.IsString():
		p.env.Fault(e, source.String(), parse.ErrNotText)
		return result{}
	}
	text, err := p.convert(v.Str())
	if err != nil {
		p.env.Fault(e, source.String(), err)
	}
	return result{text, err == nil}
}

func (p *parser) write(e *event.Event, i int, text string) {
	source, target := p.opts.SourceFields[i], p.opts.TargetFields[i]
	if err := e.Set(target, event.String(text)); err != nil {
		p.env.Fault(e, target.String(), err)
		return
	}
	isSource := func(t event.Path) bool { return t.String() == source.String() }
	if !p.opts.KeepOriginal && !slices.ContainsFunc(p.opts.TargetFields, isSource) {
		e.Delete(source)
	}
}
