package xpathparser

import (
	"errors"
	"strings"

	"gambolputty/actor/event"
)

// renderer writes elements as XML or as maps, up to a size.
type renderer struct {
	out  []byte
	left int
	keys map[string]*event.Key // of maps, that were used before
}

// mostKeys bounds the keys that are remembered.
const mostKeys = 1000

// key is the key of a name, which may be a piece of a document.
func (r *renderer) key(name string) *event.Key {
	if k := r.keys[name]; k != nil {
		return k
	}
	if r.keys == nil || len(r.keys) >= mostKeys {
		r.keys = map[string]*event.Key{}
	}
	name = strings.Clone(name)
	k := event.Intern(name)
	r.keys[name] = k
	return k
}

var errLongResult = errors.New("the result is larger than max_bytes")

// element writes an element as a document of its own: with the name spaces that are declared
// around it.
func (r *renderer) element(top *node) (string, error) {
	r.out = r.out[:0]
	for n := top; ; {
		r.begin(n, n == top)
		if r.left -= 1; len(r.out) > r.left {
			return "", errLongResult
		}
		if n.first != nil {
			n = n.first
			continue
		}
		for n != top && n.next == nil {
			n = n.parent
			r.end(n)
		}
		if n == top {
			break
		}
		n = n.next
	}
	r.left -= len(r.out)
	return string(r.out), nil
}

// begin writes what stands before the nodes in n.
func (r *renderer) begin(n *node, top bool) {
	switch n.kind {
	case text:
		r.escaped(n.data, false)
	case comment:
		r.out = append(append(append(r.out, "<!--"...), n.data...), "-->"...)
	case element:
		r.out = r.name(append(r.out, '<'), n.prefix, n.name)
		spaces := n.spaces
		if top {
			spaces = around(n)
		}
		for _, s := range spaces {
			r.space(s)
		}
		for _, a := range n.attrs {
			r.out = r.name(append(r.out, ' '), a.prefix, a.name)
			r.out = append(r.out, `="`...)
			r.escaped(a.value, true)
			r.out = append(r.out, '"')
		}
		if n.first == nil {
			r.out = append(r.out, '/')
		}
		r.out = append(r.out, '>')
	}
}

func (r *renderer) end(n *node) {
	if n.kind == element {
		r.out = append(r.name(append(r.out, "</"...), n.prefix, n.name), '>')
	}
}

func (r *renderer) name(dst []byte, prefix, name string) []byte {
	if prefix != "" {
		dst = append(append(dst, prefix...), ':')
	}
	return append(dst, name...)
}

func (r *renderer) space(s space) {
	r.out = append(r.out, " xmlns"...)
	if s.prefix != "" {
		r.out = append(append(r.out, ':'), s.prefix...)
	}
	r.out = append(r.out, `="`...)
	r.escaped(s.uri, true)
	r.out = append(r.out, '"')
}

// around are the name spaces that hold at n, the nearest declaration of each prefix.
func around(n *node) []space {
	if n.parent == nil || n.parent.kind != element {
		return n.spaces
	}
	var list []space
	for ; n != nil; n = n.parent {
		for _, s := range n.spaces {
			if !declared(list, s.prefix) {
				list = append(list, s)
			}
		}
	}
	return list
}

func declared(list []space, prefix string) bool {
	for _, s := range list {
		if s.prefix == prefix {
			return true
		}
	}
	return false
}

func (r *renderer) escaped(s string, inAttr bool) {
	special := "<>&\r"
	if inAttr {
		special = "<>&\"\t\n\r"
	}
	for {
		i := strings.IndexAny(s, special)
		if i < 0 {
			r.out = append(r.out, s...)
			return
		}
		r.out = append(r.out, s[:i]...)
		switch s[i] {
		case '<':
			r.out = append(r.out, "&lt;"...)
		case '>':
			r.out = append(r.out, "&gt;"...)
		case '&':
			r.out = append(r.out, "&amp;"...)
		case '"':
			r.out = append(r.out, "&quot;"...)
		case '\t':
			r.out = append(r.out, "&#9;"...)
		case '\n':
			r.out = append(r.out, "&#10;"...)
		case '\r':
			r.out = append(r.out, "&#13;"...)
		}
		s = s[i+1:]
	}
}

// dict makes a map of an element, with its name as the only key.
func (r *renderer) dict(n *node) (event.Value, error) {
	m := event.NewMap(1)
	if n.kind == document {
		for c := n.first; c != nil; c = c.next {
			if c.kind == element {
				n = c
			}
		}
	}
	v, err := r.content(n)
	m.Set(r.key(full(n.prefix, n.name)), v)
	return event.MapOf(m), err
}

func full(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + ":" + name
}

// mapSize is what an element counts for beside its text.
const mapSize = 32

// content makes a value of what is in an element: text if there is nothing else, otherwise a
// map with attributes as @name, text as #text, and elements by their names, in a list where
// there are several.
func (r *renderer) content(n *node) (event.Value, error) {
	f := newFolder(len(n.attrs) + 1)
	for _, a := range n.attrs {
		f.add(r.key("@"+full(a.prefix, a.name)), event.String(a.value))
		r.left -= len(a.value)
	}
	var words strings.Builder
	for c := n.first; c != nil; c = c.next {
		switch c.kind {
		case text:
			words.WriteString(c.data)
		case element:
			v, err := r.content(c)
			if err != nil {
				return v, err
			}
			f.add(r.key(full(c.prefix, c.name)), v)
		}
	}
	said := strings.TrimSpace(words.String())
	if r.left -= len(said) + mapSize; r.left < 0 {
		return event.Null, errLongResult
	}
	switch {
	case len(f.fields) == 0 && said == "":
		return event.Null, nil
	case len(f.fields) == 0:
		return event.String(said), nil
	case said != "":
		f.add(textKey, event.String(said))
	}
	return f.value(), nil
}

// folder collects fields, several of one name in a list.
type folder struct {
	fields []event.Field
	lists  [][]event.Value
	index  map[string]int // once there are many
}

// many is the number of fields from which an index is faster than looking at each.
const many = 16

func newFolder(n int) *folder { return &folder{fields: make([]event.Field, 0, n)} }

var textKey = event.Intern("#text")

func (f *folder) find(name string) int {
	if f.index != nil {
		if i, ok := f.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range f.fields {
		if f.fields[i].Key.Name == name {
			return i
		}
	}
	return -1
}

func (f *folder) add(k *event.Key, v event.Value) {
	if i := f.find(k.Name); i >= 0 {
		if f.lists[i] == nil {
			f.lists[i] = []event.Value{f.fields[i].Value}
		}
		f.lists[i] = append(f.lists[i], v)
		return
	}
	if f.index != nil {
		f.index[k.Name] = len(f.fields)
	}
	f.fields = append(f.fields, event.Field{Key: k, Value: v})
	f.lists = append(f.lists, nil)
	if f.index == nil && len(f.fields) > many {
		f.index = map[string]int{}
		for i := range f.fields {
			f.index[f.fields[i].Key.Name] = i
		}
	}
}

func (f *folder) value() event.Value {
	for i, l := range f.lists {
		if l != nil {
			f.fields[i].Value = event.ListOf(l...)
		}
	}
	return event.MapOf(event.FromFields(f.fields))
}
