//go:build integration

package stages_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gambolputty/stages/internal/porttest"
)

// durable is a pipeline that keeps what it has taken on disk, whatever happens to it and to
// its receiver: EventBuffer holds what is in memory, and the edge what the receiver does not
// take.
const durable = `
- Global: {shutdown_timeout: 1}
- EventBuffer: {path: '${DIR}/events'}
- TcpServer:
    id: in
    interface: 127.0.0.1
    port: 0
    receivers:
      - out: {buffer: {path: '${DIR}/waiting', fsync: interval}}
`

// accept sends numbered lines and waits until the program has taken all of them.
func (s *shipper) accept(from, to int) {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address("in"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	w := bufio.NewWriter(c)
	for n := from; n < to; n++ {
		fmt.Fprintln(w, numbered(n))
	}
	if err := w.Flush(); err != nil {
		s.t.Fatal(err)
	}
	// The end of the connection is answered by its end, behind everything that was read.
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil {
		s.t.Fatal(err)
	}
}

// terminate ends the program as an operator would, while its receiver is away.
func (s *shipper) terminate() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	<-s.done
	s.cmd.Wait() // what it could not deliver in time is told by its status, and kept
	s.cmd = nil
}

// The receiver is away, the program takes everything, ends in one way or another, and starts
// again; then the receiver comes.
func TestIntegrationWhatTheReceiverDidNotTakeOutlivesTheProgram(t *testing.T) {
	const lines = 50_000
	for name, end := range map[string]func(s *shipper){
		"disk_buffer_persistence":          func(*shipper) {},
		"tcp_to_tcp_persistent":            (*shipper).terminate,
		"tcp_to_tcp_persistent, SIGKILL":   (*shipper).kill,
		"tcp_to_tcp_persistent, 3 of them": func(s *shipper) { s.kill(); s.start(); s.terminate(); s.start(); s.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := porttest.Free(t)
			s := newShipper(t, buildProgram(t), durable+fmt.Sprintf("- TcpSink: {id: out, address: '127.0.0.1:%d', format: $(data), store_interval_in_secs: 0}\n", to)).start()
			s.accept(0, lines)
			end(s)
			if s.cmd == nil {
				s.start()
			}
			s.accept(lines, lines+1000)
			c := listen(t, fmt.Sprintf("127.0.0.1:%d", to))
			until(t, "all lines have come", func() bool { return c.ledger(lines+1000).missing == 0 })
			s.stop()
			l := c.ledger(lines + 1000)
			t.Log(l)
			if name == "disk_buffer_persistence" && l.duplicates > 0 {
				t.Error("nothing died, and events came twice")
			}
			if left := events(t, filepath.Dir(s.conf)); left > 0 {
				t.Errorf("%d bytes are left on disk", left)
			}
		})
	}
}

// ledger is what has come so far.
func (c *counter) ledger(sent int) ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return settle(sent, slices.Values(c.numbers))
}

// events is the size of what both buffers still hold, without heads and notes.
func events(t *testing.T, dir string) (size int64) {
	t.Helper()
	for _, name := range []string{"events", "waiting"} {
		files, err := filepath.Glob(filepath.Join(dir, name, "*.seg"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.Size() > 4096 {
				size += info.Size()
			}
		}
	}
	return size
}

// tcp_to_http_persistent: the same with a receiver that speaks HTTP.
func TestIntegrationHTTPTakesWhatWasKept(t *testing.T) {
	t.Parallel()
	const lines = 50_000
	to := porttest.Free(t)
	s := newShipper(t, buildProgram(t), durable+fmt.Sprintf("- HttpSink: {id: out, url: 'http://127.0.0.1:%d', body: lines, store_interval_in_secs: 0}\n", to)).start()
	s.accept(0, lines)
	s.kill()
	s.start()
	c := &counter{t: t}
	server := &http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", to), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { c.read(r.Body) })}
	go server.ListenAndServe() // it ends with Close
	defer server.Close()
	until(t, "all lines have come", func() bool { return c.ledger(lines).missing == 0 })
	s.stop()
	t.Log(c.ledger(lines))
	if strings.Contains(s.text(), "panic") {
		t.Error("something has panicked")
	}
}
