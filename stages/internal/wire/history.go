package wire

import "time"

// history keeps what was delivered last over a connection, in whole deliveries.
type history struct {
	limit int           // bytes; the last delivery is kept whatever its size
	age   time.Duration // older ones are not sent again, but for the last
	bytes []byte
	marks []mark
}

// mark is one delivery.
type mark struct {
	end int // in bytes
	at  time.Time
}

// add keeps a delivery.
func (h *history) add(b []byte, now time.Time) {
	if len(h.bytes)+len(b) > 2*h.limit { // seldom, so that what is kept moves seldom
		h.trim(max(0, h.limit-len(b)))
	}
	h.bytes = append(h.bytes, b...)
	h.marks = append(h.marks, mark{len(h.bytes), now})
}

// trim forgets the oldest deliveries until there are at most so many bytes.
func (h *history) trim(most int) {
	from, gone := 0, 0
	for gone < len(h.marks) && len(h.bytes)-from > most {
		from = h.marks[gone].end
		gone++
	}
	h.bytes = append(h.bytes[:0], h.bytes[from:]...)
	h.marks = append(h.marks[:0], h.marks[gone:]...)
	for i := range h.marks {
		h.marks[i].end -= from
	}
	if len(h.bytes) == 0 && cap(h.bytes) > 2*h.limit {
		h.bytes = nil
	}
}

// recent returns what is to be sent again, and the number of deliveries.
func (h *history) recent(now time.Time) ([]byte, int) {
	begin, n := len(h.bytes), 0
	for i := len(h.marks) - 1; i >= 0; i-- {
		start := 0
		if i > 0 {
			start = h.marks[i-1].end
		}
		if n > 0 && (len(h.bytes)-start > h.limit || now.Sub(h.marks[i].at) > h.age) {
			break
		}
		begin = start
		n++
	}
	return h.bytes[begin:], n
}

func (h *history) clear() { h.trim(0) }
