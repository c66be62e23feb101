package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
)

var access = regexp.MustCompile(`(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)`)

func TestLinesAreWhatTheyClaim(t *testing.T) {
	for kind, check := range map[string]func([]byte) bool{"access": access.Match, "json": json.Valid, "mixed": func([]byte) bool { return true }} {
		var a, b, c bytes.Buffer
		for w, seed := range map[*bytes.Buffer]uint64{&a: 1, &b: 1, &c: 2} {
			if err := generate(w, kind, 500, seed); err != nil {
				t.Fatal(err)
			}
		}
		if a.String() != b.String() || a.String() == c.String() {
			t.Errorf("%s: the seed does not decide", kind)
		}
		lines := bytes.Split(bytes.TrimSuffix(a.Bytes(), []byte("\n")), []byte("\n"))
		if len(lines) != 500 {
			t.Errorf("%s: %d lines", kind, len(lines))
		}
		for _, l := range lines {
			if !check(l) {
				t.Errorf("%s: %s", kind, l)
			}
		}
	}
	if err := generate(&bytes.Buffer{}, "spam", 1, 1); err == nil {
		t.Error("an unknown kind was accepted")
	}
}
