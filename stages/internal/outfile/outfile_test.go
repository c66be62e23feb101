package outfile_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/klauspost/compress/snappy"

	"gambolputty/stages/internal/outfile"
)

func TestNamesLeadNowhereElse(t *testing.T) {
	for value, want := range map[string]string{"": "unknown", ".": "_", "..": "_", "a": "a", "../etc": ".._etc", `a\b` + "\x00": "a_b_", "...": "..."} {
		if got := outfile.SafeName(value); got != want {
			t.Errorf("%q becomes %q", value, got)
		}
	}
}

func TestPiecesOfSnappyMakeOneFile(t *testing.T) {
	var file bytes.Buffer
	for i := range 3 {
		b, err := outfile.Compress("snappy", []byte("spam\n"), i > 0)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(b)
	}
	if text, err := io.ReadAll(snappy.NewReader(&file)); err != nil || string(text) != "spam\nspam\nspam\n" {
		t.Errorf("%q %v", text, err)
	}
}

func TestEventsAreNotDivided(t *testing.T) {
	ends := outfile.Ends{3, 8, 10}
	for _, c := range []struct {
		done int
		room int64
		want int
	}{{0, -1, 10}, {0, 0, 3}, {0, 3, 3}, {0, 7, 3}, {0, 8, 8}, {0, 1, 3}, {3, 5, 8}, {3, 100, 10}, {5, 1, 8}} {
		if got := ends.UpTo(c.done, c.room); got != c.want {
			t.Errorf("from %d with room for %d up to %d", c.done, c.room, got)
		}
	}
	for done, want := range map[int]bool{0: true, 2: false, 3: true, 5: false, 10: true} {
		if ends.Between(done) != want {
			t.Errorf("at %d between two events: %t", done, !want)
		}
	}
}
