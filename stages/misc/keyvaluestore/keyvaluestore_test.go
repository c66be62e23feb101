package keyvaluestore

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/onmemcache/memcachetest"
	"gambolputty/stages/internal/store/storetest"
	"gambolputty/stages/misc/throttle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryBackendIsAStore(t *testing.T) {
	var m *miniredis.Miniredis
	var c *memcachetest.Server
	for name, b := range map[string]struct {
		options func(t *testing.T) string
		pass    func(time.Duration)
		bubble  bool
	}{
		"memory": {func(*testing.T) string { return "" }, time.Sleep, true},
		"redis": {func(t *testing.T) string {
			m = miniredis.RunT(t)
			return "backend: RedisStore\nserver: " + m.Addr()
		}, func(d time.Duration) { m.FastForward(d) }, false},
		"memcached": {func(t *testing.T) string {
			c = memcachetest.Start(t, "")
			return "backend: MemcacheStore\nserver: " + c.Addr()
		}, func(d time.Duration) { c.Pass(d) }, false},
		"disk": {func(t *testing.T) string { return "backend: DiskStore\npath: " + t.TempDir() }, time.Sleep, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, storetest.Backend{
				Open: func(t *testing.T) store.Store {
					s, _ := storetest.Start(t, Spec, b.options(t))
					return s
				},
				Pass: b.pass, Bubble: b.bubble,
			})
		})
	}
}

func TestTheReferencesExample(t *testing.T) {
	s, _ := storetest.Start(t, Spec, "")
	storetest.Put(t, s, "Gambol", event.String("Putty"), 0)
	storetest.Want(t, s, "Gambol", "string Putty")
	storetest.Put(t, s, "Gambol", storetest.Value(t, `{"Putty": {"Composer": true}}`), 0)
	storetest.Want(t, s, "Gambol", `map {"Putty":{"Composer":true}}`)
	if err := s.Delete(t.Context(), "Gambol"); err != nil {
		t.Fatal(err)
	}
	storetest.Want(t, s, "Gambol", "")
}

func TestADictionaryIsBounded(t *testing.T) {
	s, r := storetest.Start(t, Spec, "max_entries: 3\nmax_memory: 100000")
	for i := range 10 {
		storetest.Put(t, s, fmt.Sprint(i), event.Int(1), 0)
	}
	storetest.Want(t, s, "6", "")
	storetest.Want(t, s, "7", "integer 1")
	for name, want := range map[string]int64{"entries": 3, "evictions": 7, "hits": 1, "misses": 1} {
		if n := storetest.Counter(r, "KeyValueStore", name); n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
	s, _ = storetest.Start(t, Spec, "max_memory: 1000")
	storetest.Put(t, s, "a", event.String(strings.Repeat("x", 600)), 0)
	storetest.Put(t, s, "b", event.String(strings.Repeat("x", 600)), 0)
	storetest.Want(t, s, "a", "")
}

func TestStoresAreToldApartByTheirIDs(t *testing.T) {
	feed := make(chan string, 2)
	feed <- "a"
	feed <- "a"
	close(feed)
	r := actortest.Start(t, `
- Lines
- Cache
- KeyValueStore: {id: mine}
- KeyValueStore: {id: unused}
- Throttle: {key: $(data), backend: mine, max_count: 2}
- Throttle: {id: second, key: $(data), backend: Cache}
- TestCatch
`, Spec, throttle.Spec, actortest.Lines(feed))
	if out := r.Finish(); len(out) != 1 {
		t.Errorf("%d events passed", len(out))
	}
	for id, want := range map[string]int64{"Cache": 1, "mine": 1, "unused": 0} {
		if n := storetest.Counter(r, id, "entries"); n != want {
			t.Errorf("%s has %d entries", id, n)
		}
	}
}

func TestADefaultTimeToLive(t *testing.T) {
	s, _ := storetest.Start(t, Spec, "default_ttl: 10ms\nkey_prefix: x")
	storetest.Put(t, s, "a", event.Int(1), 0)
	storetest.Put(t, s, "b", event.Int(1), time.Hour)
	time.Sleep(15 * time.Millisecond)
	storetest.Want(t, s, "a", "")
	storetest.Want(t, s, "b", "integer 1")
}

func TestASnapshotOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	options := "max_entries: 3\nsnapshot_file: " + path
	s, r := storetest.Start(t, Spec, options)
	storetest.Put(t, s, "map", storetest.Value(t, `{"a": [1, 123456789012345678901234567890]}`), 0)
	storetest.Put(t, s, "bytes", event.ListOf(event.String("\xff")), time.Hour)
	storetest.Put(t, s, "short", event.Int(1), 30*time.Millisecond)
	storetest.Want(t, s, "map", `map {"a":[1,123456789012345678901234567890]}`) // so that it is the one used last
	r.Stop()
	time.Sleep(50 * time.Millisecond)
	s, r = storetest.Start(t, Spec, options)
	storetest.Want(t, s, "short", "")
	for e := range s.Iterate(t.Context(), "bytes") {
		if e.Value.List().At(0).Str() != "\xff" || e.TTL > time.Hour || e.TTL < 59*time.Minute {
			t.Errorf("got %s for %s", e.Value.Text(), e.TTL)
		}
	}
	storetest.Put(t, s, "x", event.Int(1), 0)
	storetest.Put(t, s, "y", event.Int(1), 0)
	storetest.Want(t, s, "bytes", "") // was used the longest time ago
	storetest.Want(t, s, "map", `map {"a":[1,123456789012345678901234567890]}`)
	r.Stop()
	if rest, _ := filepath.Glob(path + "*tmp"); len(rest) > 0 {
		t.Errorf("left over: %v", rest)
	}
}

func TestASnapshotThatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	s, r := storetest.Start(t, Spec, "snapshot_file: "+path)
	storetest.Put(t, s, "a", event.Int(1), 0)
	storetest.Put(t, s, "b", event.Int(2), 0)
	r.Stop()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	s, r = storetest.Start(t, Spec, "snapshot_file: "+path)
	storetest.Want(t, s, "a", "integer 1")
	storetest.Want(t, s, "b", "")
	if !strings.Contains(r.Log(), "snapshot cannot be read to its end") {
		t.Error(r.Log())
	}
	_, r = storetest.Start(t, Spec, "snapshot_file: "+filepath.Join(path, "no"))
	if err := r.Err(); !errors.Is(err, actor.ErrStart) {
		t.Errorf("a file that cannot be written gives %v", err)
	}
}

func TestASnapshotIsWrittenOnceInAWhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	s, r := storetest.Start(t, Spec, "snapshot_interval: 1\nsnapshot_file: "+path)
	storetest.Put(t, s, "a", event.Int(1), 0)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "a") && len(text) > len(magic) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("nothing was written: %q\n%s", text, r.Log())
		}
	}
}

func TestWhatWaitsIsWrittenInTheEnd(t *testing.T) {
	c := memcachetest.Start(t, "")
	s, r := storetest.Start(t, Spec, "backend: MemcacheStore\nserver: "+c.Addr()+"\nstore_interval_in_secs: 1h")
	storetest.Put(t, s, "a", event.Int(1), 0)
	r.Stop()
	s, _ = storetest.Start(t, Spec, "backend: MemcacheStore\nserver: "+c.Addr())
	storetest.Want(t, s, "a", "integer 1")
}

func TestADirectoryThatCannotBeUsed(t *testing.T) {
	_, r := storetest.Start(t, Spec, "backend: DiskStore\npath: /nowhere/at/all")
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "/nowhere/at/all") {
		t.Errorf("got %v", err)
	}
}

func TestAServerWithoutAPort(t *testing.T) {
	for options, want := range map[string]string{
		"backend: MemcacheStore\nserver: localhost": "localhost:11211", "backend: MemcacheStore\nserver: localhost\nport: 6379": "localhost:6379",
		"backend: MemcacheStore\nserver: 'localhost:1'\nport: 6379": "localhost:1", "backend: MemcacheStore\nserver: '[::1]'": "[::1]:11211",
		"backend: MemcacheStore\nserver: unix:///run/m": "/run/m", "backend: MemcacheStore\nunix_socket_path: /run/m": "/run/m",
		"backend: RedisStore\nserver: localhost": "localhost:6379",
	} {
		_, r := storetest.Start(t, Spec, options+"\nsocket_timeout: 100ms\nrequire_at_start: True")
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), " at "+want+" does not answer") && !strings.Contains(err.Error(), " at "+want) {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, Spec, map[string]string{
		"backend: Riak": "DictStore, RedisStore, MemcacheStore, DiskStore", "backend: RedisStor": `did you mean "RedisStore"?`,
		"backend: RedisStore": "server: required", "backend: MemcacheStore": "server: required", "backend: DiskStore": "path: required",
		"backend: MemcacheStore\nserver: a\npassword: ${X:-x}": "username: required", "max_entries: 0": "at least 1", "snapshot_interval: 0": "at least 1s",
	})
	for options, want := range map[string]string{
		"server: a": "server: has no effect with the backend DictStore", "backend: RedisStore\nserver: a\nmax_entries: 5": "max_entries",
		"backend: MemcacheStore\nserver: a\ndb: 3": "db: has no effect", "backend: DiskStore\npath: x\ntls: True": "tls: has no effect", "encoding: raw": "encoding",
	} {
		if got := strings.Join(actortest.Warnings(t, Spec, options), "\n"); !strings.Contains(got, "W105") || !strings.Contains(got, want) {
			t.Errorf("%s gives %q", options, got)
		}
	}
	for _, options := range []string{
		"", "backend: RedisStore\ncluster: {a: }", "backend: RedisStore\nurl: redis://a", "backend: RedisStore\nunix_socket_path: /x", "backend: MemcacheStore\nunix_socket_path: /x",
	} {
		if got := actortest.Warnings(t, Spec, options); len(got) > 0 || actortest.Options(t, Spec, options) != nil {
			t.Errorf("%s gives %q, %v", options, got, actortest.Options(t, Spec, options))
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\x00j\x01a\x011"))
	f.Add([]byte(magic + "\x00m\x01a\x02\xa1x"))
	f.Add([]byte(magic + "\x00j\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := store.NewMemory(store.MemoryOptions{})
		n, _ := read(bufio.NewReader(strings.NewReader(string(b))), m)
		if m.Len() > n || n > len(b) {
			t.Errorf("%d entries of %d", m.Len(), n)
		}
	})
}
