package regex

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestASetMissesNoMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	m := maker{choose: r.IntN, around: append([]string{"(?<=%s)", "(?<!%s)"}, aroundForms...), extra: []string{`\1`, `\A`, `^`, "(?m:^)"}}
	for range 100 {
		var patterns []*Pattern
		for len(patterns) < 70 { // more than one word of bits
			if p, err := Compile(m.pattern(1), Options{}); err == nil {
				patterns = append(patterns, p)
			}
		}
		set := NewSet(patterns).Machine()
		for range 5 {
			text := m.text()
			set.Search(text)
			for i, p := range patterns {
				if caps, err := p.Machine().Search(text, 0); err == nil && caps != nil && !set.May(i) {
					t.Fatalf("%q matches %q at %v, which the set denies", p, text, caps[:2])
				}
			}
		}
	}
}

func TestASetTellsPatternsApart(t *testing.T) {
	var patterns []*Pattern
	for i := range 30 {
		patterns = append(patterns, compile(t, fmt.Sprintf(`(\d+) spam%02d (\w+)`, i), Options{}))
	}
	m := NewSet(patterns).Machine()
	for i := range 30 {
		m.Search(fmt.Sprintf("12 spam%02d eggs", i))
		for j := range 30 {
			if m.May(j) != (i == j) {
				t.Errorf("on the text for %d, pattern %d may match: %v", i, j, m.May(j))
			}
		}
	}
}

func TestASetThatIsOutOfRoomAllowsEverything(t *testing.T) {
	// The automaton has to remember which of the last 14 characters were a: 2^14 states.
	p := compile(t, `a.{8}.{4}.b`, Options{})
	q := compile(t, `zzz`, Options{})
	m := NewSet([]*Pattern{p, q}).Machine()
	r := rand.New(rand.NewPCG(3, 4))
	text := strings.Map(func(rune) rune { return rune('a' + r.IntN(2)*2) }, strings.Repeat("x", 20_000))
	for range 2 * mostFull {
		m.Search(text)
	}
	if m.rejecter.full <= mostFull {
		t.Fatal("the automaton is smaller than it was thought to be")
	}
	if m.Search("nothing"); !m.May(0) || !m.May(1) {
		t.Error("a set that has given up denies a match")
	}
	if n := len(m.rejecter.members); n > mostDFA {
		t.Errorf("%d states are kept", n)
	}
}
