//go:build integration

// Package hdfstest runs a real HDFS of one name node and one data node for tests. It comes
// as jars, which .ci/services fetches.
package hdfstest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/stages/internal/porttest"
)

//go:embed Server.java
var program []byte

// Server is a cluster on this host. What it stores outlives Stop, until the end of the test.
type Server struct {
	t    *testing.T
	cmd  *exec.Cmd
	args []string
	port int
	gone chan struct{} // closed when it has ended
}

// Start starts a cluster, which the test ends.
func Start(t *testing.T) *Server {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "Server.java")
	if err := os.WriteFile(source, program, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, port: porttest.Free(t)}
	for _, open := range []string{"java.lang", "java.util", "java.nio", "sun.nio.ch", "java.lang.reflect"} {
		s.args = append(s.args, "--add-opens", "java.base/"+open+"=ALL-UNNAMED")
	}
	s.args = append(s.args, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(cache, "gambolputty", "hadoop", "*"), source,
		t.TempDir(), fmt.Sprint(porttest.Free(t)), fmt.Sprint(s.port))
	s.Run()
	t.Cleanup(s.Stop)
	return s
}

// Run starts the cluster, also after Stop, and waits until it works.
func (s *Server) Run() {
	s.t.Helper()
	log, err := os.CreateTemp(s.t.TempDir(), "log")
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command("java", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start the cluster: %v", err)
	}
	s.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		defer close(gone)
		cmd.Wait() // how it ended shows in its log
	}(s.cmd, s.gone)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		text, _ := os.ReadFile(log.Name()) // there may be none
		if strings.Contains(string(text), "ready") {
			return
		}
		if s.ended() || time.Now().After(end) {
			s.t.Fatalf("the cluster does not start, have the jars been installed by .ci/services?\n%s", text)
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

// Stop kills the cluster.
func (s *Server) Stop() {
	s.cmd.Process.Kill()
	<-s.gone
}

// URL is where the name node listens.
func (s *Server) URL() string { return fmt.Sprint("http://127.0.0.1:", s.port) }

// Do makes a request as the user who owns everything and returns the answer, which must be
// a success.
func (s *Server) Do(method, path, op string) string {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL()+"/webhdfs/v1"+path+"?user.name="+owner()+"&op="+op, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %s %s %v", method, path, res.Status, text, err)
	}
	return string(text)
}

// owner is who has started the cluster.
func owner() string {
	if u := os.Getenv("USER"); u != "" {
		return u
	}
	return "root"
}

// Read returns the content of a file.
func (s *Server) Read(path string) string {
	s.t.Helper()
	return s.Do("GET", path, "OPEN")
}

// List returns the names in a directory.
func (s *Server) List(path string) []string {
	s.t.Helper()
	var a struct {
		FileStatuses struct{ FileStatus []struct{ PathSuffix string } }
	}
	if err := json.Unmarshal([]byte(s.Do("GET", path, "LISTSTATUS")), &a); err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, f := range a.FileStatuses.FileStatus {
		names = append(names, f.PathSuffix)
	}
	return names
}
