package python

import (
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

// block reads statements up to a token of the given kind, which it takes.
func (p *parser) block(until kind) []syntax.Stmt {
	var list []syntax.Stmt
	for p.peek().kind != until {
		list = append(list, p.statement()...)
	}
	p.take()
	return list
}

// suite reads what follows a colon: statements on the same line, or an indented block.
func (p *parser) suite() []syntax.Stmt {
	defer p.deeper()()
	p.expect(":")
	if p.peek().kind != newline {
		return p.line()
	}
	p.take()
	if t := p.take(); t.kind != indent {
		p.fail(t, "an indented block is missing")
	}
	return p.block(dedent)
}

// statement reads a compound statement, or a line of simple ones.
func (p *parser) statement() []syntax.Stmt {
	t := p.peek()
	switch {
	case t.kind == indent:
		p.fail(t, "unexpected indentation")
	case t.kind == name:
		switch t.text {
		case "if":
			return []syntax.Stmt{p.choice()}
		case "while":
			return p.while()
		case "for":
			return p.loop()
		case "def":
			return []syntax.Stmt{p.def()}
		case "try":
			return p.attempt()
		case "class", "with", "async":
			p.unsupported(t, t.text)
		case "elif", "else", "except", "finally":
			p.fail(t, "unexpected %s", t.text)
		}
	case t.is("@"):
		p.unsupported(t, "a decorator")
	}
	return p.line()
}

// line reads simple statements up to the end of the line.
func (p *parser) line() []syntax.Stmt {
	list := p.simple()
	for p.accept(";") && p.peek().kind != newline {
		list = append(list, p.simple()...)
	}
	if t := p.take(); t.kind != newline {
		p.fail(t, "unexpected %s, an operator or the end of the line is missing", t.describe())
	}
	return list
}

func (p *parser) pass(t token) syntax.Stmt {
	return &syntax.BranchStmt{Token: syntax.PASS, TokenPos: p.pos(t)}
}

// simple reads a statement that is no compound one.
func (p *parser) simple() []syntax.Stmt {
	t := p.peek()
	if t.kind != name {
		return p.assignment()
	}
	switch t.text {
	case "pass", "break", "continue":
		p.next++
		branch := map[string]syntax.Token{"pass": syntax.PASS, "break": syntax.BREAK, "continue": syntax.CONTINUE}
		return []syntax.Stmt{&syntax.BranchStmt{Token: branch[t.text], TokenPos: p.pos(t)}}
	case "return":
		p.next++
		r := &syntax.ReturnStmt{Return: p.pos(t)}
		if p.begins() {
			r.Result = p.tuple()
		}
		return []syntax.Stmt{r}
	case "del":
		return p.deletion()
	case "import":
		return p.importing()
	case "from":
		return p.importingFrom()
	case "raise":
		return []syntax.Stmt{p.raise()}
	case "assert":
		return []syntax.Stmt{p.assertion()}
	case "global", "nonlocal":
		p.unsupported(t, t.text)
	case "print":
		if next := p.peekAt(1); next.kind == text || next.kind == number || next.kind == name && !keyword(next.text) {
			return p.print()
		}
	}
	return p.assignment()
}

// print reads the statement of Python 2.
func (p *parser) print() []syntax.Stmt {
	t := p.take()
	c := p.call(t, "print")
	for p.begins() {
		c.Args = append(c.Args, p.expression())
		if !p.accept(",") {
			break
		}
	}
	return []syntax.Stmt{&syntax.ExprStmt{X: c}}
}

// deletion reads del x[key], del x[key], y[key].
func (p *parser) deletion() []syntax.Stmt {
	t := p.expect("del")
	var list []syntax.Stmt
	for {
		at := p.peek()
		x := p.primary()
		switch x := x.(type) {
		case *syntax.IndexExpr:
			list = append(list, &syntax.ExprStmt{X: p.call(at, Delete, x.X, x.Y)})
		case *syntax.CallExpr:
			if id, ok := x.Fn.(*syntax.Ident); ok && id.Name == Index {
				list = append(list, &syntax.ExprStmt{X: p.call(at, Delete, x.Args...)})
				break
			}
			p.unsupported(at, "del of anything but x[key]")
		default:
			p.unsupported(t, "del of a variable")
		}
		if !p.accept(",") {
			return list
		}
	}
}

// raise makes an error of the name of the exception and what it says.
func (p *parser) raise() syntax.Stmt {
	t := p.expect("raise")
	kind := p.word()
	call := p.call(t, Raise, p.quoted(t, kind.text))
	for p.accept(".") { // module.Error
		call.Args[0] = p.quoted(t, p.word().text)
	}
	if p.accept("(") {
		args, _ := p.args()
		call.Args = append(call.Args, args...)
	} else if p.accept(",") { // raise Error, "text" of Python 2
		call.Args = append(call.Args, p.expression())
	}
	if p.accept("from") {
		p.expression()
	}
	return &syntax.ExprStmt{X: call}
}

func (p *parser) assertion() syntax.Stmt {
	t := p.expect("assert")
	cond := p.expression()
	call := p.call(t, Raise, p.quoted(t, "AssertionError"))
	if p.accept(",") {
		call.Args = append(call.Args, p.expression())
	}
	return &syntax.IfStmt{If: p.pos(t), Cond: &syntax.UnaryExpr{OpPos: p.pos(t), Op: syntax.NOT, X: cond}, True: []syntax.Stmt{&syntax.ExprStmt{X: call}}}
}

var augmented = map[string]syntax.Token{
	"+=": syntax.PLUS_EQ, "-=": syntax.MINUS_EQ, "*=": syntax.STAR_EQ, "/=": syntax.SLASH_EQ, "//=": syntax.SLASHSLASH_EQ, "%=": syntax.PERCENT_EQ,
	"&=": syntax.AMP_EQ, "|=": syntax.PIPE_EQ, "^=": syntax.CIRCUMFLEX_EQ, "<<=": syntax.LTLT_EQ, ">>=": syntax.GTGT_EQ, "**=": syntax.STARSTAR,
}

// assignment reads an expression and what is done with it: x, x = y = z, x += y.
func (p *parser) assignment() []syntax.Stmt {
	first := p.peek()
	x := p.tuple()
	t := p.peek()
	switch o, ok := augmented[t.text]; {
	case ok && t.kind == op:
		p.next++
		return p.augment(t, o, p.target(first, x), p.tuple())
	case t.is(":"):
		p.next++
		p.target(first, x)
		p.expression() // a type, which says nothing to us
		if !p.peek().is("=") {
			return []syntax.Stmt{p.pass(t)}
		}
	case !t.is("="):
		return []syntax.Stmt{&syntax.ExprStmt{X: x}}
	}
	targets := []syntax.Expr{p.target(first, x)}
	var value syntax.Expr
	for t = p.peek(); p.accept("="); {
		at := p.peek()
		if value = p.tuple(); p.peek().is("=") {
			targets = append(targets, p.target(at, value))
		}
	}
	if len(targets) == 1 {
		return []syntax.Stmt{p.assign(t, targets[0], value)}
	}
	v := p.variable(t)
	list := []syntax.Stmt{p.assign(t, v(), value)}
	for _, to := range targets {
		list = append(list, p.assign(t, to, v()))
	}
	return list
}

func (p *parser) assign(t token, to, value syntax.Expr) syntax.Stmt {
	switch to.(type) {
	case *syntax.TupleExpr, *syntax.ListExpr:
		if _, ok := value.(*syntax.TupleExpr); !ok {
			value = p.call(t, Each, value)
		}
	}
	return &syntax.AssignStmt{OpPos: p.pos(t), Op: syntax.EQ, LHS: to, RHS: value}
}

// augment makes x += y. Where the operator is a function, it is x = add(x, y).
func (p *parser) augment(t token, o syntax.Token, to, value syntax.Expr) []syntax.Stmt {
	switch to.(type) {
	case *syntax.TupleExpr, *syntax.ListExpr:
		p.fail(t, "several variables cannot be assigned to with %s", t.text)
	}
	function := map[syntax.Token]string{syntax.PLUS_EQ: AddInPlace, syntax.STAR_EQ: Multiply, syntax.PERCENT_EQ: Modulo, syntax.STARSTAR: Power}[o]
	_, isList := value.(*syntax.ListExpr)
	if function == "" || o == syntax.PLUS_EQ && (isNumber(value) || isList) || o == syntax.STAR_EQ && isFloat(value) {
		return []syntax.Stmt{&syntax.AssignStmt{OpPos: p.pos(t), Op: o, LHS: to, RHS: value}}
	}
	var list []syntax.Stmt
	if x, ok := to.(*syntax.IndexExpr); ok && !isSimple(x) {
		object, key := p.variable(t), p.variable(t)
		list = append(list, p.assign(t, object(), x.X), p.assign(t, key(), x.Y))
		to = &syntax.IndexExpr{X: object(), Lbrack: x.Lbrack, Y: key(), Rbrack: x.Rbrack}
	}
	old := clone(to)
	if x, ok := old.(*syntax.IndexExpr); ok {
		old = p.index(t, x.X, x.Y)
	}
	return append(list, p.assign(t, to, p.call(t, function, old, value)))
}

// choice reads if, elif and else.
func (p *parser) choice() syntax.Stmt {
	t := p.expect("if")
	first := &syntax.IfStmt{If: p.pos(t), Cond: p.expression(), True: p.suite()}
	last := first
	for t = p.peek(); p.accept("elif"); t = p.peek() {
		next := &syntax.IfStmt{If: p.pos(t), Cond: p.expression(), True: p.suite()}
		last.ElsePos, last.False = p.pos(t), []syntax.Stmt{next}
		last = next
	}
	if p.accept("else") {
		last.ElsePos, last.False = p.pos(t), p.suite()
	}
	return first
}

func (p *parser) while() []syntax.Stmt {
	t := p.expect("while")
	s := &syntax.WhileStmt{While: p.pos(t), Cond: p.expression(), Body: p.suite()}
	return p.unless(t, s, &s.Body)
}

func (p *parser) loop() []syntax.Stmt {
	t := p.expect("for")
	s := &syntax.ForStmt{For: p.pos(t), Vars: p.targets()}
	in := p.expect("in")
	s.X = p.call(in, Each, p.tuple())
	s.Body = p.suite()
	return p.unless(t, s, &s.Body)
}

// unless reads the else of a loop, which runs unless the loop was left with break.
func (p *parser) unless(t token, loop syntax.Stmt, body *[]syntax.Stmt) []syntax.Stmt {
	if !p.accept("else") {
		return []syntax.Stmt{loop}
	}
	left := p.variable(t)
	*body = p.mark(t, *body, left)
	otherwise := &syntax.IfStmt{If: p.pos(t), Cond: &syntax.UnaryExpr{OpPos: p.pos(t), Op: syntax.NOT, X: left()}, True: p.suite()}
	return []syntax.Stmt{p.assign(t, left(), p.constant(t, "False")), loop, otherwise}
}

// mark notes in a variable that a loop is left.
func (p *parser) mark(t token, body []syntax.Stmt, left func() *syntax.Ident) []syntax.Stmt {
	var out []syntax.Stmt
	for _, s := range body {
		switch s := s.(type) {
		case *syntax.IfStmt:
			s.True, s.False = p.mark(t, s.True, left), p.mark(t, s.False, left)
		case *syntax.BranchStmt:
			if s.Token == syntax.BREAK {
				out = append(out, p.assign(t, left(), p.constant(t, "True")))
			}
		}
		out = append(out, s)
	}
	return out
}

func (p *parser) def() syntax.Stmt {
	t := p.expect("def")
	id := p.ident(p.word())
	lparen := p.expect("(")
	params := p.params(")")
	if p.accept("->") {
		p.expression()
	}
	s := &scope{}
	p.scopes = append(p.scopes, s)
	body := p.suite()
	p.scopes = p.scopes[:len(p.scopes)-1]
	return &syntax.DefStmt{Def: p.pos(t), Name: id, Lparen: p.pos(lparen), Params: params, Rparen: p.pos(lparen), Body: s.open(p, body)}
}

// attempt takes the one use of try that means something here: to import a module where it is
// not there yet. Its body only names modules, and what follows except NameError imports them.
func (p *parser) attempt() []syntax.Stmt {
	t := p.expect("try")
	unfit := func(fits bool) {
		if !fits {
			p.unsupported(t, "try")
		}
	}
	body := p.suite()
	for _, s := range body {
		unfit(p.namesModule(s))
	}
	unfit(p.accept("except") && p.accept("NameError") && p.peek().is(":"))
	from := p.next
	imports := p.suite()
	unfit(p.onlyImports(p.tokens[from:p.next]))
	unfit(!p.peek().is("except") && !p.peek().is("else") && !p.peek().is("finally"))
	return append(imports, body...)
}

// namesModule reports whether a statement is math or x = math.
func (p *parser) namesModule(s syntax.Stmt) bool {
	x := syntax.Expr(nil)
	switch s := s.(type) {
	case *syntax.ExprStmt:
		x = s.X
	case *syntax.AssignStmt:
		if _, ok := s.LHS.(*syntax.Ident); ok {
			x = s.RHS
		}
	}
	id, ok := x.(*syntax.Ident)
	return ok && p.modules(id.Name) != nil
}

// onlyImports reports whether all lines of a suite are imports.
func (p *parser) onlyImports(suite []token) bool {
	begins := true
	for i, t := range suite {
		switch {
		case t.kind == newline || t.is(";") || i == 0:
			begins = true
		case t.kind == indent || t.kind == dedent:
		case begins:
			if !t.is("import") && !t.is("from") {
				return false
			}
			begins = false
		}
	}
	return true
}

// module takes the name of a module.
func (p *parser) module() token {
	t := p.word()
	if p.modules(t.text) == nil || p.peek().is(".") {
		p.fail(t, "module %s is not available, there are %s", t.text, strings.Join(ModuleNames, ", "))
	}
	return t
}

// ModuleNames are the modules that programs may import.
var ModuleNames = []string{"base64", "datetime", "hashlib", "json", "math", "random", "re", "string", "time", "uuid"}

func (p *parser) bind(t token, name string, value syntax.Expr) syntax.Stmt {
	p.used[name] = true
	return p.assign(t, &syntax.Ident{NamePos: p.pos(t), Name: name}, value)
}

// importing reads import x, y as z.
func (p *parser) importing() []syntax.Stmt {
	t := p.expect("import")
	list := []syntax.Stmt{p.pass(t)}
	for {
		m := p.module()
		value := p.constant(m, ModulePrefix+m.text)
		if p.accept("as") {
			list = append(list, p.bind(m, p.word().text, value))
		} else {
			s := p.scopes[len(p.scopes)-1]
			s.imports = append(s.imports, p.bind(m, m.text, value))
		}
		if !p.accept(",") {
			return list
		}
	}
}

// importingFrom reads from x import y, z as w.
func (p *parser) importingFrom() []syntax.Stmt {
	t := p.expect("from")
	m := p.module()
	p.expect("import")
	closing := p.accept("(")
	list := []syntax.Stmt{p.pass(t)}
	for !closing || !p.peek().is(")") {
		member := p.take()
		switch {
		case member.is("*"):
			p.unsupported(member, "import *")
		case member.kind != name:
			p.fail(member, "expected a name, got %s", member.describe())
		case !slices.Contains(p.modules(m.text), member.text):
			p.fail(member, "module %s has no %s", m.text, member.text)
		}
		as := member.text
		if p.accept("as") {
			as = p.word().text
		}
		list = append(list, p.bind(member, as, &syntax.DotExpr{
			X: p.constant(m, ModulePrefix+m.text), Dot: p.pos(m), NamePos: p.pos(member), Name: &syntax.Ident{NamePos: p.pos(member), Name: member.text},
		}))
		if !p.accept(",") {
			break
		}
	}
	if closing {
		p.expect(")")
	}
	return list
}
