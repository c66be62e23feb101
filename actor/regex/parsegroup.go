package regex

import (
	"slices"
	"strconv"
	"strings"
)

// group reads what follows an opening parenthesis.
func (p *parser) group(flags Flags, at int) (n *node, repeatable bool) {
	if on, n, off := inlineFlags(p.src[at:], p.dialect); n > 0 {
		p.pos = at + n
		return p.rest(flags&^off|on, at), true
	}
	switch {
	case !p.accept("?"):
		return p.capture("", flags, at), true
	case p.accept(":"):
		return p.rest(flags, at), true
	case p.accept("P<"):
		return p.capture(p.name('>', at), flags, at), true
	case p.accept("P="):
		return p.backref(p.until(')', at), flags, at), true
	case p.accept("="):
		return p.look("lookahead", false, false, flags, at), p.dialect == Oniguruma
	case p.accept("!"):
		return p.look("lookahead", false, true, flags, at), p.dialect == Oniguruma
	case p.accept("<="):
		return p.look("lookbehind", true, false, flags, at), p.dialect == Oniguruma
	case p.accept("<!"):
		return p.look("lookbehind", true, true, flags, at), p.dialect == Oniguruma
	case p.accept(">"):
		p.need("an atomic group", at)
		return &node{kind: kindAtomic, subs: []*node{p.rest(flags, at)}}, true
	case p.accept("<"):
		return p.capture(p.name('>', at), flags, at), true
	case p.dialect != RE2 && p.accept("'"):
		return p.capture(p.name('\'', at), flags, at), true
	case p.dialect != RE2 && p.accept("("):
		return p.condition(flags, at), true
	}
	p.fail(at, "unknown kind of group")
	return &node{}, false
}

// rest reads the inside of a group whose opening is known.
func (p *parser) rest(flags Flags, at int) *node {
	return alternate(p.restBranches(flags, at))
}

func (p *parser) restBranches(flags Flags, at int) []*node {
	branches := p.branches(flags)
	if !p.accept(")") {
		p.fail(at, "missing ), unterminated group")
	}
	return branches
}

func (p *parser) look(construct string, behind, negative bool, flags Flags, at int) *node {
	p.need(construct, at)
	return &node{kind: kindLook, behind: behind, negative: negative, subs: []*node{p.rest(flags, at)}}
}

func (p *parser) capture(name string, flags Flags, at int) *node {
	g := p.newGroup(name, at)
	n := &node{kind: kindCapture, group: g, subs: []*node{p.rest(flags, at)}}
	p.open[g] = false
	return n
}

// number finds a group that stands before this place by its number or name.
func (p *parser) number(name string, at int) (n int, ok bool) {
	n, err := strconv.Atoi(name)
	if err != nil {
		n = slices.Index(p.names, name)
	}
	if n < 1 || n >= len(p.names) {
		p.fail(at, "reference to unknown group %q", name)
		return 0, false
	}
	return n, true
}

// name reads the name of a group up to its end. In grok patterns it may hold dots,
// brackets, @ and so on; in others it is an identifier.
func (p *parser) name(end byte, at int) string {
	name := p.until(end, at)
	if p.err != nil {
		return ""
	}
	if name == "" || p.dialect != Oniguruma && !identifier(name) {
		p.fail(at, "bad group name %q", name)
	}
	return name
}

// until reads up to and over a delimiter.
func (p *parser) until(end byte, at int) string {
	i := strings.IndexByte(p.src[p.pos:], end)
	if i < 0 {
		p.fail(at, "missing %c, unterminated group name", end)
		return ""
	}
	name := p.src[p.pos : p.pos+i]
	p.pos += i + 1
	return name
}

func identifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') && c < 0x80 {
			return false
		}
	}
	return s != ""
}

// backref reads a reference to what a group matched. A name stands for the last group
// that is called so.
func (p *parser) backref(name string, flags Flags, at int) *node {
	g, ok := p.number(name, at)
	if !ok {
		return &node{}
	}
	if p.open[g] {
		p.fail(at, "reference to group %q inside of it", name)
	}
	p.need("a backreference", at)
	return &node{kind: kindBackref, group: g, fold: flags&IgnoreCase != 0}
}

// condition reads (?(1)yes|no) after its second parenthesis.
func (p *parser) condition(flags Flags, at int) *node {
	name := strings.Trim(p.until(')', at), "<>'")
	g, ok := p.number(name, at)
	if !ok {
		return &node{}
	}
	p.need("a conditional group", at)
	branches := p.restBranches(flags, at)
	switch len(branches) {
	case 1:
		branches = append(branches, &node{kind: kindEmpty})
	case 2:
	default:
		p.fail(at, "a conditional group has more than two branches")
	}
	return &node{kind: kindCondition, group: g, subs: branches}
}

// escape reads what follows a backslash outside of a class.
func (p *parser) escape(flags Flags, at int) (n *node, repeatable bool) {
	if !p.more() {
		p.fail(at, "backslash at the end")
		return &node{}, false
	}
	c := p.peek()
	p.pos++
	if a, ok := p.assertion(c, flags); ok {
		return assertion(a), p.dialect == RE2
	}
	switch {
	case c == 'Q':
		text, rest, _ := strings.Cut(p.src[p.pos:], `\E`)
		p.pos = len(p.src) - len(rest)
		var chars []*node
		for _, r := range text {
			chars = appendItem(chars, char(r, flags))
		}
		return join(kindConcat, chars), true
	case c == 'k' && p.accept("<"):
		return p.backref(p.until('>', at), flags, at), true
	case c >= '1' && c <= '9' && !p.octal(at):
		end := p.pos
		if p.more() && p.peek() >= '0' && p.peek() <= '9' {
			end++
		}
		name := p.src[at+1 : end]
		p.pos = end
		return p.backref(name, flags, at), true
	}
	p.pos = at
	if s, ok := p.shorthand(flags); ok {
		return setNode(s), true
	}
	return char(p.escaped(at), flags), true
}

// assertion reads an escape that stands for a place.
func (p *parser) assertion(c byte, flags Flags) (place, bool) {
	unicode := flags&Unicode != 0
	switch {
	case c == 'A':
		return textBegin, true
	case c == 'Z' && p.dialect == Oniguruma:
		return textEndOrLine, true
	case c == 'Z' && p.dialect == Python, c == 'z' && p.dialect != Python:
		return textEnd, true
	case c == 'b' && unicode:
		return unicodeBoundary, true
	case c == 'b':
		return wordBoundary, true
	case c == 'B' && unicode:
		return noUnicodeBoundary, true
	case c == 'B':
		return noWordBoundary, true
	}
	return 0, false
}

// octal reports whether \123 at this place is a character: three digits, all octal.
func (p *parser) octal(at int) bool {
	if at+4 > len(p.src) {
		return false
	}
	for _, c := range []byte(p.src[at+1 : at+4]) {
		if c < '0' || c > '7' {
			return false
		}
	}
	return true
}
