// Package adddatetime sets a field to a time.
package adddatetime

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/datetime"
)

//go:embed adddatetime.md
var doc string

// Spec is the AddDateTime module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "AddDateTime",
	Aliases:  []string{"modifier.AddDateTime"},
	Role:     actor.Modifier,
	Summary:  "Sets a field to the present time, or to a time read from other fields, in a given format.",
	Doc:      doc,
	Parallel: true,
	Example: `- AddDateTime:
    source_fields: [timestamp]
    source_formats: ['%Y-%m-%dT%H:%M:%S.%fZ']
    format: '%Y-%m-%d'
`,
}, Options{
	TargetField: event.MustPath("@timestamp"),
	Format:      format("%Y-%m-%dT%H:%M:%S"),
	SourceZone:  "UTC",
	TargetZone:  "UTC",
}, New)

// format compiles a default.
func format(s string) expr.TimeTemplate {
	t, err := expr.ParseTimeTemplate(s)
	if err != nil {
		panic("adddatetime: " + err.Error())
	}
	return t
}

// Options of the AddDateTime module.
type Options struct {
	TargetField   event.Path        `opt:"target_field" doc:"Field for the time."`
	Format        expr.TimeTemplate `opt:"format" old:"target_format" doc:"Form of the time: directives of strftime, or epoch, epoch_millis, epoch_nanos or iso8601."`
	SourceFields  []event.Path      `opt:"source_fields" null:"true" doc:"Fields to read the time from; the first one that can be read counts."`
	SourceFormats []string          `opt:"source_formats" null:"true" doc:"Formats to try: directives of strptime, or epoch, epoch_millis, epoch_nanos or iso8601."`
	SourceZone    string            `opt:"source_timezone" doc:"Zone of times without an offset."`
	TargetZone    string            `opt:"target_timezone" doc:"Zone of the result."`
	FallbackToNow bool              `opt:"fallback_to_now" doc:"Take the present time if no field can be read."`
	Precision     string            `opt:"precision" null:"true" enum:"s|ms|us|ns" doc:"Cut the time off behind seconds, milliseconds, microseconds or nanoseconds; iso8601 then has as many digits."`
	AsObject      bool              `opt:"as_object" doc:"Write a point in time and no text for people: RFC 3339 in UTC with nanoseconds, or as many digits as precision says, which every output and server reads as a time. format does not count then."`

	source, target *time.Location
}

// Validate checks formats and zones.
func (o *Options) Validate() error {
	var errs []error
	if s, static := o.Format.Static(); static && s == "" {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "format", Message: "must not be empty"})
	}
	if len(o.SourceFields) > 0 && len(o.SourceFormats) == 0 {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "source_formats", Message: "required option is missing: source_fields is set"})
	}
	for _, f := range o.SourceFormats {
		if err := datetime.Check(f); err != nil {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "source_formats", Message: fmt.Sprintf("bad format %q: %s", f, err)})
		}
	}
	var err error
	o.source, o.target, err = datetime.Zones(o.SourceZone, o.TargetZone)
	return errors.Join(append(errs, err)...)
}

type modifier struct {
	env     actor.Env
	opts    Options
	parser  datetime.Parser
	special string // a format that is no directives
	unit    time.Duration
	digits  string // the layout of iso8601
	buf     []byte

	seconds bool // the text is the same for a whole second
	second  int64
	text    event.Value // of that second
}

// precisions are the units at which a time is cut off, and their layouts.
var precisions = map[string]precision{
	"s":  {time.Second, "2006-01-02T15:04:05Z07:00"},
	"ms": {time.Millisecond, "2006-01-02T15:04:05.000Z07:00"},
	"us": {time.Microsecond, "2006-01-02T15:04:05.000000Z07:00"},
	"ns": {time.Nanosecond, "2006-01-02T15:04:05.000000000Z07:00"},
}

type precision struct {
	unit   time.Duration
	layout string
}

// New makes an AddDateTime.
func New(env actor.Env, o Options) (actor.Processor, error) {
	m := &modifier{env: env, opts: o, parser: datetime.Parser{Zone: o.source}, unit: time.Nanosecond, digits: "2006-01-02T15:04:05.000Z07:00"}
	if p, ok := precisions[o.Precision]; ok {
		m.unit, m.digits = p.unit, p.layout
	}
	if o.AsObject {
		m.special = datetime.ISO8601
		m.digits = cmp.Or(precisions[o.Precision], precisions["ns"]).layout
		m.opts.target = time.UTC
		return m, nil
	}
	s, static := o.Format.Static()
	m.seconds = static && !strings.Contains(s, "%f")
	switch s {
	case datetime.Epoch, datetime.EpochMillis, datetime.EpochNanos, datetime.ISO8601:
		m.special = s
	}
	return m, nil
}

// Process sets the time on the events.
func (m *modifier) Process(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		t, ok := m.time(e)
		if !ok {
			continue
		}
		if err := e.Set(m.opts.TargetField, m.render(e, t.Truncate(m.unit).In(m.opts.target))); err != nil {
			m.env.Fault(e, m.opts.TargetField.String(), err)
		}
	}
	return nil
}

// time is the present time, or what the fields say.
func (m *modifier) time(e *event.Event) (time.Time, bool) {
	if len(m.opts.SourceFields) == 0 {
		return time.Now(), true
	}
	field := ""
	var problem error
	for _, f := range m.opts.SourceFields {
		v, ok := e.Get(f)
		if !ok {
			continue
		}
		for _, format := range m.opts.SourceFormats {
			t, err := m.parser.Parse(v.Text(), format)
			if err == nil {
				return t, true
			}
			field, problem = f.String(), err
		}
	}
	if m.opts.FallbackToNow {
		return time.Now(), true
	}
	if problem != nil {
		m.env.Fault(e, field, fmt.Errorf("the time cannot be read: %w", problem))
	}
	return time.Time{}, false
}

func (m *modifier) render(e *event.Event, t time.Time) event.Value {
	if n, ok := datetime.SinceEpoch(m.special, t); ok {
		return event.Int(n)
	}
	if m.special == datetime.ISO8601 {
		return event.String(t.Format(m.digits))
	}
	if m.seconds && m.second == t.Unix() && m.second != 0 {
		return m.text
	}
	var resolved bool
	m.buf, resolved = m.opts.Format.AppendAt(m.buf[:0], e, t)
	if !resolved {
		m.env.Unresolved("format", m.opts.Format.Source())
	}
	m.second, m.text = t.Unix(), event.String(string(m.buf))
	return m.text
}
