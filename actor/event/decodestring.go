package event

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// string reads a string, quotes included.
func (d *Decoder) string() (string, error) {
	d.at++
	from := d.at
	d.at += plainText(d.s[from:])
	if d.at >= len(d.s) {
		return "", d.fail("")
	}
	switch d.s[d.at] {
	case '"':
		d.at++
		return d.s[from : d.at-1], nil
	case '\\':
		return d.escaped(from)
	}
	return "", d.fail("control character 0x%02x in a string", d.s[d.at])
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainText returns the length of the text up to a quote, a backslash or a control
// character, or up to the end. It looks at eight bytes at a time.
func plainText(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := word(s, i)
		low, slash := x^(ones*nextToQuote), x^(ones*'\\')
		hit := (low-ones*(' '+1))&^low | (slash-ones)&^slash
		if hit &= highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3 // the lowest one is certain
		}
	}
	for i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= 0x20 {
		i++
	}
	return i
}

// escaped reads the rest of a string in which there is a backslash.
func (d *Decoder) escaped(from int) (string, error) {
	out := append(d.scratch[:0], d.s[from:d.at]...)
	defer func() { d.scratch = out[:0] }()
	for d.at < len(d.s) {
		switch d.s[d.at] {
		case '"':
			d.at++
			return d.keep(out), nil
		case '\\':
			var err error
			if out, err = d.escape(out); err != nil {
				return "", err
			}
		default:
			n := plainText(d.s[d.at:])
			if n == 0 {
				return "", d.fail("control character 0x%02x in a string", d.s[d.at])
			}
			out = append(out, d.s[d.at:d.at+n]...)
			d.at += n
		}
	}
	return "", d.fail("")
}

// keep makes a string of bytes in the scratch memory.
func (d *Decoder) keep(b []byte) string {
	kept := d.into.texts.take(len(b), arenaText)
	copy(kept, b)
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

func (d *Decoder) escape(out []byte) ([]byte, error) {
	if d.at+1 >= len(d.s) {
		d.at = len(d.s)
		return nil, d.fail("")
	}
	c := d.s[d.at+1]
	if c == 'u' {
		return d.unicode(out)
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return nil, d.fail("unknown escape \\%c", c)
	}
	d.at += 2
	return append(out, "\"\\/\b\f\n\r\t"[i]), nil
}

// unicode reads \uXXXX and pairs of surrogates. Half a pair becomes U+FFFD.
func (d *Decoder) unicode(out []byte) ([]byte, error) {
	r, err := d.hex4()
	if err != nil {
		return nil, err
	}
	if utf16.IsSurrogate(r) && strings.HasPrefix(d.s[d.at:], `\u`) {
		keep := d.at
		low, err := d.hex4()
		if err != nil {
			return nil, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			d.at = keep // the second escape stands for itself
		}
	}
	return utf8.AppendRune(out, r), nil
}

func (d *Decoder) hex4() (rune, error) {
	if len(d.s)-d.at < 6 {
		d.at = len(d.s)
		return 0, d.fail("")
	}
	var r rune
	for _, c := range []byte(d.s[d.at+2 : d.at+6]) {
		switch {
		case c-'0' < 10:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, d.fail(`\u needs four hexadecimal digits`)
		}
	}
	d.at += 6
	return r, nil
}
