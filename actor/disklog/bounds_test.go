package disklog

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheSpaceOnDiskIsBounded(t *testing.T) {
	const most = 512 << 10
	big := strings.Repeat("x", 10_000)
	put := func(ctx context.Context, l *Log) error {
		var r Records
		r.Add(func(b []byte) []byte { return append(b, big...) })
		_, err := l.Append(ctx, &r)
		return err
	}
	t.Run("whoever writes waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := open(t, newMachine(), Options{MaxBytes: most})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			n := 0
			for put(ctx, l) == nil {
				n++
			}
			if st := l.Stats(); st.Bytes > most || n < 40 {
				t.Fatalf("%d records in %+v", n, st)
			}
			done := make(chan error)
			go func() { done <- put(t.Context(), l) }()
			synctest.Wait()
			for i := range n {
				l.Finish(uint64(i+1), 1)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			go func() { done <- put(t.Context(), l) }()
			<-done
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("the newest is dropped", func(t *testing.T) {
		l := open(t, newMachine(), Options{MaxBytes: most, WhenFull: DropNewest})
		for range 100 {
			if err := put(t.Context(), l); err != nil && !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
		}
		if st := l.Stats(); st.Bytes > most || st.Dropped+st.Unfinished != 100 || st.Unfinished < 40 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("the oldest is dropped", func(t *testing.T) {
		m := newMachine()
		l := open(t, m, Options{MaxBytes: most, WhenFull: DropOldest})
		for range 1000 {
			if err := put(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		if st := l.Stats(); st.Bytes > most || st.Dropped+st.Unfinished != 1000 || st.Unfinished < 30 {
			t.Errorf("%+v", st)
		}
		if got := left(t, open(t, m, Options{})); uint64(len(got)) != l.Stats().Unfinished {
			t.Errorf("%d are there", len(got))
		}
	})
	t.Run("a batch that is larger than all the room is taken alone", func(t *testing.T) {
		l := open(t, newMachine(), Options{MaxBytes: 1000})
		if err := put(t.Context(), l); err != nil {
			t.Error(err)
		}
	})
}

func TestTheNumberOfRecordsIsBounded(t *testing.T) {
	for full, want := range map[string][]string{DropOldest: texts(14, 24), DropNewest: slices.Concat(texts(0, 4), texts(8, 14))} {
		t.Run(full, func(t *testing.T) {
			l := open(t, newMachine(), Options{MaxRecords: 10, WhenFull: full})
			mustAdd(t, l, 0, 4)
			mustAdd(t, l, 4, 8)
			l.Finish(5, 4)
			mustAdd(t, l, 8, 14)
			for from := 14; from < 24; from += 5 {
				if _, err := add(l, from, from+5); (err != nil) != (full == DropNewest) || err != nil && !errors.Is(err, ErrFull) {
					t.Fatal(err)
				}
			}
			got, _ := drain(t, l.Reader())
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
			if st := l.Stats(); st.Dropped != 10 || st.Unfinished != 10 {
				t.Errorf("%+v", st)
			}
		})
	}
	t.Run(Block, func(t *testing.T) {
		l := open(t, newMachine(), Options{MaxRecords: 10})
		mustAdd(t, l, 0, 8)
		done := make(chan error)
		go func() { _, err := add(l, 8, 12); done <- err }()
		for l.Stats().Waiting == 0 {
			runtime.Gosched()
		}
		l.Finish(3, 2)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// More than fit come when there is nothing else.
		l.Finish(1, 12)
		mustAdd(t, l, 12, 40)
	})
}

func TestWhatIsTooOldIsDropped(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{MaxAge: time.Hour, SegmentBytes: 100, Fsync: Interval})
	mustAdd(t, l, 0, 5)
	mustAdd(t, l, 5, 10)
	l.segments[0].last = time.Now().Add(-2 * time.Hour)
	l.Maintain(time.Now())
	if st := l.Stats(); st.Dropped != 5 || st.Unfinished != 5 {
		t.Errorf("%+v", st)
	}
	if m.unsynced() != 0 {
		t.Error("it was not synced")
	}
	want(t, open(t, m.after(0, nil), Options{}), texts(5, 10))
}
