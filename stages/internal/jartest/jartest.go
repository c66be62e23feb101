//go:build integration

// Package jartest runs servers that come as jars, which .ci/services fetches into the cache of
// the user, one folder for each of them.
package jartest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Program is how to run a server.
type Program struct {
	// Kind is the folder with the jars.
	Kind string
	// JVM are further options of the virtual machine.
	JVM []string
	// Class is the class to run. Without it Source is run, the text of a class called Server.
	Class  string
	Source []byte
	Args   []string
	// Ready reports whether the server works, by what it has written so far or by asking it.
	Ready func(log string) bool
}

// Server is a server on this host.
type Server struct {
	t       testing.TB
	program Program
	args    []string
	cmd     *exec.Cmd
	log     string
	gone    chan struct{} // closed when it has ended
}

// Start starts a server, which the test ends.
func Start(t testing.TB, p Program) *Server {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, program: p, log: filepath.Join(t.TempDir(), "log")}
	run := p.Class
	if run == "" {
		run = filepath.Join(t.TempDir(), "Server.java")
		if err := os.WriteFile(run, p.Source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.args = append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}, p.JVM...)
	s.args = append(s.args, "-cp", filepath.Join(cache, "gambolputty", p.Kind, "*"), run)
	s.args = append(s.args, p.Args...)
	s.Run()
	t.Cleanup(s.Stop)
	return s
}

// Run starts the server, also after Stop, and waits until it works.
func (s *Server) Run() {
	s.t.Helper()
	log, err := os.Create(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command("java", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.program.Kind, err)
	}
	s.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		defer close(gone)
		cmd.Wait() // how it ended shows in its log
	}(s.cmd, s.gone)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		text, _ := os.ReadFile(s.log) // there may be none
		if s.program.Ready(string(text)) {
			return
		}
		if s.ended() || time.Now().After(end) {
			s.t.Fatalf("%s does not start, have the jars been installed by .ci/services?\n%s", s.program.Kind, text)
		}
	}
}

func (s *Server) ended() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// Stop kills the server. What it stores on disk stays until the end of the test.
func (s *Server) Stop() {
	s.cmd.Process.Kill()
	<-s.gone
}

// Quit ends the server in good order.
func (s *Server) Quit() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.gone
}

// Freeze makes it hang, and Thaw lets it go on.
func (s *Server) Freeze() { s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *Server) Thaw()   { s.cmd.Process.Signal(syscall.SIGCONT) }
