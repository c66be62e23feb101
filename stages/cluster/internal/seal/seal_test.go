package seal

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

func keys(t testing.TB, pack, secret string, others ...string) *Keys {
	t.Helper()
	k, err := New(pack, secret, others...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestPackets(t *testing.T) {
	a, b := keys(t, "p", "secret"), keys(t, "p", "secret")
	for _, text := range []string{"", "spam", string(bytes.Repeat([]byte("x"), 60_000))} {
		packet := a.Seal('m', []byte(text))
		got, err := b.Open(packet)
		if err != nil || got.Kind != 'm' || string(got.Text) != text || got.From != a.ID() {
			t.Errorf("got %v %v", got, err)
		}
		if _, err := b.Open(packet); !errors.Is(err, ErrRepeated) {
			t.Errorf("a packet that came again: %v", err)
		}
		for i := range packet[:min(len(packet), 100)] {
			changed := bytes.Clone(packet)
			changed[i] ^= 1
			if _, err := b.Open(changed); !errors.Is(err, ErrKey) && !errors.Is(err, ErrForeign) {
				t.Errorf("byte %d was changed: %v", i, err)
			}
		}
	}
}

func TestWhoKnowsAnotherSecretUnderstandsNothing(t *testing.T) {
	packet := keys(t, "p", "secret").Seal('m', []byte("spam"))
	for name, other := range map[string]*Keys{"secret": keys(t, "p", "secret2"), "pack": keys(t, "q", "secret")} {
		if _, err := other.Open(packet); !errors.Is(err, ErrKey) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := keys(t, "p", "new", "secret").Open(packet); err != nil {
		t.Errorf("a former secret: %v", err)
	}
}

func TestTheWindow(t *testing.T) {
	var w window
	for _, c := range []struct {
		n  uint64
		ok bool
	}{{5, true}, {3, true}, {3, false}, {5, false}, {1030, true}, {7, true}, {6, false}, {1029, true}, {1029, false}, {1 << 40, true}, {1<<40 - 1, true}, {1030, false}, {1<<40 - 1024, false}} {
		if got := w.take(c.n); got != c.ok {
			t.Errorf("%d: got %t", c.n, got)
		}
	}
}

// pair connects two ends over loopback, so that both can write at once.
func pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestStreams(t *testing.T) {
	a, b := keys(t, "p", "old", "new"), keys(t, "p", "new", "old")
	client, server := pair(t)
	text := bytes.Repeat([]byte("0123456789"), 20_000)
	done := make(chan error, 1)
	go func() {
		c, err := a.Dial(client, 's')
		if err != nil {
			done <- err
			return
		}
		if _, err := c.Write(text); err != nil {
			done <- err
			return
		}
		answer := make([]byte, 2)
		_, err = io.ReadFull(c, answer)
		if err == nil && string(answer) != "ok" {
			err = errors.New("got " + string(answer))
		}
		done <- err
	}()
	kind, s, err := b.Accept(server)
	if err != nil || kind != 's' {
		t.Fatal(kind, err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, text) {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("ok")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestARecordedStreamIsOfNoUse(t *testing.T) {
	k := keys(t, "p", "secret")
	client, server := pair(t)
	var said bytes.Buffer
	go func() {
		if c, err := k.Dial(recorder{client, &said}, 's'); err == nil {
			c.Write([]byte("spam")) // the other end tells whether it came
		}
	}()
	if _, _, err := k.Accept(server); err != nil {
		t.Fatal(err)
	}
	client, server = pair(t)
	go client.Write(said.Bytes())
	if _, _, err := k.Accept(server); !errors.Is(err, ErrKey) {
		t.Errorf("got %v", err)
	}
}

type recorder struct {
	net.Conn
	said *bytes.Buffer
}

func (r recorder) Write(p []byte) (int, error) {
	r.said.Write(p)
	return r.Conn.Write(p)
}

func FuzzOpen(f *testing.F) {
	a, b := keys(f, "p", "secret"), keys(f, "p", "secret")
	f.Add([]byte("GPk"))
	f.Add(a.Seal('m', []byte("spam")))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if p, err := b.Open(packet); err == nil && string(p.Text) != "spam" {
			t.Errorf("%x was accepted", packet)
		}
	})
}

func FuzzAccept(f *testing.F) {
	k := keys(f, "p", "secret")
	f.Add([]byte("GPk"))
	f.Add(append([]byte("GPks"), make([]byte, 32+4+16)...))
	f.Fuzz(func(t *testing.T, said []byte) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		go func() {
			client.Write(said)
			client.Close()
		}()
		go io.Copy(io.Discard, client)
		if _, _, err := k.Accept(server); err == nil {
			t.Errorf("%x was accepted", said)
		}
	})
}
