package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

// broken is a store that fails at will and notes the writes.
type broken struct {
	*store.Memory
	mu     sync.Mutex
	err    error
	writes []int
	slow   chan struct{} // every write waits for it
}

func (b *broken) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) state() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Set fails or writes.
func (b *broken) Set(ctx context.Context, entries ...store.Entry) error {
	if b.slow != nil {
		select {
		case <-b.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := b.state()
	b.mu.Lock()
	b.writes = append(b.writes, len(entries))
	b.mu.Unlock()
	if refused, ok := errors.AsType[*store.RefusedError](err); ok {
		for _, e := range entries {
			if e.Key != refused.Keys[0] {
				_ = b.Memory.Set(ctx, e)
			}
		}
		return err
	}
	if err != nil {
		return err
	}
	return b.Memory.Set(ctx, entries...)
}

// Get fails or reads.
func (b *broken) Get(ctx context.Context, key string) (event.Value, bool, error) {
	if err := b.state(); err != nil {
		return event.Null, false, err
	}
	return b.Memory.Get(ctx, key)
}

// Delete fails or deletes.
func (b *broken) Delete(ctx context.Context, keys ...string) error {
	if err := b.state(); err != nil {
		return err
	}
	return b.Memory.Delete(ctx, keys...)
}

func (b *broken) log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.writes)
}

// Lock is there all the time.
func (b *broken) Lock(ctx context.Context, name string, d time.Duration) (func(context.Context) error, error) {
	return b.Memory.Lock(ctx, name, d)
}

// Iterate too.
func (b *broken) Iterate(ctx context.Context, p string) iter.Seq2[store.Entry, error] {
	return b.Memory.Iterate(ctx, p)
}

var errAway = errors.New("the store is away")

// buffered runs f with a buffer in front of a store that can be made to fail.
func buffered(t *testing.T, o store.BufferOptions, f func(t *testing.T, b *store.Buffer, under *broken)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		under := &broken{Memory: store.NewMemory(store.MemoryOptions{})}
		if o.Timeout = 10 * time.Second; o.Backlog == 0 {
			o.Backlog = 100
		}
		b := store.NewBuffer(under, o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.Run(ctx); close(done) }()
		f(t, b, under)
		cancel()
		<-done
	})
}

func TestABufferIsWrittenWhenItIsFull(t *testing.T) {
	buffered(t, store.BufferOptions{BatchSize: 3}, func(t *testing.T, b *store.Buffer, under *broken) {
		for i := range 7 {
			storetest.Put(t, b, fmt.Sprint(i), event.Int(int64(i)), time.Minute)
		}
		synctest.Wait()
		if under.log() != "[3 3]" || b.Len() != 1 {
			t.Errorf("writes %s, %d wait", under.log(), b.Len())
		}
		time.Sleep(4900 * time.Millisecond)
		synctest.Wait()
		if under.log() != "[3 3]" {
			t.Errorf("writes %s", under.log())
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if under.log() != "[3 3 1]" || b.Len() != 0 {
			t.Errorf("writes %s, %d wait", under.log(), b.Len())
		}
		time.Sleep(54 * time.Second)
		storetest.Want(t, under, "6", "integer 6")
		time.Sleep(time.Second) // the time counts from Set, not from the write
		storetest.Want(t, under, "6", "")
	})
}

func TestABufferIsWrittenAfterTheInterval(t *testing.T) {
	buffered(t, store.BufferOptions{Interval: 2 * time.Second}, func(t *testing.T, b *store.Buffer, under *broken) {
		storetest.Put(t, b, "a", event.Int(1), 0)
		for range 10 { // which does not put it off
			time.Sleep(199 * time.Millisecond)
			storetest.Put(t, b, "a", event.Int(2), 0)
		}
		storetest.Put(t, b, "b", event.Int(1), time.Second)
		storetest.Want(t, b, "b", "integer 1")
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		storetest.Want(t, under, "a", "integer 2")
		if under.log() != "[2]" {
			t.Errorf("writes %s", under.log())
		}
		storetest.Put(t, b, "short", event.Int(1), time.Second)
		time.Sleep(1100 * time.Millisecond)
		storetest.Want(t, b, "short", "") // over before it was written
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if under.log() != "[2]" || b.Len() != 0 {
			t.Errorf("writes %s, %d wait", under.log(), b.Len())
		}
	})
}

func TestReadersSeeWhatWaits(t *testing.T) {
	buffered(t, store.BufferOptions{Interval: time.Hour}, func(t *testing.T, b *store.Buffer, under *broken) {
		storetest.Put(t, under, "a", event.String("old"), 0)
		storetest.Put(t, under, "b", event.String("old"), 0)
		storetest.Put(t, under, "only", event.String("old"), 0)
		for _, k := range []string{"a", "b", "c", "d"} {
			storetest.Put(t, b, k, event.String("new"), 0)
		}
		storetest.Want(t, b, "a", "string new")
		storetest.Want(t, b, "only", "string old")
		if v, found, err := b.Pop(t.Context(), "a"); !found || err != nil || v.Str() != "new" {
			t.Errorf("popped %s, %v", v.Text(), err)
		}
		if err := b.Delete(t.Context(), "b", "c"); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"a", "b", "c"} {
			storetest.Want(t, b, k, "")
			storetest.Want(t, under, k, "")
		}
		seen := map[string]string{}
		for e := range b.Iterate(t.Context(), "") {
			seen[e.Key] += e.Value.Str()
		}
		if fmt.Sprint(seen) != "map[d:new only:old]" {
			t.Errorf("got %v", seen)
		}
		if err := b.Flush(t.Context()); err != nil || b.Len() != 0 {
			t.Errorf("%d wait, %v", b.Len(), err)
		}
		storetest.Want(t, under, "d", "string new")
	})
}

func TestSetBlocksWhileTheBacklogIsFull(t *testing.T) {
	buffered(t, store.BufferOptions{BatchSize: 10, Backlog: 2}, func(t *testing.T, b *store.Buffer, under *broken) {
		under.set(errAway)
		storetest.Put(t, b, "a", event.Int(1), 0)
		storetest.Put(t, b, "b", event.Int(1), 0)
		storetest.Put(t, b, "a", event.Int(2), 0) // there is room for that
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Set(ctx, store.Entry{Key: "c", Value: event.Int(1)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		done := make(chan error)
		go func() { done <- b.Set(t.Context(), store.Entry{Key: "c", Value: event.Int(1)}) }()
		time.Sleep(time.Minute)
		under.set(nil)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		storetest.Want(t, under, "a", "integer 2")
	})
}

func TestAFullBacklogMayDrop(t *testing.T) {
	counted := map[string]int{}
	o := store.BufferOptions{BatchSize: 10, Backlog: 2, Drop: true, Count: func(name string, n int) { counted[name] += n }}
	buffered(t, o, func(t *testing.T, b *store.Buffer, under *broken) {
		under.set(errAway)
		for _, k := range []string{"a", "b", "c", "d"} {
			storetest.Put(t, b, k, event.Int(1), 0)
		}
		if counted["dropped"] != 2 || b.Len() != 2 {
			t.Errorf("counted %v, %d wait", counted, b.Len())
		}
	})
}

func TestAWriteThatFailsIsTriedAgain(t *testing.T) {
	failures, works := 0, 0
	o := store.BufferOptions{BatchSize: 2, Failed: func(error) { failures++ }, Works: func() { works++ }}
	buffered(t, o, func(t *testing.T, b *store.Buffer, under *broken) {
		under.set(errAway)
		storetest.Put(t, b, "a", event.Int(1), 0)
		storetest.Put(t, b, "b", event.Int(1), 0)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if failures < 7 || failures > 12 || b.Len() != 2 { // half a second, doubled up to thirty
			t.Errorf("%d failures, %d wait", failures, b.Len())
		}
		storetest.Want(t, b, "a", "integer 1") // also now
		if err := b.Delete(t.Context(), "b"); err == nil {
			t.Error("b was deleted in a store that is away")
		}
		storetest.Put(t, b, "a", event.Int(2), 0)
		if _, _, err := b.Pop(t.Context(), "a"); err == nil {
			t.Error("a was popped from a store that is away")
		}
		storetest.Want(t, b, "a", "integer 2")
		under.set(nil)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		storetest.Want(t, under, "a", "integer 2")
		if b.Len() != 0 || works == 0 {
			t.Errorf("%d wait", b.Len())
		}
	})
}

func TestWhatIsRefusedIsInNobodysWay(t *testing.T) {
	var refused []string
	o := store.BufferOptions{BatchSize: 2, Refused: func(r *store.RefusedError) { refused = append(refused, r.Keys...) }}
	buffered(t, o, func(t *testing.T, b *store.Buffer, under *broken) {
		under.set(&store.RefusedError{Keys: []string{"big"}, Err: errors.New("too big")})
		storetest.Put(t, b, "big", event.Int(1), 0)
		storetest.Put(t, b, "small", event.Int(1), 0)
		synctest.Wait()
		storetest.Want(t, under.Memory, "small", "integer 1")
		if b.Len() != 0 || fmt.Sprint(refused) != "[big]" {
			t.Errorf("%d wait, refused %v", b.Len(), refused)
		}
	})
}

func TestADeleteWaitsForTheWriteUnderWay(t *testing.T) {
	buffered(t, store.BufferOptions{BatchSize: 1}, func(t *testing.T, b *store.Buffer, under *broken) {
		under.slow = make(chan struct{})
		storetest.Put(t, b, "a", event.Int(1), 0)
		synctest.Wait()
		storetest.Put(t, b, "a", event.Int(2), 0) // the write under way is not touched
		done := make(chan error)
		go func() { done <- b.Delete(t.Context(), "a") }()
		synctest.Wait()
		close(under.slow)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		storetest.Want(t, b, "a", "")
		storetest.Want(t, under, "a", "")
	})
}

func TestWhatIsSetAfterDeletesIsWritten(t *testing.T) {
	for deletes := range 60 { // with some of them, the last Set tidies up
		under := &broken{Memory: store.NewMemory(store.MemoryOptions{})}
		b := store.NewBuffer(under, store.BufferOptions{BatchSize: 1000, Backlog: 1000, Timeout: time.Second})
		for range deletes {
			storetest.Put(t, b, "a", event.Int(1), 0)
			if err := b.Delete(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		storetest.Put(t, b, "a", event.Int(2), 0)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := b.Flush(ctx); err != nil || under.log() != "[1]" {
			t.Errorf("after %d deletes: writes %s, %v", deletes, under.log(), err)
		}
		cancel()
	}
}

func TestTheQueueDoesNotGrowWithWhatIsDeleted(t *testing.T) {
	buffered(t, store.BufferOptions{Interval: time.Hour}, func(t *testing.T, b *store.Buffer, under *broken) {
		for range 10_000 {
			storetest.Put(t, b, "a", event.Int(1), 0)
			if err := b.Delete(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		storetest.Put(t, b, "a", event.Int(1), 0)
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		if under.log() != "[1]" {
			t.Errorf("writes %s", under.log())
		}
	})
}
