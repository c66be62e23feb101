package library

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"gambolputty/stages/modifiers/execpython/python"
)

// method is what a method does, by the type of its object. Where it is nil Starlark's own
// method is called, if there is one.
type method struct {
	text textMethod
	list func(t *starlark.Thread, l *starlark.List, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error)
	dict func(t *starlark.Thread, d *starlark.Dict, a starlark.Tuple) (starlark.Value, error)
	set  func(t *starlark.Thread, s *starlark.Set, a starlark.Tuple) (starlark.Value, error)
	keys func(m starlark.Mapping, a starlark.Tuple) (starlark.Value, error) // of dicts and what is like them
}

// dictLike is a dict, or what behaves like one.
type dictLike interface {
	starlark.HasSetKey
	starlark.IterableMapping
}

// methods makes a function of each method, which takes the object as first argument.
func methods() map[string]*starlark.Builtin {
	table := map[string]*method{}
	at := func(name string) *method {
		if table[name] == nil {
			table[name] = &method{}
		}
		return table[name]
	}
	for name, f := range textMethods() {
		at(name).text = f
	}
	at("append").list = appendItem
	at("extend").list = func(t *starlark.Thread, l *starlark.List, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(a) != 1 {
			return nil, errArguments
		}
		return starlark.None, extend(t, l, a[0])
	}
	at("sort").list = sortList
	at("reverse").list = func(_ *starlark.Thread, l *starlark.List, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		items := elements(l)
		slices.Reverse(items)
		return starlark.None, refill(l, items)
	}
	at("count").list = countItems
	at("copy").list = func(t *starlark.Thread, l *starlark.List, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return starlark.NewList(elements(l)), chargeItems(t, l.Len())
	}
	at("copy").dict = copyDict
	at("copy").set = func(t *starlark.Thread, s *starlark.Set, _ starlark.Tuple) (starlark.Value, error) {
		return newSet(t, elements(s))
	}
	at("has_key").keys = func(m starlark.Mapping, a starlark.Tuple) (starlark.Value, error) {
		if len(a) != 1 {
			return nil, errArguments
		}
		_, found, err := m.Get(a[0])
		return starlark.Bool(found), err
	}
	at("get").keys = getKey
	at("keys").dict, at("iterkeys").dict = keys, keys
	at("values").dict, at("itervalues").dict = dictValues, dictValues
	at("items").dict, at("iteritems").dict = items, items
	at("isdisjoint").set = isDisjoint
	out := map[string]*starlark.Builtin{}
	for _, name := range python.Methods {
		out[name] = at(name).builtin(name)
	}
	return out
}

var (
	errArguments = errors.New("wrong number of arguments")
	errNumber    = errors.New("the value is no number that fits")
)

func (m *method) builtin(name string) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (v starlark.Value, err error) {
		if len(args) == 0 {
			return nil, fmt.Errorf("%s: %w", name, errArguments)
		}
		object, a := args[0], args[1:]
		switch x := object.(type) {
		case starlark.String:
			if m.text != nil {
				v, err = m.text(t, string(x), a, named)
				return v, within(name, err)
			}
		case *starlark.List:
			if m.list != nil {
				v, err = m.list(t, x, a, named)
				return v, within(name, err)
			}
		case *starlark.Dict:
			if m.dict != nil && len(named) == 0 {
				v, err = m.dict(t, x, a)
				return v, within(name, err)
			}
		case *starlark.Set:
			if m.set != nil {
				v, err = m.set(t, x, a)
				return v, within(name, err)
			}
		}
		if x, ok := object.(dictLike); ok && m.keys != nil && len(named) == 0 {
			v, err = m.keys(x, a)
			return v, within(name, err)
		}
		return callMember(t, object, name, a, named)
	})
}

func within(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// callMember calls a method that the object has itself.
func callMember(t *starlark.Thread, object starlark.Value, name string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	const perStep = 16 // items that are handled in the time of a step, about
	for _, v := range append(a[:len(a):len(a)], object) {
		n := max(starlark.Len(v), 0)
		if _, isText := v.(starlark.String); n > most && !isText {
			return nil, within(name, errTooLarge)
		}
		work(t, n/perStep)
	}
	if h, ok := object.(starlark.HasAttrs); ok {
		member, err := h.Attr(name)
		if err != nil {
			return nil, err
		}
		if member != nil {
			return starlark.Call(t, member, a, named)
		}
	}
	return nil, fmt.Errorf("%s has no method %s", typeName(object), name)
}

func appendItem(t *starlark.Thread, l *starlark.List, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) != 1 {
		return nil, errArguments
	}
	if l.Len() >= most {
		return nil, errTooLarge
	}
	return starlark.None, l.Append(a[0])
}

// sortList sorts with the key and reverse of sorted.
func sortList(t *starlark.Thread, l *starlark.List, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	work(t, l.Len()*8)
	v, err := starlark.Call(t, starlark.Universe["sorted"], append(starlark.Tuple{l}, a...), named)
	if err != nil {
		return nil, err
	}
	return starlark.None, refill(l, elements(v.(*starlark.List))) // sorted makes a list
}

func countItems(t *starlark.Thread, l *starlark.List, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) != 1 {
		return nil, errArguments
	}
	work(t, l.Len())
	n := 0
	for x := range starlark.Elements(l) {
		same, err := starlark.Equal(x, a[0])
		if err != nil {
			return nil, err
		}
		if same {
			n++
		}
	}
	return starlark.MakeInt(n), nil
}

func getKey(m starlark.Mapping, a starlark.Tuple) (starlark.Value, error) {
	if len(a) == 0 || len(a) > 2 {
		return nil, errArguments
	}
	v, found, err := m.Get(a[0])
	switch {
	case err != nil || found:
		return v, err
	case len(a) == 2:
		return a[1], nil
	}
	return starlark.None, nil
}

func copyDict(t *starlark.Thread, d *starlark.Dict, _ starlark.Tuple) (starlark.Value, error) {
	if err := chargeItems(t, 4*d.Len()); err != nil {
		return nil, err
	}
	c := starlark.NewDict(d.Len())
	for _, pair := range d.Items() {
		_ = c.SetKey(pair[0], pair[1]) // the keys are keys already
	}
	return c, nil
}

func keys(t *starlark.Thread, d *starlark.Dict, _ starlark.Tuple) (starlark.Value, error) {
	return starlark.NewList(d.Keys()), chargeItems(t, d.Len())
}

func dictValues(t *starlark.Thread, d *starlark.Dict, _ starlark.Tuple) (starlark.Value, error) {
	list := make([]starlark.Value, 0, d.Len())
	for _, v := range d.Entries() {
		list = append(list, v)
	}
	return starlark.NewList(list), chargeItems(t, d.Len())
}

func items(t *starlark.Thread, d *starlark.Dict, _ starlark.Tuple) (starlark.Value, error) {
	list := make([]starlark.Value, 0, d.Len())
	for k, v := range d.Entries() {
		list = append(list, starlark.Tuple{k, v})
	}
	return starlark.NewList(list), chargeItems(t, 4*d.Len())
}

func newSet(t *starlark.Thread, list []starlark.Value) (starlark.Value, error) {
	if err := chargeItems(t, 4*len(list)); err != nil {
		return nil, err
	}
	s := starlark.NewSet(len(list))
	for _, x := range list {
		if err := s.Insert(x); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func isDisjoint(t *starlark.Thread, s *starlark.Set, a starlark.Tuple) (starlark.Value, error) {
	if len(a) != 1 {
		return nil, errArguments
	}
	other, err := each(t, a[0])
	if err != nil {
		return nil, err
	}
	for x := range starlark.Elements(other.(starlark.Iterable)) {
		if found, err := s.Has(x); err != nil || found {
			return starlark.False, err
		}
	}
	return starlark.True, nil
}
