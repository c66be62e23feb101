//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is the program in a process of its own.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	path    string // of the configuration
	address string // of its server
	web     string // of its pages
	logged  chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// start builds the program, runs a configuration, and waits until all has started.
func start(t *testing.T, conf string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "gambolputty")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(dir, "pipeline.yml")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, path: path, cmd: exec.Command(program, append([]string{"run", "-c", path}, args...)...), logged: make(chan struct{})}
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if who, address, ok := strings.Cut(lines.Text(), "address="); ok {
			if strings.Contains(who, "WebserverTornado") {
				p.web = address
			} else {
				p.address = address
			}
		}
		if strings.Contains(lines.Text(), "started with") {
			go p.follow(lines)
			return p
		}
	}
	t.Fatal("the program did not start")
	return nil
}

func (p *process) follow(lines *bufio.Scanner) {
	defer close(p.logged)
	for lines.Scan() {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
}

// text is the log since the start.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits for the end and returns exit code and log.
func (p *process) wait() (int, string) {
	p.t.Helper()
	select {
	case <-p.logged:
	case <-time.After(time.Minute):
		p.t.Fatal("the program does not end")
	}
	p.cmd.Wait() // the exit code is looked at
	return p.cmd.ProcessState.ExitCode(), p.text()
}

func TestSIGTERMLosesNothingThatWasAccepted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.txt")
	p := start(t, "- TcpServer: {interface: 127.0.0.1, port: 0}\n- Noop: {pool_size: 4, add_fields: {x: $(data)}}\n- FileSink: {file_name: "+out+", format: $(x)}\n")
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const lines = 1_000_000
	go func() {
		w := bufio.NewWriter(conn)
		for i := range lines {
			if _, err := fmt.Fprintln(w, i); err != nil {
				return // the server has closed, as it should
			}
		}
		w.Flush()
	}()
	for {
		if info, err := os.Stat(out); err == nil && info.Size() > 1<<20 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	p.signal(syscall.SIGTERM)
	code, log := p.wait()
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, log)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, line := range got[:len(got)-1] { // the last one may have been cut in the socket
		if line != fmt.Sprint(i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	t.Logf("%d lines were accepted", len(got))
}

func TestASecondSignalEndsAtOnceAndSaysWhatWasLost(t *testing.T) {
	p := start(t, "- TcpServer: {interface: 127.0.0.1, port: 0}\n- Tarpit: {delay: 1h}\n- DevNullSink\n")
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.Repeat("spam\n", 100)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // until they are in the tarpit
	p.signal(syscall.SIGTERM)
	time.Sleep(200 * time.Millisecond)
	p.signal(syscall.SIGTERM)
	code, log := p.wait()
	if code != exitForced || !strings.Contains(log, "Tarpit: 100 events lost") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

func TestATimeThatIsUpEndsLikeAForcedStop(t *testing.T) {
	p := start(t, "- Global: {shutdown_timeout: 300ms}\n- Spam: {sleep: 0.01}\n- Tarpit: {delay: 1h}\n- DevNullSink\n")
	time.Sleep(100 * time.Millisecond)
	p.signal(syscall.SIGINT)
	if code, log := p.wait(); code != exitForced || !strings.Contains(log, "events lost") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}

func TestSIGUSR1LogsTheState(t *testing.T) {
	p := start(t, "- Spam: {sleep: 0.01}\n- DevNullSink\n")
	p.signal(syscall.SIGUSR1)
	time.Sleep(100 * time.Millisecond)
	p.signal(syscall.SIGTERM)
	if code, log := p.wait(); code != 0 || !strings.Contains(log, "state of DevNullSink") {
		t.Errorf("exit code %d\n%s", code, log)
	}
}
