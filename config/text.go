package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor/option"
)

// Text is what a file of a configuration held when it was read.
type Text struct{ Name, Text string }

// Hash tells one configuration from another: 64 hex digits over the texts of its files.
func (p *Plan) Hash() string {
	h := sha256.New()
	for _, t := range p.Texts {
		fmt.Fprintf(h, "%d\n%s", len(t.Text), t.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fromEnv are the names of the options whose values hold something of the environment, which
// is where people put what others shall not see.
func (m *Module) fromEnv() (names []string) {
	if m.options == nil {
		return nil
	}
	for _, p := range m.options.Pairs {
		if hasEnv(p.Value) {
			names = append(names, m.canonical(p.Key.Text))
		}
	}
	return names
}

func hasEnv(v *option.Value) bool {
	return v.FromEnv || slices.ContainsFunc(v.Items, hasEnv) ||
		slices.ContainsFunc(v.Pairs, func(p option.Pair) bool { return hasEnv(p.Value) })
}

// canonical is the name of an option that may be written in another way.
func (m *Module) canonical(name string) string {
	for _, f := range option.Fields(m.Opts) {
		if slices.Contains(f.Aliases, name) {
			return f.Name
		}
	}
	return name
}

// Mask returns the text of a configuration with *** in the place of secrets. All else stays
// in its line and column. References to the environment are not secret, what they stand for is.
func (l Loader) Mask(text string) string {
	var root yaml.Node
	k := &masker{lines: strings.Split(text, "\n"), loader: l}
	if yaml.Unmarshal([]byte(text), &root) == nil && len(root.Content) == 1 {
		k.modules(root.Content[0])
	} else {
		k.roughly()
	}
	return login.ReplaceAllString(strings.Join(k.lines, "\n"), "${1}***@")
}

// login finds user and password in an address.
var login = regexp.MustCompile(`(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s'"@]+@`)

// masker hides values in the lines of a text.
type masker struct {
	loader Loader
	lines  []string
	secret []*yaml.Node
}

func (k *masker) modules(root *yaml.Node) {
	for _, item := range root.Content {
		if item.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(item.Content); i += 2 {
			k.options(byName(k.fields(item.Content[i].Value)), item.Content[i+1])
		}
	}
	slices.SortFunc(k.secret, func(a, b *yaml.Node) int { // so that columns stay right
		if a.Line != b.Line {
			return b.Line - a.Line
		}
		return b.Column - a.Column
	})
	for _, n := range k.secret {
		k.hide(n)
	}
}

// fields are the options of a module.
func (k *masker) fields(module string) []option.Field {
	for _, s := range k.loader.Specs {
		if s.Name == module || slices.Contains(s.Aliases, module) {
			return option.Fields(s.Options())
		}
	}
	return nil
}

// byName are options by all of their spellings.
func byName(fields []option.Field) map[string]option.Field {
	names := map[string]option.Field{}
	for _, f := range fields {
		for _, name := range append(f.Aliases, f.Name) {
			names[name] = f
		}
	}
	return names
}

func (k *masker) options(known map[string]option.Field, v *yaml.Node) {
	switch v.Kind {
	case yaml.SequenceNode:
		for _, item := range v.Content {
			k.options(nil, item)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.Content); i += 2 {
			name := v.Content[i].Value
			f, ok := known[name]
			if f.Hidden() || !ok && option.SecretName(name) {
				k.collect(v.Content[i+1])
				continue
			}
			k.options(byName(f.Parts), v.Content[i+1])
		}
	}
}

// reference is a value that is nothing but a variable of the environment.
var reference = regexp.MustCompile(`^\$\{[A-Z_][A-Z0-9_]*\}$`)

func (k *masker) collect(v *yaml.Node) {
	switch v.Kind {
	case yaml.ScalarNode:
		if v.Value != "" && v.ShortTag() != "!!null" && v.ShortTag() != "!!bool" && !reference.MatchString(v.Value) {
			k.secret = append(k.secret, v)
		}
	case yaml.SequenceNode:
		for _, item := range v.Content {
			k.collect(item)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.Content); i += 2 {
			k.collect(v.Content[i+1])
		}
	}
}

const masked = "'***'"

// hide replaces a scalar. One that goes over several lines leaves empty ones behind.
func (k *masker) hide(v *yaml.Node) {
	if v.Line < 1 || v.Line > len(k.lines) {
		return
	}
	line := []rune(k.lines[v.Line-1])
	at := min(v.Column-1, len(line))
	head, tail := string(line[:at]), string(line[at:])
	switch quote := strings.HasPrefix(tail, `"`) || strings.HasPrefix(tail, "'"); {
	case quote:
		if end := closing(tail); end > 0 {
			k.lines[v.Line-1] = head + masked + tail[end:]
			return
		}
	case v.Style == 0 && strings.HasPrefix(tail, v.Value):
		k.lines[v.Line-1] = head + masked + tail[len(v.Value):]
		return
	}
	k.lines[v.Line-1] = head + masked
	parent := len(head) - len(strings.TrimLeft(head, " -"))
	if parent == len(head) { // an item of a list, which belongs to its dash
		parent = strings.LastIndexByte(head, '-')
	}
	for i := v.Line; i < len(k.lines); i++ {
		text := strings.TrimRight(k.lines[i], "\r")
		if strings.TrimSpace(text) != "" && len(text)-len(strings.TrimLeft(text, " ")) <= parent {
			break
		}
		k.lines[i] = ""
	}
}

// closing is the length of a quoted text at the beginning of s, or 0 if it does not end there.
func closing(s string) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] == quote && quote == '\'' && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return 0
}

// roughly hides what looks like a secret in a text that cannot be read: all that stands behind
// a name that says so, and what is indented below it.
func (k *masker) roughly() {
	below := -1
	for i, line := range k.lines {
		indent := len(line) - len(strings.TrimLeft(line, " -"))
		if below >= 0 && (indent > below || strings.TrimSpace(line) == "") {
			k.lines[i] = ""
			continue
		}
		below = -1
		name, rest, found := strings.Cut(line, ":")
		if !found || !option.SecretName(name) && !strings.Contains(name, "users") {
			continue
		}
		if below = indent; strings.TrimSpace(rest) != "" {
			k.lines[i] = name + ": " + masked
		}
	}
}

// Unmask puts the secrets back into a text that was changed while Mask hid them: lines that
// look as they did get what they held. The error names a line whose secret nobody knows.
func (l Loader) Unmask(text, former string) (string, error) {
	held := map[string][]string{}
	before, masked := strings.Split(former, "\n"), strings.Split(l.Mask(former), "\n")
	for i := range min(len(before), len(masked)) {
		if before[i] != masked[i] {
			held[masked[i]] = append(held[masked[i]], before[i])
		}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch known := held[line]; {
		case len(known) > 0:
			lines[i], held[line] = known[0], known[1:]
			if len(held[line]) == 0 {
				held[line] = known[len(known)-1:] // the line was copied
			}
		case strings.Contains(line, "***") && !strings.Contains(former, line):
			return "", fmt.Errorf("line %d: *** stands for a secret that is not known for this line; write it, or a variable of the environment", i+1)
		}
	}
	return strings.Join(lines, "\n"), nil
}
