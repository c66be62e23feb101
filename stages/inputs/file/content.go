package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// content is an open file, or what is packed in it. Places are counted in what comes out.
type content struct {
	*os.File
	packed *unpacker
}

// newContent makes the content of a file, which is unpacked if its name says so.
func newContent(f *os.File, path string) *content {
	c := &content{File: f}
	if isPacked(path) {
		c.packed = &unpacker{file: f}
	}
	return c
}

func isPacked(path string) bool { return strings.HasSuffix(path, ".gz") }

// unknownSize is the size of a file that has to be unpacked to know it.
const unknownSize = math.MaxInt64

// size is the number of bytes that can be read.
func (c *content) size() (int64, error) {
	if c.packed != nil {
		return unknownSize, nil
	}
	info, err := c.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readAt fills p from a place, as far as there is something.
func (c *content) readAt(p []byte, from int64) (int, error) {
	if c.packed != nil {
		return c.packed.readAt(p, from)
	}
	n, err := c.ReadAt(p, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// unpacker reads a gzip file forwards, and a little way back: what was read last is kept.
type unpacker struct {
	file *os.File
	gzip *gzip.Reader
	at   int64
	last []byte // the bytes before at
	err  error  // why it does not go on
}

// errUnfinished says that a file ends before what is packed in it.
var errUnfinished = errors.New("the gzip file is not complete")

func (u *unpacker) readAt(p []byte, from int64) (int, error) {
	if u.gzip == nil || from < u.at-int64(len(u.last)) {
		if err := u.rewind(); err != nil {
			return 0, err
		}
	}
	if from > u.at {
		skipped, err := io.CopyN(io.Discard, u.gzip, from-u.at)
		u.at += skipped
		u.last = nil
		if err != nil {
			u.err = err
			return 0, u.failed(err)
		}
	}
	n := copy(p, u.last[int64(len(u.last))-(u.at-from):])
	for n < len(p) && u.err == nil {
		m, err := u.gzip.Read(p[n:])
		n += m
		u.at += int64(m)
		u.err = err
	}
	u.last = append(u.last[:0], p[:n]...) // p is used again
	if n < len(p) {
		return n, u.failed(u.err)
	}
	return n, nil
}

func (u *unpacker) rewind() error {
	u.at, u.last, u.err = 0, nil, nil
	if _, err := u.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(u.file, 64<<10))
	if err != nil {
		u.gzip = nil
		return u.failed(err)
	}
	u.gzip = z
	return nil
}

// failed sorts out what an error means. The end of the data is none.
func (u *unpacker) failed(err error) error {
	switch {
	case errors.Is(err, io.EOF) && u.gzip != nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errUnfinished
	}
	return fmt.Errorf("unpack: %w", err)
}

// complete reports whether everything has been unpacked.
func (u *unpacker) complete() bool { return u.gzip != nil && errors.Is(u.err, io.EOF) }

// again forgets what was found, because the file has changed.
func (u *unpacker) again() { u.gzip, u.last, u.err = nil, nil, nil }
