// Package modifyfields changes fields in some fifty ways.
package modifyfields

import (
	"context"
	_ "embed"
	"errors"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

//go:embed modifyfields.md
var doc string

// Spec is the ModifyFields module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "ModifyFields",
	Aliases:  []string{"modifier.Field"},
	Role:     actor.Modifier,
	Forgets:  true,
	Summary:  "Changes fields: maps, casts, splits, joins, replaces, hashes and renames them.",
	Doc:      doc,
	Parallel: true,
	Example: `- ModifyFields:
    action: map
    source_field: http_status
    map: {200: 'OK', 404: 'Not Found'}
`,
}, Options{
	Max:          -1,
	Separator:    ",",
	Algorithm:    "md5",
	Recursive:    true,
	OnCastError:  "default",
	MaskWith:     "*",
	FlattenWith:  ".",
	AllowQuotes:  false,
	ReloadMapped: true,
}, New)

// Options of the ModifyFields module. Which of them an action knows is in its entry of
// the table of actions.
type Options struct {
	Given option.Given

	Action       string             `opt:"action" doc:"What to do. Required unless actions is set; see below for what each action needs."`
	Actions      *option.Value      `opt:"actions" doc:"List of maps, each with an action and its options, run in order."`
	SourceField  oneField           `opt:"source_field" doc:"Field to read."`
	SourceFields []event.Path       `opt:"source_fields" doc:"Fields to read."`
	TargetField  event.Path         `opt:"target_field" null:"true" doc:"Field for the result."`
	TargetFields []event.Path       `opt:"target_fields" doc:"Fields for the results, one for each source field. Without them the sources are replaced."`
	Matching     []string           `opt:"fields_matching" doc:"Field names with the wildcards * and ?, beside source_fields."`
	Value        expr.ValueTemplate `opt:"value" doc:"Value to set; references in strings are replaced at any depth."`
	Old          expr.Template      `opt:"old" doc:"Text to look for."`
	New          expr.Template      `opt:"new" doc:"Text to put in its place."`
	Max          int                `opt:"max" doc:"Number of replacements at most; -1 is all."`
	Regex        pattern            `opt:"regex" doc:"Regular expression, or a list of expression and flags."`
	With         expr.Template      `opt:"with" doc:"Replacement, which may use \\1, \\g<1> and \\g<name>. Values of fields are inserted as they are."`
	Replace      string             `opt:"replace" doc:"Replacement for keys, which may use \\1, \\g<1> and \\g<name>."`
	Map          mapping            `opt:"map" doc:"Values by the value of the source field, compared with its type first and then as text."`
	MapFile      string             `opt:"map_file" doc:"YAML, JSON or CSV file with the map."`
	ReloadMapped bool               `opt:"map_file_reload" doc:"Read map_file again when it changes."`
	Unmappable   bool               `opt:"keep_unmappable" doc:"Keep the original value where the map has none."`
	DefaultValue expr.ValueTemplate `opt:"default_value" null:"true" doc:"Value where the map has none."`
	KVSeparator  string             `opt:"kv_separator" doc:"Text between a key and its value."`
	LineSep      string             `opt:"line_separator" null:"true" doc:"Text between pairs. Without it the whole text is one pair."`
	Prefix       string             `opt:"prefix" null:"true" doc:"Text to put in front of each key."`
	AllowQuotes  bool               `opt:"allow_quotes" doc:"Take separators inside double quotes as text and remove the quotes."`
	TrimKey      string             `opt:"trim_key" doc:"Characters to remove from both ends of each key."`
	TrimValue    string             `opt:"trim_value" doc:"Characters to remove from both ends of each value."`
	IncludeKeys  []string           `opt:"include_keys" doc:"Keys to take; without it all are."`
	ExcludeKeys  []string           `opt:"exclude_keys" doc:"Keys to leave out."`
	Separator    string             `opt:"separator" doc:"Text between the parts."`
	Type         string             `opt:"type" enum:"int|integer|float|str|string|bool|boolean" doc:"Type to cast to."`
	Types        map[string]string  `opt:"types" doc:"Types to cast to, by field."`
	OnCastError  string             `opt:"on_cast_error" enum:"default|keep|delete|fault" doc:"What becomes of a value that does not convert: the zero of the type, the value as it is, no field, or a fault."`
	Algorithm    string             `opt:"algorithm" enum:"md5|sha1|sha224|sha256|sha384|sha512|sha3_256|blake2b|murmur|xxhash64|crc32" doc:"Hash function."`
	Salt         string             `opt:"salt" null:"true" secret:"true" doc:"Text to hash before the value."`
	HMACKey      string             `opt:"hmac_key" null:"true" secret:"true" doc:"Key for a keyed hash (HMAC) instead of a salt."`
	Start        int                `opt:"start" doc:"First character, counted from 0; negative counts from the end."`
	End          *int               `opt:"end" doc:"Character behind the last one; negative counts from the end."`
	Recursive    bool               `opt:"recursive" doc:"Rename keys of nested maps too."`
	MaxLength    int                `opt:"max_length" min:"0" doc:"Characters to keep."`
	MaskWith     string             `opt:"mask_with" doc:"Character to put in place of each character that matched."`
	FlattenWith  string             `opt:"flatten_separator" doc:"Text between the parts of a flattened key."`

	steps []step
}

// Validate checks the options of the action and prepares it.
func (o *Options) Validate() error {
	if o.Given["actions"] {
		return o.prepareAll()
	}
	if o.Action == "" {
		return &option.Fault{Code: option.Required, Option: "action", Message: "required option is missing"}
	}
	s, err := o.prepare()
	if err != nil {
		return err
	}
	o.steps = []step{s}
	return nil
}

// step is a prepared action.
type step struct {
	// change works on one event in place.
	change func(m *modifier, e *event.Event)
	// split makes several events of one, for the one action that does.
	split func(m *modifier, b *actor.Batch, e *event.Event, emit func(*event.Event))
}

type modifier struct {
	env   actor.Env
	steps []step
	buf   []byte
	split bool
	work  workers
}

// New makes a ModifyFields.
func New(env actor.Env, o Options) (actor.Processor, error) {
	m := &modifier{env: env, steps: o.steps, work: workers{}}
	for _, s := range o.steps {
		m.split = m.split || s.split != nil
	}
	return m, nil
}

// Process runs the actions on every event.
func (m *modifier) Process(_ context.Context, b *actor.Batch) error {
	if m.split {
		b.Expand(func(e *event.Event, emit func(*event.Event)) { m.run(b, e, m.steps, emit) })
		return nil
	}
	for e := range b.Each() {
		for i := range m.steps {
			m.steps[i].change(m, e)
		}
	}
	return nil
}

// run runs steps on e where one of them may make several events of it.
func (m *modifier) run(b *actor.Batch, e *event.Event, steps []step, emit func(*event.Event)) {
	for i := range steps {
		if steps[i].split != nil {
			steps[i].split(m, b, e, func(part *event.Event) { m.run(b, part, steps[i+1:], emit) })
			return
		}
		steps[i].change(m, e)
	}
	emit(e)
}

func (m *modifier) set(e *event.Event, p event.Path, v event.Value) {
	if err := e.Set(p, v); err != nil {
		m.env.Fault(e, p.String(), err)
	}
}

// store sets the result of a source field and, where they differ, leaves the source.
func (m *modifier) store(e *event.Event, source, target event.Path, v event.Value) {
	if target.IsZero() {
		target = source
	}
	m.set(e, target, v)
}

var (
	errNotText   = errors.New("the value is not a string")
	errNotList   = errors.New("the value is not a list")
	errNotMap    = errors.New("the value is not a map")
	errNotSliced = errors.New("the value is neither a string nor a list")
)

// text returns the string at p. A missing field is no fault, another type is.
func (m *modifier) text(e *event.Event, p event.Path) (string, bool) {
	v, ok := e.Get(p)
	if !ok {
		return "", false
	}
	if !v.IsString() {
		m.env.Fault(e, p.String(), errNotText)
		return "", false
	}
	return v.Str(), true
}
