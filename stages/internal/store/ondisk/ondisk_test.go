package ondisk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func opened(t testing.TB, path string, e store.Encoding, count func(string, int)) *Store {
	t.Helper()
	s, err := Open(path, e, quiet, count)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAFileIsAStore(t *testing.T) {
	for _, e := range []store.Encoding{store.JSON, store.Raw} {
		t.Run(string(e), func(t *testing.T) {
			storetest.Run(t, storetest.Backend{
				Open: func(t *testing.T) store.Store { return opened(t, t.TempDir(), e, nil) },
				Pass: time.Sleep, TextOnly: e == store.Raw, Bubble: true,
			})
		})
	}
}

func TestValuesOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	entries := 0
	s := opened(t, path, store.Msgpack, func(_ string, n int) { entries += n })
	storetest.Put(t, s, "a", event.String("\xff"), time.Hour)
	storetest.Put(t, s, "a", event.String("\xfe"), time.Hour)
	storetest.Put(t, s, "b", event.Int(1), 0)
	if err := s.Close(); err != nil || entries != 2 {
		t.Fatalf("%d entries, %v", entries, err)
	}
	entries = 0
	s = opened(t, path, store.Msgpack, func(_ string, n int) { entries += n })
	storetest.Want(t, s, "a", "string \xfe")
	storetest.Want(t, s, "b", "integer 1")
	if entries != 2 {
		t.Errorf("%d entries", entries)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestAFileThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, store.JSON, nil)
	damaged := filepath.Join(dir, "damaged")
	if err := os.WriteFile(damaged, []byte(strings.Repeat("spam", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "in use by another process", filepath.Join(dir, "no", "file"): "does not exist", damaged: "invalid",
	} {
		if _, err := Open(path, store.JSON, quiet, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s gives %v", path, err)
		}
	}
	s.Close()
}

func TestWhatIsOverIsRemoved(t *testing.T) {
	entries := 0
	s := opened(t, t.TempDir(), store.JSON, func(_ string, n int) { entries += n })
	var list []store.Entry
	for i := range 250 {
		list = append(list, store.Entry{Key: fmt.Sprint(i), Value: event.Int(1), TTL: time.Millisecond})
	}
	if err := s.Set(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	for _, want := range []int{151, 52, 3, 4} {
		storetest.Put(t, s, fmt.Sprint("new", want), event.Int(1), 0)
		if entries != want {
			t.Errorf("%d entries, want %d", entries, want)
		}
	}
	_ = s.db.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket(due).Stats().KeyN; n != 0 {
			t.Errorf("%d are still due", n)
		}
		return nil
	})
}

func TestDamagedRecordsAreNotThere(t *testing.T) {
	var log strings.Builder
	s, err := Open(t.TempDir(), store.JSON, slog.New(slog.NewTextHandler(&log, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.Put(t, s, "p:a", event.Int(12345), 0)
	_ = s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(values)
		raw := append([]byte(nil), b.Get(named("p:a"))...)
		raw[len(raw)-1]++
		return errors.Join(b.Put(named("p:a"), raw), b.Put(named("p:short"), []byte{1}), b.Put(named("p:pickle"), record{data: []byte("I5\n.")}.append(nil)))
	})
	for _, k := range []string{"p:a", "p:short", "p:pickle"} {
		storetest.Want(t, s, k, "")
	}
	if strings.Count(log.String(), "prefix=p:") != 1 {
		t.Error(log.String())
	}
	storetest.Put(t, s, "p:a", event.Int(1), time.Minute)
	storetest.Want(t, s, "p:a", "integer 1")
}

func TestALongKeyIsRefused(t *testing.T) {
	s := opened(t, t.TempDir(), store.JSON, nil)
	long := strings.Repeat("x", 40_000)
	err := s.Set(t.Context(), store.Entry{Key: long}, store.Entry{Key: "a", Value: event.Int(1)})
	if refused, _ := errors.AsType[*store.RefusedError](err); refused == nil || len(refused.Keys) != 1 {
		t.Errorf("got %v", err)
	}
	storetest.Want(t, s, "a", "integer 1")
	storetest.Want(t, s, long, "")
}

func TestManyAreWalkedInPages(t *testing.T) {
	s := opened(t, t.TempDir(), store.JSON, nil)
	var list []store.Entry
	for i := range 3*atOnce + 1 {
		list = append(list, store.Entry{Key: fmt.Sprintf("p%05d", i), Value: event.Int(int64(i))})
	}
	if err := s.Set(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	i := int64(0)
	for e, err := range s.Iterate(t.Context(), "p") {
		if n, _ := e.Value.Int(); err != nil || n != i {
			t.Fatalf("%s is %s, %v", e.Key, e.Value.Text(), err)
		}
		if i++; i%100 == 0 {
			storetest.Put(t, s, e.Key, e.Value, 0)
		}
	}
	if i != 3*atOnce+1 {
		t.Errorf("%d entries", i)
	}
}

func BenchmarkSet(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint(writers, " at a time"), func(b *testing.B) {
			s := opened(b, b.TempDir(), store.JSON, nil)
			b.ReportAllocs()
			var all sync.WaitGroup
			for w := range writers {
				all.Go(func() {
					for i := w; i < b.N; i += writers {
						storetest.Put(b, s, fmt.Sprint("key", i), event.Int(1), time.Minute)
					}
				})
			}
			all.Wait()
		})
	}
	b.Run("100 at once", func(b *testing.B) {
		s := opened(b, b.TempDir(), store.JSON, nil)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			list := make([]store.Entry, 100)
			for k := range list {
				list[k] = store.Entry{Key: fmt.Sprint("key", i*100+k), Value: event.Int(1), TTL: time.Minute}
			}
			if err := s.Set(b.Context(), list...); err != nil {
				b.Fatal(err)
			}
		}
	})
}
