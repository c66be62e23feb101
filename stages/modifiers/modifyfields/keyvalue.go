package modifyfields

import (
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// pairs collects what key_value and key_value_regex find.
type pairList struct {
	o   *Options
	out *event.Map
}

func (l *pairList) add(key, value string) {
	o := l.o
	key, value = strings.Trim(key, o.TrimKey), strings.Trim(value, o.TrimValue)
	if len(o.IncludeKeys) > 0 && !slices.Contains(o.IncludeKeys, key) || slices.Contains(o.ExcludeKeys, key) {
		return
	}
	l.out.Set(event.Intern(o.Prefix+strings.Clone(key)), event.String(value))
}

// finish sets the pairs on the top level, or as a map in the target.
func (l *pairList) finish(m *modifier, e *event.Event) {
	if l.o.TargetField.IsZero() {
		e.Merge(l.out, false)
		return
	}
	m.set(e, l.o.TargetField, event.MapOf(l.out))
}

func (o *Options) keyValue() (step, error) {
	if o.KVSeparator == "" {
		return step{}, &option.Fault{Code: option.OutOfRange, Option: "kv_separator", Message: "must not be empty"}
	}
	return step{change: func(m *modifier, e *event.Event) {
		s, ok := m.text(e, o.SourceField.Path)
		if !ok {
			return
		}
		l := &pairList{o, event.NewMap(8)}
		for s != "" {
			var piece string
			piece, s = o.cut(s, o.LineSep)
			if key, value, found := o.cutPair(piece); found {
				l.add(key, value)
			}
		}
		l.finish(m, e)
	}}, nil
}

// cut takes the text up to the first separator that is not quoted.
func (o *Options) cut(s, separator string) (piece, rest string) {
	if separator == "" {
		return s, ""
	}
	if !o.AllowQuotes {
		piece, rest, _ = strings.Cut(s, separator)
		return piece, rest
	}
	quoted := false
	for i := range len(s) {
		if s[i] == '"' {
			quoted = !quoted
		}
		if !quoted && strings.HasPrefix(s[i:], separator) {
			return s[:i], s[i+len(separator):]
		}
	}
	return s, ""
}

func (o *Options) cutPair(piece string) (key, value string, found bool) {
	key, _ = o.cut(piece, o.KVSeparator)
	if len(key) == len(piece) {
		return "", "", false
	}
	value = piece[len(key)+len(o.KVSeparator):]
	if o.AllowQuotes {
		key, value = unquote(key), unquote(value)
	}
	return key, value, true
}

func unquote(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

func (o *Options) keyValueRegex() (step, error) {
	key, value := 1, 2
	for g, name := range o.Regex.Names() {
		switch name {
		case "key":
			key = g
		case "value":
			value = g
		}
	}
	if o.Regex.NumGroups() < 2 {
		return step{}, &option.Fault{Code: option.Regex, Option: "regex", Message: "needs two groups, one for the key and one for the value"}
	}
	return step{change: func(m *modifier, e *event.Event) {
		s, ok := m.text(e, o.SourceField.Path)
		if !ok {
			return
		}
		l := &pairList{o, event.NewMap(8)}
		err := m.work.machine(o.Regex.Pattern).FindAll(s, func(caps []int) bool {
			l.add(group(s, caps, key), group(s, caps, value))
			return true
		})
		if err != nil {
			m.env.Fault(e, o.SourceField.String(), err)
			return
		}
		l.finish(m, e)
	}}, nil
}

func group(s string, caps []int, g int) string {
	if caps[2*g] < 0 {
		return ""
	}
	return s[caps[2*g]:caps[2*g+1]]
}
