package python

import (
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

// Methods are those that are called as functions with MethodPrefix: those that Starlark lacks,
// those that do something else there, and those that may make something big.
var Methods = []string{
	"append", "capitalize", "casefold", "center", "copy", "count", "decode", "difference", "encode", "endswith", "expandtabs", "extend", "find", "format", "format_map",
	"get", "has_key", "index", "intersection", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isdisjoint", "islower", "isnumeric", "isspace", "issubset", "issuperset", "istitle", "isupper",
	"items", "iteritems", "iterkeys", "itervalues", "join", "keys", "ljust", "lower", "lstrip", "partition", "remove", "removeprefix", "removesuffix", "replace",
	"reverse", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "sort", "split", "splitlines", "startswith", "strip", "swapcase",
	"symmetric_difference", "title", "union", "update", "upper", "values", "zfill",
}

// primary reads an atom and what is done to it: calls, members, indices.
func (p *parser) primary() syntax.Expr {
	x := p.atom()
	for {
		switch t := p.peek(); {
		case p.accept("."):
			x = p.member(x, t)
		case p.accept("("):
			args, closing := p.args()
			x = &syntax.CallExpr{Fn: x, Lparen: p.pos(t), Args: args, Rparen: p.pos(closing)}
		case p.accept("["):
			x = p.subscript(x, t)
		default:
			return x
		}
	}
}

// member reads x.name, or a call of a method.
func (p *parser) member(x syntax.Expr, dot token) syntax.Expr {
	t := p.take()
	if t.kind != name {
		p.fail(t, "expected a name, got %s", t.describe())
	}
	d := &syntax.DotExpr{X: x, Dot: p.pos(dot), NamePos: p.pos(t), Name: &syntax.Ident{NamePos: p.pos(t), Name: t.text}}
	if !slices.Contains(Methods, t.text) || !p.accept("(") {
		return d
	}
	args, _ := p.args()
	return p.call(t, MethodPrefix+t.text, append([]syntax.Expr{x}, args...)...)
}

// args reads the arguments of a call; the parenthesis is taken. Starlark wants them in order:
// those without a name, those with, and then the stars.
func (p *parser) args() (list []syntax.Expr, closing token) {
	defer p.deeper()()
	var named, stars []syntax.Expr
	for !p.peek().is(")") {
		t := p.peek()
		switch {
		case p.accept("*") || p.accept("**"):
			star := &syntax.UnaryExpr{OpPos: p.pos(t), Op: syntax.STARSTAR, X: p.expression()}
			if t.text == "*" {
				star.Op, star.X = syntax.STAR, p.call(t, Spread, star.X)
			}
			stars = append(stars, star)
		case t.kind == name && p.peekAt(1).is("="):
			id := &syntax.Ident{NamePos: p.pos(t), Name: p.word().text}
			eq := p.expect("=")
			named = append(named, &syntax.BinaryExpr{X: id, OpPos: p.pos(eq), Op: syntax.EQ, Y: p.expression()})
		default:
			if len(stars) > 0 {
				p.unsupported(t, "an argument behind *")
			}
			x := p.expression()
			if p.peek().is("for") {
				x = p.comprehension(t, x, false)
			}
			list = append(list, x)
		}
		if !p.accept(",") {
			break
		}
	}
	return slices.Concat(list, named, stars), p.expect(")")
}

// subscript reads x[index] or x[from:to:step]; the bracket is taken.
func (p *parser) subscript(x syntax.Expr, t token) syntax.Expr {
	defer p.deeper()()
	var parts [3]syntax.Expr
	colons := 0
	for {
		if !p.peek().is(":") && !p.peek().is("]") {
			parts[colons] = p.tuple()
		}
		if colons == 2 || !p.accept(":") {
			break
		}
		colons++
	}
	p.expect("]")
	if colons == 0 && parts[0] == nil {
		p.fail(t, "the index is missing")
	}
	if colons == 0 {
		return p.index(t, x, parts[0])
	}
	for i, part := range parts {
		if part == nil {
			parts[i] = p.constant(t, "None")
		}
	}
	return p.call(t, Slice, x, parts[0], parts[1], parts[2])
}

// index makes x[y]. Text must be counted in characters, which Starlark does not; where y is a
// text, x is none.
func (p *parser) index(t token, x, y syntax.Expr) syntax.Expr {
	if l, ok := y.(*syntax.Literal); ok && l.Token == syntax.STRING {
		return &syntax.IndexExpr{X: x, Lbrack: p.pos(t), Y: y, Rbrack: p.pos(t)}
	}
	return p.call(t, Index, x, y)
}

func (p *parser) atom() syntax.Expr {
	t := p.take()
	switch t.kind {
	case number:
		return p.numeral(t)
	case text:
		return p.strings(t)
	case name:
		switch t.text {
		case "None", "True", "False":
			return p.constant(t, t.text)
		}
		if keyword(t.text) {
			p.fail(t, "unexpected %s, a value is missing", t.text)
		}
		return p.ident(t)
	case op:
		switch t.text {
		case "(":
			return p.parens(t)
		case "[":
			return p.list(t)
		case "{":
			return p.braces(t)
		case "...":
			return p.constant(t, "None")
		case "*", "**":
			p.unsupported(t, t.text+" at this place")
		}
	}
	p.fail(t, "unexpected %s, a value is missing", t.describe())
	return nil
}

// parens reads a value in parentheses, a tuple or a generator; the parenthesis is taken.
func (p *parser) parens(t token) syntax.Expr {
	defer p.deeper()()
	if p.accept(")") {
		return &syntax.TupleExpr{Lparen: p.pos(t), Rparen: p.pos(t)}
	}
	x := p.tuple()
	if p.peek().is("for") {
		x = p.comprehension(t, x, false)
	}
	p.expect(")")
	return x
}

func (p *parser) list(t token) syntax.Expr {
	defer p.deeper()()
	l := &syntax.ListExpr{Lbrack: p.pos(t), Rbrack: p.pos(t)}
	for !p.accept("]") {
		l.List = append(l.List, p.expression())
		if p.peek().is("for") && len(l.List) == 1 {
			x := p.comprehension(t, l.List[0], false)
			p.expect("]")
			return x
		}
		if !p.accept(",") {
			p.expect("]")
			break
		}
	}
	return l
}

// braces reads a dict or a set.
func (p *parser) braces(t token) syntax.Expr {
	defer p.deeper()()
	d := &syntax.DictExpr{Lbrace: p.pos(t), Rbrace: p.pos(t)}
	if p.accept("}") {
		return d
	}
	first := p.entry()
	_, isDict := first.(*syntax.DictEntry)
	if p.peek().is("for") {
		x := p.comprehension(t, first, isDict)
		p.expect("}")
		if !isDict {
			x = p.call(t, Set, x)
		}
		return x
	}
	d.List = []syntax.Expr{first}
	for p.accept(",") && !p.peek().is("}") {
		at := p.peek()
		e := p.entry()
		if _, ok := e.(*syntax.DictEntry); ok != isDict {
			p.fail(at, "a value of a dict is missing")
		}
		d.List = append(d.List, e)
	}
	p.expect("}")
	if isDict {
		return d
	}
	return p.call(t, Set, &syntax.ListExpr{Lbrack: p.pos(t), List: d.List, Rbrack: p.pos(t)})
}

// entry reads key: value, or only a value.
func (p *parser) entry() syntax.Expr {
	x := p.expression()
	if t := p.peek(); p.accept(":") {
		return &syntax.DictEntry{Key: x, Colon: p.pos(t), Value: p.expression()}
	}
	return x
}

// comprehension reads what follows the value of [value for x in list if condition].
func (p *parser) comprehension(t token, body syntax.Expr, dict bool) syntax.Expr {
	c := &syntax.Comprehension{Curly: dict, Lbrack: p.pos(t), Body: body, Rbrack: p.pos(t)}
	for {
		switch t := p.peek(); {
		case p.accept("for"):
			vars := p.targets()
			in := p.expect("in")
			c.Clauses = append(c.Clauses, &syntax.ForClause{For: p.pos(t), Vars: vars, In: p.pos(in), X: p.call(in, Each, p.or())})
		case p.accept("if"):
			c.Clauses = append(c.Clauses, &syntax.IfClause{If: p.pos(t), Cond: p.or()})
		default:
			return c
		}
	}
}

// targets reads the variables of a loop.
func (p *parser) targets() syntax.Expr {
	t := p.peek()
	first := p.target(t, p.bitOr())
	if !p.peek().is(",") {
		return first
	}
	list := &syntax.TupleExpr{Lparen: p.pos(t), List: []syntax.Expr{first}, Rparen: p.pos(t)}
	for p.accept(",") && !p.peek().is("in") {
		list.List = append(list.List, p.target(p.peek(), p.bitOr()))
	}
	return list
}

// target makes of an expression what can be assigned to.
func (p *parser) target(t token, x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.Ident:
		if keyword(x.Name) {
			p.fail(t, "%s cannot be assigned to", x.Name)
		}
		return x
	case *syntax.IndexExpr, *syntax.DotExpr:
		return x
	case *syntax.TupleExpr:
		for i := range x.List {
			x.List[i] = p.target(t, x.List[i])
		}
		return x
	case *syntax.ListExpr:
		for i := range x.List {
			x.List[i] = p.target(t, x.List[i])
		}
		return x
	case *syntax.CallExpr:
		switch id, _ := x.Fn.(*syntax.Ident); {
		case id != nil && id.Name == Index:
			return &syntax.IndexExpr{X: x.Args[0], Lbrack: x.Lparen, Y: x.Args[1], Rbrack: x.Rparen}
		case id != nil && id.Name == Slice:
			p.unsupported(t, "assigning to a slice")
		}
	}
	p.fail(t, "this cannot be assigned to")
	return nil
}

// strings reads strings that follow each other. They are one.
func (p *parser) strings(t token) syntax.Expr {
	var parts []syntax.Expr
	var plain strings.Builder
	flush := func(at token) {
		if plain.Len() > 0 {
			parts = append(parts, p.quoted(at, plain.String()))
			plain.Reset()
		}
	}
	formatted := false
	for at := t; ; at = p.take() {
		l := parseLiteral(p.src, at)
		if l.formatted {
			formatted = true
			flush(at)
			parts = append(parts, p.formatted(at, l, l.from, l.to, 0)...)
		} else {
			plain.WriteString(l.unescape(p.src[l.from:l.to]))
		}
		if p.peek().kind != text {
			break
		}
	}
	if !formatted {
		return p.quoted(t, plain.String())
	}
	flush(t)
	return p.join(t, parts)
}
