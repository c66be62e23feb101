package httpsink

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// buffer makes bodies.
type buffer struct {
	readers atomic.Int32 // of the body, which the transport closes when it is done with it
	plain   []byte
	packed  bytes.Buffer
	gzip    *gzip.Writer
	zstd    *zstd.Encoder
}

func (c *client) buffer() *buffer {
	if b, ok := c.buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{}
}

// release keeps a buffer for the next body, unless somebody still reads it: a server may
// answer before it has read all.
func (c *client) release(b *buffer) {
	if b.readers.Load() == 0 && cap(b.plain) <= keepPayloads {
		c.buffers.Put(b)
	}
}

// attach gives a request its body, and the means to send it again on another connection.
func (b *buffer) attach(req *http.Request, body []byte) {
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) {
		b.readers.Add(1)
		return &reader{Reader: bytes.NewReader(body), done: sync.OnceFunc(func() { b.readers.Add(-1) })}, nil
	}
	req.Body, _ = req.GetBody() // it never fails
}

// reader tells when nobody reads it any more.
type reader struct {
	*bytes.Reader
	done func()
}

// Close says so.
func (r *reader) Close() error {
	r.done()
	return nil
}

// body puts the payloads together as the shape says.
func (b *buffer) body(s *shape, compression string, items []*item, payloads []byte) ([]byte, error) {
	if s.group != nil { // events of a group stand together, in their order
		items = slices.Clone(items)
		slices.SortStableFunc(items, func(x, y *item) int { return strings.Compare(x.group, y.group) })
	}
	dst := append(b.plain[:0], s.head...)
	for n, i := range items {
		fresh := n == 0 || i.group != items[n-1].group
		switch {
		case fresh && n > 0:
			dst = append(append(dst, s.close...), s.comma...)
		case n > 0:
			dst = append(dst, s.between...)
		}
		if fresh {
			dst = append(append(append(dst, s.open...), i.group...), s.begin...)
		}
		dst = append(dst, payloads[i.start:i.end]...)
	}
	b.plain = append(append(dst, s.close...), s.tail...)
	return b.pack(compression)
}

func (b *buffer) pack(compression string) ([]byte, error) {
	b.packed.Reset()
	var w io.WriteCloser
	var err error
	switch compression {
	case "gzip":
		if b.gzip == nil {
			b.gzip, err = gzip.NewWriterLevel(nil, gzip.BestSpeed)
		}
		if err == nil {
			b.gzip.Reset(&b.packed)
		}
		w = b.gzip
	case "zstd":
		if b.zstd == nil {
			b.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		}
		if err == nil {
			b.zstd.Reset(&b.packed)
		}
		w = b.zstd
	default:
		return b.plain, nil
	}
	if err == nil {
		_, err = w.Write(b.plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress the body: %w", err)
	}
	return b.packed.Bytes(), nil
}
