// Package mergeevent joins several events of one source to one event.
package mergeevent

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

//go:embed mergeevent.md
var doc string

// Spec is the MergeEvent module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:      "MergeEvent",
	Aliases:   []string{"modifier.MergeEvent"},
	Role:      actor.Modifier,
	Summary:   "Joins several events of one source to one event, such as the lines of a stack trace.",
	Doc:       doc,
	Withholds: true,
	Example: `- MergeEvent:
    pattern: '\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d+ [^]]*\]'
    glue: "\n"
`,
}, Options{
	Key: template("$(gambolputty.received_from)"), Size: 100, Interval: second(), MatchField: event.KeyPath(event.Data), Marks: startOfEvent,
	MergeField: event.KeyPath(event.Data), MaxKeys: 100_000, MaxBytes: 1 << 20, Options: grok.Defaults,
}, New)

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("mergeevent: " + err.Error()) // the text is a constant
	}
	return t
}

func second() *time.Duration {
	d := time.Second
	return &d
}

// What a pattern marks.
const (
	startOfEvent = "StartOfEvent"
	endOfEvent   = "EndOfEvent"
)

// Options of the MergeEvent module.
type Options struct {
	Key        expr.Template  `opt:"buffer_key" doc:"Events with the same text belong together."`
	Size       int            `opt:"buffer_size" min:"1" doc:"Let what is held of a key go when it is so many events."`
	Interval   *time.Duration `opt:"flush_interval_in_secs" min:"1ms" doc:"Let what is held of a key go when nothing was added for so long, in seconds. Required without pattern."`
	MaxWait    *time.Duration `opt:"max_wait_in_secs" min:"1ms" doc:"Let what is held of a key go after so long in any case. The default is ten times flush_interval_in_secs."`
	Pattern    string         `opt:"pattern" null:"true" doc:"Regular expression that tells the first or the last of the events that belong together; grok patterns are allowed. Without it all events of a key do."`
	MatchField event.Path     `opt:"match_field" doc:"Field in which the pattern is looked for. Events in which it is no text pass on their own."`
	Negate     bool           `opt:"negate" doc:"Take events that do not match the pattern for those that do."`
	Glue       string         `opt:"glue" doc:"Text between the parts that are joined."`
	Marks      string         `opt:"pattern_marks" enum:"StartOfEvent|EndOfEvent" doc:"Whether the pattern marks the first or the last of the events that belong together."`
	MergeField event.Path     `opt:"merge_field" doc:"Field whose contents are joined."`
	Strip      bool           `opt:"strip_newline" doc:"Remove line ends at the end of each part before joining."`
	Collect    collect        `opt:"fields_to_collect" doc:"What becomes of other fields of the joined events: a map from fields to first, last, list or sum. Fields that are not named are those of the first event."`
	CountField event.Path     `opt:"merged_count_field" null:"true" doc:"Field for the number of events that were joined."`
	MaxKeys    int            `opt:"max_keys" min:"1" doc:"Keys of which something is held at a time; beyond that the one that would go first goes early."`
	MaxBytes   int            `opt:"max_bytes" min:"1" doc:"Let what is held of a key go when its parts have so many bytes."`
	grok.Options

	pattern *regex.Pattern
}

// Validate compiles the pattern and checks that held events will go some time.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.Pattern == "" {
		if o.Interval == nil {
			fault("flush_interval_in_secs", option.Required, "required option is missing: pattern is not set either")
		}
		if o.Marks == endOfEvent {
			fault("pattern", option.Required, "required option is missing: pattern_marks is EndOfEvent")
		}
		if o.Negate {
			fault("negate", "W105", "has no effect without pattern")
		}
		return errors.Join(errs...)
	}
	library, err := o.Library()
	if err != nil {
		return err
	}
	if o.pattern, _, err = o.Compile(library, o.Pattern, 0); err != nil {
		fault("pattern", option.Regex, "%s", err)
	}
	return errors.Join(errs...)
}

type merger struct {
	env     actor.Env
	opts    Options
	machine *regex.Machine // nil without a pattern
	held    held
	key     []byte
	plan    []release // of the batch at hand
	now     time.Time
}

// release is what leaves at the place of an event of the batch.
type release struct {
	at    int
	alone *event.Event // or
	group *group       // whose events are joined
}

// New makes a MergeEvent.
func New(env actor.Env, o Options) (actor.Processor, error) {
	m := &merger{env: env, opts: o, held: newHeld(o)}
	if o.pattern != nil {
		m.machine = o.pattern.Machine()
	}
	return m, nil
}

// Process first decides what becomes of every event, then lets go what leaves, and at last
// takes what stays out of the batch. So nothing is lost if something goes wrong.
func (m *merger) Process(_ context.Context, b *actor.Batch) error {
	m.plan, m.now = m.plan[:0], time.Now()
	at := 0
	for e := range b.View() {
		m.see(e, at)
		at++
	}
	at = 0
	next := m.plan
	b.Expand(func(_ *event.Event, emit func(*event.Event)) {
		for ; len(next) > 0 && next[0].at == at; next = next[1:] {
			if e := next[0].alone; e != nil {
				emit(e)
				continue
			}
			emit(m.join(next[0].group.all()))
		}
		at++
	})
	m.held.settle(b) // before b has the tickets of others
	for _, r := range m.plan {
		if r.group == nil {
			continue
		}
		if kept := r.group.kept; kept != nil {
			kept.Clear()
			b.Absorb(kept)
		}
		m.held.recycle(r.group)
	}
	clear(m.plan)
	return nil
}

// see decides what becomes of an event.
func (m *merger) see(e *event.Event, at int) {
	v, ok := e.Get(m.opts.MatchField)
	if !ok || !v.IsString() {
		m.alone(e, at)
		return
	}
	g := m.group(e)
	marked := m.machine != nil && m.matches(e, v.Str())
	start := m.machine != nil && m.opts.Marks == startOfEvent
	switch {
	case start && marked:
		m.let(g, at)
		g = m.group(e)
	case start && g.count == 0:
		m.held.forget(g)
		m.held.recycle(g)
		m.alone(e, at)
		return
	}
	g.add(e, m.size(e), m.now)
	m.held.fix(g)
	if g.count >= m.opts.Size || g.bytes >= m.opts.MaxBytes || m.opts.Marks == endOfEvent && marked {
		m.let(g, at)
	}
	for m.held.len() > m.opts.MaxKeys {
		m.env.Count("evicted_keys", 1)
		m.let(m.held.first(), at)
	}
}

// group returns what is held of the key of an event.
func (m *merger) group(e *event.Event) *group {
	var resolved bool
	if m.key, resolved = m.opts.Key.Append(m.key[:0], e); !resolved {
		m.env.Unresolved("buffer_key", m.opts.Key.Source())
	}
	return m.held.group(m.key)
}

func (m *merger) matches(e *event.Event, text string) bool {
	caps, err := m.machine.Search(text, 0)
	if err != nil {
		e.Tag(grok.TimeoutTag)
		m.env.Fault(e, m.opts.MatchField.String(), err)
		return false // also with negate
	}
	return (caps != nil) != m.opts.Negate
}

// size is the length of the part of an event.
func (m *merger) size(e *event.Event) int {
	v, ok := e.Get(m.opts.MergeField)
	if !ok {
		return 0
	}
	return len(v.Text())
}

func (m *merger) alone(e *event.Event, at int) {
	m.plan = append(m.plan, release{at: at, alone: e})
}

// let plans that what is held in g leaves.
func (m *merger) let(g *group, at int) {
	m.held.forget(g)
	if g.count > 0 {
		m.plan = append(m.plan, release{at: at, group: g})
	}
}

// FlushEvery is how often to look for what has waited long enough.
func (m *merger) FlushEvery() time.Duration {
	shortest := time.Duration(math.MaxInt64)
	for _, d := range []*time.Duration{m.opts.Interval, m.opts.MaxWait} {
		if d != nil {
			shortest = min(shortest, *d)
		}
	}
	if shortest == math.MaxInt64 {
		return 0
	}
	return min(time.Second, max(10*time.Millisecond, shortest/10))
}

// Flush lets what has waited long enough go, in the end all.
func (m *merger) Flush(_ context.Context, out *actor.Batch) error {
	for _, g := range m.held.due(time.Now(), m.env.Ending()) {
		out.Add(m.join(g.all()))
		g.kept.Clear()
		out.Absorb(g.kept)
	}
	return nil
}
