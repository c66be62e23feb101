package webhdfssink

import (
	"testing"
	"time"
)

func TestFilesAreRememberedForFiveMinutes(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newFiles(nil, &Options{})
	l.now = func() time.Time { return now }
	l.known["/a"], l.known["/b"] = &file{length: 5, since: now}, &file{since: now.Add(-memory)}
	l.dirs["/x"], l.dirs["/y"] = now, now.Add(-memory)
	if f, err := l.ensure(t.Context(), "/a"); err != nil || f.length != 5 { // without a client: nothing is asked
		t.Errorf("%v %v", f, err)
	}
	if l.age(now); len(l.known) != 1 || len(l.dirs) != 1 {
		t.Errorf("files %v, directories %v", l.known, l.dirs)
	}
}

func TestLinesAreNotDivided(t *testing.T) {
	p := &pending{data: []byte("ab\ncdef\ng\n"), ends: []int{3, 8, 10}}
	for _, c := range []struct {
		done int
		room int64
		want int
	}{{0, 0, 10}, {0, 3, 3}, {0, 7, 3}, {0, 8, 8}, {0, 1, 3}, {3, 5, 8}, {3, 100, 10}, {5, 1, 8}} {
		p.done = c.done
		if got := p.upTo(c.room); got != c.want {
			t.Errorf("from %d with room for %d up to %d", c.done, c.room, got)
		}
	}
	for done, want := range map[int]bool{0: true, 2: false, 3: true, 5: false, 10: true} {
		if p.done = done; p.between() != want {
			t.Errorf("at %d between two lines: %t", done, !want)
		}
	}
}
