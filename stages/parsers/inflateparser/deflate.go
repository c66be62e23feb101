package inflateparser

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// deflater compresses text after text in one format.
type deflater struct {
	writer writer
	in     []byte
	out    bytes.Buffer
}

// writer is what the writers of all formats have in common.
type writer interface {
	io.WriteCloser
	Reset(io.Writer)
}

func newDeflater(format string) (d *deflater, err error) {
	d = &deflater{}
	switch format {
	case "gzip":
		d.writer = gzip.NewWriter(nil)
	case "zlib":
		d.writer = zlib.NewWriter(nil)
	case "deflate":
		d.writer, err = flate.NewWriter(nil, flate.DefaultCompression)
	case "zstd":
		d.writer, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
	case "snappy":
		d.writer = s2.NewWriter(nil, s2.WriterSnappyCompat(), s2.WriterConcurrency(1))
	case "lz4":
		d.writer = lz4.NewWriter(nil)
	case "xz":
		d.writer = &xzWriter{}
	default:
		err = fmt.Errorf("there is no writer for %s", format)
	}
	return d, err
}

// deflate returns text compressed. The bytes are valid until the next call.
func (d *deflater) deflate(text string) ([]byte, error) {
	if d.out.Cap() > keep {
		d.out = bytes.Buffer{}
	}
	d.out.Reset()
	d.in = append(d.in[:0], text...)
	d.writer.Reset(&d.out)
	_, err := d.writer.Write(d.in)
	if cap(d.in) > keep {
		d.in = nil
	}
	if err == nil {
		err = d.writer.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if d.out.Len() == 0 { // the writer of snappy makes nothing of nothing, not even a mark
		d.out.WriteString(snappyMark)
	}
	return d.out.Bytes(), nil
}

// xzWriter gives the writer of xz, which is good for one stream, a Reset.
type xzWriter struct {
	to io.Writer
	xz *xz.Writer
}

// Reset begins a stream.
func (w *xzWriter) Reset(to io.Writer) { w.to, w.xz = to, nil }

// Write adds to the stream.
func (w *xzWriter) Write(p []byte) (n int, err error) {
	if w.xz == nil {
		// A dictionary larger than the data is of no use, and costs its size in memory.
		const least, most = 4096, 8 << 20
		if w.xz, err = (xz.WriterConfig{DictCap: min(max(len(p), least), most)}).NewWriter(w.to); err != nil {
			return 0, err
		}
	}
	return w.xz.Write(p)
}

// Close ends the stream.
func (w *xzWriter) Close() error { return w.xz.Close() }
