//go:build integration

package elasticsearchsink_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/elasticsearchsink"
)

// real is a real server on this host, of which .ci/services has installed the jars.
type real struct {
	t    *testing.T
	cmd  *exec.Cmd
	args []string
	port int
	gone chan struct{} // closed when it has ended
}

// onEach runs a test on each kind of server.
func onEach(t *testing.T, test func(t *testing.T, s *real)) {
	for _, kind := range []string{"opensearch", "elasticsearch"} {
		t.Run(kind, func(t *testing.T) { test(t, startReal(t, kind)) })
	}
}

func startReal(t *testing.T, kind string) *real {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &real{t: t, port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	s.args = []string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Des.set.netty.runtime.available.processors=false", "-Dopensearch.set.netty.runtime.available.processors=false",
		"--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
		"-cp", filepath.Join(cache, "gambolputty", kind, "*"), filepath.Join("testdata", kind, "Server.java"),
		"path.home=" + t.TempDir(), "cluster.name=test", "network.host=127.0.0.1", fmt.Sprint("http.port=", s.port), "transport.port=0", "transport.type=netty4", "http.type=netty4",
		"http.max_content_length=1mb", "cluster.routing.allocation.disk.threshold_enabled=false",
	}
	s.run()
	t.Cleanup(s.stop)
	return s
}

func (s *real) run() {
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
	gone := make(chan struct{})
	cmd := s.cmd
	go func() { defer close(gone); cmd.Wait() }()
	s.gone = gone
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(s.url() + "/_cluster/health?wait_for_status=yellow&timeout=30s")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		ended := false
		select {
		case <-gone:
			ended = true
		default:
		}
		if ended || time.Now().After(end) {
			text, _ := os.ReadFile(log.Name()) // there may be none
			s.t.Fatalf("the server does not start, have the jars been installed by .ci/services?\n%s", text)
		}
	}
}

func (s *real) stop() {
	s.cmd.Process.Kill()
	<-s.gone
}

func (s *real) url() string { return fmt.Sprint("http://127.0.0.1:", s.port) }

// do makes a request and returns the answer, which must be a success.
func (s *real) do(method, path, body string) string {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url()+path, strings.NewReader(body))
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

// documents returns what is in an index, by id.
func (s *real) documents(index string) map[string]json.RawMessage {
	s.t.Helper()
	s.do("POST", "/"+index+"/_refresh", "")
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string          `json:"_id"`
				Source json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal([]byte(s.do("GET", "/"+index+"/_search?size=10000", "")), &found); err != nil {
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

func numbers(t *testing.T, n int) (list []*event.Event) {
	t.Helper()
	for i := range n {
		list = append(list, actortest.Event(t, fmt.Sprintf(`{"n":%d,"data":"line %d","gambolputty":{"event_id":"id%d"}}`, i, i, i)))
	}
	return list
}

func TestIntegrationWhatAServerStores(t *testing.T) {
	onEach(t, func(t *testing.T, s *real) {
		nodes := "nodes: " + s.url() + "\n"
		t.Run("whole events", func(t *testing.T) {
			events := numbers(t, 1200)
			var want []string
			for _, e := range events {
				want = append(want, actortest.Whole(e))
			}
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: whole\nsniff_on_start: True\nconsistency: one\nrouting: $(data)", events...)
			got := s.documents("whole")
			for i := range want {
				if source := string(got[fmt.Sprint("id", i)]); source != want[i] {
					t.Fatalf("document %d is %s, want %s", i, source, want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d documents", len(got))
			}
		})
		t.Run("some are refused", func(t *testing.T) {
			s.do("PUT", "/strict", `{"mappings":{"dynamic":"strict","properties":{"n":{"type":"integer"},"data":{"type":"text"}}}}`)
			file := filepath.Join(t.TempDir(), "rejected")
			events := append(numbers(t, 5), actortest.Event(t, `{"n":"no number"}`), actortest.Event(t, `{"other":1}`))
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: strict\ndelete_fields: [gambolputty]\nreject_action: file\nreject_file: "+file, events...)
			text := read(t, file)
			if len(s.documents("strict")) != 5 || strings.Count(text, "\n") != 2 || !strings.Contains(text, "mapper_parsing_exception") || !strings.Contains(text, "strict_dynamic_mapping_exception") {
				t.Errorf("rejected %s", text)
			}
		})
		t.Run("created once", func(t *testing.T) {
			for range 2 {
				actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: once\naction: create\nreject_action: retry", numbers(t, 10)...)
			}
			if got := s.documents("once"); len(got) != 10 || strings.Contains(s.do("GET", "/once/_search?version=true", ""), `"_version":2`) {
				t.Errorf("%d documents", len(got))
			}
		})
		t.Run("updated", func(t *testing.T) {
			for _, object := range []string{`{"k":"a","x":1}`, `{"k":"a","y":2}`} {
				actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: updated\naction: update\ndoc_id: $(k)\ndoc_as_upsert: True\ndelete_fields: [gambolputty]", actortest.Event(t, object))
			}
			if got := string(s.documents("updated")["a"]); got != `{"k":"a","x":1,"y":2}` {
				t.Errorf("document %s", got)
			}
		})
		t.Run("versions", func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rejected")
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: versions\ndoc_id: a\nversion: $(v)\nversion_type: external\ndelete_fields: [gambolputty]\nreject_action: file\nreject_file: "+file,
				actortest.Event(t, `{"v":5}`), actortest.Event(t, `{"v":4}`))
			if got := string(s.documents("versions")["a"]); got != `{"v":5}` || !strings.Contains(read(t, file), "version_conflict_engine_exception") {
				t.Errorf("document %s", got)
			}
		})
		t.Run("too much for one request", func(t *testing.T) {
			var events []*event.Event
			for i := range 30 {
				events = append(events, actortest.Event(t, fmt.Sprintf(`{"i":%d,"data":%q}`, i, strings.Repeat("spam ", 20_000))))
			}
			file := filepath.Join(t.TempDir(), "rejected")
			events = append(events, actortest.Event(t, fmt.Sprintf(`{"data":%q}`, strings.Repeat("eggs ", 300_000))))
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: large\nhttp_compression: False\nreject_action: file\nreject_file: "+file, events...)
			if got := s.documents("large"); len(got) != 30 || !strings.Contains(read(t, file), "413") {
				t.Errorf("%d documents", len(got))
			}
		})
	})
}

func TestIntegrationAServerThatGoesAndComesBackLosesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *real) {
		feed := make(chan string)
		r := actortest.Start(t, "- Lines\n- ElasticSearchSink:\n    nodes: "+s.url()+"\n    index_name: outage\n    batch_size: 20\n    store_interval_in_secs: 0.05\n    retry_max_interval_in_secs: 1\n", elasticsearchsink.Spec, actortest.Lines(feed))
		const events = 400
		go func() {
			defer close(feed)
			for i := range events {
				feed <- fmt.Sprint(i) // it waits while the server is away
				time.Sleep(5 * time.Millisecond)
			}
		}()
		time.Sleep(time.Second)
		s.stop()
		r.Logged("tries")
		s.run()
		r.Finish()
		if got := s.documents("outage"); len(got) != events || !strings.Contains(r.Log(), "target works again") {
			t.Errorf("%d documents\n%s", len(got), r.Log())
		}
	})
}
