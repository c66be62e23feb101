package regex

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Eight bytes are looked at in one word where it pays. In the results of the functions on
// words, the highest bit of a byte is the answer for that byte.
const (
	each  = 0x0101010101010101
	lower = 0x7f * each
	upper = 0x80 * each
)

// load reads the eight bytes at i as a word, the first one lowest.
func load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// atLeast marks the bytes of a word without high bits that are c or more.
func atLeast(x uint64, c uint64) uint64 { return x + (0x80-c)*each }

// notDigits marks the bytes that are no digits.
func notDigits(x uint64) uint64 {
	low := x & lower
	return (^atLeast(low, '0') | atLeast(low, '9'+1) | x) & upper
}

// notWords marks the bytes that are neither letters nor digits nor the underscore.
func notWords(x uint64) uint64 {
	low := x & lower
	letters := low | 0x20*each // capital letters become small ones, and nothing else does
	word := atLeast(letters, 'a')&^atLeast(letters, 'z'+1) |
		atLeast(low, '0')&^atLeast(low, '9'+1) |
		^((low ^ '_'*each) + lower)
	return (^word | x) & upper
}

// endOfDigits returns where the digits from pos on end.
func endOfDigits(s string, pos int) int {
	for pos+8 <= len(s) {
		if no := notDigits(load(s, pos)); no != 0 {
			return pos + bits.TrailingZeros64(no)>>3
		}
		pos += 8
	}
	for pos < len(s) && s[pos]-'0' <= 9 {
		pos++
	}
	return pos
}

// endOfWord returns where the word characters from pos on end.
func endOfWord(s string, pos int) int {
	for pos+8 <= len(s) {
		if no := notWords(load(s, pos)); no != 0 {
			return pos + bits.TrailingZeros64(no)>>3
		}
		pos += 8
	}
	for pos < len(s) && isWord(s[pos]) {
		pos++
	}
	return pos
}

func isWord(b byte) bool {
	return b-'0' <= 9 || b|0x20-'a' <= 'z'-'a' || b == '_'
}

// wordAt reports whether a word character stands at i, which may be out of the text.
func wordAt(s string, i int) bool { return uint(i) < uint(len(s)) && isWord(s[i]) }

// lastByte returns the largest place in from..to where b stands, or -1.
func lastByte(s string, b byte, from, to int) int {
	i := min(to, len(s)-1)
	pattern := uint64(b) * each
	for i-7 >= from {
		x := load(s, i-7) ^ pattern // zero where b stands
		if found := ^((x&lower + lower) | x | lower); found != 0 {
			return i - bits.LeadingZeros64(found)>>3
		}
		i -= 8
	}
	for i >= from && s[i] != b {
		i--
	}
	if i < from {
		return -1
	}
	return i
}

// boundary reports whether i lies between two characters. What is no valid UTF-8 are
// characters of one byte each.
func boundary(s string, i int) bool {
	if i >= len(s) || utf8.RuneStart(s[i]) {
		return true
	}
	for lead := i - 1; lead >= 0 && lead > i-utf8.UTFMax; lead-- {
		if utf8.RuneStart(s[lead]) {
			_, w := utf8.DecodeRuneInString(s[lead:])
			return lead+w <= i
		}
	}
	return true
}

// after returns the place behind the character at i.
func after(s string, i int) int {
	if i >= len(s) || s[i] < utf8.RuneSelf {
		return i + 1
	}
	_, w := utf8.DecodeRuneInString(s[i:])
	return i + w
}

// lineEnd returns the place of the next newline, or the end of the text.
func (m *Machine) lineEnd(s string, pos int) int {
	if m.lineFrom <= pos && pos <= m.lineTo {
		return m.lineTo
	}
	m.lineFrom, m.lineTo = pos, len(s)
	if i := strings.IndexByte(s[pos:], '\n'); i >= 0 {
		m.lineTo = pos + i
	}
	return m.lineTo
}

// reach returns where a run of an instruction that does not count characters ends.
func (m *Machine) reach(in *inst, s string, pos int) int {
	switch in.scan {
	case scanDigits:
		return endOfDigits(s, pos)
	case scanWord:
		return endOfWord(s, pos)
	case scanTo:
		if i := strings.IndexByte(s[pos:], in.stop); i >= 0 {
			return pos + i
		}
		return len(s)
	case scanLine:
		return m.lineEnd(s, pos)
	case scanAll:
		return len(s)
	}
	end := len(s)
	if int(in.max) < end-pos {
		end = pos + int(in.max)
	}
	members := &in.class.first
	for pos < end && members[s[pos]] {
		pos++
	}
	return pos
}

// reachChars returns where a run that counts characters ends, and how many it took.
func reachChars(in *inst, s string, pos int) (end, n int) {
	for n < int(in.max) {
		w := in.class.width(s, pos)
		if w == 0 {
			break
		}
		pos += w
		n++
	}
	return pos, n
}

// goesOn reports whether what follows the run in could begin at i.
func (in *inst) goesOn(s string, i int) bool {
	if !in.accepts && (i >= len(s) || !in.follow[s[i]]) {
		return false
	}
	return !in.aligned || boundary(s, i)
}

// giveBack returns the largest place in from..to where what follows the run could begin,
// or -1.
func (m *Machine) giveBack(in *inst, s string, from, to int) int {
	if in.op == opGreedyByte {
		i := lastByte(s, in.back, from, to)
		m.steps -= (to - i) >> 3
		return i
	}
	i := to
	if in.accepts {
		for i >= from && in.aligned && !boundary(s, i) {
			i--
		}
	} else {
		i = min(i, len(s)-1)
		for i >= from && !in.goesOn(s, i) {
			i--
		}
	}
	m.steps -= (to - i) >> 3
	if i < from {
		return -1
	}
	return i
}

// giveBackChars is giveBack for runs that count characters.
func (m *Machine) giveBackChars(in *inst, s string, from, to int) int {
	for ; to >= from; to-- {
		if in.accepts || to < len(s) && in.follow[s[to]] {
			if boundary(s, to) {
				return to
			}
		}
		m.steps--
	}
	return -1
}

// take returns the first place from from on where what follows the lazy run could begin,
// or -1. The run began at start; what lies before from has been checked but for the last
// character.
func (m *Machine) take(in *inst, s string, start, from int) int {
	if from > len(s) || !m.covers(in, s, checked(in, start, from), from) {
		return -1
	}
	for i := from; i-start <= int(in.max); i++ {
		if in.goesOn(s, i) {
			m.steps -= (i - from) >> 3
			return i
		}
		if i >= len(s) || !in.class.first[s[i]] {
			break
		}
	}
	m.steps--
	return -1
}

// takeChars is take for runs that count characters, of which n were taken up to pos.
func (m *Machine) takeChars(in *inst, s string, pos, n int) (at, taken int) {
	for {
		if n >= int(in.min) && in.goesOn(s, pos) {
			return pos, n
		}
		w := in.class.width(s, pos)
		if w == 0 || n == int(in.max) {
			return -1, n
		}
		pos += w
		n++
		m.steps--
	}
}

// takeText is take for a run up to a text.
func (m *Machine) takeText(in *inst, s string, start, from int) int {
	if from > len(s) {
		return -1
	}
	var i int
	if len(in.text) == 1 {
		i = strings.IndexByte(s[from:], in.text[0])
	} else {
		i = strings.Index(s[from:], in.text)
	}
	if i < 0 {
		m.steps -= (len(s) - from) >> 3
		return -1
	}
	m.steps -= i >> 3
	i += from
	if i-start > int(in.max) || !m.covers(in, s, checked(in, start, from), i) {
		return -1
	}
	return i
}

// checked is the first place of a lazy run that has not been looked at, if from is where
// it goes on.
func checked(in *inst, start, from int) int {
	if from <= start+int(in.min) {
		return start
	}
	return from - 1
}

// covers reports whether everything between two places belongs to the run.
func (m *Machine) covers(in *inst, s string, from, to int) bool {
	switch in.scan {
	case scanAll:
		return true
	case scanLine:
		return m.lineEnd(s, from) >= to
	}
	members := &in.class.first
	for _, b := range []byte(s[from:to]) {
		if !members[b] {
			return false
		}
	}
	return true
}
