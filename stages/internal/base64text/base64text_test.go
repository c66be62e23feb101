package base64text_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"gambolputty/stages/internal/base64text"
)

func TestWhatSendersCallBase64IsRead(t *testing.T) {
	for in, want := range map[string]string{
		"U3BhbSEgU3BhbSE=":         "Spam! Spam!",
		"U3BhbSEgU3BhbSE":          "Spam! Spam!",
		"U3Bh\r\nbSEg\nU3BhbSE=\n": "Spam! Spam!",
		"++//":                     "\xfb\xef\xff",
		"--__":                     "\xfb\xef\xff",
		"+-/_":                     "\xfb\xef\xff",
		"AA==":                     "\x00",
		"AA=\n=\n":                 "\x00",
		"":                         "",
	} {
		got, err := new(base64text.Decoder).Decode(in)
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestWhatIsNotBase64IsRefused(t *testing.T) {
	for in, want := range map[string]string{
		"Spam! Spam!": "byte 4, '!'", "AA==AA==": "byte 2, '='", "AAAAA": "cut off", "A": "cut off", "AA===": "padding", "=====": "padding", "ü": "byte 0", " AAAA": "byte 0",
	} {
		got, err := new(base64text.Decoder).Decode(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("Spam! Spam!"), "U3BhbSE\n=")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		var d base64text.Decoder
		_, _ = d.Decode(text) // it must come back
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			if got, err := d.Decode(enc.EncodeToString(raw)); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%q became %q, %v", raw, got, err)
			}
		}
	})
}
