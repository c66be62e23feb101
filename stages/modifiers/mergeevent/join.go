package mergeevent

import (
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// collect says what becomes of fields, by their names.
type collect []collected

type collected struct {
	field event.Path
	how   string
}

// OptionType describes the option in tables.
func (*collect) OptionType() string { return "map of string" }

var ways = []string{"first", "last", "list", "sum"}

// DecodeOption reads the map.
func (c *collect) DecodeOption(v *option.Value) error {
	if v.Kind != option.Map {
		return v.Wrong("map")
	}
	var errs []error
	for _, p := range v.Pairs {
		field, err := event.ParsePath(p.Key.Text)
		if err == nil && !slices.Contains(ways, p.Value.Text) {
			f := p.Value.Faultf(option.NotAllowed, "must be one of %s, got %s", strings.Join(ways, ", "), p.Value.Describe())
			f.Option = p.Key.Text
			err = f
		}
		errs = append(errs, err)
		*c = append(*c, collected{field, p.Value.Text})
	}
	return errors.Join(errs...)
}

// join makes one event of several: the first, with the parts of all. One alone stays as it
// is.
func (m *merger) join(events []*event.Event) *event.Event {
	e := events[0]
	if len(events) == 1 {
		return e
	}
	m.set(e, m.opts.MergeField, m.parts(events))
	values := map[int]event.Value{}
	for i, c := range m.opts.Collect {
		if v, ok := m.gather(c, events); ok {
			values[i] = v
		}
	}
	for _, i := range slices.Sorted(maps.Keys(values)) {
		m.set(e, m.opts.Collect[i].field, values[i])
	}
	if !m.opts.CountField.IsZero() {
		m.set(e, m.opts.CountField, event.Int(int64(len(events))))
	}
	m.env.Count("merged_events", len(events))
	return e
}

func (m *merger) set(e *event.Event, p event.Path, v event.Value) {
	if err := e.Set(p, v); err != nil {
		m.env.Fault(e, p.String(), err)
	}
}

// parts joins the parts of events. An event without a part adds nothing.
func (m *merger) parts(events []*event.Event) event.Value {
	var text strings.Builder
	room := len(m.opts.Glue) * len(events)
	for _, e := range events {
		room += m.size(e)
	}
	text.Grow(room)
	some := false
	for _, e := range events {
		v, ok := e.Get(m.opts.MergeField)
		if !ok {
			continue
		}
		if some {
			text.WriteString(m.opts.Glue)
		}
		some = true
		part := v.Text()
		if m.opts.Strip {
			part = strings.TrimRight(part, "\r\n")
		}
		text.WriteString(part)
	}
	return event.String(text.String())
}

// gather collects a field of all events that have it.
func (m *merger) gather(c collected, events []*event.Event) (event.Value, bool) {
	var found []event.Value
	for _, e := range events {
		if v, ok := e.Get(c.field); ok {
			found = append(found, v)
		}
	}
	switch {
	case len(found) == 0:
		return event.Null, false
	case c.how == "first":
		return found[0], true
	case c.how == "last":
		return found[len(found)-1], true
	case c.how == "list":
		return event.ListOf(found...), true
	}
	v, err := sum(found)
	if err != nil {
		m.env.Fault(events[0], c.field.String(), err)
		return event.Null, false
	}
	return v, true
}

var errNoNumber = errors.New("the value is no number, so there is no sum")

// sum adds numbers, and text that is a number. Integers are added exactly.
func sum(values []event.Value) (event.Value, error) {
	exact, rough, ints := new(big.Int), 0.0, true
	for _, v := range values {
		if v.IsString() {
			n, ok := event.Number(strings.TrimSpace(v.Str()))
			if !ok {
				return event.Null, errNoNumber
			}
			v = n
		}
		f, ok := v.Float()
		if !ok {
			return event.Null, errNoNumber
		}
		rough += f
		if i, ok := v.Big(); ok {
			exact.Add(exact, i)
		} else {
			ints = false
		}
	}
	if ints {
		return event.BigInt(exact), nil
	}
	return event.Float(rough), nil
}
