// Package collectdparser decodes and encodes packets of collectd's network plugin.
package collectdparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
)

//go:embed collectdparser.md
var doc string

// Spec is the CollectdParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "CollectdParser",
	Aliases:  []string{"parser.Collectd"},
	Role:     actor.Parser,
	Summary:  "Decodes packets of collectd into events, or encodes fields as a packet.",
	Doc:      doc,
	Parallel: true,
	Example: `- CollectdParser:
    split_values: True
    field_style: snake
`,
}, Options{
	Action:       "decode",
	SourceFields: []event.Path{event.KeyPath(event.Data)},
	NaN:          "null",
	Level:        "none",
	Style:        "collectd",
}, New)

// Options of the CollectdParser module.
type Options struct {
	Action       string       `opt:"action" enum:"decode|encode" doc:"What to do."`
	SourceFields []event.Path `opt:"source_fields" old:"source_field" doc:"Fields with packets; with action encode, fields with maps, or all for the event itself."`
	TargetField  event.Path   `opt:"target_field" null:"true" doc:"Field for a map of what was decoded, instead of the top level of the event. With action encode it is required and gets the packet."`
	KeepOriginal bool         `opt:"keep_original" doc:"Keep the source fields."`
	NaN          string       `opt:"nan_handling" enum:"null|keep|drop" doc:"What becomes of gauges that are not a number: null, the value as it is, or nothing."`
	AuthFile     string       `opt:"auth_file" null:"true" doc:"File with the passwords that signatures and encryption need: lines of the form user: password. It is read at start."`
	Level        string       `opt:"security_level" enum:"none|sign|encrypt" doc:"What packets must be at least: anything, signed by a known user, or encrypted."`
	TypesDB      []string     `opt:"types_db" null:"true" doc:"File with the names of data sources, a types.db of collectd, or a list of such files. They are read at start. Adds dsnames."`
	Split        bool         `opt:"split_values" doc:"Make an event of every single value, with value, dstype and dsname instead of lists."`
	Prune        bool         `opt:"prune_intervals" doc:"Leave intervals out."`
	Style        string       `opt:"field_style" enum:"collectd|snake" doc:"Names of fields: plugininstance, or plugin_instance as collectd has it in JSON."`
	parse.Guard
}

// Validate checks what belongs together.
func (o *Options) Validate() error {
	var errs []error
	fault := func(code option.Code, name, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	encode := o.Action == "encode"
	switch {
	case encode && o.TargetField.IsZero():
		fault(option.Required, "target_field", "required option is missing: action is encode")
	case !encode && parse.All(o.SourceFields):
		fault(option.NotAllowed, "source_fields", "all is for action encode only")
	}
	if len(o.SourceFields) == 0 {
		fault(option.NotAllowed, "source_fields", "must name a field, got an empty list")
	}
	switch {
	case encode && (o.Level != "none" || o.AuthFile != ""):
		fault(option.Contradiction, "security_level", "must be none without auth_file: action encode neither signs nor encrypts")
	case o.Level != "none" && o.AuthFile == "":
		fault(option.Required, "auth_file", "required option is missing: security_level is %s", o.Level)
	}
	return errors.Join(errs...)
}

// Reads names the files.
func (o *Options) Reads() []actor.File {
	var files []actor.File
	if o.AuthFile != "" {
		files = append(files, actor.File{Option: "auth_file", Path: o.AuthFile})
	}
	for _, path := range o.TypesDB {
		files = append(files, actor.File{Option: "types_db", Path: path})
	}
	return files
}

type parser struct {
	env     actor.Env
	opts    Options
	decoder decoder
	maker   maker
	done    []event.Path // sources of the present event that were decoded
	faults  []fault
	events  []*event.Event
}

// fault is something wrong with a source field, to be noted on the last event of the records
// before it, or on the first event if there are none.
type fault struct {
	source  event.Path
	records int
	err     error
}

// tables are read from files once for all workers.
type tables struct {
	users map[string]string
	types types
	err   error
}

// New makes a CollectdParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	t := actor.Shared(env, func() (t tables) {
		if o.AuthFile != "" {
			if t.users, t.err = readUsers(o.AuthFile); t.err != nil {
				t.err = fmt.Errorf("auth_file: %w", t.err)
				return t
			}
		}
		if t.types, t.err = readTypes(o.TypesDB); t.err != nil {
			t.err = fmt.Errorf("types_db: %w", t.err)
		}
		return t
	})
	p := &parser{env: env, opts: o, maker: newMaker(&o, t.types)}
	p.decoder = decoder{users: t.users, level: levels[o.Level], nan: o.NaN}
	if o.Action == "encode" {
		return &encoder{env: env, opts: o, keys: styles[o.Style], all: parse.All(o.SourceFields)}, t.err
	}
	return p, t.err
}

// Process decodes the packets.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		p.decode(e)
		p.release(b, e)
		for _, c := range p.events {
			emit(c)
		}
	})
	return nil
}

// decode gathers the records of all sources of an event.
func (p *parser) decode(e *event.Event) {
	p.decoder.reset()
	p.done, p.faults = p.done[:0], p.faults[:0]
	for _, source := range p.opts.SourceFields {
		v, ok := e.Get(source)
		if !ok {
			continue
		}
		before := len(p.decoder.records)
		err := parse.ErrNotText
		if v.IsString() {
			err = p.decoder.decode(v.Str())
		}
		records := len(p.decoder.records)
		if err != nil {
			p.faults = append(p.faults, fault{source, records, err})
		}
		if err == nil || records > before {
			p.done = append(p.done, source)
		}
	}
}

// release makes an event of every part, and at least one. The copies are taken before the
// first of them is changed.
func (p *parser) release(b *actor.Batch, e *event.Event) {
	p.maker.begin(e, p.decoder.records, p.decoder.values)
	clear(p.events)
	p.events = append(p.events[:0], e)
	for len(p.events) < len(p.maker.parts) {
		p.events = append(p.events, b.Fork(e))
	}
	for i, c := range p.events {
		if i < len(p.maker.parts) {
			if err := p.maker.write(p.env, c, i); err != nil { // it would be the same for all others
				p.env.Fault(c, p.opts.TargetField.String(), err)
				p.events = p.events[:1]
				return
			}
		}
		p.drop(c)
	}
	for _, f := range p.faults {
		p.env.Fault(p.events[max(0, p.maker.last(f.records))], f.source.String(), f.err)
	}
}

// drop removes the sources, unless something was written over them.
func (p *parser) drop(e *event.Event) {
	if p.opts.KeepOriginal {
		return
	}
	for _, source := range p.done {
		if len(p.maker.parts) == 0 || !p.maker.writes(source) {
			e.Delete(source)
		}
	}
}
