package wire

import "time"

// history keeps what was delivered last over a connection, in whole deliveries.
type history struct {
	limit int           // bytes; the last delivery is kept whatever its size
	open  int           // bytes beside that which the system of the peer has not acknowledged
	age   time.Duration // older ones are not sent again, but for the last
	bytes []byte
	marks []mark
}

// mark is one delivery.
type mark struct {
	end int // in bytes
	at  time.Time
}

// add keeps a part of the delivery that is under way.
func (h *history) add(b []byte) { h.bytes = append(h.bytes, b...) }

// done ends a delivery, undo forgets what was added for one that failed.
func (h *history) done(now time.Time) {
	if len(h.bytes) == h.last() {
		return
	}
	h.marks = append(h.marks, mark{len(h.bytes), now})
	limit := h.limit + h.open
	if len(h.bytes) <= 2*limit { // most often, so that what is kept moves seldom
		return
	}
	count, kept := 0, len(h.bytes)
	for count < len(h.marks)-1 && kept > limit {
		kept = len(h.bytes) - h.marks[count].end
		count++
	}
	h.forget(count)
}

func (h *history) undo() { h.bytes = h.bytes[:h.last()] }

// last is where the last delivery ends.
func (h *history) last() int {
	if len(h.marks) == 0 {
		return 0
	}
	return h.marks[len(h.marks)-1].end
}

// forget drops the oldest deliveries.
func (h *history) forget(count int) {
	if count == 0 {
		return
	}
	from := h.marks[count-1].end
	h.bytes = append(h.bytes[:0], h.bytes[from:]...)
	h.marks = append(h.marks[:0], h.marks[count:]...)
	for i := range h.marks {
		h.marks[i].end -= from
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
		if n > 0 && (len(h.bytes)-start > h.limit+h.open || now.Sub(h.marks[i].at) > h.age) {
			break
		}
		begin = start
		n++
	}
	return h.bytes[begin:], n
}

// clear forgets everything, and gives back what is more memory than usual.
func (h *history) clear() {
	h.bytes, h.marks = h.bytes[:0], h.marks[:0]
	if cap(h.bytes) > 4*h.limit {
		h.bytes = nil
	}
}
