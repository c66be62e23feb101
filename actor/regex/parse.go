package regex

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a pattern, which a hostile one would exceed.
const (
	maxPattern = 1 << 18 // bytes
	maxNesting = 250     // groups in groups
	maxRepeat  = 1 << 20 // of a counted repeat
)

// parser reads a pattern from left to right.
type parser struct {
	src     string
	pos     int
	dialect Dialect
	names   []string // of the groups, "" for those without
	open    []bool   // groups that are not closed yet
	depth   int

	why   string // first construct that needs backtracking
	whyAt int
	err   error
}

// parse makes a tree of a pattern.
func parse(pattern string, o Options) (*node, *parser) {
	p := &parser{src: pattern, dialect: o.Dialect, names: []string{""}, open: []bool{false}}
	flags := o.Flags
	switch {
	case len(pattern) > maxPattern:
		p.fail(-1, "the pattern is too long")
	case !utf8.ValidString(pattern):
		p.fail(-1, "the pattern is not valid UTF-8")
	}
	if p.dialect == Python {
		flags |= globalFlags(pattern)
	}
	n := p.alternatives(flags)
	if p.err == nil && p.more() {
		p.fail(p.pos, "unbalanced )")
	}
	return n, p
}

// fail notes the first mistake and ends the reading.
func (p *parser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{p.src, at, fmt.Sprintf(format, args...)}
	}
	p.pos = len(p.src)
}

// need notes that a construct needs backtracking, which RE2 does not have.
func (p *parser) need(construct string, at int) {
	if p.dialect == RE2 {
		p.fail(at, "%s is not allowed in RE2 patterns", construct)
	}
	if p.why == "" {
		p.why, p.whyAt = construct, at
	}
}

func (p *parser) more() bool { return p.pos < len(p.src) }

func (p *parser) peek() byte { return p.src[p.pos] }

func (p *parser) accept(s string) bool {
	if strings.HasPrefix(p.src[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

// globalFlags finds the flags that Python applies to the whole pattern wherever they
// stand.
func globalFlags(pattern string) Flags {
	var all Flags
	for i := 0; i+3 < len(pattern); i++ {
		if pattern[i] == '\\' {
			i++
			continue
		}
		if on, n, off := inlineFlags(pattern[i:], Python); n > 0 && pattern[i+n-1] == ')' {
			all |= on &^ off
		}
	}
	return all
}

// inlineFlags reads (?i) or (?i-s: at the start of s and returns its length.
func inlineFlags(s string, d Dialect) (on Flags, n int, off Flags) {
	if !strings.HasPrefix(s, "(?") {
		return 0, 0, 0
	}
	minus := false
	for i := 2; i < len(s); i++ {
		f, known := letter(s[i], d)
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

// alternatives reads up to the end of the group or pattern.
func (p *parser) alternatives(flags Flags) *node { return alternate(p.branches(flags)) }

// branches reads the alternatives of a group or pattern.
func (p *parser) branches(flags Flags) []*node {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.pos, "groups are nested too deeply")
	}
	defer func() { p.depth-- }()
	var branches, items []*node
	for p.more() && p.peek() != ')' {
		if p.peek() == '|' {
			p.pos++
			branches = append(branches, join(kindConcat, items))
			items = nil
			continue
		}
		var n *node
		if n, flags = p.item(flags); n != nil {
			items = appendItem(items, n)
		}
	}
	return append(branches, join(kindConcat, items))
}

// appendItem joins neighbouring literals.
func appendItem(items []*node, n *node) []*node {
	if len(items) > 0 && n.kind == kindLiteral {
		if last := items[len(items)-1]; last.kind == kindLiteral {
			items[len(items)-1] = literal(last.text + n.text)
			return items
		}
	}
	return append(items, n)
}

// item reads one atom with its quantifier, and returns the flags from there on. There is
// no node for what matches nothing, such as a comment.
func (p *parser) item(flags Flags) (*node, Flags) {
	if flags&Verbose != 0 && p.skipBlank() {
		return nil, flags
	}
	if on, n, off := inlineFlags(p.src[p.pos:], p.dialect); n > 0 && p.src[p.pos+n-1] == ')' {
		p.pos += n
		if p.dialect != Python {
			flags = flags&^off | on
		}
		return nil, flags
	}
	if p.dialect != RE2 && p.accept("(?#") {
		_, rest, closed := strings.Cut(p.src[p.pos:], ")")
		if !closed {
			p.fail(p.pos-3, "comment is not closed")
		}
		p.pos = len(p.src) - len(rest)
		return nil, flags
	}
	at := p.pos
	n, repeatable := p.atom(flags)
	if flags&Verbose != 0 {
		for p.skipBlank() {
		}
	}
	return p.quantified(n, flags, at, repeatable), flags
}

// skipBlank passes over what the verbose flag makes meaningless.
func (p *parser) skipBlank() bool {
	if !p.more() {
		return false
	}
	switch c := p.peek(); {
	case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
		p.pos++
		return true
	case c == '#':
		_, rest, _ := strings.Cut(p.src[p.pos:], "\n")
		p.pos = len(p.src) - len(rest)
		return true
	}
	return false
}

// atom reads one thing that can be repeated, or an assertion.
func (p *parser) atom(flags Flags) (n *node, repeatable bool) {
	at := p.pos
	if _, _, length := p.repeat(); length > 0 {
		p.fail(at, "nothing to repeat")
		return &node{}, false
	}
	c := p.peek()
	p.pos++
	switch c {
	case '(':
		return p.group(flags, at)
	case '[':
		return setNode(p.class(flags, at)), true
	case '.':
		if flags&DotAll != 0 {
			return setNode(charSet(nil).negated()), true
		}
		return setNode(charSet{{'\n', '\n'}}.negated()), true
	case '^':
		return assertion(p.caret(flags)), p.dialect == RE2
	case '$':
		return assertion(p.dollar(flags)), p.dialect == RE2
	case '\\':
		return p.escape(flags, at)
	}
	r, w := utf8.DecodeRuneInString(p.src[at:])
	p.pos = at + w
	return char(r, flags), true
}

func (p *parser) caret(flags Flags) place {
	if flags&Multiline != 0 || p.dialect == Oniguruma {
		return lineBegin
	}
	return textBegin
}

// dollar matches at the end. In Python's dialect also before a newline there, in grok
// patterns at the end of every line.
func (p *parser) dollar(flags Flags) place {
	switch {
	case flags&Multiline != 0 || p.dialect == Oniguruma:
		return lineEnd
	case p.dialect == Python:
		return textEndOrLine
	}
	return textEnd
}

// char is the node for one character.
func char(r rune, flags Flags) *node {
	s := charSet{{r, r}}
	if flags&IgnoreCase != 0 {
		s = s.folded()
	}
	if len(s) > 1 || r == utf8.RuneError { // which stands for invalid bytes too
		return setNode(s)
	}
	return literal(string(r))
}

// quantified reads what follows an atom that began at offset at.
func (p *parser) quantified(n *node, flags Flags, at int, repeatable bool) *node {
	for {
		least, most, length := p.repeat()
		if length == 0 || p.err != nil {
			return n
		}
		if !repeatable {
			p.fail(p.pos, "nothing to repeat")
			return n
		}
		braces := p.peek() == '{'
		p.pos += length
		n = &node{kind: kindRepeat, subs: []*node{n}, min: least, max: most, greed: p.greed(flags, at, braces)}
		if _, _, length = p.repeat(); length > 0 && p.dialect != Oniguruma {
			p.fail(p.pos, "multiple repeat")
			return n
		}
	}
}

// greed reads what may follow a quantifier. After braces, Oniguruma's plus is one more
// quantifier.
func (p *parser) greed(flags Flags, at int, braces bool) greed {
	switch {
	case p.dialect != RE2 && !(p.dialect == Oniguruma && braces) && p.accept("+"):
		p.need("a possessive quantifier", at)
		return possessive
	case p.accept("?") != (flags&swapGreed != 0):
		return lazy
	}
	return greedy
}

// repeat looks at *, +, ? or a counted repeat without moving on. A brace that repeats
// nothing is text.
func (p *parser) repeat() (least, most, length int) {
	if !p.more() {
		return 0, 0, 0
	}
	rest := p.src[p.pos:]
	switch rest[0] {
	case '*':
		return 0, unlimited, 1
	case '+':
		return 1, unlimited, 1
	case '?':
		return 0, 1, 1
	case '{':
	default:
		return 0, 0, 0
	}
	inner, _, closed := strings.Cut(rest[1:], "}")
	low, high, comma := strings.Cut(inner, ",")
	if !closed || inner == "" || inner == "," || !digits(low) || !digits(high) {
		return 0, 0, 0
	}
	if p.dialect == RE2 && (low == "" || padded(low) || padded(high)) {
		return 0, 0, 0
	}
	least, most = p.counted(low, high, comma)
	return least, most, len(inner) + 2
}

func padded(s string) bool { return len(s) > 1 && s[0] == '0' }

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (p *parser) counted(low, high string, comma bool) (least, most int) {
	if low == "" {
		low = "0"
	}
	least, _ = strconv.Atoi(low) // out of range is the largest integer
	switch {
	case !comma:
		most = least
	case high == "":
		most = unlimited
	default:
		most, _ = strconv.Atoi(high)
	}
	switch {
	case least > most:
		p.fail(p.pos, "the smallest repeat is larger than the largest")
	case least > maxRepeat || most > maxRepeat && most != unlimited:
		p.fail(p.pos, "the repeat is too large")
	case p.dialect == RE2 && (least > 1000 || most > 1000 && most != unlimited):
		p.fail(p.pos, "the repeat is too large")
	}
	return least, most
}

// newGroup adds a group and returns its number.
func (p *parser) newGroup(name string, at int) int {
	if name != "" && p.dialect != Oniguruma && slices.Contains(p.names, name) {
		p.fail(at, "group name %q is used twice", name)
	}
	p.names = append(p.names, name)
	p.open = append(p.open, true)
	return len(p.names) - 1
}
