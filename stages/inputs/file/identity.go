package file

import (
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"
)

// fileID tells files of this machine apart. An inode is used again after its file was
// deleted, so that the first bytes must agree as well.
type fileID struct{ dev, ino uint64 }

// headSize is the number of bytes at the beginning of a file that tell it from others.
const headSize = 1024

// head is a hash of the first bytes of a file. A file that is shorter keeps its identity
// when it grows: it is the first n bytes that are compared.
type head struct {
	n   int
	sum uint64
}

func headOf(b []byte) head { return head{len(b), xxhash.Sum64(b)} }

// begins reports whether a file that begins with b may be the one that h was made of.
func (h head) begins(b []byte) bool {
	return h.n == 0 || len(b) >= h.n && xxhash.Sum64(b[:h.n]) == h.sum
}

// readHead reads the first bytes of a file.
func readHead(f io.ReaderAt, buf *[headSize]byte) ([]byte, error) {
	n, err := f.ReadAt(buf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return buf[:n], nil
}

// position is how far a file was read, and what it began with at that time.
type position struct {
	offset int64
	head   head
}
