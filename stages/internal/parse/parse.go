// Package parse holds what parsers have in common.
package parse

import (
	"errors"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// Guard is embedded in the options of parsers that merge data into events.
type Guard struct {
	Protect bool `opt:"protect_metadata" doc:"Ignore a field gambolputty in the data instead of merging it into the metadata."`
}

// Merge sets the fields of decoded data on the top level of an event.
func (g Guard) Merge(env actor.Env, e *event.Event, m *event.Map) {
	g.warn(env, e.Merge(m, g.Protect))
}

// MergeFields is Merge for fields that were decoded on their own.
func (g Guard) MergeFields(env actor.Env, e *event.Event, fields []event.Field) {
	g.warn(env, e.MergeFields(fields, g.Protect))
}

func (g Guard) warn(env actor.Env, ignored bool) {
	if ignored && !g.Protect {
		env.Warn("field gambolputty in the data is no map and was ignored")
	}
}

// Field is the option of a parser that reads one field: a name, or a list with one name.
type Field struct{ event.Path }

// OptionType describes the option in tables.
func (Field) OptionType() string { return "field" }

// DecodeOption compiles the path.
func (f *Field) DecodeOption(v *option.Value) error {
	if v.Kind == option.List && len(v.Items) == 1 {
		v = v.Items[0]
	}
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	return f.Path.UnmarshalText([]byte(v.Text))
}

// ErrNotText says that a field that should hold text holds something else.
var ErrNotText = errors.New("the value is not a string")

// Prefixed puts a prefix in front of the keys of a map.
func Prefixed(m *event.Map, prefix string) *event.Map {
	if prefix == "" {
		return m
	}
	out := event.NewMap(m.Len())
	for i := range m.Len() {
		f := m.At(i)
		out.Set(event.Intern(prefix+f.Key.Name), f.Value)
	}
	return out
}

// Pick makes a map of the given fields of e, by their paths, as encoders write it.
func Pick(e *event.Event, paths []event.Path) event.Value {
	m := event.NewMap(len(paths))
	for _, p := range paths {
		if v, ok := e.Get(p); ok {
			m.Set(p.Key(), v)
		}
	}
	return event.MapOf(m)
}

// All reports whether a list of fields means the whole event.
func All(paths []event.Path) bool { return len(paths) == 1 && paths[0].String() == "all" }
