package execpython

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"gambolputty/actor/event"
	"gambolputty/stages/modifiers/execpython/library"
)

// fields is an event as a program sees it: a dict whose keys may be paths. Single values are
// read and written at once. Lists and dicts are copied when the program asks for them, and
// written back at the end, as the event cannot see what the program does to them.
type fields struct {
	e      *event.Event // nil once the event has gone on
	paths  map[string]*path
	open   []opened
	copies bool // text must not point into the event
}

// opened is a field of the top level that the program has got as a list or a dict.
type opened struct {
	name  string
	value starlark.Value
}

// path is a key that was used before.
type path struct {
	event.Path
	whole event.Path // as the name of a field
	parts []string
}

// top is the path if it names a field of the top level as a whole.
func (p *path) top() event.Path {
	if len(p.parts) > 1 {
		return p.whole
	}
	return p.Path
}

// mostPaths bounds the keys that are remembered.
const mostPaths = 1000

const metaName = "gambolputty"

var (
	_ starlark.HasSetKey       = (*fields)(nil)
	_ starlark.IterableMapping = (*fields)(nil)
	_ starlark.Sequence        = (*fields)(nil)
	_ starlark.HasAttrs        = (*fields)(nil)
	_ library.Deleter          = (*fields)(nil)

	errGone  = errors.New("this event has gone on already")
	errName  = errors.New("the name of a field must be a text")
	metaPath = event.MustPath(metaName)
)

// String is what Python shows.
func (f *fields) String() string { return library.Str(f.dict()) }

// Type is that of a dict.
func (f *fields) Type() string { return "dict" }

// Freeze does nothing.
func (f *fields) Freeze() {}

// Truth is true if there are fields.
func (f *fields) Truth() starlark.Bool { return f.Len() > 0 }

// Hash refuses.
func (f *fields) Hash() (uint32, error) { return 0, errors.New("unhashable type: dict") }

// Len counts the fields of the top level, the metadata among them.
func (f *fields) Len() int { return len(f.names()) }

func (f *fields) names() []string {
	if f.e == nil {
		return nil
	}
	var names []string
	for i := range f.e.Len() {
		names = append(names, f.e.At(i).Key.Name)
	}
	if f.e.Has(metaPath) {
		names = append(names, metaName)
	}
	for _, o := range f.open { // what is not written back yet
		if !slices.Contains(names, o.name) {
			names = append(names, o.name)
		}
	}
	return names
}

// path compiles a key.
func (f *fields) path(key starlark.Value) (*path, error) {
	name, ok := key.(starlark.String)
	switch {
	case f.e == nil:
		return nil, errGone
	case !ok:
		return nil, errName
	}
	if p := f.paths[string(name)]; p != nil {
		return p, nil
	}
	text := strings.Clone(string(name))
	compiled, err := event.ParsePath(text)
	if err != nil {
		return nil, err
	}
	p := &path{compiled, event.KeyPath(compiled.Key()), strings.Split(text, ".")}
	if f.paths == nil || len(f.paths) >= mostPaths {
		f.paths = map[string]*path{}
	}
	f.paths[text] = p
	return p, nil
}

func (f *fields) convert(v event.Value) starlark.Value {
	if f.copies {
		v = v.Clone()
	}
	return library.FromEvent(v)
}

// opened returns a field that the program has got, or nil.
func (f *fields) opened(name string) starlark.Value {
	for _, o := range f.open {
		if o.name == name {
			return o.value
		}
	}
	return nil
}

// top opens a field of the top level; nil if there is none, or a single value.
func (f *fields) top(name string) starlark.Value {
	if v := f.opened(name); v != nil {
		return v
	}
	v, ok := f.e.Get(topPath(name))
	if k := v.Kind(); !ok || k != event.KindList && k != event.KindMap {
		return nil
	}
	value := f.convert(v)
	f.open = append(f.open, opened{name, value})
	return value
}

func topPath(name string) event.Path {
	if name == metaName {
		return metaPath
	}
	return event.KeyPath(event.Intern(name))
}

// first is the field of the top level that a path leads into. A field that is named as the
// whole path wins; the later name of the metadata means the metadata.
func (f *fields) first(p *path) (name string, rest []string) {
	whole := p.String()
	if len(p.parts) == 1 || f.opened(whole) != nil || f.e.Has(p.whole) {
		return whole, nil
	}
	if p.parts[0] == "lumbermill" && f.opened("lumbermill") == nil && !f.e.Has(event.KeyPath(event.Intern("lumbermill"))) {
		return metaName, p.parts[1:]
	}
	return p.parts[0], p.parts[1:]
}

// Get is event[key], and what in asks for.
func (f *fields) Get(key starlark.Value) (v starlark.Value, found bool, err error) {
	p, err := f.path(key)
	if err != nil {
		return nil, false, err
	}
	name, rest := f.first(p)
	if f.opened(name) == nil {
		v, ok := f.e.Get(p.Path)
		if k := v.Kind(); !ok || k != event.KindList && k != event.KindMap {
			return f.convert(v), ok, nil
		}
	}
	v = f.top(name)
	for _, part := range rest {
		if v = entry(v, part); v == nil {
			return nil, false, nil
		}
	}
	return v, true, nil
}

// entry returns an entry of a dict or a list, or nil.
func entry(v starlark.Value, name string) starlark.Value {
	switch v := v.(type) {
	case *starlark.Dict:
		if found, ok, err := v.Get(starlark.String(name)); ok && err == nil {
			return found
		}
	case *starlark.List:
		if i, ok := place(v, name); ok {
			return v.Index(i)
		}
	}
	return nil
}

// place finds an item of a list; a negative index counts from the end.
func place(l *starlark.List, index string) (int, bool) {
	i, err := strconv.Atoi(index)
	if i < 0 {
		i += l.Len()
	}
	return i, err == nil && i >= 0 && i < l.Len()
}

// SetKey is event[key] = v.
func (f *fields) SetKey(key, v starlark.Value) error {
	p, err := f.path(key)
	if err != nil {
		return err
	}
	name, rest := f.first(p)
	if rest != nil && (f.opened(name) != nil || isContainer(v)) {
		if parent := f.top(name); parent != nil {
			return setBelow(parent, rest, v)
		}
	}
	if rest == nil {
		f.forget(name)
		if isContainer(v) {
			f.open = append(f.open, opened{name, v})
			return nil
		}
	}
	value, err := library.ToEvent(v)
	if err != nil {
		return err
	}
	if rest == nil {
		return f.e.Set(p.top(), value)
	}
	if err := f.e.Set(p.Path, value); err != nil || !isContainer(v) {
		return err
	}
	// The program may go on with what it has set, so it must be what is written back.
	return setBelow(f.top(name), rest, v)
}

// isContainer reports whether a program can change v after it has set it.
func isContainer(v starlark.Value) bool {
	switch v.(type) {
	case *starlark.List, *starlark.Dict, *starlark.Set:
		return true
	}
	return false
}

func (f *fields) forget(name string) {
	f.open = slices.DeleteFunc(f.open, func(o opened) bool { return o.name == name })
}

// setBelow sets a value below a dict or a list; dicts that are missing are made.
func setBelow(parent starlark.Value, parts []string, v starlark.Value) error {
	for len(parts) > 1 {
		next := entry(parent, parts[0])
		if next == nil {
			next = new(starlark.Dict)
			if err := setChild(parent, parts[0], next); err != nil {
				return err
			}
		}
		parent, parts = next, parts[1:]
	}
	return setChild(parent, parts[0], v)
}

func setChild(parent starlark.Value, name string, v starlark.Value) error {
	switch p := parent.(type) {
	case *starlark.Dict:
		return p.SetKey(starlark.String(name), v)
	case *starlark.List:
		if i, ok := place(p, name); ok {
			return p.SetIndex(i, v)
		}
		if name == strconv.Itoa(p.Len()) {
			return p.Append(v)
		}
		return event.ErrIndex
	}
	return event.ErrNoParent
}

// DeleteKey is del event[key].
func (f *fields) DeleteKey(key starlark.Value) error {
	_, found, err := f.remove(key)
	if err == nil && !found {
		err = fmt.Errorf("there is no field %s", key)
	}
	return err
}

// remove deletes the value at a key and returns it.
func (f *fields) remove(key starlark.Value) (v starlark.Value, found bool, err error) {
	v, found, err = f.Get(key)
	if err != nil || !found {
		return v, found, err
	}
	p, err := f.path(key)
	if err != nil {
		return nil, false, err
	}
	name, rest := f.first(p)
	if rest == nil {
		f.forget(name)
		f.e.Delete(p.top())
		return v, true, nil
	}
	parent := f.top(name)
	if parent == nil {
		return v, f.e.Delete(p.Path), nil
	}
	last := len(rest) - 1
	for _, part := range rest[:last] {
		parent = entry(parent, part)
	}
	return v, true, removeChild(parent, rest[last])
}

func removeChild(parent starlark.Value, name string) error {
	switch p := parent.(type) {
	case *starlark.Dict:
		_, _, err := p.Delete(starlark.String(name))
		return err
	case *starlark.List:
		at, _ := place(p, name)
		var rest []starlark.Value
		for i := range p.Len() {
			if i != at {
				rest = append(rest, p.Index(i))
			}
		}
		if err := p.Clear(); err != nil {
			return err
		}
		for _, v := range rest {
			if err := p.Append(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes back what the program may have changed.
func (f *fields) flush() error {
	var errs []error
	for _, o := range f.open {
		v, err := library.ToEvent(o.value)
		if err == nil {
			err = f.e.Set(topPath(o.name), v)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("field %s: %w", o.name, err))
		}
	}
	clear(f.open)
	f.open = f.open[:0]
	return errors.Join(errs...)
}

// Iterate walks the names of the fields.
func (f *fields) Iterate() starlark.Iterator {
	var list starlark.Tuple
	for _, n := range f.names() {
		list = append(list, starlark.String(n))
	}
	return list.Iterate()
}

// Items lists names and values.
func (f *fields) Items() []starlark.Tuple {
	var list []starlark.Tuple
	for _, n := range f.names() {
		v := f.top(n)
		if v == nil {
			single, _ := f.e.Get(topPath(n))
			v = f.convert(single)
		}
		list = append(list, starlark.Tuple{starlark.String(n), v})
	}
	return list
}

func (f *fields) dict() *starlark.Dict {
	items := f.Items()
	d := starlark.NewDict(len(items))
	for _, pair := range items {
		_ = d.SetKey(pair[0], pair[1]) // a new dict takes every text
	}
	return d
}
