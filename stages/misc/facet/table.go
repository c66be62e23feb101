package facet

import (
	"sync"
	"time"

	"gambolputty/actor/event"
)

// table holds the groups. All workers share it.
type table struct {
	opts Options

	mu     sync.Mutex
	groups map[string]*group
	order  []*group  // as they appeared, with some that are gone
	end    time.Time // of the interval, if that is by the clock
}

// group is a group with its values.
type group struct {
	name      string
	values    []value
	known     map[string]int // places of values by their identity
	truncated bool
	until     time.Time // with a store: when the values are sent
}

// value is a value with the fields that came with it first.
type value struct {
	event.Value
	fields *event.Map
	count  int64 // how often it came, or has since it was stored
}

func newTable(o Options) *table {
	return &table{opts: o, groups: map[string]*group{}, end: nextEnd(time.Now(), o)}
}

// nextEnd is the end of an interval that is going on.
func nextEnd(now time.Time, o Options) time.Time {
	if o.Aligned {
		return now.Truncate(o.Interval).Add(o.Interval)
	}
	return now.Add(o.Interval)
}

// group returns the group of a name, a new one if there is none.
func (t *table) group(name []byte, now time.Time) *group {
	if g := t.groups[string(name)]; g != nil {
		return g
	}
	g := newGroup(string(name))
	g.until = nextEnd(now, t.opts)
	t.groups[g.name] = g
	t.order = append(t.order, g)
	return g
}

func newGroup(name string) *group { return &group{name: name, known: map[string]int{}} }

// add notes a value and reports whether it is a new one.
func (g *group) add(identity []byte, v event.Value, count bool) bool {
	if at, known := g.known[string(identity)]; known {
		if count {
			g.values[at].count++
		}
		return false
	}
	g.known[string(identity)] = len(g.values)
	g.values = append(g.values, value{Value: v.Clone(), count: 1})
	return true
}

func (g *group) last() *value { return &g.values[len(g.values)-1] }

// take removes a group that has become too big.
func (t *table) take(g *group) []*group {
	t.forget(g)
	g.truncated = true
	return []*group{g}
}

// forget removes a group. The order is tidied up when much of it is gone.
func (t *table) forget(g *group) {
	delete(t.groups, g.name)
	if len(t.order) > 2*len(t.groups)+16 {
		living := t.order[:0]
		for _, g := range t.order {
			if t.groups[g.name] == g {
				living = append(living, g)
			}
		}
		clear(t.order[len(living):])
		t.order = living
	}
}

// takeAll removes all groups and returns them in the order in which they appeared.
func (t *table) takeAll(truncated bool) []*group {
	var list []*group
	for _, g := range t.order {
		if t.groups[g.name] == g {
			g.truncated = truncated
			list = append(list, g)
		}
	}
	t.groups, t.order = map[string]*group{}, nil
	return list
}

// rotate returns all groups if the interval is over.
func (t *table) rotate(now time.Time, over bool) []*group {
	if !over && now.Before(t.end) {
		return nil
	}
	t.end = nextEnd(now, t.opts)
	return t.takeAll(false)
}

var (
	fieldKey     = event.Intern("facet_field")
	countKey     = event.Intern("facet_count")
	listKey      = event.Intern("facets")
	otherKey     = event.Intern("other_event_fields")
	facetKey     = event.Intern("facet")
	countsKey    = event.Intern("facet_counts")
	truncatedKey = event.Intern("facet_truncated")
)

// report makes a fresh event that of a group.
func (f *facet) report(e *event.Event, g *group) *event.Event {
	e.SetType("facet")
	values := make([]event.Value, len(g.values))
	for i, v := range g.values {
		values[i] = v.Value
	}
	e.SetField(fieldKey, event.String(f.opts.SourceField.String()))
	e.SetField(countKey, event.Int(int64(len(values))))
	e.SetField(listKey, event.ListOf(values...))
	if other, any := f.other(g); any {
		e.SetField(otherKey, other)
	}
	if f.opts.CountValues {
		e.SetField(countsKey, byText(g.values, func(v value) (event.Value, bool) { return event.Int(v.count), true }))
	}
	if g.truncated {
		e.SetField(truncatedKey, event.Bool(true))
	}
	if !f.opts.GroupField.IsZero() {
		if err := e.Set(f.opts.GroupField, event.String(g.name)); err != nil {
			f.env.Warn("group could not be set", "field", f.opts.GroupField.String(), "error", err)
		}
	}
	return e
}

// other are the copied fields; any is false if there are none.
func (f *facet) other(g *group) (other event.Value, any bool) {
	for _, v := range g.values {
		any = any || v.fields != nil
	}
	switch {
	case !any:
		return event.Null, false
	case f.opts.Format == asDict:
		return byText(g.values, func(v value) (event.Value, bool) { return event.MapOf(v.fields), v.fields != nil }), true
	}
	list := make([]event.Value, len(g.values))
	for i, v := range g.values {
		m := event.NewMap(v.fields.Len() + 1)
		for k := range v.fields.Len() {
			m.Set(v.fields.At(k).Key, v.fields.At(k).Value)
		}
		m.Set(facetKey, v.Value)
		list[i] = event.MapOf(m)
	}
	return event.ListOf(list...), true
}

// byText makes a map of values by their text. Of several with one text the first counts.
func byText(values []value, of func(value) (event.Value, bool)) event.Value {
	fields := make([]event.Field, 0, len(values))
	known := make(map[string]bool, len(values))
	for _, v := range values {
		about, ok := of(v)
		text := v.Text()
		if !ok || known[text] {
			continue
		}
		known[text] = true
		fields = append(fields, event.Field{Key: event.Intern(text), Value: about})
	}
	return event.MapOf(event.FromFields(fields))
}
