//go:build integration

package onmemcache

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

// real starts a memcached on a socket of its own.
func real(t *testing.T) *Store {
	t.Helper()
	return New(Options{Network: "unix", Address: start(t), Timeout: 5 * time.Second, MaxConnections: 4}, store.JSON, quiet)
}

func start(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("memcached", append([]string{"-s", path, "-u", me.Username}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start memcached, which .ci/services installs: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 200 {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return path
}

func TestIntegrationMemcachedIsAStore(t *testing.T) {
	storetest.Run(t, storetest.Backend{
		Open: func(t *testing.T) store.Store {
			s := real(t)
			t.Cleanup(func() { s.Close() })
			return s
		},
		Pass: time.Sleep, Second: 3 * time.Second,
	})
}

func TestIntegrationNameAndPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte("brian:naughty\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := start(t, "-Y", file)
	for password, want := range map[string]bool{"naughty": true, "boy": false} {
		s := New(Options{Network: "unix", Address: path, Timeout: 5 * time.Second, MaxConnections: 1, Username: "brian", Password: password}, store.JSON, quiet)
		if err := s.Ping(t.Context()); (err == nil) != want {
			t.Errorf("%s gives %v", password, err)
		}
		s.Close()
	}
}

func TestIntegrationWhatIsTooBigIsRefused(t *testing.T) {
	s := real(t)
	defer s.Close()
	err := s.Set(t.Context(), store.Entry{Key: "big", Value: event.String(strings.Repeat("x", 2<<20))}, store.Entry{Key: "a", Value: event.Int(1)})
	if _, ok := err.(*store.RefusedError); !ok {
		t.Errorf("got %v", err)
	}
	storetest.Want(t, s, "a", "integer 1")
}
