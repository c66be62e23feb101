package expr

import (
	"slices"
	"strings"

	"gambolputty/actor/event"
)

// cond is a condition of a common shape. It allocates nothing.
type cond func(m *Matcher) bool

// compileCond makes closures of a tree, if all of it is of a common shape.
func compileCond(n *node) (cond, bool) {
	switch n.kind {
	case nodeLiteral:
		truth := n.value.Truth()
		return func(*Matcher) bool { return truth }, true
	case nodeRef:
		r := n.ref
		return func(m *Matcher) bool { return m.field(r).truth() }, true
	case nodeNot:
		c, ok := compileCond(n.args[0])
		return func(m *Matcher) bool { return !c(m) }, ok
	case nodeAnd, nodeOr:
		if c, ok := compileFlat(n); ok {
			return c, true
		}
		return compileBool(n)
	case nodeCompare:
		return compileCompare(n)
	case nodeMethod:
		return compileAffix(n)
	case nodeCall:
		return compileRegex(n)
	}
	return nil, false
}

func compileBool(n *node) (cond, bool) {
	var parts []cond
	for _, a := range n.args {
		c, ok := compileCond(a)
		if !ok {
			return nil, false
		}
		parts = append(parts, c)
	}
	decides := n.kind == nodeOr
	if len(parts) == 2 {
		a, b := parts[0], parts[1]
		if decides {
			return func(m *Matcher) bool { return a(m) || b(m) }, true
		}
		return func(m *Matcher) bool { return a(m) && b(m) }, true
	}
	return func(m *Matcher) bool {
		for _, c := range parts {
			if c(m) == decides {
				return decides
			}
		}
		return !decides
	}, true
}

// check is a comparison of a field with a text.
type check struct {
	ref  *ref
	text event.Value
	want bool
}

// compileFlat makes a list of the most frequent shape: comparisons of fields with texts, of
// which all or one must hold.
func compileFlat(n *node) (cond, bool) {
	var list []check
	for _, a := range n.args {
		if a.kind != nodeCompare || a.op != "==" && a.op != "!=" {
			return nil, false
		}
		left, right := a.args[0], a.args[1]
		if left.kind != nodeRef {
			left, right = right, left
		}
		if left.kind != nodeRef || right.kind != nodeLiteral || !right.value.IsString() {
			return nil, false
		}
		list = append(list, check{left.ref, right.value, a.op == "=="})
	}
	decides := n.kind == nodeOr
	return func(m *Matcher) bool {
		for i := range list {
			if list[i].holds(m) == decides {
				return decides
			}
		}
		return !decides
	}, true
}

// holds compares. A number never equals a text, which is worth a warning.
func (c *check) holds(m *Matcher) bool {
	v, _ := c.ref.get(m.e)
	if v.IsString() {
		return (v.Str() == c.text.Str()) == c.want
	}
	if m.probe != nil && v.IsNumber() {
		m.probe.Mismatch(m.f.prog.source, c.ref.text, v, c.text)
	}
	return !c.want
}

// constant returns the value of a literal or of a list of literals.
func constant(n *node) (event.Value, bool) {
	if n.kind == nodeLiteral {
		return n.value, true
	}
	if n.kind != nodeList {
		return event.Null, false
	}
	items := make([]event.Value, 0, len(n.args))
	for _, a := range n.args {
		v, ok := constant(a)
		if !ok {
			return event.Null, false
		}
		items = append(items, v)
	}
	return event.ListOf(items...), true
}

// mirrored are the operators with their sides exchanged.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}

// compileCompare compares a field with a constant.
func compileCompare(n *node) (cond, bool) {
	left, right, op := n.args[0], n.args[1], n.op
	if left.kind != nodeRef {
		if op == "in" || op == "not in" {
			return compilePart(n)
		}
		if mirror, ok := mirrored[op]; ok {
			left, right, op = right, left, mirror
		}
	}
	c, ok := constant(right)
	if left.kind != nodeRef || !ok {
		return nil, false
	}
	r := left.ref
	switch {
	case op == "is" || op == "is not":
		want := op == "is"
		return func(m *Matcher) bool { return is(m.field(r), c) == want }, true
	case (op == "==" || op == "!=") && c.IsString():
		return compileTextEqual(r, c, op == "=="), true
	case (op == "in" || op == "not in") && onlyText(c):
		return compileTextIn(r, c, op == "in"), true
	}
	other := of(c)
	return func(m *Matcher) bool { return m.compare(op, r.text, m.field(r), other) }, true
}

// compileTextEqual is by far the most frequent comparison.
func compileTextEqual(r *ref, c event.Value, want bool) cond {
	one := &check{r, c, want}
	return one.holds
}

func onlyText(c event.Value) bool {
	l := c.List()
	for i := range l.Len() {
		if !l.At(i).IsString() {
			return false
		}
	}
	return l != nil && l.Len() > 0
}

func compileTextIn(r *ref, c event.Value, want bool) cond {
	set := map[string]bool{}
	for i := range c.List().Len() {
		set[c.List().At(i).Str()] = true
	}
	return func(m *Matcher) bool {
		v, ok := r.get(m.e)
		if v.IsString() {
			return set[v.Str()] == want
		}
		if m.probe != nil && ok && v.IsNumber() {
			m.probe.Mismatch(m.f.prog.source, r.text, v, c.List().At(0))
		}
		return !want
	}
}

// compilePart looks for a constant in a field: a part of a text, an item or a key.
func compilePart(n *node) (cond, bool) {
	c, ok := constant(n.args[0])
	if !ok || n.args[1].kind != nodeRef {
		return nil, false
	}
	r, want, item := n.args[1].ref, n.op == "in", of(c)
	return func(m *Matcher) bool { return contains(item, m.field(r)) == want }, true
}

// compileAffix is startswith or endswith of a field with a constant.
func compileAffix(n *node) (cond, bool) {
	if n.op != "startswith" && n.op != "endswith" || len(n.args) != 2 || n.args[0].kind != nodeRef {
		return nil, false
	}
	c, ok := constant(n.args[1])
	if !ok || !c.IsString() && !onlyText(c) {
		return nil, false
	}
	var all []string
	for _, v := range several([]val{of(c)}) {
		all = append(all, v.Str())
	}
	r, has := n.args[0].ref, strings.HasPrefix
	if n.op == "endswith" {
		has = strings.HasSuffix
	}
	return func(m *Matcher) bool {
		s, ok := subject(m.field(r))
		return ok && slices.ContainsFunc(all, func(a string) bool { return has(s, a) })
	}, true
}

// compileRegex is re.match or re.search of a literal pattern on a field.
func compileRegex(n *node) (cond, bool) {
	if n.op != "re.match" && n.op != "re.search" || n.pattern == nil || n.args[1].kind != nodeRef {
		return nil, false
	}
	r := n.args[1].ref
	return func(m *Matcher) bool {
		caps, _, _ := m.find(n, missing, m.field(r))
		return caps != nil
	}, true
}
