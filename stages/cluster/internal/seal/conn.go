package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
)

const (
	randomSize = 32
	// frameSize is the most that stands in a frame.
	frameSize = 32 << 10
)

// Conn is a sealed stream: frames of four bytes of length and a sealed text, whose nonce is
// their number. Each direction has a key of its own.
type Conn struct {
	net.Conn
	salt     []byte
	in, out  cipher.AEAD
	inN      uint64
	outN     uint64
	rest     []byte   // opened and not yet read
	choices  [][]byte // keys that the other end may have used, until it has said something
	received []byte
}

// Dial begins a sealed stream on a connection that was made.
func (k *Keys) Dial(c net.Conn, kind byte) (*Conn, error) {
	random := make([]byte, randomSize)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	if _, err := c.Write(slices.Concat([]byte(magic), []byte{kind}, random)); err != nil {
		return nil, err
	}
	salt := make([]byte, randomSize)
	if _, err := io.ReadFull(c, salt); err != nil {
		return nil, err
	}
	s := &Conn{Conn: c, salt: slices.Concat([]byte{kind}, random, salt)}
	return s, s.use(k.keys[0], "to the server", "to the client")
}

// Accept takes a sealed stream on a connection that was accepted. It returns when the other
// end has said something that shows that it knows the secret.
func (k *Keys) Accept(c net.Conn) (kind byte, s *Conn, err error) {
	head := make([]byte, len(magic)+1+randomSize)
	if _, err := io.ReadFull(c, head[:len(magic)]); err != nil || string(head[:len(magic)]) != magic {
		return 0, nil, ErrForeign
	}
	if _, err := io.ReadFull(c, head[len(magic):]); err != nil {
		return 0, nil, ErrForeign
	}
	random := make([]byte, randomSize)
	if _, err := rand.Read(random); err != nil {
		return 0, nil, err
	}
	if _, err := c.Write(random); err != nil {
		return 0, nil, err
	}
	kind = head[len(magic)]
	s = &Conn{Conn: c, salt: slices.Concat(head[len(magic):], random), choices: k.keys}
	s.rest, err = s.frame()
	return kind, s, err
}

func (s *Conn) use(key []byte, out, in string) (err error) {
	if s.out, err = derive(key, s.salt, out); err == nil {
		s.in, err = derive(key, s.salt, in)
	}
	return err
}

// Read returns what the other end has written.
func (s *Conn) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		var err error
		if s.rest, err = s.frame(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// frame reads the next frame.
func (s *Conn) frame() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(s.Conn, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < tagSize || size > frameSize+tagSize {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrKey, size)
	}
	if cap(s.received) < int(size) {
		s.received = make([]byte, size)
	}
	sealed := s.received[:size]
	if _, err := io.ReadFull(s.Conn, sealed); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if s.in == nil {
		return s.firstFrame(sealed)
	}
	s.inN++
	text, err := s.in.Open(nil, nonce(s.inN), sealed, nil)
	if err != nil {
		return nil, ErrKey
	}
	return text, nil
}

// firstFrame finds the key by what was sealed with it.
func (s *Conn) firstFrame(sealed []byte) ([]byte, error) {
	for _, key := range s.choices {
		if err := s.use(key, "to the client", "to the server"); err != nil {
			return nil, err
		}
		if text, err := s.in.Open(nil, nonce(1), sealed, nil); err == nil {
			s.inN = 1
			return text, nil
		}
	}
	return nil, ErrKey
}

// Write seals p in as many frames as it takes.
func (s *Conn) Write(p []byte) (int, error) {
	written := 0
	for part := range slices.Chunk(p, frameSize) {
		s.outN++
		frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(part)+tagSize), uint32(len(part)+tagSize))
		if _, err := s.Conn.Write(s.out.Seal(frame, nonce(s.outN), part, nil)); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}
