// Package framing cuts streams of bytes into pieces: lines, whatever a separator or a
// regular expression divides, and messages with their length in front.
package framing

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"gambolputty/actor/event"
	"gambolputty/actor/regex"
)

// Piece is a part of a text. Next is where the piece after it begins; 0 means that no
// piece was found.
type Piece struct{ Begin, End, Next int }

// Cut looks for the first piece of s. The caller has looked at the first seen bytes before
// and found nothing. If there is none, resume is where the next look may begin.
type Cut func(s string, seen int) (p Piece, resume int, err error)

// Lines cuts at newlines. keep leaves the newline at the end of the piece.
func Lines(keep bool) Cut {
	extra := 0
	if keep {
		extra = 1
	}
	return func(s string, seen int) (Piece, int, error) {
		n := strings.IndexByte(s[seen:], '\n')
		if n < 0 {
			return Piece{}, len(s), nil
		}
		n += seen
		return Piece{0, n + extra, n + 1}, 0, nil
	}
}

// Text cuts at a literal separator.
func Text(separator string, keep bool) Cut {
	if separator == "\n" {
		return Lines(keep)
	}
	return func(s string, seen int) (Piece, int, error) {
		n := strings.Index(s[seen:], separator)
		if n < 0 {
			return Piece{}, max(0, len(s)-len(separator)+1), nil
		}
		n += seen
		p := Piece{0, n, n + len(separator)}
		if keep {
			p.End = p.Next
		}
		return p, 0, nil
	}
}

// longestMatch is how far back a look for a regular expression begins, because a match
// may have begun before the bytes that are new.
const longestMatch = 4096

// Regex cuts at the matches of a pattern, which must not match the empty text. keep leaves
// the match at the end of the piece, unless it is white space.
func Regex(pattern *regex.Pattern, keep bool) Cut {
	m := pattern.Machine()
	return func(s string, seen int) (Piece, int, error) {
		caps, err := m.Search(s, seen)
		if err != nil {
			return Piece{}, 0, fmt.Errorf("look for the separator: %w", err)
		}
		if caps == nil || caps[1] == caps[0] {
			return Piece{}, max(0, len(s)-longestMatch), nil
		}
		p := Piece{0, caps[0], caps[1]}
		if keep && strings.TrimSpace(s[caps[0]:caps[1]]) != "" {
			p.End = p.Next
		}
		return p, 0, nil
	}
}

// ErrLength says that a message does not begin with a usable length.
var ErrLength = errors.New("bad length in front of a message")

// maxDigits is the most digits in the length of a message.
const maxDigits = 10

// OctetCounted cuts messages with their length and a blank in front, as syslog over TCP
// has them (RFC 6587, section 3.4.1), of at most limit bytes. Where otherwise is given,
// what does not look like that is left to it.
func OctetCounted(limit int, otherwise Cut) Cut {
	return func(s string, seen int) (Piece, int, error) {
		for seen == 0 && otherwise == nil && len(s) > 0 && (s[0] == '\n' || s[0] == '\r') {
			return Piece{0, 0, 1}, 0, nil // a newline between messages does no harm
		}
		n, length := 0, 0
		for n < len(s) && n < maxDigits && s[n]-'0' < 10 && !(n == 0 && s[0] == '0') {
			length = length*10 + int(s[n]-'0')
			n++
		}
		switch {
		case n == len(s) && n < maxDigits:
			return Piece{}, 0, nil // more digits may come
		case n > 0 && n < len(s) && s[n] == ' ' && length <= limit:
			if len(s) < n+1+length {
				return Piece{}, 0, nil
			}
			return Piece{n + 1, n + 1 + length, n + 1 + length}, 0, nil
		case otherwise != nil:
			return otherwise(s, seen)
		}
		return Piece{}, 0, fmt.Errorf("%w: %q", ErrLength, s[:min(len(s), maxDigits+1)])
	}
}

// LongLine says what becomes of a piece above the limit.
type LongLine string

// The ways to deal with such a piece. None of them needs more memory than the limit.
const (
	Split    LongLine = "split"    // several pieces of the greatest length
	Truncate LongLine = "truncate" // the first part alone
	Drop     LongLine = "drop"     // nothing
)

// Sizes of the read buffer. It begins small, so that many idle connections cost little.
const (
	firstBuffer = 4 << 10
	mostBuffer  = event.BufferSize
)

// Reader cuts what comes from an io.Reader.
//
// Pieces are views into the read buffer: no byte is copied between the system and the
// event. A buffer from which pieces were given out is never written to again; when it is
// nearly full a new one takes its place and the beginning of the next piece moves there.
type Reader struct {
	// Limit is the most bytes of a piece, Long what becomes of longer ones.
	Limit int
	Long  LongLine
	// TooLong counts them.
	TooLong int
	// Buffers, if set, gives out the full-grown read buffers, and gets them back: whoever
	// makes events of the pieces must say in which Buffer they lie.
	Buffers *event.Buffers

	src      io.Reader
	cut      Cut
	buf      []byte
	shared   *event.Buffer // that buf is the memory of, if it came from Buffers
	start    int           // of the piece under way
	end      int           // of what was read
	seen     int           // bytes from start on that were looked at
	full     bool
	skipping bool
	err      error
}

// NewReader makes a reader that cuts what comes from src into pieces of at most limit
// bytes.
func NewReader(src io.Reader, cut Cut, limit int, long LongLine) *Reader {
	return &Reader{src: src, cut: cut, Limit: limit, Long: long}
}

// Fill reads once. It returns nil if anything came, and io.EOF at the end.
func (r *Reader) Fill() error {
	if r.err != nil {
		return r.err
	}
	r.room()
	const tries = 100
	for range tries {
		n, err := r.src.Read(r.buf[r.end:])
		r.full = n == len(r.buf)-r.end
		r.end += n
		switch {
		case n > 0:
			r.err = err
			return nil
		case err != nil:
			r.err = err
			return err
		}
	}
	return io.ErrNoProgress
}

// room sees that a quarter of the buffer is free.
func (r *Reader) room() {
	if len(r.buf)-r.end > len(r.buf)/4 {
		return
	}
	size := max(len(r.buf), firstBuffer)
	if r.full {
		size = min(2*size, mostBuffer)
	}
	tail := r.buf[r.start:r.end]
	next, shared := r.memory(max(size, 2*len(tail)))
	copy(next, tail)
	if r.shared != nil {
		r.shared.Release()
	}
	r.buf, r.shared, r.start, r.end = next, shared, 0, len(tail)
}

// memory returns n bytes to read into.
func (r *Reader) memory(n int) ([]byte, *event.Buffer) {
	if r.Buffers == nil || n > event.BufferSize || n < event.BufferSize && !r.Buffers.Poison {
		return make([]byte, n), nil
	}
	b := r.Buffers.Buffer()
	return b.Bytes[:n], b
}

// Buffer is the memory that the pieces lie in which were returned since the last Fill. It is
// nil if that is used once only.
func (r *Reader) Buffer() *event.Buffer { return r.shared }

// Close gives the read buffer back. The pieces stay valid as long as their batches hold it.
func (r *Reader) Close() {
	if r.shared != nil {
		r.shared.Release()
	}
	r.buf, r.shared, r.start, r.end = nil, nil, 0, 0
}

// Next returns the next piece, as far as one has been read. An error means that the
// stream makes no sense any more.
func (r *Reader) Next() (piece string, ok bool, err error) {
	for {
		s := view(r.buf[r.start:r.end])
		p, resume, err := r.cut(s, r.seen)
		if err != nil {
			return "", false, err
		}
		if p.Next == 0 {
			return r.unfinished(s, resume)
		}
		if r.skipping {
			r.advance(p.Next)
			r.skipping = false
			continue
		}
		if p.End-p.Begin <= r.Limit {
			r.advance(p.Next)
			return s[p.Begin:p.End], true, nil
		}
		r.TooLong++
		switch r.Long {
		case Truncate:
			r.advance(p.Next)
			return s[p.Begin : p.Begin+r.Limit], true, nil
		case Drop:
			r.advance(p.Next)
			continue
		}
		r.advance(p.Begin + r.Limit)
		return s[p.Begin : p.Begin+r.Limit], true, nil
	}
}

func (r *Reader) advance(n int) {
	r.start += n
	r.seen = 0
}

// unfinished deals with bytes in which no piece ends.
func (r *Reader) unfinished(s string, resume int) (string, bool, error) {
	if r.skipping {
		r.advance(resume)
		return "", false, nil
	}
	r.seen = resume
	if len(s) <= r.Limit {
		return "", false, nil
	}
	r.TooLong++
	at := r.Limit
	switch r.Long {
	case Split:
		if resume > 0 {
			at = min(at, resume) // a separator that has just begun stays whole
		}
		r.advance(at)
		return s[:at], true, nil
	case Drop:
		at = 0
	}
	r.skipping = true
	r.advance(max(at, resume))
	return s[:at], at > 0, nil
}

// Rest returns the bytes behind the last piece, when nothing more will come.
func (r *Reader) Rest() string {
	if r.skipping {
		return ""
	}
	s := view(r.buf[r.start:r.end])
	r.advance(len(s))
	return s
}

// Take returns up to n bytes that have been read, for streams that are not cut.
func (r *Reader) Take(n int) string {
	s := view(r.buf[r.start:min(r.end, r.start+n)])
	r.advance(len(s))
	return s
}

// view makes a string of bytes that nobody will change any more, without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Size is the length of the read buffer in bytes.
func (r *Reader) Size() int { return len(r.buf) }
