package disklog

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestHeadsAreSealedWithTheirChecksum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var r Records
		for range 3 {
			r.Add(func(b []byte) []byte { return append(b, make([]byte, random.IntN(300))...) })
		}
		salt := random.Uint32()
		r.seal(salt, random.Uint32())
		for _, at := range r.heads {
			if head := r.buf[at:]; binary.LittleEndian.Uint32(head[12:]) != headSum(salt, head) {
				t.Fatalf("salt %x, head %x", salt, head[:recordHead])
			}
		}
	}
}
