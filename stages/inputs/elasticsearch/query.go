package elasticsearch

import (
	"strconv"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// query is the body of a search, taken apart into what a page of it is made of.
type query struct {
	match []byte // what is searched for
	sort  []byte // nil if it does not matter
	rest  []byte // the other members, each with a comma in front
	limit int64  // of all hits, -1 for none
	skip  int64  // hits that are left out
}

func everything() query { return query{match: []byte(`{"match_all":{}}`), limit: -1} }

// OptionType describes the option in tables.
func (*query) OptionType() string { return "string or map" }

// DecodeOption reads JSON text or a map.
func (q *query) DecodeOption(v *option.Value) error {
	switch v.Kind {
	case option.Map:
		return q.read(v, valueOf(v).Map())
	case option.String:
	default:
		return v.Wrong("JSON text or map")
	}
	var d event.Decoder
	tree, rest, err := d.Decode(v.Text)
	switch {
	case err != nil:
		return v.Faultf(option.NotAllowed, "is no JSON: %s", place(v.Text, err))
	case strings.TrimSpace(rest) != "":
		return v.Faultf(option.NotAllowed, "there is something behind the JSON object at byte %d", len(v.Text)-len(rest))
	case tree.Map() == nil:
		return v.Faultf(option.NotAllowed, "must be a JSON object, got %s", tree.Kind())
	}
	return q.read(v, tree.Map())
}

// place puts the line in front of the error.
func place(text string, err error) string {
	syntax, ok := err.(*event.SyntaxError)
	if !ok {
		return err.Error()
	}
	line := 1 + strings.Count(text[:min(syntax.Offset, len(text))], "\n")
	return "line " + strconv.Itoa(line) + ", " + err.Error()
}

// ours are members that the module sets.
const ours = " pit search_after slice scroll "

func (q *query) read(v *option.Value, m *event.Map) error {
	*q = everything()
	var enc event.Encoder
	for i := range m.Len() {
		f := m.At(i)
		switch name := f.Key.Name; {
		case name == "query":
			q.match = enc.AppendValue(nil, f.Value)
		case name == "sort":
			q.sort = enc.AppendValue(nil, f.Value)
		case name == "size" || name == "from":
			n, ok := f.Value.Int()
			if !ok || n < 0 {
				return v.Faultf(option.NotAllowed, "%s must be a whole number from 0 on", name)
			}
			if name == "size" {
				q.limit = n
			} else {
				q.skip = n
			}
		case strings.Contains(ours, " "+name+" "):
			return v.Faultf(option.NotAllowed, "must not hold %s, which the module sets", name)
		default:
			q.rest = append(q.rest, ',')
			q.rest = event.AppendJSONString(q.rest, name)
			q.rest = append(q.rest, ':')
			q.rest = enc.AppendValue(q.rest, f.Value)
		}
	}
	return nil
}

// has reports whether a member stands in the query.
func (q *query) has(name string) bool { return strings.Contains(string(q.rest), `,"`+name+`":`) }

// valueOf makes a value of a configuration.
func valueOf(v *option.Value) event.Value {
	switch v.Kind {
	case option.Map:
		m := event.NewMap(len(v.Pairs))
		for _, p := range v.Pairs {
			m.Set(event.Intern(p.Key.Text), valueOf(p.Value))
		}
		return event.MapOf(m)
	case option.List:
		var items []event.Value
		for _, i := range v.Items {
			items = append(items, valueOf(i))
		}
		return event.ListOf(items...)
	case option.Boolean:
		return event.Bool(v.Truth())
	case option.Integer, option.Float:
		if n, ok := event.Number(v.Text); ok {
			return n
		}
	case option.Null:
		return event.Null
	}
	return event.String(v.Text)
}

// search is the part of a body that all pages of a run have in common, without the brace at
// its end.
func (q *query) search(atLeast []byte) []byte {
	b := []byte(`{"query":`)
	if atLeast == nil {
		b = append(b, q.match...)
	} else {
		b = append(append(append(b, `{"bool":{"must":[`...), q.match...), `],"filter":[{"range":`...)
		b = append(append(b, atLeast...), `}]}}`...)
	}
	return append(b, q.rest...)
}
