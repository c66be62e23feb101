// Package regex compiles and runs the regular expressions of the program: those of
// configurations, written for Python's re, and grok patterns, written for Oniguruma.
//
// # How a pattern becomes a program
//
//	pattern --parse--> tree --compile--> instructions --run--> offsets of groups
//	                    |                                        ^
//	                    |---------> automaton --reject-----------| "no match at all"
//	                    |
//	                    '---------> package regexp, where the machine would take too long
//
// A pattern is read once into a tree that has no dialect any more (parse.go, syntax.go).
// The compiler (compile.go) goes over the tree from its end to its begin, so that for each
// part it knows with which bytes everything behind it can begin. That is worth a lot:
//
//   - A repeat such as \d+ in front of a dot never has to give a digit back. It becomes a
//     run: one tight loop, or a search for the byte that ends it, and no choice to
//     remember. In a pattern for access logs there is one choice left of twenty.
//   - An alternative, an option, a loop become a table: the next byte tells which branches
//     can succeed at all. Mostly that is one.
//   - A repeat that must give back looks for the places where what follows can begin, from
//     the end, and leaves one frame, not one for every byte.
//
// The machine (machine.go, scan.go) runs forward until an instruction fails and goes back
// to the last choice. Its stack and slots belong to one goroutine and are used again, so
// that a match allocates nothing.
//
// # Why it ends
//
// Going back can take exponential time. After a few steps in vain the machine asks the
// rejecter (automaton.go), a deterministic automaton for a superset of the pattern whose
// states are made on demand: it tells in one pass whether there can be a match. After
// several lines without one it is asked first, and before that the part of the pattern that
// these lines lacked is looked for alone (tail.go). If there can be a match, failures are
// remembered by instruction and position from then on, so that nothing is tried twice. And
// if that is not enough, the package regexp takes over for patterns that it knows; for all
// others there is a limit of steps and of time.
//
// # Text
//
// Texts need not be valid UTF-8. A byte that is not part of a valid character counts as one
// character, U+FFFD, as in the package regexp.
package regex

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Dialect is the way in which a pattern is written.
type Dialect uint8

const (
	// Python is the dialect of the package re, of bytes unless the Unicode flag is set:
	// $ also matches before a newline at the end, and a flag such as (?i) counts for the
	// whole pattern.
	Python Dialect = iota
	// Oniguruma is that of grok patterns: ^ and $ match at lines, m lets the dot match
	// newlines, \h is a hex digit, groups may share a name, and names may hold dots,
	// brackets and @.
	Oniguruma
	// RE2 is that of the package regexp: neither lookaround nor backreferences, and $ is
	// the end of the text.
	RE2
)

// Options of a pattern.
type Options struct {
	Flags   Flags
	Dialect Dialect
	// Timeout limits one match, to some milliseconds. 0 leaves only the limit of steps,
	// some seconds' worth.
	Timeout time.Duration
	// LinearOnly refuses patterns whose time is not linear in the length of the text.
	LinearOnly bool
}

// SyntaxError says what is wrong with a pattern, and where.
type SyntaxError struct {
	Pattern string
	// Offset is the place in bytes, or -1 if it is not known.
	Offset int
	Reason string
}

// Error gives the pattern with the place and the reason.
func (e *SyntaxError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("bad regular expression %q: %s", e.Pattern, e.Reason)
	}
	return fmt.Sprintf("bad regular expression %q at offset %d: %s", e.Pattern, e.Offset, e.Reason)
}

// ErrTimeout is returned when a match took too long. The text counts as not matched.
var ErrTimeout = errors.New("the regular expression took too long")

// Pattern is a compiled pattern. It is immutable and safe for concurrent use; each
// goroutine matches with a Machine of its own.
type Pattern struct {
	source string
	names  []string // by group, "" for unnamed ones
	why    string
	opts   Options

	tree     *node
	prog     *program         // nil if only the package regexp can run it
	std      func() *standard // nil for patterns that it does not know
	tails    func() []tail
	linear   bool // std is not nil
	context  bool // matches depend on what stands before them
	lineless bool // see suits
}

// Compile compiles a pattern. The error is a *SyntaxError.
func Compile(pattern string, o Options) (*Pattern, error) {
	tree, parsed := parse(pattern, o)
	if parsed.err != nil {
		return nil, parsed.err
	}
	if parsed.why != "" && o.LinearOnly {
		return nil, &SyntaxError{pattern, parsed.whyAt, parsed.why + " needs backtracking, which linear_only forbids"}
	}
	p := &Pattern{source: pattern, names: parsed.names, why: parsed.why, opts: o, tree: tree, linear: expressible(tree)}
	p.std = sync.OnceValue(func() *standard { return newStandard(tree) })
	p.context, p.lineless = contextOf(tree)
	p.tails = sync.OnceValue(func() []tail { return tailsOf(p) })
	if o.Dialect == RE2 && !p.linear { // loops with empty rounds, which RE2 runs its own way
		p.std = sync.OnceValue(func() *standard { return verbatim(pattern) })
		return p, nil
	}
	var err error
	if p.prog, err = compileProgram(tree, parsed); err != nil {
		return nil, &SyntaxError{pattern, -1, err.Error()}
	}
	p.prog.rejecter = newAutomaton([]*node{tree})
	return p, nil
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.source }

// Names returns the name of every group by its number; "" for unnamed ones and group 0.
// A name may occur several times in grok patterns.
func (p *Pattern) Names() []string { return p.names }

// NumGroups is the number of groups, the whole match not counted.
func (p *Pattern) NumGroups() int { return len(p.names) - 1 }

// Engine names what the time of the pattern is like: linear in the length of the text, or
// backtracking, which is limited.
func (p *Pattern) Engine() string {
	if p.why == "" {
		return "linear"
	}
	return "backtracking"
}

// Why names the construct that needs backtracking, "" if none does.
func (p *Pattern) Why() string { return p.why }

// Machine returns the scratch memory for one goroutine.
func (p *Pattern) Machine() *Machine {
	slots := 2 * len(p.names)
	if p.prog != nil {
		slots = p.prog.slots
	}
	return &Machine{p: p, slots: make([]int, slots), patience: leastPatience}
}
