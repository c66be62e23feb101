package regex

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

// catastrophic are patterns that take exponential or polynomial time where choices are
// tried without a plan, with a part of a text that nearly matches and an end that spoils
// it.
var catastrophic = []struct{ pattern, part, end string }{
	{`(a*)*b`, "a", "c"},
	{`(?:a|aa)+$`, "a", "b"},
	{`(x+x+)+y`, "x", "z"},
	{`(.*?,){11}P`, "1,", "x"},
	{`^(\w+\s?)*$`, "aaaa ", "!"},
	{`^(\w*\s?)*!$`, "aaaa ", "?"},
	{`(.*)(.*)(.*)(.*)(.*)x`, "a", ""},
	{`\d+\.\d+\.\d+z`, "1", ""},
	{`(?:\w+ )*z`, "ab ", "!"},
	{`("(?:\\.|[^\\"]+)+")x`, `"aaaa`, ``},
	{`.*?a.*?a.*?a.*?ab`, "a", "c"},
	{`(?:a?){30}a{30}b`, "a", "c"},
	{`^(?:(?:[a-z]+)+)+[0-9]$`, "abc", "!"},
	{`\s+$`, " ", "x"},
	{`(\d+|\w+)*;`, "a1", ":"},
	{`([^@]+@)+[^.]+\.com`, "a@", "!"},
	{`(?:(?:https?|ftp)://)?(?:[\w-]+\.)+\w{2,}/$`, "aa.", "!"},
}

// TestKnownCatastrophesTakeLinearTime counts steps, which do not depend on the machine:
// ten times the text must not take more than about ten times the steps, and a text is
// handed to the package regexp before it takes more than that does.
func TestKnownCatastrophesTakeLinearTime(t *testing.T) {
	for _, c := range catastrophic {
		p := compile(t, c.pattern, Options{})
		for _, size := range []int{100, 1_000, 10_000} {
			text := strings.Repeat(c.part, size/len(c.part)) + c.end
			m := p.Machine()
			if _, err := m.Search(text, 0); err != nil { // builds what the rejecter needs
				t.Errorf("%s: %v", c.pattern, err)
			}
			caps, err := m.Search(text, 0)
			if err != nil {
				t.Errorf("%s: %v", c.pattern, err)
			}
			spent := mostSteps - m.steps
			if most := 2*declineAfter(len(text)) + m.patience; spent > most {
				t.Errorf("%s takes %d steps for %d bytes, at most %d are allowed", c.pattern, spent, len(text), most)
			}
			want := regexp.MustCompile(c.pattern).MatchString(text)
			if (caps != nil) != want {
				t.Errorf("%s on %d bytes: got %v, want a match: %v", c.pattern, size, caps, want)
			}
		}
	}
}

// TestCatastrophesThatOnlyTheMachineKnowsEnd has constructs for which there is no other
// engine to take over.
func TestCatastrophesThatOnlyTheMachineKnowsEnd(t *testing.T) {
	for _, pattern := range []string{`(?=x)(x+x+)+y`, `^(?:(?!y)(x+x+))+y`, `(?>(x+x+)+)y`, `(?<=^|x)(x+x+)+y`, `(x+x+)++y`} {
		m := compile(t, pattern, Options{Timeout: time.Minute}).Machine()
		// The y is there, but where no match can end, so that the rejecter does not know.
		caps, err := m.Search("y"+strings.Repeat("x", 2_000)+"z", 0)
		if err != nil || caps != nil {
			t.Errorf("%s: got %v, %v", pattern, caps, err)
		}
		if spent := mostSteps - m.steps; spent > 20_000_000 {
			t.Errorf("%s takes %d steps", pattern, spent)
		}
	}
}

func TestAMatchEndsAtItsTimeout(t *testing.T) {
	m := compile(t, `^(\w+\s?)*\1!$`, Options{Timeout: 10 * time.Millisecond}).Machine()
	if caps, err := m.Search(strings.Repeat("x", 40)+"!?", 0); caps != nil || !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, %v", caps, err)
	}
	if caps, err := m.Search("xx!", 0); caps == nil || err != nil {
		t.Errorf("the next text gives %v, %v", caps, err)
	}
}

func TestTheMemoryOfAMatchIsGivenBack(t *testing.T) {
	p := compile(t, `(?:(a)|(b)|ab)*c`, Options{})
	m := p.Machine()
	for range 3 {
		if _, err := m.Search(strings.Repeat("ab", 200_000), 0); err != nil {
			t.Fatal(err)
		}
		if cap(m.stack) > keepFrames || cap(m.memo) > keepMemo {
			t.Errorf("%d frames and %d words are kept", cap(m.stack), cap(m.memo))
		}
	}
}

func TestAMatchHasBoundedMemory(t *testing.T) {
	for _, pattern := range []string{`(?:a|ab|abc)*x`, `(?:(a)|b)*?x`, `(?:(?:a|ab)(?:b|c)?)*(?!q)x`} {
		m := compile(t, pattern, Options{Timeout: time.Second}).Machine()
		text := strings.Repeat("ab", 2<<20)
		m.begin(text, 0)
		m.try(text, 0)
		if n := cap(m.stack); n > 2*maxFrames {
			t.Errorf("%s: the stack had %d frames", pattern, n)
		}
		if caps, err := m.Search(text+"x", 0); caps == nil && !errors.Is(err, ErrTimeout) {
			t.Errorf("%s: got %v, %v", pattern, caps, err)
		}
	}
}

func TestPatternsAreBounded(t *testing.T) {
	for name, pattern := range map[string]string{
		"long":           strings.Repeat("a", maxPattern+1),
		"deep":           strings.Repeat("(", maxNesting+1) + strings.Repeat(")", maxNesting+1),
		"a large repeat": `a{2000000}`,
		"many insides":   `(?:(?:(?:ab){100}){100}){100}`,
	} {
		if _, err := Compile(pattern, Options{}); err == nil {
			t.Errorf("%s: the pattern was taken", name)
		}
	}
}
