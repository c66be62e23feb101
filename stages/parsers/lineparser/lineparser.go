// Package lineparser splits a field into several events.
package lineparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/parse"
)

//go:embed lineparser.md
var doc string

// Spec is the LineParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "LineParser",
	Aliases:  []string{"parser.Line"},
	Role:     actor.Parser,
	Summary:  "Splits a field at a separator and makes an event of each part.",
	Doc:      doc,
	Parallel: true,
	Example: `- LineParser:
    seperator: '|'
`,
}, Options{
	SourceFields: []event.Path{event.KeyPath(event.Data)},
	Separator:    "\n",
	TargetField:  event.KeyPath(event.Data),
	Emit:         "events",
	MaxEvents:    10_000,
}, New)

// Options of the LineParser module.
type Options struct {
	SourceFields []event.Path `opt:"source_fields" old:"source_field" doc:"Fields to split."`
	Separator    string       `opt:"seperator" old:"separator" doc:"Text between the parts. The spelling is that of the former program."`
	Regex        string       `opt:"regex" null:"true" doc:"Regular expression between the parts, instead of the separator."`
	TargetField  event.Path   `opt:"target_field" doc:"Field for the part."`
	KeepOriginal bool         `opt:"keep_original" doc:"Keep the source field."`
	KeepEmpty    bool         `opt:"keep_empty" doc:"Keep empty parts."`
	Emit         string       `opt:"emit" enum:"events|list" doc:"An event for each part, or one event with a list of the parts."`
	Strip        bool         `opt:"strip" doc:"Remove carriage returns and blanks at both ends of a part."`
	StripCR      bool         `opt:"strip_cr" doc:"Remove a carriage return at the end of a part."`
	MaxEvents    int          `opt:"max_events" min:"1" doc:"Most parts of one value; more are a fault."`
	IndexField   event.Path   `opt:"add_index_field" null:"true" doc:"Field for the number of the part, counted from 0."`
	parse.Guard

	pattern *regex.Pattern
}

// Validate compiles the separator.
func (o *Options) Validate() error {
	if o.Regex == "" {
		if o.Separator == "" {
			return &option.Fault{Code: option.NotAllowed, Option: "seperator", Message: "must not be empty"}
		}
		return nil
	}
	p, err := regex.Compile(o.Regex, regex.Options{})
	if err != nil {
		return &option.Fault{Code: option.Regex, Option: "regex", Message: err.Error()}
	}
	o.pattern = p
	return nil
}

type parser struct {
	env     actor.Env
	opts    Options
	machine *regex.Machine
	parts   []string
}

// New makes a LineParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o}
	if o.pattern != nil {
		p.machine = o.pattern.Machine()
	}
	return p, nil
}

// Process splits the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		if err := p.gather(e); err != nil {
			emit(e)
			return
		}
		p.release(b, e, emit)
	})
	return nil
}

var (
	errNothing = errors.New("none of the fields is there")
	errKind    = errors.New("the value is neither a string nor a list")
)

// gather collects the parts of all source fields.
func (p *parser) gather(e *event.Event) error {
	p.parts = p.parts[:0]
	found := false
	for _, source := range p.opts.SourceFields {
		v, ok := e.Get(source)
		if !ok {
			continue
		}
		found = true
		if err := p.split(v); err != nil {
			p.env.Fault(e, source.String(), err)
			return err
		}
	}
	if !found {
		return errNothing
	}
	return nil
}

func (p *parser) split(v event.Value) error {
	before := len(p.parts)
	switch {
	case v.Kind() == event.KindList:
		for i := range v.List().Len() {
			p.add(v.List().At(i).Text())
		}
	case !v.IsString():
		return errKind
	case p.machine != nil:
		if err := p.splitRegex(v.Str()); err != nil {
			return err
		}
	default:
		for part := range strings.SplitSeq(v.Str(), p.opts.Separator) {
			p.add(part)
		}
	}
	if n := len(p.parts) - before; n > p.opts.MaxEvents {
		p.parts = p.parts[:before]
		return fmt.Errorf("there are %d parts, more than max_events", n)
	}
	return nil
}

func (p *parser) splitRegex(text string) error {
	from := 0
	err := p.machine.FindAll(text, func(caps []int) bool {
		if caps[1] > caps[0] {
			p.add(text[from:caps[0]])
			from = caps[1]
		}
		return true
	})
	p.add(text[from:])
	return err
}

func (p *parser) add(part string) {
	switch {
	case p.opts.Strip:
		part = strings.Trim(part, " \t\r\n\v\f")
	case p.opts.StripCR:
		part = strings.TrimSuffix(part, "\r")
	}
	if part != "" || p.opts.KeepEmpty {
		p.parts = append(p.parts, part)
	}
}

// release lets an event out for each part, or one with the list.
func (p *parser) release(b *actor.Batch, e *event.Event, emit func(*event.Event)) {
	if p.opts.Emit == "list" {
		items := make([]event.Value, len(p.parts))
		for i, part := range p.parts {
			items[i] = event.String(part)
		}
		p.set(e, event.ListOf(items...), 0)
		emit(e)
		return
	}
	if len(p.parts) == 0 {
		p.parts = append(p.parts, "")
	}
	events := make([]*event.Event, len(p.parts))
	events[0] = e
	for i := range events[1:] {
		events[i+1] = b.Fork(e)
	}
	for i, part := range p.parts {
		p.set(events[i], event.String(part), i)
		emit(events[i])
	}
}

func (p *parser) set(e *event.Event, v event.Value, index int) {
	if !p.opts.KeepOriginal {
		for _, source := range p.opts.SourceFields {
			e.Delete(source)
		}
	}
	if err := e.Set(p.opts.TargetField, v); err != nil {
		p.env.Fault(e, p.opts.TargetField.String(), err)
	}
	if p.opts.IndexField.IsZero() || p.opts.Emit == "list" {
		return
	}
	if err := e.Set(p.opts.IndexField, event.Int(int64(index))); err != nil {
		p.env.Fault(e, p.opts.IndexField.String(), err)
	}
}
