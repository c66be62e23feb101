//go:build integration

// Package pyzmq runs scripts that use libzmq, for integration tests.
package pyzmq

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// python is the interpreter that Debian's python3-zmq belongs to.
const python = "/usr/bin/python3"

// Script is one that runs.
type Script struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	errs  *bytes.Buffer
	once  sync.Once
}

// Run starts a script with zmq, sys and a Context called ctx at hand.
func Run(t testing.TB, script string, args ...string) *Script {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.py")
	text := "import sys, time, zmq\nctx = zmq.Context()\ndef say(*a): print(*a, flush=True)\n" + script
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Script{t: t, cmd: exec.Command(python, append([]string{"-u", file}, args...)...), lines: make(chan string, 1<<20), errs: &bytes.Buffer{}}
	s.cmd.Stderr = s.errs
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("python3 with python3-zmq is needed: %v", err)
	}
	go func() {
		defer close(s.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			s.lines <- sc.Text()
		}
	}()
	t.Cleanup(s.Kill)
	return s
}

// Line waits for a line of output.
func (s *Script) Line() string {
	s.t.Helper()
	select {
	case l, ok := <-s.lines:
		if !ok {
			s.Kill()
			s.t.Fatalf("the script has ended: %s", s.errs)
		}
		return l
	case <-time.After(time.Minute):
		s.t.Fatal("the script says nothing")
	}
	return ""
}

// Say writes a line to the script.
func (s *Script) Say(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the script.
func (s *Script) Kill() {
	s.once.Do(func() {
		s.cmd.Process.Kill() // it may have ended already
		s.cmd.Wait()
	})
}
