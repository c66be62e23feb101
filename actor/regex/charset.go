package regex

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// runeRange is a range of characters, both ends included.
type runeRange struct{ lo, hi rune }

// charSet is a set of characters as a list of ranges. A byte that is not part of valid
// UTF-8 counts as the character U+FFFD. The list is in order and without overlap once
// tidy has been called, which all functions that look into a set expect.
type charSet []runeRange

func (s *charSet) add(lo, hi rune) { *s = append(*s, runeRange{lo, hi}) }

func (s *charSet) addAll(o charSet) { *s = append(*s, o...) }

// tidy sorts the ranges and joins those that touch.
func (s *charSet) tidy() {
	slices.SortFunc(*s, func(a, b runeRange) int { return int(a.lo) - int(b.lo) })
	out := (*s)[:0]
	for _, r := range *s {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	*s = out
}

// negated returns all other characters.
func (s charSet) negated() charSet {
	var out charSet
	next := rune(0)
	for _, r := range s {
		if r.lo > next {
			out.add(next, r.lo-1)
		}
		next = r.hi + 1
	}
	if next <= unicode.MaxRune {
		out.add(next, unicode.MaxRune)
	}
	return out
}

func (s charSet) contains(c rune) bool {
	for _, r := range s {
		if c <= r.hi {
			return c >= r.lo
		}
	}
	return false
}

// folded returns the set with all other cases of its letters.
func (s charSet) folded() charSet {
	out := slices.Clone(s)
	for _, r := range s {
		// Outside of these no character has another case.
		for c := max(r.lo, 'A'); c <= min(r.hi, lastFold); c++ {
			for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
				out.add(f, f)
			}
		}
	}
	out.tidy()
	return out
}

// lastFold is the last character that has another case.
const lastFold = 0x1e943

// tableSet is the set of a table of the package unicode.
func tableSet(t *unicode.RangeTable) charSet {
	var s charSet
	for _, r := range t.R16 {
		addStrided(&s, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		addStrided(&s, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	s.tidy()
	return s
}

func addStrided(s *charSet, lo, hi, stride rune) {
	if stride == 1 {
		s.add(lo, hi)
		return
	}
	for c := lo; c <= hi; c += stride {
		s.add(c, c)
	}
}

// beyond tells which of the characters beyond ASCII a class holds.
type beyond uint8

const (
	noneBeyond beyond = iota
	someBeyond
	allBeyond
)

// class is a set as the machine looks into it.
type class struct {
	// first tells for every byte whether it begins a member. For ASCII that is all there
	// is to know.
	first  byteTable
	beyond beyond
	ranges charSet // of the members beyond ASCII, if there are some
}

// byteTable is a set of bytes that is fast to look into.
type byteTable [256]bool

func newClass(s charSet) *class {
	c := &class{}
	for _, r := range s {
		for b := r.lo; b <= min(r.hi, utf8.RuneSelf-1); b++ {
			c.first[b] = true
		}
		if r.hi >= utf8.RuneSelf {
			c.ranges.add(max(r.lo, utf8.RuneSelf), r.hi)
		}
	}
	switch {
	case len(c.ranges) == 0:
	case c.ranges[0] == runeRange{utf8.RuneSelf, unicode.MaxRune}:
		c.beyond, c.ranges = allBeyond, nil
		c.setFirst(0x80, 0xff)
	default:
		c.beyond = someBeyond
		c.setLeads()
	}
	return c
}

func (c *class) setFirst(lo, hi int) {
	for b := lo; b <= hi; b++ {
		c.first[b] = true
	}
}

// setLeads notes the bytes with which the members beyond ASCII begin.
func (c *class) setLeads() {
	if c.ranges.contains(utf8.RuneError) { // any of these bytes may stand alone
		c.setFirst(0x80, 0xff)
		return
	}
	for _, r := range c.ranges {
		c.setFirst(int(lead(r.lo)), int(lead(r.hi)))
	}
}

func lead(c rune) byte {
	var buf [utf8.UTFMax]byte
	if c >= 0xd800 && c < 0xe000 { // a surrogate, which no valid text holds
		return 0xed
	}
	utf8.EncodeRune(buf[:], c)
	return buf[0]
}

// width returns how many bytes the member of the class at pos takes, 0 if none stands
// there.
func (c *class) width(s string, pos int) int {
	if pos >= len(s) || !c.first[s[pos]] {
		return 0
	}
	if s[pos] < utf8.RuneSelf {
		return 1
	}
	r, w := utf8.DecodeRuneInString(s[pos:])
	if c.beyond == someBeyond && !c.ranges.contains(r) {
		return 0
	}
	return w
}

// only returns the one byte that the table holds or, with inverted, lacks.
func (t *byteTable) only(inverted bool) (b byte, ok bool) {
	n := 0
	for i, in := range t {
		if in != inverted {
			b = byte(i)
			n++
		}
	}
	return b, n == 1
}
