package execpython

import (
	"fmt"

	"go.starlark.net/starlark"
)

// AttrNames lists the methods of an event.
func (f *fields) AttrNames() []string {
	return []string{"clear", "copy", "get", "has_key", "items", "iteritems", "iterkeys", "itervalues", "keys", "pop", "popitem", "setdefault", "update", "values"}
}

// Attr returns a method.
func (f *fields) Attr(name string) (starlark.Value, error) {
	var m func(a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error)
	switch name {
	case "get":
		m = f.get
	case "has_key":
		m = f.hasKey
	case "pop":
		m = f.pop
	case "popitem":
		m = f.popItem
	case "setdefault":
		m = f.setDefault
	case "update":
		m = f.update
	case "clear":
		m = f.clear
	case "copy":
		m = func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) { return f.dict(), nil }
	case "keys", "iterkeys":
		m = f.lister(func(pair starlark.Tuple) starlark.Value { return pair[0] })
	case "values", "itervalues":
		m = f.lister(func(pair starlark.Tuple) starlark.Value { return pair[1] })
	case "items", "iteritems":
		m = f.lister(func(pair starlark.Tuple) starlark.Value { return pair })
	default:
		return nil, nil
	}
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		if f.e == nil {
			return nil, errGone
		}
		return m(a, named)
	}), nil
}

func (f *fields) lister(of func(pair starlark.Tuple) starlark.Value) func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		var list []starlark.Value
		for _, pair := range f.Items() {
			list = append(list, of(pair))
		}
		return starlark.NewList(list), nil
	}
}

// unpack reads a key and what to take if it is not there.
func unpack(name string, a starlark.Tuple, named []starlark.Tuple) (key, otherwise starlark.Value, err error) {
	err = starlark.UnpackArgs(name, a, named, "key", &key, "default?", &otherwise)
	return key, otherwise, err
}

func (f *fields) get(a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	key, otherwise, err := unpack("get", a, named)
	if err != nil {
		return nil, err
	}
	if v, found, err := f.Get(key); found || err != nil {
		return v, err
	}
	return orNone(otherwise), nil
}

func orNone(v starlark.Value) starlark.Value {
	if v == nil {
		return starlark.None
	}
	return v
}

func (f *fields) hasKey(a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	key, _, err := unpack("has_key", a, named)
	if err != nil {
		return nil, err
	}
	_, found, err := f.Get(key)
	return starlark.Bool(found), err
}

func (f *fields) pop(a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	key, otherwise, err := unpack("pop", a, named)
	if err != nil {
		return nil, err
	}
	v, found, err := f.remove(key)
	if found || err != nil {
		return v, err
	}
	if otherwise == nil {
		return nil, fmt.Errorf("pop: there is no field %s", key)
	}
	return otherwise, nil
}

func (f *fields) popItem(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	names := f.names()
	if len(names) == 0 {
		return nil, fmt.Errorf("popitem: the event has no fields")
	}
	name := starlark.String(names[len(names)-1])
	v, _, err := f.remove(name)
	return starlark.Tuple{name, orNone(v)}, err
}

func (f *fields) setDefault(a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	key, otherwise, err := unpack("setdefault", a, named)
	if err != nil {
		return nil, err
	}
	if v, found, err := f.Get(key); found || err != nil {
		return v, err
	}
	otherwise = orNone(otherwise)
	return otherwise, f.SetKey(key, otherwise)
}

// update takes what the method of a dict takes.
func (f *fields) update(a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	d := new(starlark.Dict)
	update, err := d.Attr("update")
	if err != nil {
		return nil, err
	}
	if _, err := starlark.Call(new(starlark.Thread), update, a, named); err != nil {
		return nil, err
	}
	for k, v := range d.Entries() {
		if err := f.SetKey(k, v); err != nil {
			return nil, err
		}
	}
	return starlark.None, nil
}

func (f *fields) clear(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	for _, n := range f.names() {
		if _, _, err := f.remove(starlark.String(n)); err != nil {
			return nil, err
		}
	}
	return starlark.None, nil
}
