package wire

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packer compresses what one connection carries, as one stream.
type packer struct {
	out bytes.Buffer
	w   interface {
		io.WriteCloser
		Flush() error
	}
}

// newPacker makes a packer of a kind: gzip, zstd or lz4. Without one it is nil.
func newPacker(kind string) (*packer, error) {
	p := &packer{}
	switch kind {
	case "":
		return nil, nil
	case "gzip":
		p.w = gzip.NewWriter(&p.out)
	case "zstd":
		z, err := zstd.NewWriter(&p.out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		p.w = z
	case "lz4":
		p.w = lz4.NewWriter(&p.out)
	default:
		return nil, fmt.Errorf("unknown compression %q", kind)
	}
	return p, nil
}

// pack returns the next part of the stream, from which the peer can restore all of the buffers.
// It is valid until the next call.
func (p *packer) pack(buffers ...[]byte) ([]byte, error) {
	p.out.Reset()
	for _, b := range buffers {
		if _, err := p.w.Write(b); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	}
	if err := p.w.Flush(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return p.out.Bytes(), nil
}

// end returns what ends the stream.
func (p *packer) end() ([]byte, error) {
	p.out.Reset()
	if err := p.w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return p.out.Bytes(), nil
}
