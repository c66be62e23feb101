package disklog

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
)

// recordHead is the number of bytes in front of the data of a record.
const recordHead = 16

// maxRelative bounds the number of records in a segment.
const maxRelative = math.MaxUint32

// castagnoli is the polynomial of CRC-32C, for which processors have an instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }

// Records are records on their way into a log. The memory is used again after Reset.
type Records struct {
	buf   []byte
	heads []int
}

// Add appends a record whose data append adds to a slice.
func (r *Records) Add(data func([]byte) []byte) {
	at := len(r.buf)
	r.heads = append(r.heads, at)
	r.buf = data(append(r.buf, make([]byte, recordHead)...))
	head, body := r.buf[at:at+recordHead], r.buf[at+recordHead:]
	binary.LittleEndian.PutUint32(head, uint32(len(body)))
	binary.LittleEndian.PutUint32(head[8:], checksum(body))
}

// Len is the number of records.
func (r *Records) Len() int { return len(r.heads) }

// Bytes is what they take on disk.
func (r *Records) Bytes() int { return len(r.buf) }

// Reset forgets the records.
func (r *Records) Reset() { r.buf, r.heads = r.buf[:0], r.heads[:0] }

// Grow makes room for n more bytes.
func (r *Records) Grow(n int) { r.buf = slices.Grow(r.buf, n) }

// seal enters where the records stand.
func (r *Records) seal(salt, relative uint32) {
	for i, at := range r.heads {
		head := r.buf[at : at+recordHead]
		binary.LittleEndian.PutUint32(head[4:], relative+uint32(i))
		binary.LittleEndian.PutUint32(head[12:], headSum(salt, head))
	}
}

// headSum is the checksum of the head of a record.
func headSum(salt uint32, head []byte) uint32 {
	return crc32.Update(salt, castagnoli, head[:12])
}
