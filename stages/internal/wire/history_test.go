package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestHistoryKeepsWholeDeliveriesOfLate(t *testing.T) {
	start := time.Unix(1000, 0)
	h := history{limit: 100, age: time.Minute}
	want := func(now time.Time, text string, count int) {
		t.Helper()
		if got, n := h.recent(now); string(got) != text || n != count {
			t.Fatalf("%q, %d; want %q, %d", got, n, text, count)
		}
	}
	add := func(b []byte, now time.Time) {
		h.add(b[:len(b)/2])
		h.add(b[len(b)/2:])
		h.done(now)
	}
	want(start, "", 0)
	for i := range 1000 {
		add(fmt.Appendf(nil, "delivery %04d\n", i), start)
		if cap(h.bytes) > 1000 {
			t.Fatalf("%d bytes are kept", cap(h.bytes))
		}
	}
	want(start, "delivery 0993\ndelivery 0994\ndelivery 0995\ndelivery 0996\ndelivery 0997\ndelivery 0998\ndelivery 0999\n", 7)
	later := start.Add(2 * time.Minute)
	want(later, "delivery 0999\n", 1) // the last one is kept however old
	add([]byte("new"), later)
	want(later, "new", 1)
	large := strings.Repeat("x", 500)
	add([]byte(large), later)
	want(later, large, 1) // and however large
	h.add([]byte("failed"))
	h.undo()
	want(later, large, 1)
	h.clear()
	want(later, "", 0)
	add([]byte("a"), later)
	want(later, "a", 1)
}
