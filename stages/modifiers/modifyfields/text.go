package modifyfields

import (
	"strings"
	"time"
	"unicode/utf8"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
)

// regexLimit bounds one expression on one value.
const regexLimit = time.Second

// pattern is a regular expression, or a list of expression and flags.
type pattern struct{ *regex.Pattern }

// DecodeOption compiles the expression.
func (p *pattern) DecodeOption(v *option.Value) error {
	text, flags := v, regex.Flags(0)
	if v.Kind == option.List && len(v.Items) > 0 && len(v.Items) < 3 {
		text = v.Items[0]
		if len(v.Items) == 2 {
			f, err := regex.ParseFlags(v.Items[1].Text)
			if err != nil {
				return v.Items[1].Faultf(option.NotAllowed, "%s", err)
			}
			flags = f
		}
	}
	if text.Kind != option.String {
		return text.Wrong("string")
	}
	var err error
	if p.Pattern, err = regex.Compile(text.Text, regex.Options{Flags: flags, Timeout: regexLimit}); err != nil {
		return text.Faultf(option.Regex, "%s", err)
	}
	return nil
}

// workers holds the regex machines of one instance: a compiled expression is shared, the
// memory for a match is not.
type workers map[*regex.Pattern]*regex.Machine

func (w workers) machine(p *regex.Pattern) *regex.Machine {
	m, ok := w[p]
	if !ok {
		m = p.Machine()
		w[p] = m
	}
	return m
}

func (o *Options) stringReplace() (step, error) {
	if old, static := o.Old.Static(); static && old == "" {
		return step{}, &option.Fault{Code: option.OutOfRange, Option: "old", Message: "must not be empty"}
	}
	return step{change: func(m *modifier, e *event.Event) {
		s, ok := m.text(e, o.SourceField.Path)
		if !ok {
			return
		}
		old, _ := o.Old.Text(e)
		fresh, _ := o.New.Text(e)
		if old == "" || !strings.Contains(s, old) {
			return
		}
		m.set(e, o.SourceField.Path, event.String(strings.Replace(s, old, fresh, o.Max)))
	}}, nil
}

// replace substitutes all matches. A replacement without references to fields is parsed
// once; values of fields are text, so what they hold is never read as \1.
func (o *Options) replace() (step, error) {
	fixed, static := o.With.Static()
	if static {
		t, err := o.Regex.ParseTemplate(fixed)
		if err != nil {
			return step{}, &option.Fault{Code: option.Regex, Option: "with", Message: err.Error()}
		}
		return step{change: func(m *modifier, e *event.Event) { o.substitute(m, e, t) }}, nil
	}
	return step{change: func(m *modifier, e *event.Event) {
		t, err := o.Regex.ParseTemplate(o.With.Map(e, escapeTemplate))
		if err != nil {
			m.env.Fault(e, o.SourceField.String(), err)
			return
		}
		o.substitute(m, e, t)
	}}, nil
}

// escapeTemplate makes a value literal inside a replacement.
func escapeTemplate(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

func (o *Options) substitute(m *modifier, e *event.Event, t *regex.Template) {
	s, ok := m.text(e, o.SourceField.Path)
	if !ok {
		return
	}
	out, n, err := m.work.machine(o.Regex.Pattern).ReplaceAll(m.buf[:0], s, t, 0)
	m.buf = out[:0]
	if err != nil {
		m.env.Fault(e, o.SourceField.String(), err)
		return
	}
	if n > 0 {
		m.set(e, o.SourceField.Path, event.String(string(out)))
	}
}

// mask puts a character in place of each character that matched.
func (o *Options) mask() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		s, ok := m.text(e, o.SourceField.Path)
		if !ok {
			return
		}
		out, at := m.buf[:0], 0
		err := m.work.machine(o.Regex.Pattern).FindAll(s, func(caps []int) bool {
			out = append(out, s[at:caps[0]]...)
			for range utf8.RuneCountInString(s[caps[0]:caps[1]]) {
				out = append(out, o.MaskWith...)
			}
			at = caps[1]
			return true
		})
		out = append(out, s[at:]...)
		m.buf = out[:0]
		if err != nil {
			m.env.Fault(e, o.SourceField.String(), err)
			return
		}
		m.set(e, o.SourceField.Path, event.String(string(out)))
	}}, nil
}

// changeCase prepares lower and upper.
func changeCase(change func(string) string) func(*Options) (step, error) {
	return func(o *Options) (step, error) {
		return step{change: func(m *modifier, e *event.Event) {
			for i, p := range o.SourceFields {
				if s, ok := m.text(e, p); ok {
					m.set(e, o.target(i), event.String(change(s)))
				}
			}
		}}, o.pairs()
	}
}

func (o *Options) strip() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		if s, ok := m.text(e, o.SourceField.Path); ok {
			m.store(e, o.SourceField.Path, o.TargetField, event.String(strings.TrimSpace(s)))
		}
	}}, nil
}

// slice cuts characters out of a string, or items out of a list, as Python does.
func (o *Options) slice() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		v, ok := e.Get(o.SourceField.Path)
		if !ok {
			return
		}
		switch v.Kind() {
		case event.KindString:
			m.set(e, o.TargetField, event.String(o.cutText(v.Str())))
		case event.KindList:
			l := v.List()
			from, to := o.bounds(l.Len())
			items := make([]event.Value, 0, to-from)
			for i := from; i < to; i++ {
				items = append(items, l.At(i))
			}
			m.set(e, o.TargetField, event.ListOf(items...))
		default:
			m.env.Fault(e, o.SourceField.String(), errNotSliced)
		}
	}}, nil
}

func (o *Options) cutText(s string) string {
	from, to := o.bounds(utf8.RuneCountInString(s))
	return s[byteAt(s, from):byteAt(s, to)]
}

// byteAt is the offset of character n.
func byteAt(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return at
}

// bounds applies start and end to a length.
func (o *Options) bounds(n int) (from, to int) {
	clamp := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	from, to = clamp(o.Start), n
	if o.End != nil {
		to = clamp(*o.End)
	}
	return from, max(from, to)
}

func (o *Options) truncate() (step, error) {
	return step{change: func(m *modifier, e *event.Event) {
		if s, ok := m.text(e, o.SourceField.Path); ok {
			m.store(e, o.SourceField.Path, o.TargetField, event.String(s[:byteAt(s, o.MaxLength)]))
		}
	}}, nil
}
