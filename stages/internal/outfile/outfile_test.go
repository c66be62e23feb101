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
