package python

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Entry is the global name of the function that holds a program.
const Entry = "program"

// ParseFunction reads of a program only a function of its first level, and what that needs:
// other functions of the first level, constants and imports. ok is false if there is no such
// function.
func ParseFunction(source, function string, modules Modules) (prog *Program, ok bool, err error) {
	p, body, err := parse(source, modules)
	if err != nil {
		return nil, false, err
	}
	defined := map[string]syntax.Stmt{}
	for _, s := range body {
		switch s := s.(type) {
		case *syntax.DefStmt:
			defined[s.Name.Name] = s
		case *syntax.AssignStmt:
			if id, ok := s.LHS.(*syntax.Ident); ok && isConstant(s.RHS) {
				defined[id.Name] = s
			}
		}
	}
	if _, ok := defined[function].(*syntax.DefStmt); !ok {
		return nil, false, nil
	}
	needed := map[syntax.Stmt]bool{}
	need(defined, needed, function)
	prog = &Program{source: source, used: p.used}
	for _, s := range body {
		if needed[s] {
			prog.tree = append(prog.tree, s)
		}
	}
	return prog, true, nil
}

// need marks what defines a name, and what that needs in turn.
func need(defined map[string]syntax.Stmt, needed map[syntax.Stmt]bool, name string) {
	s := defined[name]
	if s == nil || needed[s] {
		return
	}
	needed[s] = true
	syntax.Walk(s, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok {
			need(defined, needed, id.Name)
		}
		return true
	})
}

// isConstant reports whether a value is the same whenever it is calculated.
func isConstant(x syntax.Expr) bool {
	all := func(list []syntax.Expr) bool {
		for _, e := range list {
			if !isConstant(e) {
				return false
			}
		}
		return true
	}
	switch x := x.(type) {
	case *syntax.Literal:
		return true
	case *syntax.Ident:
		return keyword(x.Name) || strings.HasPrefix(x.Name, ModulePrefix)
	case *syntax.DotExpr:
		return isConstant(x.X)
	case *syntax.ListExpr:
		return all(x.List)
	case *syntax.TupleExpr:
		return all(x.List)
	case *syntax.DictExpr:
		return all(x.List)
	case *syntax.DictEntry:
		return isConstant(x.Key) && isConstant(x.Value)
	}
	return false
}

// Compile resolves all names and compiles the program, once. known tells which names the
// caller provides. The error is a *SyntaxError or several joined.
func (p *Program) Compile(known func(name string) bool) (prog *starlark.Program, err error) {
	file := &syntax.File{
		Path: fileName, Stmts: p.tree,
		Options: &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true},
	}
	defer func() {
		if v := recover(); v != nil { // the tree is none that Starlark's own parser would make
			prog, err = nil, fault(p.source, 0, "the program cannot be compiled: %v", v)
		}
	}()
	prog, err = starlark.FileProgram(file, known)
	var list resolve.ErrorList
	if !errors.As(err, &list) {
		if err != nil {
			err = fault(p.source, 0, "%s", err)
		}
		return prog, err
	}
	var all []error
	for _, e := range list {
		all = append(all, p.place(e))
	}
	return nil, errors.Join(all...)
}

// place finds the place in the source that Starlark means.
func (p *Program) place(e resolve.Error) error {
	at := 0
	for range e.Pos.Line - 1 {
		at += strings.IndexByte(p.source[at:], '\n') + 1
	}
	reason := e.Msg
	if name, ok := strings.CutPrefix(reason, "undefined: "); ok {
		name, hint, _ := strings.Cut(name, " ")
		reason = fmt.Sprintf("unknown name %s %s", name, hint)
	}
	return fault(p.source, at+max(int(e.Pos.Col)-1, 0), "%s", strings.TrimSpace(reason))
}
