package beats

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// source is where frames come from: a connection, or the inside of a compressed frame.
type source interface {
	octet() (byte, error)
	number() (uint32, error)
	text(n int) (string, error)
	// ready reports whether something can be read without waiting.
	ready() bool
}

// connSource reads from a connection. Memory grows with what comes.
type connSource struct{ *bufio.Reader }

const readBuffer = 16 << 10

func (s connSource) octet() (byte, error) { return s.ReadByte() }

func (s connSource) number() (uint32, error) {
	b, err := s.Peek(4)
	if err != nil {
		return 0, short(err)
	}
	n := binary.BigEndian.Uint32(b)
	_, err = s.Discard(4)
	return n, err
}

// atOnce is how much room is made for a text before any of it has come.
const atOnce = 64 << 10

func (s connSource) text(n int) (string, error) {
	var b strings.Builder
	b.Grow(min(n, atOnce))
	if n <= s.Buffered() {
		piece, err := s.Peek(n)
		if err != nil {
			return "", err
		}
		b.Write(piece)
		_, err = s.Discard(n)
		return b.String(), err
	}
	if _, err := io.CopyN(&b, s.Reader, int64(n)); err != nil {
		return "", short(err)
	}
	return b.String(), nil
}

func (s connSource) ready() bool { return s.Buffered() > 0 }

// short tells an end in the middle of a frame from one between two.
func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// textSource reads frames from a text.
type textSource struct{ rest string }

func (s *textSource) octet() (byte, error) {
	if s.rest == "" {
		return 0, io.EOF
	}
	c := s.rest[0]
	s.rest = s.rest[1:]
	return c, nil
}

func (s *textSource) number() (uint32, error) {
	t, err := s.text(4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32([]byte(t)), nil
}

func (s *textSource) text(n int) (string, error) {
	if n > len(s.rest) {
		return "", io.ErrUnexpectedEOF
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	return t, nil
}

func (s *textSource) ready() bool { return true }

// errProtocol says that a client does not speak the protocol, or asks for too much.
var errProtocol = errors.New("the client does not speak the lumberjack protocol as it should")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// handler gets what frames say.
type handler interface {
	window(version byte, size uint32) error
	object(version byte, sequence uint32, text string) error
	pairs(version byte, sequence uint32, pairs []pair) error
	packed(text string) error
}

// pair is one of a data frame of version 1.
type pair struct{ key, value string }

// mostPairs is far more than shippers of version 1 send.
const mostPairs = 1000

// readFrame reads a frame. io.EOF says that there is none.
func readFrame(s source, limit int, inside bool, h handler) error {
	version, err := s.octet()
	if err != nil {
		return err
	}
	if version != '1' && version != '2' {
		return wrong("a frame of version 0x%02x", version)
	}
	kind, err := s.octet()
	if err != nil {
		return short(err)
	}
	switch {
	case kind == 'W' && !inside:
		size, err := s.number()
		if err != nil {
			return err
		}
		return h.window(version, size)
	case kind == 'J':
		sequence, err := s.number()
		if err != nil {
			return err
		}
		text, err := sized(s, limit)
		if err != nil {
			return err
		}
		return h.object(version, sequence, text)
	case kind == 'D':
		return readPairs(s, limit, version, h)
	case kind == 'C' && !inside:
		text, err := sized(s, limit)
		if err != nil {
			return err
		}
		return h.packed(text)
	}
	return wrong("a frame of type 0x%02x", kind)
}

// sized reads a text with its length in front.
func sized(s source, limit int) (string, error) {
	n, err := s.number()
	if err != nil {
		return "", err
	}
	if uint64(n) > uint64(limit) {
		return "", wrong("a frame of %d bytes, max_buffer_size allows %d", n, limit)
	}
	return s.text(int(n))
}

func readPairs(s source, limit int, version byte, h handler) error {
	sequence, err := s.number()
	if err != nil {
		return err
	}
	count, err := s.number()
	if err != nil {
		return err
	}
	if count > mostPairs {
		return wrong("a frame of %d pairs, at most %d are allowed", count, mostPairs)
	}
	var pairs []pair
	for range count {
		var p pair
		if p.key, err = sized(s, limit); err != nil {
			return err
		}
		limit -= len(p.key)
		if p.value, err = sized(s, limit); err != nil {
			return err
		}
		limit -= len(p.value)
		pairs = append(pairs, p)
	}
	return h.pairs(version, sequence, pairs)
}

// inflater decompresses frames.
type inflater struct{ zlib io.ReadCloser }

// inflate returns what is in a compressed frame.
func (f *inflater) inflate(text string, limit int) (string, error) {
	var err error
	in := strings.NewReader(text)
	if r, ok := f.zlib.(zlib.Resetter); ok {
		err = r.Reset(in, nil)
	} else {
		f.zlib, err = zlib.NewReader(in)
	}
	if err != nil {
		f.zlib = nil
		return "", wrong("a frame that cannot be decompressed: %v", err)
	}
	var b strings.Builder
	n, err := io.CopyN(&b, f.zlib, int64(limit)+1)
	if n > int64(limit) {
		return "", wrong("a frame of more than %d bytes when it is decompressed, which is what max_buffer_size allows", limit)
	}
	if !errors.Is(err, io.EOF) {
		return "", wrong("a frame that cannot be decompressed: %v", err)
	}
	return b.String(), nil
}
