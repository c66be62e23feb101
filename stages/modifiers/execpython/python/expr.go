package python

import (
	"slices"

	"go.starlark.net/syntax"
)

// expression reads a conditional expression or what binds tighter.
func (p *parser) expression() syntax.Expr {
	defer p.deeper()()
	t := p.peek()
	switch {
	case t.is("lambda"):
		return p.lambda()
	case t.is("yield") || t.is("await"):
		p.unsupported(t, t.text)
	}
	x := p.or()
	switch t := p.peek(); {
	case t.is(":="):
		p.unsupported(t, ":=")
	case t.is("if"):
		p.next++
		cond := p.or()
		otherwise := p.expect("else")
		return &syntax.CondExpr{If: p.pos(t), Cond: cond, True: x, ElsePos: p.pos(otherwise), False: p.expression()}
	}
	return x
}

// tuple reads expressions separated by commas; several, or one with a comma, are a tuple.
func (p *parser) tuple() syntax.Expr {
	t := p.peek()
	first := p.expression()
	if !p.peek().is(",") {
		return first
	}
	list := &syntax.TupleExpr{Lparen: p.pos(t), List: []syntax.Expr{first}, Rparen: p.pos(t)}
	for p.accept(",") && p.begins() {
		list.List = append(list.List, p.expression())
	}
	if t := p.peek(); t.is("*") {
		p.unsupported(t, "* at this place")
	}
	return list
}

// begins reports whether an expression may begin here.
func (p *parser) begins() bool {
	t := p.peek()
	switch t.kind {
	case name:
		return !keyword(t.text) || t.text == "not" || t.text == "lambda" || t.text == "None" || t.text == "True" || t.text == "False"
	case number, text:
		return true
	case op:
		return slices.Contains([]string{"(", "[", "{", "+", "-", "~", "..."}, t.text)
	}
	return false
}

func (p *parser) lambda() syntax.Expr {
	t := p.expect("lambda")
	params := p.params(":")
	return &syntax.LambdaExpr{Lambda: p.pos(t), Params: params, Body: p.expression()}
}

// params reads the parameters of a function up to and over close.
func (p *parser) params(close string) []syntax.Expr {
	var list []syntax.Expr
	for !p.accept(close) {
		t := p.peek()
		switch {
		case p.accept("/"):
		case p.accept("*") || p.accept("**"):
			star := &syntax.UnaryExpr{OpPos: p.pos(t), Op: syntax.STAR}
			if t.text == "**" {
				star.Op = syntax.STARSTAR
			}
			if t.text == "**" || p.peek().kind == name {
				star.X = p.param(close)
			}
			list = append(list, star)
		default:
			id := p.param(close)
			if eq := p.peek(); p.accept("=") {
				list = append(list, &syntax.BinaryExpr{X: id, OpPos: p.pos(eq), Op: syntax.EQ, Y: p.expression()})
				break
			}
			list = append(list, id)
		}
		if !p.accept(",") {
			p.expect(close)
			break
		}
	}
	return list
}

// param reads the name of a parameter, and a type that says nothing to us.
func (p *parser) param(close string) syntax.Expr {
	id := p.ident(p.word())
	if close == ")" && p.accept(":") {
		p.expression()
	}
	return id
}

func (p *parser) ident(t token) *syntax.Ident {
	p.used[t.text] = true
	return &syntax.Ident{NamePos: p.pos(t), Name: t.text}
}

// call calls a function by its name.
func (p *parser) call(t token, function string, args ...syntax.Expr) *syntax.CallExpr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: p.pos(t), Name: function}, Lparen: p.pos(t), Args: args, Rparen: p.pos(t)}
}

func (p *parser) constant(t token, name string) syntax.Expr {
	return &syntax.Ident{NamePos: p.pos(t), Name: name}
}

func (p *parser) quoted(t token, s string) syntax.Expr {
	return &syntax.Literal{Token: syntax.STRING, TokenPos: p.pos(t), Raw: `""`, Value: s}
}

func (p *parser) or() syntax.Expr  { return p.left(p.and, eithers) }
func (p *parser) and() syntax.Expr { return p.left(p.not, boths) }

// left reads operators that group from the left.
func (p *parser) left(below func() syntax.Expr, operators map[string]syntax.Token) syntax.Expr {
	x := below()
	for {
		t := p.peek()
		o, ok := operators[t.text]
		if !ok || !t.is(t.text) {
			return x
		}
		p.next++
		x = p.binary(t, o, x, below())
	}
}

// binary makes an operation; those that may make something big, and those that Starlark does
// otherwise, are calls.
func (p *parser) binary(t token, o syntax.Token, x, y syntax.Expr) syntax.Expr {
	switch o {
	case syntax.PLUS:
		if !isNumber(x) && !isNumber(y) || isTruth(x) || isTruth(y) {
			return p.call(t, Add, x, y)
		}
	case syntax.STAR:
		if !isFloat(x) && !isFloat(y) {
			return p.call(t, Multiply, x, y)
		}
	case syntax.PERCENT:
		if !isNumber(x) {
			return p.call(t, Modulo, x, y)
		}
	}
	return &syntax.BinaryExpr{X: x, OpPos: p.pos(t), Op: o, Y: y}
}

// isTruth reports whether a value is True or False for sure, which Starlark does not count as
// a number.
func isTruth(x syntax.Expr) bool {
	switch x := x.(type) {
	case *syntax.Ident:
		return x.Name == "True" || x.Name == "False"
	case *syntax.UnaryExpr:
		return x.Op == syntax.NOT
	case *syntax.BinaryExpr:
		return slices.Contains([]syntax.Token{syntax.LT, syntax.LE, syntax.GT, syntax.GE, syntax.EQL, syntax.NEQ, syntax.IN, syntax.NOT_IN}, x.Op)
	}
	return false
}

func isFloat(x syntax.Expr) bool {
	l, ok := x.(*syntax.Literal)
	return ok && l.Token == syntax.FLOAT
}

func isNumber(x syntax.Expr) bool {
	l, ok := x.(*syntax.Literal)
	return ok && l.Token != syntax.STRING
}

func (p *parser) not() syntax.Expr {
	t := p.peek()
	if !p.accept("not") {
		return p.comparison()
	}
	defer p.deeper()()
	return &syntax.UnaryExpr{OpPos: p.pos(t), Op: syntax.NOT, X: p.not()}
}

var comparisons = map[string]syntax.Token{
	"<": syntax.LT, "<=": syntax.LE, ">": syntax.GT, ">=": syntax.GE, "==": syntax.EQL, "!=": syntax.NEQ, "<>": syntax.NEQ, "in": syntax.IN,
}

// comparison reads a chain: a < b < c is a < b and b < c, with b calculated once.
func (p *parser) comparison() syntax.Expr {
	x := p.bitOr()
	if !p.comparing() {
		return x
	}
	return p.chain(x)
}

func (p *parser) chain(x syntax.Expr) syntax.Expr {
	o, t := p.compareOp()
	y := p.bitOr()
	p.checkIs(t, x, y)
	first := &syntax.BinaryExpr{X: x, OpPos: p.pos(t), Op: o, Y: y}
	if !p.comparing() {
		return first
	}
	defer p.deeper()()
	if isSimple(y) {
		return &syntax.BinaryExpr{X: first, OpPos: p.pos(t), Op: syntax.AND, Y: p.chain(clone(y))}
	}
	v := p.variable(t)
	first.Y = v()
	both := &syntax.BinaryExpr{X: first, OpPos: p.pos(t), Op: syntax.AND, Y: p.chain(v())}
	whole := &syntax.LambdaExpr{Lambda: p.pos(t), Params: []syntax.Expr{v()}, Body: both}
	return &syntax.CallExpr{Fn: whole, Lparen: p.pos(t), Args: []syntax.Expr{y}, Rparen: p.pos(t)}
}

// comparing reports whether a comparison stands here.
func (p *parser) comparing() bool {
	t := p.peek()
	if t.is("not") {
		return p.peekAt(1).is("in")
	}
	return t.is("is") || comparisons[t.text] != 0 && t.is(t.text)
}

// compareOp takes the comparison that stands here.
func (p *parser) compareOp() (syntax.Token, token) {
	t := p.take()
	switch {
	case t.is("not"):
		p.expect("in")
		return syntax.NOT_IN, t
	case t.is("is") && p.accept("not"):
		return syntax.NEQ, t
	case t.is("is"):
		return syntax.EQL, t
	}
	return comparisons[t.text], t
}

// checkIs allows is for what is the same if it is equal.
func (p *parser) checkIs(t token, x, y syntax.Expr) {
	if !t.is("is") {
		return
	}
	if call, ok := x.(*syntax.CallExpr); ok {
		if id, ok := call.Fn.(*syntax.Ident); ok && id.Name == "type" {
			return
		}
	}
	for _, e := range []syntax.Expr{x, y} {
		if id, ok := e.(*syntax.Ident); ok && (id.Name == "None" || id.Name == "True" || id.Name == "False") {
			return
		}
	}
	p.fail(t, `"is" compares with None, True and False only; write "=="`)
}

// isSimple reports whether an expression may be calculated twice.
func isSimple(x syntax.Expr) bool {
	switch x := x.(type) {
	case *syntax.Ident, *syntax.Literal:
		return true
	case *syntax.DotExpr:
		return isSimple(x.X)
	case *syntax.IndexExpr:
		return isSimple(x.X) && isSimple(x.Y)
	case *syntax.CallExpr:
		id, ok := x.Fn.(*syntax.Ident)
		return ok && id.Name == Index && isSimple(x.Args[0]) && isSimple(x.Args[1])
	}
	return false
}

// clone copies a simple expression, because a node may stand in a tree once only.
func clone(x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.Ident:
		c := *x
		return &c
	case *syntax.Literal:
		c := *x
		return &c
	case *syntax.DotExpr:
		c := *x
		c.X, c.Name = clone(x.X), clone(x.Name).(*syntax.Ident)
		return &c
	case *syntax.IndexExpr:
		c := *x
		c.X, c.Y = clone(x.X), clone(x.Y)
		return &c
	case *syntax.CallExpr:
		c := *x
		c.Fn, c.Args = clone(x.Fn), []syntax.Expr{clone(x.Args[0]), clone(x.Args[1])}
		return &c
	}
	return x
}

var (
	eithers   = map[string]syntax.Token{"or": syntax.OR}
	boths     = map[string]syntax.Token{"and": syntax.AND}
	pipe      = map[string]syntax.Token{"|": syntax.PIPE}
	caret     = map[string]syntax.Token{"^": syntax.CIRCUMFLEX}
	ampersand = map[string]syntax.Token{"&": syntax.AMP}
	shifts    = map[string]syntax.Token{"<<": syntax.LTLT, ">>": syntax.GTGT}
	sums      = map[string]syntax.Token{"+": syntax.PLUS, "-": syntax.MINUS}
	signs     = map[string]syntax.Token{"-": syntax.MINUS, "+": syntax.PLUS, "~": syntax.TILDE}
	products  = map[string]syntax.Token{"*": syntax.STAR, "/": syntax.SLASH, "//": syntax.SLASHSLASH, "%": syntax.PERCENT}
)

func (p *parser) bitOr() syntax.Expr   { return p.left(p.bitXor, pipe) }
func (p *parser) bitXor() syntax.Expr  { return p.left(p.bitAnd, caret) }
func (p *parser) bitAnd() syntax.Expr  { return p.left(p.shift, ampersand) }
func (p *parser) shift() syntax.Expr   { return p.left(p.sum, shifts) }
func (p *parser) sum() syntax.Expr     { return p.left(p.product, sums) }
func (p *parser) product() syntax.Expr { return p.left(p.sign, products) }

// sign reads -x, +x and ~x, which bind looser than a power behind them.
func (p *parser) sign() syntax.Expr {
	t := p.peek()
	o := signs[t.text]
	if t.kind != op || o == 0 {
		return p.power()
	}
	p.next++
	defer p.deeper()()
	x := p.sign()
	if l, ok := x.(*syntax.Literal); ok && o == syntax.MINUS {
		switch v := l.Value.(type) {
		case int64:
			l.Value = -v
			return l
		case float64:
			l.Value = -v
			return l
		}
	}
	return &syntax.UnaryExpr{OpPos: p.pos(t), Op: o, X: x}
}

// power reads a ** b, which groups from the right.
func (p *parser) power() syntax.Expr {
	x := p.primary()
	if t := p.peek(); p.accept("**") {
		defer p.deeper()()
		return p.call(t, Power, x, p.sign())
	}
	return x
}
