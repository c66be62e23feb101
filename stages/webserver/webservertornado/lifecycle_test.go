package webservertornado_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/webserver/webservertornado"
)

func TestAPausedInputIsNotReady(t *testing.T) {
	f := serveFull(t, "")
	for command, want := range map[string]string{"pause": "503 Service Unavailable: these inputs are paused: Lines"} {
		if status, text, _ := f.ask("POST", "/api/v1/modules/Lines/"+command, ""); status != http.StatusAccepted {
			t.Errorf("%d %s", status, text)
		}
		wiretest.Until(t, command, func() bool {
			_, text, _ := f.get("/readyz")
			return strings.HasPrefix(text, want)
		})
	}
	f.ask("POST", "/api/v1/modules/Lines/resume", "")
	wiretest.Until(t, "the input to go on", func() bool {
		status, _, _ := f.get("/readyz")
		return status == http.StatusOK
	})
	f.Stop()
}

// doomed is an input that comes to a bad end, while others go on.
type doomed struct{}

func (doomed) Run(context.Context, *actor.Outlet) error {
	return actor.Final(errors.New("half of it was unreadable"))
}

func TestAModuleThatHasFailedForGoodIsNoHealth(t *testing.T) {
	feed := make(chan string)
	bad := actor.DefineSource(actor.Info{Name: "Doomed", Role: actor.Input}, struct{}{}, func(actor.Env, struct{}) (actor.Source, error) { return doomed{}, nil })
	s := &served{t: t, feed: feed, Running: actortest.Start(t, "- WebserverTornado: {port: 0}\n- Doomed: {receivers: [TestCatch]}\n- Lines\n- TestCatch\n", webservertornado.Spec, bad, actortest.Lines(feed))}
	s.url = "http://" + s.Addr()
	s.http.Transport = &http.Transport{DisableKeepAlives: true}
	wiretest.Until(t, "the failure to be told", func() bool {
		status, text, _ := s.get("/healthz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "these modules have failed for good: Doomed: half of it was unreadable")
	})
	if _, text, _ := s.get("/metrics"); !strings.Contains(text, `gambolputty_module_up{class="Doomed",module="Doomed",role="input"} 0`) {
		t.Error(text)
	}
	wiretest.Until(t, "the page to tell", func() bool {
		_, text, _ := s.get("/api/v1/statistics")
		return strings.Contains(text, `"state":"failed"`)
	})
	close(feed)
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "half of it was unreadable") {
		t.Error(err)
	}
}

func TestACertificateThatDoesNotFitEndsTheStart(t *testing.T) {
	one, other := tlstest.New(t), tlstest.New(t)
	for options, want := range map[string]string{
		"cert: " + one.Cert + "\n    key: " + other.Key: "private key does not match",
		"cert: " + one.Key + "\n    key: " + one.Key:    "load the certificate of cert and key",
		"cert: /no/such/file\n    key: " + one.Key:      "no such file",
	} {
		r := actortest.Start(t, "- WebserverTornado:\n    port: 0\n    tls: True\n    "+options+"\n- Lines\n- TestCatch\n", webservertornado.Spec, actortest.Lines(make(chan string)))
		if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestTLSHasItsLowestVersionAndHTTP2(t *testing.T) {
	own := tlstest.New(t)
	for version, old := range map[string]uint16{"1.2": tls.VersionTLS11, "1.3": tls.VersionTLS12} {
		s := serve(t, "tls: True\ncert: "+own.Cert+"\nkey: "+own.Key+"\ninterface: 127.0.0.1\nmin_tls_version: "+version)
		client := func(most uint16) error {
			c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: own.Pool, MinVersion: tls.VersionTLS10, MaxVersion: most}}}
			res, err := c.Get("https://" + s.Addr() + "/healthz")
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.ProtoMajor != 2 {
				return errors.New(res.Proto)
			}
			return nil
		}
		if err := client(0); err != nil {
			t.Error(err)
		}
		if err := client(old); err == nil {
			t.Errorf("with min_tls_version %s, %x is served", version, old)
		}
		s.Stop()
	}
}

func TestMoreConnectionsThanAllowedWait(t *testing.T) {
	s := serve(t, "max_connections: 1")
	first, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c net.Conn) { io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") }
	buf := make([]byte, 8)
	if ask(first); !answers(first, buf) {
		t.Fatal("the first connection is not served")
	}
	second, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	ask(second)
	served := make(chan bool, 1)
	go func() { served <- answers(second, make([]byte, 8)) }()
	select {
	case <-served:
		t.Error("a second connection is served")
	default:
	}
	first.Close()
	if !<-served {
		t.Error("the second connection is not served after the first one has gone")
	}
	second.Close()
	s.Stop()
}

func answers(c net.Conn, buf []byte) bool {
	_, err := io.ReadFull(c, buf)
	return err == nil && string(buf) == "HTTP/1.1"
}

func TestSeveralServersHaveTheirOwnPorts(t *testing.T) {
	dir := t.TempDir()
	text := "- WebserverTornado: {id: a, interface: 'unix:" + dir + "/a'}\n- WebserverTornado: {id: b, interface: 'unix:" + dir + "/b', base_path: /b}\n- Lines\n- TestCatch\n"
	r := actortest.Start(t, text, webservertornado.Spec, actortest.Lines(make(chan string)))
	for path, url := range map[string]string{"a": "http://localhost/healthz", "b": "http://localhost/b/healthz"} {
		res, err := overSocket(filepath.Join(dir, path)).Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	r.Stop()
}

func TestAMissingFolderEndsTheStart(t *testing.T) {
	r := actortest.Start(t, "- WebserverTornado: {port: 0, document_root: /no/such/folder}\n- Lines\n- TestCatch\n", webservertornado.Spec, actortest.Lines(make(chan string)))
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
