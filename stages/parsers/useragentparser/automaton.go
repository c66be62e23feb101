package useragentparser

import (
	"strings"
	"unicode/utf8"
)

// automaton finds all of many texts in one pass over another one, after Aho and Corasick.
// It does not tell letter cases apart.
type automaton struct {
	classes [256]uint8 // of bytes; those of no text are in class 0
	width   int        // number of classes
	next    []uint16   // by state and class
	found   [][]uint16 // texts that end in a state
}

// maxStates is what fits a uint16. The rules of uap-core need about 12,000.
const maxStates = 1 << 16

// newAutomaton makes an automaton of texts in small letters. It is nil if they are too many.
func newAutomaton(texts []string) *automaton {
	a := &automaton{width: 1}
	for _, s := range texts {
		for i := range len(s) {
			if a.classes[s[i]] == 0 {
				a.classes[s[i]] = uint8(a.width)
				a.width++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		a.classes[c-'a'+'A'] = a.classes[c]
	}
	if !a.grow(texts) {
		return nil
	}
	a.link()
	return a
}

// grow makes the tree of all texts. A state without a successor has 0 there, the root.
func (a *automaton) grow(texts []string) bool {
	a.next, a.found = make([]uint16, a.width), make([][]uint16, 1)
	for n, s := range texts {
		state := 0
		for i := range len(s) {
			slot := state*a.width + int(a.classes[s[i]])
			if a.next[slot] == 0 {
				if len(a.found) == maxStates {
					return false
				}
				a.next[slot] = uint16(len(a.found))
				a.next = append(a.next, make([]uint16, a.width)...)
				a.found = append(a.found, nil)
			}
			state = int(a.next[slot])
		}
		a.found[state] = append(a.found[state], uint16(n))
	}
	return true
}

// link fills in, level by level, where to go on when a text does not: where the longest
// part at its end that begins a text goes on.
func (a *automaton) link() {
	fail := make([]uint16, len(a.found))
	var queue []uint16
	for c := range a.width {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		state := int(queue[0])
		queue = queue[1:]
		back := int(fail[state])
		a.found[state] = append(a.found[state], a.found[back]...)
		for c := range a.width {
			slot := state*a.width + c
			onward := a.next[back*a.width+c]
			if s := a.next[slot]; s != 0 {
				fail[s] = onward
				queue = append(queue, s)
			} else {
				a.next[slot] = onward
			}
		}
	}
}

// scan calls hit for every text that is in s, as often as it is.
func (a *automaton) scan(s string, hit func(text uint16)) {
	state := 0
	for i := range len(s) {
		state = int(a.next[state*a.width+int(a.classes[s[i]])])
		for _, n := range a.found[state] {
			hit(n)
		}
	}
}

// plain replaces the two letters beyond ASCII that are equal to one of ASCII without regard
// to case. There hardly ever is one.
func plain(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.NewReplacer("ſ", "s", "\u212a", "k").Replace(s)
		}
	}
	return s
}
