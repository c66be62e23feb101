package library

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// spec is a format as in {:>8.2f}, or as in %-8.2f.
type spec struct {
	fill      string
	align     byte // <, >, ^, = or 0
	sign      byte // +, blank or 0
	alternate bool
	group     byte // , or _
	width     int
	precision int // -1 for none
	verb      byte
}

// parseSpec reads [[fill]align][sign][#][0][width][,][.precision][type].
func parseSpec(s string) (f spec, err error) {
	whole := s
	f = spec{fill: " ", precision: -1}
	if _, w := utf8.DecodeRuneInString(s); w > 0 && len(s) > w && strings.IndexByte("<>=^", s[w]) >= 0 {
		f.fill, f.align, s = s[:w], s[w], s[w+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		f.sign, s = s[0], s[1:]
	}
	if rest, ok := strings.CutPrefix(s, "#"); ok {
		f.alternate, s = true, rest
	}
	if strings.HasPrefix(s, "0") && f.align == 0 {
		f.fill, f.align = "0", '='
	}
	f.width, s = leadingInt(s)
	if s != "" && (s[0] == ',' || s[0] == '_') {
		f.group, s = s[0], s[1:]
	}
	if rest, ok := strings.CutPrefix(s, "."); ok {
		f.precision, s = leadingInt(rest)
	}
	if s != "" {
		f.verb, s = s[0], s[1:]
	}
	if s != "" || f.width > widest || f.precision > finest {
		return f, fmt.Errorf("invalid format %q", whole)
	}
	return f, nil
}

const (
	// widest bounds the width of a format, finest its precision.
	widest = 1 << 16
	finest = 1000
)

func leadingInt(s string) (n int, rest string) {
	i := 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, _ = strconv.Atoi(s[:i]) // digits only, or none
	return n, s[i:]
}

// formattable are values of ours with formats of their own, as times have them.
type formattable interface{ format(spec string) string }

// format writes a value as format() does.
func format(v starlark.Value, text string) (string, error) {
	if text == "" {
		return Str(v), nil
	}
	if x, ok := v.(formattable); ok {
		return x.format(text), nil
	}
	f, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	return f.write(v)
}

func formatted(t *starlark.Thread, v starlark.Value, text string) (starlark.Value, error) {
	s, err := format(v, text)
	if err == nil {
		err = charge(t, len(s))
	}
	return starlark.String(s), err
}

func (f spec) write(v starlark.Value) (string, error) {
	if f.verb != 's' && f.verb != 'r' && f.verb != 'a' {
		v = number(v)
	}
	switch f.verb {
	case 0, 's':
		return f.plain(v)
	case 'r', 'a':
		return f.pad(f.cut(repr(v)), false), nil
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b', 'c', 'n':
		return f.integer(v)
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		return f.float(v)
	}
	return "", fmt.Errorf("unknown format %q", f.verb)
}

func (f spec) plain(v starlark.Value) (string, error) {
	switch v.(type) {
	case starlark.Int:
		if f.verb == 0 {
			f.verb = 'd'
			return f.integer(v)
		}
	case starlark.Float:
		if f.verb == 0 && f.precision >= 0 {
			f.verb = 'g'
			return f.float(v)
		}
		if f.verb == 0 {
			return f.pad(f.signed(Str(v)), true), nil
		}
	}
	return f.pad(f.cut(Str(v)), false), nil
}

func (f spec) cut(s string) string {
	if r := []rune(s); f.precision >= 0 && len(r) > f.precision {
		return string(r[:f.precision])
	}
	return s
}

func (f spec) integer(v starlark.Value) (string, error) {
	if x, ok := v.(starlark.Float); ok && (f.verb == 'd' || f.verb == 'i' || f.verb == 'u') {
		i, err := starlark.NumberToInt(x)
		if err != nil {
			return "", err
		}
		v = i
	}
	i, ok := v.(starlark.Int)
	if !ok {
		return "", fmt.Errorf("format %c wants a number, got %s", f.verb, typeName(v))
	}
	base, prefix := 10, ""
	switch f.verb {
	case 'c':
		n, ok := i.Int64()
		if !ok || n < 0 || n > unicode.MaxRune {
			return "", fmt.Errorf("there is no character %s", i)
		}
		return f.pad(string(rune(n)), false), nil
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	s := i.BigInt().Text(base)
	sign := ""
	if rest, negative := strings.CutPrefix(s, "-"); negative {
		sign, s = "-", rest
	}
	if f.group != 0 {
		s = grouped(s, f.group)
	}
	if !f.alternate {
		prefix = ""
	}
	if f.verb == 'X' {
		s, prefix = strings.ToUpper(s), strings.ToUpper(prefix)
	}
	return f.pad(f.signed(sign+prefix+s), true), nil
}

func (f spec) float(v starlark.Value) (string, error) {
	x, ok := starlark.AsFloat(v)
	if !ok {
		return "", fmt.Errorf("format %c wants a number, got %s", f.verb, typeName(v))
	}
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	verb, suffix := f.verb, ""
	if verb == '%' {
		x, verb, suffix = x*100, 'f', "%"
	}
	s := ""
	switch {
	case math.IsInf(x, 0) || math.IsNaN(x):
		s = strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(x, 'f', -1, 64), "+"))
	case verb|0x20 == 'g':
		s = general(x, max(precision, 1), f.alternate)
	default:
		s = strconv.FormatFloat(x, verb|0x20, precision, 64)
	}
	if verb == 'E' || verb == 'G' || verb == 'F' {
		s = strings.ToUpper(s)
	}
	if f.group != 0 {
		whole, fraction, dot := strings.Cut(s, ".")
		digits, negative := strings.CutPrefix(whole, "-")
		if s = grouped(digits, f.group); negative {
			s = "-" + s
		}
		if dot {
			s += "." + fraction
		}
	}
	return f.pad(f.signed(s+suffix), true), nil
}

// general writes with so many significant digits, as %g does.
func general(x float64, precision int, alternate bool) string {
	s := strconv.FormatFloat(x, 'e', precision-1, 64)
	exponent, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:]) // FormatFloat has written it
	if exponent < -4 || exponent >= precision {
		mantissa, exp, _ := strings.Cut(s, "e")
		if !alternate && strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		return mantissa + "e" + exp
	}
	s = strconv.FormatFloat(x, 'f', precision-1-exponent, 64)
	if !alternate && strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func grouped(digits string, by byte) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + string(by) + digits[i:]
	}
	return digits
}

func (f spec) signed(s string) string {
	if !strings.HasPrefix(s, "-") && (f.sign == '+' || f.sign == ' ') {
		return string(f.sign) + s
	}
	return s
}

// pad fills s up to the width. Numbers stand on the right unless the format says otherwise.
func (f spec) pad(s string, number bool) string {
	n := f.width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	align := f.align
	if align == 0 || align == '=' && !number {
		align = '<'
		if number {
			align = '>'
		}
	}
	switch align {
	case '>':
		return strings.Repeat(f.fill, n) + s
	case '^':
		return strings.Repeat(f.fill, n/2) + s + strings.Repeat(f.fill, n-n/2)
	case '=':
		at := 0
		if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
			at = 1
		}
		if rest := strings.ToLower(s[at:]); strings.HasPrefix(rest, "0x") || strings.HasPrefix(rest, "0o") || strings.HasPrefix(rest, "0b") {
			at += 2
		}
		return s[:at] + strings.Repeat(f.fill, n) + s[at:]
	}
	return s + strings.Repeat(f.fill, n)
}
