package syslogsink

import (
	"errors"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

// structure is structured data as it is configured, in the order of the file.
type structure []element

type element struct {
	id     string
	params []param
}

type param struct {
	name  string
	value expr.Template
}

// OptionType describes the option in tables.
func (*structure) OptionType() string { return "map of maps" }

// DecodeOption reads the maps.
func (s *structure) DecodeOption(v *option.Value) error {
	if v.Kind != option.Map {
		return v.Wrong("map of maps")
	}
	var errs []error
	for _, e := range v.Pairs {
		if !validName(e.Key.Text) {
			errs = append(errs, badName(e.Key))
		}
		one := element{id: e.Key.Text}
		switch e.Value.Kind {
		case option.Null: // an element may be empty
		case option.Map:
			for _, p := range e.Value.Pairs {
				if !validName(p.Key.Text) {
					errs = append(errs, badName(p.Key))
				}
				t, err := expr.ParseTemplate(p.Value.Text)
				if err != nil {
					errs = append(errs, expr.Place(err, p.Value))
				}
				one.params = append(one.params, param{p.Key.Text, t})
			}
		default:
			errs = append(errs, e.Value.Wrong("map of names to values"))
		}
		*s = append(*s, one)
	}
	return errors.Join(errs...)
}

func badName(v *option.Value) error {
	return &option.Fault{Code: option.NotAllowed, Position: v.Position, Message: "a name of structured data has 1 to 32 printable characters without blanks, =, ] and \", got " + v.Text}
}

// longestName is the length of SD-ID and PARAM-NAME.
const longestName = 32

func validName(s string) bool {
	return s != "" && len(s) <= longestName && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`=]"`, r) }) < 0
}

// appendName appends a name from an event, with _ for what must not stand in one.
func appendName(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '_')
	}
	for i := range min(len(s), longestName) {
		c := s[i]
		if c <= ' ' || c > '~' || c == '=' || c == ']' || c == '"' {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendData appends the structured data of e.
func (h *header) appendData(dst []byte, e *event.Event) []byte {
	start := len(dst)
	for i := range h.data {
		el := &h.data[i]
		dst = append(append(dst, '['), el.id...)
		for j := range el.params {
			p := &el.params[j]
			var resolved bool
			h.scratch, resolved = p.value.Append(h.scratch[:0], e)
			if !resolved {
				h.env.Unresolved("structured_data", p.value.Source())
				continue
			}
			dst = append(append(append(dst, ' '), p.name...), `="`...)
			dst = append(appendValue(dst, string(h.scratch)), '"')
		}
		dst = append(dst, ']')
	}
	if !h.dataField.IsZero() {
		dst = h.appendField(dst, start, e)
	}
	if len(dst) == start {
		return append(dst, '-')
	}
	return dst
}

// appendField appends the maps of a field. An id must not stand there twice.
func (h *header) appendField(dst []byte, start int, e *event.Event) []byte {
	v, ok := e.Get(h.dataField)
	if !ok || v.Kind() != event.KindMap {
		return dst
	}
	for i := range v.Map().Len() {
		f := v.Map().At(i)
		if f.Value.Kind() != event.KindMap {
			continue
		}
		before := len(dst)
		dst = appendName(append(dst, '['), f.Key.Name)
		id := string(dst[before:])
		if earlier := string(dst[start:before]); strings.Contains(earlier, id+" ") || strings.Contains(earlier, id+"]") {
			dst = dst[:before]
			continue
		}
		for j := range f.Value.Map().Len() {
			p := f.Value.Map().At(j)
			if p.Value.Kind() != event.KindList {
				dst = appendParam(dst, p.Key.Name, p.Value)
				continue
			}
			for k := range p.Value.List().Len() { // a name that stands there several times
				dst = appendParam(dst, p.Key.Name, p.Value.List().At(k))
			}
		}
		dst = append(dst, ']')
	}
	return dst
}

func appendParam(dst []byte, name string, v event.Value) []byte {
	dst = append(appendName(append(dst, ' '), name), `="`...)
	return append(appendValue(dst, v.Text()), '"')
}

// appendValue appends a PARAM-VALUE: UTF-8, with a backslash in front of ", \ and ].
func appendValue(dst []byte, s string) []byte {
	for _, r := range s { // what is no UTF-8 comes as U+FFFD
		if r == '"' || r == '\\' || r == ']' {
			dst = append(dst, '\\')
		}
		dst = append(dst, string(r)...)
	}
	return dst
}
