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
