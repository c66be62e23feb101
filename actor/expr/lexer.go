package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gambolputty/actor/option"
)

// SyntaxError is what is wrong with an expression or a dynamic string, and where.
type SyntaxError struct {
	// Offset is the place in bytes from the start of the text.
	Offset  int
	Code    option.Code
	Message string
	Hint    string
}

// Error gives the message with the place and the hint.
func (e *SyntaxError) Error() string {
	text := fmt.Sprintf("%s at offset %d", e.Message, e.Offset)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// tokenKind tells the tokens of an expression apart.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokNumber
	tokText
	tokRef // $(path)
	tokOp
)

type token struct {
	kind tokenKind
	at   int
	text string // name, operator, digits, path, or the content of a string
}

// lexer cuts an expression into tokens. The first fault ends it.
type lexer struct {
	src    string
	pos    int
	tokens []token
	err    *SyntaxError
	code   option.Code // code of plain syntax faults
}

// maxExpression is the longest expression in bytes.
const maxExpression = 1 << 16

// operators, longest first.
var operators = []string{
	"**", "//", "==", "!=", "<>", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|",
}

// foreign are operators of other languages, with what to write instead.
var foreign = []struct{ op, hint string }{
	{"===", `write "=="`}, {"!==", `write "!="`}, {"&&", `write "and"`}, {"||", `write "or"`},
	{"=", `write "=="`}, {"!", `write "not"`}, {"`", "backticks have no meaning here"},
	{"&", ""}, {"^", ""}, {"~", ""}, {"@", ""}, {";", ""}, {"?", ""},
}

func lex(src string, code option.Code) ([]token, *SyntaxError) {
	l := &lexer{src: src, code: code}
	if len(src) > maxExpression {
		l.fail(0, "the expression is too long")
	}
	for l.err == nil && l.skip() {
		l.next()
	}
	if l.err != nil {
		return nil, l.err
	}
	return append(l.tokens, token{tokEnd, len(src), ""}), nil
}

func (l *lexer) fail(at int, format string, args ...any) {
	l.failHint(at, "", format, args...)
}

func (l *lexer) failHint(at int, hint, format string, args ...any) {
	if l.err == nil {
		l.err = &SyntaxError{at, l.code, fmt.Sprintf(format, args...), hint}
	}
}

// skip passes over white space and reports whether anything is left.
func (l *lexer) skip() bool {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n\f\v", l.src[l.pos]) >= 0 {
		l.pos++
	}
	return l.pos < len(l.src)
}

func (l *lexer) add(k tokenKind, at int, text string) {
	l.tokens = append(l.tokens, token{k, at, text})
}

func (l *lexer) next() {
	at, c := l.pos, l.src[l.pos]
	switch {
	case strings.HasPrefix(l.src[at:], "$("):
		l.ref(at, 2)
	case strings.HasPrefix(l.src[at:], "%(") && !l.afterOperand():
		l.ref(at, 2)
		if l.pos < len(l.src) && l.src[l.pos] == 's' && (l.pos+1 == len(l.src) || !nameByte(l.src[l.pos+1])) {
			l.pos++
		}
	case c >= '0' && c <= '9' || c == '.' && at+1 < len(l.src) && l.src[at+1] >= '0' && l.src[at+1] <= '9':
		l.number(at)
	case c == '\'' || c == '"':
		l.quoted(at, at, "")
	case nameByte(c) || c >= utf8.RuneSelf:
		l.name(at)
	default:
		l.operator(at)
	}
}

// afterOperand reports whether the last token ends an operand, so that % means modulo.
func (l *lexer) afterOperand() bool {
	if len(l.tokens) == 0 {
		return false
	}
	t := l.tokens[len(l.tokens)-1]
	switch t.kind {
	case tokOp:
		return t.text == ")" || t.text == "]" || t.text == "}"
	case tokName:
		return t.text != "and" && t.text != "or" && t.text != "not" && t.text != "in" && t.text != "is" && t.text != "if" && t.text != "else"
	}
	return true
}

func nameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// ref reads a reference to a field up to its closing parenthesis.
func (l *lexer) ref(at, open int) {
	inner, _, closed := strings.Cut(l.src[at+open:], ")")
	if !closed {
		l.fail(at, "the reference is not closed, ) is missing")
		return
	}
	l.pos = at + open + len(inner) + 1
	path := unquotePath(inner)
	switch {
	case path == "":
		l.fail(at, "the reference names no field")
	case strings.Contains(path, "|") || strings.Contains(path, ":-"):
		l.failHint(at, "compare the field itself", "formats and defaults are not allowed in an expression: $(%s)", path)
	default:
		l.add(tokRef, at, path)
	}
}

// unquotePath takes the quotes off $('path').
func unquotePath(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

func (l *lexer) number(at int) {
	i, seen := at, false
	digits := func() {
		for i < len(l.src) && l.src[i] >= '0' && l.src[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(l.src) && l.src[i] == '.' {
		seen = true
		i++
		digits()
	}
	if i < len(l.src) && (l.src[i] == 'e' || l.src[i] == 'E') {
		j := i + 1
		if j < len(l.src) && (l.src[j] == '+' || l.src[j] == '-') {
			j++
		}
		if j < len(l.src) && l.src[j] >= '0' && l.src[j] <= '9' {
			i, seen = j, true
			digits()
		}
	}
	if i < len(l.src) && (l.src[i] == 'L' || l.src[i] == 'l') && !seen { // a long integer of Python 2
		l.pos = i + 1
	} else {
		l.pos = i
	}
	if l.pos < len(l.src) && nameByte(l.src[l.pos]) {
		l.fail(at, "bad number %q", l.src[at:l.pos+1])
		return
	}
	l.add(tokNumber, at, l.src[at:i])
}

func (l *lexer) name(at int) {
	i := at
	for i < len(l.src) && (nameByte(l.src[i]) || l.src[i] >= utf8.RuneSelf) {
		i++
	}
	name := l.src[at:i]
	if i < len(l.src) && (l.src[i] == '\'' || l.src[i] == '"') {
		switch strings.ToLower(name) {
		case "r", "u", "b", "ur", "br":
			l.quoted(at, i, strings.ToLower(name))
			return
		case "f", "fr", "rf":
			l.failNotAllowed(at, "f-strings are not allowed")
			return
		}
	}
	l.pos = i
	if name == "flags" && i < len(l.src) && l.src[i] == '=' { // the one keyword argument
		l.pos++
		return
	}
	l.add(tokName, at, name)
}

func (l *lexer) failNotAllowed(at int, message string) {
	l.fail(at, "%s", message)
	if l.code == option.Filter {
		l.err.Code = option.FilterName
	}
}

// quoted reads a string literal whose quote stands at open.
func (l *lexer) quoted(at, open int, prefix string) {
	q := l.src[open]
	if strings.HasPrefix(l.src[open:], strings.Repeat(string(q), 3)) {
		l.failNotAllowed(at, "strings in triple quotes are not allowed")
		return
	}
	var b strings.Builder
	raw := strings.Contains(prefix, "r")
	for i := open + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == q:
			l.pos = i + 1
			l.join(at, b.String())
			return
		case c == '\\' && i+1 < len(l.src):
			i += l.escape(&b, i, raw)
		default:
			b.WriteByte(c)
		}
	}
	l.fail(at, "the string is not closed, %c is missing", q)
}

// join appends a string, to the one before it if they stand side by side.
func (l *lexer) join(at int, s string) {
	if n := len(l.tokens); n > 0 && l.tokens[n-1].kind == tokText {
		l.tokens[n-1].text += s
		return
	}
	l.add(tokText, at, s)
}

// escape reads what a backslash at i means and returns how many more bytes it took. An
// unknown escape keeps its backslash, so that '\d' is a pattern.
func (l *lexer) escape(b *strings.Builder, i int, raw bool) int {
	c := l.src[i+1]
	if raw {
		b.WriteByte('\\')
		b.WriteByte(c)
		return 1
	}
	if k := strings.IndexByte(`ntrabfv\'"`, c); k >= 0 {
		b.WriteByte("\n\t\r\a\b\f\v\\'\""[k])
		return 1
	}
	width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	if width > 0 && i+2+width <= len(l.src) {
		var r rune
		if _, err := fmt.Sscanf(l.src[i+2:i+2+width], "%x", &r); err == nil && utf8.ValidRune(r) {
			b.WriteRune(r)
			return 1 + width
		}
	}
	if c == '\n' {
		return 1
	}
	b.WriteByte('\\')
	b.WriteByte(c)
	return 1
}

func (l *lexer) operator(at int) {
	for _, op := range operators {
		if strings.HasPrefix(l.src[at:], op) && !l.isForeign(at, op) {
			l.pos = at + len(op)
			l.add(tokOp, at, op)
			return
		}
	}
	for _, f := range foreign {
		if strings.HasPrefix(l.src[at:], f.op) {
			l.failHint(at, f.hint, "unknown operator %s", f.op)
			return
		}
	}
	r, _ := utf8.DecodeRuneInString(l.src[at:])
	l.fail(at, "unexpected character %q", r)
}

// isForeign reports whether a longer operator of another language stands here.
func (l *lexer) isForeign(at int, op string) bool {
	for _, f := range foreign {
		if len(f.op) > len(op) && strings.HasPrefix(f.op, op) && strings.HasPrefix(l.src[at:], f.op) {
			return true
		}
	}
	return false
}
