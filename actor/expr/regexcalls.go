package expr

import (
	"gambolputty/actor/event"
	"gambolputty/actor/regex"
)

// findAll is re.findall: the matches, or their groups where the pattern has some.
func (m *Matcher) findAll(r *regex.Machine, s string) val {
	var list []event.Value
	err := r.FindAll(s, func(caps []int) bool {
		found := &match{s, caps, r.Names()}
		switch len(caps) / 2 {
		case 1:
			list = append(list, found.group(0).Value)
		case 2:
			list = append(list, orEmpty(found.group(1)))
		default:
			var groups []event.Value
			for g := 1; g < len(caps)/2; g++ {
				groups = append(groups, orEmpty(found.group(g)))
			}
			list = append(list, event.ListOf(groups...))
		}
		return true
	})
	return m.timed(err, of(event.ListOf(list...)))
}

// orEmpty is the empty text for a group that took no part.
func orEmpty(v val) event.Value {
	if v.IsNull() {
		return event.String("")
	}
	return v.Value
}

func (m *Matcher) timed(err error, v val) val {
	if err == nil {
		return v
	}
	if m.probe != nil {
		m.probe.Timeout(m.f.prog.source)
	}
	return missing
}

// split is re.split; groups of the pattern become items, too.
func (m *Matcher) split(r *regex.Machine, s string, args []val) val {
	limit := int64(0)
	if len(args) > 0 {
		limit, _ = args[0].Int()
	}
	var list []event.Value
	at, n := 0, int64(0)
	err := r.FindAll(s, func(caps []int) bool {
		if caps[0] == caps[1] {
			return true
		}
		list = append(list, event.String(s[at:caps[0]]))
		for g := 1; g < len(caps)/2; g++ {
			list = append(list, (&match{s, caps, r.Names()}).group(g).Value)
		}
		at = caps[1]
		n++
		return limit == 0 || n < limit
	})
	return m.timed(err, of(event.ListOf(append(list, event.String(s[at:]))...)))
}

// substitute is re.sub.
func (m *Matcher) substitute(r *regex.Machine, with val, s string, args []val) val {
	count := int64(0)
	if len(args) > 0 {
		count, _ = args[0].Int()
	}
	if with.missing || !with.IsString() {
		return missing
	}
	t, err := r.ParseTemplate(with.Str())
	if err != nil {
		m.failed(err)
		return missing
	}
	out, _, err := r.ReplaceAll(nil, s, t, int(count))
	return m.timed(err, text(string(out)))
}
