package webservertornado

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gambolputty/actor"
	"gambolputty/actor/meter"
)

func TestOnlyWhatCannotBeReadIsAFailure(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, missing := root.Open("missing")
	_, outside := root.Open("../outside")
	for err, want := range map[error]bool{
		nil: false, missing: false, outside: false, fs.ErrNotExist: false, syscall.ENOTDIR: false, syscall.ENAMETOOLONG: false,
		fmt.Errorf("open: %w", syscall.EACCES): true, &fs.PathError{Op: "open", Err: syscall.EIO}: true, syscall.EMFILE: true,
	} {
		if unreadable(err) != want {
			t.Errorf("%v", err)
		}
	}
}

func TestAWholeNetworkOfAddressesCountsAsOne(t *testing.T) {
	for ip, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::"} {
		if got := block(netip.MustParseAddr(ip)).String(); got != want {
			t.Errorf("%s: %s", ip, got)
		}
	}
	if block(netip.Addr{}).IsValid() {
		t.Error("a Unix socket has no address")
	}
}

func TestNobodysHashIsOne(t *testing.T) {
	if cost, err := bcrypt.Cost([]byte(nobodysHash)); err != nil || cost != bcrypt.DefaultCost {
		t.Errorf("%d %v", cost, err)
	}
}

func TestWhatWasReceivedNeverBecomesLess(t *testing.T) {
	input := func(id string, n int64) actor.Status {
		s := actor.Status{ID: id, Spec: actor.Spec{Info: actor.Info{Role: actor.Input}}, Meter: new(meter.Module)}
		s.Meter.Received.Store(n)
		return s
	}
	var p sampler
	for i, c := range []struct {
		status []actor.Status
		want   int64
	}{
		{[]actor.Status{input("a", 5), input("b", 7)}, 12},
		{[]actor.Status{input("b", 9)}, 14},                 // a was removed
		{[]actor.Status{input("b", 10), input("a", 1)}, 16}, // and put back
		{[]actor.Status{input("b", 0)}, 16},                 // another one has taken the id
		{nil, 16},
	} {
		if got := p.received(c.status); got != c.want {
			t.Errorf("look %d: %d, not %d", i, got, c.want)
		}
	}
}

// In a bubble of testing/synctest, so that the times are those of the server and nobody waits.
func TestSlowClientsAreCut(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		most time.Duration
	}{
		"a header that never ends":  {"GET / HTTP/1.1\r\nHost: x\r\n", headerTime},
		"nothing at all":            {"", headerTime},
		"a body that never ends":    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx", requestTime},
		"no further request":        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", idleTime},
		"an answer nobody reads":    {"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n", answerTime},
		"a header that is too long": {"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 24<<10), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := new(server).bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				for r.URL.Path == "/endless" {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						return
					}
				}
			}))
			ours, theirs := net.Pipe()
			l := &single{ours: ours, done: make(chan struct{})}
			go h.Serve(l)
			began := time.Now()
			go func() { io.WriteString(theirs, c.sent) }()
			if !strings.Contains(c.sent, "/endless") {
				go io.Copy(io.Discard, theirs)
			}
			<-l.cut()
			if took := time.Since(began); took > c.most+time.Second || took < c.most {
				t.Errorf("%s is cut after %s", name, took)
			}
			theirs.Close()
			h.Close()
			synctest.Wait()
		})
	}
}

// single is a listener with one connection.
type single struct {
	ours net.Conn
	once sync.Once
	mu   sync.Mutex
	gone bool
	done chan struct{}
}

// watched tells when the server closes a connection.
type watched struct {
	net.Conn
	l *single
}

func (w watched) Close() error {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	if !w.l.gone {
		w.l.gone = true
		close(w.l.done)
	}
	return w.Conn.Close()
}

func (l *single) cut() <-chan struct{} { return l.done }

func (l *single) Accept() (c net.Conn, err error) {
	l.once.Do(func() { c = watched{l.ours, l} })
	if c == nil {
		<-l.done
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *single) Close() error { return nil }

func (l *single) Addr() net.Addr { return l.ours.LocalAddr() }
