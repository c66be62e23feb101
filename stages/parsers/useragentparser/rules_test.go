package useragentparser

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

func needs(t *testing.T, expr string) []clause {
	t.Helper()
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	return useful(look(tree.Simplify()).all())
}

func TestWhatAnExpressionNeeds(t *testing.T) {
	for expr, want := range map[string]string{
		`Firefox/(\d+)`:                 "[[firefox/]]",
		`(Googlebot|bingbot)/`:          "[[googlebot/ bingbot/]]",
		`(?i)GoogleBOT`:                 "[[googlebot]]",
		`; {0,2}(HTC|LG)[ _/]`:          "[[;  htc  ;  htc/ ;  htc_ ;  lg  ;  lg/ ;  lg_ ; htc  ; htc/ ; htc_ ; lg  ; lg/ ; lg_ ;htc  ;htc/ ;htc_ ;lg  ;lg/ ;lg_]]",
		`a.*bc.*def`:                    "[[bc] [def]]",
		`^(spam)?eggs$`:                 "[[eggs]]",
		`(spam|)x`:                      "[]",
		`(?:Spam|\d+)`:                  "[]",
		`(?:Spam \d|Eggs.)`:             "[[spam  eggs]]",
		`(?:Spam|Eggs)+ ham`:            "[[spam eggs] [spam eggs] [ ham]]",
		`Wind(?:ows|\d)`:                "[[wind]]",
		`W(?:IRE|ordPress|[A-z]{1,3}x)`: "[]",
		`W(?:IRE|ordPress|otbox\d)`:     "[[wire wordpress wotbox] [ire ordpress otbox]]",
		`(spam|spam and eggs)`:          "[[spam]]",
		`[Bb]ai[Dd]u`:                   "[[baidu]]",
		`x`:                             "[]",
		`ünïcode`:                       "[[code]]",
		`(?i)ſpam|\x{212a}elvin`:        "[[spam kelvin]]",
		`\bspam\b`:                      "[[spam]]",
		`(?:iPhone|Android).{0,300}Bot`: "[[iphone android] [bot]]",
		``:                              "[]",
		`[^\x00-\x{10FFFF}]`:            "[]",
	} {
		got := fmt.Sprint(needs(t, expr))
		if got != want {
			t.Errorf("%s needs %s, want %s", expr, got, want)
		}
	}
}

func TestAutomatonFindsAllWords(t *testing.T) {
	words := []string{"he", "she", "his", "hers", "a/5.", "e"}
	a := newAutomaton(words)
	for text, want := range map[string]string{"USHERS": "she he e hers", "ahishe": "his she he e", "": "", "A/5.0": "a/5.", "xyz\xff": "", "hhhe": "he e"} {
		var got []string
		a.scan(text, func(n uint16) { got = append(got, words[n]) })
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q has %s, want %s", text, s, want)
		}
	}
	if plain("aſ\u212ab") != "askb" || plain("abc") != "abc" {
		t.Error("letters beyond ASCII are not what they are equal to")
	}
	var many []string
	for i := range 20_000 {
		many = append(many, fmt.Sprintf("%05d", i), fmt.Sprintf("x%05d", i))
	}
	if newAutomaton(append(many, strings.Repeat("y", maxStates))) != nil {
		t.Error("there is an automaton of too many states")
	}
}

func TestSimplerPatternsMeanTheSame(t *testing.T) {
	tree, err := syntax.Parse(`(?i)^.{0,40}(spam|eggs|(ham)|bacon\d{1,50})(x{3,60}|y)`, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	var alternatives, repetitions []*syntax.Regexp
	choices(tree, func(sub *syntax.Regexp, _ []clause) { alternatives = append(alternatives, sub) }, func(sub *syntax.Regexp) { repetitions = append(repetitions, sub) })
	if len(alternatives) != 3 || len(repetitions) != 3-1 {
		t.Fatalf("%d alternatives and %d repetitions", len(alternatives), len(repetitions))
	}
	whole := regexp.MustCompile(tree.String())
	short := regexp.MustCompile(simpler(tree, slices.Concat(alternatives[1:], repetitions)).String())
	for _, text := range []string{"a SPAMy", "spamxxxx", "hamxx", "a hamxxx", "(spam", ""} {
		if got, want := fmt.Sprint(short.FindStringSubmatchIndex(text)), fmt.Sprint(whole.FindStringSubmatchIndex(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	none := regexp.MustCompile(simpler(tree, alternatives).String())
	if none.MatchString("spamy") || !none.MatchString("hamy") {
		t.Error("the wrong alternatives are gone")
	}
}

func TestVariantsAreForgotten(t *testing.T) {
	m := builtin(t)
	for i := range maxVariants {
		m.variants[fmt.Sprint(i)] = nil
	}
	texts := sampleAgents(300)
	var first []client
	for _, text := range texts {
		first = append(first, m.recognise(text))
	}
	if len(m.older) != maxVariants || len(m.variants) == 0 || len(m.variants) > 1000 {
		t.Errorf("there are %d and %d variants", len(m.variants), len(m.older))
	}
	m.variants, m.older = map[string]*regexp.Regexp{}, m.variants
	for i, text := range texts {
		if got := m.recognise(text); got != first[i] {
			t.Errorf("%q was %q and is %q", text, first[i], got)
		}
	}
}

// oneByOne recognises a text without looking for words first.
func (m *matcher) oneByOne(text string) (c client) {
	for list, fields := range [][]string{c.agent[:], c.system[:], c.device[:]} {
		for i := m.begin[list]; i < m.begin[list+1] && fields[0] == ""; i++ {
			r := &m.all[i]
			found := r.compile().FindStringSubmatchIndex(text)
			for k, template := range r.fields {
				if found == nil {
					break
				}
				fields[k] = string(r.pattern.ExpandString(nil, template, text, found))
				if list == devices {
					fields[k] = strings.TrimSpace(fields[k])
				}
			}
		}
		if fields[0] == "" {
			fields[0] = unknown
		}
	}
	return c
}

func FuzzRecognise(f *testing.F) {
	m := builtin(f)
	for _, text := range sampleAgents(60) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || text == "-" {
			return
		}
		if got, want := m.recognise(text), m.oneByOne(text); got != want {
			t.Errorf("%q is\n%q, want\n%q", text, got, want)
		}
	})
}
