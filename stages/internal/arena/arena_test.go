package arena_test

import (
	"strconv"
	"strings"
	"testing"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/arena"
)

func TestTextsStayWhatTheyAre(t *testing.T) {
	var a arena.Arena
	var values []event.Value
	var want []string
	for i := range 3000 {
		text := strings.Repeat(strconv.Itoa(i), i%100)
		begin := a.Next()
		a.WriteString(text)
		values, want = append(values, a.Since(begin)), append(want, text)
	}
	values, want = append(values, a.Add(nil), a.Add([]byte("spam"))), append(want, "", "spam")
	for i, v := range values {
		if v.Str() != want[i] {
			t.Fatalf("text %d became %q", i, v.Str())
		}
	}
}

func TestManyTextsTakeFewAllocations(t *testing.T) {
	var a arena.Arena
	text := []byte("192.168.2.20")
	if n := testing.AllocsPerRun(1000, func() { a.Add(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
