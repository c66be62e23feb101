package elasticsearch

import (
	"errors"
	"strconv"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// mapping says which fields of hits become which fields of events. Nil means all.
type mapping []pair

type pair struct {
	from name
	to   event.Path
}

// OptionType describes the option in tables.
func (*mapping) OptionType() string { return "string, list of field or map" }

// DecodeOption reads all, one name, a list of names, or a map of names to new names.
func (m *mapping) DecodeOption(v *option.Value) error {
	*m = nil
	var errs []error
	add := func(from, to *option.Value) {
		if from.Kind != option.String || to.Kind != option.String {
			errs = append(errs, to.Wrong("name of a field"))
			return
		}
		p, err := event.ParsePath(to.Text)
		if err != nil {
			errs = append(errs, to.Faultf(option.NotAllowed, "%s", err))
			return
		}
		*m = append(*m, pair{nameOf(from.Text), p})
	}
	switch v.Kind {
	case option.String:
		if v.Text != "all" {
			add(v, v)
		}
	case option.List:
		for _, i := range v.Items {
			add(i, i)
		}
	case option.Map:
		for _, p := range v.Pairs {
			add(p.Key, p.Value)
		}
	default:
		return v.Wrong("all, list of fields or map")
	}
	if len(*m) == 0 && v.Kind != option.String {
		errs = append(errs, v.Faultf(option.NotAllowed, "must name at least one field"))
	}
	return errors.Join(errs...)
}

// name is where to look for a value.
type name struct {
	whole string
	steps []string
}

func nameOf(text string) name { return name{text, strings.Split(text, ".")} }

// in looks the value up below a map.
func (n name) in(m *event.Map) (event.Value, bool) {
	if m == nil {
		return event.Null, false
	}
	if v, ok := m.GetName(n.whole); ok || len(n.steps) == 1 {
		return v, ok
	}
	v := event.MapOf(m)
	for _, s := range n.steps {
		ok := false
		if m := v.Map(); m != nil {
			v, ok = m.GetName(s)
		} else if l := v.List(); l != nil {
			i, err := strconv.Atoi(s)
			if ok = err == nil && i >= 0 && i < l.Len(); ok {
				v = l.At(i)
			}
		}
		if !ok {
			return event.Null, false
		}
	}
	return v, true
}

// of looks the value up in a hit and then in its document.
func (n name) of(hit, document *event.Map) (event.Value, bool) {
	if v, ok := n.in(hit); ok {
		return v, true
	}
	return n.in(document)
}

// fill sets the fields of an event.
func (m mapping) fill(env actor.Env, e *event.Event, hit, document *event.Map) {
	if m == nil {
		for i := range hit.Len() {
			if f := hit.At(i); f.Key.Name != sourceMember && f.Key.Name != "sort" {
				e.SetField(f.Key, f.Value)
			}
		}
		if document != nil {
			e.Merge(document, false)
		}
		return
	}
	for _, p := range m {
		v, ok := p.from.of(hit, document)
		if !ok {
			continue
		}
		if v.Map() != nil || v.List() != nil {
			v = v.Clone() // two names may mean the same, or parts of it
		}
		if p.to.IsMeta() && p.to.String() == metadata && v.Map() != nil {
			e.MergeMeta(v.Map())
			continue
		}
		if err := e.Set(p.to, v); err != nil {
			env.Fault(e, p.to.String(), err)
		}
	}
}

const (
	sourceMember = "_source"
	metadata     = "gambolputty"
)
