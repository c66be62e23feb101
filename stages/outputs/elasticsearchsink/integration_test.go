//go:build integration

package elasticsearchsink_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/searchtest"
	"gambolputty/stages/outputs/elasticsearchsink"
)

// onEach runs a test on each kind of server.
func onEach(t *testing.T, test func(t *testing.T, s *searchtest.Server)) {
	for _, kind := range searchtest.Kinds {
		t.Run(kind, func(t *testing.T) { test(t, searchtest.Start(t, kind)) })
	}
}

func numbers(t *testing.T, n int) (list []*event.Event) {
	t.Helper()
	for i := range n {
		list = append(list, actortest.Event(t, fmt.Sprintf(`{"n":%d,"data":"line %d","gambolputty":{"event_id":"id%d"}}`, i, i, i)))
	}
	return list
}

func TestIntegrationWhatAServerStores(t *testing.T) {
	onEach(t, func(t *testing.T, s *searchtest.Server) {
		nodes := "nodes: " + s.URL() + "\n"
		t.Run("whole events", func(t *testing.T) {
			events := numbers(t, 1200)
			var want []string
			for _, e := range events {
				want = append(want, actortest.Whole(e))
			}
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: whole\nsniff_on_start: True\nconsistency: one\nrouting: $(data)", events...)
			got := s.Documents("whole")
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
			s.Do("PUT", "/strict", `{"mappings":{"dynamic":"strict","properties":{"n":{"type":"integer"},"data":{"type":"text"}}}}`)
			file := filepath.Join(t.TempDir(), "rejected")
			events := append(numbers(t, 5), actortest.Event(t, `{"n":"no number"}`), actortest.Event(t, `{"other":1}`))
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: strict\ndelete_fields: [gambolputty]\nreject_action: file\nreject_file: "+file, events...)
			text := read(t, file)
			if len(s.Documents("strict")) != 5 || strings.Count(text, "\n") != 2 || !strings.Contains(text, "mapper_parsing_exception") || !strings.Contains(text, "strict_dynamic_mapping_exception") {
				t.Errorf("rejected %s", text)
			}
		})
		t.Run("created once", func(t *testing.T) {
			for range 2 {
				actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: once\naction: create\nreject_action: retry", numbers(t, 10)...)
			}
			if got := s.Documents("once"); len(got) != 10 || strings.Contains(s.Do("GET", "/once/_search?version=true", ""), `"_version":2`) {
				t.Errorf("%d documents", len(got))
			}
		})
		t.Run("updated", func(t *testing.T) {
			for _, object := range []string{`{"k":"a","x":1}`, `{"k":"a","y":2}`} {
				actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: updated\naction: update\ndoc_id: $(k)\ndoc_as_upsert: True\ndelete_fields: [gambolputty]", actortest.Event(t, object))
			}
			if got := string(s.Documents("updated")["a"]); got != `{"k":"a","x":1,"y":2}` {
				t.Errorf("document %s", got)
			}
		})
		t.Run("versions", func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rejected")
			actortest.Sink(t, elasticsearchsink.Spec, nodes+"index_name: versions\ndoc_id: a\nversion: $(v)\nversion_type: external\ndelete_fields: [gambolputty]\nreject_action: file\nreject_file: "+file,
				actortest.Event(t, `{"v":5}`), actortest.Event(t, `{"v":4}`))
			if got := string(s.Documents("versions")["a"]); got != `{"v":5}` || !strings.Contains(read(t, file), "version_conflict_engine_exception") {
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
			if got := s.Documents("large"); len(got) != 30 || !strings.Contains(read(t, file), "413") {
				t.Errorf("%d documents", len(got))
			}
		})
	})
}

func TestIntegrationAServerThatGoesAndComesBackLosesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *searchtest.Server) {
		feed := make(chan string)
		r := actortest.Start(t, "- Lines\n- ElasticSearchSink:\n    nodes: "+s.URL()+"\n    index_name: outage\n    batch_size: 20\n    store_interval_in_secs: 0.05\n    retry_max_interval_in_secs: 1\n", elasticsearchsink.Spec, actortest.Lines(feed))
		const events = 400
		go func() {
			defer close(feed)
			for i := range events {
				feed <- fmt.Sprint(i) // it waits while the server is away
				time.Sleep(5 * time.Millisecond)
			}
		}()
		time.Sleep(time.Second)
		s.Stop()
		r.Logged("tries")
		s.Run()
		r.Finish()
		if got := s.Documents("outage"); len(got) != events || !strings.Contains(r.Log(), "target works again") {
			t.Errorf("%d documents\n%s", len(got), r.Log())
		}
	})
}
