// Package expr is everything in a configuration that looks at fields of an event:
// dynamic strings such as web_$(vhost), filters such as $(status) == '200', and the
// calculations of Math.
//
// A filter is a Python expression. It is parsed here, with positions for every fault.
// The common shapes become closures that allocate nothing; everything else is handed to
// govaluate as calls of the functions in semantics.go, so that both ways give the same
// answer.
package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/Knetic/govaluate"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
)

// Filter is a compiled filter. It is immutable and safe for concurrent use.
type Filter struct {
	prog *program
	fast cond                           // nil for filters that are not of a common shape
	slow *govaluate.EvaluableExpression // nil for the others
	low  *lowering
}

// ParseFilter compiles a filter. The error is a *SyntaxError, or several joined.
func ParseFilter(text string) (*Filter, error) {
	body, skipped := stripIf(text)
	prog, errs := parse(body, false)
	if len(errs) > 0 {
		all := make([]error, len(errs))
		for i, e := range errs {
			e.Offset += skipped
			all[i] = e
		}
		if len(all) == 1 {
			return nil, all[0]
		}
		return nil, errors.Join(all...)
	}
	prog.source = text
	f := &Filter{prog: prog}
	if c, ok := compileCond(prog.root); ok {
		f.fast = c
		return f, nil
	}
	return f, f.lower()
}

// stripIf takes the word if off the front.
func stripIf(s string) (body string, skipped int) {
	trimmed := strings.TrimLeft(s, " \t\r\n")
	if len(trimmed) > 2 && trimmed[:2] == "if" && strings.IndexByte(" \t\r\n(", trimmed[2]) >= 0 {
		trimmed = trimmed[2:]
		return trimmed, len(s) - len(trimmed)
	}
	return s, 0
}

// DecodeOption compiles the filter of a configuration.
func (f *Filter) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	parsed, err := ParseFilter(v.Text)
	if err != nil {
		return Place(err, v)
	}
	*f = *parsed
	var warnings []error
	if value, is := f.Constant(); is {
		warnings = append(warnings, v.Faultf(option.ConstantFilter, "the filter is always %t", value))
	}
	if f.Legacy() {
		warnings = append(warnings, legacyName(v))
	}
	return errors.Join(warnings...)
}

// OptionType describes filters in tables of options.
func (*Filter) OptionType() string { return "filter" }

func legacyName(v *option.Value) *option.Fault {
	f := v.Faultf(option.OldName, "a field of the metadata is used without its full name")
	f.Hint = "write it as in $(gambolputty.event_type)"
	return f
}

// Place turns syntax errors into faults of an option value.
func Place(err error, v *option.Value) error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range j.Unwrap() {
			all = append(all, Place(e, v))
		}
		return errors.Join(all...)
	}
	var s *SyntaxError
	if !errors.As(err, &s) {
		return v.Faultf(option.Filter, "%s", err)
	}
	f := v.Faultf(s.Code, "%s", s.Message)
	f.Position, f.Hint = v.At(s.Offset), s.Hint
	return f
}

// Source is the filter as it was written.
func (f *Filter) Source() string { return f.prog.source }

// String is the parsed form, with all parentheses.
func (f *Filter) String() string { return f.prog.root.String() }

// Constant returns the value of a filter that looks at no field.
func (f *Filter) Constant() (value, isConstant bool) {
	isConstant = true
	f.prog.root.walk(func(n *node) {
		if n.kind == nodeRef || n.kind == nodeInternal || n.kind == nodeEvent {
			isConstant = false
		}
	})
	if !isConstant {
		return false, false
	}
	return f.Matcher(nil, nil).Match(new(event.Event)), true
}

// Refs returns the fields that the filter looks at.
func (f *Filter) Refs() []event.Path { return f.prog.refs() }

func (p *program) refs() []event.Path {
	var list []event.Path
	p.root.walk(func(n *node) {
		if n.kind == nodeRef {
			list = append(list, n.ref.path)
		}
	})
	return list
}

// Legacy reports whether the filter uses a former spelling of a field.
func (f *Filter) Legacy() bool {
	legacy := false
	f.prog.root.walk(func(n *node) { legacy = legacy || n.kind == nodeRef && n.ref.legacy })
	return legacy
}

// ComparesNumber returns the fields that are compared with a number.
func (f *Filter) ComparesNumber() []event.Path {
	var list []event.Path
	f.prog.root.walk(func(n *node) {
		if n.kind != nodeCompare {
			return
		}
		for i, a := range n.args {
			if b := n.args[1-i]; a.kind == nodeRef && hasNumber(b) {
				list = append(list, a.ref.path)
			}
		}
	})
	return list
}

func hasNumber(n *node) bool {
	if n.kind == nodeList {
		for _, a := range n.args {
			if hasNumber(a) {
				return true
			}
		}
	}
	return n.kind == nodeLiteral && n.value.IsNumber()
}

// Probe hears of what goes wrong while filters are evaluated. Counting and limiting the
// rate of warnings is up to it.
type Probe interface {
	// Mismatch is called when text is compared with a number.
	Mismatch(filter, field string, a, b event.Value)
	// Failed is called when a filter could not be evaluated; it does not match then.
	Failed(filter string, err error)
	// Timeout is called when a regular expression took too long.
	Timeout(filter string)
}

// Internal is the process-wide store behind $(internal.key). It is safe for concurrent
// use; the zero Internal is empty.
type Internal struct {
	mu     sync.RWMutex
	values map[string]event.Value
}

// Set stores a copy of v.
func (s *Internal) Set(key string, v event.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string]event.Value{}
	}
	s.values[key] = v.Clone()
}

// Get returns what was stored last.
func (s *Internal) Get(key string) (event.Value, bool) {
	if s == nil {
		return event.Null, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.values[key]
	return v, ok
}

// Matcher evaluates a filter in one goroutine.
type Matcher struct {
	f        *Filter
	internal *Internal
	probe    Probe
	e        *event.Event
	machines []*regex.Machine
	dynamic  map[string]*regex.Machine
}

// Matcher returns the filter with scratch memory for one goroutine. in and p may be nil.
func (f *Filter) Matcher(in *Internal, p Probe) *Matcher {
	return &Matcher{f: f, internal: in, probe: p, machines: make([]*regex.Machine, f.prog.patterns)}
}

// Match reports whether e passes the filter. It never panics: an internal failure is no
// match.
func (m *Matcher) Match(e *event.Event) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			ok = false
			m.failed(fmt.Errorf("panic: %v", v))
		}
	}()
	m.e = e
	if m.f.fast != nil {
		return m.f.fast(m)
	}
	return m.evaluate()
}

func (m *Matcher) failed(err error) {
	if m.probe != nil {
		m.probe.Failed(m.f.prog.source, err)
	}
}

// field fetches a field of the event at hand.
func (m *Matcher) field(r *ref) val {
	v, ok := r.get(m.e)
	return val{Value: v, missing: !ok}
}

// compare evaluates a comparison other than is.
func (m *Matcher) compare(op, field string, a, b val) bool {
	switch op {
	case "==", "!=":
		if m.probe != nil && mismatched(a, b) {
			m.probe.Mismatch(m.f.prog.source, field, a.Value, b.Value)
		}
		return equal(a, b) == (op == "==")
	case "in", "not in":
		m.checkItems(field, a, b)
		return contains(a, b) == (op == "in")
	}
	return ordered(op, a, b)
}

// checkItems looks for text among numbers, or the other way round.
func (m *Matcher) checkItems(field string, a, b val) {
	if m.probe == nil || b.missing || b.Kind() != event.KindList || b.List().Len() == 0 {
		return
	}
	if first := of(b.List().At(0)); mismatched(a, first) {
		m.probe.Mismatch(m.f.prog.source, field, a.Value, first.Value)
	}
}

// machine returns the machine for the pattern of a call, nil for a bad one.
func (m *Matcher) machine(n *node, pattern val) *regex.Machine {
	if n.pattern != nil {
		if m.machines[n.slot] == nil {
			m.machines[n.slot] = n.pattern.Machine()
		}
		return m.machines[n.slot]
	}
	if pattern.missing || !pattern.IsString() {
		return nil
	}
	const most = 1000
	key := strconv.Itoa(int(n.flags)) + ":" + pattern.Str()
	r, known := m.dynamic[key]
	if known {
		return r
	}
	if m.dynamic == nil || len(m.dynamic) >= most {
		m.dynamic = map[string]*regex.Machine{}
	}
	p, err := regex.Compile(strings.Clone(pattern.Str()), regex.Options{Flags: n.flags, Timeout: regexTimeout})
	if err != nil {
		m.failed(err)
	} else {
		r = p.Machine()
	}
	m.dynamic[strings.Clone(key)] = r
	return r
}

// subject is the text that a regular expression looks at: numbers and booleans in their
// text form, nothing else.
func subject(v val) (string, bool) {
	if v.missing || v.match != nil {
		return "", false
	}
	switch v.Kind() {
	case event.KindNull, event.KindList, event.KindMap:
		return "", false
	}
	return v.Text(), true
}

// find runs re.match or re.search.
func (m *Matcher) find(n *node, pattern, in val) (caps []int, s string, r *regex.Machine) {
	s, ok := subject(in)
	if r = m.machine(n, pattern); !ok || r == nil {
		return nil, s, r
	}
	var err error
	if n.op == "re.match" {
		caps, err = r.MatchStart(s)
	} else {
		caps, err = r.Search(s, 0)
	}
	if err != nil && m.probe != nil {
		m.probe.Timeout(m.f.prog.source)
	}
	return caps, s, r
}
