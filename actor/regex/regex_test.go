package regex

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func compile(t testing.TB, pattern string, o Options) *Pattern {
	t.Helper()
	p, err := Compile(pattern, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// groups gives what each group matched, a dash for those that took no part.
func groups(s string, caps []int) []string {
	var list []string
	for i := 0; i < len(caps); i += 2 {
		if caps[i] < 0 {
			list = append(list, "-")
			continue
		}
		list = append(list, s[caps[i]:caps[i+1]])
	}
	return list
}

func TestMeaningIsThatOfPython(t *testing.T) {
	for name, c := range map[string]struct {
		pattern, text string
		flags         Flags
		want          string // groups joined by |, no for no match
		engine        string
	}{
		"dollar before a final newline":   {`b$`, "ab\n", 0, "b", "linear"},
		"dollar at the end":               {`b$`, "ab", 0, "b", "linear"},
		"dollar is not before others":     {`b$`, "ab\nc", 0, "no", "linear"},
		"dollar eats nothing":             {`(.*)$`, "ab\n", 0, "ab|ab", "linear"},
		"dollar with multiline":           {`b$`, "ab\nc", Multiline, "b", "linear"},
		"dollar in a group":               {`(a$|b$)`, "b\n", 0, "b|b", "linear"},
		"end of text":                     {`b\Z`, "ab\n", 0, "no", "linear"},
		"vertical tab is space":           {`a\sb`, "a\vb", 0, "a\vb", "linear"},
		"vertical tab is no other":        {`a[\S]b`, "a\vb", 0, "no", "linear"},
		"open counted repeat":             {`a{,2}b`, "aaab", 0, "aab", "linear"},
		"brace as text":                   {`a{b}{,}`, "a{b}{,}", 0, "a{b}{,}", "linear"},
		"large repeat":                    {`a{1,5000}`, "aaa", 0, "aaa", "linear"},
		"posix class":                     {`[[:alpha:]]+`, "12ab3", 0, "ab", "linear"},
		"escaped punctuation":             {`\<\>\ \"\/\-`, `<> "/-`, 0, `<> "/-`, "linear"},
		"backreference by name":           {`(?P<n>a+)b(?P=n)`, "aabaa", 0, "aabaa|aa", "backtracking"},
		"backreference by number":         {`(a+)b\1`, "aabaa", 0, "aabaa|aa", "backtracking"},
		"verbose":                         {"a b # comment\n [ ] c", "ab c", Verbose, "ab c", "linear"},
		"inline flag in the middle":       {`a(?i)B`, "Ab", 0, "Ab", "linear"},
		"scoped flag":                     {`a(?i:b)c`, "aBc", 0, "aBc", "linear"},
		"scoped flag ends":                {`a(?i:b)c`, "aBC", 0, "no", "linear"},
		"comment":                         {`a(?#the larch)b`, "ab", 0, "ab", "linear"},
		"ascii words":                     {`^(?P<w>\w+) `, "Grüße Jürgen", 0, "no", "linear"},
		"unicode words":                   {`^(?P<w>\w+) `, "Grüße Jürgen", Unicode, "Grüße |Grüße", "linear"},
		"dot takes a whole character":     {`^.$`, "ß", 0, "ß", "linear"},
		"dot takes an invalid byte":       {`^a.b$`, "a\xffb", 0, "a\xffb", "linear"},
		"not x takes a whole character":   {`^[^x]$`, "ß", 0, "ß", "linear"},
		"slow dot takes a whole char":     {`^(?=.)(.)(.)$`, "ß\xff", 0, "ß\xff|ß|\xff", "backtracking"},
		"lookahead":                       {`foo(?=bar)`, "foobar", 0, "foo", "backtracking"},
		"negative lookbehind":             {`(?<!x)y`, "xyzy", 0, "y", "backtracking"},
		"atomic group":                    {`(?>a+)ab`, "aaab", 0, "no", "backtracking"},
		"possessive quantifier":           {`a++b`, "aab", 0, "aab", "backtracking"},
		"possessive gives nothing back":   {`a++ab`, "aaab", 0, "no", "backtracking"},
		"conditional":                     {`(<)?a(?(1)>|!)`, "a! <a>", 0, "a!|-", "backtracking"},
		"group that took no part":         {`(a)|(b)`, "b", 0, "b|-|b", "linear"},
		"leftmost first":                  {`a|ab`, "ab", 0, "a", "linear"},
		"nul bytes":                       {`a\x00b`, "xa\x00b", 0, "a\x00b", "linear"},
		"quoted text":                     {`\Qa.b\E+`, "a.ba.b", 0, "a.ba.b", "linear"},
		"word boundary":                   {`\bcat\b`, "concat cat", 0, "cat", "linear"},
		"case":                            {`[a-c]x`, "BX", IgnoreCase, "BX", "linear"},
		"range with escapes":              {`[\x41-\x43]+`, "xABCD", 0, "ABC", "linear"},
		"bracket first in class":          {`[]a]+`, "x]a", 0, "]a", "linear"},
		"minus in class":                  {`[a\-z-]+`, "b-a-z", 0, "-a-z", "linear"},
		"negated shorthand in class":      {`[^\W_]+`, "__ab_", 0, "ab", "linear"},
		"octal":                           {`\101`, "A", 0, "A", "linear"},
		"dotall":                          {`a.b`, "a\nb", DotAll, "a\nb", "linear"},
		"no dotall":                       {`a.b`, "a\nb", 0, "no", "linear"},
		"unicode beyond latin in a class": {`[^\d]+`, "12äöü", 0, "äöü", "linear"},
	} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, c.pattern, Options{Flags: c.flags})
			caps, err := p.Machine().Search(c.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := "no"
			if caps != nil {
				got = strings.Join(groups(c.text, caps), "|")
			}
			if got != c.want || p.Engine() != c.engine {
				t.Errorf("got %q by the %s engine, want %q by the %s one", got, p.Engine(), c.want, c.engine)
			}
		})
	}
}

func TestGrokDialect(t *testing.T) {
	for name, c := range map[string]struct{ pattern, text, want string }{
		"odd names":        {`(?<a.b>x)(?<[c][d]>y)(?<@t>z)`, "xyz", "xyz|x|y|z"},
		"duplicate names":  {`(?<a>x)|(?<a>y)`, "y", "y|-|y"},
		"dollar at a line": {`a$`, "a\nb", "a"},
		"caret at a line":  {`^b`, "a\nb", "b"},
		"hex digits":       {`\h+`, "xyz1f", "1f"},
		"typo lookahead":   {`(?!<[0-9])1`, "1", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			caps, err := compile(t, c.pattern, Options{Dialect: Oniguruma}).Machine().Search(c.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(groups(c.text, caps), "|"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	p := compile(t, `(?<a>x)|(?<a.b>y)(z)`, Options{Dialect: Oniguruma})
	if got := p.Names(); !reflect.DeepEqual(got, []string{"", "a", "a.b", ""}) {
		t.Errorf("the names are %q", got)
	}
}

func TestFlagsAreReadAsText(t *testing.T) {
	for text, want := range map[string]Flags{
		"re.I": IgnoreCase, "re.MULTILINE | re.DOTALL": Multiline | DotAll, "re.M|re.S|re.X|re.U": Multiline | DotAll | Verbose | Unicode,
		"2": IgnoreCase, "24": Multiline | DotAll, "64": Verbose, "re.LOCALE": 0, "re.A": 0,
	} {
		if got, err := ParseFlags(text); err != nil || got != want {
			t.Errorf("%s gives %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "re.Q", "I", "__import__('os')", "re.I |", "512"} {
		if _, err := ParseFlags(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestSyntaxErrorsNameThePlace(t *testing.T) {
	for pattern, want := range map[string]int{
		`(?P<a>[0-9`: 6, `a(b`: 1, `a)b`: 1, `*a`: 0, `a**`: 2, `a{3,1}`: 1, `[b-a]`: 1, `\`: 0, `(?P=x)`: 0,
		`(?P<1a>x)`: 0, `(?P<a>x)(?P<a>y)`: 8, `(?q)`: 0, `\2`: 0, "\xff": -1, `\xzz`: 0,
	} {
		_, err := Compile(pattern, Options{})
		var s *SyntaxError
		if !errors.As(err, &s) {
			t.Errorf("%q: got error %v", pattern, err)
		} else if s.Offset != want {
			t.Errorf("%q: the offset is %d, want %d (%v)", pattern, s.Offset, want, err)
		}
	}
	_, err := Compile(`a(?=b)`, Options{LinearOnly: true})
	if err == nil || !strings.Contains(err.Error(), "lookahead") {
		t.Errorf("linear_only: got error %v", err)
	}
}

func TestFindAllTakesEmptyMatches(t *testing.T) {
	for name, c := range map[string]struct{ pattern, text, want string }{
		"stars":                  {`x*`, "axb", `["" "x" "" ""]`},
		"words":                  {`\w+`, "spam and eggs", `["spam" "and" "eggs"]`},
		"boundaries are known":   {`\bs`, "sss s", `["s" "s"]`},
		"start matches once":     {`^a`, "aaa", `["a"]`},
		"lookbehind sees before": {`(?<=a)b`, "abab", `["b" "b"]`},
		"empty at characters":    {`(?:)`, "äb", `["" "" ""]`},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := compile(t, c.pattern, Options{}).Machine().FindAll(c.text, func(caps []int) bool {
				got = append(got, c.text[caps[0]:caps[1]])
				return true
			})
			if err != nil || fmt.Sprintf("%q", got) != c.want {
				t.Errorf("got %q, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestReplaceAll(t *testing.T) {
	for name, c := range map[string]struct {
		pattern, text, with string
		count               int
		want                string
	}{
		"none right after a match": {`x*`, "abxd", "-", 0, "-a-b-d-"},
		"groups":                   {`(\w+) (?P<second>\w+)`, "a b", `\g<second> \1 \g<1>`, 0, "b a a"},
		"escapes":                  {`b`, "abc", `\n\\\q`, 0, "a\n\\\\qc"},
		"count":                    {`a`, "aaa", "b", 2, "bba"},
		"unset group":              {`(a)|b`, "b", `[\1]`, 0, "[]"},
		"nothing":                  {`z`, "abc", "y", 0, "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, c.pattern, Options{})
			tmpl, err := p.ParseTemplate(c.with)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := p.Machine().ReplaceAll(nil, c.text, tmpl, c.count)
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
	if _, err := compile(t, `a`, Options{}).ParseTemplate(`\g<nope>`); err == nil {
		t.Error("an unknown group was taken")
	}
}

func TestMatchStartIsAnchoredAtTheStartOnly(t *testing.T) {
	for _, pattern := range []string{`GET`, `GET(?=)`} {
		m := compile(t, pattern, Options{}).Machine()
		for text, want := range map[string]bool{"GET /a": true, "GETX": true, " GET": false, "get": false} {
			if caps, err := m.MatchStart(text); err != nil || (caps != nil) != want {
				t.Errorf("%s on %q: %v, %v", pattern, text, caps, err)
			}
		}
	}
}

func TestBlowUpEnds(t *testing.T) {
	text := strings.Repeat("spam", 10)
	for _, pattern := range []string{`^(\w+\s?)*!$`, `(?=a*)(a+)+$!`, `^(?>)(\w+\s?)*!$`} {
		m := compile(t, pattern, Options{Timeout: 100 * time.Millisecond}).Machine()
		if caps, err := m.Search(text, 0); caps != nil || err != nil && !errors.Is(err, ErrTimeout) {
			t.Errorf("%s: %v, %v", pattern, caps, err)
		}
	}
}

const accessPattern = `(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)`

func TestAccessLogPattern(t *testing.T) {
	p := compile(t, accessPattern, Options{})
	line := `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`
	caps, _ := p.Machine().Search(line, 0)
	want := []string{line, "192.168.2.20", "-", "-", "28/Jul/2006:10:27:10 -0300", "GET /cgi-bin/try/ HTTP/1.0", "200", "3395"}
	if got := groups(line, caps); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	for _, line := range []string{
		`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 304 -`,
		`2001:db8::17 - - [28/Jul/2006:10:27:10 -0300] "GET / HTTP/1.0" 200 3395`,
		`192.168.2.20 - j.doe [28/Jul/2006:10:27:10 -0300] "GET / HTTP/1.0" 200 3395`,
	} {
		if caps, _ := p.Machine().Search(line, 0); caps != nil {
			t.Errorf("%s matches", line)
		}
	}
}

func BenchmarkAccessLog(b *testing.B) {
	line := `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`
	m := compile(b, accessPattern, Options{}).Machine()
	b.ReportAllocs()
	for b.Loop() {
		if caps, _ := m.Search(line, 0); caps == nil {
			b.Fatal("no match")
		}
	}
}
