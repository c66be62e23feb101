package regex

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Machine matches one pattern in one goroutine. It keeps the memory that this takes, and
// learns from match to match which way of finding out pays.
type Machine struct {
	p     *Pattern
	slots []int
	stack []frame

	// Work is counted in steps, downwards, so that a match that needs many of them can be
	// given another treatment at the next alarm.
	steps   int
	alarm   int
	stage   stage
	at      int // where the present try began
	begun   time.Time
	decline bool // the package regexp may take over

	memoOn bool
	memo   []uint64
	stride int

	lineFrom, lineTo int // from the first on, the line ends at the second

	rejecter *rejecter
	suspect  suspect
	patience int // steps before the rejecter is asked
	doubt    int // how often of late there was no match after long trying
}

// stage is what happens to a match as its work grows.
type stage uint8

const (
	trying      stage = iota
	remembering       // the rejecter has no objection, failures are remembered
	impossible        // the rejecter says that there is no match
	declined          // the package regexp takes over
	timedOut
)

const (
	// leastPatience and mostPatience bound the steps before the rejecter is asked. It costs
	// about as much as matching a line that matches, and is worth that for one that fails.
	leastPatience = 16
	mostPatience  = 4096
	// doubtful is how many failures of late make a machine ask the rejecter first.
	doubtful = 4
	// mostSteps is the end of every match, with and without a timeout.
	mostSteps = 1 << 28
	// betweenTimes is how many steps are taken between two looks at the clock.
	betweenTimes = 1 << 14
	// mostMemo bounds the bits of the memo, 4 MiB.
	mostMemo = 1 << 25
	// keepFrames is how much of the stack is kept for the next match.
	keepFrames = 1 << 14
	// keepMemo is how many words of the memo are kept.
	keepMemo = 1 << 15
	// longestText for which places fit into a frame.
	longestText = 1<<31 - 2
)

// declineAfter is how many steps a text of n bytes is worth before the package regexp,
// whose time is linear whatever comes, takes over.
func declineAfter(n int) int { return 4096 + 64*n }

// Search finds the first match that begins at byte offset from or later. It returns the
// byte offsets of begin and end of every group, -1 for groups that took no part, valid
// until the next call; nil if there is no match, or with ErrTimeout.
func (m *Machine) Search(s string, from int) (caps []int, err error) {
	if from > len(s) {
		return nil, nil
	}
	return m.match(s, from, false)
}

// MatchStart matches at the start of s only.
func (m *Machine) MatchStart(s string) (caps []int, err error) { return m.match(s, 0, true) }

func (m *Machine) match(s string, from int, anchored bool) ([]int, error) {
	p := m.p
	if p.prog == nil || len(s) > longestText {
		if std := p.std(); std != nil {
			return std.run(m, s, from, anchored), nil
		}
		return nil, ErrTimeout
	}
	if len(s)-from < p.prog.shortest {
		return nil, nil
	}
	m.begin(s, from)
	end := -1
	if anchored {
		end = m.try(s, 0)
	} else {
		end = m.find(s, from)
	}
	m.shrink()
	switch {
	case end >= 0:
		m.slots[0], m.slots[1] = m.at, end
		return m.slots[:2*len(p.names)], nil
	case m.stage == declined:
		return p.std().run(m, s, from, anchored), nil
	case m.stage == timedOut:
		return nil, ErrTimeout
	}
	return nil, nil
}

// shrink gives back what an unusual text has made large.
func (m *Machine) shrink() {
	if cap(m.stack) > keepFrames {
		m.stack = nil
	}
	if cap(m.memo) > keepMemo {
		m.memo = nil
	}
}

// begin makes ready for a text.
func (m *Machine) begin(s string, from int) {
	m.steps = mostSteps
	m.alarm = m.steps - m.patience
	m.stage = trying
	m.memoOn = false
	m.decline = m.p.linear && m.p.suits(s, from)
	m.lineFrom, m.lineTo = 1, 0
	m.begun = time.Time{}
}

// try matches at one place.
func (m *Machine) try(s string, at int) int {
	m.at = at
	m.stack = m.stack[:0]
	groups := m.slots[:2*len(m.p.names)]
	for i := range groups {
		groups[i] = -1
	}
	return m.run(s, m.p.prog.start, at)
}

// find tries one place after the other. The first try is made without further ado, since
// most lines match; after that it pays to look before.
func (m *Machine) find(s string, from int) int {
	p := m.p.prog
	last := len(s) - p.shortest
	at := m.candidate(s, from)
	if at >= 0 && m.doubt >= doubtful && (m.lacks(s, at) || m.rejects(s, at)) {
		return -1
	}
	for tries := 0; at >= 0 && at <= last; tries++ {
		if end := m.try(s, at); end >= 0 {
			m.learn(true)
			return end
		}
		if m.stage < impossible && tries == 0 && m.lacks(s, at) {
			m.stage = impossible
		}
		if m.stage >= impossible {
			break
		}
		if p.skip != nil {
			for w := p.skip.width(s, at); w > 0; w = p.skip.width(s, at) {
				at += w
			}
		}
		at = m.candidate(s, after(s, at))
		m.at = at
		if m.steps -= 2; m.steps < m.alarm && at >= 0 && !m.more(s) {
			break
		}
	}
	m.learn(false)
	return -1
}

// candidate returns the first place from at on where a match could begin, or -1.
func (m *Machine) candidate(s string, at int) int {
	p := m.p.prog
	switch {
	case at > len(s), p.anchored && at > 0:
		return -1
	case p.anchored:
		return at
	case p.lines:
		if at == 0 || s[at-1] == '\n' {
			return at
		}
		if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
			return at + i + 1
		}
		return -1
	case p.prefix != "":
		if i := strings.Index(s[at:], p.prefix); i >= 0 {
			return at + i
		}
		return -1
	case p.first == nil:
		return at
	}
	for ; at < len(s); at++ {
		if p.first[s[at]] && (utf8.RuneStart(s[at]) || boundary(s, at)) {
			return at
		}
	}
	return -1
}

// lacks reports whether something is missing behind at that every match has.
func (m *Machine) lacks(s string, at int) bool {
	return m.suspect.broken(s, at) || !contains(s[at:], m.p.prog.literals)
}

// contains reports whether texts stand in s one after the other.
func contains(s string, texts []string) bool {
	for _, t := range texts {
		i := strings.Index(s, t)
		if i < 0 {
			return false
		}
		s = s[i+len(t):]
	}
	return true
}

// more decides how a match goes on that has used up its steps. It reports whether it does.
func (m *Machine) more(s string) bool {
	switch {
	case m.stage == trying:
		if m.suspect.broken(s, m.at) || m.rejects(s, m.at) {
			m.stage = impossible
			return false
		}
		m.stage = remembering
		m.alarm = mostSteps - declineAfter(len(s))
		if !m.rememberFailures(len(s)) && m.decline {
			m.giveUp()
			return false
		}
		return true
	case m.decline:
		m.giveUp()
		return false
	}
	if m.begun.IsZero() {
		m.begun = time.Now()
	} else if limit := m.p.opts.Timeout; limit > 0 && time.Since(m.begun) > limit {
		m.stage = timedOut
		return false
	}
	m.alarm = m.steps - betweenTimes
	if m.steps <= 0 {
		m.stage = timedOut
		return false
	}
	return true
}

// giveUp ends a match that would need too much: the package regexp takes over if it can.
func (m *Machine) giveUp() {
	m.stage = timedOut
	if m.decline {
		m.stage = declined
	}
}

// rememberFailures makes the memo ready. It reports whether it is small enough.
func (m *Machine) rememberFailures(n int) bool {
	memos := m.p.prog.memos
	if memos == 0 {
		return true
	}
	m.stride = n + 1
	if memos > mostMemo/m.stride {
		return false
	}
	words := (memos*m.stride + 63) >> 6
	if cap(m.memo) < words {
		m.memo = make([]uint64, words+words/2)
	}
	m.memo = m.memo[:words]
	clear(m.memo)
	m.memoOn = true
	return true
}

// rejects asks the rejecter whether there is certainly no match from at on.
func (m *Machine) rejects(s string, at int) bool {
	if m.rejecter == nil {
		if m.p.prog.rejecter == nil {
			return false
		}
		m.rejecter = newRejecter(m.p.prog.rejecter)
	}
	if !m.rejecter.rejects(s[at:]) {
		return false
	}
	if contains(s[at:], m.p.prog.literals) {
		m.suspect.convict(m.p, s, at)
	}
	return true
}

// learn adapts to what the texts of late were like.
func (m *Machine) learn(matched bool) {
	switch {
	case matched && m.stage == trying:
		m.doubt = 0
	case matched: // the rejecter was asked in vain
		m.doubt = max(m.doubt-2, 0)
		m.patience = min(2*m.patience, mostPatience)
	case m.stage == impossible:
		m.doubt = min(m.doubt+1, 2*doubtful)
		m.patience = max(m.patience/2, leastPatience)
	}
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
			from = after(s, begin)
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
