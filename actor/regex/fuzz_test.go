package regex

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// The oracles are engines that others wrote: the package regexp for the dialect RE2,
// regexp2 for lookaround and the like, and, where there is one, Python for its own dialect
// (oracle_test.go). Patterns and texts are made of parts that have a lot to do with each
// other.

var plainParts = []string{
	"a", "b", "ab", "foo", "x", "1", "-", " ", `"`, `\.`, "é", "世", ".", `\d`, `\w`, `\s`, `\D`, `\W`, `\S`,
	"[ab]", "[^a]", `[^"]`, "[a-c]", "[é-ü]", `[^é]`, "[[:alpha:]]", `[\w-]`, `\b`, `\B`, "^", "$",
	"(?i:aB)", "(?i:k)", "(?s:.)", "(?m:^)", "(?m:$)", `\x{fffd}`,
}

var quantifiers = []string{"", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}", "{,2}"}

var textParts = []string{
	"a", "b", "ab", "1", "2", " ", `"`, "-", ".", "foo", "x", "A", "B", "aa", "c", "[",
	"\n", "é", "É", "ü", "世", "k", "K", "\xff", "\xe2\x82", "\u212a",
}

// maker makes patterns and texts of choices that come from anywhere.
type maker struct {
	choose func(n int) int
	extra  []string // parts beyond the plain ones
	around []string // groups beyond the plain ones, with %s for what is inside
}

func (m *maker) pattern(depth int) string {
	var b strings.Builder
	for range 1 + m.choose(4) {
		b.WriteString(m.atom(depth))
		b.WriteString(quantifiers[m.choose(len(quantifiers))])
	}
	return b.String()
}

func (m *maker) atom(depth int) string {
	if depth > 0 && m.choose(3) == 0 {
		forms := append([]string{"(%s)", "(?:%s|%s)", "(%s|%s)", "(?:%s)"}, m.around...)
		form := forms[m.choose(len(forms))]
		for strings.Contains(form, "%s") {
			form = strings.Replace(form, "%s", strings.ReplaceAll(m.pattern(depth-1), "%", ""), 1)
		}
		return form
	}
	i := m.choose(len(plainParts) + len(m.extra))
	if i >= len(plainParts) {
		return m.extra[i-len(plainParts)]
	}
	if part := plainParts[i]; len(part) == 1 || strings.ContainsAny(part[:1], `\[(`) {
		return part
	}
	return "(?:" + plainParts[i] + ")"
}

func (m *maker) text() string {
	n := m.choose(14)
	if m.choose(4) == 0 {
		n = m.choose(60)
	}
	most := len(textParts)
	if m.choose(3) > 0 {
		most = 16 // ASCII without newlines
	}
	var b strings.Builder
	for range n {
		b.WriteString(textParts[m.choose(most)])
	}
	return b.String()
}

// fromBytes takes its choices from a fuzzer's input.
func fromBytes(data []byte) func(n int) int {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		c := int(data[0])
		data = data[1:]
		return c % n
	}
}

// withStandard compares the dialect RE2 with the package regexp.
func withStandard(t *testing.T, pattern, text string) {
	re, err := regexp.Compile(pattern)
	p, ours := Compile(pattern, Options{Dialect: RE2})
	if err != nil || ours != nil {
		if err == nil && !strings.Contains(ours.Error(), "too large") { // it may well take more
			t.Errorf("%q: regexp takes it, ours says %v", pattern, ours)
		}
		return
	}
	for _, patience := range []int{0, leastPatience} {
		m := p.Machine()
		m.patience = patience
		caps, err := m.Search(text, 0)
		want := re.FindStringSubmatchIndex(text)
		if err != nil || !slices.Equal(caps, want) {
			t.Errorf("%q on %q: got %v, %v, want %v (patience %d)", pattern, text, caps, err, want, patience)
		}
		keepsTails(t, p, text, caps)
	}
}

// withRegexp2 compares where a match lies with what regexp2 says. Texts must be ASCII, as
// its classes are those of Unicode.
func withRegexp2(t *testing.T, pattern, text string) {
	pattern = strings.NewReplacer("{,2}", "{0,2}", "[[:alpha:]]", "[A-Za-z]", `\D`, "[^0-9]").Replace(pattern)
	p, ours := Compile(pattern, Options{Timeout: time.Second})
	re, err := regexp2.Compile(pattern, regexp2.None)
	if err != nil || ours != nil || emptyRounds(p.tree) { // of which it has its own idea
		return
	}
	re.MatchTimeout = time.Second
	want, err := re.FindStringMatch(text)
	if err != nil {
		return
	}
	m := p.Machine()
	caps, err := m.Search(text, 0)
	switch {
	case err != nil:
		return
	case (caps == nil) != (want == nil):
		t.Errorf("%q on %q: got %v, want %v", pattern, text, caps, want)
	case caps != nil:
		keepsTails(t, p, text, caps)
		if at, n := want.Index, want.Length; caps[0] != at || caps[1] != at+n {
			t.Errorf("%q on %q: got %v, want %d to %d", pattern, text, caps[:2], at, at+n)
		}
	}
}

// keepsTails makes sure that no tail of the pattern is called missing in a text that matches.
func keepsTails(t *testing.T, p *Pattern, text string, caps []int) {
	if caps == nil || p.prog == nil {
		return
	}
	for _, l := range p.tails() {
		c := suspect{tail: &l, m: l.rest.Machine()}
		if c.missing(text, caps[0]) {
			t.Errorf("%q on %q: matches at %d, but the tail behind %q is called missing", p.source, text, caps[0], l.text)
		}
	}
}

// emptyRounds reports whether a repeat can match nothing several times over.
func emptyRounds(tree *node) bool {
	found := false
	tree.walk(func(n *node) {
		found = found || n.kind == kindRepeat && n.max > 1 && n.subs[0].empties()
	})
	return found
}

var (
	aroundForms = []string{"(?=%s)", "(?!%s)", "(?>%s)"}
	// What regexp2 looks at behind it reads from right to left, so only what is the same in
	// both directions can be compared.
	backParts = []string{`\1`, "(?<=a)", `(?<!\d)`, "(?<=a|bc)", `(?<![a-c]\w)`, `(?<=\w{2,3})`, "(?<=^)", "(?<!b+)"}
)

func FuzzAgainstStandard(f *testing.F) {
	f.Add([]byte("spam"), "eggs")
	f.Fuzz(func(t *testing.T, choices []byte, text string) {
		m := maker{choose: fromBytes(choices)}
		pattern := m.pattern(2)
		withStandard(t, pattern, m.text())
		if len(text) < 200 {
			withStandard(t, pattern, text)
		}
	})
}

func FuzzAgainstRegexp2(f *testing.F) {
	f.Add([]byte("spam"), "eggs")
	f.Fuzz(func(t *testing.T, choices []byte, text string) {
		m := maker{choose: fromBytes(choices), around: aroundForms, extra: backParts}
		withRegexp2(t, m.pattern(2), ascii(m.text()))
	})
}

// FuzzPatterns takes any text for a pattern, in all dialects.
func FuzzPatterns(f *testing.F) {
	for _, s := range []string{`a|b*`, `(a+)(b?)$`, `[^x]+\d`, `\bfoo\b`, `(?i)x.y`, `^\s*(\S+)`, `(?<a.b>x)\k<a.b>`, `(?<=a|bc)d`, `(a)?(?(1)b|c)`, `[a-z&&[^b]]`} {
		f.Add(s, "foo a1 x\ny ß\xff ab")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 60 || len(text) > 200 {
			return
		}
		if _, err := Compile(pattern, Options{Dialect: RE2}); err == nil { // not that we know all of it
			withStandard(t, pattern, text)
		}
		for _, d := range []Dialect{Python, Oniguruma} {
			p, err := Compile(pattern, Options{Dialect: d, Timeout: 100 * time.Millisecond})
			if err != nil {
				continue
			}
			agrees(t, p, text)
		}
	})
}

// agrees compares what a pattern finds with what the package regexp finds for the same
// tree, if it can be written so.
func agrees(t *testing.T, p *Pattern, text string) {
	caps, err := p.Machine().Search(text, 0)
	keepsTails(t, p, text, caps)
	if err != nil || !p.linear || !p.suits(text, 0) {
		return
	}
	std := p.std()
	if std == nil {
		return
	}
	got := slices.Clone(caps)
	if want := std.run(p.Machine(), text, 0, false); !slices.Equal(got, want) {
		t.Errorf("%q on %q: got %v, want %v", p.source, text, got, want)
	}
}

func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '~'
		}
		return r
	}, s)
}

func TestRandomPatternsMatchAsTheOraclesDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) // the same ones each time; FuzzPatterns goes further
	plain := maker{choose: r.IntN}
	rich := maker{choose: r.IntN, around: aroundForms, extra: backParts}
	for range 500 {
		pattern, wild := plain.pattern(2), rich.pattern(2)
		for range 10 {
			text := plain.text()
			withStandard(t, pattern, text)
			withRegexp2(t, wild, ascii(text))
		}
		if t.Failed() {
			return
		}
	}
}
