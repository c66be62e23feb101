package disklog

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// drain reads all there is.
func drain(t *testing.T, r *Reader) (list []string, numbers []uint64) {
	t.Helper()
	for {
		rec, ok, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return list, numbers
		}
		list, numbers = append(list, string(rec.Data)), append(numbers, rec.Number)
	}
}

func TestAReaderFollowsTheWriter(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{SegmentBytes: 400})
	mustAdd(t, l, 0, 7)
	l = open(t, m, Options{SegmentBytes: 400})
	l.Finish(1, 2)
	r := l.Reader()
	random := rand.New(rand.NewPCG(1, 1))
	got, numbers := drain(t, r)
	for n := 7; n < 400; {
		k := 1 + random.IntN(9)
		mustAdd(t, l, n, n+k)
		n += k
		if random.IntN(3) > 0 {
			more, moreNumbers := drain(t, r)
			got, numbers = append(got, more...), append(numbers, moreNumbers...)
		}
		if random.IntN(3) == 0 { // what was read is finished, and segments vanish
			for _, x := range numbers {
				l.Finish(x, 1)
			}
			numbers = nil
		}
	}
	more, _ := drain(t, r)
	if got = append(got, more...); !slices.Equal(got, texts(2, 2+len(got))) || len(got) < 398 {
		t.Errorf("%d records: %.200q", len(got), got)
	}
	r.Close()
}

func TestAReaderStepsOverWhatHasBeenDropped(t *testing.T) {
	l := open(t, newMachine(), Options{MaxBytes: 1, SegmentBytes: 1, WhenFull: DropOldest})
	r := l.Reader()
	mustAdd(t, l, 0, 5)
	mustAdd(t, l, 5, 10)
	if got, _ := drain(t, r); !slices.Equal(got, texts(5, 10)) {
		t.Errorf("%q", got)
	}
	mustAdd(t, l, 10, 15)
	mustAdd(t, l, 15, 20)
	if got, _ := drain(t, r); !slices.Equal(got, texts(15, 20)) {
		t.Errorf("%q", got)
	}
}
