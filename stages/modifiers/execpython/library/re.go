package library

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"gambolputty/actor/regex"
)

// reModule has the regular expressions of the whole program, with Python's names. As
// everywhere, \d, \w and \s know ASCII only unless re.UNICODE is given.
func reModule() *starlarkstruct.Module {
	m := starlark.StringDict{"Pattern": &class{name: "Pattern", types: []string{"Pattern"}}, "Match": &class{name: "Match", types: []string{"Match"}}}
	for names, bit := range map[string]int{"I IGNORECASE": 2, "L LOCALE": 4, "M MULTILINE": 8, "S DOTALL": 16, "U UNICODE": 32, "X VERBOSE": 64, "A ASCII": 256} {
		for _, name := range strings.Fields(names) {
			m[name] = starlark.MakeInt(bit)
		}
	}
	for _, name := range patternMethods {
		m[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			v, err := callPattern(t, name, a, named)
			return v, within("re."+name, err)
		})
	}
	return module("re", m,
		simple("compile", 1, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			var flags starlark.Value = starlark.MakeInt(0)
			if len(a) > 1 {
				flags = a[1]
			}
			return patternOf(t, a[0], flags)
		}),
		simple("escape", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			s, err := argument(a, 0)
			if err != nil {
				return nil, err
			}
			return starlark.String(escape(s)), charge(t, 2*len(s))
		}),
	)
}

// escape puts a backslash before what means something in a pattern.
func escape(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if strings.IndexByte("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", s[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

var patternMethods = []string{"match", "search", "fullmatch", "findall", "finditer", "split", "sub", "subn"}

// callPattern calls re.search(pattern, ...) as re.compile(pattern).search(...). Flags may
// stand behind the other arguments.
func callPattern(t *starlark.Thread, name string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	if len(a) < 2 {
		return nil, errArguments
	}
	var flags starlark.Value = starlark.MakeInt(0)
	named = slices.DeleteFunc(slices.Clone(named), func(pair starlark.Tuple) bool {
		if pair[0] == starlark.String("flags") {
			flags = pair[1]
			return true
		}
		return false
	})
	// re.search(p, s, flags), re.split(p, s, max, flags), re.sub(p, repl, s, count, flags)
	place := map[string]int{"split": 3, "sub": 4, "subn": 4}[name]
	if place == 0 {
		place = 2
	}
	if len(a) > place {
		flags, a = a[place], a[:place]
	}
	p, err := patternOf(t, a[0], flags)
	if err != nil {
		return nil, err
	}
	return p.call(t, name, a[1:], named)
}

// pattern is a compiled pattern.
type pattern struct {
	object
	p     *regex.Pattern
	m     *regex.Machine
	whole *regex.Machine // anchored at both ends, once it is needed
	opts  regex.Options
	bits  int
}

type patternKey struct {
	text  string
	flags int
}

// mostPatterns bounds the patterns that a machine remembers.
const mostPatterns = 500

// patternOf compiles a pattern, unless it is one already or was compiled before.
func patternOf(t *starlark.Thread, v, flags starlark.Value) (*pattern, error) {
	if p, ok := v.(*pattern); ok {
		return p, nil
	}
	s, ok := v.(starlark.String)
	if !ok {
		return nil, fmt.Errorf("a pattern must be str, got %s", typeName(v))
	}
	bits, err := starlark.AsInt32(flags)
	if err != nil {
		return nil, err
	}
	m := machineOf(t)
	if p := m.patterns[patternKey{string(s), bits}]; p != nil {
		return p, nil
	}
	work(t, 100*len(s))
	f, err := regex.ParseFlags(strconv.Itoa(bits))
	if err != nil {
		return nil, err
	}
	text := strings.Clone(string(s)) // it may be a part of an event
	opts := regex.Options{Flags: f, Timeout: m.limits.Time}
	compiled, err := regex.Compile(text, opts)
	if err != nil {
		return nil, err
	}
	if m.patterns == nil || len(m.patterns) >= mostPatterns {
		m.patterns = map[patternKey]*pattern{}
	}
	p := &pattern{object{"Pattern"}, compiled, compiled.Machine(), nil, opts, bits}
	m.patterns[patternKey{text, bits}] = p
	return p, nil
}

// String is what Python shows.
func (p *pattern) String() string { return "re.compile(" + quote(p.p.String()) + ")" }

// Attr returns a member.
func (p *pattern) Attr(name string) (starlark.Value, error) {
	switch name {
	case "pattern":
		return starlark.String(p.p.String()), nil
	case "flags":
		return starlark.MakeInt(p.bits), nil
	case "groups":
		return starlark.MakeInt(p.p.NumGroups()), nil
	case "groupindex":
		d := new(starlark.Dict)
		for i, n := range p.p.Names() {
			if n != "" {
				_ = d.SetKey(starlark.String(n), starlark.MakeInt(i)) // a new dict takes every string
			}
		}
		return d, nil
	}
	if !slices.Contains(patternMethods, name) {
		return nil, nil
	}
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		return p.call(t, name, a, named)
	}), nil
}

// AttrNames lists the members.
func (p *pattern) AttrNames() []string {
	return append([]string{"flags", "groupindex", "groups", "pattern"}, patternMethods...)
}

func (p *pattern) call(t *starlark.Thread, name string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	switch name {
	case "split":
		return p.split(t, a, named)
	case "sub", "subn":
		return p.substitute(t, name, a, named)
	}
	var s string
	from, to := 0, -1
	if err := starlark.UnpackArgs(name, a, named, "string", &s, "pos?", &from, "endpos?", &to); err != nil {
		return nil, err
	}
	work(t, 1+len(s)/16)
	if to >= 0 {
		s = s[:offset(s, min(to, utf8.RuneCountInString(s)))]
	}
	begin := offset(s, min(max(from, 0), utf8.RuneCountInString(s)))
	switch name {
	case "findall":
		return p.findAll(t, s, begin, false)
	case "finditer":
		return p.findAll(t, s, begin, true)
	}
	return p.find(name, s, begin)
}

// find is match, search and fullmatch.
func (p *pattern) find(name, s string, begin int) (starlark.Value, error) {
	var caps []int
	var err error
	switch name {
	case "search":
		caps, err = p.m.Search(s, begin)
	case "match":
		caps, err = p.m.MatchStart(s[begin:])
	default:
		if p.whole == nil {
			whole, err := regex.Compile("(?:"+p.p.String()+`)\Z`, p.opts)
			if err != nil {
				return nil, err
			}
			p.whole = whole.Machine()
		}
		caps, err = p.whole.MatchStart(s[begin:])
	}
	if err != nil || caps == nil {
		return starlark.None, err
	}
	caps = slices.Clone(caps)
	if name != "search" {
		for i := range caps {
			if caps[i] >= 0 {
				caps[i] += begin
			}
		}
	}
	return &match{object{"Match"}, p, s, caps}, nil
}

// all collects matches as FindAll yields them.
func (p *pattern) all(t *starlark.Thread, s string, begin, limit int, each func(caps []int) error) (err error) {
	found := p.m.FindAll(s[begin:], func(caps []int) bool {
		if work(t, 2); t.Steps > uint64(machineOf(t).limits.Steps) {
			err = errTooLarge
			return false
		}
		if begin > 0 {
			caps = slices.Clone(caps)
			for i := range caps {
				if caps[i] >= 0 {
					caps[i] += begin
				}
			}
		}
		err = each(caps)
		limit--
		return err == nil && limit != 0
	})
	if err == nil {
		err = found
	}
	return err
}

// findAll is findall and finditer.
func (p *pattern) findAll(t *starlark.Thread, s string, begin int, matches bool) (starlark.Value, error) {
	var list []starlark.Value
	err := p.all(t, s, begin, -1, func(caps []int) error {
		m := &match{object{"Match"}, p, s, caps}
		switch groups := len(caps)/2 - 1; {
		case matches:
			m.caps = slices.Clone(caps)
			list = append(list, m)
		case groups <= 1:
			list = append(list, m.group(groups, starlark.String("")))
		default:
			tuple := make(starlark.Tuple, groups)
			for g := range groups {
				tuple[g] = m.group(g+1, starlark.String(""))
			}
			list = append(list, tuple)
		}
		return nil
	})
	if err == nil {
		err = chargeItems(t, len(list))
	}
	return starlark.NewList(list), err
}

func (p *pattern) split(t *starlark.Thread, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var s string
	limit := 0
	if err := starlark.UnpackArgs("split", a, named, "string", &s, "maxsplit?", &limit); err != nil {
		return nil, err
	}
	work(t, 1+len(s)/16)
	var list []starlark.Value
	at := 0
	err := p.all(t, s, 0, -1, func(caps []int) error {
		if caps[0] == caps[1] || limit > 0 && len(list) >= limit*(len(caps)/2) {
			return nil
		}
		list = append(list, starlark.String(s[at:caps[0]]))
		m := &match{object{"Match"}, p, s, caps}
		for g := 1; g < len(caps)/2; g++ {
			list = append(list, m.group(g, starlark.None))
		}
		at = caps[1]
		return nil
	})
	if err == nil {
		err = chargeItems(t, len(list)+1)
	}
	return starlark.NewList(append(list, starlark.String(s[at:]))), err
}

// substitute is sub and subn. What is put in is a text with references to groups, or what a
// function returns for a match.
func (p *pattern) substitute(t *starlark.Thread, name string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var with starlark.Value
	var s string
	count := 0
	if err := starlark.UnpackArgs(name, a, named, "repl", &with, "string", &s, "count?", &count); err != nil {
		return nil, err
	}
	work(t, 1+len(s)/16)
	var found [][]int
	last := -1
	err := p.all(t, s, 0, -1, func(caps []int) error {
		if caps[0] == caps[1] && caps[0] == last || count > 0 && len(found) >= count {
			return nil
		}
		last = caps[1]
		found = append(found, slices.Clone(caps))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []byte
	at := 0
	for _, caps := range found {
		out = append(out, s[at:caps[0]]...)
		part, err := p.replacement(t, with, &match{object{"Match"}, p, s, caps})
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		at = caps[1]
		if len(out) > longest {
			return nil, errTooLarge
		}
	}
	result := starlark.String(append(out, s[at:]...))
	if err := charge(t, len(result)); err != nil {
		return nil, err
	}
	if name == "subn" {
		return starlark.Tuple{result, starlark.MakeInt(len(found))}, nil
	}
	return result, nil
}

func (p *pattern) replacement(t *starlark.Thread, with starlark.Value, m *match) (string, error) {
	text, ok := with.(starlark.String)
	if ok {
		return m.expand(string(text))
	}
	v, err := starlark.Call(t, with, starlark.Tuple{m}, nil)
	if err != nil {
		return "", err
	}
	return argument(starlark.Tuple{v}, 0)
}
