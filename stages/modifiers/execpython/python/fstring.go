package python

import (
	"strings"

	"go.starlark.net/syntax"
)

// mostArgs is how many arguments a call takes at most, less a few.
const mostArgs = 200

// join makes the call that joins the parts of an f-string.
func (p *parser) join(t token, parts []syntax.Expr) syntax.Expr {
	for len(parts) > mostArgs {
		first := p.call(t, Join, parts[:mostArgs]...)
		parts = append([]syntax.Expr{first}, parts[mostArgs:]...)
	}
	return p.call(t, Join, parts...)
}

// formatted returns the parts of an f-string between two offsets. depth counts the formats
// around: a format may have fields, too, but those may not go on so.
func (p *parser) formatted(t token, l literal, from, to, depth int) (parts []syntax.Expr) {
	start := from
	var plain strings.Builder
	flush := func(upTo int) {
		plain.WriteString(p.src[start:upTo])
		if plain.Len() > 0 {
			parts = append(parts, p.quoted(t, l.unescape(plain.String())))
			plain.Reset()
		}
	}
	for i := from; i < to; {
		rest := p.src[i:to]
		switch {
		case depth == 0 && (strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}")):
			plain.WriteString(p.src[start : i+1])
			i += 2
			start = i
		case rest[0] == '{':
			flush(i)
			n := fieldLen(rest)
			if n < 0 || depth > 1 {
				p.fail(p.tokenAt(t, i), "a { of the f-string is not closed")
			}
			parts = append(parts, p.field(t, l, i+1, i+n-1, depth))
			i += n
			start = i
		case rest[0] == '}':
			p.fail(p.tokenAt(t, i), "a } of the f-string stands alone")
		case rest[0] == '\\' && len(rest) > 1:
			i += 2
		default:
			i++
		}
	}
	flush(to)
	return parts
}

// tokenAt is a token inside of another one.
func (p *parser) tokenAt(t token, at int) token {
	inside := p.src[t.at:at]
	t.line += strings.Count(inside, "\n")
	if nl := strings.LastIndexByte(inside, '\n'); nl >= 0 {
		t.col = len(inside) - nl
	} else {
		t.col += len(inside)
	}
	t.at = at
	return t
}

// fieldLen is the length of a field with its braces, or -1 if it does not end.
func fieldLen(s string) int {
	depth, format := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case (c == '\'' || c == '"') && !format:
			n := stringLen(s[i:])
			if n < 0 {
				return -1
			}
			i += n - 1
		case c == ':' && depth == 1:
			format = true
		case c == '{' || !format && (c == '[' || c == '('):
			depth++
		case c == '}' || !format && (c == ']' || c == ')'):
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return -1
}

// stringLen is the length of the string at the beginning of s, or -1 if it does not end.
func stringLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return -1
}

// field makes the value of a field of an f-string: expression, !r or !s, and :format.
func (p *parser) field(t token, l literal, from, to, depth int) syntax.Expr {
	upTo, format, conversion := splitField(p.src[from:to])
	at := p.tokenAt(t, from)
	if strings.TrimSpace(p.src[from:from+upTo]) == "" {
		p.fail(at, "a field of the f-string is empty")
	}
	x := p.inside(at, from+upTo)
	switch conversion {
	case 0, 's':
	case 'r', 'a':
		x = p.call(at, Join, p.call(at, "repr", x))
	default:
		p.fail(at, "unknown conversion !%c", conversion)
	}
	if conversion == 's' {
		x = p.call(at, Join, x)
	}
	if format < 0 {
		return x
	}
	parts := p.formatted(t, l, from+format, to, depth+1)
	return p.call(at, Format, x, p.join(at, parts))
}

// splitField returns where the expression of a field ends and the format begins, -1 for none,
// and the conversion.
func splitField(s string) (end, format int, conversion byte) {
	depth := 0
	end, format = len(s), -1
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			i += max(stringLen(s[i:]), 1) - 1
		case c == '{' || c == '[' || c == '(':
			depth++
		case c == '}' || c == ']' || c == ')':
			depth--
		case c == '!' && depth == 0 && i+1 < len(s) && s[i+1] != '=':
			conversion, end = s[i+1], i
			i++
		case c == ':' && depth == 0:
			return min(end, i), i + 1, conversion
		}
	}
	return end, format, conversion
}

// inside reads an expression in a string from a token up to an offset.
func (p *parser) inside(at token, to int) syntax.Expr {
	tokens, err := scanInside(p.src, at.at, to, at.line, at.at-at.col+1)
	if err != nil {
		panic(stop{err})
	}
	defer p.deeper()()
	outer, next := p.tokens, p.next
	p.tokens, p.next = tokens, 0
	x := p.tuple()
	if t := p.peek(); t.kind != end {
		p.fail(t, "unexpected %s in the f-string", t.describe())
	}
	p.tokens, p.next = outer, next
	return x
}
