package tcpserver

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
)

// unpacker decompresses a stream of one or several members. A member is opened with the
// first read of it, because that waits for the peer, and nothing is read beyond its end
// before its bytes are out. What it needs is bounded however small the stream is packed.
type unpacker struct {
	src  *bufio.Reader
	kind string
	open io.Reader
}

func newUnpacker(src io.Reader, kind string) io.Reader {
	return &unpacker{src: bufio.NewReader(src), kind: kind}
}

// Read reads decompressed bytes.
func (u *unpacker) Read(p []byte) (int, error) {
	for {
		if u.open == nil {
			if err := u.next(); err != nil {
				return 0, err
			}
		}
		n, err := u.open.Read(p)
		if errors.Is(err, io.EOF) {
			u.open, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next opens the next member.
func (u *unpacker) next() error {
	if u.kind == "zlib" {
		z, err := zlib.NewReader(u.src)
		if err != nil {
			return err
		}
		u.open = z
		return nil
	}
	g, err := gzip.NewReader(u.src)
	if err != nil {
		return err
	}
	g.Multistream(false)
	u.open = g
	return nil
}
