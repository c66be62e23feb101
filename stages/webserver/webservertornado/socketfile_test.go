package webservertornado_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/webserver/webservertornado"
)

// overSocket makes requests over a Unix socket.
func overSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// probing asks for /readyz when it is opened and when it is closed.
type probing struct{ opened, closed chan string }

func (p probing) look(into chan string, path string) {
	res, err := overSocket(path).Get("http://localhost/readyz")
	if err != nil {
		into <- err.Error()
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		into <- err.Error()
		return
	}
	into <- string(text)
}

func TestAUnixSocketIsForOwnerAndGroupAndGoesWithTheServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	text := "- WebserverTornado: {interface: 'unix:" + path + "', access_log: True}\n- Lines\n- TestCatch\n"
	r := actortest.Start(t, text, webservertornado.Spec, actortest.Lines(make(chan string)))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Fatalf("%v %v", info, err)
	}
	q, err := http.NewRequest(http.MethodGet, "http://whatever.example/api/v1/modules", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := overSocket(path).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Error(res.Status)
	}
	taken := actortest.Start(t, text, webservertornado.Spec, actortest.Lines(make(chan string)))
	if err := taken.Err(); err == nil || !strings.Contains(err.Error(), "another process listens on "+path) {
		t.Error(err)
	}
	r.Stop()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the file of the socket is still there")
	}
	if !strings.Contains(r.Log(), "peer=socket") {
		t.Error(r.Log())
	}
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("spam"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := actortest.Start(t, "- WebserverTornado: {interface: 'unix:"+path+"'}\n- Lines\n- TestCatch\n", webservertornado.Spec, actortest.Lines(make(chan string)))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "exists and is no socket") {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "spam" {
		t.Errorf("%v %s", err, text)
	}
}

func TestReadinessIsDeniedBeforeAndAfter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	p := probing{make(chan string, 1), make(chan string, 1)}
	slow := actor.DefineSink(actor.Info{Name: "Slow", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) {
		return slowSink{p, path}, nil
	})
	r := actortest.Start(t, "- WebserverTornado: {interface: 'unix:"+path+"'}\n- Lines\n- Slow\n", webservertornado.Spec, slow, actortest.Lines(make(chan string)))
	if got := <-p.opened; !strings.HasPrefix(got, "503") || !strings.Contains(got, "starting") {
		t.Error(got)
	}
	now := make(chan string, 1)
	if p.look(now, path); <-now != "ready\n" {
		t.Error("it is not ready when all modules have started")
	}
	r.Stop()
	if got := <-p.closed; !strings.HasPrefix(got, "503") || !strings.Contains(got, "stopping") {
		t.Error(got)
	}
}

type slowSink struct {
	probing
	path string
}

func (s slowSink) Open(context.Context) error { s.look(s.opened, s.path); return nil }

// Close looks until the end of the program has got round, which it does beside the end of the
// modules.
func (s slowSink) Close(context.Context) error {
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		now := make(chan string, 1)
		s.look(now, s.path)
		if text := <-now; strings.HasPrefix(text, "503") || time.Now().After(late) {
			s.closed <- text
			return nil
		}
	}
}

func (slowSink) Write(_ context.Context, b *actor.Batch) error { return nil }
