package grok

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gambolputty/actor/option"
)

// Expanded is a pattern in which no name of the library is left. It is meant for an engine
// that allows grok's names of groups, and several groups of one name.
type Expanded struct {
	Pattern string
	// Fields tells what the groups in Pattern mean, one entry for each name of a group that
	// came from %{NAME:field} or that is a path itself. Other groups are called as their
	// field.
	Fields []Field
}

// Field is the meaning of the groups of one name.
type Field struct {
	// Group is the name of the groups in the pattern.
	Group string
	// Path is the field with dots between its parts, Segments are the parts.
	Path     string
	Segments []string
	// Type is what the text is converted to, "" for text. If the groups of one name differ
	// in it, the first type counts.
	Type string
}

// Bounds of an expansion, which a hostile definition would exceed.
const (
	maxDepth    = 50
	maxSize     = 1 << 20 // bytes of all texts that are put together
	maxSegments = 32
)

// Expand replaces all references in a pattern by what the library knows under their names:
// %{NAME} by a group without a name, %{NAME:field} and %{NAME:field:type} by a group called
// as the field, which is a name, a.b or [a][b]. The error names the offset in bytes of the
// reference that is at fault, and the chain of patterns if they contain each other.
func (l *Library) Expand(pattern string) (Expanded, error) {
	x := &expansion{library: l, index: map[string]int{}}
	text, err := x.expand(pattern, nil)
	if err != nil {
		return Expanded{}, err
	}
	if err := x.addPaths(text); err != nil {
		return Expanded{}, err
	}
	return Expanded{text, x.fields}, nil
}

// reference is %{NAME:field:type}. A percent sign that is repeated, as in %{2}, is none.
var reference = regexp.MustCompile(`%\{(\d*[A-Za-z_][^}]*)(\}?)`)

type expansion struct {
	library *Library
	fields  []Field
	index   map[string]int // of a group's field in fields
	size    int
}

// expand works on a pattern that the patterns in chain have led to.
func (x *expansion) expand(pattern string, chain []string) (string, error) {
	if len(chain) > maxDepth {
		return "", fmt.Errorf("patterns are nested more than %d deep: %s and so on", maxDepth, strings.Join(chain[:5], " -> "))
	}
	var out strings.Builder
	last := 0
	for _, m := range reference.FindAllStringSubmatchIndex(pattern, -1) {
		if escaped(pattern[:m[0]]) {
			continue
		}
		out.WriteString(pattern[last:m[0]])
		last = m[1]
		text, err := x.replace(pattern[m[2]:m[3]], m[4] < m[5], chain)
		if err != nil && len(chain) == 0 {
			err = fmt.Errorf("%w at offset %d", err, m[0])
		}
		if err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	out.WriteString(pattern[last:])
	if x.size += out.Len(); x.size > maxSize {
		return "", fmt.Errorf("the pattern becomes longer than %d bytes", maxSize)
	}
	return out.String(), nil
}

// escaped reports whether a backslash takes the meaning from what follows it.
func escaped(before string) bool {
	return (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1
}

// replace makes a group of what stands between the braces of a reference.
func (x *expansion) replace(inner string, closed bool, chain []string) (string, error) {
	parts := strings.Split(inner, ":")
	if !closed || len(parts) > 3 {
		return "", fmt.Errorf("bad grok reference %.60q, must be %%{NAME}, %%{NAME:field} or %%{NAME:field:type}", "%{"+inner)
	}
	name := parts[0]
	definition, err := x.find(name, chain)
	if err != nil {
		return "", err
	}
	open := "(?:"
	if len(parts) > 1 {
		if err := x.add(parts[1], parts[2:]); err != nil {
			return "", err
		}
		open = "(?P<" + parts[1] + ">"
	}
	text, err := x.expand(definition, append(chain[:len(chain):len(chain)], name))
	return open + text + ")", err
}

func (x *expansion) find(name string, chain []string) (definition string, err error) {
	definition, ok := x.library.patterns[name]
	if !ok {
		return "", x.unknown(name, chain)
	}
	if i := slices.Index(chain, name); i >= 0 {
		return "", fmt.Errorf("grok patterns contain each other: %s -> %s", strings.Join(chain[i:], " -> "), name)
	}
	return definition, nil
}

func (x *expansion) unknown(name string, chain []string) error {
	var hint, where string
	names := x.library.Names()
	slices.Sort(names)
	if near := option.Nearest(name, names); near != "" {
		hint = fmt.Sprintf(", did you mean %%{%s}?", near)
	}
	if len(chain) > 0 {
		where = " in pattern " + strings.Join(chain, " -> ")
	}
	return fmt.Errorf("unknown grok pattern %%{%s}%s%s", name, where, hint)
}

// add notes the field of a group, and its type if there is one.
func (x *expansion) add(group string, kind []string) error {
	i, known := x.index[group]
	if !known {
		segments, err := split(group)
		if err != nil {
			return err
		}
		i = len(x.fields)
		x.index[group] = i
		x.fields = append(x.fields, Field{Group: group, Path: strings.Join(segments, "."), Segments: segments})
	}
	for _, k := range kind {
		if !converts(k) {
			return fmt.Errorf("unknown type %q of field %s; use int, float, string or bool", k, group)
		}
		if x.fields[i].Type == "" {
			x.fields[i].Type = k
		}
	}
	return nil
}

// split takes a.b or [a][b] apart.
func split(path string) ([]string, error) {
	segments := strings.Split(path, ".")
	if inner, ok := strings.CutPrefix(path, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return nil, fmt.Errorf("bad field %q, a ] is missing", path)
		}
		segments = strings.Split(inner, "][")
	}
	if len(segments) > maxSegments {
		return nil, fmt.Errorf("a field is more than %d levels deep", maxSegments)
	}
	for _, s := range segments {
		if s == "" || strings.ContainsAny(s, "<>[]'") {
			return nil, fmt.Errorf("bad field %q, must be a name, a.b or [a][b]", path)
		}
	}
	return segments, nil
}

// addPaths notes the groups that are written out, as (?<[a][b]>x), and called by a path.
func (x *expansion) addPaths(pattern string) error {
	for i := 0; i < len(pattern); {
		name, n := groupName(pattern[i:])
		if strings.ContainsAny(name, ".[") {
			if err := x.add(name, nil); err != nil {
				return err
			}
		}
		i += n
	}
	return nil
}

// groupName reads one piece of a pattern, and the name if it opens a group that has one.
func groupName(s string) (name string, n int) {
	switch {
	case s[0] == '\\':
		return "", escapeLen(s)
	case s[0] == '[':
		return "", classLen(s)
	case s[0] == '(':
		if m := groupOpening.FindStringSubmatch(s); m != nil {
			return m[1] + m[2], len(m[0])
		}
	}
	return "", 1
}

// groupOpening is (?P<name>, (?<name> or (?'name', but no lookbehind.
var groupOpening = regexp.MustCompile(`^\(\?(?:P?<([^=!>][^>]{0,250})>|'([^']{1,250})')`)

// escapeLen is the length of an escaped character, or of text quoted by \Q and \E.
func escapeLen(s string) int {
	if quoted, ok := strings.CutPrefix(s, `\Q`); ok {
		text, _, closed := strings.Cut(quoted, `\E`)
		if closed {
			return len(text) + len(`\Q\E`)
		}
		return len(s)
	}
	return min(2, len(s))
}

// posix is a class such as [:alpha:], which stands in a class.
var posix = regexp.MustCompile(`^\[:\^?[a-z]{1,10}:\]`)

// classLen is the length of a character class.
func classLen(s string) int {
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		i++
	}
	for first := true; i < len(s); first = false {
		switch {
		case s[i] == ']' && !first:
			return i + 1
		case s[i] == '\\':
			i += 2
		case s[i] == '[' && posix.MatchString(s[i:]):
			i += strings.Index(s[i:], ":]") + 2
		default:
			i++
		}
	}
	return len(s)
}
