package regexparser

import (
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/regex"
)

// Explanation says what one pattern makes of a text.
type Explanation struct {
	// Name is the event type of the pattern.
	Name string
	// Engine runs the pattern.
	Engine string
	// Matched tells whether the pattern matches, From and To in bytes where.
	Matched  bool
	From, To int
	// Fields are what it captures, with findall in the first match.
	Fields *event.Event
	// Without a match, Fits is the longest beginning of the pattern that still matches,
	// as far as To in the text, and Wanted is the rest of it, with all %{NAME} resolved.
	Fits, Wanted string
	// Err says why it is not known, as after a timeout.
	Err error
}

// Described is a pattern and how it is run.
type Described struct {
	// Name is the event type of the pattern.
	Name string
	regex.Description
}

// Describe tells how the patterns of checked options are run.
func (o *Options) Describe() []Described {
	var list []Described
	for _, r := range o.rules {
		list = append(list, Described{r.name, r.pattern.Describe()})
	}
	return list
}

// Explain tries all patterns of checked options on a text, in the order in which they are
// written.
func (o *Options) Explain(text string) []Explanation {
	list := make([]Explanation, len(o.rules))
	for i, r := range o.rules {
		list[i] = o.explain(r, text)
	}
	return list
}

func (o *Options) explain(r *rule, text string) Explanation {
	x := Explanation{Name: r.name, Engine: r.pattern.Engine(), Fields: event.New(event.NewSource("", ""))}
	x.Fields.DeleteField(event.Data)
	caps, err := r.pattern.Machine().Search(text, 0)
	if err != nil {
		x.Err = err
		return x
	}
	if caps == nil {
		x.Fits, x.Wanted, x.To = r.reach(text)
		return x
	}
	x.Matched, x.From, x.To = true, caps[0], caps[1]
	p := &parser{opts: *o}
	for i := range r.captures {
		c := &r.captures[i]
		v, _ := p.value(c, text, caps)
		if c.path.IsZero() {
			x.Fields.SetField(c.key, v)
		} else if err := x.Fields.Set(c.path, v); err != nil {
			x.Err = err
		}
	}
	return x
}

// reach finds the longest beginning of the pattern that matches.
func (r *rule) reach(text string) (fits, wanted string, to int) {
	whole := r.expanded.Pattern
	for n := len(whole) - 1; n > 0; n-- {
		o := r.options
		o.LinearOnly = false
		p, err := regex.Compile(whole[:n]+strings.Repeat(")", openGroups(whole[:n])), o)
		if err != nil {
			continue // cut in the middle of something
		}
		if caps, err := p.Machine().Search(text, 0); err == nil && caps != nil && caps[1] > caps[0] {
			return whole[:n], whole[n:], caps[1]
		}
	}
	return "", whole, 0
}

// openGroups counts the groups that a part of a pattern leaves open.
func openGroups(pattern string) int {
	open, class := 0, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			open++
		case c == ')':
			open--
		}
	}
	return max(0, open)
}
