package regex

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// frame is a choice to come back to, or a slot to set back on the way there.
type frame struct {
	pc   int32 // the instruction that chose, or undo
	k    int32 // which way comes next, or the slot
	a, b int32 // places in the text, or the value of the slot
}

const undo = -1

// maxFrames bounds the memory of a match.
const maxFrames = 1 << 20

// run follows a program from pos on and returns where the match ends, or -1. It goes
// ahead until an instruction fails, and then back to the last choice.
func (m *Machine) run(s string, in *inst, pos int) int {
	for {
		switch in.op {
		case opByte:
			if pos < len(s) && s[pos] == in.stop {
				pos++
				in = in.next
				continue
			}
		case opSave:
			if len(m.stack) > 0 {
				m.stack = append(m.stack, frame{undo, in.slot, int32(m.slots[in.slot]), 0})
			}
			m.slots[in.slot] = pos
			in = in.next
			continue
		case opRunDigits:
			if end := endOfDigits(s, pos); end-pos >= int(in.min) && !(m.memoOn && m.seen(in, end)) {
				pos = end
				in = in.next
				continue
			}
		case opRunWord:
			if end := endOfWord(s, pos); end-pos >= int(in.min) && !(m.memoOn && m.seen(in, end)) {
				pos = end
				in = in.next
				continue
			}
		case opRun, opRunTo, opRunLine, opRunAll:
			if end := m.reach(in, s, pos); end-pos >= int(in.min) && !(m.memoOn && m.seen(in, end)) {
				pos = end
				in = in.next
				continue
			}
		case opBranch:
			if len(m.stack) >= maxFrames {
				m.giveUp()
				return -1
			}
			next := 256
			if pos < len(s) {
				next = int(s[pos])
			}
			at := in.ways.by[next]
			list := in.ways.lists[at]
			if len(list) > 0 && !(m.memoOn && m.seen(in, pos)) {
				if len(list) > 1 {
					m.stack = append(m.stack, frame{in.pc, 1, int32(at), int32(pos)})
				}
				in = list[0]
				continue
			}
		case opText:
			if end := pos + len(in.text); end <= len(s) && s[pos:end] == in.text {
				pos = end
				in = in.next
				continue
			}
		case opSet:
			if pos < len(s) && in.class.first[s[pos]] {
				pos++
				in = in.next
				continue
			}
		case opGreedy, opGreedyByte, opLazy, opLazyText:
			if at := m.enter(in, s, pos); at >= 0 {
				pos = at
				in = in.next
				continue
			}
		case opMatch:
			return pos
		default:
			if next, at := m.step(in, s, pos); next != nil {
				in, pos = next, at
				continue
			}
		}
		if in, pos = m.back(s); in == nil {
			return -1
		}
	}
}

// enter begins a run that can change its mind, and leaves a frame for that.
func (m *Machine) enter(in *inst, s string, pos int) int {
	from := pos + int(in.min)
	var at int
	switch in.op {
	case opLazy, opLazyText:
		if at = m.next(in, s, pos, from); at < 0 {
			return -1
		}
		m.stack = append(m.stack, frame{in.pc, 0, int32(pos), int32(at + 1)})
	default:
		end := m.reach(in, s, pos)
		m.steps -= (end - pos) >> 3
		if at = m.giveBack(in, s, from, end); at < 0 {
			return -1
		}
		if at > from {
			m.stack = append(m.stack, frame{in.pc, 0, int32(from), int32(at - 1)})
		}
	}
	if m.memoOn && m.seen(in, at) {
		return -1
	}
	return at
}

// next finds the next place at which a lazy run can end.
func (m *Machine) next(in *inst, s string, start, from int) int {
	if in.op == opLazyText {
		return m.takeText(in, s, start, from)
	}
	return m.take(in, s, start, from)
}

// seen reports whether an instruction has gone on from this position before, which cannot
// have led to a match, and makes a note of it.
func (m *Machine) seen(in *inst, pos int) bool {
	if in.memo == 0 {
		return false
	}
	i := uint(int(in.memo-1)*m.stride + pos)
	word, bit := &m.memo[i>>6], uint64(1)<<(i&63)
	if *word&bit != 0 {
		return true
	}
	*word |= bit
	return false
}

// back goes back to the last choice and returns how to go on, nil if there is none left.
func (m *Machine) back(s string) (in *inst, pos int) {
	for len(m.stack) > 0 {
		if m.steps--; m.steps < m.alarm && !m.more(s) {
			return nil, 0
		}
		last := len(m.stack) - 1
		f := &m.stack[last]
		if f.pc == undo {
			m.slots[f.k] = int(f.a)
			m.stack = m.stack[:last]
			continue
		}
		in, pos = m.resume(f, s)
		if in != nil {
			return in, pos
		}
	}
	return nil, 0
}

// resume takes the next way of the choice on top of the stack.
func (m *Machine) resume(f *frame, s string) (*inst, int) {
	in, last := m.p.prog.insts[f.pc], len(m.stack)-1
	at := -1
	switch in.op {
	case opBranch:
		list := in.ways.lists[f.a]
		next, pos := list[f.k], int(f.b)
		if f.k++; int(f.k) == len(list) {
			m.stack = m.stack[:last]
		}
		return next, pos
	case opGreedy, opGreedyByte, opGreedyChars:
		if in.op == opGreedyChars {
			at = m.giveBackChars(in, s, int(f.a), int(f.b))
		} else {
			at = m.giveBack(in, s, int(f.a), int(f.b))
		}
		f.b = int32(at - 1)
		if at <= int(f.a) {
			m.stack = m.stack[:last]
		}
	case opLazy, opLazyText:
		at = m.next(in, s, int(f.a), int(f.b))
		f.b = int32(at + 1)
		if at < 0 {
			m.stack = m.stack[:last]
		}
	case opLazyChars:
		return m.resumeChars(in, f, s)
	case opNot:
		m.stack = m.stack[:last]
		return in.other, int(f.a)
	case opBack:
		return m.further(in, f, s)
	}
	if at < 0 || m.memoOn && m.seen(in, at) {
		return nil, 0
	}
	return in.next, at
}

// step does what is rarely asked for. It returns nil if the instruction fails.
func (m *Machine) step(in *inst, s string, pos int) (*inst, int) {
	ok := false
	switch in.op {
	case opChar:
		w := in.class.width(s, pos)
		ok, pos = w > 0, pos+w
	case opAssert:
		ok = holds(in.place, s, pos)
	case opAhead, opNotAhead:
		ok = (pos < len(s) && in.class.first[s[pos]]) == (in.op == opAhead)
	case opBehind, opNotBehind:
		ok = (pos > 0 && in.class.first[s[pos-1]]) == (in.op == opBehind)
	case opRunChars:
		end, n := reachChars(in, s, pos)
		m.steps -= n
		ok, pos = n >= int(in.min) && !(m.memoOn && m.seen(in, end)), end
	case opGreedyChars, opLazyChars:
		return m.enterChars(in, s, pos)
	case opRoundMark:
		m.set(in.slot, pos)
		ok = true
	case opRound:
		if m.slots[in.slot] == pos {
			return in.other, pos
		}
		ok = true
	case opBackref:
		ok, pos = m.backref(in, s, pos)
	case opCondition:
		if m.slots[2*in.group+1] < 0 {
			return in.other, pos
		}
		ok = true
	default:
		return m.around(in, s, pos)
	}
	if !ok {
		return nil, 0
	}
	return in.next, pos
}

// around does what lookarounds and atomic groups are made of.
func (m *Machine) around(in *inst, s string, pos int) (*inst, int) {
	switch in.op {
	case opMark:
		if m.memoOn && m.seen(in, pos) {
			return nil, 0
		}
		m.set(in.slot, pos)
		m.set(in.slot+1, 0)
		m.slots[in.slot+1] = len(m.stack)
	case opCommit:
		m.cut(m.slots[in.slot+1])
	case opLookEnd:
		m.cut(m.slots[in.slot+1])
		pos = m.slots[in.slot]
	case opNot:
		if m.memoOn && m.seen(in, pos) {
			return nil, 0
		}
		m.set(in.slot, 0)
		m.slots[in.slot] = len(m.stack)
		m.stack = append(m.stack, frame{in.pc, 0, int32(pos), 0})
	case opNotEnd:
		m.unwind(m.slots[in.slot])
		return nil, 0
	case opBack:
		m.set(in.slot, pos)
		return m.stepBack(in, s, pos)
	case opAtMark:
		if m.slots[in.slot] != pos {
			return nil, 0
		}
	}
	return in.next, pos
}

// set writes a slot so that going back restores it.
func (m *Machine) set(slot int32, value int) {
	if len(m.stack) > 0 {
		m.stack = append(m.stack, frame{undo, slot, int32(m.slots[slot]), 0})
	}
	m.slots[slot] = value
}

// cut forgets all choices above a height of the stack, but not what is to be set back if
// there are choices below.
func (m *Machine) cut(height int) {
	keep := height
	for i := height; i < len(m.stack) && height > 0; i++ {
		if m.stack[i].pc == undo {
			m.stack[keep] = m.stack[i]
			keep++
		}
	}
	m.stack = m.stack[:keep]
}

// unwind goes back to a height of the stack and forgets all choices above it.
func (m *Machine) unwind(height int) {
	for len(m.stack) > height {
		f := m.stack[len(m.stack)-1]
		m.stack = m.stack[:len(m.stack)-1]
		if f.pc == undo {
			m.slots[f.k] = int(f.a)
		}
	}
}

// stepBack goes to where a lookbehind begins, as few characters back as it can match.
func (m *Machine) stepBack(in *inst, s string, pos int) (*inst, int) {
	for range in.min {
		if pos == 0 {
			return nil, 0
		}
		pos -= widthBefore(s, pos)
	}
	if pos > 0 && in.max > in.min {
		m.stack = append(m.stack, frame{in.pc, in.min, int32(pos), 0})
	}
	return in.next, pos
}

// further goes one more character back.
func (m *Machine) further(in *inst, f *frame, s string) (*inst, int) {
	f.k++
	f.a -= int32(widthBefore(s, int(f.a)))
	pos := int(f.a)
	if pos == 0 || f.k == in.max {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return in.next, pos
}

func widthBefore(s string, pos int) int {
	_, w := utf8.DecodeLastRuneInString(s[:pos])
	return w
}

func (m *Machine) backref(in *inst, s string, pos int) (bool, int) {
	from, to := m.slots[2*in.group], m.slots[2*in.group+1]
	if from < 0 || to < from {
		return false, 0
	}
	want := s[from:to]
	if in.fold {
		return foldedPrefix(s[pos:], want, pos)
	}
	return strings.HasPrefix(s[pos:], want), pos + len(want)
}

// foldedPrefix reports whether s begins with want without regard to case, and where that
// ends.
func foldedPrefix(s, want string, pos int) (bool, int) {
	for _, w := range want {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || !sameFold(r, w) {
			return false, 0
		}
		s, pos = s[size:], pos+size
	}
	return true, pos
}

func sameFold(a, b rune) bool {
	for f := a; ; {
		if f == b {
			return true
		}
		if f = unicode.SimpleFold(f); f == a {
			return false
		}
	}
}

// enterChars begins a run that counts characters.
func (m *Machine) enterChars(in *inst, s string, pos int) (*inst, int) {
	if in.op == opLazyChars {
		m.stack = append(m.stack, frame{in.pc, 0, int32(pos), 0})
		return m.resumeChars(in, &m.stack[len(m.stack)-1], s)
	}
	from, n := pos, 0
	for ; n < int(in.min); n++ {
		w := in.class.width(s, from)
		if w == 0 {
			return nil, 0
		}
		from += w
	}
	rest := *in
	rest.max -= in.min
	end, n := reachChars(&rest, s, from)
	m.steps -= n
	m.stack = append(m.stack, frame{in.pc, 0, int32(from), int32(end)})
	return m.resume(&m.stack[len(m.stack)-1], s)
}

// resumeChars takes as few characters more as lead on.
func (m *Machine) resumeChars(in *inst, f *frame, s string) (*inst, int) {
	at, n := m.takeChars(in, s, int(f.a), int(f.k))
	last := len(m.stack) - 1
	if at < 0 {
		m.stack = m.stack[:last]
		return nil, 0
	}
	if w := in.class.width(s, at); w > 0 && n < int(in.max) {
		f.a, f.k = int32(at+w), int32(n+1)
	} else {
		m.stack = m.stack[:last]
	}
	if m.memoOn && m.seen(in, at) {
		return nil, 0
	}
	return in.next, at
}

// holds reports whether an assertion is true of a place.
func holds(p place, s string, pos int) bool {
	switch p {
	case textBegin:
		return pos == 0
	case textEnd:
		return pos == len(s)
	case textEndOrLine:
		return pos == len(s) || pos == len(s)-1 && s[pos] == '\n'
	case lineBegin:
		return pos == 0 || s[pos-1] == '\n'
	case lineEnd:
		return pos == len(s) || s[pos] == '\n'
	case wordBoundary:
		return wordAt(s, pos-1) != wordAt(s, pos)
	case noWordBoundary:
		return wordAt(s, pos-1) == wordAt(s, pos)
	}
	before, _ := utf8.DecodeLastRuneInString(s[:pos])
	behind, _ := utf8.DecodeRuneInString(s[pos:])
	differ := (pos > 0 && isUnicodeWord(before)) != (pos < len(s) && isUnicodeWord(behind))
	return differ == (p == unicodeBoundary)
}
