package beats

import (
	"bufio"
	"strings"
	"testing"
)

// counter is a handler that keeps nothing.
type counter struct {
	limit, size int
	inflater    inflater
}

func (c *counter) window(byte, uint32) error { return nil }

func (c *counter) object(_ byte, _ uint32, text string) error {
	c.size += len(text)
	return nil
}

func (c *counter) pairs(_ byte, _ uint32, pairs []pair) error {
	for _, p := range pairs {
		c.size += len(p.key) + len(p.value)
	}
	return nil
}

func (c *counter) packed(text string) error {
	inner, err := c.inflater.inflate(text, c.limit)
	if err != nil {
		return err
	}
	for s := (&textSource{inner}); ; {
		if err := readFrame(s, c.limit, true, c); err != nil {
			return nil
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add("2W\x00\x00\x00\x012J\x00\x00\x00\x01\x00\x00\x00\x02{}")
	f.Add("1W\x00\x00\x00\x011D\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01a\x00\x00\x00\x01b")
	f.Add("2C\x00\x00\x00\x08\x78\x9c\x03\x00\x00\x00\x00\x01")
	f.Fuzz(func(t *testing.T, text string) {
		fromConn := counter{limit: 1000}
		for s := (connSource{bufio.NewReaderSize(strings.NewReader(text), 64)}); ; {
			if readFrame(s, fromConn.limit, false, &fromConn) != nil {
				break
			}
		}
		fromText := counter{limit: 1000}
		for s := (&textSource{text}); ; {
			if readFrame(s, fromText.limit, false, &fromText) != nil {
				break
			}
		}
		if fromConn.size != fromText.size {
			t.Errorf("%d bytes over a connection, %d at once", fromConn.size, fromText.size)
		}
	})
}
