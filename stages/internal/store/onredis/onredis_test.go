package onredis_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/onredis"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, e store.Encoding, log *slog.Logger, change func(*redisconn.Options)) *onredis.Store {
	t.Helper()
	o := redisconn.Defaults
	change(&o)
	c, err := o.New(log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return onredis.New(c, e, log)
}

var quiet = slog.New(slog.DiscardHandler)

func TestRedisIsAStore(t *testing.T) {
	for _, e := range []store.Encoding{store.JSON, store.Raw} {
		t.Run(string(e), func(t *testing.T) {
			var m *miniredis.Miniredis
			storetest.Run(t, storetest.Backend{
				Open: func(t *testing.T) store.Store {
					m = miniredis.RunT(t)
					return open(t, e, quiet, func(o *redisconn.Options) { o.Server = m.Addr() })
				},
				Pass: func(d time.Duration) { m.FastForward(d) }, TextOnly: e == store.Raw,
			})
		})
	}
}

func TestAClusterIsAStore(t *testing.T) {
	var k *redistest.Cluster
	storetest.Run(t, storetest.Backend{
		Open: func(t *testing.T) store.Store {
			k = redistest.NewCluster(t, 3, redisconn.Slot)
			return open(t, store.JSON, quiet, func(o *redisconn.Options) { o.Cluster = redisconn.Nodes{k.Addr(0)} })
		},
		Pass: func(d time.Duration) {
			for _, s := range k.Servers {
				s.FastForward(d)
			}
		},
	})
}

func TestWhatOthersHaveWritten(t *testing.T) {
	var log strings.Builder
	m := miniredis.RunT(t)
	s := open(t, store.JSON, slog.New(slog.NewTextHandler(&log, nil)), func(o *redisconn.Options) { o.Server = m.Addr() })
	m.Set("p:pickle", "(dp0\nS'a'\np1\nI1\ns.")
	m.Set("p:more", "cos\nsystem\n(S'true'\ntR.")
	m.Push("p:list", "x")
	m.Set("p:json", `{"a": [1]}`)
	for _, k := range []string{"p:pickle", "p:more", "p:list"} {
		storetest.Want(t, s, k, "")
	}
	storetest.Want(t, s, "p:json", `map {"a":[1]}`)
	n := 0
	for e, err := range s.Iterate(t.Context(), "p:") {
		if n++; err != nil || e.Key != "p:json" {
			t.Errorf("got %s, %v", e.Key, err)
		}
	}
	if n != 1 || strings.Count(log.String(), "prefix=p:") != 1 {
		t.Errorf("%d entries, log:\n%s", n, log.String())
	}
}

func TestManyEntriesTakeOneRoundTrip(t *testing.T) {
	m := miniredis.RunT(t)
	s := open(t, store.JSON, quiet, func(o *redisconn.Options) { o.Server = m.Addr() })
	var list []store.Entry
	for i := range 1000 {
		list = append(list, store.Entry{Key: fmt.Sprint(i), Value: event.Int(int64(i)), TTL: time.Minute})
	}
	if err := s.Set(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	if n := len(m.Keys()); n != 1000 || m.TTL("7") != time.Minute {
		t.Errorf("%d keys, %s", n, m.TTL("7"))
	}
}

func TestAnErrorOfTheServerIsOne(t *testing.T) {
	m := miniredis.RunT(t)
	s := open(t, store.JSON, quiet, func(o *redisconn.Options) { o.Server = m.Addr() })
	m.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	if err := s.Set(t.Context(), store.Entry{Key: "a"}); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("got %v", err)
	}
	if _, _, err := s.Get(t.Context(), "a"); err == nil {
		t.Error("a server in trouble has no value")
	}
	for _, err := range s.Iterate(t.Context(), "") {
		if err == nil {
			t.Error("a server in trouble has entries")
		}
	}
	if _, err := s.Lock(t.Context(), "a", time.Second); err == nil {
		t.Error("a server in trouble has locks")
	}
	m.SetError("")
	m.Close()
	if err := s.Delete(t.Context(), "a"); err == nil {
		t.Error("a server that is away has deleted something")
	}
	if _, err := s.Incr(t.Context(), 0, store.Count{Key: "a", By: 1}); err == nil || errors.Is(err, store.ErrNotCounter) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkSet(b *testing.B) {
	m := miniredis.RunT(b)
	s := open(b, store.JSON, quiet, func(o *redisconn.Options) { o.Server = m.Addr() })
	v := storetest.Value(b, `{"host": "web01", "roles": ["www", "cache"], "rack": 17}`)
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			list := make([]store.Entry, n)
			for i := range list {
				list[i] = store.Entry{Key: fmt.Sprint("inv:", i), Value: v, TTL: time.Minute}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Set(b.Context(), list...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
		})
	}
}
