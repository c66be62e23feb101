// Package metrics counts values, sorts them into buckets and finds percentiles.
package metrics

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

//go:embed metrics.md
var doc string

// Spec is the Metrics module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Metrics",
	Aliases:  []string{"misc.Metrics"},
	Role:     actor.Misc,
	Summary:  "Counts values or buckets of values, and finds percentiles, under dynamic names.",
	Doc:      doc,
	Parallel: true,
	Ends:     true,
	Example: `- Metrics:
    interval: 10
    aggregations:
      - name: http_status_$(vhost)
        field: http_status
        buckets: [{name: '200', upper: 299}, {name: '300', upper: 399}, {name: '500', upper: 599}]
    percentiles:
      - name: request_time_$(vhost)
        field: request_time
        percentiles: [50, 95, 99]
`,
}, Options{Interval: 10 * time.Second, MaxSeries: 10_000}, New)

// Options of the Metrics module.
type Options struct {
	Interval     time.Duration  `opt:"interval" min:"10ms" doc:"Time between two reports, in seconds."`
	Window       *time.Duration `opt:"window" doc:"What a report covers, in seconds: the last so and so many intervals instead of one."`
	Aggregations []Aggregation  `opt:"aggregations" doc:"Values to count: a list of maps with name, field, and where wanted buckets, group_by and add. name is what the counts are called and may have fields in it, field is where the values are. buckets is a list of maps with name and upper, the biggest value that still belongs to it; what is above all of them is counted as other. group_by are fields whose values are kept apart and set in the report. add is a list of what else to report: sum, rate and unique, the number of different values."`
	Percentiles  []Percentile   `opt:"percentiles" doc:"Values whose percentiles to find: a list of maps with name, field, where wanted group_by, and percentiles, a list of numbers from 0 to 100."`
	MaxSeries    int            `opt:"max_series" min:"1" doc:"Different names and groups at a time; values of further ones are not counted."`

	intervals int // that a report covers
}

// Aggregation says what to count.
type Aggregation struct {
	Name    expr.Template `opt:"name" required:"true"`
	Field   event.Path    `opt:"field" old:"value" required:"true"`
	Buckets []Bucket      `opt:"buckets"`
	GroupBy []event.Path  `opt:"group_by"`
	Add     []string      `opt:"add" enum:"sum|rate|unique"`
}

// Bucket holds the values up to Upper that no smaller bucket holds.
type Bucket struct {
	Name  string  `opt:"name" kinds:"integer,float" required:"true"`
	Upper float64 `opt:"upper" required:"true"`
}

// Percentile says of which values to find which percentiles.
type Percentile struct {
	Name        expr.Template `opt:"name" required:"true"`
	Field       event.Path    `opt:"field" old:"value" required:"true"`
	Percentiles []float64     `opt:"percentiles" required:"true" min:"0" max:"100"`
	GroupBy     []event.Path  `opt:"group_by"`
}

// Validate wants something to do.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if len(o.Aggregations) == 0 && len(o.Percentiles) == 0 {
		fault("aggregations", option.Required, "required option is missing: percentiles is not set either")
	}
	for i := range o.Aggregations {
		a := &o.Aggregations[i]
		slices.SortStableFunc(a.Buckets, func(a, b Bucket) int { return cmp.Compare(a.Upper, b.Upper) })
		if a.Name.IsZero() {
			continue // which is told already
		}
		if s, static := a.Name.Static(); static && s == "" {
			fault("aggregations.name", option.NotAllowed, "must not be empty")
		}
	}
	for _, p := range o.Percentiles {
		if len(p.Percentiles) == 0 && !p.Name.IsZero() {
			fault("percentiles.percentiles", option.NotAllowed, "must name at least one")
		}
	}
	o.intervals = 1
	if o.Window != nil {
		o.intervals = int(*o.Window / max(1, o.Interval))
		if o.intervals < 1 || *o.Window%max(1, o.Interval) != 0 || o.intervals > maxIntervals {
			fault("window", option.OutOfRange, "must be interval, %s, times 1 to %d, got %s", o.Interval, maxIntervals, *o.Window)
		}
	}
	return errors.Join(errs...)
}

// maxIntervals bounds how many intervals a window may have.
const maxIntervals = 1000

type metrics struct {
	env   actor.Env
	opts  Options
	state *state
	name  []byte
}

// New makes a Metrics.
func New(env actor.Env, o Options) (actor.Processor, error) {
	return &metrics{env: env, opts: o, state: actor.Shared(env, func() *state { return newState(o) })}, nil
}

// Process counts what is in the events.
func (m *metrics) Process(_ context.Context, b *actor.Batch) error {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	for e := range b.View() {
		for i := range m.opts.Aggregations {
			a := &m.opts.Aggregations[i]
			if v, ok := e.Get(a.Field); ok {
				m.aggregate(e, i, a, v)
			}
		}
		for i := range m.opts.Percentiles {
			p := &m.opts.Percentiles[i]
			if v, ok := e.Get(p.Field); ok {
				m.measure(e, len(m.opts.Aggregations)+i, p, v)
			}
		}
	}
	return nil
}

// series returns what belongs to the name and the group of an event, or nil.
func (m *metrics) series(e *event.Event, task int, name *expr.Template, groupBy []event.Path) *series {
	var resolved bool
	if m.name, resolved = name.Append(m.name[:0], e); !resolved {
		m.env.Unresolved("name", name.Source())
		return nil
	}
	length := len(m.name)
	for _, p := range groupBy {
		v, ok := e.Get(p)
		if !ok {
			m.env.Count("without_group", 1)
			return nil
		}
		m.name = append(v.AppendText(append(m.name, 0, byte(v.Kind()))), 0)
	}
	s := m.state.find(task, m.name)
	if s == nil {
		if s = m.state.add(task, m.name, length); s == nil {
			m.env.Count("skipped_series", 1)
			m.env.Warn("there are more series than max_series, their values are not counted", "max_series", m.opts.MaxSeries)
			return nil
		}
		for _, p := range groupBy {
			v, _ := e.Get(p) // which is there
			s.group = append(s.group, v.Clone())
		}
	}
	return s
}

func (m *metrics) aggregate(e *event.Event, task int, a *Aggregation, v event.Value) {
	f, _, isNumber := number(v)
	if len(a.Buckets) > 0 && !isNumber {
		m.skip(a.Field)
		return
	}
	s := m.series(e, task, &a.Name, a.GroupBy)
	if s == nil {
		return
	}
	if len(a.Buckets) > 0 {
		s.counts.add(a.bucket(f), false)
	} else {
		s.counts.add(v.Text(), true)
	}
	s.total++
	if isNumber {
		s.sum += f
	}
	if slices.Contains(a.Add, "unique") {
		s.unique.add(v)
	}
}

// bucket is the name of the bucket of a value.
func (a *Aggregation) bucket(f float64) string {
	for i := range a.Buckets {
		if f <= a.Buckets[i].Upper {
			return a.Buckets[i].Name
		}
	}
	return other
}

func (m *metrics) skip(field event.Path) {
	m.env.Count("skipped_values", 1)
	m.env.Warn("value is no number and is not counted", "field", field.String())
}

func (m *metrics) measure(e *event.Event, task int, p *Percentile, v event.Value) {
	f, isInt, ok := number(v)
	if !ok {
		m.skip(p.Field)
		return
	}
	if s := m.series(e, task, &p.Name, p.GroupBy); s != nil {
		s.values.add(f, isInt)
	}
}

// FlushEvery is the time between reports.
func (m *metrics) FlushEvery() time.Duration { return m.opts.Interval }

// Flush reports and begins a new interval.
func (m *metrics) Flush(_ context.Context, out *actor.Batch) error {
	for _, s := range m.state.report() {
		e := out.New()
		e.SetType("metrics")
		e.SetField(nameKey, event.String(s.name))
		e.SetField(intervalKey, seconds(m.opts.Interval))
		if m.opts.Window != nil {
			e.SetField(windowKey, seconds(*m.opts.Window))
		}
		var groupBy []event.Path
		if n := len(m.opts.Aggregations); s.task < n {
			a := &m.opts.Aggregations[s.task]
			groupBy = a.GroupBy
			m.reportCounts(e, a, s)
		} else {
			p := &m.opts.Percentiles[s.task-n]
			groupBy = p.GroupBy
			reportValues(e, p, s)
		}
		for i, p := range groupBy {
			if err := e.Set(p, s.group[i]); err != nil {
				m.env.Warn("group could not be set", "field", p.String(), "error", err)
			}
		}
	}
	return nil
}

func seconds(d time.Duration) event.Value {
	if d%time.Second == 0 {
		return event.Int(int64(d / time.Second))
	}
	return event.Float(d.Seconds())
}

var (
	nameKey     = event.Intern("field_name")
	countsKey   = event.Intern("field_counts")
	totalKey    = event.Intern("total_count")
	intervalKey = event.Intern("interval")
	windowKey   = event.Intern("window")
	sumKey      = event.Intern("sum")
	rateKey     = event.Intern("rate")
	uniqueKey   = event.Intern("unique_count")
	minKey      = event.Intern("min")
	maxKey      = event.Intern("max")
	meanKey     = event.Intern("mean")
	stdKey      = event.Intern("std")
	listKey     = event.Intern("percentiles")
	mapKey      = event.Intern("percentiles_map")
)

func (m *metrics) reportCounts(e *event.Event, a *Aggregation, s *series) {
	e.SetField(countsKey, s.counts.value())
	e.SetField(totalKey, event.Int(s.total))
	covered := m.opts.Interval * time.Duration(m.opts.intervals)
	for _, what := range a.Add {
		switch what {
		case "sum":
			e.SetField(sumKey, event.Float(s.sum))
		case "rate":
			e.SetField(rateKey, event.Float(float64(s.total)/covered.Seconds()))
		case "unique":
			e.SetField(uniqueKey, event.Int(s.unique.count()))
		}
	}
}

func reportValues(e *event.Event, p *Percentile, s *series) {
	r := s.values.report(p.Percentiles)
	bound := func(f float64) event.Value {
		if s.values.ints {
			return event.Int(int64(f))
		}
		return event.Float(f)
	}
	list := make([]event.Value, len(r.percentiles))
	byName := event.NewMap(len(list))
	for i, f := range r.percentiles {
		list[i] = event.Float(f)
		byName.Set(event.Intern("p"+strings.TrimSuffix(event.Float(p.Percentiles[i]).Text(), ".0")), list[i])
	}
	e.SetField(minKey, bound(s.values.least))
	e.SetField(maxKey, bound(s.values.most))
	e.SetField(meanKey, event.Float(r.mean))
	e.SetField(stdKey, event.Float(r.std))
	e.SetField(listKey, event.ListOf(list...))
	e.SetField(mapKey, event.MapOf(byName))
}
