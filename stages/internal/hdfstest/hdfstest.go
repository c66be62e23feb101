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
	"strings"
	"testing"

	"gambolputty/stages/internal/jartest"
	"gambolputty/stages/internal/porttest"
)

//go:embed Server.java
var program []byte

// Server is a cluster on this host. What it stores outlives Stop, until the end of the test.
type Server struct {
	*jartest.Server
	t    *testing.T
	port int
}

// Start starts a cluster, which the test ends.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{t: t, port: porttest.Free(t)}
	var jvm []string
	for _, open := range []string{"java.lang", "java.util", "java.nio", "sun.nio.ch", "java.lang.reflect"} {
		jvm = append(jvm, "--add-opens", "java.base/"+open+"=ALL-UNNAMED")
	}
	s.Server = jartest.Start(t, jartest.Program{
		Kind: "hadoop", JVM: jvm, Source: program, Args: []string{t.TempDir(), fmt.Sprint(porttest.Free(t)), fmt.Sprint(s.port)},
		Ready: func(log string) bool { return strings.Contains(log, "ready") },
	})
	return s
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
