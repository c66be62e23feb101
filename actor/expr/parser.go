package expr

import (
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

const (
	maxNodes = 500
	maxLevel = 50
)

// parser builds the tree of a Python expression. Filters and calculations share it; each
// allows what the other may not.
type parser struct {
	tokens []token
	pos    int
	nodes  int
	level  int
	calc   bool
	free   []*node // names that no comprehension has bound yet
	slots  int     // variables of comprehensions
	code   option.Code
	errs   []*SyntaxError
	prog   *program
}

// program is a parsed expression.
type program struct {
	source   string
	root     *node
	patterns int // machines that a matcher needs
	vars     int // variables of comprehensions
}

// stop ends parsing after a fault that leaves nothing to go on with.
type stop struct{}

func parse(text string, calc bool) (p *program, errs []*SyntaxError) {
	code := option.Filter
	if calc {
		code = option.Source
	}
	tokens, err := lex(text, code)
	if err != nil {
		return nil, []*SyntaxError{err}
	}
	ps := &parser{tokens: tokens, calc: calc, code: code, prog: &program{source: text}}
	defer func() {
		if v := recover(); v != nil {
			if _, ours := v.(stop); !ours {
				panic(v)
			}
		}
		if len(ps.errs) > 0 {
			p, errs = nil, ps.errs
		}
	}()
	ps.prog.root = ps.choice()
	if t := ps.peek(); t.kind != tokEnd {
		ps.unexpected(t)
	}
	for _, n := range ps.free {
		ps.note(n.at, option.FilterName, fmt.Sprintf("write $(%s) for the field", n.op), "unknown name %s", n.op)
	}
	ps.prog.root.walk(func(n *node) {
		if n.kind == nodeCall && n.op == "flags" {
			ps.note(n.at, option.FilterName, "", "flags belong into a call of re")
		}
	})
	ps.prog.vars = ps.slots
	return ps.prog, nil
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) take() token {
	t := p.tokens[p.pos]
	if t.kind != tokEnd {
		p.pos++
	}
	return t
}

// op takes an operator or a word if it stands here.
func (p *parser) op(text string) bool {
	t := p.peek()
	if (t.kind == tokOp || t.kind == tokName) && t.text == text {
		p.pos++
		return true
	}
	return false
}

func (p *parser) note(at int, code option.Code, hint, format string, args ...any) {
	if p.calc {
		code = option.Source
	}
	p.errs = append(p.errs, &SyntaxError{at, code, fmt.Sprintf(format, args...), hint})
}

func (p *parser) fail(at int, hint, format string, args ...any) {
	p.note(at, option.Filter, hint, format, args...)
	panic(stop{})
}

func (p *parser) refuse(at int, hint, format string, args ...any) {
	p.note(at, option.FilterName, hint, format, args...)
	panic(stop{})
}

func (p *parser) unexpected(t token) {
	switch {
	case t.kind == tokEnd:
		p.fail(t.at, "", "the expression ends too early")
	case t.kind == tokOp && t.text == ":":
		p.fail(t.at, "leave out the colon", "unexpected :")
	case t.kind == tokName && t.text == "for":
		p.refuse(t.at, "", "comprehensions are not allowed")
	case t.kind == tokName && t.text == "if":
		p.refuse(t.at, "use and, or", "a conditional expression is not allowed")
	}
	p.fail(t.at, "", "unexpected %s, an operator is missing", describe(t))
}

func describe(t token) string {
	switch t.kind {
	case tokRef:
		return "$(" + t.text + ")"
	case tokText:
		return fmt.Sprintf("string %q", t.text)
	}
	return t.text
}

func (p *parser) expect(text string) {
	if t := p.peek(); !p.op(text) {
		if t.kind == tokEnd {
			p.fail(t.at, "", "the expression ends too early, %s is missing", text)
		}
		p.unexpected(t)
	}
}

func (p *parser) new(kind nodeKind, at int, op string, args ...*node) *node {
	if p.nodes++; p.nodes > maxNodes {
		p.refuse(at, "", "the expression has more than %d parts", maxNodes)
	}
	return &node{kind: kind, at: at, op: op, args: args}
}

// deeper guards against nesting that would exhaust the stack.
func (p *parser) deeper() func() {
	if p.level++; p.level > maxLevel {
		p.refuse(p.peek().at, "", "the expression is nested more than %d levels deep", maxLevel)
	}
	return func() { p.level-- }
}

func (p *parser) choice() *node {
	defer p.deeper()()
	n := p.or()
	t := p.peek()
	if t.kind != tokName || t.text != "if" {
		return n
	}
	if !p.calc {
		p.unexpected(t)
	}
	p.pos++
	cond := p.or()
	p.expect("else")
	return p.new(nodeChoice, t.at, "if", cond, n, p.choice())
}

func (p *parser) or() *node  { return p.chain(nodeOr, "or", p.and) }
func (p *parser) and() *node { return p.chain(nodeAnd, "and", p.not) }

func (p *parser) chain(kind nodeKind, word string, below func() *node) *node {
	n := below()
	if t := p.peek(); t.kind != tokName || t.text != word {
		return n
	}
	n = p.new(kind, n.at, word, n)
	for p.op(word) {
		n.args = append(n.args, below())
	}
	return n
}

func (p *parser) not() *node {
	t := p.peek()
	if !p.op("not") {
		return p.comparison()
	}
	defer p.deeper()()
	return p.new(nodeNot, t.at, "not", p.not())
}

// comparison reads a chain: a < b < c means a < b and b < c.
func (p *parser) comparison() *node {
	left := p.bits()
	var all []*node
	for {
		at := p.peek().at
		op := p.compareOp()
		if op == "" {
			break
		}
		right := p.bits()
		if op == "is" || op == "is not" {
			p.checkIs(at, right)
		}
		all = append(all, p.new(nodeCompare, at, op, left, right))
		left = right
	}
	switch len(all) {
	case 0:
		return left
	case 1:
		return all[0]
	}
	return p.new(nodeAnd, all[0].at, "and", all...)
}

func (p *parser) compareOp() string {
	t := p.peek()
	switch {
	case t.kind == tokOp && slices.Contains([]string{"==", "!=", "<", ">", "<=", ">="}, t.text):
		p.pos++
		return t.text
	case p.op("<>"):
		return "!="
	case p.op("in"):
		return "in"
	case p.op("is"):
		if p.op("not") {
			return "is not"
		}
		return "is"
	case t.kind == tokName && t.text == "not" && p.tokens[p.pos+1].text == "in":
		p.pos += 2
		return "not in"
	}
	return ""
}

func (p *parser) checkIs(at int, right *node) {
	if right.kind != nodeLiteral || !right.value.IsNull() && right.value.Kind() != event.KindBool {
		p.fail(at, `write "=="`, `"is" compares with None, True and False only`)
	}
}

// bits reads the one bit operator that is known: it joins regex flags.
func (p *parser) bits() *node {
	n := p.sum()
	if t := p.peek(); t.kind == tokOp && t.text == "|" {
		if n.kind != nodeCall || n.op != "flags" {
			p.refuse(t.at, "", "| joins flags of regular expressions only")
		}
		for p.op("|") {
			m := p.sum()
			if m.kind != nodeCall || m.op != "flags" {
				p.refuse(m.at, "", "| joins flags of regular expressions only")
			}
			n.flags |= m.flags
		}
	}
	return n
}

func (p *parser) sum() *node     { return p.left(p.product, "+", "-") }
func (p *parser) product() *node { return p.left(p.sign, "*", "//", "/", "%") }

func (p *parser) left(below func() *node, ops ...string) *node {
	n := below()
	for {
		t := p.peek()
		if t.kind != tokOp || !slices.Contains(ops, t.text) {
			return n
		}
		p.pos++
		n = p.new(nodeArith, t.at, t.text, n, below())
	}
}

func (p *parser) sign() *node {
	t := p.peek()
	if t.kind == tokOp && (t.text == "-" || t.text == "+") {
		defer p.deeper()()
		p.pos++
		n := p.sign()
		if n.kind == nodeLiteral && n.value.IsNumber() {
			n.value = sign(t.text, of(n.value)).Value
			return n
		}
		return p.new(nodeSign, t.at, t.text, n)
	}
	return p.power()
}

func (p *parser) power() *node {
	n := p.postfix()
	if t := p.peek(); p.op("**") {
		defer p.deeper()()
		return p.new(nodeArith, t.at, "**", n, p.sign())
	}
	return n
}

// postfix reads indexes, slices and method calls.
func (p *parser) postfix() *node {
	n := p.atom()
	for {
		t := p.peek()
		switch {
		case p.op("["):
			n = p.subscript(n, t.at)
		case p.op("."):
			n = p.method(n)
		default:
			return n
		}
	}
}

func (p *parser) subscript(n *node, at int) *node {
	defer p.deeper()()
	var parts [3]*node
	count, colon := 0, false
	for {
		if t := p.peek(); t.kind != tokOp || t.text != ":" && t.text != "]" {
			parts[count] = p.choice()
		}
		if p.op(":") && count < 2 {
			colon = true
			count++
			continue
		}
		break
	}
	p.expect("]")
	if colon {
		return p.new(nodeSlice, at, "[:]", n, parts[0], parts[1], parts[2])
	}
	if parts[0] == nil {
		p.fail(at, "", "the index is missing")
	}
	return p.new(nodeIndex, at, "[]", n, parts[0])
}

func (p *parser) atom() *node {
	t := p.take()
	switch t.kind {
	case tokNumber:
		return p.numeral(t)
	case tokText:
		n := p.new(nodeLiteral, t.at, "")
		n.value = event.String(t.text)
		return n
	case tokRef:
		return p.reference(t)
	case tokName:
		return p.name(t)
	case tokEnd:
		p.unexpected(t)
	}
	switch t.text {
	case "(":
		return p.parens(t)
	case "[":
		return p.list(t)
	case "{":
		return p.dict(t)
	}
	p.fail(t.at, "", "unexpected %s, a value is missing", t.text)
	return nil
}

func (p *parser) numeral(t token) *node {
	n := p.new(nodeLiteral, t.at, "")
	v, ok := parseNumber(t.text)
	if !ok {
		p.fail(t.at, "", "bad number %q", t.text)
	}
	n.value = v
	return n
}

func (p *parser) reference(t token) *node {
	if key, ok := strings.CutPrefix(t.text, "internal."); ok {
		return p.new(nodeInternal, t.at, key)
	}
	r, err := newRef(t.text)
	if err != nil {
		p.fail(t.at, "", "%s", err)
	}
	n := p.new(nodeRef, t.at, t.text)
	n.ref = r
	return n
}

// parens reads a value in parentheses or a tuple.
func (p *parser) parens(open token) *node {
	defer p.deeper()()
	if p.op(")") {
		return p.new(nodeList, open.at, "tuple")
	}
	first := p.choice()
	if p.op(")") {
		return first
	}
	n := p.new(nodeList, open.at, "tuple", first)
	for p.op(",") {
		if p.op(")") {
			return n
		}
		n.args = append(n.args, p.choice())
	}
	p.expect(")")
	return n
}

func (p *parser) list(open token) *node {
	defer p.deeper()()
	n := p.new(nodeList, open.at, "list")
	for !p.op("]") {
		n.args = append(n.args, p.choice())
		if t := p.peek(); t.kind == tokName && t.text == "for" && len(n.args) == 1 {
			return p.comprehension(t, n.args[0], open)
		}
		if !p.op(",") {
			p.expect("]")
			break
		}
	}
	return n
}

func (p *parser) dict(open token) *node {
	defer p.deeper()()
	n := p.new(nodeDict, open.at, "dict")
	for !p.op("}") {
		n.args = append(n.args, p.choice())
		p.expect(":")
		n.args = append(n.args, p.choice())
		if !p.op(",") {
			p.expect("}")
			break
		}
	}
	return n
}
