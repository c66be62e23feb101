package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/option"
)

// Conversion is a configuration in the current spelling.
type Conversion struct {
	Text string
	// Notes tell what the operator has to look at.
	Notes []string
}

// Convert writes a configuration with the current names of modules and options. All else,
// comments included, stays as it is. The report is that of the result.
func (l Loader) Convert(name string, text []byte) (Conversion, *Report) {
	current := indentOldItems(string(text))
	before := l.builder()
	before.text(name, []byte(current))
	before.build()
	c := converter{builder: before}
	for _, m := range before.modules {
		c.module(m)
	}
	c.rename(before.global, option.Fields(&before.plan.Global))
	current = metadata.ReplaceAllString(c.apply(current), "${1}gambolputty.")

	// Modules without an id are called by their names, so some may have got a new one.
	after := l.builder()
	after.text(name, []byte(current))
	after.build()
	r := converter{builder: after}
	r.references(before.modules)
	current = r.apply(current)
	_, report := l.LoadText(name, []byte(current))
	return Conversion{current, r.notes}, report
}

// metadata is a reference to the metadata by the name that they had in LumberMill.
var metadata = regexp.MustCompile(`(\$\(|:\s*['"]?)lumbermill\.`)

// edit replaces a word at a place of the file.
type edit struct {
	at       option.Position
	old, now string
}

type converter struct {
	*builder
	edits []edit
	notes []string
}

func (c *converter) module(m *Module) {
	if m.Spec == nil {
		return
	}
	if m.Name != m.Spec.Name {
		c.edits = append(c.edits, edit{m.Position, m.Name, m.Spec.Name})
	}
	c.rename(m.options, append(option.Fields(m.Spec.Options()), option.Fields(&m.common)...))
}

// rename gives the options of a map their current names.
func (c *converter) rename(opts *option.Value, fields []option.Field) {
	if opts == nil {
		return
	}
	current := map[string]string{}
	for _, f := range fields {
		for _, old := range f.Aliases {
			current[old] = f.Name
		}
	}
	for _, p := range opts.Pairs {
		if now, ok := current[p.Key.Text]; ok {
			c.edits = append(c.edits, edit{p.Key.Position, p.Key.Text, now})
		}
	}
}

// references follows ids that are no longer what they were.
func (c *converter) references(before []*Module) {
	ids := map[string]string{}
	for i, m := range c.modules {
		if old := before[i]; old.ID != m.ID {
			ids[old.ID] = m.ID
			c.notes = append(c.notes, fmt.Sprintf("%s is called %s now, also in $(gambolputty.source_id)", old.ID, m.ID))
		}
	}
	for _, m := range c.modules {
		if m.common.Receivers != nil {
			for _, item := range m.common.Receivers.Items {
				c.reference(item, ids)
			}
		}
		if u, ok := m.Opts.(actor.User); ok && m.options != nil {
			for _, need := range u.Uses() {
				c.reference(m.options.Get(m.spelling(need.Option)), ids)
			}
		}
	}
	if c.global != nil {
		c.reference(c.global.Get("dead_letter"), ids)
	}
}

func (c *converter) reference(v *option.Value, ids map[string]string) {
	if v == nil {
		return
	}
	if v.Kind == option.Map && len(v.Pairs) == 1 {
		v = v.Pairs[0].Key
	}
	if now, ok := ids[v.Text]; ok {
		c.edits = append(c.edits, edit{v.Position, v.Text, now})
	}
}

// apply makes the edits, from the last to the first, so that places stay true.
func (c *converter) apply(text string) string {
	slices.SortFunc(c.edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(b.at.Line, a.at.Line), cmp.Compare(b.at.Column, a.at.Column))
	})
	lines := strings.SplitAfter(text, "\n")
	for _, e := range c.edits {
		line := []rune(lines[e.at.Line-1])
		head, tail := string(line[:e.at.Column-1]), string(line[e.at.Column-1:])
		for _, quote := range []string{"", "'", `"`} {
			if rest, ok := strings.CutPrefix(tail, quote+e.old+quote); ok {
				lines[e.at.Line-1] = head + quote + e.now + quote + rest
				break
			}
		}
	}
	return strings.Join(lines, "")
}

// oldItem is an item that names its module as an option.
var oldItem = regexp.MustCompile(`^(\s*)-(\s+)module:\s*([^\s#]+)(.*)$`)

// indentOldItems writes items of the form "- module: Name" as "- Name:", with the options
// below it.
func indentOldItems(text string) string {
	lines := strings.Split(text, "\n")
	dash := -1 // column of the item whose options must move
	for i, line := range lines {
		if m := oldItem.FindStringSubmatch(line); m != nil {
			lines[i] = m[1] + "-" + m[2] + m[3] + ":" + m[4]
			dash = len(m[1])
			continue
		}
		content := strings.TrimLeft(line, " ")
		switch {
		case dash < 0 || content == "":
		case len(line)-len(content) > dash:
			lines[i] = "  " + line
		default:
			dash = -1
		}
	}
	return strings.Join(lines, "\n")
}
