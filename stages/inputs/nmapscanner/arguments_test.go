package nmapscanner

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
)

func TestWordsAreSplitAsByAShell(t *testing.T) {
	for text, want := range map[string][]string{
		"":                  nil,
		"  ":                nil,
		"-sT -F":            {"-sT", "-F"},
		" a\tb\nc ":         {"a", "b", "c"},
		`'a b' "c d"`:       {"a b", "c d"},
		`a'b'"c"d`:          {"abcd"},
		`'' ""`:             {"", ""},
		`a\ b \"`:           {"a b", `"`},
		`"a\"b\\c\d"`:       {`a"b\c\d`},
		`'a\b'`:             {`a\b`},
		"$(rm) `x` a;b|c *": {"$(rm)", "`x`", "a;b|c", "*"},
	} {
		if got, err := split(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s gives %q %v", text, got, err)
		}
	}
	for _, text := range []string{"'", `"a`, `a\`} {
		if got, err := split(text); err == nil {
			t.Errorf("%s gives %q", text, got)
		}
	}
}

// FuzzArguments checks that nothing that is allowed names a file or a target.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{"-sT -p 22 --script 'a,b'", "-oN x", `--script="a b"`, "--max-retries=3 10.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := split(text)
		if err != nil || allowed(args) != nil {
			return
		}
		for i, a := range args {
			if strings.Contains(a, "/") || strings.HasPrefix(a, "-o") || strings.HasPrefix(a, "-i") || strings.ContainsAny(a, " \n\x00") {
				t.Fatalf("%q is allowed", a)
			}
			if !strings.HasPrefix(a, "-") && (i == 0 || !slices.Contains(valued, args[i-1])) {
				t.Fatalf("%q is a target", a)
			}
		}
	})
}

// FuzzReport checks that nothing that nmap says does harm.
func FuzzReport(f *testing.F) {
	f.Add([]byte(`<nmaprun><host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/><ports><port protocol="tcp" portid="1"/></ports></host></nmaprun>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := 0
		_ = report(strings.NewReader(string(text)), func(h *host) error { // it may be anything
			h.address()
			h.system()
			n++
			return nil
		})
		if n > len(text) {
			t.Errorf("%d hosts", n)
		}
	})
}

func TestAHostThatIsTooLongIsGivenUp(t *testing.T) {
	long := "<nmaprun><host><hostnames>" + strings.Repeat(`<hostname name="`+strings.Repeat("a", 1<<20)+`"/>`, mostOfHost>>20+1) + "</hostnames></host></nmaprun>"
	err := report(strings.NewReader(long), func(*host) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "a host is too long") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkReport compares the reading of a report with what encoding/xml does with all of it
// at once.
func BenchmarkReport(b *testing.B) {
	const one = `<host><status state="up" reason="x"/><address addr="10.0.0.1" addrtype="ipv4"/><hostnames><hostname name="a" type="PTR"/></hostnames><ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="ssh"/></port></ports></host>`
	text := "<nmaprun>" + strings.Repeat(one, 1000) + "</nmaprun>"
	rate := func(b *testing.B) { b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "hosts/s") }
	b.Run("module", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if err := report(strings.NewReader(text), func(*host) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		rate(b)
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			var all struct {
				Hosts []host `xml:"host"`
			}
			if err := xml.Unmarshal([]byte(text), &all); err != nil {
				b.Fatal(err)
			}
		}
		rate(b)
	})
}
