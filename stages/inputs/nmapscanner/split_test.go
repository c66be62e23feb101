package nmapscanner

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestArgumentsAreSplitAsAShellDoes(t *testing.T) {
	for line, want := range map[string][]string{
		"":                      nil,
		" \t\n":                 nil,
		"-O -F --osscan-limit":  {"-O", "-F", "--osscan-limit"},
		"  a\tb\nc ":            {"a", "b", "c"},
		"'a b' c":               {"a b", "c"},
		`"a b"c'd e'`:           {"a bcd e"},
		`'' ""`:                 {"", ""},
		`a\ b`:                  {"a b"},
		`'a\'b`:                 {`a\b`},
		`"a\"b\\c\d\$\` + "`\"": {"a\"b\\c\\d$`"},
		"a\\\nb \"c\\\nd\"":     {"ab", "cd"},
		"a\\\n b":               {"a", "b"},
		"$HOME * ; | & > x # y": {"$HOME", "*", ";", "|", "&", ">", "x", "#", "y"},
		"\\\n":                  nil,
	} {
		got, err := split(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
	for line, want := range map[string]error{`'a`: errQuote, `"a`: errQuote, `"a\"`: errQuote, `a\`: errBackslash, "a\x00": errZero} {
		if _, err := split(line); !errors.Is(err, want) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// quote writes words so that a shell reads them as they are.
func quote(words []string) string {
	var list []string
	for _, w := range words {
		list = append(list, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(list, " ")
}

func FuzzSplit(f *testing.F) {
	for _, line := range []string{"-O -F", `a "b 'c' \" d" 'e'f\ g`, "\\\n", `"`, "a\\"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := split(line)
		if err != nil {
			return
		}
		again, err := split(quote(words))
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("%q is %q, and quoted %q: %v", line, words, again, err)
		}
		if checkArguments(words) != nil {
			return
		}
		for i, w := range words { // an allowed argument is a flag or the value of the one before
			if strings.HasPrefix(w, "-o") && !(i > 0 && valued.MatchString(words[i-1])) {
				t.Errorf("%q is allowed", words)
			}
		}
	})
}
