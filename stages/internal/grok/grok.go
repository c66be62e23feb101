// Package grok knows expressions by name, so that %{IP:client} may stand in a pattern.
package grok

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

//go:embed patterns/*.txt
var files embed.FS

// Library is a set of named expressions. It is immutable and safe for concurrent use.
type Library struct {
	patterns map[string]string
	fromDir  map[string]bool // names that a directory has defined
}

// Builtin returns the expressions that come with the program.
func Builtin() *Library { return builtin() }

var builtin = sync.OnceValue(func() *Library {
	l := &Library{patterns: map[string]string{}}
	entries, err := files.ReadDir("patterns")
	if err != nil {
		panic("grok: " + err.Error()) // the files are part of the program
	}
	for _, e := range entries {
		f, err := files.Open("patterns/" + e.Name())
		if err == nil {
			err = l.read(e.Name(), f)
		}
		if err != nil {
			panic("grok: " + err.Error())
		}
	}
	return l
})

// longestPattern bounds a line of a pattern file.
const longestPattern = 64 << 10

// read adds a file with a name and an expression per line.
func (l *Library) read(name string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestPattern)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		key, pattern, ok := strings.Cut(text, " ")
		if pattern = strings.TrimSpace(pattern); !ok || pattern == "" || !validName.MatchString(key) {
			return fmt.Errorf("%s:%d: a line must be a name and an expression, got %q", name, n, text[:min(len(text), 60)])
		}
		l.patterns[key] = pattern
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

var validName = regexp.MustCompile(`^\w[\w-]*$`)

func (l *Library) clone() *Library {
	c := &Library{maps.Clone(l.patterns), map[string]bool{}}
	maps.Copy(c.fromDir, l.fromDir)
	return c
}

// With returns the library with further definitions, which win over those of l.
func (l *Library) With(definitions map[string]string) *Library {
	if len(definitions) == 0 {
		return l
	}
	c := l.clone()
	maps.Copy(c.patterns, definitions)
	return c
}

// AddDir returns the library with those of all files in a directory. They win over those
// that are built in, but the directory that was added first wins over later ones. The
// error names file and line.
func (l *Library) AddDir(dir string) (*Library, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	added := &Library{patterns: map[string]string{}}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		err = added.read(f.Name(), f)
		f.Close() // it was only read
		if err != nil {
			return nil, err
		}
	}
	c := l.clone()
	for name, pattern := range added.patterns {
		if !c.fromDir[name] {
			c.patterns[name], c.fromDir[name] = pattern, true
		}
	}
	return c, nil
}

// Names lists the names of the expressions, in no order.
func (l *Library) Names() []string {
	var names []string
	for n := range l.patterns {
		names = append(names, n)
	}
	return names
}

// Expanded is a pattern in which no name of the library is left.
type Expanded struct {
	Pattern string
	// Fields tells what the groups in Pattern mean that were made for %{NAME:field}.
	Fields []Field
}

// Field is the meaning of a group.
type Field struct {
	// Group is the name of the group in the pattern.
	Group string
	// Path is the field, Segments its parts.
	Path     string
	Segments []string
	// Type is what the text is converted to, "" for text.
	Type string
}

// Bounds of an expansion, which a hostile definition would exceed.
const (
	maxDepth = 50
	maxSize  = 1 << 20
)

var reference = regexp.MustCompile(`%\{(\w[\w-]*)(?::([^:}]+))?(?::([^:}]+))?\}`)

// Expand replaces all references in a pattern.
func (l *Library) Expand(pattern string) (Expanded, error) {
	x := &expansion{library: l}
	text, err := x.expand(pattern, nil)
	return Expanded{text, x.fields}, err
}

type expansion struct {
	library *Library
	fields  []Field
	size    int
}

func (x *expansion) expand(pattern string, chain []string) (string, error) {
	if len(chain) > maxDepth {
		return "", fmt.Errorf("patterns are nested more than %d deep: %s and so on", maxDepth, strings.Join(chain[:5], " -> "))
	}
	var out strings.Builder
	last := 0
	for _, m := range reference.FindAllStringSubmatchIndex(pattern, -1) {
		out.WriteString(pattern[last:m[0]])
		last = m[1]
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return pattern[m[2*i]:m[2*i+1]]
		}
		text, err := x.reference(part(1), part(2), part(3), chain)
		if err != nil {
			if len(chain) == 0 {
				err = fmt.Errorf("%w at offset %d", err, m[0])
			}
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

func (x *expansion) reference(name, field, kind string, chain []string) (string, error) {
	definition, ok := x.library.patterns[name]
	if !ok {
		hint := ""
		if near := option.Nearest(name, x.library.Names()); near != "" {
			hint = fmt.Sprintf(", did you mean %%{%s}?", near)
		}
		return "", fmt.Errorf("unknown grok pattern %%{%s}%s", name, hint)
	}
	for i, n := range chain {
		if n == name {
			return "", fmt.Errorf("grok patterns contain each other: %s -> %s", strings.Join(chain[i:], " -> "), name)
		}
	}
	open := "(?:"
	if field != "" {
		f, err := x.field(field, kind)
		if err != nil {
			return "", err
		}
		open = "(?P<" + f.Group + ">"
	}
	text, err := x.expand(definition, append(chain[:len(chain):len(chain)], name))
	return open + text + ")", err
}

// field notes a field and makes the group for it.
func (x *expansion) field(path, kind string) (Field, error) {
	switch kind {
	case "", "int", "integer", "float", "str", "string", "bool", "boolean":
	default:
		return Field{}, fmt.Errorf("unknown type %q of field %s; use int, float, string or bool", kind, path)
	}
	f := Field{Group: "grok_" + strconv.Itoa(len(x.fields)), Type: kind, Segments: segments(path)}
	f.Path = strings.Join(f.Segments, ".")
	x.fields = append(x.fields, f)
	return f, nil
}

// segments splits a.b or [a][b].
func segments(path string) []string {
	if strings.HasPrefix(path, "[") && strings.HasSuffix(path, "]") {
		return strings.Split(path[1:len(path)-1], "][")
	}
	return strings.Split(path, ".")
}

// Convert makes a value of a text, of the given type if it can be read as that.
func Convert(kind, s string) event.Value {
	switch kind {
	case "int", "integer":
		if v, ok := event.Number(strings.TrimPrefix(s, "+")); ok && (v.Kind() == event.KindInt || v.Kind() == event.KindBigInt) {
			return v
		}
	case "float":
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return event.Float(f)
		}
	case "bool", "boolean":
		switch strings.ToLower(s) {
		case "true", "1", "yes", "on":
			return event.Bool(true)
		case "false", "0", "no", "off":
			return event.Bool(false)
		}
	}
	return event.String(s)
}
