package library

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// braces are the values for "{} {0} {name.x[1]!r:>8}".format(...).
type braces struct {
	args    starlark.Tuple
	named   []starlark.Tuple
	mapping starlark.Mapping
	auto    int
}

func formatText(t *starlark.Thread, s string, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	return expandBraces(t, s, &braces{args: args, named: named})
}

func expandBraces(t *starlark.Thread, s string, b *braces) (starlark.Value, error) {
	out, err := b.expand(s, 0)
	if err == nil {
		err = charge(t, len(out))
	}
	return starlark.String(out), err
}

func (b *braces) expand(s string, depth int) (string, error) {
	var out strings.Builder
	for i := 0; i < len(s); {
		switch {
		case depth == 0 && (strings.HasPrefix(s[i:], "{{") || strings.HasPrefix(s[i:], "}}")):
			out.WriteByte(s[i])
			i += 2
		case s[i] == '{':
			n := closing(s[i:])
			if n < 0 || depth > 1 {
				return "", errors.New("a { of the format is not closed")
			}
			text, err := b.field(s[i+1:i+n], depth)
			if err != nil {
				return "", err
			}
			if out.WriteString(text); out.Len() > longest {
				return "", errTooLarge
			}
			i += n + 1
		case s[i] == '}':
			return "", errors.New("a } of the format stands alone")
		default:
			out.WriteByte(s[i])
			i++
		}
	}
	return out.String(), nil
}

// closing is where the brace at the beginning of s is closed, or -1.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (b *braces) field(s string, depth int) (string, error) {
	path, spec := s, ""
	if n := strings.IndexAny(s, ":{"); n >= 0 && s[n] == ':' {
		path, spec = s[:n], s[n+1:]
	}
	path, conversion, _ := strings.Cut(path, "!")
	v, err := b.find(path)
	if err != nil {
		return "", err
	}
	switch conversion {
	case "":
	case "s":
		v = starlark.String(Str(v))
	case "r", "a":
		v = starlark.String(repr(v))
	default:
		return "", fmt.Errorf("unknown conversion !%s", conversion)
	}
	if spec, err = b.expand(spec, depth+1); err != nil {
		return "", err
	}
	return format(v, spec)
}

// find follows a path such as 0.name[key].
func (b *braces) find(path string) (starlark.Value, error) {
	n := len(path)
	if i := strings.IndexAny(path, ".["); i >= 0 {
		n = i
	}
	v, err := b.argument(path[:n])
	for rest := path[n:]; rest != "" && err == nil; {
		if rest[0] == '[' {
			key, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				return nil, errors.New("a [ of the format is not closed")
			}
			rest = after
			v, err = item(v, key)
			continue
		}
		name := strings.TrimPrefix(rest, ".")
		n := len(name)
		if i := strings.IndexAny(name, ".["); i >= 0 {
			n = i
		}
		rest, name = name[n:], name[:n]
		v, err = member(v, name)
	}
	return v, err
}

func member(v starlark.Value, name string) (starlark.Value, error) {
	if h, ok := v.(starlark.HasAttrs); ok {
		if x, err := h.Attr(name); x != nil || err != nil {
			return x, err
		}
	}
	return nil, fmt.Errorf("%s has no %s", typeName(v), name)
}

func (b *braces) argument(name string) (starlark.Value, error) {
	if b.mapping != nil {
		return item(b.mapping, name)
	}
	if name == "" {
		name = strconv.Itoa(b.auto)
		b.auto++
	}
	if i, err := strconv.Atoi(name); err == nil {
		if i < 0 || i >= len(b.args) {
			return nil, fmt.Errorf("there is no argument %d", i)
		}
		return b.args[i], nil
	}
	for _, pair := range b.named {
		if string(pair[0].(starlark.String)) == name { // names are strings
			return pair[1], nil
		}
	}
	return nil, fmt.Errorf("there is no argument %s", name)
}

// item is v[key], where a key of digits is an index for what has some.
func item(v starlark.Value, key string) (starlark.Value, error) {
	if m, ok := v.(starlark.Mapping); ok {
		x, found, err := m.Get(starlark.String(key))
		if err == nil && !found {
			err = fmt.Errorf("there is no key %s", quote(key))
		}
		return x, err
	}
	if i, err := strconv.Atoi(key); err == nil {
		if x, ok := v.(starlark.Indexable); ok && i >= 0 && i < x.Len() {
			return x.Index(i), nil
		}
	}
	return nil, fmt.Errorf("%s has no item %s", typeName(v), key)
}

// percent is the operator % on a text: "%s is %5.2f" % (name, value).
func percent(s string, values starlark.Value) (string, error) {
	d := &directives{values: values}
	if args, ok := values.(starlark.Tuple); ok {
		d.args = args
	} else {
		d.args = starlark.Tuple{values}
	}
	for {
		plain, rest, found := strings.Cut(s, "%")
		d.out.WriteString(plain)
		if !found {
			break
		}
		var err error
		if s, err = d.next(rest); err != nil {
			return "", err
		}
		if d.out.Len() > longest {
			return "", errTooLarge
		}
	}
	if _, mapping := values.(starlark.Mapping); len(d.args) > 0 && !mapping {
		return "", errors.New("there are more values than the format takes")
	}
	return d.out.String(), nil
}

// directives writes the values of a format.
type directives struct {
	values starlark.Value
	args   starlark.Tuple // those that are left
	out    strings.Builder
}

func (d *directives) take() (starlark.Value, error) {
	if len(d.args) == 0 {
		return nil, errors.New("there are fewer values than the format takes")
	}
	v := d.args[0]
	d.args = d.args[1:]
	return v, nil
}

// next writes what the directive at the beginning of s means, and returns what follows.
func (d *directives) next(s string) (rest string, err error) {
	var v starlark.Value
	if key, after, ok := strings.Cut(s, ")"); ok && strings.HasPrefix(s, "(") {
		if v, err = item(d.values, key[1:]); err != nil {
			return "", err
		}
		s = after
	}
	f, s := parseFlags(s)
	if f.width, s, err = d.number(s); err != nil {
		return "", err
	}
	if f.width < 0 {
		f.align, f.width = '<', -f.width
	}
	if after, ok := strings.CutPrefix(s, "."); ok {
		if f.precision, s, err = d.number(after); err != nil {
			return "", err
		}
	}
	if s = strings.TrimLeft(s, "hlL"); s == "" || f.width > widest || f.precision > finest {
		return "", errors.New("a directive of the format is incomplete or too wide")
	}
	f.verb, s = s[0], s[1:]
	if f.verb == '%' {
		d.out.WriteByte('%')
		return s, nil
	}
	if v == nil {
		if v, err = d.take(); err != nil {
			return "", err
		}
	}
	text, err := f.directive(v)
	d.out.WriteString(text)
	return s, err
}

// parseFlags reads the flags of a directive.
func parseFlags(s string) (f spec, rest string) {
	f = spec{fill: " ", precision: -1, align: '>'}
	for ; s != "" && strings.IndexByte("-+ #0", s[0]) >= 0; s = s[1:] {
		switch c := s[0]; {
		case c == '-':
			f.align, f.fill = '<', " "
		case c == '#':
			f.alternate = true
		case c == '0' && f.align != '<':
			f.align, f.fill = '=', "0"
		case c == '+' || c == ' ' && f.sign == 0:
			f.sign = c
		}
	}
	return f, s
}

// number reads a width or a precision; a star takes it from the values.
func (d *directives) number(s string) (n int, rest string, err error) {
	if after, ok := strings.CutPrefix(s, "*"); ok {
		v, err := d.take()
		if err == nil {
			n, err = starlark.AsInt32(v)
		}
		return n, after, err
	}
	n, rest = leadingInt(s)
	return n, rest, nil
}

// directive writes a value as the operator % does, which differs from format() in that text
// may be filled up on the left, but not with zeros.
func (f spec) directive(v starlark.Value) (string, error) {
	switch f.verb {
	case 's', 'r', 'a':
		if f.align == '=' {
			f.align, f.fill = '>', " "
		}
	case 'c':
		if s, ok := v.(starlark.String); ok {
			return f.pad(string(s), false), nil
		}
	case 'd', 'i', 'u', 'o', 'x', 'X', 'e', 'E', 'f', 'F', 'g', 'G':
		if f.precision >= 0 && strings.IndexByte("diuoxX", f.verb) >= 0 {
			f.precision = -1
		}
	default:
		return "", fmt.Errorf("unknown directive %%%c", f.verb)
	}
	return f.write(v)
}
