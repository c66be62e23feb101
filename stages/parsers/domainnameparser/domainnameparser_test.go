package domainnameparser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/domainnameparser"
)

// name returns subdomain, domain and suffix of a text with | between them, or "fault".
func name(t *testing.T, options, text string) string {
	t.Helper()
	in := actortest.Event(t, `{}`)
	in.SetField(event.Intern("url"), event.String(text))
	out := actortest.Process(t, domainnameparser.Spec, "source_field: url\n"+options, in)
	v, ok := out[0].Get(event.MustPath("domain_name_info"))
	if !ok && actortest.Tags(out[0]) == "domain_name_parser_failure" {
		return "fault"
	}
	var got []string
	for _, part := range []string{"subdomain", "domain", "suffix"} {
		p, _ := v.Map().GetName(part)
		got = append(got, p.Str())
	}
	if tld, _ := v.Map().GetName("tld"); tld.Str() != got[2] || v.Map().Len() != 4 {
		t.Errorf("%s: tld is %q", text, tld.Str())
	}
	return strings.Join(got, "|")
}

func TestNamesAreTakenApart(t *testing.T) {
	for text, want := range map[string]string{
		"http://the.sheep.co.uk":              "the|sheep|co.uk",
		"http://some.subdomain.google.co.uk":  "some.subdomain|google|co.uk",
		"the.sheep.co.uk":                     "the|sheep|co.uk",
		"example.org":                         "|example|org",
		"HTTPS://WWW.Example.ORG:8443/a?b#c":  "www|example|org",
		"https://user:pa:ss@www.example.org/": "www|example|org",
		"//example.org/path":                  "|example|org",
		"example.org:80":                      "|example|org",
		"example.org/a/b?c=http://x.de":       "|example|org",
		"example.org?c=http://x.de":           "|example|org",
		"example.org.":                        "|example|org",
		" example.org\n":                      "|example|org",
		"harold@example.org":                  "|example|org",
		"mailto:harold@mail.example.org":      "mail|example|org",
		"http://example.org\\evil":            "|example|org",
		"co.uk":                               "||co.uk",
		"uk":                                  "||uk",
		"foo.bar.ck":                          "|foo|bar.ck",
		"www.ck":                              "|www|ck",
		"a.www.ck":                            "a|www|ck",
		"spam.github.io":                      "|spam|github.io",
		"_dmarc.example.org":                  "_dmarc|example|org",
		"http://www.食狮.公司.cn":                 "www|食狮|公司.cn",
		"http://www.食狮。公司。CN":                 "www|食狮|公司.cn",
		"xn--85x722f.xn--55qx5d.cn":           "|xn--85x722f|xn--55qx5d.cn",
		"bücher.de":                           "|bücher|de",
		"BÜCHER.example":                      "fault",
		"http://192.168.2.20/":                "fault",
		"192.168.2.20":                        "fault",
		"http://[2001:db8::17]:80/":           "fault",
		"2001:db8::17":                        "fault",
		"localhost":                           "fault",
		"host.internal.lan":                   "fault",
		"":                                    "fault",
		".":                                   "fault",
		"http://":                             "fault",
		"a..org":                              "fault",
		"two words.org":                       "fault",
		"example.org:port":                    "fault",
		"\xff\xfe.org":                        "fault",
		strings.Repeat("a", 64) + ".org":      "fault",
		strings.Repeat("a.", 200) + "org":     "fault",
		strings.Repeat("ü", 5000) + ".org":    "fault",
	} {
		if got := name(t, "", text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestNewerSuffixes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.dat")
	list := "// a comment\n\n uk \nco.uk and more\n*.ck\n!www.ck\n*.spam.eggs\n公司.cn\ncn\n"
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"the.sheep.co.uk": "the|sheep|co.uk", "the.sheep.uk": "the|sheep|uk", "foo.bar.ck": "|foo|bar.ck", "bar.ck": "||bar.ck", "a.www.ck": "a|www|ck",
		"a.b.x.spam.eggs": "a|b|x.spam.eggs", "x.spam.eggs": "||x.spam.eggs", "spam.eggs": "fault", "example.org": "fault", "食狮.公司.cn": "|食狮|公司.cn", "食狮.cn": "|食狮|cn", "ck": "fault",
	} {
		if got := name(t, "suffix_file: "+file, text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestTheListAtHandAndAFileAgree(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.dat")
	if err := os.WriteFile(file, []byte("org\ncom\nco.uk\nuk\n*.ck\n!www.ck\njp\n*.kawasaki.jp\n!city.kawasaki.jp\ngithub.io\nio\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a.b.org", "x.y.co.uk", "w.uk", "q.r.ck", "www.ck", "a.b.c.kawasaki.jp", "city.kawasaki.jp", "x.city.kawasaki.jp", "kawasaki.jp", "b.kawasaki.jp", "a.github.io", "io"} {
		if a, b := name(t, "", text), name(t, "suffix_file: "+file, text); a != b {
			t.Errorf("%s is %s and %s", text, a, b)
		}
	}
}

func TestAFileThatIsNoListStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{"<html> x": "is no rule", "// nothing\n": "no rules"} {
		file := filepath.Join(dir, "list.dat")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		lines := make(chan string)
		close(lines)
		r := actortest.Start(t, "- Lines\n- DomainNameParser: {source_field: data, suffix_file: "+file+"}\n- TestCatch\n", domainnameparser.Spec, actortest.Lines(lines))
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestManyNamesAreRememberedAndForgotten(t *testing.T) {
	var in []*event.Event
	for range 2 {
		for i := range 1500 {
			in = append(in, actortest.Event(t, fmt.Sprintf(`{"url": "a.b%d.co.uk"}`, i)))
		}
	}
	out := actortest.Process(t, domainnameparser.Spec, "source_field: url", in...)
	for i, e := range out {
		want := fmt.Sprintf(`{"domain_name_info":{"domain":"b%d","subdomain":"a","suffix":"co.uk","tld":"co.uk"},"url":"a.b%d.co.uk"}`, i%1500, i%1500)
		if got := actortest.JSON(e); got != want {
			t.Fatalf("event %d is %s", i, got)
		}
	}
}

func TestOtherValuesPass(t *testing.T) {
	actortest.Cases(t, domainnameparser.Spec, map[string]actortest.Case{
		"a target":         {Options: "source_field: u.v\ntarget_field: r", In: `{"u": {"v": "x.org"}}`, Want: `{"r":{"domain":"x","subdomain":"","suffix":"org","tld":"org"},"u":{"v":"x.org"}}`},
		"no text":          {Options: "source_field: u", In: `{"u": 5}`, Want: `{"u":5}`, Tags: "domain_name_parser_failure"},
		"missing":          {Options: "source_field: u", In: `{"x": 5}`, Want: `{"x":5}`},
		"a target in text": {Options: "source_field: u\ntarget_field: u.r", In: `{"u": "x.org"}`, Want: `{"u":"x.org"}`, Tags: "domain_name_parser_failure"},
		"nobody's twin":    {Options: "source_field: u\nadd_fields: {domain_name_info.domain: '$(gambolputty.event_type)'}", In: `{"u": "x.org"}` + "\n" + `{"u": "x.org"}`, Want: strings.Repeat(`{"domain_name_info":{"domain":"Unknown","subdomain":"","suffix":"org","tld":"org"},"u":"x.org"}`+"\n", 2)},
	})
	actortest.Survive(t, domainnameparser.Spec, "url")
	actortest.Wrong(t, domainnameparser.Spec, map[string]string{"": "source_field", "source_field: ''": "empty", "source_field: a\nsuffix_file: 5": "string"})
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"http://the.sheep.co.uk", "//u@[::1]:80/", "食狮。公司。cn", "xn--a.xn--55qx5d.cn", "a..b", "1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { name(t, "", s) })
}

func BenchmarkURL(b *testing.B) {
	var urls []string
	for i := range 500 {
		urls = append(urls, fmt.Sprintf("https://www.example%d.co.uk/cgi-bin/try/?page=%d", i, i))
	}
	b.Run("remembered", func(b *testing.B) { actortest.Bench(b, domainnameparser.Spec, "source_field: data", urls...) })
	for i := range 1500 {
		urls = append(urls, fmt.Sprintf("https://www.example%d.org/cgi-bin/try/?page=%d", i, i))
	}
	b.Run("new", func(b *testing.B) { actortest.Bench(b, domainnameparser.Spec, "source_field: data", urls...) })
}
