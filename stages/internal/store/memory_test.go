package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs the checks with a clock that only moves while everybody waits.
func inBubble(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	storetest.Run(t, storetest.Backend{Open: open, Pass: time.Sleep, Bubble: true})
}

func TestMemoryIsAStore(t *testing.T) {
	inBubble(t, func(t *testing.T) store.Store { return store.NewMemory(store.MemoryOptions{}) })
}

func TestBufferIsAStore(t *testing.T) {
	inBubble(t, func(t *testing.T) store.Store {
		b := store.NewBuffer(store.NewMemory(store.MemoryOptions{}), store.BufferOptions{BatchSize: 3, Interval: 200 * time.Millisecond, Backlog: 10, Timeout: time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.Run(ctx); close(done) }()
		t.Cleanup(func() { cancel(); <-done })
		return b
	})
}

func TestMeasuredIsAStoreThatCounts(t *testing.T) {
	var mu sync.Mutex
	counted := map[string]int{}
	inBubble(t, func(*testing.T) store.Store {
		return store.Measure(store.NewMemory(store.MemoryOptions{}), func(name string, n int) {
			mu.Lock()
			defer mu.Unlock()
			counted[name] += n
		})
	})
	if counted["hits"] == 0 || counted["misses"] == 0 || counted["operations"] < counted["hits"]+counted["misses"] || counted["failed_operations"] != 1 {
		t.Errorf("counted %v", counted)
	}
}

func TestTheLeastRecentlyUsedGoesFirst(t *testing.T) {
	counted := map[string]int{}
	s := store.NewMemory(store.MemoryOptions{MaxEntries: 2, Count: func(name string, n int) { counted[name] += n }})
	storetest.Put(t, s, "a", event.Int(1), 0)
	storetest.Put(t, s, "b", event.Int(2), time.Hour)
	storetest.Want(t, s, "a", "integer 1")
	storetest.Put(t, s, "c", event.Int(3), 0)
	storetest.Want(t, s, "a", "integer 1")
	storetest.Want(t, s, "b", "")
	storetest.Want(t, s, "c", "integer 3")
	if counted["entries"] != 2 || counted["evictions"] != 1 || s.Len() != 2 {
		t.Errorf("counted %v", counted)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	counted := map[string]int{}
	s := store.NewMemory(store.MemoryOptions{MaxBytes: 2000, Count: func(name string, n int) { counted[name] += n }})
	for i := range 100 {
		storetest.Put(t, s, fmt.Sprint(i), storetest.Value(t, `["`+strings.Repeat("x", 100)+`", {"a": 123456789012345678901234567890}]`), time.Minute)
		if counted["bytes"] > 2000 || counted["bytes"] <= 0 {
			t.Fatalf("%d bytes", counted["bytes"])
		}
	}
	if s.Len() < 2 || counted["entries"] != s.Len() {
		t.Errorf("%d entries, counted %v", s.Len(), counted)
	}
	storetest.Put(t, s, "big", event.String(strings.Repeat("x", 3000)), 0)
	if s.Len() != 0 || counted["bytes"] != 0 {
		t.Errorf("%d entries, counted %v", s.Len(), counted)
	}
}

func TestWhatIsOverGoesWithTheNextWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(store.MemoryOptions{})
		for i := range 100 {
			storetest.Put(t, s, fmt.Sprint(i), event.Int(1), time.Duration(i+1)*time.Second)
		}
		time.Sleep(50 * time.Second)
		storetest.Put(t, s, "new", event.Int(1), 0)
		if s.Len() != 51 {
			t.Errorf("%d entries are left", s.Len())
		}
		for e := range s.Iterate(t.Context(), "99") {
			if e.TTL != 50*time.Second {
				t.Errorf("%s has %s left", e.Key, e.TTL)
			}
		}
	})
}

func BenchmarkMemory(b *testing.B) {
	s := store.NewMemory(store.MemoryOptions{MaxEntries: 50_000})
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("GET http://inventory/hosts/%d", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for i := 0; p.Next(); i++ {
			k := keys[i*7919%len(keys)]
			if _, found, _ := s.Get(context.Background(), k); !found {
				_ = s.Set(context.Background(), store.Entry{Key: k, Value: event.Int(1), TTL: time.Minute})
			}
		}
	})
}
