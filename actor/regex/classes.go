package regex

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The members of the shorthand classes, to stand inside brackets.
const (
	digitSet = `0-9`
	wordSet  = `0-9A-Za-z_`
	spaceSet = `\x09-\x0d\x20`
	hexSet   = `0-9A-Fa-f`

	notDigit = `\x00-\x2f\x3a-\x7f`
	notWord  = `\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f`
	notSpace = `\x00-\x08\x0e-\x1f\x21-\x7f`
	notHex   = `\x00-\x2f\x3a-\x40\x47-\x60\x67-\x7f`
)

// beyond is everything that is not ASCII, to stand inside brackets.
func (t *translation) beyond() string {
	if t.engine == linear {
		return `\x{80}-\x{10ffff}`
	}
	return "\u0080-\U0010ffff"
}

// shorthand translates \d and its like at the present place. Inside brackets the members
// are written, outside a class of its own.
func (t *translation) shorthand(flags Flags, inside bool) (string, bool) {
	c := t.src[t.pos+1]
	var set string
	switch c {
	case 'd':
		set = digitSet
	case 'w':
		set = wordSet
	case 's':
		set = spaceSet
	case 'D':
		set = notDigit + t.beyond()
	case 'W':
		set = notWord + t.beyond()
	case 'S':
		set = notSpace + t.beyond()
	case 'h':
		set = hexSet
	case 'H':
		set = notHex + t.beyond()
	case 'p', 'P':
		return t.property()
	default:
		return "", false
	}
	if (c == 'h' || c == 'H') && !t.grok {
		return "", false
	}
	t.pos += 2
	if flags&Unicode != 0 && c != 'h' && c != 'H' { // the engine knows these itself
		return `\` + string(c), true
	}
	if inside {
		return set, true
	}
	return "[" + set + "]", true
}

// property takes \pL and \p{Greek} over as they are.
func (t *translation) property() (string, bool) {
	rest := t.src[t.pos:]
	n := 3
	if strings.HasPrefix(rest[2:], "{") {
		n = strings.IndexByte(rest, '}') + 1
	}
	if n < 3 || len(rest) < n {
		return "", false
	}
	t.pos += n
	if rest[2] != '{' { // \pL is \p{L} for both engines
		return rest[:2] + "{" + rest[2:3] + "}", true
	}
	return rest[:n], true
}

// class translates a bracket expression after its opening.
func (t *translation) class(flags Flags, at int) {
	start := len(t.out)
	t.emit("[")
	if t.accept("^") {
		t.emit("^")
	}
	for first := true; ; first = false {
		if !t.more() {
			t.fail(at, "missing ], unterminated character set")
			return
		}
		if t.peek() == ']' && !first {
			t.pos++
			break
		}
		t.member(flags, at)
	}
	t.emit("]")
	if flags&IgnoreCase != 0 && t.err == nil {
		body := string(t.out[start:])
		t.out = append(t.out[:start], "(?i:"+body+")"...)
	}
}

// member translates one member of a class, or a range.
func (t *translation) member(flags Flags, at int) {
	if strings.HasPrefix(t.src[t.pos:], "[:") {
		if t.posix() {
			return
		}
	}
	if t.peek() == '\\' {
		if t.pos+1 >= len(t.src) {
			t.fail(at, "missing ], unterminated character set")
			return
		}
		if s, ok := t.shorthand(flags, true); ok {
			t.emit(s)
			return
		}
	}
	place := t.pos
	low := t.one()
	rest := t.src[t.pos:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' || t.shorthandAt(t.pos+1) {
		t.emit(quoteMember(low))
		return
	}
	t.pos++
	high := t.one()
	if high < low {
		t.fail(place, "bad character range %c-%c", low, high)
		return
	}
	t.emit(quoteMember(low) + "-" + quoteMember(high))
}

// shorthandAt reports whether a class such as \d stands at i, which ends no range.
func (t *translation) shorthandAt(i int) bool {
	return i+1 < len(t.src) && t.src[i] == '\\' && strings.IndexByte("dDwWsSpP", t.src[i+1]) >= 0
}

// posix translates [:alpha:].
func (t *translation) posix() bool {
	name, _, closed := strings.Cut(t.src[t.pos+2:], ":]")
	negated := strings.HasPrefix(name, "^")
	set, known := posixSets[strings.TrimPrefix(name, "^")]
	if !closed || !known {
		return false
	}
	t.pos += len(name) + 4
	if negated {
		t.emit(set.others + t.beyond())
		return true
	}
	t.emit(set.members)
	return true
}

var posixSets = map[string]struct{ members, others string }{
	"alnum":  {`0-9A-Za-z`, `\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f`},
	"alpha":  {`A-Za-z`, `\x00-\x40\x5b-\x60\x7b-\x7f`},
	"ascii":  {`\x00-\x7f`, ``},
	"blank":  {`\x09\x20`, `\x00-\x08\x0a-\x1f\x21-\x7f`},
	"cntrl":  {`\x00-\x1f\x7f`, `\x20-\x7e`},
	"digit":  {digitSet, notDigit},
	"graph":  {`\x21-\x7e`, `\x00-\x20\x7f`},
	"lower":  {`a-z`, `\x00-\x60\x7b-\x7f`},
	"print":  {`\x20-\x7e`, `\x00-\x1f\x7f`},
	"punct":  {`\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e`, `\x00-\x20\x30-\x39\x41-\x5a\x61-\x7a\x7f`},
	"space":  {spaceSet, notSpace},
	"upper":  {`A-Z`, `\x00-\x40\x5b-\x7f`},
	"word":   {wordSet, notWord},
	"xdigit": {hexSet, notHex},
}

// one reads a single character of a class, escaped or not.
func (t *translation) one() rune {
	if t.peek() == '\\' && t.pos+1 < len(t.src) {
		if t.src[t.pos+1] == 'b' {
			t.pos += 2
			return '\b'
		}
		return t.escaped(t.pos)
	}
	r, w := utf8.DecodeRuneInString(t.src[t.pos:])
	t.pos += w
	return r
}

func quoteMember(r rune) string {
	if r == ' ' {
		return `\x20`
	}
	return quoteRune(r)
}

// escaped reads a character that is written with a backslash.
func (t *translation) escaped(at int) rune {
	c := t.src[at+1]
	t.pos = at + 2
	switch {
	case strings.IndexByte("afnrtv", c) >= 0:
		return rune("\a\f\n\r\t\v"[strings.IndexByte("afnrtv", c)])
	case c == 'e' && t.grok:
		return 0x1b
	case c == 'x':
		return t.hex(at, 2)
	case c == 'u':
		return t.hex(at, 4)
	case c >= '0' && c <= '7':
		n := at + 2
		for n < len(t.src) && n < at+4 && t.src[n] >= '0' && t.src[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(t.src[at+1:n], 8, 16) // octal digits only
		t.pos = n
		return rune(v & 0xff)
	}
	r, w := utf8.DecodeRuneInString(t.src[at+1:])
	t.pos = at + 1 + w
	return r
}

// hex reads \xNN, \uNNNN or, in grok patterns, \x{...}.
func (t *translation) hex(at, n int) rune {
	from, to := at+2, at+2+n
	if strings.HasPrefix(t.src[from:], "{") {
		from++
		to = from + max(0, strings.IndexByte(t.src[from:], '}'))
		t.pos = min(to+1, len(t.src))
	} else {
		t.pos = min(to, len(t.src))
	}
	if to > len(t.src) {
		to = len(t.src)
	}
	v, err := strconv.ParseUint(t.src[from:to], 16, 32)
	if err != nil || v > utf8.MaxRune {
		t.fail(at, "bad escape %s", t.src[at:to])
		return 0
	}
	return rune(v)
}
