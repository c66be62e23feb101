package unixsocket_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/unixsocket"
)

func send(t *testing.T, network, path, text string) {
	t.Helper()
	c, err := net.Dial(network, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func data(events []*event.Event) string {
	return strings.Join(actortest.Texts(events), "|")
}

func TestLinesKeepTheirEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.sock")
	r := actortest.Source(t, unixsocket.Spec, "path_to_socket: "+path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	send(t, "unix", path, "http://a/\r\n\nrest")
	if got := data(r.Wait(3)); got != "http://a/\r\n|\n|rest" {
		t.Errorf("got %q", got)
	}
	host, _ := os.Hostname()
	if e := r.Stop()[0]; e.ReceivedFrom() != host {
		t.Error(e.ReceivedFrom())
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the socket file is still there")
	}
}

func TestDatagramsAndStreams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.sock")
	r := actortest.Source(t, unixsocket.Spec, "path_to_socket: "+path+"\nsocket_type: dgram\nsocket_mode: '0666'\nstrip: True")
	send(t, "unixgram", path, "one\ntwo\n")
	if got := data(r.Wait(1)); got != "one\ntwo" {
		t.Errorf("got %q", got)
	}
	r.Stop()
	r = actortest.Source(t, unixsocket.Spec, "path_to_socket: "+path+"\nmode: stream\nchunksize: 3")
	send(t, "unix", path, "abcdefg")
	if got := data(r.Wait(3)); strings.ReplaceAll(got, "|", "") != "abcdefg" {
		t.Errorf("got %q", got)
	}
	r.Stop()
}

func TestWhatStandsInTheWay(t *testing.T) {
	dir := t.TempDir()
	start := func(path string) error {
		return actortest.Start(t, "- UnixSocket:\n    path_to_socket: "+path+"\n- TestCatch\n", unixsocket.Spec).Err()
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(file); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Error(err)
	}
	if err := start(filepath.Join(dir, "none", "x.sock")); err == nil || !strings.Contains(err.Error(), "path_to_socket") {
		t.Error(err)
	}
	if err := start(filepath.Join(dir, strings.Repeat("x", 120))); err == nil || !strings.Contains(err.Error(), "107 bytes") {
		t.Error(err)
	}
	busy := filepath.Join(dir, "busy.sock")
	l, err := net.Listen("unix", busy)
	if err != nil {
		t.Fatal(err)
	}
	if err := start(busy); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Error(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	r := actortest.Source(t, unixsocket.Spec, "path_to_socket: "+busy)
	send(t, "unix", busy, "ok\n")
	r.Wait(1)
	r.Stop()
	actortest.Wrong(t, unixsocket.Spec, map[string]string{"": "path_to_socket", "path_to_socket: x\nsocket_mode: rw": "octal"})
}
