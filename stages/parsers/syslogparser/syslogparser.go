// Package syslogparser parses lines of syslog.
package syslogparser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known in a container without zone files

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/syslog"
)

//go:embed syslogparser.md
var doc string

// Spec is the SyslogParser module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "SyslogParser",
	Aliases:  []string{"parser.Syslog"},
	Role:     actor.Parser,
	Forgets:  true,
	Summary:  "Parses lines of syslog, of RFC 5424 and of RFC 3164 as it is really sent.",
	Doc:      doc,
	Parallel: true,
	FaultTag: "syslog_failure",
	Example: `- SyslogParser:
    source_field: data
`,
}, Options{SourceField: parse.Field{Path: event.KeyPath(event.Data)}, Format: "auto", Zone: "local", MapPrival: true, KeepOriginal: true}, New)

// Options of the SyslogParser module.
type Options struct {
	SourceField  parse.Field `opt:"source_field" old:"source_fields" doc:"Field with the line."`
	TargetField  event.Path  `opt:"target_field" null:"true" doc:"Field for a map with all parts, instead of the top level of the event."`
	Format       string      `opt:"format" enum:"auto|rfc5424|rfc3164" doc:"Form of the lines."`
	Zone         string      `opt:"timezone" doc:"Zone of times that do not say it: local, UTC, or a name such as Europe/Berlin."`
	Year         *int        `opt:"year" min:"1970" max:"9999" doc:"Year of times that do not say it. The default is the one that brings the time nearest to now."`
	MapPrival    bool        `opt:"map_prival" doc:"Set facility and severity as names instead of numbers."`
	KeepOriginal bool        `opt:"keep_original" doc:"Keep the source field."`
	parse.Guard

	zone *time.Location
}

// Validate checks the zone.
func (o *Options) Validate() error {
	name := o.Zone
	switch {
	case strings.EqualFold(name, "local"):
		name = "Local"
	case strings.EqualFold(name, "utc"):
		name = "UTC"
	}
	zone, err := time.LoadLocation(name)
	if err != nil || o.Zone == "" {
		return &option.Fault{Code: option.NotAllowed, Option: "timezone", Message: fmt.Sprintf("must be local, UTC or the name of a time zone, got %q", o.Zone)}
	}
	o.zone = zone
	return nil
}

// Keys of the fields.
var (
	privalKey   = event.Intern("syslog_prival")
	facilityKey = event.Intern("syslog_facility")
	severityKey = event.Intern("syslog_severity")
	versionKey  = event.Intern("syslog_version")
	stampKey    = event.Intern("timestamp")
	hostKey     = event.Intern("host")
	programKey  = event.Intern("program")
	pidKey      = event.Intern("pid")
	idKey       = event.Intern("msgid")
	dataKey     = event.Intern("structured_data")
	textKey     = event.Intern("message")
)

type parser struct {
	env        actor.Env
	opts       Options
	facilities [syslog.Highest/syslog.Severities + 1]event.Value
	severities [syslog.Severities]event.Value
	message    syslog.Message
	fields     []event.Field
	times      times
	data       data
}

// New makes a SyslogParser.
func New(env actor.Env, o Options) (actor.Processor, error) {
	p := &parser{env: env, opts: o}
	if o.Year != nil {
		p.times.Fixed = *o.Year
	}
	for i, name := range syslog.Facilities(false) {
		if p.facilities[i] = event.String(name); !o.MapPrival {
			p.facilities[i] = event.Int(int64(i))
		}
	}
	for i, name := range syslog.SeverityNames(false) {
		if p.severities[i] = event.String(name); !o.MapPrival {
			p.severities[i] = event.Int(int64(i))
		}
	}
	return p, nil
}

// Process parses the events.
func (p *parser) Process(_ context.Context, b *actor.Batch) error {
	p.times.Set(time.Now(), p.opts.zone)
	for e := range b.Each() {
		v, ok := e.Get(p.opts.SourceField.Path)
		if !ok {
			continue
		}
		err := parse.ErrNotText
		if v.IsString() {
			err = p.parse(v.Str())
		}
		if err == nil {
			err = p.set(e)
		}
		if err != nil {
			p.env.Fault(e, p.opts.SourceField.String(), err)
		}
	}
	return nil
}

var (
	errNoSyslog = errors.New("this is no line of syslog")
	errNoDay    = errors.New("the year that is set has no such day")
)

// parse collects the fields of a line.
func (p *parser) parse(line string) error {
	m := &p.message
	if !m.Parse(line, syslog.Format(p.opts.Format)) {
		return errNoSyslog
	}
	p.fields = p.fields[:0]
	if m.Priority != "" {
		n := number(m.Priority)
		if n > syslog.Highest {
			return errNoSyslog
		}
		p.add(privalKey, event.Int(int64(n)))
		p.add(facilityKey, p.facilities[n/syslog.Severities])
		p.add(severityKey, p.severities[n%syslog.Severities])
	}
	if m.Version != "" {
		p.add(versionKey, event.Int(int64(number(m.Version))))
	}
	if m.Stamp.Raw != "" {
		text, ok := p.times.text(&m.Stamp)
		if !ok {
			return errNoDay
		}
		p.add(stampKey, event.String(text))
	}
	p.addText(hostKey, m.Host)
	p.addText(programKey, m.Program)
	p.addText(pidKey, m.PID)
	p.addText(idKey, m.ID)
	if m.Data != "" {
		d, err := p.data.decode(m.Data)
		if err != nil {
			return err
		}
		p.add(dataKey, event.MapOf(d))
	}
	p.addText(textKey, m.Text)
	return nil
}

// number reads a few digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

func (p *parser) add(k *event.Key, v event.Value) {
	p.fields = append(p.fields, event.Field{Key: k, Value: v})
}

func (p *parser) addText(k *event.Key, s string) {
	if s != "" {
		p.add(k, event.String(s))
	}
}

// set puts the fields into the event.
func (p *parser) set(e *event.Event) error {
	source, target := p.opts.SourceField, p.opts.TargetField
	if target.IsZero() {
		p.drop(e)
		set := (*event.Event).SetField
		if p.fresh(e) {
			set = (*event.Event).AppendField
		}
		for i := range p.fields {
			set(e, p.fields[i].Key, p.fields[i].Value)
		}
		return nil
	}
	m := event.NewMap(len(p.fields))
	for _, f := range p.fields {
		m.Set(f.Key, f.Value)
	}
	if err := e.Set(target, event.MapOf(m)); err != nil {
		return err
	}
	if target.String() != source.String() {
		p.drop(e)
	}
	return nil
}

// fresh reports whether an event has none of the fields yet, which then need not be looked for.
func (p *parser) fresh(e *event.Event) bool {
	for i := range e.Len() {
		k := e.At(i).Key
		for j := range p.fields {
			if p.fields[j].Key == k {
				return false
			}
		}
	}
	return true
}

func (p *parser) drop(e *event.Event) {
	if !p.opts.KeepOriginal {
		e.Delete(p.opts.SourceField.Path)
	}
}
