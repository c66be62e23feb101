package inflateparser

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// inflater decompresses text after text. Its readers are made when they are needed first
// and used again, because most of them bring large tables along.
type inflater struct {
	limit  int
	src    strings.Reader
	out    []byte
	gzip   *gzip.Reader
	zlib   io.ReadCloser
	raw    io.ReadCloser
	zstd   *zstd.Decoder
	snappy *snappy.Reader
	lz4    *lz4.Reader
}

const (
	// keep is the size up to which a buffer is used again: one giant among the events
	// must not stay in memory for ever.
	keep = 1 << 20
	// smallWindow is how far back a zstd frame may refer whatever the limit is. The format
	// recommends that every decoder bears this.
	smallWindow = 8 << 20
)

var (
	errTrailing = errors.New("there are other bytes behind the compressed data")
	errEmpty    = errors.New("there is no data")
	errUnknown  = errors.New("the data has the mark of no format that is known")
)

type tooLargeError int

// Error tells the limit.
func (e tooLargeError) Error() string {
	return fmt.Sprintf("the data becomes longer than max_inflated_bytes, %d", int(e))
}

// inflate tries the formats one after the other.
func (f *inflater) inflate(text string, formats []string) (string, error) {
	var problems []string
	for _, format := range formats {
		err := f.one(text, format)
		if err == nil {
			result := string(f.out)
			if cap(f.out) > keep {
				f.out = nil
			}
			return result, nil
		}
		problems = append(problems, format+": "+err.Error())
	}
	return "", errors.New(strings.Join(problems, "; "))
}

func (f *inflater) one(text, format string) error {
	if text == "" {
		return errEmpty
	}
	f.out = f.out[:0]
	f.src.Reset(text)
	switch format {
	case "auto":
		if format = sniff(text); format == "" {
			return errUnknown
		}
		return f.one(text, format)
	case "gzip":
		return f.gunzip(text)
	case "zlib":
		if strings.HasPrefix(text, gzipMark) {
			return f.gunzip(text)
		}
		return f.whole(f.openZlib)
	case "deflate":
		return f.whole(f.openRaw)
	case "bzip2":
		return f.whole(func() (io.Reader, error) { return bzip2.NewReader(&f.src), nil })
	case "zstd":
		return f.whole(f.openZstd)
	case "lz4":
		return f.whole(f.openLz4)
	case "snappy":
		return f.unsnap(text)
	}
	return f.unxz(text)
}

// sniff tells a format by the first bytes.
func sniff(text string) string {
	for _, m := range marks {
		if strings.HasPrefix(text, m[0]) {
			return m[1]
		}
	}
	const deflateMethod, headerModulus = 8, 31
	if len(text) > 1 && text[0]&0x0f == deflateMethod && (int(text[0])<<8|int(text[1]))%headerModulus == 0 {
		return "zlib"
	}
	return ""
}

const (
	gzipMark   = "\x1f\x8b"
	snappyMark = "\xff\x06\x00\x00sNaPpY"
	xzMark     = "\xfd7zXZ\x00"
)

var marks = [...][2]string{
	{gzipMark, "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\x04\x22\x4d\x18", "lz4"}, {"\x02\x21\x4c\x18", "lz4"},
	{"BZh", "bzip2"}, {xzMark, "xz"}, {snappyMark, "snappy"},
}

// whole reads a stream that must be all there is.
func (f *inflater) whole(open func() (io.Reader, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	if err := f.fill(r); err != nil {
		return err
	}
	if f.src.Len() > 0 {
		return errTrailing
	}
	return nil
}

// fill appends all that r gives to the output.
func (f *inflater) fill(r io.Reader) error {
	const least = 4096
	for {
		if cap(f.out)-len(f.out) < least/8 {
			f.out = slices.Grow(f.out, least)
		}
		room := f.out[len(f.out):min(cap(f.out), f.limit+1)]
		n, err := r.Read(room)
		f.out = f.out[:len(f.out)+n]
		switch {
		case len(f.out) > f.limit:
			return tooLargeError(f.limit)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// gunzip reads all members. Zeros behind the last one come from tapes and mean nothing.
func (f *inflater) gunzip(text string) (err error) {
	for {
		if f.gzip == nil {
			f.gzip, err = gzip.NewReader(&f.src)
		} else {
			err = f.gzip.Reset(&f.src)
		}
		if err != nil {
			return err
		}
		f.gzip.Multistream(false)
		if err := f.fill(f.gzip); err != nil {
			return err
		}
		rest := text[len(text)-f.src.Len():]
		if strings.Trim(rest, "\x00") == "" {
			return nil
		}
		if !strings.HasPrefix(rest, gzipMark) {
			return errTrailing
		}
	}
}

func (f *inflater) openZlib() (io.Reader, error) {
	var err error
	if f.zlib == nil {
		f.zlib, err = zlib.NewReader(&f.src)
	} else {
		err = f.zlib.(zlib.Resetter).Reset(&f.src, nil)
	}
	return f.zlib, err
}

func (f *inflater) openRaw() (io.Reader, error) {
	if f.raw == nil {
		f.raw = flate.NewReader(&f.src)
		return f.raw, nil
	}
	return f.raw, f.raw.(flate.Resetter).Reset(&f.src, nil)
}

func (f *inflater) openZstd() (io.Reader, error) {
	if f.zstd != nil {
		return f.zstd, f.zstd.Reset(&f.src)
	}
	var err error
	window := uint64(max(f.limit, smallWindow))
	f.zstd, err = zstd.NewReader(&f.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
	return f.zstd, err
}

func (f *inflater) openLz4() (io.Reader, error) {
	if f.lz4 == nil {
		f.lz4 = lz4.NewReader(&f.src)
	} else {
		f.lz4.Reset(&f.src)
	}
	return f.lz4, nil
}

// unsnap reads frames or a single block, whatever it is.
func (f *inflater) unsnap(text string) error {
	if strings.HasPrefix(text, snappyMark) {
		return f.whole(func() (io.Reader, error) {
			if f.snappy == nil {
				f.snappy = snappy.NewReader(&f.src)
			} else {
				f.snappy.Reset(&f.src)
			}
			return f.snappy, nil
		})
	}
	block := []byte(text)
	n, err := snappy.DecodedLen(block)
	// A block says how long its content is, and no three bytes of one make more than 64.
	const most = 64
	switch {
	case err != nil:
		return err
	case n/most > len(block):
		return snappy.ErrCorrupt
	case n > f.limit:
		return tooLargeError(f.limit)
	}
	f.out, err = snappy.Decode(slices.Grow(f.out, n)[:n], block)
	return err
}
