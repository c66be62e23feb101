// Package datetimeparser writes the time in a field in another form.
package datetimeparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/datetime"
	"gambolputty/stages/internal/parse"
)

//go:embed datetimeparser.md
var doc string

// Spec is the DateTimeParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "DateTimeParser",
	Aliases:  []string{"parser.DateTime"},
	Role:     actor.Parser,
	Summary:  "Reads the time in a field and writes it in another form and another zone.",
	Doc:      doc,
	Parallel: true,
	Example: `- DateTimeParser:
    source_field: timestamp
    source_date_pattern: '%d/%b/%Y:%H:%M:%S %z'
    target_date_pattern: iso8601
`,
}, Options{SourceZone: "utc", TargetZone: "utc", DefaultYear: year{text: "1900", number: 1900}}, New)

// Options of the DateTimeParser module.
type Options struct {
	SourceField    parse.Field `opt:"source_field" old:"source_fields" required:"true" doc:"Field with the time."`
	SourcePatterns []string    `opt:"source_date_pattern" required:"true" doc:"Form of the time, or a list of forms to try in this order: directives of strptime, or epoch, epoch_millis, epoch_nanos or iso8601."`
	SourceZone     string      `opt:"source_timezone" doc:"Zone of times without an offset: UTC, Local, or a name of IANA in any letter case."`
	TargetField    event.Path  `opt:"target_field" null:"true" doc:"Field for the result. Without it the result replaces the source."`
	TargetPattern  string      `opt:"target_date_pattern" required:"true" doc:"Form of the result: directives of strftime, or epoch, epoch_millis, epoch_nanos or iso8601."`
	TargetZone     string      `opt:"target_timezone" doc:"Zone of the result."`
	DefaultYear    year        `opt:"default_year" doc:"Year of times without one, such as those of syslog: a number, or current for the year that brings the time nearest to the present."`
	parse.Guard

	source, target *time.Location
}

// year is a year, or the current one.
type year struct {
	text   string
	number int // 0 is the current one
}

// String is the year as it was given.
func (y year) String() string { return y.text }

// OptionType describes the option in tables.
func (year) OptionType() string { return "string or integer" }

// DecodeOption reads a number or current.
func (y *year) DecodeOption(v *option.Value) error {
	const latest = 9999
	n, err := strconv.Atoi(v.Text)
	switch {
	case v.Kind == option.String && v.Text == "current":
		n = 0
	case v.Kind != option.Integer && v.Kind != option.String || err != nil || n < 1 || n > latest:
		return v.Faultf(option.NotAllowed, "must be current or a year from 1 to %d, got %s", latest, v.Describe())
	}
	*y = year{v.Text, n}
	return nil
}

// Validate checks patterns and zones.
func (o *Options) Validate() error {
	var errs []error
	if len(o.SourcePatterns) == 0 {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "source_date_pattern", Message: "must name a form, got an empty list"})
	}
	for _, p := range o.SourcePatterns {
		err := datetime.Check(p)
		if p == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "source_date_pattern", Message: fmt.Sprintf("bad pattern %q: %s", p, err)})
		}
	}
	if o.TargetPattern == "" {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "target_date_pattern", Message: "must not be empty"})
	}
	var err error
	o.source, o.target, err = datetime.Zones(o.SourceZone, o.TargetZone)
	return errors.Join(append(errs, err)...)
}

type parser struct {
	env    actor.Env
	opts   Options
	reader datetime.Parser
	target event.Path
	buf    []byte
}

// New makes a DateTimeParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o, target: o.TargetField}
	p.reader = datetime.Parser{Zone: o.source, Year: o.DefaultYear.number, Nearest: o.DefaultYear.number == 0}
	if p.target.IsZero() {
		p.target = o.SourceField.Path
	}
	return p, nil
}

// Process rewrites the times of the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		v, ok := e.Get(p.opts.SourceField.Path)
		if !ok {
			continue
		}
		t, err := p.read(v)
		if err != nil {
			p.env.Fault(e, p.opts.SourceField.String(), err)
			continue
		}
		if err := e.Set(p.target, p.write(t)); err != nil {
			p.env.Fault(e, p.target.String(), err)
		}
	}
	return nil
}

var errKind = errors.New("the value is neither text nor a number")

func (p *parser) read(v event.Value) (time.Time, error) {
	if !v.IsString() && !v.IsNumber() {
		return time.Time{}, errKind
	}
	text := v.Text()
	var problem error
	for _, pattern := range p.opts.SourcePatterns {
		t, err := p.reader.Parse(text, pattern)
		if err == nil {
			return t, nil
		}
		problem = err
	}
	return time.Time{}, fmt.Errorf("the time cannot be read: %w", problem)
}

func (p *parser) write(t time.Time) event.Value {
	t = t.In(p.opts.target)
	if n, ok := datetime.SinceEpoch(p.opts.TargetPattern, t); ok {
		return event.Int(n)
	}
	if p.opts.TargetPattern == datetime.ISO8601 {
		p.buf = t.AppendFormat(p.buf[:0], "2006-01-02T15:04:05.000Z07:00")
	} else {
		p.buf = expr.AppendTime(p.buf[:0], p.opts.TargetPattern, t)
	}
	return event.String(string(p.buf))
}
