package charset

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// Policy says what becomes of what cannot be converted.
type Policy string

// The policies: the text is refused; U+FFFD or, where there is none, ? takes the place of
// a character; it is left out.
const (
	Refuse  Policy = "refuse"
	Replace Policy = "replace"
	Ignore  Policy = "ignore"
)

// Codec converts text from and to a character set. It belongs to one goroutine.
type Codec struct {
	name   string
	set    encoding.Encoding
	detect bool
	policy Policy
	coders map[encoding.Encoding]*coder
	out    []byte
}

// Codec makes a codec for the set.
func (o Option) Codec(p Policy) *Codec {
	return &Codec{name: o.name, set: o.set, policy: p, coders: map[encoding.Encoding]*coder{}}
}

// Detector makes a codec that finds out for every text which set it is in.
func Detector(p Policy) *Codec {
	return &Codec{name: "auto", detect: true, policy: p, coders: map[encoding.Encoding]*coder{}}
}

var errNotUTF8 = errors.New("the text is not valid UTF-8")

// marks are byte order marks with the sets they tell. That of UTF-32 begins with one of
// UTF-16.
var marks = [...]struct {
	bytes string
	set   encoding.Encoding
}{
	{"\xef\xbb\xbf", nil}, {"\xff\xfe\x00\x00", utf32LE}, {"\x00\x00\xfe\xff", utf32BE}, {"\xff\xfe", utf16LE}, {"\xfe\xff", utf16BE},
}

// Decode converts text to UTF-8.
func (c *Codec) Decode(s string) (string, error) {
	set, s := c.choose(s)
	if set == nil {
		return c.valid(s)
	}
	k := c.coder(set)
	if k.ascii && isASCII(s) {
		return s, nil
	}
	c.out = k.decode(c.out[:0], s)
	at := bytes.Index(c.out, []byte(replacement))
	if at < 0 || k.faithful(c.out, s) {
		return string(c.out), nil
	}
	switch c.policy {
	case Replace:
		return string(c.out), nil
	case Ignore:
		return strings.ReplaceAll(string(c.out), replacement, ""), nil
	}
	return "", fmt.Errorf("character %d of the text is not in the character set %s", utf8.RuneCount(c.out[:at])+1, c.name)
}

const replacement = string(utf8.RuneError)

// choose returns the set that a text is in, and the text without its byte order mark.
func (c *Codec) choose(s string) (encoding.Encoding, string) {
	switch {
	case c.detect:
		return Detect(s)
	case c.set == utf8BM:
		return nil, strings.TrimPrefix(s, marks[0].bytes)
	case c.set == utf16:
		if rest, ok := strings.CutPrefix(s, "\xfe\xff"); ok {
			return utf16BE, rest
		}
		return utf16LE, strings.TrimPrefix(s, "\xff\xfe")
	case c.set == utf32BM:
		if rest, ok := strings.CutPrefix(s, "\x00\x00\xfe\xff"); ok {
			return utf32BE, rest
		}
		return utf32LE, strings.TrimPrefix(s, "\xff\xfe\x00\x00")
	}
	return c.set, s
}

// Detect guesses the character set of a text and cuts its byte order mark off. Without a
// mark it is UTF-16 if every other byte is nearly always 0, UTF-8 if it is valid, and
// otherwise Windows-1252.
func Detect(s string) (encoding.Encoding, string) {
	for _, m := range marks {
		if rest, ok := strings.CutPrefix(s, m.bytes); ok {
			return m.set, rest
		}
	}
	zeros := [2]int{}
	for i := 0; i+1 < len(s); i += 2 {
		for k := range zeros {
			if s[i+k] == 0 {
				zeros[k]++
			}
		}
	}
	const most, few = 3, 10 // more than a third, less than a tenth
	units := len(s) / 2
	switch {
	case len(s)%2 == 0 && zeros[1]*most > units && zeros[0]*few < units:
		return utf16LE, s
	case len(s)%2 == 0 && zeros[0]*most > units && zeros[1]*few < units:
		return utf16BE, s
	case utf8.ValidString(s):
		return nil, s
	}
	return charmap.Windows1252, s
}

// valid makes UTF-8 of what should be UTF-8.
func (c *Codec) valid(s string) (string, error) {
	switch {
	case utf8.ValidString(s):
		return s, nil
	case c.policy == Replace:
		return strings.ToValidUTF8(s, replacement), nil
	case c.policy == Ignore:
		return strings.ToValidUTF8(s, ""), nil
	}
	return "", errNotUTF8
}

// Encode converts UTF-8 to the set, with a byte order mark where the set has one.
func (c *Codec) Encode(s string) (string, error) {
	s, err := c.valid(s)
	if err != nil {
		return "", err
	}
	set, mark := c.set, ""
	switch c.set {
	case nil:
		return s, nil
	case utf8BM:
		return marks[0].bytes + s, nil
	case utf16:
		set, mark = utf16LE, "\xff\xfe"
	case utf32BM:
		set, mark = utf32LE, "\xff\xfe\x00\x00"
	}
	k := c.coder(set)
	if k.ascii && isASCII(s) {
		return s, nil
	}
	var missing rune
	c.out, missing = k.encode(append(c.out[:0], mark...), s, c.policy)
	if missing != 0 && c.policy == Refuse {
		return "", fmt.Errorf("%q is not in the character set %s", missing, c.name)
	}
	return string(c.out), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (c *Codec) coder(set encoding.Encoding) *coder {
	k := c.coders[set]
	if k == nil {
		k = newCoder(set)
		c.coders[set] = k
	}
	return k
}

// coder holds what converts from and to one set.
type coder struct {
	decoder, encoder transform.Transformer
	ascii            bool // bytes below 128 are what they are in ASCII, whatever is around
	open             bool // the encoder leaves the end of the text in the state it is in
	in, again        []byte
}

func newCoder(set encoding.Encoding) *coder {
	k := &coder{decoder: set.NewDecoder().Transformer, encoder: set.NewEncoder().Transformer, open: set == simplifiedchinese.HZGB2312}
	all := make([]byte, utf8.RuneSelf)
	for i := range all {
		all[i] = byte(i)
	}
	k.ascii = string(k.decode(nil, string(all))) == string(all)
	return k
}

func (k *coder) decode(dst []byte, s string) []byte {
	k.in = append(k.in[:0], s...)
	k.decoder.Reset()
	dst, _, _ = convert(k.decoder, dst, k.in) // what is wrong becomes U+FFFD
	return dst
}

// faithful reports whether text with U+FFFD in it is right: whether these characters were
// there before.
func (k *coder) faithful(text []byte, origin string) bool {
	k.encoder.Reset()
	again, n, _ := convert(k.encoder, k.again[:0], text)
	k.again = again
	return n == len(text) && string(again) == origin
}

// encode returns the first character that is not in the set as well, if there is one.
func (k *coder) encode(dst []byte, s string, p Policy) (out []byte, missing rune) {
	k.in = append(k.in[:0], s...)
	if k.open { // a newline is always written in the first state
		k.in = append(k.in, '\n')
		defer func() { out = out[:max(0, len(out)-1)] }()
	}
	k.encoder.Reset()
	for in := k.in; len(in) > 0; {
		var n int
		var err error
		dst, n, err = convert(k.encoder, dst, in)
		in = in[n:]
		if err == nil || len(in) == 0 {
			break
		}
		r, size := utf8.DecodeRune(in)
		if missing == 0 {
			missing = r
		}
		in = in[size:]
		switch p {
		case Refuse:
			return dst, missing
		case Replace:
			dst, _, _ = convert(k.encoder, dst, []byte{'?'})
		}
	}
	return dst, missing
}

// convert appends what t makes of src, and tells how far it came.
func convert(t transform.Transformer, dst, src []byte) (out []byte, n int, err error) {
	for {
		dst = grow(dst, len(src)-n)
		nDst, nSrc, err := t.Transform(dst[len(dst):cap(dst)], src[n:], true)
		dst, n = dst[:len(dst)+nDst], n+nSrc
		if err != transform.ErrShortDst {
			return dst, n, err
		}
	}
}

// grow makes room for a text and a little more.
func grow(b []byte, n int) []byte {
	const more = 64
	if cap(b)-len(b) >= more+n/4 {
		return b
	}
	return append(make([]byte, 0, len(b)+n+n/2+more), b...)
}
