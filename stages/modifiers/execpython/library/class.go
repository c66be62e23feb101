package library

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// function is the Go side of a function.
type function = func(t *starlark.Thread, b *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error)

// class is a type that a program can call, such as int, and ask for with isinstance.
type class struct {
	name    string
	types   []string // what values of it say as their type
	make    function
	members starlark.StringDict
}

var (
	_ starlark.Callable   = (*class)(nil)
	_ starlark.HasAttrs   = (*class)(nil)
	_ starlark.Comparable = (*class)(nil)
)

// String is what Python shows.
func (c *class) String() string { return fmt.Sprintf("<class '%s'>", c.name) }

// Type is the type of types.
func (c *class) Type() string { return "type" }

// Freeze does nothing: classes do not change.
func (c *class) Freeze() {}

// Truth is true.
func (c *class) Truth() starlark.Bool { return true }

// Hash makes classes keys of dicts.
func (c *class) Hash() (uint32, error) { return starlark.String(c.name).Hash() }

// CompareSameType knows equal classes by their names.
func (c *class) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	switch same := c.name == y.(*class).name; op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, errors.New("types have no order")
}

// Name is the name of the class.
func (c *class) Name() string { return c.name }

// CallInternal makes a value.
func (c *class) CallInternal(t *starlark.Thread, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	if c.make == nil {
		return nil, fmt.Errorf("%s cannot be called", c.name)
	}
	v, err := c.make(t, nil, a, named)
	return v, within(c.name, err)
}

// Attr returns a member.
func (c *class) Attr(name string) (starlark.Value, error) {
	if name == "__name__" {
		return starlark.String(c.name), nil
	}
	if v, ok := c.members[name]; ok {
		return v, nil
	}
	return nil, nil
}

// AttrNames lists the members.
func (c *class) AttrNames() []string { return append(c.members.Keys(), "__name__") }

func (c *class) has(v starlark.Value) bool { return slices.Contains(c.types, v.Type()) }

// classes are the types that are built in. str is there under its names of Python 2, too.
func classes(methods map[string]*starlark.Builtin) []*class {
	members := starlark.StringDict{}
	for name, b := range methods {
		members[name] = b
	}
	list := []*class{
		{name: "str", types: []string{"string", "bytes"}, make: toText, members: members},
		{name: "int", types: []string{"int", "bool"}, make: toInt},
		{name: "float", types: []string{"float"}, make: toFloat},
		{name: "bool", types: []string{"bool"}, make: toBool},
		{name: "list", types: []string{"list"}, make: universal("list"), members: members},
		{name: "tuple", types: []string{"tuple"}, make: universal("tuple")},
		{name: "dict", types: []string{"dict"}, make: universal("dict"), members: members},
		{name: "set", types: []string{"set"}, make: universal("set")},
		{name: "NoneType", types: []string{"NoneType"}},
		{name: "function", types: []string{"function", "builtin_function_or_method"}},
	}
	list[6].members = starlark.StringDict{"fromkeys": starlark.NewBuiltin("fromkeys", fromKeys)}
	for name, b := range methods {
		list[6].members[name] = b
	}
	return list
}

func fromKeys(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) == 0 || len(a) > 2 {
		return nil, errArguments
	}
	list, err := each(t, a[0])
	if err != nil {
		return nil, err
	}
	var value starlark.Value = starlark.None
	if len(a) > 1 {
		value = a[1]
	}
	if err := chargeItems(t, max(starlark.Len(list), 0)); err != nil {
		return nil, err
	}
	d := new(starlark.Dict)
	for x := range starlark.Elements(list.(starlark.Iterable)) {
		if err := d.SetKey(x, value); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// universal is a function of Starlark that walks its arguments, texts too, and counts the
// work.
func universal(name string) function {
	own := starlark.Universe[name]
	return func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		args := slices.Clone(a)
		for i, v := range args {
			if i > 0 && name != "zip" {
				break
			}
			list := v
			if _, isText := v.(starlark.String); isText {
				var err error
				if list, err = each(t, v); err != nil {
					return nil, err
				}
			}
			n := max(starlark.Len(list), 0)
			if err := chargeItems(t, n); err != nil {
				return nil, err
			}
			work(t, n)
			args[i] = list
		}
		return starlark.Call(t, own, args, named)
	}
}
