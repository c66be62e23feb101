// Package simplestats counts the events that pass.
package simplestats

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

//go:embed simplestats.md
var doc string

// Spec is the SimpleStats module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "SimpleStats",
	Aliases:  []string{"misc.SimpleStats"},
	Role:     actor.Misc,
	Summary:  "Reports how many events pass, in the log and as events.",
	Doc:      doc,
	Parallel: true,
	Ends:     true,
	Example: `- SimpleStats:
    interval: 10
    emit_as_event: True
`,
}, Options{
	Interval:      10 * time.Second,
	EventTypes:    true,
	ReceiveRate:   true,
	Log:           true,
	FieldNames:    "v2015",
	MaxEventTypes: 1000,
}, New)

// Options of the SimpleStats module.
type Options struct {
	Interval      time.Duration `opt:"interval" min:"1s" doc:"Time between two reports, in seconds."`
	EventTypes    bool          `opt:"event_type_statistics" doc:"Count the events of each type."`
	ReceiveRate   bool          `opt:"receive_rate_statistics" doc:"Count all events."`
	Waiting       bool          `opt:"waiting_event_statistics" doc:"Report the events that wait in front of each module."`
	Process       processNames  `opt:"process_statistics" doc:"Figures of the process to report, or False: cpu_percent, memory_percent, memory_info, num_threads, num_fds, io_counters, cpu_times."`
	EmitAsEvent   bool          `opt:"emit_as_event" doc:"Send the numbers as events as well."`
	Log           bool          `opt:"log" doc:"Write the numbers to the log."`
	FieldNames    string        `opt:"field_names" enum:"v2015|v2022" doc:"v2022 names the numbers in events as the later versions of the former program did."`
	MaxEventTypes int           `opt:"max_event_types" min:"1" doc:"Different types to count; the rest is counted as other."`
}

// processNames are the figures of the process to report.
type processNames []string

// OptionType describes the option in tables.
func (*processNames) OptionType() string { return "boolean or list" }

// DecodeOption reads False, True for the usual two, or a list of names.
func (p *processNames) DecodeOption(v *option.Value) error {
	switch v.Kind {
	case option.Boolean:
		*p = nil
		if v.Truth() {
			*p = processNames{"cpu_percent", "memory_percent"}
		}
		return nil
	case option.Null:
		*p = nil
		return nil
	case option.List:
		for _, item := range v.Items {
			if !slices.Contains(figures, item.Text) {
				return item.Faultf(option.NotAllowed, "must be one of %v, got %s", figures, item.Describe())
			}
			*p = append(*p, item.Text)
		}
		return nil
	}
	return v.Wrong("boolean or list")
}

// counts are shared by all workers of the module.
type counts struct {
	mu    sync.Mutex
	total int
	types map[string]int
	since time.Time
}

const otherTypes = "other"

func (c *counts) add(total int, types map[string]int, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += total
	for t, n := range types {
		if _, known := c.types[t]; !known && len(c.types) >= most {
			t = otherTypes
		}
		c.types[t] += n
	}
}

// take returns the counts and how long they were gathered, and begins anew.
func (c *counts) take(now time.Time) (total int, types map[string]int, passed time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	total, types, passed = c.total, c.types, now.Sub(c.since)
	c.total, c.types, c.since = 0, map[string]int{}, now
	return total, types, passed
}

type stats struct {
	env    actor.Env
	opts   Options
	counts *counts
	types  map[string]int // of the batch at hand
	usage  *usage
}

// New makes a SimpleStats.
func New(env actor.Env, o Options) (actor.Processor, error) {
	return &stats{
		env: env, opts: o, types: map[string]int{}, usage: &usage{},
		counts: actor.Shared(env, func() *counts { return &counts{types: map[string]int{}, since: time.Now()} }),
	}, nil
}

// Process counts the events.
func (s *stats) Process(_ context.Context, b *actor.Batch) error {
	n := 0
	clear(s.types)
	for e := range b.Each() {
		n++
		if s.opts.EventTypes {
			s.types[typeOf(e)]++
		}
	}
	s.counts.add(n, s.types, s.opts.MaxEventTypes)
	return nil
}

func typeOf(e *event.Event) string {
	if t := e.Type(); t != "" {
		return t
	}
	return "Unknown"
}

// FlushEvery is the time between reports.
func (s *stats) FlushEvery() time.Duration { return s.opts.Interval }

// Flush reports.
func (s *stats) Flush(_ context.Context, out *actor.Batch) error {
	total, types, passed := s.counts.take(time.Now())
	r := report{stats: s, out: out, interval: passed}
	const slack = 0.95 // a ticker is not exact
	if passed.Seconds() >= slack*s.opts.Interval.Seconds() {
		r.interval = s.opts.Interval
	}
	r.log("############# Statistics (PID: %d) #############", os.Getpid())
	if s.opts.ReceiveRate {
		r.log(">> Receive rate stats")
		r.log("Received events in %ss: %d (%d/eps)", r.seconds(), total, r.perSecond(total))
		r.rate("receiverate_stats", "receiverate", "all_events", total)
	}
	if s.opts.EventTypes {
		r.log(">> EventTypes Statistics")
		for _, t := range slices.Sorted(maps.Keys(types)) {
			r.log("EventType: %s - Hits: %d", t, types[t])
			r.rate("event_type_stats", t, t, types[t])
		}
	}
	if s.opts.Waiting {
		r.queues()
	}
	if len(s.opts.Process) > 0 {
		r.process()
	}
	return nil
}

// report is one report under way.
type report struct {
	*stats
	out      *actor.Batch
	interval time.Duration
}

func (r *report) log(format string, args ...any) {
	if r.opts.Log {
		r.env.Log.Info(fmt.Sprintf(format, args...))
	}
}

// seconds is the interval as text, without a fraction where there is none.
func (r *report) seconds() string {
	return strconv.FormatFloat(math.Round(r.interval.Seconds()*1000)/1000, 'f', -1, 64)
}

func (r *report) intervalValue() event.Value {
	v, _ := event.Number(r.seconds())
	return v
}

func (r *report) perSecond(n int) int { return int(math.Floor(r.exact(n))) }

func (r *report) exact(n int) float64 {
	if r.interval <= 0 {
		return 0
	}
	return float64(n) / r.interval.Seconds()
}

// emit sends one event of statistics.
func (r *report) emit(kind string, fields ...any) {
	if !r.opts.EmitAsEvent {
		return
	}
	e := r.out.New()
	e.SetType("statistic")
	r.set(e, "gambolputty.source_module", event.String("Statistics"))
	r.set(e, "stats_type", event.String(kind))
	r.set(e, "timestamp", event.String(time.Now().UTC().Format("2006-01-02T15:04:05.000000")))
	for i := 0; i < len(fields); i += 2 {
		r.set(e, fields[i].(string), fields[i+1].(event.Value))
	}
}

func (r *report) set(e *event.Event, path string, v event.Value) {
	p, err := event.ParsePath(path)
	if err == nil {
		err = e.Set(p, v)
	}
	if err != nil {
		r.env.Fault(e, path, err)
	}
}

// rate reports a number of events.
func (r *report) rate(kind, newName, oldName string, n int) {
	if r.opts.FieldNames == "v2022" {
		r.emit(kind, newName+"_count", event.Int(int64(n)), newName+"_count_per_sec", event.Int(int64(r.perSecond(n))), "interval", r.intervalValue())
		return
	}
	r.emit(kind, "total_count", event.Int(int64(n)), "count_per_sec", event.Int(int64(r.perSecond(n))), "rate", event.Float(r.exact(n)),
		"field_name", event.String(oldName), "interval", r.intervalValue())
}

// queues reports the events that wait in front of the modules.
func (r *report) queues() {
	r.log(">> Queue stats")
	for _, m := range r.env.Status() {
		if m.Spec.Role == actor.Input || m.Spec.Role == actor.StandAlone {
			continue
		}
		r.log("Events in %s queue: %d", m.ID, m.Waiting)
		r.emit("queue_stats", "queue_count", event.Int(int64(m.Waiting)), "field_name", event.String("queue_counts"),
			"module", event.String(m.ID), "interval", r.intervalValue())
	}
}

// process reports figures of the process.
func (r *report) process() {
	r.log(">> Process stats")
	fields := []any{"interval", r.intervalValue()}
	for _, name := range r.opts.Process {
		v, ok := r.usage.figure(name, r.interval)
		if !ok {
			continue
		}
		r.log("%s: %s", name, v.Text())
		fields = append(fields, name, v)
	}
	r.emit("process_stats", fields...)
}
