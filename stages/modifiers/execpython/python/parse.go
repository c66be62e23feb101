// Package python reads programs in Python and makes Starlark of them.
//
// Starlark has the syntax of Python with pieces missing, and some operators that mean
// something else. A program is therefore parsed as Python, and the tree that comes out is one
// of Starlark in which such operators and methods have become calls of functions that the
// caller provides, see the constants. Their names cannot be spelled in a program, so that no
// variable hides them.
package python

import (
	"strconv"

	"go.starlark.net/syntax"
)

// The functions that programs call for what Starlark does otherwise or not at all.
const (
	Add          = "operator +"
	AddInPlace   = "operator +="
	Multiply     = "operator *"
	Power        = "operator **"
	Modulo       = "operator %"
	Index        = "operator []"
	Slice        = "operator [:]"
	Delete       = "operator del"
	Each         = "operator for"    // what a loop walks
	Spread       = "operator call *" // what becomes arguments
	Join         = "operator f"      // joins the parts of an f-string
	Format       = "operator format" // a part with a format
	Raise        = "operator raise"
	Set          = "operator {}"
	MethodPrefix = "method " // with the name of a method, called with the object in front
	ModulePrefix = "module " // with the name of a module
)

// Program is a parsed program.
type Program struct {
	source string
	tree   []syntax.Stmt
	used   map[string]bool
}

// Modules tells the members of a module, nil if there is no such module.
type Modules func(module string) []string

// Parse reads a program, the body of a function with the parameter event. The error is a
// *SyntaxError.
func Parse(source string, modules Modules) (*Program, error) {
	p, body, err := parse(source, modules)
	if err != nil {
		return nil, err
	}
	at := token{line: 1, col: 1}
	def := &syntax.DefStmt{
		Def: p.pos(at), Name: &syntax.Ident{NamePos: p.pos(at), Name: Entry}, Lparen: p.pos(at), Rparen: p.pos(at),
		Params: []syntax.Expr{&syntax.Ident{NamePos: p.pos(at), Name: "event"}}, Body: body,
	}
	return &Program{source, []syntax.Stmt{def}, p.used}, nil
}

func parse(source string, modules Modules) (p *parser, body []syntax.Stmt, err error) {
	tokens, bad := scan(source)
	if bad != nil {
		return nil, nil, bad
	}
	p = &parser{src: source, tokens: tokens, modules: modules, used: map[string]bool{}}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case stop:
			err = v.fault
		default:
			panic(v)
		}
	}()
	p.scopes = []*scope{{}}
	body = p.block(end)
	return p, p.scopes[0].open(p, body), nil
}

// Uses reports whether a name stands anywhere in the program.
func (p *Program) Uses(name string) bool { return p.used[name] }

// stop ends parsing.
type stop struct{ fault *SyntaxError }

// parser makes the tree of a program.
type parser struct {
	src     string
	tokens  []token
	next    int
	level   int
	fresh   int // variables of our own
	scopes  []*scope
	modules Modules
	used    map[string]bool
}

// scope is a function. The modules that are imported in it are bound at its beginning, as
// they may be used before.
type scope struct{ imports []syntax.Stmt }

// open puts the imports in front of the body.
func (s *scope) open(p *parser, body []syntax.Stmt) []syntax.Stmt {
	all := append(s.imports, body...)
	if len(all) == 0 {
		all = []syntax.Stmt{p.pass(p.peek())}
	}
	return all
}

var fileName = "program" // Starlark wants a pointer to it

func (p *parser) pos(t token) syntax.Position {
	return syntax.MakePosition(&fileName, int32(t.line), int32(t.col))
}

func (p *parser) fail(t token, format string, args ...any) {
	panic(stop{fault(p.src, t.at, format, args...)})
}

func (p *parser) unsupported(t token, what string) { p.fail(t, "%s is not supported", what) }

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) peekAt(n int) token { return p.tokens[min(p.next+n, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != end {
		p.next++
	}
	return t
}

// accept takes an operator or a word if it stands here.
func (p *parser) accept(text string) bool {
	if !p.peek().is(text) {
		return false
	}
	p.next++
	return true
}

func (p *parser) expect(text string) token {
	t := p.peek()
	if !p.accept(text) {
		p.fail(t, "expected %s, got %s", text, t.describe())
	}
	return t
}

// deeper guards against nesting that would exhaust the stack.
func (p *parser) deeper() func() {
	if p.level++; p.level > 4*deepest {
		p.fail(p.peek(), "the program is nested too deeply")
	}
	return func() { p.level-- }
}

// word takes the name of a variable.
func (p *parser) word() token {
	t := p.take()
	if t.kind != name || keyword(t.text) {
		p.fail(t, "expected a name, got %s", t.describe())
	}
	return t
}

// keyword reports whether a word of Python cannot be the name of something. What was a
// statement only in Python 2 can.
func keyword(word string) bool {
	switch word {
	case "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global",
		"if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "None", "True", "False":
		return true
	}
	return false
}

// variable is a new variable of our own.
func (p *parser) variable(t token) func() *syntax.Ident {
	p.fresh++
	name := "variable " + strconv.Itoa(p.fresh)
	return func() *syntax.Ident { return &syntax.Ident{NamePos: p.pos(t), Name: name} }
}
