package disklog

import (
	"encoding/binary"
	"fmt"
	"io"
)

// window is how much of a segment is read at a time.
const window = 256 << 10

// record is one record as it was found.
type record struct {
	number uint64
	data   []byte // valid until the next one
	end    int64  // of it in the file
}

// scanner reads the records of a segment and steps over what is damaged.
type scanner struct {
	file io.ReaderAt
	seg  *segment
	size int64

	at   int64
	buf  []byte
	base int64 // place of buf in the file
	last int64 // relative number of the last record

	good    int64 // end of the last record that is whole
	damaged int   // places between whole records where something is wrong
	pending int   // such places since the last whole record
	garbage bool  // the scanner looks for the next record
}

func newScanner(file io.ReaderAt, s *segment, size int64) *scanner {
	return &scanner{file: file, seg: s, size: size, at: headSize, good: headSize, last: -1}
}

// peek returns n bytes at the given place, which must be there.
func (s *scanner) peek(at int64, n int) ([]byte, error) {
	if at < s.base || at+int64(n) > s.base+int64(len(s.buf)) {
		size := int(min(int64(max(n, window)), s.size-at))
		if cap(s.buf) < size {
			s.buf = make([]byte, size)
		}
		s.buf, s.base = s.buf[:size], at
		if _, err := s.file.ReadAt(s.buf, at); err != nil {
			s.buf = s.buf[:0]
			return nil, fmt.Errorf("read the segment: %w", err)
		}
	}
	i := int(at - s.base)
	return s.buf[i : i+n], nil
}

// next returns the next whole record; ok is false at the end.
func (s *scanner) next() (r record, ok bool, err error) {
	for s.at+recordHead <= s.size {
		head, err := s.peek(s.at, recordHead)
		if err != nil {
			return r, false, err
		}
		length := int64(binary.LittleEndian.Uint32(head))
		relative := int64(binary.LittleEndian.Uint32(head[4:]))
		sum := binary.LittleEndian.Uint32(head[8:])
		if binary.LittleEndian.Uint32(head[12:]) != headSum(s.seg.salt, head) || relative <= s.last || s.at+recordHead+length > s.size {
			s.stumble()
			s.at++
			continue
		}
		data, err := s.peek(s.at+recordHead, int(length))
		if err != nil {
			return r, false, err
		}
		s.at += recordHead + length
		s.last = relative
		if checksum(data) != sum {
			s.garbage = false // this one counts by itself
			s.stumble()
			s.garbage = false
			continue
		}
		s.damaged += s.pending
		s.good, s.pending, s.garbage = s.at, 0, false
		return record{s.seg.first + uint64(relative), data, s.at}, true, nil
	}
	if s.at < s.size {
		s.stumble()
	}
	return r, false, nil
}

// stumble counts a place where something is wrong.
func (s *scanner) stumble() {
	if !s.garbage {
		s.garbage = true
		s.pending++
	}
}
