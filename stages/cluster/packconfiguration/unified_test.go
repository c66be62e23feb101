package packconfiguration

import (
	"strings"
	"testing"
)

func TestUnified(t *testing.T) {
	ten := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"
	for name, c := range map[string]struct{ before, after, want string }{
		"the same":      {"x\n", "x\n", ""},
		"from nothing":  {"", "x\ny\n", "@@ -0,0 +1,2 @@\n+x\n+y\n"},
		"to nothing":    {"x\n", "", "@@ -1 +0,0 @@\n-x\n"},
		"in the middle": {ten, strings.Replace(ten, "5\n", "five\n", 1), "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
		"at both ends":  {ten, "0\n" + strings.TrimSuffix(ten, "10\n"), "@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -7,4 +8,3 @@\n 7\n 8\n 9\n-10\n"},
		"close by":      {ten, strings.NewReplacer("3\n", "", "6\n", "six\n").Replace(ten), "@@ -1,9 +1,8 @@\n 1\n 2\n-3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n"},
	} {
		got := Unified("a", "b", c.before, c.after)
		if c.want != "" {
			c.want = "--- a\n+++ b\n" + c.want
		}
		if got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("a\nb\nc\nd", "b\nx\nd\na")
	f.Add("", "a")
	f.Fuzz(func(t *testing.T, before, after string) {
		a, b := lines(before), lines(after)
		var x, y []string
		for _, e := range compare(a, b) {
			if e.kind != '+' {
				x = append(x, e.line)
			}
			if e.kind != '-' {
				y = append(y, e.line)
			}
		}
		if strings.Join(x, "\n") != strings.Join(a, "\n") || len(x) != len(a) || strings.Join(y, "\n") != strings.Join(b, "\n") || len(y) != len(b) {
			t.Errorf("%q %q became %q %q", a, b, x, y)
		}
		if got := Unified("a", "b", before, after); before == after && got != "" {
			t.Error(got)
		}
	})
}
