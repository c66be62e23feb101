package onmemcache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/onmemcache/memcachetest"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func opened(t testing.TB, address string, e store.Encoding, log *slog.Logger) *Store {
	t.Helper()
	s := New(Options{Network: "tcp", Address: address, Timeout: 5 * time.Second, MaxConnections: 4}, e, log)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestMemcachedIsAStore(t *testing.T) {
	for _, e := range []store.Encoding{store.JSON, store.Raw} {
		t.Run(string(e), func(t *testing.T) {
			var m *memcachetest.Server
			storetest.Run(t, storetest.Backend{
				Open: func(t *testing.T) store.Store {
					m = memcachetest.Start(t, "")
					return opened(t, m.Addr(), e, quiet)
				},
				Pass: func(d time.Duration) { m.Pass(d) }, TextOnly: e == store.Raw,
			})
		})
	}
}

func TestTimesAreNotCutShort(t *testing.T) {
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, quiet)
	storetest.Put(t, s, "half", event.Int(1), 500*time.Millisecond)
	storetest.Put(t, s, "year", event.Int(1), 365*24*time.Hour)
	m.Pass(600 * time.Millisecond)
	storetest.Want(t, s, "half", "integer 1")
	m.Pass(360 * 24 * time.Hour)
	storetest.Want(t, s, "half", "")
	storetest.Want(t, s, "year", "integer 1")
	m.Pass(6 * 24 * time.Hour)
	storetest.Want(t, s, "year", "")
}

func TestWhatIsTooBigIsRefused(t *testing.T) {
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, quiet)
	err := s.Set(t.Context(), store.Entry{Key: "a", Value: event.Int(1)}, store.Entry{Key: "big", Value: event.String(strings.Repeat("x", memcachetest.MaxItem+1))}, store.Entry{Key: "b", Value: event.Int(1)})
	refused, _ := errors.AsType[*store.RefusedError](err)
	if refused == nil || fmt.Sprint(refused.Keys) != "[big]" {
		t.Errorf("got %v", err)
	}
	storetest.Want(t, s, "a", "integer 1")
	storetest.Want(t, s, "b", "integer 1")
}

func TestManyEntries(t *testing.T) {
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, quiet)
	var list []store.Entry
	var counts []store.Count
	for i := range 2500 {
		list = append(list, store.Entry{Key: fmt.Sprint("k", i), Value: event.String("x")})
		counts = append(counts, store.Count{Key: fmt.Sprint("c", i), By: int64(i)})
	}
	if err := s.Set(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	storetest.Want(t, s, "k2499", "string x")
	for range 2 {
		if n, err := s.Incr(t.Context(), time.Minute, counts...); err != nil || len(n) != 2500 {
			t.Fatal(n, err)
		}
	}
	storetest.Want(t, s, "c2499", "integer 4998")
	m.Busy(2)
	n := 0
	for range s.Iterate(t.Context(), "k") {
		n++
	}
	if n != 2500 {
		t.Errorf("%d entries", n)
	}
}

func TestABrokenConnectionIsReplaced(t *testing.T) {
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, quiet)
	storetest.Put(t, s, "a", event.Int(1), 0)
	m.Cut()
	storetest.Want(t, s, "a", "integer 1")
	m.Cut()
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, quiet)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { storetest.Want(t, s, "a", "") })
	}
	all.Wait()
	if n := m.Connections(); n > 4 {
		t.Errorf("%d connections", n)
	}
}

func TestNameAndPassword(t *testing.T) {
	m := memcachetest.Start(t, "brian secret")
	s := New(Options{Network: "tcp", Address: m.Addr(), Timeout: time.Second, MaxConnections: 1, Username: "brian", Password: "secret"}, store.JSON, quiet)
	defer s.Close()
	storetest.Put(t, s, "a", event.Int(1), 0)
	wrong := New(Options{Network: "tcp", Address: m.Addr(), Timeout: time.Second, MaxConnections: 1, Username: "brian", Password: "x"}, store.JSON, quiet)
	defer wrong.Close()
	if err := wrong.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "unauthenticated") {
		t.Errorf("got %v", err)
	}
}

func TestWhatOthersHaveWritten(t *testing.T) {
	var log strings.Builder
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, slog.New(slog.NewTextHandler(&log, nil)))
	m.Put("p:pickle", "16", "I5\n.")
	m.Put("p:named", fmt.Sprint(named), "\x05other1") // not its key
	m.Put("p:short", fmt.Sprint(named), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	m.Put("p:json", "0", `[1]`)
	for _, k := range []string{"p:pickle", "p:named", "p:short"} {
		storetest.Want(t, s, k, "")
	}
	storetest.Want(t, s, "p:json", "list [1]")
	if strings.Count(log.String(), "prefix=p:") != 1 {
		t.Error(log.String())
	}
	n := 0
	for e := range s.Iterate(t.Context(), "p:") {
		if n++; e.Key != "p:json" {
			t.Errorf("got %s", e.Key)
		}
	}
	if n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	m := memcachetest.Start(t, "")
	s := opened(t, m.Addr(), store.JSON, quiet)
	for _, answer := range []string{"SERVER_ERROR out of memory storing object", "ERROR", "nonsense", ""} {
		m.Answer(answer)
		if answer == "" {
			break
		}
		if err := s.Set(t.Context(), store.Entry{Key: "a"}); err == nil {
			t.Errorf("set: %q is no error", answer)
		}
		if _, _, err := s.Get(t.Context(), "a"); err == nil {
			t.Errorf("get: %q is no error", answer)
		}
		if err := s.Delete(t.Context(), "a"); err == nil {
			t.Errorf("delete: %q is no error", answer)
		}
		if _, err := s.Incr(t.Context(), 0, store.Count{Key: "a", By: 1}); err == nil {
			t.Errorf("incr: %q is no error", answer)
		}
		if _, err := s.Lock(t.Context(), "a", time.Second); err == nil {
			t.Errorf("lock: %q is no error", answer)
		}
		for _, err := range s.Iterate(t.Context(), "") {
			if err == nil {
				t.Errorf("iterate: %q is no error", answer)
			}
		}
	}
	storetest.Put(t, s, "a", event.Int(1), 0) // the connections still fit together
	storetest.Want(t, s, "a", "integer 1")
}

func TestNothingTakesLongerThanAllowed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := New(Options{Network: "tcp", Address: l.Addr().String(), Timeout: 50 * time.Millisecond, MaxConnections: 1}, store.JSON, quiet)
	defer s.Close()
	if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"VALUE a 0 5 7\r\nhello\r\nEND\r\n", "END\r\n", "VALUE a 0 99999999999 7\r\n", "VALUE a 0 5 7\r\nhelloEND\r\n", "key=a%20b exp=-1\r\nEND\r\n", "BUSY x\r\n", "SERVER_ERROR x\r\n", "STORED\r\n", "\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := func() *bufio.Reader { return bufio.NewReader(strings.NewReader(string(b))) }
		if v, err := readFound(r()); err == nil && v.ok {
			if len(v.data) > len(b) {
				t.Error("there is more than there was")
			}
			_, data, err := open("a", v)
			if err == nil {
				_, _ = store.NewCodec(store.JSON).Decode(data)
			}
		}
		_, _ = readKeys(r(), func(string) {})
		_, _ = readWord(r())
	})
}
