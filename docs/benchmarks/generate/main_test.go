package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

func lines(t *testing.T, kind string, n int, seed uint64) [][]byte {
	t.Helper()
	var out bytes.Buffer
	if err := generate(&out, kind, n, seed); err != nil {
		t.Fatal(err)
	}
	got := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
	if len(got) != n {
		t.Fatalf("%s: %d lines, want %d", kind, len(got), n)
	}
	return got
}

// pattern is one that the benchmark runs, so that lines and configuration cannot part ways.
func pattern(t *testing.T, work, name string) *regexp.Regexp {
	t.Helper()
	conf, err := os.ReadFile("../ours/" + work + ".yml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(conf), name+": '")
	text, _, ok := strings.Cut(rest, "'")
	if !ok {
		t.Fatalf("%s.yml holds no %s", work, name)
	}
	return regexp.MustCompile(text)
}

func TestTheSeedDecidesEveryByte(t *testing.T) {
	for _, kind := range []string{"access", "json", "mixed"} {
		a, b, c := lines(t, kind, 500, 1), lines(t, kind, 500, 1), lines(t, kind, 500, 2)
		if !bytes.Equal(bytes.Join(a, nil), bytes.Join(b, nil)) {
			t.Errorf("%s: one seed gave two outputs", kind)
		}
		if bytes.Equal(bytes.Join(a, nil), bytes.Join(c, nil)) {
			t.Errorf("%s: two seeds gave one output", kind)
		}
	}
}

func TestAccessLinesMatchThePatternOfTheBenchmark(t *testing.T) {
	re, sum := pattern(t, "access", "httpd_access_log"), 0
	for _, l := range lines(t, "access", 2000, 1) {
		m := re.FindSubmatchIndex(l)
		if m == nil || m[0] != 0 || m[1] != len(l) {
			t.Fatalf("not matched as a whole: %s", l)
		}
		sum += len(l)
	}
	if mean := sum / 2000; mean < 190 || mean > 210 {
		t.Errorf("lines have %d bytes on average", mean)
	}
}

func TestJSONLinesAreDocumentsOfTheSizeTheyClaim(t *testing.T) {
	for _, l := range lines(t, "json", 2000, 1) {
		var doc struct {
			Tags    []string
			Message string
			Secret  string
			Request struct{ Headers map[string]string }
		}
		if err := json.Unmarshal(l, &doc); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		if len(l) < 400 || len(l) > 600 {
			t.Errorf("%d bytes: %s", len(l), l)
		}
		if doc.Tags[2] != "café" || !strings.HasSuffix(doc.Message, "\n\U0001d11e") || doc.Secret == "" || doc.Request.Headers["user-agent"] == "" {
			t.Errorf("something is missing: %s", l)
		}
	}
}

func TestMixedLinesKeepTheirShares(t *testing.T) {
	access, iptables := pattern(t, "mixed", "httpd_access_log"), pattern(t, "mixed", "iptables")
	syslog := regexp.MustCompile(`^<\d+>Jun [ \d]\d \d\d:\d\d:\d\d host\d kernel: [a-z/]+$`)
	counts := map[string]int{}
	for _, l := range lines(t, "mixed", 10_000, 1) {
		switch {
		case access.Match(l):
			counts["access"]++
		case iptables.Match(l):
			counts["iptables"]++
		case syslog.Match(l):
			counts["syslog"]++
		default:
			t.Errorf("something completely different: %q", l)
		}
	}
	near := func(got, want int) bool { return got > want-300 && got < want+300 }
	if !near(counts["access"], 6000) || !near(counts["iptables"], 2000) || !near(counts["syslog"], 2000) {
		t.Error(counts)
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

var errFull = errors.New("not one wafer-thin byte more")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestFaultsAreReported(t *testing.T) {
	if err := generate(&bytes.Buffer{}, "spam", 1, 1); err == nil {
		t.Error("an unknown kind was accepted")
	}
	if err := generate(fullDisk{}, "access", 1, 1); !errors.Is(err, errFull) {
		t.Errorf("a full disk gave %v", err)
	}
}
