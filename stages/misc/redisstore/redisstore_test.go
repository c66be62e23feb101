package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
	"gambolputty/stages/misc/redisstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheModuleIsAStore(t *testing.T) {
	for name, options := range map[string]string{
		"plain": "", "buffered": "batch_size: 3\nstore_interval_in_secs: 20ms", "with a prefix": "key_prefix: 'gp:'\ndefault_ttl: 1h", "msgpack": "encoding: msgpack",
	} {
		t.Run(name, func(t *testing.T) {
			var m *miniredis.Miniredis
			storetest.Run(t, storetest.Backend{
				Open: func(t *testing.T) store.Store {
					m = miniredis.RunT(t)
					s, _ := storetest.Start(t, redisstore.Spec, "server: "+m.Addr()+"\n"+options)
					return s
				},
				Pass: func(d time.Duration) {
					if name == "buffered" { // what waits lives by another clock
						time.Sleep(100 * time.Millisecond)
					}
					m.FastForward(d)
				},
				NoBigInt: name == "msgpack",
			})
		})
	}
}

func TestPrefixAndTimeToLive(t *testing.T) {
	m := miniredis.RunT(t)
	s, _ := storetest.Start(t, redisstore.Spec, "server: "+m.Addr()+"\nkey_prefix: 'gp:'\ndefault_ttl: 1h")
	storetest.Put(t, s, "a", event.Int(1), 0)
	storetest.Put(t, s, "b", event.Int(1), time.Minute)
	if m.TTL("gp:a") != time.Hour || m.TTL("gp:b") != time.Minute {
		t.Errorf("got %s and %s", m.TTL("gp:a"), m.TTL("gp:b"))
	}
}

func TestWhatWaitsIsWrittenInTheEnd(t *testing.T) {
	m := miniredis.RunT(t)
	s, r := storetest.Start(t, redisstore.Spec, "server: "+m.Addr()+"\nbatch_size: 100\nstore_interval_in_secs: 1h")
	for i := range 10 {
		storetest.Put(t, s, fmt.Sprint(i), event.Int(1), 0)
	}
	storetest.Want(t, s, "7", "integer 1")
	if len(m.Keys()) != 0 {
		t.Errorf("%v was written already", m.Keys())
	}
	r.Stop()
	if len(m.Keys()) != 10 {
		t.Errorf("%v was written", m.Keys())
	}
}

func TestAServerThatIsAwayIsNoReasonNotToStart(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	m.Close()
	s, r := storetest.Start(t, redisstore.Spec, "server: "+address+"\nbatch_size: 1")
	if !strings.Contains(r.Log(), "level=ERROR") || !strings.Contains(r.Log(), "connection refused") {
		t.Error(r.Log())
	}
	if _, _, err := s.Get(t.Context(), "other"); err == nil {
		t.Error("a server that is away answers")
	}
	storetest.Put(t, s, "a", event.Int(1), 0) // waits
	storetest.Want(t, s, "a", "integer 1")
	if n := storetest.Counter(r, "RedisStore", "up"); n != 0 {
		t.Errorf("up is %d", n)
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	for !m.Exists("a") {
		time.Sleep(10 * time.Millisecond)
	}
	r.Logged("after") // it works again
	if n := storetest.Counter(r, "RedisStore", "up"); n != 1 {
		t.Errorf("up is %d", n)
	}
	if storetest.Counter(r, "RedisStore", "hits") == 0 || storetest.Counter(r, "RedisStore", "failed_operations") == 0 || storetest.Counter(r, "RedisStore", "written") != 1 {
		t.Error("nothing was counted")
	}
}

func TestAStrictStart(t *testing.T) {
	_, r := storetest.Start(t, redisstore.Spec, "server: '127.0.0.1:1'\nrequire_at_start: True")
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "redis at 127.0.0.1:1 does not answer") {
		t.Errorf("got %v", err)
	}
}

func TestAWrongPasswordIsToldOnce(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("secret")
	_, r := storetest.Start(t, redisstore.Spec, "server: "+m.Addr()+"\npassword: ${NO_SUCH_VARIABLE:-wrong}")
	time.Sleep(700 * time.Millisecond) // a second attempt
	if n := strings.Count(r.Log(), "WRONGPASS"); n != 1 || !strings.Contains(r.Log(), m.Addr()) {
		t.Errorf("told %d times: %s", n, r.Log())
	}
}

func TestACluster(t *testing.T) {
	k := redistest.NewCluster(t, 3, redisconn.Slot)
	s, _ := storetest.Start(t, redisstore.Spec, k.Seeds())
	for i := range 30 {
		storetest.Put(t, s, fmt.Sprint(i), event.Int(int64(i)), 0)
	}
	for i := range 30 {
		storetest.Want(t, s, fmt.Sprint(i), fmt.Sprint("integer ", i))
	}
	for i, m := range k.Servers {
		if len(m.Keys()) == 0 {
			t.Errorf("server %d has nothing", i)
		}
	}
}

func TestNothingIsReachedInADryRun(t *testing.T) {
	spec := redisstore.Spec
	feed := make(chan string)
	close(feed)
	r := actortest.StartDry(t, "- Lines\n- RedisStore: {server: '127.0.0.1:1', require_at_start: True}\n- TestCatch\n", spec, actortest.Lines(feed))
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, redisstore.Spec, map[string]string{
		"batch_size: 0": "at least 1", "server: null": "server: required", "backlog_size: 0": "at least 1", "when_full: explode": "block, drop", "encoding: pickle": "json, msgpack, raw", "server: 'a b'": "must be host",
	})
	for options, want := range map[string]string{
		"errors: ignore": "W105", "charset: latin-1": "only utf-8", "cluster: {a: b}\ndb: 3": "only database 0", "batch_size: 10\nbacklog_size: 5": "5 is used",
	} {
		if log := warnings(t, options); !strings.Contains(log, want) {
			t.Errorf("%s gives %q", options, log)
		}
	}
	for _, options := range []string{"", "errors: strict\ncharset: utf-8\ndecode_responses: True\nsocket_timeout: 5s\nport: 6380\ndb: 2\npassword: null\nunix_socket_path: null\ncluster: {}"} {
		if log := warnings(t, options); log != "" {
			t.Errorf("%s gives %q", options, log)
		}
	}
}

// warnings are the codes and texts of the warnings about options.
func warnings(t *testing.T, options string) string {
	t.Helper()
	return strings.Join(actortest.Warnings(t, redisstore.Spec, options), "\n")
}
