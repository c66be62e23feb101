package regex

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// engine is what a translation is written for.
type engine uint8

const (
	linear       engine = iota // the standard library's syntax
	backtracking               // that of .NET, in ASCII mode unless the Unicode flag is set
)

const (
	maxPattern = 1 << 18 // bytes of a pattern
	maxNesting = 250     // groups in groups
	maxRepeat  = 1000    // above this the linear engine refuses a counted repeat
)

// translation reads a pattern from left to right and writes what an engine understands.
// All groups are written without names, so that both engines number them alike.
type translation struct {
	src    string
	pos    int
	engine engine
	grok   bool
	out    []byte
	names  []string
	depth  int

	why     string // first construct that needs backtracking
	whyAt   int
	context bool // matches depend on what stands before them
	newline int  // the group for the newline before $, where the linear engine has one
	err     error
}

func translate(pattern string, o Options, e engine) *translation {
	t := &translation{src: pattern, engine: e, grok: o.Grok, names: []string{""}}
	flags := o.Flags
	switch {
	case len(pattern) > maxPattern:
		t.fail(-1, "the pattern is too long")
	case !utf8.ValidString(pattern):
		t.fail(-1, "the pattern is not valid UTF-8")
	}
	if !t.grok {
		flags |= globalFlags(pattern)
	}
	if flags&Unicode != 0 {
		t.need("the Unicode flag", 0)
	}
	t.alternatives(flags)
	if t.err == nil && t.pos < len(t.src) {
		t.fail(t.pos, "unbalanced )")
	}
	return t
}

// text is the translated pattern. Case is folded for the pattern as a whole or in parts.
func (t *translation) text() string { return string(t.out) }

func (t *translation) fail(at int, format string, args ...any) {
	if t.err == nil {
		t.err = &SyntaxError{t.src, at, fmt.Sprintf(format, args...)}
	}
	t.pos = len(t.src)
}

// need notes that a construct needs backtracking.
func (t *translation) need(construct string, at int) {
	if t.why == "" {
		t.why, t.whyAt = construct, at
	}
}

func (t *translation) emit(s string) { t.out = append(t.out, s...) }

func (t *translation) more() bool { return t.pos < len(t.src) }

func (t *translation) peek() byte { return t.src[t.pos] }

func (t *translation) accept(s string) bool {
	if strings.HasPrefix(t.src[t.pos:], s) {
		t.pos += len(s)
		return true
	}
	return false
}

// globalFlags finds flags that Python applies to the whole pattern wherever they stand.
func globalFlags(pattern string) Flags {
	var all Flags
	for i := 0; i+3 < len(pattern); i++ {
		if pattern[i] == '\\' {
			i++
			continue
		}
		if flags, n, off := inlineFlags(pattern[i:]); n > 0 && pattern[i+n-1] == ')' {
			all |= flags &^ off
		}
	}
	return all
}

// inlineFlags reads (?i) or (?i-s: at the start of s and returns its length.
func inlineFlags(s string) (on Flags, n int, off Flags) {
	if !strings.HasPrefix(s, "(?") {
		return 0, 0, 0
	}
	minus := false
	for i := 2; i < len(s); i++ {
		f, known := letter(s[i])
		switch {
		case s[i] == '-' && !minus:
			minus = true
		case (s[i] == ')' || s[i] == ':') && i > 2:
			return on, i + 1, off
		case !known:
			return 0, 0, 0
		case minus:
			off |= f
		default:
			on |= f
		}
	}
	return 0, 0, 0
}

// alternatives translates up to the end of the group or pattern.
func (t *translation) alternatives(flags Flags) {
	if t.depth++; t.depth > maxNesting {
		t.fail(t.pos, "groups are nested too deeply")
	}
	for t.more() {
		switch t.peek() {
		case ')':
			t.depth--
			return
		case '|':
			t.pos++
			t.emit("|")
		default:
			flags = t.item(flags)
		}
	}
	t.depth--
}

// item translates one atom with its quantifier and returns the flags from there on.
func (t *translation) item(flags Flags) Flags {
	if flags&Verbose != 0 && t.skipBlank() {
		return flags
	}
	if f, n, off := inlineFlags(t.src[t.pos:]); n > 0 && t.src[t.pos+n-1] == ')' {
		t.pos += n
		if t.grok {
			return flags&^off | f
		}
		return flags
	}
	if t.accept("(?#") {
		_, rest, closed := strings.Cut(t.src[t.pos:], ")")
		if !closed {
			t.fail(t.pos-3, "comment is not closed")
		}
		t.pos = len(t.src) - len(rest)
		return flags
	}
	start, at := len(t.out), t.pos
	repeatable := t.atom(flags)
	if flags&Verbose != 0 {
		for t.skipBlank() {
		}
	}
	t.quantifier(start, at, repeatable)
	return flags
}

// skipBlank passes over what the verbose flag makes meaningless.
func (t *translation) skipBlank() bool {
	if !t.more() {
		return false
	}
	switch c := t.peek(); {
	case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
		t.pos++
		return true
	case c == '#':
		_, rest, _ := strings.Cut(t.src[t.pos:], "\n")
		t.pos = len(t.src) - len(rest)
		return true
	}
	return false
}

// atom translates one thing that can be repeated, or an assertion.
func (t *translation) atom(flags Flags) (repeatable bool) {
	at := t.pos
	c := t.peek()
	t.pos++
	switch c {
	case '(':
		return t.group(flags, at)
	case '[':
		t.class(flags, at)
	case '.':
		t.emit(map[bool]string{true: `(?s:.)`, false: `[^\n]`}[flags&DotAll != 0])
	case '^':
		t.context = true
		t.emit(map[bool]string{true: `(?m:^)`, false: `\A`}[flags&Multiline != 0 || t.grok])
		return false
	case '$':
		t.dollar(flags, at)
		return false
	case '*', '+', '?':
		t.fail(at, "nothing to repeat")
	case '\\':
		return t.escape(flags, at)
	default:
		t.pos = at
		t.literal(flags)
	}
	return true
}

// dollar matches at the end, or before a final newline. In grok patterns it matches at the
// end of every line.
func (t *translation) dollar(flags Flags, at int) {
	switch {
	case flags&Multiline != 0 || t.grok:
		t.emit(`(?m:$)`)
	case t.engine == backtracking:
		t.emit(`(?=\n?\z)`)
	case t.depth == 1 && t.pos == len(t.src):
		t.newline = len(t.names)
		t.emit(`(\n)?\z`)
	default:
		t.need("$ before the end of the pattern", at)
		t.emit(`\z`)
	}
}

// literal writes one character.
func (t *translation) literal(flags Flags) {
	r, w := utf8.DecodeRuneInString(t.src[t.pos:])
	t.pos += w
	t.char(r, flags)
}

func (t *translation) char(r rune, flags Flags) {
	if flags&IgnoreCase != 0 && isLetter(r) {
		t.emit("(?i:" + string(r) + ")")
		return
	}
	t.emit(quoteRune(r))
}

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= utf8.RuneSelf
}

func quoteRune(r rune) string {
	switch {
	case r >= '0' && r <= '9' || isLetter(r) || r == '_' || r == ' ':
		return string(r)
	case r < 0x20 || r == 0x7f:
		return fmt.Sprintf(`\x%02x`, r)
	}
	return `\` + string(r)
}

// quantifier translates what follows an atom that began at start in the output.
func (t *translation) quantifier(start, at int, repeatable bool) {
	q, n := t.repeat()
	if n == 0 || t.err != nil {
		return
	}
	if !repeatable {
		t.fail(t.pos, "nothing to repeat")
		return
	}
	t.pos += n
	switch {
	case t.accept("+"):
		t.need("a possessive quantifier", at)
		body := string(t.out[start:])
		t.out = append(t.out[:start], "(?>"+body+q+")"...)
	case t.accept("?"):
		t.emit(q + "?")
	default:
		t.emit(q)
	}
	if _, n := t.repeat(); n > 0 && t.err == nil {
		t.fail(t.pos, "multiple repeat")
	}
}

// repeat reads *, +, ? or a counted repeat without moving on.
func (t *translation) repeat() (q string, n int) {
	if !t.more() {
		return "", 0
	}
	rest := t.src[t.pos:]
	switch rest[0] {
	case '*', '+', '?':
		return rest[:1], 1
	case '{':
	default:
		return "", 0
	}
	inner, _, closed := strings.Cut(rest[1:], "}")
	low, high, comma := strings.Cut(inner, ",")
	if !closed || inner == "" || inner == "," || !digits(low) || !digits(high) {
		return "", 0 // a brace that repeats nothing is text
	}
	if !comma {
		high = low
	}
	return t.counted(low, high, comma), len(inner) + 2
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (t *translation) counted(low, high string, comma bool) string {
	if low == "" {
		low = "0"
	}
	a, _ := strconv.Atoi(low) // out of range is the largest integer
	b, _ := strconv.Atoi(high)
	switch {
	case high != "" && a > b:
		t.fail(t.pos, "the smallest repeat is larger than the largest")
	case a > 1<<20 || b > 1<<20:
		t.fail(t.pos, "the repeat is too large")
	case a > maxRepeat || b > maxRepeat:
		t.need("a repeat above 1000", t.pos)
	}
	if !comma {
		return "{" + low + "}"
	}
	return "{" + low + "," + high + "}"
}
