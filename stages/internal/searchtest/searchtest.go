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
	"strings"
	"testing"

	"gambolputty/stages/internal/jartest"
	"gambolputty/stages/internal/porttest"
)

// Kinds are the servers that there are.
var Kinds = []string{"opensearch", "elasticsearch"}

//go:embed opensearch/Server.java elasticsearch/Server.java
var programs embed.FS

// Server is a node on this host. What it stores outlives Stop, until the end of the test.
type Server struct {
	*jartest.Server
	t    *testing.T
	port int
}

// Start starts a server of one of the Kinds, which the test ends.
func Start(t *testing.T, kind string) *Server {
	t.Helper()
	source, err := programs.ReadFile(kind + "/Server.java")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, port: porttest.Free(t)}
	s.Server = jartest.Start(t, jartest.Program{
		Kind: kind, Source: source, Ready: func(string) bool { return s.works() },
		JVM: []string{
			"-Des.set.netty.runtime.available.processors=false", "-Dopensearch.set.netty.runtime.available.processors=false",
			"--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
		},
		Args: []string{
			"path.home=" + t.TempDir(), "cluster.name=test", "network.host=127.0.0.1", fmt.Sprint("http.port=", s.port), "transport.port=0", "transport.type=netty4", "http.type=netty4",
			"http.max_content_length=1mb", "cluster.routing.allocation.disk.threshold_enabled=false",
		},
	})
	return s
}

func (s *Server) works() bool {
	res, err := http.Get(s.URL() + "/_cluster/health?wait_for_status=yellow&timeout=30s")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
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
