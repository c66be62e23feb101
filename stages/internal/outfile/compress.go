// Package outfile is what outputs that write files have in common: safe names, compression
// and where events end.
package outfile

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Endings are what is added to the name of a compressed file.
var Endings = map[string]string{"gzip": ".gz", "snappy": ".snappy", "zstd": ".zst"}

// snappyHeader is the length of the stream identifier of the snappy framing format, which
// stands once at the beginning of a file.
const snappyHeader = 10

// Compress makes one gzip member, one zstd frame, or snappy frames of data. appended says
// that they go behind others in the same file.
func Compress(kind string, data []byte, appended bool) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	switch kind {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			return nil, err
		}
		w = z
	default:
		w = snappy.NewBufferedWriter(&out)
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if kind == "snappy" && appended {
		return out.Bytes()[snappyHeader:], nil
	}
	return out.Bytes(), nil
}
