//go:build integration

// Package searchtest runs real servers of OpenSearch and Elasticsearch for tests. They come
// as jars, which .ci/services fetches.
package searchtest

import (
	"embed"
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

// Kinds are the servers that there are.
var Kinds = []string{"opensearch", "elasticsearch"}

//go:embed opensearch/Server.java elasticsearch/Server.java
var programs embed.FS

// Server is a node on this host. What it stores outlives Stop, until the end of the test.
type Server struct {
	t    *testing.T
	cmd  *exec.Cmd
	args []string
	port int
	gone chan struct{} // closed when it has ended
}

// Start starts a server of one of the Kinds, which the test ends.
func Start(t *testing.T, kind string) *Server {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	s := &Server{t: t, port: porttest.Free(t)}
	s.args = []string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Des.set.netty.runtime.available.processors=false", "-Dopensearch.set.netty.runtime.available.processors=false",
		"--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
		"-cp", filepath.Join(cache, "gambolputty", kind, "*"), program(t, kind),
		"path.home=" + home, "cluster.name=test", "network.host=127.0.0.1", fmt.Sprint("http.port=", s.port), "transport.port=0", "transport.type=netty4", "http.type=netty4",
		"http.max_content_length=1mb", "cluster.routing.allocation.disk.threshold_enabled=false",
	}
	s.Run()
	t.Cleanup(s.Stop)
	return s
}

// program writes the file that java runs.
func program(t *testing.T, kind string) string {
	t.Helper()
	text, err := programs.ReadFile(kind + "/Server.java")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "Server.java")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Run starts the server, also after Stop, and waits until it works.
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
		s.t.Fatalf("start the server: %v", err)
	}
	s.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		defer close(gone)
		cmd.Wait() // how it ended shows in its log
	}(s.cmd, s.gone)
	for end := time.Now().Add(2 * time.Minute); !s.works(); time.Sleep(100 * time.Millisecond) {
		if s.ended() || time.Now().After(end) {
			text, _ := os.ReadFile(log.Name()) // there may be none
			s.t.Fatalf("the server does not start, have the jars been installed by .ci/services?\n%s", text)
		}
	}
}

func (s *Server) works() bool {
	res, err := http.Get(s.URL() + "/_cluster/health?wait_for_status=yellow&timeout=30s")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (s *Server) ended() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// Stop kills the server.
func (s *Server) Stop() {
	s.cmd.Process.Kill()
	<-s.gone
}

// URL is where it listens.
func (s *Server) URL() string { return fmt.Sprint("http://127.0.0.1:", s.port) }

// Do makes a request and returns the answer, which must be a success.
func (s *Server) Do(method, path, body string) string {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
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

// Documents returns what is in an index of at most 10,000 documents, by id.
func (s *Server) Documents(index string) map[string]json.RawMessage {
	s.t.Helper()
	s.Do("POST", "/"+index+"/_refresh", "")
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string          `json:"_id"`
				Source json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal([]byte(s.Do("GET", "/"+index+"/_search?size=10000", "")), &found); err != nil {
		s.t.Fatal(err)
	}
	all := map[string]json.RawMessage{}
	for _, h := range found.Hits.Hits {
		all[h.ID] = h.Source
	}
	if len(all) != len(found.Hits.Hits) {
		s.t.Errorf("%d documents have %d ids", len(found.Hits.Hits), len(all))
	}
	return all
}
