package file

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"gambolputty/actor/option"
	"gambolputty/stages/internal/charset"
)

// decoder finds lines in encoded bytes and makes text of them. Separators are looked for
// in the bytes as they stand in the file, so that places in it stay exact.
type decoder struct {
	separator []byte
	width     int // bytes of the smallest unit; a separator begins at a multiple of it
	codec     *charset.Codec
	utf8      bool // text may be valid as it is
}

// decoders are the ways to read the files of a module: one, or one for each byte order
// where files tell theirs by a mark at the beginning.
type decoders struct {
	marks  []string
	byMark []*decoder
	plain  *decoder
}

// newDecoders makes decoders for one goroutine.
func newDecoders(o *Options) (*decoders, error) {
	separator := o.Separator
	if o.Mode == cat {
		separator = "\n"
	}
	if strings.EqualFold(o.Encoding.String(), "binary") {
		return &decoders{plain: &decoder{separator: []byte(separator), width: 1}}, nil
	}
	if !o.Encoding.Converts() {
		return &decoders{plain: &decoder{separator: []byte(separator), width: 1, codec: o.Encoding.Codec(charset.Replace), utf8: true}}, nil
	}
	mark, err := o.Encoding.Codec(charset.Replace).Encode("")
	if err != nil {
		return nil, err
	}
	switch len(mark) {
	case len("\xff\xfe"):
		return marked(separator, "utf-16-le", "utf-16-be")
	case len("\xff\xfe\x00\x00"):
		return marked(separator, "utf-32-le", "utf-32-be")
	}
	d, err := newDecoder(o.Encoding, separator, mark)
	return &decoders{plain: d}, err
}

// marked makes a decoder for each byte order. Without a mark it is the first.
func marked(separator string, names ...string) (*decoders, error) {
	all := &decoders{}
	for _, name := range names {
		var set charset.Option
		if err := set.DecodeOption(&option.Value{Kind: option.String, Text: name}); err != nil {
			return nil, err
		}
		d, err := newDecoder(set, separator, "")
		if err != nil {
			return nil, err
		}
		mark, err := set.Codec(charset.Replace).Encode("\ufeff")
		if err != nil {
			return nil, err
		}
		all.marks, all.byMark = append(all.marks, mark), append(all.byMark, d)
	}
	all.plain = all.byMark[0]
	return all, nil
}

func newDecoder(set charset.Option, separator, mark string) (*decoder, error) {
	strict := set.Codec(charset.Refuse)
	encoded, err := strict.Encode(separator)
	if err != nil {
		return nil, fmt.Errorf("must be a text that the character set has: %w", err)
	}
	unit, err := strict.Encode("a")
	if err != nil {
		return nil, err
	}
	width := len(unit) - len(mark)
	return &decoder{
		separator: []byte(strings.TrimPrefix(encoded, mark)), width: width, codec: set.Codec(charset.Replace),
	}, nil
}

// longestMark is the length of the longest byte order mark.
const longestMark = 4

// choose returns the decoder for a file that begins with b, and the length of its mark.
func (d *decoders) choose(b []byte) (*decoder, int64) {
	for i, m := range d.marks {
		if bytes.HasPrefix(b, []byte(m)) {
			return d.byMark[i], int64(len(m))
		}
	}
	return d.plain, 0
}

// index finds a separator in b, which begins at a place in the file.
func (d *decoder) index(b []byte, from int, place int64) int {
	if len(d.separator) == 1 {
		i := bytes.IndexByte(b[from:], d.separator[0])
		if i < 0 {
			return -1
		}
		return from + i
	}
	for {
		i := bytes.Index(b[from:], d.separator)
		if i < 0 {
			return -1
		}
		from += i
		if d.width == 1 || (place+int64(from))%int64(d.width) == 0 {
			return from
		}
		from++
	}
}

// lastIndex finds the last separator in b, which begins at a place in the file.
func (d *decoder) lastIndex(b []byte, place int64) int {
	for {
		i := bytes.LastIndex(b, d.separator)
		if i < 0 || (place+int64(i))%int64(d.width) == 0 {
			return i
		}
		b = b[:i+len(d.separator)-1]
	}
}

// valid reports whether all lines in b are text as they stand.
func (d *decoder) valid(b []byte) bool {
	if d.codec == nil {
		return true
	}
	if !d.utf8 {
		return false
	}
	n := bytes.LastIndexByte(b, d.separator[len(d.separator)-1])
	return utf8.Valid(b[:n+1])
}

// text makes text of the bytes of a line.
func (d *decoder) text(s string) string {
	if d.codec == nil {
		return s
	}
	text, err := d.codec.Decode(s)
	if err != nil {
		return s // it never refuses
	}
	return text
}

// whole cuts n bytes down to a number that does not tear a character apart.
func (d *decoder) whole(s string) int {
	n := len(s) - len(s)%d.width
	if !d.utf8 {
		return n
	}
	for k := 1; k < utf8.UTFMax && k < n; k++ {
		c := s[n-k]
		if c < utf8.RuneSelf {
			break
		}
		if utf8.RuneStart(c) {
			if !utf8.FullRuneInString(s[n-k : n]) {
				return n - k
			}
			break
		}
	}
	return n
}
