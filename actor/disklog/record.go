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
	r.buf = data(append(r.buf, noHead[:]...))
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

// noHead is room for a head.
var noHead [recordHead]byte

// seal enters where the records stand.
func (r *Records) seal(salt, relative uint32) {
	start := headSum(salt, noHead[:])
	for i, at := range r.heads {
		head := r.buf[at : at+recordHead]
		binary.LittleEndian.PutUint32(head[4:], relative+uint32(i))
		binary.LittleEndian.PutUint32(head[12:], start^headShares.of(head))
	}
}

// headSum is the checksum of the head of a record.
func headSum(salt uint32, head []byte) uint32 {
	return crc32.Update(salt, castagnoli, head[:headSummed])
}

// shares are what each byte of a head adds to its checksum, which is a sum in the field of two
// elements: for twelve bytes, that is faster than the instruction with the calls around it.
type shares [headSummed][256]uint32

const headSummed = 12

var headShares = newShares()

func newShares() *shares {
	var t shares
	var head [headSummed]byte
	zero := headSum(0, head[:])
	for i := range t {
		for v := range t[i] {
			head[i] = byte(v)
			t[i][v] = headSum(0, head[:]) ^ zero
		}
		head[i] = 0
	}
	return &t
}

// of is the difference of the checksum of a head to that of zeros.
func (t *shares) of(head []byte) uint32 {
	h := head[:headSummed]
	return t[0][h[0]] ^ t[1][h[1]] ^ t[2][h[2]] ^ t[3][h[3]] ^ t[4][h[4]] ^ t[5][h[5]] ^
		t[6][h[6]] ^ t[7][h[7]] ^ t[8][h[8]] ^ t[9][h[9]] ^ t[10][h[10]] ^ t[11][h[11]]
}
