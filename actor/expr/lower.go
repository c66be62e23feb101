package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Knetic/govaluate"

	"gambolputty/actor/event"
)

// lowering writes a tree as a govaluate expression. Every literal and every field is a
// parameter and every operation a function over the rules of semantics.go: left to itself
// the library would turn texts that look like dates into numbers, integers into floats,
// and refuse to compare what has different types.
type lowering struct {
	functions map[string]govaluate.ExpressionFunction
	params    map[string]*node // by name: literals and fields
	subs      map[string]*govaluate.EvaluableExpression
}

// self is the parameter that hands the matcher to the functions.
const self = "m"

func (f *Filter) lower() error {
	l := &lowering{
		functions: map[string]govaluate.ExpressionFunction{"truthy": truthy},
		params:    map[string]*node{},
		subs:      map[string]*govaluate.EvaluableExpression{},
	}
	slow, err := l.compile(l.condition(f.prog.root))
	if err != nil {
		return &SyntaxError{Code: "E029", Message: err.Error()}
	}
	f.slow, f.low = slow, l
	return nil
}

func (l *lowering) compile(text string) (*govaluate.EvaluableExpression, error) {
	return govaluate.NewEvaluableExpressionWithFunctions(text, l.functions)
}

func truthy(args ...any) (any, error) { return args[0].(*val).truth(), nil }

// condition writes a node whose truth is wanted.
func (l *lowering) condition(n *node) string {
	switch n.kind {
	case nodeNot:
		return "!(" + l.condition(n.args[0]) + ")"
	case nodeAnd, nodeOr:
		op := " && "
		if n.kind == nodeOr {
			op = " || "
		}
		var parts []string
		for _, a := range n.args {
			parts = append(parts, "("+l.condition(a)+")")
		}
		return strings.Join(parts, op)
	}
	return "truthy(" + l.value(n) + ")"
}

// value writes a node whose value is wanted.
func (l *lowering) value(n *node) string {
	switch n.kind {
	case nodeLiteral, nodeRef, nodeInternal, nodeEvent:
		name := "p" + strconv.Itoa(len(l.params))
		l.params[name] = n
		return name
	case nodeAnd, nodeOr:
		return l.shortCircuit(n)
	}
	args := []string{self}
	for _, a := range n.args {
		if a == nil { // a bound that a slice leaves out
			a = &node{kind: nodeLiteral}
		}
		args = append(args, l.value(a))
	}
	return l.function(func(m *Matcher, vals []val) val { return m.apply(n, vals) }) + "(" + strings.Join(args, ", ") + ")"
}

// function registers a function under a name of its own.
func (l *lowering) function(f func(m *Matcher, args []val) val) string {
	name := "f" + strconv.Itoa(len(l.functions))
	l.functions[name] = func(args ...any) (any, error) {
		vals := make([]val, 0, 4)
		for _, a := range args[1:] {
			vals = append(vals, *a.(*val))
		}
		out := f(args[0].(*Matcher), vals)
		return &out, nil
	}
	return name
}

// shortCircuit writes and, or where one of the operands is wanted. The library evaluates
// all arguments of a function, so each operand is an expression of its own.
func (l *lowering) shortCircuit(n *node) string {
	var subs []*govaluate.EvaluableExpression
	for _, a := range n.args {
		sub, err := l.compile(l.value(a))
		if err != nil {
			panic(fmt.Sprintf("expr: lowering made %v", err)) // it writes no other form than this
		}
		subs = append(subs, sub)
	}
	decides := n.kind == nodeOr
	return l.function(func(m *Matcher, _ []val) val {
		var v val
		for _, s := range subs {
			if v = m.run(s); v.truth() == decides {
				return v
			}
		}
		return v
	}) + "(" + self + ")"
}

// Get gives govaluate a parameter.
func (m *Matcher) Get(name string) (any, error) {
	if name == self {
		return m, nil
	}
	n := m.f.low.params[name]
	var v val
	switch n.kind {
	case nodeRef:
		v = m.field(n.ref)
	case nodeInternal:
		x, ok := m.internal.Get(n.op)
		v = val{Value: x, missing: !ok}
	case nodeLiteral:
		v = of(n.value)
	}
	return &v, nil
}

func (m *Matcher) evaluate() bool {
	out, err := m.f.slow.Eval(m)
	if err != nil {
		m.failed(err)
		return false
	}
	b, ok := out.(bool)
	return ok && b
}

func (m *Matcher) run(s *govaluate.EvaluableExpression) val {
	out, err := s.Eval(m)
	if err != nil {
		m.failed(err)
		return missing
	}
	return *out.(*val)
}

// apply evaluates one operation whose operands are known.
func (m *Matcher) apply(n *node, a []val) val {
	switch n.kind {
	case nodeNot:
		return boolean(!a[0].truth())
	case nodeSign:
		return sign(n.op, a[0])
	case nodeArith:
		return arith(n.op, a[0], a[1])
	case nodeCompare:
		return m.applyCompare(n, a[0], a[1])
	case nodeList:
		return applyList(a)
	case nodeDict:
		return applyDict(a)
	case nodeIndex:
		if n.args[0].kind == nodeEvent {
			return m.lookup(a[1])
		}
		return index(a[0], a[1])
	case nodeSlice:
		return slice(a[0], [3]*val{given(a[1]), given(a[2]), given(a[3])})
	case nodeMethod:
		if n.args[0].kind == nodeEvent {
			return m.eventMethod(n.op, a[1:])
		}
		return callMethod(n.op, a)
	}
	if strings.HasPrefix(n.op, "re.") {
		return m.applyRegex(n, a)
	}
	return m.callFunction(n.op, a)
}

// given is nil for a bound that was left out.
func given(v val) *val {
	if v.missing || v.IsNull() {
		return nil
	}
	return &v
}

func (m *Matcher) applyCompare(n *node, a, b val) val {
	switch {
	case n.op == "is" || n.op == "is not":
		return boolean(is(a, n.args[1].value) == (n.op == "is"))
	case n.args[1].kind == nodeEvent:
		return boolean(!m.lookup(a).missing == (n.op == "in"))
	}
	return boolean(m.compare(n.op, n.args[0].op, a, b))
}

// lookup finds a field by a name that is a value.
func (m *Matcher) lookup(name val) val {
	if name.missing || !name.IsString() {
		return missing
	}
	p, err := event.ParsePath(name.Str())
	if err != nil {
		return missing
	}
	v, ok := m.e.Get(p)
	return val{Value: v, missing: !ok}
}

func (m *Matcher) eventMethod(name string, args []val) val {
	v := m.lookup(args[0])
	switch {
	case name == "has_key":
		return boolean(!v.missing)
	case !v.missing:
		return v
	case len(args) > 1:
		return args[1]
	}
	return of(event.Null)
}

func applyList(a []val) val {
	list := make([]event.Value, 0, len(a))
	for _, v := range a {
		list = append(list, v.Value) // what is missing is null in a list
	}
	return of(event.ListOf(list...))
}

func applyDict(a []val) val {
	d := event.NewMap(len(a) / 2)
	for i := 0; i+1 < len(a); i += 2 {
		d.Set(event.Intern(a[i].Text()), a[i+1].Value)
	}
	return of(event.MapOf(d))
}

// applyRegex evaluates a call of re.
func (m *Matcher) applyRegex(n *node, a []val) val {
	in := a[1]
	if n.op == "re.sub" {
		in = a[2]
	}
	if in.missing {
		return missing
	}
	switch n.op {
	case "re.match", "re.search":
		caps, s, r := m.find(n, a[0], in)
		if caps == nil {
			return of(event.Null)
		}
		return val{match: &match{strings.Clone(s), slices.Clone(caps), r.Names()}}
	}
	s, ok := subject(in)
	r := m.machine(n, a[0])
	if !ok || r == nil {
		return missing
	}
	switch n.op {
	case "re.findall":
		return m.findAll(r, s)
	case "re.split":
		return m.split(r, s, a[2:])
	}
	return m.substitute(r, a[1], s, a[3:])
}
