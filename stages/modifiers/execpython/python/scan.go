package python

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest bounds the source in bytes, and deepest the nesting of brackets and blocks.
const (
	longest = 256 << 10
	deepest = 60
)

// operators, the longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "<>", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", ":=",
	"+", "-", "*", "/", "%", "<", ">", "=", ".", ",", ":", ";", "@", "&", "|", "^", "~", "(", ")", "[", "]", "{", "}",
}

// scanner cuts source into tokens. The first fault ends it.
type scanner struct {
	src    string
	at     int
	stop   int // where to end
	line   int
	start  int // offset of the line
	depth  int // open brackets
	levels []int
	tokens []token
	err    *SyntaxError
}

// scan returns the tokens of a program.
func scan(src string) ([]token, *SyntaxError) {
	s := &scanner{src: src, stop: len(src), line: 1, levels: []int{-1}}
	if len(src) > longest {
		return nil, fault(src, 0, "the program has more than %d kilobytes", longest>>10)
	}
	for s.err == nil && s.beginLine() {
		for s.err == nil && s.next() {
		}
	}
	for range s.levels[1:] {
		s.add(dedent, s.at)
	}
	s.add(end, s.at)
	return s.tokens, s.err
}

// scanInside returns the tokens of an expression within a string.
func scanInside(src string, from, to, line, start int) ([]token, *SyntaxError) {
	s := &scanner{src: src, at: from, stop: to, line: line, start: start, depth: 1, levels: []int{0}}
	for s.err == nil && s.next() {
	}
	s.add(end, s.at)
	return s.tokens, s.err
}

func (s *scanner) add(k kind, from int) {
	s.tokens = append(s.tokens, token{k, from, s.src[from:s.at], s.line, from - s.start + 1})
}

func (s *scanner) fail(from int, format string, args ...any) {
	if s.err == nil {
		s.err = fault(s.src, from, format, args...)
	}
}

// beginLine skips lines without code, and turns the indentation of the next one into tokens.
func (s *scanner) beginLine() bool {
	for s.at < s.stop {
		width := s.blanks()
		switch {
		case s.at >= s.stop:
			return false
		case s.src[s.at] == '#':
			s.comment()
		case s.src[s.at] == '\n':
			s.newline()
		default:
			s.indentation(width)
			return s.err == nil
		}
	}
	return false
}

// blanks skips blanks and returns how wide they are.
func (s *scanner) blanks() (width int) {
	const tab = 8
	for ; s.at < s.stop; s.at++ {
		switch s.src[s.at] {
		case ' ':
			width++
		case '\t':
			width += tab - width%tab
		case '\r':
		case '\f':
			width = 0
		default:
			return width
		}
	}
	return width
}

func (s *scanner) comment() {
	for s.at < s.stop && s.src[s.at] != '\n' {
		s.at++
	}
}

func (s *scanner) newline() {
	s.at++
	s.line++
	s.start = s.at
}

// indentation compares a line with those before. The first line may be indented as it likes.
func (s *scanner) indentation(width int) {
	top := func() int { return s.levels[len(s.levels)-1] }
	switch {
	case len(s.tokens) == 0:
		s.levels[0] = width
	case width > top():
		if len(s.levels) > deepest {
			s.fail(s.at, "there are more than %d nested blocks", deepest)
		}
		s.levels = append(s.levels, width)
		s.add(indent, s.at)
	}
	for width < top() && len(s.levels) > 1 {
		s.levels = s.levels[:len(s.levels)-1]
		s.add(dedent, s.at)
	}
	if width != top() {
		s.fail(s.at, "the indentation fits no line before")
	}
}

// next reads a token; it is false behind the end of a logical line.
func (s *scanner) next() bool {
	for {
		s.blanks()
		if s.at >= s.stop {
			if s.depth == 0 {
				s.add(newline, s.at)
			}
			return false
		}
		switch c := s.src[s.at]; {
		case c == '#':
			s.comment()
		case c == '\n' && s.depth > 0:
			s.newline()
		case c == '\n':
			s.add(newline, s.at)
			s.newline()
			return false
		case c == '\\' && s.continued():
		default:
			s.token(c)
			return true
		}
	}
}

// continued skips a backslash at the end of a line.
func (s *scanner) continued() bool {
	rest := strings.TrimPrefix(s.src[s.at+1:s.stop], "\r")
	if !strings.HasPrefix(rest, "\n") {
		return false
	}
	s.at = s.stop - len(rest)
	s.newline()
	return true
}

func (s *scanner) token(c byte) {
	from := s.at
	switch {
	case s.prefix() >= 0:
		t := token{text, from, "", s.line, from - s.start + 1}
		s.string()
		t.text = s.src[from:s.at]
		s.tokens = append(s.tokens, t)
	case isLetter(c):
		s.word()
		s.add(name, from)
	case isDigit(c) || c == '.' && s.at+1 < s.stop && isDigit(s.src[s.at+1]):
		s.number()
		s.add(number, from)
	default:
		s.operator()
		s.add(op, from)
	}
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (s *scanner) word() {
	for s.at < s.stop {
		r, w := utf8.DecodeRuneInString(s.src[s.at:s.stop])
		if r == utf8.RuneError && w == 1 || r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			s.fail(s.at, "unexpected character %q", s.src[s.at:s.at+w])
			return
		}
		if r < utf8.RuneSelf && !isLetter(byte(r)) && !isDigit(byte(r)) {
			return
		}
		s.at += w
	}
}

func (s *scanner) number() {
	hex := s.at+1 < s.stop && s.src[s.at] == '0' && s.src[s.at+1]|0x20 == 'x'
	for s.at < s.stop {
		c := s.src[s.at]
		sign := (c == '+' || c == '-') && !hex && s.src[s.at-1]|0x20 == 'e'
		if !isDigit(c) && !isLetter(c) && c != '.' && !sign {
			return
		}
		s.at++
	}
}

func (s *scanner) operator() {
	for _, o := range operators {
		if !strings.HasPrefix(s.src[s.at:s.stop], o) {
			continue
		}
		s.at += len(o)
		switch o {
		case "(", "[", "{":
			if s.depth++; s.depth > deepest {
				s.fail(s.at-1, "there are more than %d nested brackets", deepest)
			}
		case ")", "]", "}":
			s.depth = max(0, s.depth-1)
		}
		return
	}
	_, w := utf8.DecodeRuneInString(s.src[s.at:s.stop])
	s.fail(s.at, "unexpected character %q", s.src[s.at:s.at+w])
	s.at += w
}

// prefix is the length of what stands before the quote of a string here, or -1 if there is
// no string.
func (s *scanner) prefix() int {
	for i := s.at; i < s.stop && i <= s.at+2; i++ {
		if c := s.src[i]; c == '\'' || c == '"' {
			return i - s.at
		} else if strings.IndexByte("rRbBuUfF", c) < 0 {
			return -1
		}
	}
	return -1
}

// string skips a string.
func (s *scanner) string() {
	from, n := s.at, s.prefix()
	formatted := strings.ContainsAny(s.src[s.at:s.at+n], "fF")
	s.at += n
	quote := s.src[s.at : s.at+1]
	if strings.HasPrefix(s.src[s.at:s.stop], quote+quote+quote) {
		quote += quote + quote
	}
	for s.at += len(quote); s.at < s.stop && s.err == nil; {
		rest := s.src[s.at:s.stop]
		switch {
		case strings.HasPrefix(rest, quote):
			s.at += len(quote)
			return
		case rest[0] == '\\' && len(rest) > 1 && rest[1] != '\n':
			s.at += 2
		case rest[0] == '\\' && len(rest) > 1:
			s.at++
			s.newline()
		case rest[0] == '\n' && len(quote) == 1:
			s.fail(from, "the string does not end")
		case rest[0] == '\n':
			s.newline()
		case formatted && strings.HasPrefix(rest, "{{"):
			s.at += 2
		case formatted && rest[0] == '{':
			s.field(len(quote) == 1)
		default:
			s.at++
		}
	}
	s.fail(from, "the string does not end")
}

// field skips a field of an f-string, in which other strings may stand, but not behind the
// colon that begins the format.
func (s *scanner) field(oneLine bool) {
	depth, format := 0, false
	for s.at < s.stop && s.err == nil {
		switch c := s.src[s.at]; {
		case c == '\n' && oneLine:
			return // string complains
		case c == '\n':
			s.newline()
			continue
		case (c == '\'' || c == '"') && !format:
			s.string()
			continue
		case c == ':' && depth == 1:
			format = true
		case c == '{' || !format && (c == '[' || c == '('):
			depth++
		case c == '}' || !format && (c == ']' || c == ')'):
			if depth--; depth <= 0 {
				s.at++
				return
			}
		}
		s.at++
	}
}
