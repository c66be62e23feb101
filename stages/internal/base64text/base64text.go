// Package base64text reads base64 as it is found in logs: of either alphabet, with or
// without padding, in one line or in several.
package base64text

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Decoder decodes texts one after the other. It belongs to one goroutine.
type Decoder struct{ in, out []byte }

const maxPadding = 2

var errPadding = errors.New("there is more padding than base64 can need")

// Decode returns the bytes behind a text. They are valid until the next call.
func (d *Decoder) Decode(text string) ([]byte, error) {
	digits := strings.TrimRight(text, "=\r\n")
	if strings.Count(text[len(digits):], "=") > maxPadding {
		return nil, errPadding
	}
	d.in = append(d.in[:0], digits...)
	for i, c := range d.in {
		switch c {
		case '-':
			d.in[i] = '+'
		case '_':
			d.in[i] = '/'
		}
	}
	var err error
	if d.out, err = base64.RawStdEncoding.AppendDecode(d.out[:0], d.in); err != nil {
		return nil, problem(digits, err)
	}
	return d.out, nil
}

func problem(digits string, err error) error {
	var at base64.CorruptInputError
	if errors.As(err, &at) && int(at) < len(digits) && !inAlphabet(digits[at]) {
		return fmt.Errorf("byte %d, %q, is none of base64", at, digits[at])
	}
	return errors.New("the base64 is cut off")
}

func inAlphabet(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' || c == '\r' || c == '\n'
}
