// Package facet collects the different values of a field for every group of events.
package facet

import (
	"context"
	_ "embed"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/store"
)

//go:embed facet.md
var doc string

// Spec is the Facet module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:      "Facet",
	Aliases:   []string{"FacetV2", "modifier.Facet"},
	Role:      actor.Misc,
	Summary:   "Collects the different values of a field per group over an interval, and sends an event with them for each group.",
	Doc:       doc,
	Parallel:  true,
	Withholds: true,
	Ends:      true,
	Example: `- Facet:
    source_field: url
    group_by: $(remote_ip)
    add_event_fields: [remote_ip, user_agent]
    interval: 1
`,
}, Options{Interval: 5 * time.Second, TTL: time.Minute, Prefix: "FacetValues", Format: asDict, MaxGroups: 100_000, MaxValues: 10_000}, New)

// The forms of other_event_fields.
const (
	asDict = "dict"
	asList = "list"
)

// Options of the Facet module.
type Options struct {
	SourceField event.Path    `opt:"source_field" required:"true" doc:"Field whose values are collected."`
	GroupBy     expr.Template `opt:"group_by" required:"true" doc:"What events of a group have in common. Without $(...) it is the name of a field or, where there is no such field, a text of which there is one group."`
	AddFields   []event.Path  `opt:"add_event_fields" doc:"Fields to copy along with every new value."`
	Interval    time.Duration `opt:"interval" doc:"Time between two rounds of events, in seconds."`
	Store       string        `opt:"redis_store" old:"redis_client,redis-client,cache,backend" null:"true" doc:"Id of a store in which several processes collect together."`
	TTL         time.Duration `opt:"redis_ttl" old:"redis-ttl,cache_ttl,backend_ttl" min:"0s" doc:"How long values stay in the store if nobody sends them, in seconds; should be above interval."`
	Prefix      string        `opt:"redis_key" old:"redis-key,cache_key" null:"true" doc:"Text in front of the group in keys of the store."`
	Lock        string        `opt:"redis_lock" old:"cache_lock" null:"true" doc:"Text in front of the group in names of locks. The default is redis_key."`
	Format      string        `opt:"other_event_fields_format" enum:"dict|list" doc:"Form of other_event_fields: a map from values to the copied fields, or a list of maps of the copied fields and the value, which is called facet."`
	MaxGroups   int           `opt:"max_groups" min:"1" doc:"Groups at a time. Beyond that all are sent early, with facet_truncated."`
	MaxValues   int           `opt:"max_values_per_group" min:"1" doc:"Values of a group. Beyond that the group is sent early, with facet_truncated."`
	GroupField  event.Path    `opt:"group_field" null:"true" doc:"Field in which the group is told."`
	CountValues bool          `opt:"count_values" doc:"Tell in facet_counts how often each value came."`
	Aligned     bool          `opt:"aligned" doc:"Let intervals begin at full multiples of the interval by the clock."`

	groupPath event.Path // where group_by may name a field
}

// Validate checks the interval.
func (o *Options) Validate() error {
	if text, static := o.GroupBy.Static(); static && text != "" {
		o.groupPath, _ = event.ParsePath(text) // which is not empty
	}
	switch {
	case o.Interval <= 0:
		return &option.Fault{Code: option.OutOfRange, Option: "interval", Message: "must be above 0, got " + o.Interval.String()}
	case !o.GroupBy.IsZero() && o.GroupBy.Source() == "":
		return &option.Fault{Code: option.NotAllowed, Option: "group_by", Message: "must not be empty"}
	case o.Store != "" && o.TTL > 0 && o.TTL <= o.Interval:
		return &option.Fault{Code: "W105", Option: "redis_ttl", Message: "should be above interval, or values vanish before they are sent"}
	}
	return nil
}

// Uses names the store.
func (o *Options) Uses() []actor.Need {
	if o.Store == "" {
		return nil
	}
	return []actor.Need{store.Need("redis_store", o.Store)}
}

type facet struct {
	env    actor.Env
	opts   Options
	table  *table
	remote *remote // nil without a store
	group  []byte
	value  []byte
	enc    event.Encoder
}

// New makes a Facet.
func New(env actor.Env, o Options) (actor.Processor, error) {
	f := &facet{env: env, opts: o, table: actor.Shared(env, func() *table { return newTable(o) })}
	if o.Store == "" {
		return f, nil
	}
	s, err := store.Find(env, o.Store)
	if err != nil {
		return nil, err
	}
	f.remote = newRemote(env, o, s, f.table)
	return f, nil
}

// Process collects the values of events, and lets what has become too much go after the last
// of them.
func (f *facet) Process(ctx context.Context, b *actor.Batch) error {
	left := b.Len()
	ready := f.collect(b)
	if f.remote != nil && len(ready) > 0 {
		for i, g := range ready {
			ready[i] = g.unsent()
		}
		ready = f.remote.settle(ctx, ready, true)
	}
	if len(ready) == 0 {
		return nil
	}
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		emit(e)
		if left--; left > 0 {
			return
		}
		for _, g := range ready {
			emit(f.report(b.Fresh(), g))
		}
	})
	return nil
}

// collect returns the groups that must go before their time.
func (f *facet) collect(b *actor.Batch) (ready []*group) {
	t := f.table
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if f.remote == nil && f.opts.Aligned {
		ready = t.rotate(now, false)
	}
	for e := range b.View() {
		v, ok := e.Get(f.opts.SourceField)
		if !ok || !f.groupOf(e) {
			continue
		}
		f.value = appendIdentity(&f.enc, f.value[:0], v)
		g := t.group(f.group, now)
		if !g.add(f.value, v, f.opts.CountValues) {
			continue
		}
		g.last().fields = f.copied(e)
		switch {
		case len(g.values) > f.opts.MaxValues:
			ready = append(ready, t.take(g)...)
		case len(t.groups) > f.opts.MaxGroups:
			ready = append(ready, t.takeAll(true)...)
		}
	}
	return ready
}

// groupOf leaves the group of an event in f.group; false means that it has none.
func (f *facet) groupOf(e *event.Event) bool {
	if !f.opts.groupPath.IsZero() {
		if v, ok := e.Get(f.opts.groupPath); ok {
			f.group = v.AppendText(f.group[:0])
			return true
		}
	}
	var resolved bool
	if f.group, resolved = f.opts.GroupBy.Append(f.group[:0], e); !resolved {
		f.env.Unresolved("group_by", f.opts.GroupBy.Source())
	}
	return resolved
}

// appendIdentity appends what is equal for values that are equal in type and content.
func appendIdentity(enc *event.Encoder, dst []byte, v event.Value) []byte {
	if v.IsString() {
		return append(append(dst, '"'), v.Str()...)
	}
	return enc.AppendValue(dst, v)
}

// copied are the fields that go with a new value.
func (f *facet) copied(e *event.Event) *event.Map {
	var m *event.Map
	for _, p := range f.opts.AddFields {
		if v, ok := e.Get(p); ok {
			if m == nil {
				m = event.NewMap(len(f.opts.AddFields))
			}
			m.Set(p.Key(), v.Clone())
		}
	}
	return m
}

// soon is how often to look at what is not bound to the interval of the runtime.
func soon(interval time.Duration) time.Duration {
	return min(time.Second, max(10*time.Millisecond, interval/5))
}

// FlushEvery is the interval, or less where its ends are not those of the runtime.
func (f *facet) FlushEvery() time.Duration {
	if f.remote != nil || f.opts.Aligned {
		return soon(f.opts.Interval)
	}
	return f.opts.Interval
}

// Flush sends the groups whose time is over.
func (f *facet) Flush(ctx context.Context, out *actor.Batch) error {
	ending := f.env.Ending()
	var ready []*group
	if f.remote != nil {
		ready = f.remote.exchange(ctx, ending)
	} else {
		f.table.mu.Lock()
		ready = f.table.rotate(time.Now(), ending || !f.opts.Aligned)
		f.table.mu.Unlock()
	}
	for _, g := range ready {
		f.report(out.New(), g)
	}
	return nil
}
