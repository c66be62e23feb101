package modifyfields

import (
	"slices"
	"strconv"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// maxDepth bounds how deep keys are renamed and maps flattened.
const maxDepth = 100

func (o *Options) renameRegex() (step, error) {
	t, err := o.Regex.ParseTemplate(o.Replace)
	if err != nil {
		return step{}, &option.Fault{Code: option.Regex, Option: "replace", Message: err.Error()}
	}
	return o.renameKeys(func(m *modifier, _ *event.Event, key string) string {
		out, n, err := m.work.machine(o.Regex.Pattern).ReplaceAll(m.buf[:0], key, t, 0)
		m.buf = out[:0]
		if err != nil || n == 0 {
			return key
		}
		return string(out)
	}), nil
}

func (o *Options) renameReplace() (step, error) {
	if old, static := o.Old.Static(); static && old == "" {
		return step{}, &option.Fault{Code: option.OutOfRange, Option: "old", Message: "must not be empty"}
	}
	return o.renameKeys(func(_ *modifier, e *event.Event, key string) string {
		old, _ := o.Old.Text(e)
		fresh, _ := o.New.Text(e)
		if old == "" {
			return key
		}
		return strings.ReplaceAll(key, old, fresh)
	}), nil
}

// renameKeys applies a function to the keys of the event or of the map in source_field.
func (o *Options) renameKeys(name func(m *modifier, e *event.Event, key string) string) step {
	return step{change: func(m *modifier, e *event.Event) {
		rename := func(key string) string { return name(m, e, key) }
		if o.SourceField.IsZero() {
			o.renameTop(m, e, rename)
			return
		}
		v, ok := e.Get(o.SourceField.Path)
		switch {
		case !ok:
		case v.Kind() != event.KindMap:
			m.env.Fault(e, o.SourceField.String(), errNotMap)
		default:
			m.set(e, o.SourceField.Path, event.MapOf(o.renamed(m, v.Map(), rename, 0)))
		}
	}}
}

func (o *Options) renameTop(m *modifier, e *event.Event, rename func(string) string) {
	old := event.NewMap(e.Len())
	for i := range e.Len() {
		old.Set(e.At(i).Key, e.At(i).Value)
	}
	fresh := o.renamed(m, old, rename, 0)
	for i := range old.Len() {
		e.DeleteField(old.At(i).Key)
	}
	for i := range fresh.Len() {
		if f := fresh.At(i); f.Key.Name != metadata {
			e.SetField(f.Key, f.Value)
		}
	}
}

// renamed copies a map with new keys. Where two become equal, the later one in the
// sorted order of the old names wins.
func (o *Options) renamed(m *modifier, in *event.Map, rename func(string) string, depth int) *event.Map {
	out := event.NewMap(in.Len())
	seen := map[string]string{}
	for i := range in.Len() {
		f := in.At(i)
		v := f.Value
		if o.Recursive && v.Kind() == event.KindMap && depth < maxDepth {
			v = event.MapOf(o.renamed(m, v.Map(), rename, depth+1))
		}
		name := rename(f.Key.Name)
		if before, twice := seen[name]; twice {
			m.env.Warn("two keys have become equal", "key", name)
			if f.Key.Name < before {
				continue
			}
		}
		seen[name] = f.Key.Name
		out.Set(event.Intern(name), v)
	}
	return out
}

// flatten turns nested maps and lists into fields whose names are their paths.
func (o *Options) flatten() (step, error) {
	return step{change: func(_ *modifier, e *event.Event) {
		for _, f := range o.topFields(e) {
			if k := f.Value.Kind(); k != event.KindMap && k != event.KindList {
				continue
			}
			if !f.Value.Truth() {
				continue
			}
			e.DeleteField(f.Key)
			o.flattenInto(e, f.Key.Name, f.Value, 0)
		}
	}}, nil
}

// topFields lists the fields that flatten and unflatten work on.
func (o *Options) topFields(e *event.Event) []event.Field {
	var fields []event.Field
	for i := range e.Len() {
		if f := e.At(i); o.SourceField.IsZero() || f.Key.Name == o.SourceField.String() {
			fields = append(fields, f)
		}
	}
	return fields
}

func (o *Options) flattenInto(e *event.Event, name string, v event.Value, depth int) {
	switch {
	case v.Kind() == event.KindMap && v.Truth() && depth < maxDepth:
		for i := range v.Map().Len() {
			f := v.Map().At(i)
			o.flattenInto(e, name+o.FlattenWith+f.Key.Name, f.Value, depth+1)
		}
	case v.Kind() == event.KindList && v.Truth() && depth < maxDepth:
		for i := range v.List().Len() {
			o.flattenInto(e, name+o.FlattenWith+strconv.Itoa(i), v.List().At(i), depth+1)
		}
	default:
		e.SetField(event.Intern(name), v)
	}
}

// unflatten turns fields whose names are paths into nested maps.
func (o *Options) unflatten() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		for _, f := range o.topFields(e) {
			if !strings.Contains(f.Key.Name, o.FlattenWith) {
				continue
			}
			p, err := event.ParsePath(strings.ReplaceAll(f.Key.Name, o.FlattenWith, "."))
			if err != nil {
				continue
			}
			e.DeleteField(f.Key)
			if err := e.Set(p, f.Value); err != nil {
				e.SetField(f.Key, f.Value)
				m.env.Fault(e, f.Key.Name, err)
			}
		}
	}}, nil
}

// sortKeys orders the fields of the event, or of the map in source_field, by name.
func (o *Options) sortKeys() (step, error) {
	byName := func(a, b event.Field) int { return strings.Compare(a.Key.Name, b.Key.Name) }
	return step{change: func(m *modifier, e *event.Event) {
		if o.SourceField.IsZero() {
			fields := o.topFields(e)
			slices.SortFunc(fields, byName)
			for _, f := range fields {
				e.DeleteField(f.Key)
				e.SetField(f.Key, f.Value)
			}
			return
		}
		v, ok := e.Get(o.SourceField.Path)
		if !ok {
			return
		}
		if v.Kind() != event.KindMap {
			m.env.Fault(e, o.SourceField.String(), errNotMap)
			return
		}
		var fields []event.Field
		for i := range v.Map().Len() {
			fields = append(fields, v.Map().At(i))
		}
		slices.SortFunc(fields, byName)
		m.set(e, o.SourceField.Path, event.MapOf(event.FromFields(fields)))
	}}, nil
}
