//go:build crash

package stages_test

import (
	order "encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// spoil changes a file of a buffer as a loss of power or a wrong clock may do, and returns
// how many events that may cost.
func (r *crashRound) spoil() (mayLose int) {
	var segments, notes []string
	for _, dir := range r.buffers {
		list, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
		if len(list) > 0 {
			segments = append(segments, list[len(list)-1]) // the names are in order
		}
		list, _ = filepath.Glob(filepath.Join(dir, "finished"))
		notes = append(notes, list...)
	}
	if len(segments) == 0 {
		return 0
	}
	path := segments[r.random.IntN(len(segments))]
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	const head = 64
	switch {
	case len(data) <= head:
		return 0
	case r.random.IntN(4) == 0 && len(notes) > 0:
		path = notes[r.random.IntN(len(notes))]
		data, err = os.ReadFile(path)
		if err != nil {
			r.t.Fatal(err)
		}
		data = r.tear(data, 0)
	default:
		data, mayLose = r.spoilSegment(data, head)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return mayLose
}

// smallest is less than what a record of these tests takes.
const smallest = 60

func (r *crashRound) spoilSegment(data []byte, head int) ([]byte, int) {
	switch r.random.IntN(4) {
	case 0: // a write that never came to its end
		from := max(head, len(data)-r.random.IntN(3000))
		return append(data, data[from:from+r.random.IntN(len(data)-from+1)]...), 0
	case 1: // the file grew, but what was written did not arrive
		return append(data, make([]byte, r.random.IntN(5000))...), 0
	case 2:
		jump := time.Duration(r.random.IntN(20)-10) * 365 * 24 * time.Hour
		setClock(data, jump)
		return data, 0
	}
	torn := r.tear(data, head)
	lost := len(data) - sameUpTo(data, torn)
	return torn, lost/smallest + 2
}

// tear cuts the end of a file off, or fills a part of it with nonsense.
func (r *crashRound) tear(data []byte, head int) []byte {
	n := min(r.random.IntN(3000), len(data)-head)
	if r.random.IntN(2) == 0 {
		return data[:len(data)-n]
	}
	torn := append([]byte(nil), data...)
	for i := len(torn) - n; i < len(torn); i++ {
		torn[i] = byte(rand.Uint32()) // what it is does not matter
	}
	return torn
}

func sameUpTo(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// setClock changes the time at which a segment says that it was begun.
func setClock(data []byte, by time.Duration) {
	const half, at, sum = 32, 16, 28
	for _, h := range [][]byte{data[:half], data[half : 2*half]} {
		order.LittleEndian.PutUint64(h[at:], order.LittleEndian.Uint64(h[at:])+uint64(by))
		order.LittleEndian.PutUint32(h[sum:], crc32.Checksum(h[:sum], crc32.MakeTable(crc32.Castagnoli)))
	}
}
