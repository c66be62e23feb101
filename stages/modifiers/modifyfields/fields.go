package modifyfields

import (
	"path"
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// metadata is the one field that keep never removes.
const metadata = "gambolputty"

// keep removes every field that is not listed. A path keeps only its branch.
func (o *Options) keep() (step, error) {
	wanted := newBranch(o.SourceFields)
	return step{change: func(_ *modifier, e *event.Event) {
		for i := e.Len() - 1; i >= 0; i-- {
			f := e.At(i)
			if o.matches(f.Key.Name) || wanted.whole[f.Key.Name] {
				continue
			}
			b := wanted.below[f.Key.Name]
			if b == nil {
				e.DeleteField(f.Key)
				continue
			}
			if v, ok := b.prune(f.Value); ok {
				e.SetField(f.Key, v)
			} else {
				e.DeleteField(f.Key)
			}
		}
	}}, nil
}

// branch is the tree of names that are to be kept.
type branch struct {
	whole map[string]bool
	below map[string]*branch
}

func newBranch(paths []event.Path) *branch {
	b := &branch{map[string]bool{}, map[string]*branch{}}
	for _, p := range paths {
		b.add(p.String())
	}
	return b
}

func (b *branch) add(name string) {
	b.whole[name] = true
	first, rest, nested := strings.Cut(name, ".")
	if !nested {
		return
	}
	if b.below[first] == nil {
		b.below[first] = newBranch(nil)
	}
	b.below[first].add(rest)
}

// prune copies what is to be kept of a map; ok is false if nothing is.
func (b *branch) prune(v event.Value) (kept event.Value, ok bool) {
	m := v.Map()
	out := event.NewMap(0)
	for i := range m.Len() {
		f := m.At(i)
		if b.whole[f.Key.Name] {
			out.Set(f.Key, f.Value)
		} else if sub := b.below[f.Key.Name]; sub != nil {
			if v, ok := sub.prune(f.Value); ok {
				out.Set(f.Key, v)
			}
		}
	}
	return event.MapOf(out), out.Len() > 0
}

// matches reports whether a top level field is meant by fields_matching.
func (o *Options) matches(name string) bool {
	return slices.ContainsFunc(o.Matching, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // the patterns have been checked
		return ok
	})
}

func (o *Options) checkMatching() error {
	for _, p := range o.Matching {
		if _, err := path.Match(p, ""); err != nil {
			return &option.Fault{Code: option.OutOfRange, Option: "fields_matching", Message: "bad wildcard pattern " + p}
		}
	}
	return nil
}

func (o *Options) remove() (step, error) {
	return step{change: func(_ *modifier, e *event.Event) {
		for _, p := range o.SourceFields {
			e.Delete(p)
		}
		if len(o.Matching) == 0 {
			return
		}
		for i := e.Len() - 1; i >= 0; i-- {
			if f := e.At(i); o.matches(f.Key.Name) {
				e.DeleteField(f.Key)
			}
		}
	}}, o.checkMatching()
}

func (o *Options) concat() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		m.buf = m.buf[:0]
		for _, p := range o.SourceFields {
			if v, ok := e.Get(p); ok {
				m.buf = v.AppendText(m.buf)
			}
		}
		m.set(e, o.TargetField, event.String(string(m.buf)))
	}}, nil
}

func (o *Options) insert() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		v, ok := o.Value.Eval(e)
		if !ok {
			m.env.Unresolved("value", o.TargetField.String())
		}
		m.set(e, o.TargetField, v)
	}}, nil
}

func (o *Options) copyField() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		if v, ok := e.Get(o.SourceField.Path); ok {
			m.set(e, o.TargetField, v)
		}
	}}, nil
}

func (o *Options) coalesce() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		for _, p := range o.SourceFields {
			if v, ok := e.Get(p); ok && !v.IsNull() {
				m.set(e, o.TargetField, v)
				return
			}
		}
	}}, nil
}

func (o *Options) rename() (step, error) {
	if o.SourceField.String() == o.TargetField.String() {
		return step{change: func(*modifier, *event.Event) {}}, nil
	}
	return step{change: func(m *modifier, e *event.Event) {
		v, ok := e.Get(o.SourceField.Path)
		if !ok {
			return
		}
		if err := e.Set(o.TargetField, v); err != nil {
			m.env.Fault(e, o.TargetField.String(), err)
			return
		}
		e.Delete(o.SourceField.Path)
	}}, nil
}

func (o *Options) merge() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		items := make([]event.Value, 0, len(o.SourceFields))
		for _, p := range o.SourceFields {
			if v, ok := e.Get(p); ok {
				items = append(items, v)
			}
		}
		m.set(e, o.TargetField, event.ListOf(items...))
	}}, nil
}

// removeEmpty removes fields that are null, or empty text, lists or maps.
func (o *Options) removeEmpty() (step, error) {
	empty := func(v event.Value) bool {
		switch v.Kind() {
		case event.KindNull, event.KindString, event.KindList, event.KindMap:
			return !v.Truth()
		}
		return false
	}
	return step{change: func(_ *modifier, e *event.Event) {
		for _, p := range o.SourceFields {
			if v, ok := e.Get(p); ok && empty(v) {
				e.Delete(p)
			}
		}
		if o.Given["source_fields"] {
			return
		}
		for i := e.Len() - 1; i >= 0; i-- {
			if f := e.At(i); empty(f.Value) {
				e.DeleteField(f.Key)
			}
		}
	}}, nil
}
