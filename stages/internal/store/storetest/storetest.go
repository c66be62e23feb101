// Package storetest checks that a store does what the interface promises.
package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// Backend is what to check.
type Backend struct {
	// Open makes an empty store, which the test ends.
	Open func(t *testing.T) store.Store
	// Pass lets time go by for the store.
	Pass func(time.Duration)
	// Bubble says that the store lives by the clock of package synctest.
	Bubble bool
	// TextOnly says that all values come back as text.
	TextOnly bool
}

// Run runs all checks.
func Run(t *testing.T, b Backend) {
	checks := map[string]func(*testing.T, Backend, store.Store){
		"set and get": setAndGet, "types": types, "delete": deletes, "ttl": vanishes, "pop": pops, "pop by many": popsByMany,
		"incr": counts, "incr by many": countsByMany, "iterate": iterates, "odd keys": oddKeys,
		"lock": locks, "lock of another": lockOfAnother,
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			run := func(t *testing.T) { check(t, b, b.Open(t)) }
			if b.Bubble {
				synctest.Test(t, run)
				return
			}
			run(t)
		})
	}
}

// Value makes a value of JSON text.
func Value(t testing.TB, text string) event.Value {
	t.Helper()
	v, _, err := new(event.Decoder).Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Put sets one entry.
func Put(t testing.TB, s store.Store, key string, v event.Value, ttl time.Duration) {
	t.Helper()
	if err := s.Set(t.Context(), store.Entry{Key: key, Value: v, TTL: ttl}); err != nil {
		t.Fatalf("set %s: %v", key, err)
	}
}

// Want checks what is under a key; "" is nothing.
func Want(t testing.TB, s store.Store, key, want string) {
	t.Helper()
	v, found, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	check(t, key, v, found, want)
}

func check(t testing.TB, key string, v event.Value, found bool, want string) {
	t.Helper()
	got := ""
	if found {
		got = v.Kind().String() + " " + v.Text()
	}
	if got != want {
		t.Errorf("%s is %q, want %q", key, got, want)
	}
}

func setAndGet(t *testing.T, _ Backend, s store.Store) {
	Want(t, s, "Gambol", "")
	Put(t, s, "Gambol", event.String("Putty"), 0)
	Want(t, s, "Gambol", "string Putty")
	Put(t, s, "Gambol", event.String("Spam"), 0)
	Want(t, s, "Gambol", "string Spam")
	many := []store.Entry{{Key: "a", Value: event.String("1")}, {Key: "b", Value: event.String("2"), TTL: time.Hour}, {Key: "c", Value: event.String("3")}}
	if err := s.Set(t.Context(), many...); err != nil {
		t.Fatal(err)
	}
	Want(t, s, "a", "string 1")
	Want(t, s, "b", "string 2")
	Want(t, s, "c", "string 3")
	if err := s.Set(t.Context()); err != nil {
		t.Errorf("setting nothing gives %v", err)
	}
}

func types(t *testing.T, b Backend, s store.Store) {
	for text, want := range map[string]string{
		`"Putty"`: "string Putty", `""`: "string ", `"5"`: "string 5", `"Grüße\n\u0000"`: "string Grüße\n\x00", `5`: "integer 5", `-7`: "integer -7", `48`: "integer 48",
		`9007199254740993`: "integer 9007199254740993", `123456789012345678901234567890`: "integer 123456789012345678901234567890",
		`0.25`: "float 0.25", `1.0`: "float 1.0", `true`: "boolean True", `false`: "boolean False", `null`: "null None",
		`[]`: "list []", `["a",[1,{}]]`: `list ["a",[1,{}]]`, `{"Putty": {"Composer": true}}`: `map {"Putty":{"Composer":true}}`,
	} {
		if text == `123456789012345678901234567890` && b.TextOnly {
			continue
		}
		Put(t, s, "k", Value(t, text), time.Minute)
		if b.TextOnly {
			want = "string " + Value(t, text).Text()
		}
		Want(t, s, "k", want)
	}
}

func deletes(t *testing.T, _ Backend, s store.Store) {
	for _, k := range []string{"a", "b", "c"} {
		Put(t, s, k, event.Int(1), 0)
	}
	if err := s.Delete(t.Context(), "a", "never there", "b"); err != nil {
		t.Fatal(err)
	}
	Want(t, s, "a", "")
	Want(t, s, "b", "")
	if _, found, _ := s.Get(t.Context(), "c"); !found {
		t.Error("c is gone too")
	}
	if err := s.Delete(t.Context()); err != nil {
		t.Errorf("deleting nothing gives %v", err)
	}
}

func vanishes(t *testing.T, b Backend, s store.Store) {
	Put(t, s, "short", event.String("x"), time.Second)
	Put(t, s, "long", event.String("x"), time.Hour)
	Put(t, s, "ever", event.String("x"), 0)
	Put(t, s, "renewed", event.String("x"), time.Second)
	Put(t, s, "renewed", event.String("x"), 0)
	Want(t, s, "short", "string x")
	b.Pass(1100 * time.Millisecond)
	Want(t, s, "short", "")
	Want(t, s, "long", "string x")
	Want(t, s, "ever", "string x")
	Want(t, s, "renewed", "string x")
	if _, found, err := s.Pop(t.Context(), "short"); found || err != nil {
		t.Errorf("what is over can be popped: %v", err)
	}
}

func pops(t *testing.T, _ Backend, s store.Store) {
	Put(t, s, "k", event.String("x"), time.Minute)
	v, found, err := s.Pop(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "k", v, found, "string x")
	Want(t, s, "k", "")
	if _, found, err := s.Pop(t.Context(), "k"); found || err != nil {
		t.Errorf("popping nothing gives %t, %v", found, err)
	}
}

func popsByMany(t *testing.T, _ Backend, s store.Store) {
	Put(t, s, "k", event.String("x"), 0)
	var mu sync.Mutex
	got := 0
	together(t, 8, func() error {
		_, found, err := s.Pop(t.Context(), "k")
		mu.Lock()
		defer mu.Unlock()
		if found {
			got++
		}
		return err
	})
	if got != 1 {
		t.Errorf("%d of 8 got the value", got)
	}
}

func together(t *testing.T, n int, f func() error) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func counts(t *testing.T, b Backend, s store.Store) {
	incr := func(want int64, key string, by int64) {
		t.Helper()
		n, err := s.Incr(t.Context(), 2*time.Second, store.Count{Key: key, By: by})
		if err != nil || n[0] != want {
			t.Fatalf("%s is %v, %v, want %d", key, n, err, want)
		}
	}
	incr(1, "n", 1)
	incr(5, "n", 4)
	n, err := s.Incr(t.Context(), 2*time.Second, store.Count{Key: "n", By: 1}, store.Count{Key: "m", By: 7})
	if err != nil || !slices.Equal(n, []int64{6, 7}) {
		t.Fatalf("got %v, %v", n, err)
	}
	if v, found, err := s.Get(t.Context(), "n"); !found || err != nil || v.Text() != "6" {
		t.Errorf("a counter reads as %s, %t, %v", v.Text(), found, err)
	}
	Put(t, s, "set", event.Int(41), time.Minute)
	incr(42, "set", 1)
	b.Pass(1500 * time.Millisecond)
	incr(7, "n", 1) // which does not prolong its time
	b.Pass(time.Second)
	incr(1, "n", 1)
	Put(t, s, "text", event.String("spam"), time.Minute)
	if n, err := s.Incr(t.Context(), time.Minute, store.Count{Key: "text", By: 1}); err == nil {
		t.Errorf("text was counted up to %v", n)
	}
}

func countsByMany(t *testing.T, _ Backend, s store.Store) {
	together(t, 8, func() error {
		for range 25 {
			if _, err := s.Incr(t.Context(), time.Minute, store.Count{Key: "n", By: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	n, err := s.Incr(t.Context(), time.Minute, store.Count{Key: "n", By: 0})
	if err != nil || n[0] != 200 {
		t.Errorf("got %v, %v", n, err)
	}
}

func iterates(t *testing.T, b Backend, s store.Store) {
	want := map[string]bool{}
	for i := range 50 {
		k := fmt.Sprintf("p:%02d", i)
		Put(t, s, k, event.String(k), 0)
		want[k] = true
	}
	Put(t, s, "q:1", event.String("x"), 0)
	Put(t, s, "p:over", event.String("x"), time.Second)
	Put(t, s, "p:*[", event.String("p:*["), time.Hour)
	want["p:*["] = true
	b.Pass(1100 * time.Millisecond)
	for e, err := range s.Iterate(t.Context(), "p:") {
		if err != nil {
			t.Fatal(err)
		}
		if !want[e.Key] || e.Value.Str() != e.Key {
			t.Errorf("got %q = %s", e.Key, e.Value.Text())
		}
		delete(want, e.Key)
		if err := s.Delete(t.Context(), e.Key); err != nil { // within the loop
			t.Fatal(err)
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
	for range s.Iterate(t.Context(), "") {
		break
	}
	Put(t, s, "*:1", event.String("x"), 0)
	for e := range s.Iterate(t.Context(), "*") {
		if e.Key != "*:1" {
			t.Errorf("%q begins with no *", e.Key)
		}
	}
}

func oddKeys(t *testing.T, _ Backend, s store.Store) {
	long := string(slices.Repeat([]byte("long"), 200))
	keys := []string{"with blanks and\ttabs\r\n", "Grüße", "\xff\x00\x01", long, long + "er", "with blanks"}
	for i, k := range keys {
		Put(t, s, k, event.String(fmt.Sprint(i)), time.Minute)
	}
	for i, k := range keys {
		Want(t, s, k, fmt.Sprint("string ", i))
	}
	var got []string
	for e, err := range s.Iterate(t.Context(), "with") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Key)
	}
	slices.SortFunc(got, cmp.Compare)
	if !slices.Equal(got, []string{"with blanks", "with blanks and\ttabs\r\n"}) {
		t.Errorf("got %q", got)
	}
	if err := s.Delete(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	Want(t, s, long, "")
}

func locks(t *testing.T, _ Backend, s store.Store) {
	inside := 0
	together(t, 6, func() error {
		for range 5 {
			unlock, err := s.Lock(t.Context(), "door", time.Minute)
			if err != nil {
				return err
			}
			inside++ // the race detector looks at it
			if err := unlock(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
	if inside != 30 {
		t.Errorf("%d were inside", inside)
	}
	unlock, err := s.Lock(t.Context(), "door", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Lock(t.Context(), "window", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	Want(t, s, "door", "") // a lock is no value
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx, "door", time.Minute); err == nil {
		t.Error("a lock that is held can be taken")
	}
	if err := errors.Join(unlock(t.Context()), other(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func lockOfAnother(t *testing.T, b Backend, s store.Store) {
	late, err := s.Lock(t.Context(), "door", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	b.Pass(1100 * time.Millisecond)
	unlock, err := s.Lock(t.Context(), "door", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := late(t.Context()); err != nil {
		t.Errorf("an unlock that comes too late gives %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx, "door", time.Minute); err == nil {
		t.Error("the lock of another was freed")
	}
	if err := unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
}
