// Package statistics counts the values of fields.
package statistics

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// Spec is the Statistics module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Statistics",
	Aliases:  []string{"misc.Statistics"},
	Role:     actor.Misc,
	Summary:  "Counts the values of fields and sends the counts as events.",
	Doc:      "Every `interval`, and at the end, an event of type `statistic` is sent for each field that had values, to the same receivers as the events that pass, so that filters there usually tell them apart. Counts are exact over all workers.",
	Parallel: true,
	Ends:     true,
	Example: `- Statistics:
    interval: 10
    fields: [http_status, gambolputty.event_type]
`,
}, Options{Interval: 10 * time.Second, Fields: []event.Path{event.MustPath("gambolputty.event_type")}, MaxValues: 10_000}, New)

// Options of the Statistics module.
type Options struct {
	Interval  time.Duration `opt:"interval" min:"1s" doc:"Time between two reports, in seconds."`
	Fields    []event.Path  `opt:"fields" doc:"Fields whose values are counted."`
	MaxValues int           `opt:"max_values" min:"1" doc:"Different values to count for a field; the rest is counted as other."`
	EmitEmpty bool          `opt:"emit_empty" doc:"Send an event for fields without values as well."`
}

// Validate wants something to count.
func (o *Options) Validate() error {
	if len(o.Fields) == 0 {
		return &option.Fault{Code: option.OutOfRange, Option: "fields", Message: "must name at least one field"}
	}
	slices.SortFunc(o.Fields, func(a, b event.Path) int { return strings.Compare(a.String(), b.String()) })
	return nil
}

// counts are those of all fields, in the order of the options. All workers share them.
type counts struct {
	mu     sync.Mutex
	fields []map[string]int
}

const otherValues = "other"

func (c *counts) add(field int, value string, most int) {
	m := c.fields[field]
	if _, known := m[value]; !known {
		if len(m) >= most {
			value = otherValues
		} else {
			value = strings.Clone(value) // it must not keep the buffer alive that it was read into
		}
	}
	m[value]++
}

type stats struct {
	env    actor.Env
	opts   Options
	counts *counts
}

// New makes a Statistics.
func New(env actor.Env, o Options) (actor.Processor, error) {
	return &stats{env, o, actor.Shared(env, func() *counts { return &counts{fields: fresh(len(o.Fields))} })}, nil
}

func fresh(n int) []map[string]int {
	list := make([]map[string]int, n)
	for i := range list {
		list[i] = map[string]int{}
	}
	return list
}

// Process counts the values.
func (s *stats) Process(_ context.Context, b *actor.Batch) error {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	for e := range b.View() {
		for i, p := range s.opts.Fields {
			if v, ok := e.Get(p); ok {
				s.counts.add(i, v.Text(), s.opts.MaxValues)
			}
		}
	}
	return nil
}

// FlushEvery is the time between reports.
func (s *stats) FlushEvery() time.Duration { return s.opts.Interval }

// Flush reports and begins anew.
func (s *stats) Flush(_ context.Context, out *actor.Batch) error {
	s.counts.mu.Lock()
	gathered := s.counts.fields
	s.counts.fields = fresh(len(s.opts.Fields))
	s.counts.mu.Unlock()
	for i, values := range gathered {
		if len(values) > 0 || s.opts.EmitEmpty {
			s.report(out.New(), s.opts.Fields[i].String(), values)
		}
	}
	return nil
}

var (
	nameKey     = event.Intern("field_name")
	countsKey   = event.Intern("field_counts")
	totalKey    = event.Intern("total_count")
	intervalKey = event.Intern("interval")
)

func (s *stats) report(e *event.Event, field string, values map[string]int) {
	total := 0
	m := event.NewMap(len(values))
	for _, value := range slices.Sorted(maps.Keys(values)) {
		total += values[value]
		m.Set(event.Intern(value), event.Int(int64(values[value])))
	}
	e.SetType("statistic")
	e.SetField(nameKey, event.String(field))
	e.SetField(countsKey, event.MapOf(m))
	e.SetField(totalKey, event.Int(int64(total)))
	if seconds := s.opts.Interval.Seconds(); seconds == float64(int64(seconds)) {
		e.SetField(intervalKey, event.Int(int64(seconds)))
	} else {
		e.SetField(intervalKey, event.Float(seconds))
	}
}
