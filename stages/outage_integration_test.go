//go:build integration

package stages_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gambolputty/stages/internal/porttest"
)

// resident is the memory of the program in MiB.
func (s *shipper) resident() int {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return kb / 1024
}

// counter is a server that takes numbered lines.
type counter struct {
	t        *testing.T
	listener net.Listener
	lines    atomic.Int64
	mu       sync.Mutex
	numbers  []int
	conns    sync.WaitGroup
}

func listen(t *testing.T, address string) *counter {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{t: t, listener: l}
	c.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.conns.Go(func() { defer conn.Close(); c.read(conn) })
		}
	})
	t.Cleanup(c.close)
	return c
}

func (c *counter) read(from io.Reader) {
	in := bufio.NewScanner(from)
	for in.Scan() {
		rest, whole := strings.CutPrefix(in.Text(), "number ")
		n, err := strconv.Atoi(rest)
		if err != nil || !whole {
			c.t.Errorf("a line came that nobody sent: %.100q", in.Text())
			continue
		}
		c.lines.Add(1)
		c.mu.Lock()
		c.numbers = append(c.numbers, n)
		c.mu.Unlock()
	}
}

func (c *counter) close() { c.listener.Close() }

// A minute without the receiver, while the sender sends as fast as it can.
func TestIntegrationAnOutageOfAMinuteLosesNothing(t *testing.T) {
	t.Parallel()
	to := porttest.Free(t)
	s := newShipper(t, buildProgram(t), fmt.Sprintf(`
- TcpServer: {id: in, interface: 127.0.0.1, port: 0}
- TcpSink: {address: '127.0.0.1:%d', format: $(data)}
`, to)).start()
	conn, err := net.Dial("tcp", s.address("in"))
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	ended := make(chan error, 1)
	const most = 3_000_000
	stop := make(chan struct{})
	go func() {
		defer conn.Close()
		w := bufio.NewWriterSize(conn, 64<<10)
		for n := range most {
			if _, err := fmt.Fprintln(w, numbered(n)); err != nil {
				ended <- err
				return
			}
			sent.Store(int64(n + 1))
			if n%1000 == 0 {
				select {
				case <-stop:
					ended <- w.Flush()
					return
				default:
				}
			}
		}
		ended <- w.Flush()
	}()
	// The pipeline fills up, and then the sender has to wait.
	time.Sleep(10 * time.Second)
	held, before := sent.Load(), s.resident()
	time.Sleep(50 * time.Second)
	after := s.resident()
	t.Logf("after 10 s %d lines are sent and %d MiB used, after 60 s %d lines and %d MiB", held, before, sent.Load(), after)
	if sent.Load() == most {
		t.Error("the sender did not have to wait")
	}
	if after > before+8 || after > 96 {
		t.Error("the memory grows")
	}
	tries := strings.Count(s.text(), "target ")
	if tries == 0 || tries > 10 {
		t.Errorf("the log tells %d times of the outage", tries)
	}
	c := listen(t, fmt.Sprintf("127.0.0.1:%d", to))
	until(t, "it goes on", func() bool { return sent.Load() > held+500_000 || sent.Load() == most })
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	until(t, "all has come", func() bool { return c.lines.Load() >= sent.Load() })
	s.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	l := settle(int(sent.Load()), func(yield func(int) bool) {
		for _, n := range c.numbers {
			if !yield(n) {
				return
			}
		}
	})
	l.complete(t)
	if !strings.Contains(s.text(), "target works again") {
		t.Error("nobody says that it works again")
	}
}

// 2,000 senders that send a byte a second and never end a line, beside one that works.
func TestIntegrationSlowSendersDisturbNobody(t *testing.T) {
	t.Parallel()
	const slow, seconds = 2000, 5
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < slow+200 {
		t.Fatalf("the system allows %d open files, which is too few for this test (%v)", limit.Cur, err)
	}
	s := newShipper(t, buildProgram(t), `
- TcpServer: {id: in, interface: 127.0.0.1, port: 0}
- FileSink: {file_name: '${DIR}/out.log', store_interval_in_secs: 0}
`).start()
	before := s.resident()
	var conns []net.Conn
	for range slow {
		c, err := net.Dial("tcp", s.address("in"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	const lines = 100_000
	done := make(chan error, 1)
	go func() {
		c, err := net.Dial("tcp", s.address("in"))
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		w := bufio.NewWriter(c)
		for n := range lines {
			fmt.Fprintln(w, numbered(n))
		}
		done <- w.Flush()
	}()
	for range seconds {
		for _, c := range conns {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(filepath.Dir(s.conf), "out.log")
	until(t, "the lines of the other sender are there", func() bool {
		return settle(lines, numbers(t, out)).missing == 0
	})
	after := s.resident()
	t.Logf("%d MiB before, %d MiB with %d slow senders", before, after, slow)
	if after > before+100 {
		t.Error("slow senders take too much memory")
	}
	s.stop()
}

// A disk that is full stops the files on it, and nothing else.
func TestIntegrationAFullDiskStopsNothingElse(t *testing.T) {
	t.Parallel()
	s := newShipper(t, buildProgram(t), `
- TcpServer: {id: in, interface: 127.0.0.1, port: 0, receivers: [full, good]}
- FileSink: {id: full, file_name: /dev/full, store_interval_in_secs: 0, backlog_size: 200000, fsync: never}
- FileSink: {id: good, file_name: '${DIR}/out.log', store_interval_in_secs: 0}
`).start("--shutdown-timeout", "1s")
	c, err := net.Dial("tcp", s.address("in"))
	if err != nil {
		t.Fatal(err)
	}
	const lines = 1000
	for n := range lines {
		fmt.Fprintln(c, numbered(n))
	}
	c.Close()
	out := filepath.Join(filepath.Dir(s.conf), "out.log")
	until(t, "the other file has all lines", func() bool { return settle(lines, numbers(t, out)).missing == 0 })
	until(t, "the fault is told", func() bool { return strings.Contains(s.text(), "no space left on device") })
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.done
	var failed *exec.ExitError
	if err := s.cmd.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 4 {
		t.Errorf("a loss at the end is told by status 4, got %v", err)
	}
	s.cmd = nil
	if text := s.text(); !strings.Contains(text, "full") || strings.Contains(text, "good - ERROR") {
		t.Error("the log blames somebody else")
	}
}
