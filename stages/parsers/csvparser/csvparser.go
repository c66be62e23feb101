// Package csvparser splits separated text into columns.
package csvparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/grok"
	"gambolputty/stages/internal/parse"
)

//go:embed csvparser.md
var doc string

// Spec is the CsvParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "CsvParser",
	Aliases:  []string{"CSVParser", "parser.Csv"},
	Role:     actor.Parser,
	Summary:  "Splits separated text into columns.",
	Doc:      doc,
	Parallel: true,
	Example: `- CsvParser:
    source_field: csv-data
    delimiter: ';'
    skipinitialspace: True
    fieldnames: [gumby, brain, specialist]
`,
}, Options{
	SourceField:  parse.Field{Path: event.KeyPath(event.Data)},
	Escape:       `\`,
	Quote:        `"`,
	Delimiter:    "|",
	KeepOriginal: true,
}, New)

// Options of the CsvParser module.
type Options struct {
	SourceField  parse.Field       `opt:"source_field" old:"source_fields" doc:"Field with the text."`
	Escape       string            `opt:"escapechar" doc:"Character that makes the next one literal; empty is none."`
	SkipSpace    bool              `opt:"skipinitialspace" doc:"Drop blanks right behind a delimiter."`
	Quote        string            `opt:"quotechar" doc:"Character around columns; empty is none."`
	Delimiter    string            `opt:"delimiter" doc:"Character between columns."`
	Names        []string          `opt:"fieldnames" null:"true" list:"strict" doc:"Names of the columns; without them the first row has the names."`
	TargetField  event.Path        `opt:"target_field" null:"true" doc:"Field for a map of the columns, instead of the top level of the event."`
	SkipHeader   bool              `opt:"skip_header" doc:"Leave the first row out."`
	SkipEmpty    bool              `opt:"skip_empty_columns" doc:"Set no field for an empty column."`
	ColumnTypes  map[string]string `opt:"column_types" doc:"Types of columns by name: int, float or bool. A value that does not convert stays text."`
	KeepOriginal bool              `opt:"keep_original" doc:"Keep the source field."`
	Strict       bool              `opt:"strict" doc:"Rows with another number of columns than names, and open quotes, are faults."`
	parse.Guard

	dialect dialect
}

// Validate checks the characters.
func (o *Options) Validate() error {
	var errs []error
	one := func(name, s string, required bool) rune {
		if n := utf8.RuneCountInString(s); n > 1 || required && n == 0 {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: name, Message: fmt.Sprintf("must be one character, got %q", s)})
		}
		if s == "" {
			return 0
		}
		r, _ := utf8.DecodeRuneInString(s)
		return r
	}
	o.dialect = dialect{escape: one("escapechar", o.Escape, false), quote: one("quotechar", o.Quote, false), delimiter: one("delimiter", o.Delimiter, true), skipSpace: o.SkipSpace}
	if o.Delimiter != "" && o.Delimiter == o.Quote {
		errs = append(errs, &option.Fault{Code: option.Contradiction, Option: "quotechar", Message: "must differ from delimiter"})
	}
	for column, kind := range o.ColumnTypes {
		if !slices.Contains([]string{"int", "integer", "float", "bool", "boolean", "str", "string"}, kind) {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "column_types." + column, Message: fmt.Sprintf("must be int, float, bool or string, got %q", kind)})
		}
	}
	return errors.Join(errs...)
}

type parser struct {
	env     actor.Env
	opts    Options
	columns []column // those of the names in the options
	split   splitter
	fields  []event.Field
}

// column is where the text of a column goes, and as what.
type column struct {
	key  *event.Key
	kind string
}

// New makes a CsvParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o, split: splitter{dialect: o.dialect}}
	p.columns = p.named(o.Names)
	return p, nil
}

func (p *parser) named(names []string) []column {
	var list []column
	for _, n := range names {
		list = append(list, column{event.Intern(n), p.opts.ColumnTypes[n]})
	}
	return list
}

// Process splits the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		v, ok := e.Get(p.opts.SourceField.Path)
		if !ok {
			emit(e)
			return
		}
		columns, rows, err := p.rows(v)
		if err != nil {
			p.env.Fault(e, p.opts.SourceField.String(), err)
		}
		if err != nil || len(rows) == 0 {
			emit(e)
			return
		}
		p.release(b, e, columns, rows, emit)
	})
	return nil
}

// rows returns the rows of a value, and their columns.
func (p *parser) rows(v event.Value) (columns []column, rows [][]string, err error) {
	if !v.IsString() {
		return nil, nil, parse.ErrNotText
	}
	rows, open := p.split.split(v.Str())
	if open && p.opts.Strict {
		return nil, nil, errors.New("a quote is not closed")
	}
	columns = p.columns
	switch {
	case len(rows) == 0:
		return columns, nil, nil
	case len(columns) == 0:
		columns, rows = p.named(rows[0]), rows[1:]
	case p.opts.SkipHeader:
		rows = rows[1:]
	}
	for _, row := range rows {
		if p.opts.Strict && len(row) != len(columns) {
			return nil, nil, fmt.Errorf("a row has %d columns instead of %d", len(row), len(columns))
		}
	}
	return columns, rows, nil
}

func (p *parser) release(b *actor.Batch, e *event.Event, columns []column, rows [][]string, emit func(*event.Event)) {
	if len(rows) == 1 {
		p.set(e, columns, rows[0])
		emit(e)
		return
	}
	events := make([]*event.Event, len(rows))
	events[0] = e
	for i := range events[1:] {
		events[i+1] = b.Fork(e)
	}
	for i, row := range rows {
		p.set(events[i], columns, row)
		emit(events[i])
	}
}

func (p *parser) set(e *event.Event, columns []column, row []string) {
	p.fields = p.fields[:0]
	for i, text := range row[:min(len(row), len(columns))] {
		if text == "" && p.opts.SkipEmpty {
			continue
		}
		c := columns[i]
		v := event.String(text)
		if c.kind != "" {
			v = grok.Convert(c.kind, text)
		}
		p.add(event.Field{Key: c.key, Value: v})
	}
	if !p.opts.KeepOriginal {
		e.Delete(p.opts.SourceField.Path)
	}
	if p.opts.TargetField.IsZero() {
		p.opts.MergeFields(p.env, e, p.fields)
		return
	}
	if err := e.Set(p.opts.TargetField, event.MapOf(event.FromFields(slices.Clone(p.fields)))); err != nil {
		p.env.Fault(e, p.opts.TargetField.String(), err)
	}
}

// add adds a field. Of two columns of one name the later counts.
func (p *parser) add(f event.Field) {
	for i := range p.fields {
		if p.fields[i].Key == f.Key {
			p.fields[i].Value = f.Value
			return
		}
	}
	p.fields = append(p.fields, f)
}
