package zmqconn

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The flags of a frame.
const (
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4
	flagsKnown  = flagMore | flagLong | flagCommand
)

// Sizes of the read buffer. It grows with what comes, not with what is announced.
const (
	firstBuffer = 4 << 10
	readBuffer  = 64 << 10
	keepBuffer  = 1 << 20
)

// reader cuts frames.
type reader struct {
	src     io.Reader
	most    int
	buf     []byte
	at, end int
}

// header reads the head of the frame that begins in the buffer.
func (r *reader) header() (flags byte, head, size int, ok bool, err error) {
	b := r.buf[r.at:r.end]
	if len(b) < 2 {
		return 0, 0, 0, false, nil
	}
	flags = b[0]
	if flags&^flagsKnown != 0 || flags&flagCommand != 0 && flags&flagMore != 0 {
		return 0, 0, 0, false, foreign("a frame with the flags 0x%02x", flags)
	}
	if flags&flagLong == 0 {
		head, size = 2, int(b[1])
	} else {
		if len(b) < 9 {
			return 0, 0, 0, false, nil
		}
		n := binary.BigEndian.Uint64(b[1:])
		if n > uint64(r.most) {
			return 0, 0, 0, false, fmt.Errorf("a frame of %d bytes is longer than the %d that are allowed", n, r.most)
		}
		head, size = 9, int(n)
	}
	if size > r.most {
		return 0, 0, 0, false, fmt.Errorf("a frame of %d bytes is longer than the %d that are allowed", size, r.most)
	}
	return flags, head, size, true, nil
}

// whole reports whether there is a frame that can be read without waiting.
func (r *reader) whole() bool {
	_, head, size, ok, err := r.header()
	return err != nil || ok && r.end-r.at >= head+size
}

// next returns a frame. Its body is good until the next call.
func (r *reader) next() (flags byte, body []byte, err error) {
	for {
		flags, head, size, ok, err := r.header()
		if err != nil {
			return 0, nil, err
		}
		if ok && r.end-r.at >= head+size {
			body = r.buf[r.at+head : r.at+head+size]
			r.at += head + size
			return flags, body, nil
		}
		if err := r.fill(); err != nil {
			return 0, nil, err
		}
	}
}

// exactly returns so many bytes, for the greeting.
func (r *reader) exactly(n int) ([]byte, error) {
	for r.end-r.at < n {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	b := r.buf[r.at : r.at+n]
	r.at += n
	return b, nil
}

func (r *reader) fill() error {
	switch {
	case r.at == r.end && cap(r.buf) > keepBuffer:
		r.buf, r.at, r.end = make([]byte, readBuffer), 0, 0
	case r.at > 0:
		r.end = copy(r.buf, r.buf[r.at:r.end])
		r.at = 0
	}
	if r.end == len(r.buf) {
		size := firstBuffer
		if r.end > 0 {
			size = max(readBuffer, 2*len(r.buf))
		}
		r.buf = append(make([]byte, 0, size), r.buf[:r.end]...)[:size]
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// Frames are written with one call of the system.
type Frames struct {
	buf    []byte
	sealer *sealer
	plain  []byte
}

// Message adds a message of the parts.
func (f *Frames) Message(parts ...[]byte) {
	for i, p := range parts {
		var flags byte
		if i < len(parts)-1 {
			flags = flagMore
		}
		f.add(flags, p)
	}
}

// Ping asks for a Pong that carries the context, of up to 16 bytes.
func (f *Frames) Ping(context []byte) {
	f.command("PING", append([]byte{0, 0}, context...)) // with no time to live
}

// Pong answers a Ping.
func (f *Frames) Pong(context []byte) { f.command("PONG", context) }

func (f *Frames) command(name string, body []byte) {
	f.add(flagCommand, append(append([]byte{byte(len(name))}, name...), body...))
}

func (f *Frames) add(flags byte, body []byte) {
	if f.sealer == nil {
		f.buf = append(appendHead(f.buf, flags, len(body)), body...)
		return
	}
	inner := flags & flagMore
	if flags&flagCommand != 0 {
		inner |= sealedCommand
	}
	f.plain = append(append(f.plain[:0], inner), body...)
	f.buf = appendHead(f.buf, 0, f.sealer.size(len(f.plain)))
	f.buf = f.sealer.seal(f.buf, f.plain)
}

func appendHead(dst []byte, flags byte, size int) []byte {
	if size < 256 {
		return append(dst, flags, byte(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, flags|flagLong), uint64(size))
}

// reset forgets what was written.
func (f *Frames) reset() {
	f.buf, f.plain = f.buf[:0], f.plain[:0]
	if cap(f.buf) > keepBuffer {
		f.buf = nil
	}
	if cap(f.plain) > keepBuffer {
		f.plain = nil
	}
}
