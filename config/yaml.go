package config

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor/option"
)

// Bounds of one file. A configuration is written by hand; whatever is larger is a
// mistake or an attack, such as a tree of aliases that grows with every level.
const (
	maxBytes = 16 << 20
	maxNodes = 200_000
	maxDepth = 100
)

// source is one file while it is being read.
type source struct {
	name   string
	lines  []string
	report *Report
	nodes  int
	env    func(string) (string, bool)
}

// readYAML parses data. Without a document, or after an error, it returns nil; the
// errors are in the report.
func readYAML(name string, data []byte, env func(string) (string, bool), report *Report) *option.Value {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	s := &source{name: name, report: report, env: env}
	if len(data) > maxBytes {
		s.fail(1, 1, "the file is larger than %d MiB", maxBytes>>20)
		return nil
	}
	if at := invalidUTF8(data); at >= 0 {
		line, column := position(data[:at])
		s.fail(line, column, "the file is not UTF-8: byte 0x%02x", data[at])
		return nil
	}
	s.lines = strings.Split(string(data), "\n")
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		s.syntaxError(err)
		return nil
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		s.fail(second.Line, second.Column, "the file has several documents, only one is allowed")
		return nil
	case err.Error() != "EOF":
		s.syntaxError(err)
		return nil
	}
	if len(root.Content) == 0 {
		return nil
	}
	return s.convert(root.Content[0], 0)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// position returns line and column behind text.
func position(text []byte) (line, column int) {
	line = 1 + bytes.Count(text, []byte("\n"))
	return line, 1 + utf8.RuneCount(text[bytes.LastIndexByte(text, '\n')+1:])
}

func (s *source) fail(line, column int, format string, args ...any) {
	s.report.add(Problem{File: s.name, Line: line, Column: column, Code: "E002", Message: fmt.Sprintf(format, args...)})
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?:.*?: line (\d+): )?`)

// syntaxError places an error of the YAML parser, which knows the line only. A tab in
// the indentation is by far the most frequent cause, and it can be pointed at.
func (s *source) syntaxError(err error) {
	text := err.Error()
	if text == "EOF" {
		return // an empty file
	}
	line := 1
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		for _, n := range m[1:] {
			if v, e := strconv.Atoi(n); e == nil {
				line = v
			}
		}
		text = strings.TrimPrefix(text, m[0])
	}
	for _, near := range []int{line, line + 1, line - 1} {
		if at := s.tab(near); at > 0 {
			s.fail(near, at, "a tab must not be used for indentation; use blanks")
			return
		}
	}
	column := 1
	if line <= len(s.lines) {
		l := s.lines[line-1]
		column += len(l) - len(strings.TrimLeft(l, " "))
	}
	s.fail(line, column, "not valid YAML: %s", text)
}

// tab returns the column of a tab in the indentation of a line, or 0.
func (s *source) tab(line int) int {
	if line < 1 || line > len(s.lines) {
		return 0
	}
	l := s.lines[line-1]
	indent := l[:len(l)-len(strings.TrimLeft(l, " \t-"))]
	return strings.IndexByte(indent, '\t') + 1
}

// convert turns a node of the YAML library into a neutral value.
func (s *source) convert(n *yaml.Node, depth int) *option.Value {
	v := &option.Value{Position: option.Position{File: s.name, Line: n.Line, Column: n.Column}}
	s.nodes++
	if s.nodes > maxNodes || depth > maxDepth {
		if s.nodes <= maxNodes || s.nodes == maxNodes+1 {
			s.fail(n.Line, n.Column, "the file is nested too deeply or has too many values")
		}
		s.nodes = max(s.nodes, maxNodes+1)
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		return s.convert(n.Alias, depth+1)
	case yaml.SequenceNode:
		v.Kind = option.List
		for _, item := range n.Content {
			v.Items = append(v.Items, s.convert(item, depth+1))
		}
	case yaml.MappingNode:
		v.Kind = option.Map
		s.mapping(n, v, depth)
	default:
		s.scalar(n, v)
	}
	return v
}

// mapping converts a map. Keys that stand there win over those that are merged in, and of
// several maps to merge the first one wins.
func (s *source) mapping(n *yaml.Node, v *option.Value, depth int) {
	type identity struct {
		kind option.Kind
		text string
	}
	first := map[identity]int{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		k := s.key(key, depth)
		id := identity{k.Kind, k.Text}
		if line, twice := first[id]; twice {
			s.report.add(Problem{File: s.name, Line: k.Line, Column: k.Column, Code: "E018", Option: k.Text,
				Message: fmt.Sprintf("the key %q stands in this map twice, the first time in line %d", k.Text, line)})
			continue
		}
		first[id] = k.Line
		v.Pairs = append(v.Pairs, option.Pair{Key: k, Value: s.convert(value, depth+1)})
	}
	for len(merged) > 0 && s.nodes <= maxNodes {
		m := s.convert(merged[0], depth+1)
		merged = merged[1:]
		for _, one := range append([]*option.Value{m}, m.Items...) {
			for _, p := range one.Pairs {
				id := identity{p.Key.Kind, p.Key.Text}
				if _, has := first[id]; !has {
					first[id] = p.Key.Line
					v.Pairs = append(v.Pairs, p)
				}
			}
		}
	}
}

// key converts a key, in which no variables are replaced.
func (s *source) key(n *yaml.Node, depth int) *option.Value {
	keep := s.env
	s.env = nil
	defer func() { s.env = keep }()
	return s.convert(n, depth+1)
}

func (s *source) scalar(n *yaml.Node, v *option.Value) {
	v.Kind, v.Text = option.String, n.Value
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if strings.Contains(n.Value, "${") && s.env != nil {
		v.Text = s.expand(v)
	} else {
		v.Inner = s.inner(n)
	}
	tagged := n.Style&yaml.TaggedStyle != 0
	switch {
	case tagged && n.Tag == "!!str", !plain && !tagged:
	case tagged && n.Tag == "!!binary":
		s.fail(n.Line, n.Column, "binary values are not supported")
	default:
		v.Kind = plainKind(v.Text)
	}
}

var (
	integer = regexp.MustCompile(`^[-+]?(0|[1-9][0-9_]*|0[0-9_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+)$`)
	float   = regexp.MustCompile(`^([-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9_]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// plainKind resolves a scalar without quotes as YAML 1.1 does, except that dates, clock
// times and the single letters y and n are text.
func plainKind(s string) option.Kind {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return option.Null
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON",
		"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
		return option.Boolean
	}
	switch {
	case integer.MatchString(s):
		return option.Integer
	case float.MatchString(s):
		return option.Float
	}
	return option.String
}

var variable = regexp.MustCompile(`\$?\$\{([A-Z_][A-Z0-9_]*)(:-[^}]*)?\}`)

// expand replaces ${NAME} and ${NAME:-default} by variables of the environment. $${NAME}
// is the text ${NAME}.
func (s *source) expand(v *option.Value) string {
	return variable.ReplaceAllStringFunc(v.Text, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		m := variable.FindStringSubmatch(ref)
		v.FromEnv = true
		if value, ok := s.env(m[1]); ok {
			return value
		}
		if m[2] == "" {
			s.report.add(Problem{File: s.name, Line: v.Line, Column: v.Column, Code: "E040",
				Message: fmt.Sprintf("the environment variable %s is not set", m[1]), Hint: "set it, or write ${" + m[1] + ":-default}"})
		}
		return strings.TrimPrefix(m[2], ":-")
	})
}

// inner maps offsets in a scalar to places in the file, where the text stands in the
// file as it is: on one line without escapes, or as a literal block.
func (s *source) inner(n *yaml.Node) func(int) option.Position {
	if n.Style&yaml.LiteralStyle != 0 {
		return s.block(n)
	}
	if n.Line < 1 || n.Line > len(s.lines) {
		return nil
	}
	skip := 0
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		skip = 1
	}
	line := []rune(strings.TrimSuffix(s.lines[n.Line-1], "\r"))
	from := n.Column - 1 + skip
	if from > len(line) || !strings.HasPrefix(string(line[from:]), n.Value) {
		return nil
	}
	return func(offset int) option.Position {
		offset = min(offset, len(n.Value))
		return option.Position{File: s.name, Line: n.Line, Column: from + 1 + utf8.RuneCountInString(n.Value[:offset])}
	}
}

func (s *source) block(n *yaml.Node) func(int) option.Position {
	if n.Line >= len(s.lines) || strings.HasPrefix(n.Value, "\n") {
		return nil
	}
	first := s.lines[n.Line]
	indent := len(first) - len(strings.TrimLeft(first, " "))
	return func(offset int) option.Position {
		before := n.Value[:min(offset, len(n.Value))]
		column := 1 + indent + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
		return option.Position{File: s.name, Line: n.Line + 1 + strings.Count(before, "\n"), Column: column}
	}
}

// readFile reads a file that has a sensible size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	return os.ReadFile(path)
}
