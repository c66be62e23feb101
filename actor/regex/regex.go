// Package regex is the one place where regular expressions are compiled and run.
//
// Patterns are written for Python's re, as they stand in configurations, or for
// Oniguruma, as in grok patterns. They are translated for one of two engines: the
// standard library's, whose time is linear in the length of the text, and a backtracking
// one with a time limit for patterns with lookaround, backreferences, atomic groups and
// the like. Callers do not see which of them runs. Both work on bytes that need not be
// UTF-8; an invalid byte counts as one character.
package regex

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// Options of a pattern.
type Options struct {
	Flags Flags
	// Grok takes what Oniguruma knows and Python does not, such as \h.
	Grok bool
	// Timeout limits one match of the backtracking engine. 0 is no limit.
	Timeout time.Duration
	// LinearOnly refuses patterns that need the backtracking engine.
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

	linear   *regexp.Regexp // nil for patterns that need to backtrack
	anchored *regexp.Regexp // linear, at the start only
	slow     *regexp2.Regexp
	slowAt   *regexp2.Regexp // slow, at the start only
	context  bool            // matches depend on what stands before them
	newline  int             // linear: group that takes a final newline from before $, or 0
}

// Compile compiles a pattern. The error is a *SyntaxError.
func Compile(pattern string, o Options) (*Pattern, error) {
	t := translate(pattern, o, linear)
	if t.err == nil && t.why != "" {
		if o.LinearOnly {
			return nil, &SyntaxError{pattern, t.whyAt, t.why + " needs backtracking, which linear_only forbids"}
		}
		t = translate(pattern, o, backtracking)
	}
	if t.err != nil {
		return nil, t.err
	}
	p := &Pattern{source: pattern, names: t.names, why: t.why, opts: o, context: t.context, newline: t.newline}
	if err := p.compile(t); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pattern) compile(t *translation) error {
	var err error
	if t.engine == linear {
		if p.linear, err = regexp.Compile(t.text()); err == nil {
			p.anchored, err = regexp.Compile(`\A(?:` + t.text() + `)`)
		}
		if err == nil && !p.context {
			return nil
		}
		if err == nil { // for matches that do not begin at the start of the text
			t = translate(p.source, p.opts, backtracking)
			p.slow, err = compileSlow(t.text(), p.opts)
		}
	} else {
		if p.slow, err = compileSlow(t.text(), p.opts); err == nil {
			p.slowAt, err = compileSlow(`\A(?:`+t.text()+`)`, p.opts)
		}
	}
	if err != nil {
		return &SyntaxError{p.source, -1, err.Error()}
	}
	return nil
}

func compileSlow(text string, o Options) (*regexp2.Regexp, error) {
	opts := regexp2.None
	re, err := regexp2.Compile(text, opts)
	if err != nil {
		return nil, err
	}
	if o.Timeout > 0 {
		re.MatchTimeout = o.Timeout
	}
	return re, nil
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.source }

// Names returns the name of every group by its number; "" for unnamed ones and group 0.
// A name may occur several times in grok patterns.
func (p *Pattern) Names() []string { return p.names }

// NumGroups is the number of groups, the whole match not counted.
func (p *Pattern) NumGroups() int { return len(p.names) - 1 }

// Engine names the engine that runs the pattern: linear or backtracking.
func (p *Pattern) Engine() string {
	if p.linear != nil {
		return "linear"
	}
	return "backtracking"
}

// Why names the construct that needs backtracking, "" if none does.
func (p *Pattern) Why() string { return p.why }

// Machine returns the scratch memory for one goroutine.
func (p *Pattern) Machine() *Machine {
	return &Machine{p: p, caps: make([]int, 2*len(p.names))}
}
