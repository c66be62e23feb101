package regex

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	asciiDigit = charSet{{'0', '9'}}
	asciiWord  = charSet{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	asciiSpace = charSet{{'\t', '\r'}, {' ', ' '}}
	re2Space   = charSet{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}
	hexDigit   = charSet{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}
)

// shorthand reads \d and its like at the present place.
func (p *parser) shorthand(flags Flags) (charSet, bool) {
	if p.pos+1 >= len(p.src) {
		return nil, false
	}
	c := p.src[p.pos+1]
	if c == 'p' || c == 'P' {
		return p.property()
	}
	s, ok := p.shorthandSet(c|0x20, flags)
	if !ok || c >= 0x80 {
		return nil, false
	}
	p.pos += 2
	if c < 'a' {
		return s.negated(), true
	}
	return s, true
}

func (p *parser) shorthandSet(lower byte, flags Flags) (charSet, bool) {
	switch {
	case lower == 'h' && p.dialect == Oniguruma:
		return hexDigit, true
	case lower == 'd' && flags&Unicode != 0:
		return tableSet(unicode.Nd), true
	case lower == 'd':
		return asciiDigit, true
	case lower == 'w' && flags&Unicode != 0:
		return unicodeWord(), true
	case lower == 'w':
		return asciiWord, true
	case lower == 's' && flags&Unicode != 0:
		return unicodeSpace(), true
	case lower == 's' && p.dialect == RE2:
		return re2Space, true
	case lower == 's':
		return asciiSpace, true
	}
	return nil, false
}

// unicodeWord is what Python calls alphanumeric, and the underscore.
func unicodeWord() charSet {
	s := charSet{{'_', '_'}}
	s.addAll(tableSet(unicode.L))
	s.addAll(tableSet(unicode.N))
	s.tidy()
	return s
}

func isUnicodeWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// unicodeSpace holds the separators of ASCII too, as in Python.
func unicodeSpace() charSet {
	s := append(tableSet(unicode.White_Space), runeRange{0x1c, 0x1f})
	s.tidy()
	return s
}

// property reads \pL, \p{Greek} or \P{Greek}.
func (p *parser) property() (charSet, bool) {
	rest := p.src[p.pos:]
	name, length := "", 3
	switch {
	case len(rest) < 3:
		return nil, false
	case rest[2] != '{':
		name = rest[2:3]
	default:
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return nil, false
		}
		name, length = rest[3:end], end+1
	}
	negated := rest[1] == 'P'
	if trimmed, found := strings.CutPrefix(name, "^"); found {
		name, negated = trimmed, !negated
	}
	s, ok := propertySet(name)
	if !ok {
		return nil, false
	}
	p.pos += length
	if negated {
		s = s.negated()
	}
	return s, true
}

func propertySet(name string) (charSet, bool) {
	if name == "Any" {
		return charSet(nil).negated(), true
	}
	if t, ok := unicode.Categories[name]; ok {
		return tableSet(t), true
	}
	if t, ok := unicode.Scripts[name]; ok {
		return tableSet(t), true
	}
	if s, ok := posixSets[strings.ToLower(name)]; ok {
		return s, true
	}
	return nil, false
}

// class reads a bracket expression after its opening.
func (p *parser) class(flags Flags, at int) charSet {
	negated := p.accept("^")
	s := p.members(flags, at)
	if flags&IgnoreCase != 0 {
		s = s.folded()
	}
	if negated {
		return s.negated()
	}
	return s
}

// members reads up to the closing bracket. In Oniguruma's dialect the sets on both sides
// of && are intersected.
func (p *parser) members(flags Flags, at int) charSet {
	var s, other charSet
	intersected := false
	for first := true; ; first = false {
		if !p.more() {
			p.fail(at, "missing ], unterminated character set")
			return nil
		}
		if p.peek() == ']' && !first {
			p.pos++
			break
		}
		if p.dialect == Oniguruma && p.accept("&&") {
			other = intersect(other, s, intersected)
			s, intersected = nil, true
			continue
		}
		p.member(&s, flags, at)
	}
	return intersect(other, s, intersected)
}

// intersect returns what stands in both sets, or only b if there is no a.
func intersect(a, b charSet, both bool) charSet {
	b.tidy()
	if !both {
		return b
	}
	outside := append(a.negated(), b.negated()...)
	outside.tidy()
	return outside.negated()
}

// member reads one member of a class, or a range.
func (p *parser) member(s *charSet, flags Flags, at int) {
	if p.dialect == Oniguruma && p.peek() == '[' && !strings.HasPrefix(p.src[p.pos:], "[:") {
		inner := p.pos
		p.pos++
		s.addAll(p.class(flags, inner))
		return
	}
	if p.posix(s) {
		return
	}
	if p.peek() == '\\' {
		if p.pos+1 >= len(p.src) {
			p.fail(at, "missing ], unterminated character set")
			return
		}
		if set, ok := p.shorthand(flags); ok {
			s.addAll(set)
			return
		}
	}
	place := p.pos
	low := p.one()
	rest := p.src[p.pos:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == ']' || p.shorthandAt(p.pos+1) {
		s.add(low, low)
		return
	}
	p.pos++
	high := p.one()
	if high < low {
		p.fail(place, "bad character range %c-%c", low, high)
		return
	}
	s.add(low, high)
}

// shorthandAt reports whether a class such as \d stands at i, which ends no range.
func (p *parser) shorthandAt(i int) bool {
	return i+1 < len(p.src) && p.src[i] == '\\' && strings.IndexByte("dDwWsSpP", p.src[i+1]) >= 0
}

// posix reads [:alpha:].
func (p *parser) posix(s *charSet) bool {
	rest, found := strings.CutPrefix(p.src[p.pos:], "[:")
	if !found {
		return false
	}
	name, _, closed := strings.Cut(rest, ":]")
	set, known := posixSets[strings.TrimPrefix(name, "^")]
	if !closed || !known {
		return false
	}
	p.pos += len(name) + 4
	if strings.HasPrefix(name, "^") {
		set = set.negated()
	}
	s.addAll(set)
	return true
}

// posixSets are the members of ASCII, as log text has no locale.
var posixSets = map[string]charSet{
	"alnum":  {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
	"alpha":  {{'A', 'Z'}, {'a', 'z'}},
	"ascii":  {{0, 0x7f}},
	"blank":  {{'\t', '\t'}, {' ', ' '}},
	"cntrl":  {{0, 0x1f}, {0x7f, 0x7f}},
	"digit":  asciiDigit,
	"graph":  {{0x21, 0x7e}},
	"lower":  {{'a', 'z'}},
	"print":  {{0x20, 0x7e}},
	"punct":  {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
	"space":  asciiSpace,
	"upper":  {{'A', 'Z'}},
	"word":   asciiWord,
	"xdigit": hexDigit,
}

// one reads a single character of a class, escaped or not.
func (p *parser) one() rune {
	if p.peek() == '\\' && p.pos+1 < len(p.src) {
		if p.src[p.pos+1] == 'b' && p.dialect != RE2 {
			p.pos += 2
			return '\b'
		}
		return p.escaped(p.pos)
	}
	r, w := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += w
	return r
}

// plainEscapes are the letters that stand for a control character.
var plainEscapes = map[byte]rune{'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// escaped reads a character that is written with a backslash.
func (p *parser) escaped(at int) rune {
	c := p.src[at+1]
	p.pos = at + 2
	plain, isPlain := plainEscapes[c]
	switch {
	case isPlain:
		return plain
	case c == 'e' && p.dialect == Oniguruma:
		return 0x1b
	case c == 'x':
		return p.hex(at, 2)
	case c == 'u' && p.dialect != RE2:
		return p.hex(at, 4)
	case c >= '0' && c <= '7':
		end := at + 2
		for end < len(p.src) && end < at+4 && p.src[end] >= '0' && p.src[end] <= '7' {
			end++
		}
		v, _ := strconv.ParseUint(p.src[at+1:end], 8, 16) // octal digits only
		p.pos = end
		return rune(v & 0xff)
	case p.dialect == RE2 && (c >= utf8.RuneSelf || slices.ContainsFunc(asciiWord, func(r runeRange) bool { return r.lo <= rune(c) && rune(c) <= r.hi && c != '_' })):
		p.fail(at, "bad escape %s", p.src[at:at+2])
		return 0
	}
	r, w := utf8.DecodeRuneInString(p.src[at+1:])
	p.pos = at + 1 + w
	return r
}

// hex reads \xNN, \uNNNN or \x{...}.
func (p *parser) hex(at, n int) rune {
	from, to := at+2, at+2+n
	if strings.HasPrefix(p.src[from:], "{") {
		from++
		to = from + max(0, strings.IndexByte(p.src[from:], '}'))
		p.pos = min(to+1, len(p.src))
	} else {
		p.pos = min(to, len(p.src))
	}
	to = min(to, len(p.src))
	v, err := strconv.ParseUint(p.src[from:to], 16, 32)
	if err != nil || v > utf8.MaxRune {
		p.fail(at, "bad escape %s", p.src[at:to])
		return 0
	}
	return rune(v)
}
