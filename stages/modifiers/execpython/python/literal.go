package python

import (
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"
)

// literal is a string taken apart.
type literal struct {
	raw, formatted, bytes bool
	from, to              int // what stands between the quotes
}

func parseLiteral(src string, t token) literal {
	n := strings.IndexAny(t.text, `'"`)
	prefix := strings.ToLower(t.text[:n])
	body := t.text[n:]
	width := 1
	if len(body) >= 6 && body[1] == body[0] && body[2] == body[0] {
		width = 3
	}
	return literal{
		raw: strings.Contains(prefix, "r"), formatted: strings.Contains(prefix, "f"), bytes: strings.Contains(prefix, "b"),
		from: t.at + n + width, to: t.at + len(t.text) - width,
	}
}

// unescape resolves the escapes of a string; unknown ones stay as they are.
func (l literal) unescape(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if l.raw || !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			i++
			continue
		}
		i += l.escape(&out, s[i:])
	}
	return out.String()
}

// escape writes what the escape at the beginning of s means, and returns its length.
func (l literal) escape(out *strings.Builder, s string) int {
	c := s[1]
	if i := strings.IndexByte(`abfnrtv\'"`, c); i >= 0 {
		out.WriteByte("\a\b\f\n\r\t\v\\'\""[i])
		return 2
	}
	switch {
	case c == '\n':
		return 2
	case c == 'x':
		return l.coded(out, s, 2, 2, 16)
	case c == 'u' && !l.bytes:
		return l.coded(out, s, 2, 4, 16)
	case c == 'U' && !l.bytes:
		return l.coded(out, s, 2, 8, 16)
	case c >= '0' && c <= '7':
		n := 1
		for n < 3 && 1+n < len(s) && s[1+n] >= '0' && s[1+n] <= '7' {
			n++
		}
		return l.coded(out, s, 1, n, 8)
	}
	out.WriteString(s[:2])
	return 2
}

// coded writes the character whose number has n digits at s[from:].
func (l literal) coded(out *strings.Builder, s string, from, n, base int) int {
	if from+n <= len(s) {
		if r, err := strconv.ParseUint(s[from:from+n], base, 32); err == nil && r <= utf8.MaxRune {
			if l.bytes {
				out.WriteByte(byte(r))
			} else {
				out.WriteRune(rune(r))
			}
			return from + n
		}
	}
	out.WriteString(s[:2])
	return 2
}

// numeral reads a number of Python 2 or 3.
func (p *parser) numeral(t token) syntax.Expr {
	lit := &syntax.Literal{TokenPos: p.pos(t), Raw: t.text}
	s := strings.ToLower(strings.ReplaceAll(t.text, "_", ""))
	base := 0
	if isDecimal(s) {
		base = 10
		if strings.Trim(s, "0") != "" && s[0] == '0' { // 0777 is octal in Python 2
			base = 8
		}
	}
	if i, ok := new(big.Int).SetString(strings.TrimSuffix(s, "l"), base); ok {
		lit.Token, lit.Value = syntax.INT, any(i)
		if i.IsInt64() {
			lit.Value = i.Int64()
		}
		return lit
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 || strings.ContainsAny(s, "xpin") {
		p.fail(t, "%s is no number", t.describe())
	}
	lit.Token, lit.Value = syntax.FLOAT, f
	return lit
}

// isDecimal reports whether s consists of digits, with or without the L of Python 2.
func isDecimal(s string) bool { return strings.Trim(strings.TrimSuffix(s, "l"), "0123456789") == "" }
