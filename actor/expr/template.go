package expr

import (
	"errors"
	"fmt"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// Template is a dynamic string such as web_$(vhost). It is immutable and safe for
// concurrent use; the zero Template is unset. As an option type it takes strings only.
type Template struct {
	source string
	parts  []part
	set    bool
}

// part is literal text, followed by a field unless that is nil.
type part struct {
	literal   string
	ref       *ref
	raw       string // the reference as it was written
	verb      string // of $(x|%05.2f)
	otherwise string // of $(x:-none)
	has       bool   // there is a default
}

// ParseTemplate compiles a dynamic string. The error is a *SyntaxError.
//
// $(path), $('path') and %(path)s are replaced by the field; $(path|%05.2f) formats it
// with one printf verb, as %(path)d and %(path)f do with those, $(path:-text) gives text where the field is missing or null, and
// $$(path) is the text $(path).
func ParseTemplate(s string) (Template, error) {
	t := Template{source: s, set: true}
	var literal strings.Builder
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "$$("):
			literal.WriteString("$(")
			i += 3
		case strings.HasPrefix(s[i:], "$("), strings.HasPrefix(s[i:], "%(") && pythonVerb(s[i:]) != 0:
			p, n, err := parsePart(s, i)
			if err != nil {
				return Template{}, err
			}
			p.literal = literal.String()
			literal.Reset()
			t.parts = append(t.parts, p)
			i += n
		default:
			literal.WriteByte(s[i])
			i++
		}
	}
	if literal.Len() > 0 || len(t.parts) == 0 {
		t.parts = append(t.parts, part{literal: literal.String()})
	}
	return t, nil
}

// pythonVerb is what follows the parenthesis of %(path)s, %(path)d or %(path)f, or 0 if s is a
// percent sign before a parenthesis.
func pythonVerb(s string) byte {
	_, rest, _ := strings.Cut(s, ")")
	if rest != "" && strings.IndexByte("sdf", rest[0]) >= 0 {
		return rest[0]
	}
	return 0
}

func parsePart(s string, at int) (p part, n int, err error) {
	inner, _, closed := strings.Cut(s[at+2:], ")")
	if !closed {
		return p, 0, &SyntaxError{at, option.Dynamic, "the reference " + clip(s[at:]) + " is not closed", ") is missing"}
	}
	n = len(inner) + 3
	p.raw = s[at : at+n]
	path := inner
	if s[at] == '%' {
		n++
		p.raw = "$(" + inner + ")"
		if verb := pythonVerb(s[at:]); verb != 's' {
			path += "|%" + string(verb)
		}
	}
	if before, verb, ok := strings.Cut(path, "|"); ok && strings.HasPrefix(verb, "%") {
		if path = before; !validVerb(verb) {
			return p, 0, &SyntaxError{at, option.Dynamic, fmt.Sprintf("bad format %q", verb), "use one of %d, %s, %f, %x with flags, width and precision"}
		}
		p.verb = verb
	} else if before, text, ok := strings.Cut(path, ":-"); ok {
		path, p.otherwise, p.has = before, text, true
	}
	path = unquotePath(path)
	if path == "" {
		return p, 0, &SyntaxError{at, option.Dynamic, "the reference " + p.raw + " names no field", ""}
	}
	p.ref, err = newRef(path)
	return p, n, err
}

func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// validVerb checks one printf verb.
func validVerb(verb string) bool {
	last := verb[len(verb)-1]
	return len(verb) > 1 && strings.IndexByte("dsfx", last) >= 0 && strings.Trim(verb[1:len(verb)-1], "-+ #0123456789.") == ""
}

// Append appends the text for e. A reference to a missing field stays as $(path), and
// resolved is false then.
func (t Template) Append(dst []byte, e *event.Event) (out []byte, resolved bool) {
	resolved = true
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.literal...)
		if p.ref != nil {
			var ok bool
			dst, ok = p.append(dst, e)
			resolved = resolved && ok
		}
	}
	return dst, resolved
}

// AppendWith is Append with a change to the text of every field. change gets dst with the text
// from the given place on, and returns dst with what shall stand there.
func (t Template) AppendWith(dst []byte, e *event.Event, change func(dst []byte, from int) []byte) (out []byte, resolved bool) {
	resolved = true
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.literal...)
		if p.ref != nil {
			from := len(dst)
			var ok bool
			dst, ok = p.append(dst, e)
			resolved = resolved && ok
			dst = change(dst, from)
		}
	}
	return dst, resolved
}

func (p *part) append(dst []byte, e *event.Event) ([]byte, bool) {
	v, ok := p.ref.get(e)
	switch {
	case p.has && (!ok || v.IsNull()):
		return append(dst, p.otherwise...), true
	case !ok:
		return append(dst, p.raw...), false
	case p.verb != "":
		return appendVerb(dst, p.verb, v), true
	}
	return v.AppendText(dst), true
}

func appendVerb(dst []byte, verb string, v event.Value) []byte {
	switch verb[len(verb)-1] {
	case 'd', 'x':
		if n, err := toInt(of(v)); err == nil && !n.missing {
			b, _ := n.Big()
			return fmt.Appendf(dst, verb, b)
		}
		if f, err := toFloat(of(v)); err == nil && !f.missing {
			n, _ := toInt(f)
			if b, ok := n.Big(); ok {
				return fmt.Appendf(dst, verb, b)
			}
		}
	case 'f':
		if n, err := toFloat(of(v)); err == nil && !n.missing {
			f, _ := n.Float()
			return fmt.Appendf(dst, verb, f)
		}
	}
	return fmt.Appendf(dst, verb[:len(verb)-1]+"s", v.Text())
}

// Text returns the text for e. That of a template without references costs nothing.
func (t Template) Text(e *event.Event) (s string, resolved bool) {
	if s, ok := t.Static(); ok {
		return s, true
	}
	if len(t.parts) == 1 && t.parts[0].literal == "" && t.parts[0].verb == "" {
		if v, ok := t.parts[0].ref.get(e); ok && v.IsString() {
			return v.Str(), true
		}
	}
	out, resolved := t.Append(nil, e)
	return string(out), resolved
}

// Map is Text with every value of a field passed through f, as quoting needs it.
func (t Template) Map(e *event.Event, f func(string) string) string {
	var dst []byte
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.literal...)
		if p.ref != nil {
			value, _ := p.append(nil, e)
			dst = append(dst, f(string(value))...)
		}
	}
	return string(dst)
}

// Static returns the text of a template without references.
func (t Template) Static() (string, bool) {
	if len(t.parts) == 1 && t.parts[0].ref == nil {
		return t.parts[0].literal, true
	}
	return "", len(t.parts) == 0
}

// Source is the template as it was written.
func (t Template) Source() string { return t.source }

// IsZero reports whether the template was not set.
func (t Template) IsZero() bool { return !t.set }

// Refs returns the fields that the template uses.
func (t Template) Refs() []event.Path {
	var list []event.Path
	for _, p := range t.parts {
		if p.ref != nil {
			list = append(list, p.ref.path)
		}
	}
	return list
}

// Legacy reports whether the template uses a former spelling of a field.
func (t Template) Legacy() bool {
	for _, p := range t.parts {
		if p.ref != nil && p.ref.legacy {
			return true
		}
	}
	return false
}

// UnmarshalText compiles the template.
func (t *Template) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTemplate(string(b))
	return err
}

// DecodeOption compiles the template of a configuration.
func (t *Template) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	if err := t.UnmarshalText([]byte(v.Text)); err != nil {
		return Place(err, v)
	}
	return t.warnings(v)
}

// warnings tells what is probably not meant in a template that is correct.
func (t *Template) warnings(v *option.Value) error {
	var list []error
	if t.Legacy() {
		list = append(list, legacyName(v))
	}
	for _, p := range t.parts {
		if before, after, ok := strings.Cut(p.literal, "%{"); ok && strings.Contains(after, "}") {
			f := v.Faultf(option.LogstashRef, "%%{%s} is no reference to a field, it stays as it is", after[:strings.IndexByte(after, '}')])
			f.Position, f.Hint = v.At(strings.Index(v.Text, before+"%{")+len(before)), "write $("+after[:strings.IndexByte(after, '}')]+")"
			list = append(list, f)
			break
		}
	}
	return errors.Join(list...)
}

// OptionType describes templates in tables of options.
func (*Template) OptionType() string { return "dynamic string" }

// ValueTemplate is a value of a configuration with dynamic strings at any depth.
type ValueTemplate struct {
	fixed event.Value
	text  *Template
	items []ValueTemplate
	keys  []Template
	kind  option.Kind
}

// Constant makes a value template of a value.
func Constant(v event.Value) ValueTemplate { return ValueTemplate{fixed: v} }

// Value compiles a value. Strings are dynamic, also inside lists and maps and as keys of
// maps; everything else keeps its type.
func Value(v *option.Value) (ValueTemplate, error) {
	t := ValueTemplate{kind: v.Kind}
	switch v.Kind {
	case option.Null:
	case option.Boolean:
		t.fixed = event.Bool(strings.EqualFold(v.Text, "true") || strings.EqualFold(v.Text, "yes") || strings.EqualFold(v.Text, "on"))
	case option.Integer, option.Float:
		n, ok := parseNumber(v.Text)
		if !ok {
			return t, v.Faultf(option.WrongType, "bad number %s", v.Text)
		}
		t.fixed = n
	case option.String:
		s, err := ParseTemplate(v.Text)
		if err != nil {
			return t, Place(err, v)
		}
		if fixed, ok := s.Static(); ok {
			t.fixed = event.String(fixed)
			return t, s.warnings(v)
		}
		t.text = &s
		return t, s.warnings(v)
	default:
		return t, t.compound(v)
	}
	return t, nil
}

func (t *ValueTemplate) compound(v *option.Value) error {
	var errs []error
	add := func(v *option.Value) {
		item, err := Value(v)
		t.items = append(t.items, item)
		errs = append(errs, err)
	}
	for _, item := range v.Items {
		add(item)
	}
	for _, p := range v.Pairs {
		key, err := ParseTemplate(p.Key.Text)
		t.keys = append(t.keys, key)
		errs = append(errs, Place(err, p.Key))
		add(p.Value)
	}
	return errors.Join(errs...)
}

// OptionType describes value templates in tables of options.
func (*ValueTemplate) OptionType() string { return "any" }

// DecodeOption compiles the value of a configuration.
func (t *ValueTemplate) DecodeOption(v *option.Value) (err error) {
	*t, err = Value(v)
	return err
}

// Eval returns the value for e. Lists and maps are made anew each time.
func (t ValueTemplate) Eval(e *event.Event) (v event.Value, resolved bool) {
	switch {
	case t.text != nil:
		s, ok := t.text.Text(e)
		return event.String(s), ok
	case t.kind == option.List:
		return t.evalList(e)
	case t.kind == option.Map:
		return t.evalMap(e)
	}
	return t.fixed, true
}

func (t ValueTemplate) evalList(e *event.Event) (event.Value, bool) {
	resolved := true
	items := make([]event.Value, 0, len(t.items))
	for _, item := range t.items {
		v, ok := item.Eval(e)
		items = append(items, v)
		resolved = resolved && ok
	}
	return event.ListOf(items...), resolved
}

func (t ValueTemplate) evalMap(e *event.Event) (event.Value, bool) {
	resolved := true
	m := event.NewMap(len(t.items))
	for i, item := range t.items {
		key, keyOK := t.keys[i].Text(e)
		v, ok := item.Eval(e)
		m.Set(event.Intern(key), v)
		resolved = resolved && ok && keyOK
	}
	return event.MapOf(m), resolved
}
