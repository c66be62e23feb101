package regexparser

import (
	"errors"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

// Patterns is the list of named patterns as it stands in the configuration.
type Patterns struct{ entries []entry }

// entry is one pattern with the places of its parts.
type entry struct {
	name  string
	text  *option.Value
	flags regex.Flags
	all   bool
}

// DecodeOption reads the list. An item with several keys means several patterns.
func (p *Patterns) DecodeOption(v *option.Value) error {
	if v.Kind != option.List {
		return v.Wrong("list")
	}
	var errs []error
	for _, item := range v.Items {
		if item.Kind != option.Map {
			errs = append(errs, item.Wrong("map of event type to pattern"))
			continue
		}
		for _, pair := range item.Pairs {
			e, err := decodeEntry(pair)
			p.entries = append(p.entries, e)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func decodeEntry(pair option.Pair) (e entry, err error) {
	e.name, e.text = pair.Key.Text, pair.Value
	parts := []*option.Value{pair.Value}
	if pair.Value.Kind == option.List {
		parts = pair.Value.Items
	}
	if len(parts) == 0 || len(parts) > 3 {
		return e, at(e.name, pair.Value.Faultf(option.WrongType, "must be a pattern, or a list of pattern, flags, and search or findall"))
	}
	for _, part := range parts {
		if part.Kind != option.String && !(part == parts[len(parts)-1] && part.Kind == option.Integer) {
			return e, at(e.name, part.Wrong("string"))
		}
	}
	e.text = parts[0]
	if len(parts) > 1 {
		if e.flags, err = regex.ParseFlags(parts[1].Text); err != nil {
			return e, at(e.name, parts[1].Faultf(option.NotAllowed, "%s", err))
		}
	}
	if len(parts) > 2 {
		switch parts[2].Text {
		case "search":
		case "findall":
			e.all = true
		default:
			return e, at(e.name, parts[2].Faultf(option.NotAllowed, "must be search or findall, got %q", parts[2].Text))
		}
	}
	return e, nil
}

// at names the pattern in a fault.
func at(name string, f *option.Fault) *option.Fault {
	f.Option = name
	return f
}

// rule is a compiled pattern.
type rule struct {
	name     string
	pattern  *regex.Pattern
	all      bool
	captures []capture
	texts    []text // the captures that go to the top level as they are
	others   []int  // the indices of all others
	setsData bool   // a group is called data

	expanded grok.Expanded // the pattern as it was compiled
	options  regex.Options
}

// capture is where the groups of one name go.
type capture struct {
	groups []int
	key    *event.Key // a top level field, or
	path   event.Path // any other place
	kind   string     // type the text is converted to, "" for none
}

// text is a capture whose text goes to the top level without a change. That most of them
// do is worth a list of its own, small enough for the processor's cache.
type text struct {
	key     *event.Key
	slot    int // of the offsets of its only group
	capture int
}

func (r *rule) sortOut(trim bool) {
	for i, c := range r.captures {
		if len(c.groups) > 1 || c.kind != "" || c.key == nil || trim {
			r.others = append(r.others, i)
			continue
		}
		r.texts = append(r.texts, text{c.key, 2 * c.groups[0], i})
		r.setsData = r.setsData || c.key == event.Data
	}
}

func (c *capture) convert(s string) event.Value {
	if c.kind == "" {
		return event.String(s)
	}
	return grok.Convert(c.kind, s)
}

func (o *Options) compile() ([]*rule, error) {
	library, err := o.Library()
	if err != nil {
		return nil, err
	}
	var rules []*rule
	var errs []error
	for _, e := range o.Patterns.entries {
		r, err := o.compileEntry(library, e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		rules = append(rules, r)
	}
	return rules, errors.Join(errs...)
}

func (o *Options) compileEntry(library *grok.Library, e entry) (*rule, error) {
	fault := func(err error) *option.Fault {
		return &option.Fault{Position: e.text.Position, Code: option.Regex, Option: "field_extraction_patterns." + e.name, Message: err.Error()}
	}
	p, x, err := o.Compile(library, e.text.Text, e.flags)
	if err != nil {
		return nil, fault(err)
	}
	r := &rule{name: e.name, pattern: p, all: e.all, expanded: x, options: o.Engine(e.flags, x.Pattern != e.text.Text)}
	if err := r.bind(x, o.TargetField); err != nil {
		return nil, fault(err)
	}
	r.sortOut(o.TrimValues)
	return r, nil
}

// bind decides for every named group where its text goes.
func (r *rule) bind(x grok.Expanded, target event.Path) error {
	fields := map[string]grok.Field{}
	for _, f := range x.Fields {
		fields[f.Group] = f
	}
	place := map[string]int{}
	for g, name := range r.pattern.Names() {
		if name == "" {
			continue
		}
		f, known := fields[name]
		if !known {
			f = grok.Field{Group: name, Path: name, Segments: []string{name}}
		}
		if f.Segments[0] == "gambolputty" {
			return errors.New("a group must not be called gambolputty, that is where the metadata lives")
		}
		if i, ok := place[f.Path]; ok {
			r.captures[i].groups = append(r.captures[i].groups, g)
			continue
		}
		place[f.Path] = len(r.captures)
		r.captures = append(r.captures, newCapture(g, f, target))
	}
	return nil
}

func newCapture(group int, f grok.Field, target event.Path) capture {
	c := capture{groups: []int{group}, kind: f.Type}
	if len(f.Segments) == 1 && target.IsZero() {
		c.key = event.Intern(f.Segments[0])
		return c
	}
	segments := f.Segments
	if !target.IsZero() {
		segments = append([]string{target.String()}, segments...)
	}
	c.path = event.MustPath(strings.Join(segments, "."))
	return c
}
