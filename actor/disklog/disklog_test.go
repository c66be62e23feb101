package disklog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t testing.TB, m *machine, o Options) *Log {
	t.Helper()
	o.Dir = "d"
	if m != nil {
		o.FS = m
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// text is the data of record n. Some of them look like records of a log.
func text(n int) string {
	s := fmt.Sprintf("record %d %s", n, strings.Repeat("spam ", n%7))
	if n%5 == 0 {
		var r Records
		r.Add(func(b []byte) []byte { return append(b, "a record in a record"...) })
		r.seal(0, uint32(n+1))
		s += string(r.buf)
	}
	return s
}

// add appends the records from n up to, but not including, end as one batch.
func add(l *Log, n, end int) (uint64, error) {
	var r Records
	for ; n < end; n++ {
		r.Add(func(b []byte) []byte { return append(b, text(n)...) })
	}
	return l.Append(context.Background(), &r)
}

func mustAdd(t testing.TB, l *Log, n, end int) uint64 {
	t.Helper()
	first, err := add(l, n, end)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func texts(from, end int) (list []string) {
	for n := from; n < end; n++ {
		list = append(list, text(n))
	}
	return list
}

func left(t testing.TB, l *Log) (list []string) {
	t.Helper()
	for r, err := range l.Unfinished() {
		if err != nil {
			t.Error(err)
			continue
		}
		list = append(list, string(r.Data))
	}
	return list
}

func want(t testing.TB, l *Log, records []string) {
	t.Helper()
	if got := left(t, l); !slices.Equal(got, records) {
		t.Errorf("got %d records, want %d:\n%.300q\n%.300q", len(got), len(records), got, records)
	}
}

func TestWhatIsNotFinishedIsThereAgain(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	if first := mustAdd(t, l, 0, 10); first != 1 {
		t.Errorf("the first number is %d", first)
	}
	mustAdd(t, l, 10, 20)
	l.Finish(1, 5)
	l.Finish(12, 2)
	l = open(t, m, Options{}) // the process was killed
	want(t, l, slices.Concat(texts(5, 11), texts(13, 20)))
	if first := mustAdd(t, l, 20, 21); first != 21 {
		t.Errorf("a number is used twice: %d", first)
	}
	if st := l.Stats(); st.Unfinished != 14 {
		t.Errorf("%+v", st)
	}
}

func TestNothingIsLeftWhenAllIsFinished(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	n := mustAdd(t, l, 0, 100)
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	l.Finish(n, 100)
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if names, _ := (disk{}).List(dir); !slices.Equal(names, []string{lockName}) {
		t.Errorf("left %v", names)
	}
	if _, err := add(l, 0, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestSegmentsGoWhenTheyAreFinishedInAnyOrder(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{SegmentBytes: 500})
	var firsts []uint64
	for i := range 40 {
		firsts = append(firsts, mustAdd(t, l, i*10, i*10+10))
	}
	before := l.Stats()
	for _, i := range rand.Perm(40) {
		if i != 7 {
			l.Finish(firsts[i], 10)
			l.Finish(firsts[i], 10) // twice changes nothing
		}
	}
	st := l.Stats()
	if before.Segments < 20 || st.Segments > 2 || st.Unfinished != 10 {
		t.Errorf("before %+v, after %+v", before, st)
	}
	want(t, open(t, m, Options{}), texts(70, 80))
}

// Power is cut at every byte of what was not synced yet.
func TestNoLossOfPowerTakesWhatWasAcknowledged(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	mustAdd(t, l, 0, 20)
	l.opts.Fsync = Never // the last writes are under way
	mustAdd(t, l, 20, 26)
	mustAdd(t, l, 26, 30)
	for keep := range m.unsynced() + 1 {
		after := m.after(keep, nil)
		l := open(t, after, Options{})
		got := left(t, l)
		if len(got) < 20 || !slices.Equal(got, texts(0, len(got))) {
			t.Fatalf("%d bytes arrived: %.200q", keep, got)
		}
		n := len(got)
		mustAdd(t, l, n, n+3) // and it goes on
		want(t, open(t, after, Options{}), texts(0, n+3))
	}
}

// Any of the writes that were not synced may be missing, whole or in part.
func TestWritesMayArriveInAnyOrder(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := newMachine()
		l := open(t, m, Options{SegmentBytes: 300})
		n := 0
		for range 1 + r.IntN(8) {
			k := 1 + r.IntN(5)
			mustAdd(t, l, n, n+k)
			n += k
		}
		l.Finish(1, r.IntN(n))
		sure := n
		l.opts.Fsync = Never
		for range r.IntN(6) {
			k := 1 + r.IntN(5)
			mustAdd(t, l, n, n+k)
			n += k
		}
		got := left(t, open(t, m.after(0, r), Options{}))
		at := 0
		all := texts(0, n)
		seen := map[string]bool{}
		for _, g := range got { // in order, none of them invented
			i := slices.Index(all[at:], g)
			if i < 0 {
				t.Fatalf("seed %d: %q is wrong or out of order", seed, g)
			}
			at += i + 1
			seen[g] = true
		}
		for _, s := range slices.DeleteFunc(all[:sure], func(s string) bool { return seen[s] }) {
			if i := slices.Index(texts(0, sure), s); uint64(i) >= l.finished.list[0].end {
				t.Fatalf("seed %d: record %d was safe and is gone", seed, i)
			}
		}
	}
}

// No bit flip makes a wrong record, an endless loop or a refusal to start.
func TestNoBitFlipMakesAWrongRecord(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	mustAdd(t, l, 0, 12)
	l.Finish(3, 2)
	all := slices.Concat(texts(0, 2), texts(4, 12))
	for name, file := range m.names {
		for bit := range 8 * len(file.data) {
			after := m.after(0, nil)
			after.names[name].data[bit/8] ^= 1 << (bit % 8)
			l := open(t, after, Options{})
			got := left(t, l)
			lost := 0
			for _, s := range all {
				if !slices.Contains(got, s) {
					lost++
				}
			}
			// A finished record may come again when the note of that is damaged.
			if lost > 1 || len(got) > 12 || lost+len(got) < len(all) {
				t.Fatalf("%s bit %d: %d of %d records lost", name, bit, lost, len(all))
			}
			for _, g := range got {
				if !slices.Contains(texts(0, 12), g) {
					t.Fatalf("%s bit %d: wrong record %q", name, bit, g)
				}
			}
			if lost > 0 && l.Recovery().Clean() {
				t.Fatalf("%s bit %d: nobody says that something was lost", name, bit)
			}
		}
	}
}

func TestASegmentOfWhichNothingCanBeReadIsPutAside(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{SegmentBytes: 400})
	mustAdd(t, l, 0, 10)
	mustAdd(t, l, 10, 20)
	mustAdd(t, l, 20, 30)
	m.names["d/"+segmentName(11)].data[3] ^= 1
	m.names["d/"+segmentName(11)].data[35] ^= 1
	l = open(t, m, Options{})
	want(t, l, slices.Concat(texts(0, 10), texts(20, 30)))
	if r := l.Recovery(); len(r.Aside) != 1 || r.Clean() || r.Records != 20 {
		t.Errorf("%+v", r)
	}
	mustAdd(t, l, 30, 31)
	if l = open(t, m, Options{}); !l.Recovery().Clean() {
		t.Errorf("%+v", l.Recovery())
	}
}

func TestWhatTheDiskDoesNotGiveOutIsNoReasonNotToStart(t *testing.T) {
	for _, c := range []struct {
		op   string
		hurt uint64 // number of the first record
	}{{"open", 1}, {"open", 11}, {"read", 1}, {"read", 11}} {
		t.Run(fmt.Sprint(c.op, c.hurt), func(t *testing.T) {
			m := newMachine()
			l := open(t, m, Options{SegmentBytes: 400})
			mustAdd(t, l, 0, 10)
			mustAdd(t, l, 10, 20)
			m.fail = func(o, path string) error {
				if o == c.op && strings.HasSuffix(path, segmentName(c.hurt)) {
					return errDisk
				}
				return nil
			}
			l = open(t, m, Options{SegmentBytes: 400})
			if r := l.Recovery(); len(r.Refused) != 1 || r.Clean() {
				t.Errorf("%+v", r)
			}
			others := 11 - int(c.hurt) // the first number of the other segment, less 1
			want(t, l, texts(others, others+10))
			l.Finish(mustAdd(t, l, 20, 30), 10)
			l.Finish(uint64(others+1), 10)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			m.fail = func(string, string) error { return nil }
			want(t, open(t, m, Options{}), texts(int(c.hurt-1), int(c.hurt+9)))
		})
	}
}

func TestALaterVersionIsLeftAlone(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	mustAdd(t, l, 0, 3)
	f := m.names["d/"+segmentName(1)]
	half := f.data[:headHalf]
	half[4] = version + 1
	sum := checksum(half[:headHalf-4])
	for i := range 4 {
		half[headHalf-4+i] = byte(sum >> (8 * i))
	}
	l = open(t, m, Options{})
	if r := l.Recovery(); len(r.Newer) != 1 {
		t.Errorf("%+v", r)
	}
	n := mustAdd(t, l, 3, 5)
	l.Finish(n, 2)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if m.names["d/"+segmentName(1)] == nil {
		t.Error("it is gone")
	}
}

func TestAFailedWriteLeavesNothingBehind(t *testing.T) {
	for op, c := range map[string]struct{ also string }{"write": {}, "sync": {}, "create": {}, "syncdir": {}, "write and truncate": {"truncate"}, "sync and truncate": {"truncate"}} {
		t.Run(op, func(t *testing.T) {
			m := newMachine()
			l := open(t, m, Options{SegmentBytes: 500})
			mustAdd(t, l, 0, 5)
			failing := true
			m.short = 70
			kind, _, _ := strings.Cut(op, " ")
			m.fail = func(op, path string) error {
				if failing && (op == kind || op == c.also) && !strings.Contains(path, journalName) {
					return errDisk
				}
				return nil
			}
			if kind == "create" || kind == "syncdir" {
				failing = false
				mustAdd(t, l, 5, 25)
				failing = true
			} else {
				if _, err := add(l, 5, 25); err == nil {
					t.Fatal("no error")
				}
				failing = false
				mustAdd(t, l, 5, 25)
				failing = true
			}
			if _, err := add(l, 25, 30); err == nil {
				t.Fatal("no error")
			}
			failing = false
			mustAdd(t, l, 25, 30)
			l = open(t, m, Options{}) // killed
			want(t, l, texts(0, 30))
			l = open(t, m.after(0, nil), Options{}) // and without power
			want(t, l, texts(0, 30))
		})
	}
}

// Whoever waits for the disk while the write of somebody else fails is told the truth.
func TestAFailedWriteDoesNotPretendThatOthersAreSafe(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	mustAdd(t, l, 0, 1)
	l.syncing.Lock()
	done := make(chan error)
	go func() { _, err := add(l, 1, 5); done <- err }()
	for l.Stats().Unfinished < 5 {
		runtime.Gosched()
	}
	m.fail = func(op, path string) error {
		if op == "write" && strings.HasSuffix(path, ending) {
			return errDisk
		}
		return nil
	}
	if _, err := add(l, 5, 9); err == nil {
		t.Fatal("no error")
	}
	l.syncing.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want(t, open(t, m.after(0, nil), Options{}), texts(0, 5))
}

// A sync that succeeds behind one that failed says nothing about what that was to sync.
func TestARotationDoesNotHideAFailedSync(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	mustAdd(t, l, 0, 1)
	m.fail = func(op, path string) error {
		if op != "sync" || !strings.HasSuffix(path, ending) {
			return nil
		}
		m.fail = func(string, string) error { return nil }
		l.mu.Lock() // the rotation is faster, and the disk has forgotten what it could not write
		defer l.mu.Unlock()
		s := l.active()
		l.synced, s.safe = l.next, s.size
		l.seal(s)
		return errDisk
	}
	if _, err := add(l, 1, 5); err == nil {
		t.Error("no error")
	}
	mustAdd(t, l, 1, 5)
	want(t, open(t, m, Options{}), texts(0, 5))
}

// What may be given up has not been read by anybody, or it would come twice.
func TestAReaderWaitsForTheSync(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	r := l.Reader()
	mustAdd(t, l, 0, 2)
	l.syncing.Lock()
	done := make(chan error)
	go func() { _, err := add(l, 2, 5); done <- err }()
	for l.Stats().Unfinished < 5 {
		runtime.Gosched()
	}
	if got, _ := drain(t, r); !slices.Equal(got, texts(0, 2)) {
		t.Errorf("got %q", got)
	}
	l.syncing.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, _ := drain(t, r); !slices.Equal(got, texts(2, 5)) {
		t.Errorf("got %q", got)
	}
}

func TestOneSyncServesAllThatWait(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	mustAdd(t, l, 0, 1)
	syncs := 0
	m.fail = func(op, _ string) error {
		if op == "sync" {
			syncs++
		}
		return nil
	}
	l.syncing.Lock()
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { mustAdd(t, l, i, i+1) })
	}
	for l.Stats().Unfinished < 51 {
		runtime.Gosched()
	}
	l.syncing.Unlock()
	all.Wait()
	if syncs != 1 {
		t.Errorf("%d syncs", syncs)
	}
}

func TestTheNoteOfWhatIsFinishedStaysSmall(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	n := mustAdd(t, l, 0, 20_000)
	for i := range 19_990 {
		l.Finish(n+uint64(i), 1)
		if i%1000 == 0 {
			l.Maintain(time.Now())
		}
	}
	if size := len(m.names["d/"+journalName].data); size > 6000*journalEntry {
		t.Errorf("%d bytes", size)
	}
	want(t, open(t, m, Options{}), texts(19_990, 20_000))
}

func TestANoteThatCannotBeWrittenIsNoReasonToStop(t *testing.T) {
	m := newMachine()
	l := open(t, m, Options{})
	n := mustAdd(t, l, 0, 10)
	m.fail = func(_, path string) error {
		if strings.Contains(path, journalName) {
			return errDisk
		}
		return nil
	}
	l.Finish(n, 3)
	mustAdd(t, l, 10, 12)
	m.fail = func(string, string) error { return nil }
	l.Maintain(time.Now())
	want(t, open(t, m, Options{}), texts(3, 12))
}

func TestInspectionAndRepair(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, SegmentBytes: 400}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		mustAdd(t, l, i*10, i*10+10)
	}
	l.Finish(1, 4)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	flip := func(name string, at int) {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[at] ^= 4
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	st, err := Inspect(dir)
	if err != nil || len(st.Segments) != 3 || !st.Sound() || st.Segments[0].Unfinished != 6 || st.Segments[2].Last != 30 {
		t.Errorf("%+v %v", st, err)
	}
	flip(segmentName(11), headSize+recordHead+3)
	if st, _ = Inspect(dir); st.Sound() || st.Segments[1].Damaged != 1 || st.Segments[1].Records != 9 {
		t.Errorf("%+v", st)
	}
	r, err := Repair(o)
	if err != nil || r.Damaged != 1 {
		t.Errorf("%+v %v", r, err)
	}
	if st, _ = Inspect(dir); !st.Sound() || len(st.Aside) != 1 {
		t.Errorf("%+v", st)
	}
	if l, err = Open(o); err != nil {
		t.Fatal(err)
	}
	want(t, l, slices.Concat(texts(4, 10), texts(11, 30)))
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzRecovery takes any bytes for a segment and a note. What comes out must be a record
// that somebody has sealed with the salt of the segment, of which only the head knows.
func FuzzRecovery(f *testing.F) {
	m := newMachine()
	l := open(f, m, Options{})
	mustAdd(f, l, 0, 12)
	l.Finish(2, 2)
	segment, note := m.names["d/"+segmentName(1)].data, m.names["d/"+journalName].data
	f.Add(0, []byte{}, note)
	f.Add(100, []byte{1, 2, 3}, note)
	f.Add(len(segment)-5, []byte("torn"), note[:20])
	f.Fuzz(func(t *testing.T, at int, change, note []byte) {
		m := newMachine()
		data := slices.Clone(segment)
		if at >= 0 && at < len(data) {
			data = append(data[:at:at], append(slices.Clone(change), data[min(len(data), at+len(change)):]...)...)
		}
		m.names["d/"+segmentName(1)] = &inode{data: data}
		m.names["d/"+journalName] = &inode{data: note}
		l := open(t, m, Options{})
		for _, s := range left(t, l) {
			if at >= headSize && !slices.Contains(texts(0, 12), s) {
				t.Errorf("wrong record %q", s)
			}
		}
		n := l.Stats().Unfinished
		if _, err := add(l, 100, 103); err != nil {
			t.Fatal(err)
		}
		if l := open(t, m, Options{}); l.Stats().Unfinished != n+3 {
			t.Errorf("%d records, then %d", n, l.Stats().Unfinished)
		}
		if _, err := inspect(m, "d"); err != nil {
			t.Error(err)
		}
	})
}
