package disklog

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	version  = 1
	headHalf = 32
	// headSize is the size of the head of a segment, which is there twice.
	headSize = 2 * headHalf
	ending   = ".seg"
	magic    = "GPDL"
)

// segment is one file of records.
type segment struct {
	name        string
	first, next uint64 // records in it are in [first, next)
	left        uint64 // of them not finished
	size        int64
	safe        int64 // bytes known to be on the disk
	refused     bool  // a part of it could not be read, so it is not removed
	salt        uint32
	created     time.Time
	last        time.Time // of the last write
	file        File      // while it is written to
}

func newSegment(first uint64) *segment {
	return &segment{name: segmentName(first), first: first, next: first, salt: rand.Uint32(), created: time.Now()}
}

func segmentName(first uint64) string { return fmt.Sprintf("%016x%s", first, ending) }

// head returns the head of the file.
func (s *segment) head() []byte {
	b := make([]byte, 0, headSize)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, s.first)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.created.UnixNano()))
	b = binary.LittleEndian.AppendUint32(b, s.salt)
	b = binary.LittleEndian.AppendUint32(b, checksum(b))
	return append(b, b...)
}

// parseHead reads the first of the two heads that is whole.
func parseHead(b []byte) (s *segment, format uint16, ok bool) {
	for range 2 {
		if len(b) < headHalf {
			return nil, 0, false
		}
		half := b[:headHalf]
		if string(half[:4]) == magic && checksum(half[:headHalf-4]) == binary.LittleEndian.Uint32(half[headHalf-4:]) {
			first := binary.LittleEndian.Uint64(half[8:])
			created := time.Unix(0, int64(binary.LittleEndian.Uint64(half[16:])))
			s = &segment{first: first, next: first, salt: binary.LittleEndian.Uint32(half[24:]), created: created, last: created}
			return s, binary.LittleEndian.Uint16(half[4:]), true
		}
		b = b[headHalf:]
	}
	return nil, 0, false
}
