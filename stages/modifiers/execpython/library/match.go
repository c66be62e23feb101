package library

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// match is what a pattern found.
type match struct {
	object
	p    *pattern
	s    string
	caps []int
}

var (
	_ starlark.Mapping  = (*match)(nil)
	_ starlark.HasAttrs = (*match)(nil)
)

// group is what a group matched, or what is given instead if it took no part.
func (m *match) group(g int, otherwise starlark.Value) starlark.Value {
	if m.caps[2*g] < 0 {
		return otherwise
	}
	return starlark.String(m.s[m.caps[2*g]:m.caps[2*g+1]])
}

var errGroup = errors.New("there is no such group")

// number finds a group by number or name.
func (m *match) number(v starlark.Value) (int, error) {
	if s, ok := v.(starlark.String); ok {
		for g, name := range m.p.p.Names() {
			if g > 0 && name == string(s) {
				return g, nil
			}
		}
		return 0, errGroup
	}
	g, err := starlark.AsInt32(v)
	if err != nil || g < 0 || g >= len(m.caps)/2 {
		return 0, errGroup
	}
	return g, nil
}

// Get is match[group].
func (m *match) Get(v starlark.Value) (starlark.Value, bool, error) {
	g, err := m.number(v)
	if err != nil {
		return nil, false, err
	}
	return m.group(g, starlark.None), true, nil
}

// Attr returns a member.
func (m *match) Attr(name string) (starlark.Value, error) {
	switch name {
	case "string":
		return starlark.String(m.s), nil
	case "re":
		return m.p, nil
	case "lastindex", "lastgroup":
		return m.last(name), nil
	case "group":
		return simple(name, 0, 255, m.groups), nil
	case "groups":
		return simple(name, 0, 1, m.allGroups), nil
	case "groupdict":
		return simple(name, 0, 1, m.dict), nil
	case "start", "end", "span":
		return simple(name, 0, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return m.edge(name, a) }), nil
	case "expand":
		return simple(name, 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			text, err := argument(a, 0)
			if err != nil {
				return nil, err
			}
			out, err := m.expand(text)
			if err == nil {
				err = charge(t, len(out))
			}
			return starlark.String(out), err
		}), nil
	}
	return nil, nil
}

// AttrNames lists the members.
func (m *match) AttrNames() []string {
	return []string{"end", "expand", "group", "groupdict", "groups", "lastgroup", "lastindex", "re", "span", "start", "string"}
}

func (m *match) groups(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	if len(a) == 0 {
		return m.group(0, starlark.None), nil
	}
	out := make(starlark.Tuple, len(a))
	for i, v := range a {
		g, err := m.number(v)
		if err != nil {
			return nil, err
		}
		out[i] = m.group(g, starlark.None)
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

func (m *match) allGroups(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	otherwise := starlark.Value(starlark.None)
	if len(a) > 0 {
		otherwise = a[0]
	}
	out := starlark.Tuple{}
	for g := 1; g < len(m.caps)/2; g++ {
		out = append(out, m.group(g, otherwise))
	}
	return out, nil
}

func (m *match) dict(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	otherwise := starlark.Value(starlark.None)
	if len(a) > 0 {
		otherwise = a[0]
	}
	d := new(starlark.Dict)
	for g, name := range m.p.p.Names() {
		if name != "" {
			_ = d.SetKey(starlark.String(name), m.group(g, otherwise)) // a new dict takes every string
		}
	}
	return d, nil
}

// edge is where a group begins and ends, in characters.
func (m *match) edge(name string, a starlark.Tuple) (starlark.Value, error) {
	g := 0
	if len(a) > 0 {
		var err error
		if g, err = m.number(a[0]); err != nil {
			return nil, err
		}
	}
	at := func(i int) starlark.Value {
		if m.caps[i] < 0 {
			return starlark.MakeInt(-1)
		}
		return starlark.MakeInt(utf8.RuneCountInString(m.s[:m.caps[i]]))
	}
	switch name {
	case "start":
		return at(2 * g), nil
	case "end":
		return at(2*g + 1), nil
	}
	return starlark.Tuple{at(2 * g), at(2*g + 1)}, nil
}

// last is the last group that took part, as lastindex or lastgroup.
func (m *match) last(name string) starlark.Value {
	best := 0
	for g := 1; g < len(m.caps)/2; g++ {
		if m.caps[2*g] >= 0 && (best == 0 || m.caps[2*g+1] > m.caps[2*best+1]) {
			best = g
		}
	}
	switch {
	case best == 0:
		return starlark.None
	case name == "lastindex":
		return starlark.MakeInt(best)
	case m.p.p.Names()[best] == "":
		return starlark.None
	}
	return starlark.String(m.p.p.Names()[best])
}

// expand replaces \1, \g<1> and \g<name> in a text, and the escapes that Python knows there.
func (m *match) expand(text string) (string, error) {
	if !strings.Contains(text, `\`) {
		return text, nil
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		n := 0
		group := ""
		switch c := text[i]; {
		case c == 'g' && strings.HasPrefix(text[i+1:], "<"):
			name, _, closed := strings.Cut(text[i+2:], ">")
			if !closed {
				return "", errGroup
			}
			group, n = name, len(name)+2
		case c >= '1' && c <= '9':
			group = text[i : i+1]
			if i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				group, n = text[i:i+2], 1
			}
		default:
			if k := strings.IndexByte(`ntrfva\0`, c); k >= 0 {
				out.WriteByte("\n\t\r\f\v\a\\\x00"[k])
			} else {
				out.WriteString(text[i-1 : i+1])
			}
			continue
		}
		i += n
		if err := m.refer(&out, group); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// refer writes a group, named by number or name.
func (m *match) refer(out *strings.Builder, group string) error {
	var v starlark.Value = starlark.String(group)
	if n, err := strconv.Atoi(group); err == nil {
		v = starlark.MakeInt(n)
	}
	g, err := m.number(v)
	if err != nil {
		return err
	}
	out.WriteString(string(m.group(g, starlark.String("")).(starlark.String))) // groups are text
	if out.Len() > longest {
		return errTooLarge
	}
	return nil
}
