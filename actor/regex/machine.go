package regex

import (
	"regexp"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// Machine matches one pattern in one goroutine.
type Machine struct {
	p    *Pattern
	caps []int
}

// Search finds the first match that begins at byte offset from or later. It returns the
// byte offsets of begin and end of every group, -1 for groups that took no part, valid
// until the next call; nil if there is no match, or with ErrTimeout.
func (m *Machine) Search(s string, from int) (caps []int, err error) {
	switch p := m.p; {
	case p.linear == nil || from > 0 && p.context:
		return m.slow(p.slow, s, from)
	case from > len(s):
		return nil, nil
	default:
		return m.linear(p.linear, s, from), nil
	}
}

// MatchStart matches at the start of s only.
func (m *Machine) MatchStart(s string) (caps []int, err error) {
	if m.p.anchored != nil {
		return m.linear(m.p.anchored, s, 0), nil
	}
	return m.slow(m.p.slowAt, s, 0)
}

func (m *Machine) linear(re *regexp.Regexp, s string, from int) []int {
	found := re.FindStringSubmatchIndex(s[from:])
	if found == nil {
		return nil
	}
	n := len(m.caps)
	for i := range m.caps {
		m.caps[i] = found[i]
		if found[i] >= 0 {
			m.caps[i] += from
		}
	}
	// The newline that $ may look past was taken by a group of its own, the last one.
	if m.p.newline > 0 && found[n] >= 0 {
		m.caps[1] = found[n] + from
	}
	return m.caps
}

func (m *Machine) slow(re *regexp2.Regexp, s string, from int) ([]int, error) {
	if from > len(s) {
		return nil, nil
	}
	match, err := re.FindStringMatchStartingAt(s, from)
	if err != nil {
		return nil, ErrTimeout
	}
	if match == nil {
		return nil, nil
	}
	for i := range len(m.caps) / 2 {
		g := match.GroupByNumber(i)
		m.caps[2*i], m.caps[2*i+1] = -1, -1
		if g == nil || len(g.Captures) == 0 {
			continue
		}
		at, n := g.ByteRange()
		m.caps[2*i], m.caps[2*i+1] = at, at+n
	}
	return m.caps, nil
}

// FindAll calls yield with every match, in order and without overlap, until yield is
// false. An empty match may follow another match, as in Python's findall.
func (m *Machine) FindAll(s string, yield func(caps []int) bool) error {
	from, last := 0, -1
	for from <= len(s) {
		caps, err := m.Search(s, from)
		if caps == nil || err != nil {
			return err
		}
		begin, end := caps[0], caps[1]
		if end == begin && begin == last { // nothing new at the place of the last empty match
			from = next(s, begin)
			continue
		}
		if !yield(caps) {
			return nil
		}
		from = end
		if end == begin {
			last = end
		}
	}
	return nil
}

// next is the offset of the character after the one at i.
func next(s string, i int) int {
	if i >= len(s) {
		return i + 1
	}
	_, w := utf8.DecodeRuneInString(s[i:])
	return i + w
}

// ReplaceAll appends s to dst with up to count matches replaced by t, all if count is 0,
// and returns the number of replacements. An empty match right after a match is not
// replaced.
func (m *Machine) ReplaceAll(dst []byte, s string, t *Template, count int) (out []byte, n int, err error) {
	at, last := 0, -1
	err = m.FindAll(s, func(caps []int) bool {
		if caps[0] == caps[1] && caps[0] == last {
			return true
		}
		last = caps[1]
		dst = append(dst, s[at:caps[0]]...)
		dst = t.append(dst, s, caps)
		at = caps[1]
		n++
		return count == 0 || n < count
	})
	return append(dst, s[at:]...), n, err
}

// Names returns the names of the groups, as those of the pattern.
func (m *Machine) Names() []string { return m.p.names }

// ParseTemplate reads a replacement for the pattern of the machine.
func (m *Machine) ParseTemplate(text string) (*Template, error) { return m.p.ParseTemplate(text) }
