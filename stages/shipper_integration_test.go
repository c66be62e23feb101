//go:build integration

package stages_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long something may take that must happen.
const patience = 2 * time.Minute

// buildProgram builds the program once for a test.
func buildProgram(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gambolputty")
	if out, err := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "../cmd/gambolputty")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// daemon starts a counterpart and ends it with the test.
func daemon(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s, which .ci/services installs: %v", name, err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // that it was killed is known
		if t.Failed() {
			t.Logf("%s says:\n%s", name, out.String())
		}
	})
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shipper is the program in a process of its own, which may be killed and started again.
type shipper struct {
	t      *testing.T
	binary string
	conf   string
	env    []string
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process and its log have ended

	mu     sync.Mutex
	log    bytes.Buffer // of all runs
	listen map[string]string
}

// newShipper writes the configuration. ${DIR} in it is a directory of the test.
func newShipper(t *testing.T, binary, conf string, env ...string) *shipper {
	t.Helper()
	dir := t.TempDir()
	s := &shipper{t: t, binary: binary, conf: filepath.Join(dir, "pipeline.yml"), env: append(os.Environ(), append(env, "DIR="+dir)...)}
	write(t, s.conf, conf)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("the log:\n%s", s.text())
		}
	})
	return s
}

// start starts the program and waits until its modules run.
func (s *shipper) start(args ...string) *shipper {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, append([]string{"run", "-c", s.conf}, args...)...)
	s.cmd.Env = s.env
	log, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done, s.listen = make(chan struct{}), map[string]string{}
	ready := make(chan struct{})
	go s.follow(log, ready)
	select {
	case <-ready:
	case <-s.done:
		s.t.Fatal("the program did not start")
	case <-time.After(patience):
		s.t.Fatal("the program did not start in time")
	}
	return s
}

// follow keeps the log, the beginning of it if it is long.
func (s *shipper) follow(log io.Reader, ready chan struct{}) {
	defer close(s.done)
	const most = 4 << 20
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		line := lines.Text()
		s.mu.Lock()
		if s.log.Len() < most {
			s.log.WriteString(line + "\n")
		}
		if _, address, ok := strings.Cut(line, "address="); ok {
			if fields := strings.Split(line, " - "); len(fields) > 1 {
				s.listen[fields[1]] = address
			}
		}
		s.mu.Unlock()
		if ready != nil && strings.Contains(line, "started with") {
			close(ready)
			ready = nil
		}
	}
}

// address is where a module listens.
func (s *shipper) address(id string) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listen[id] == "" {
		s.t.Fatalf("nobody called %s listens", id)
	}
	return s.listen[id]
}

// text is the log of all runs.
func (s *shipper) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// kill ends the program as a loss of power would.
func (s *shipper) kill() {
	s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
	s.cmd.Wait() // that it was killed is known
	s.cmd = nil
}

// stop ends the program as an operator would.
func (s *shipper) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	<-s.done
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the program ended with %v", err)
	}
	s.cmd = nil
}

// until waits for what must happen.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
