package regex

import (
	"slices"
	"strconv"
	"strings"
)

// group translates what follows an opening parenthesis.
func (t *translation) group(flags Flags, at int) (repeatable bool) {
	if on, n, off := inlineFlags(t.src[at:]); n > 0 {
		t.pos = at + n
		t.rest("(?:", flags&^off|on, at)
		return true
	}
	switch {
	case !t.accept("?"):
		t.capture("", flags, at)
	case t.accept(":"):
		t.rest("(?:", flags, at)
	case t.accept("P<"):
		t.capture(t.name('>', at), flags, at)
	case t.accept("P="):
		t.reference(t.until(')', at), at)
	case t.accept("="):
		return t.around("(?=", "lookahead", flags, at)
	case t.accept("!"):
		return t.around("(?!", "lookahead", flags, at)
	case t.accept("<="):
		t.context = true
		return t.around("(?<=", "lookbehind", flags, at)
	case t.accept("<!"):
		t.context = true
		return t.around("(?<!", "lookbehind", flags, at)
	case t.accept(">"):
		t.need("an atomic group", at)
		t.rest("(?>", flags, at)
	case t.accept("<"):
		t.capture(t.name('>', at), flags, at)
	case t.accept("'"):
		t.capture(t.name('\'', at), flags, at)
	case t.accept("("):
		t.conditional(flags, at)
	default:
		t.fail(at, "unknown kind of group")
	}
	return true
}

// rest translates the inside of a group whose opening is known.
func (t *translation) rest(open string, flags Flags, at int) {
	t.emit(open)
	t.alternatives(flags)
	if !t.accept(")") {
		t.fail(at, "missing ), unterminated group")
		return
	}
	t.emit(")")
}

func (t *translation) around(open, construct string, flags Flags, at int) bool {
	t.need(construct, at)
	t.rest(open, flags, at)
	return false
}

func (t *translation) capture(name string, flags Flags, at int) {
	if name != "" && !t.grok && slices.Contains(t.names, name) {
		t.fail(at, "group name %q is used twice", name)
	}
	t.names = append(t.names, name)
	t.rest("(", flags, at)
}

// number finds a group that stands before this place by its number or name.
func (t *translation) number(name string, at int) (n int, ok bool) {
	n, err := strconv.Atoi(name)
	if err != nil {
		n = slices.Index(t.names, name)
	}
	if n < 1 || n >= len(t.names) {
		t.fail(at, "reference to unknown group %q", name)
		return 0, false
	}
	return n, true
}

// name reads the name of a group up to its end. In grok patterns it may hold dots,
// brackets, @ and so on; in others it is an identifier.
func (t *translation) name(end byte, at int) string {
	name := t.until(end, at)
	if t.err != nil {
		return ""
	}
	if name == "" || !t.grok && !identifier(name) {
		t.fail(at, "bad group name %q", name)
	}
	return name
}

// until reads up to and over a delimiter.
func (t *translation) until(end byte, at int) string {
	i := strings.IndexByte(t.src[t.pos:], end)
	if i < 0 {
		t.fail(at, "missing %c, unterminated group name", end)
		return ""
	}
	name := t.src[t.pos : t.pos+i]
	t.pos += i + 1
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

// reference translates a reference to what a group matched.
func (t *translation) reference(name string, at int) {
	n, ok := t.number(name, at)
	if !ok {
		return
	}
	t.need("a backreference", at)
	t.emit(`(?:\` + strconv.Itoa(n) + `)`)
}

// conditional translates (?(1)yes|no) after its second parenthesis.
func (t *translation) conditional(flags Flags, at int) {
	n, ok := t.number(t.until(')', at), at)
	if !ok {
		return
	}
	t.need("a conditional group", at)
	t.rest("(?("+strconv.Itoa(n)+")", flags, at)
}

// escape translates what follows a backslash outside of a class.
func (t *translation) escape(flags Flags, at int) (repeatable bool) {
	if !t.more() {
		t.fail(at, "backslash at the end")
		return false
	}
	c := t.peek()
	t.pos++
	switch {
	case c == 'A':
		t.context = true
		t.emit(`\A`)
		return false
	case c == 'Z' && t.grok && t.engine == backtracking:
		t.emit(`(?=\n?\z)`)
		return false
	case c == 'Z', c == 'z' && t.grok:
		t.emit(`\z`)
		return false
	case c == 'b', c == 'B':
		t.context = true
		t.emit(`\` + string(c))
		return false
	case c == 'Q':
		text, rest, _ := strings.Cut(t.src[t.pos:], `\E`)
		t.pos = len(t.src) - len(rest)
		t.emit("(?:")
		for _, r := range text {
			t.char(r, flags)
		}
		t.emit(")")
	case c == 'k' && t.accept("<"):
		t.reference(t.until('>', at), at)
	case c >= '1' && c <= '9' && !t.octal(at):
		i := t.pos
		if t.more() && t.peek() >= '0' && t.peek() <= '9' {
			i++
		}
		name := t.src[at+1 : i]
		t.pos = i
		t.reference(name, at)
	default:
		t.pos = at
		if s, ok := t.shorthand(flags, false); ok {
			t.emit(s)
			return true
		}
		t.char(t.escaped(at), flags)
	}
	return true
}

// octal reports whether \123 at this place is a character: three digits, all octal.
func (t *translation) octal(at int) bool {
	if at+4 > len(t.src) {
		return false
	}
	for _, c := range []byte(t.src[at+1 : at+4]) {
		if c < '0' || c > '7' {
			return false
		}
	}
	return true
}
