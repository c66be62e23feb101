//go:build integration

package elasticsearch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/elasticsearch"
	"gambolputty/stages/internal/searchtest"
	"gambolputty/stages/outputs/elasticsearchsink"
)

// filled is a server with so many documents in three shards.
func filled(t *testing.T, kind string, n int) *searchtest.Server {
	t.Helper()
	s := searchtest.Start(t, kind)
	s.Do("PUT", "/many", `{"settings":{"number_of_shards":3,"number_of_replicas":0}}`)
	for from := 0; from < n; from += 5000 {
		var b strings.Builder
		for i := from; i < min(n, from+5000); i++ {
			fmt.Fprintf(&b, "{\"index\":{\"_id\":\"d%d\"}}\n{\"n\":%d,\"data\":\"line %d\"}\n", i, i, i)
		}
		s.Do("POST", "/many/_bulk", b.String())
	}
	s.Do("POST", "/many/_refresh", "")
	return s
}

func TestIntegrationEachDocumentComesExactlyOnce(t *testing.T) {
	const n = 25_000
	for _, kind := range searchtest.Kinds {
		t.Run(kind, func(t *testing.T) {
			s := filled(t, kind, n)
			for _, options := range []string{"", "search_type: scan\nbatch_size: 3000", "slices: 4", "search_type: scroll\nslices: 3", "search_type: pit", "search_type: pit\nslices: 5\nbatch_size: 500", "query: {query: {range: {n: {gte: 0}}}, sort: [{n: desc}]}"} {
				r := actortest.Source(t, elasticsearch.Spec, "index_name: many\nsniff_on_start: True\nnodes: "+s.URL()+"\n"+options)
				once(t, r.Finish(), n)
			}
			if text := s.Do("GET", "/_nodes/stats/indices/search", ""); !strings.Contains(text, `"open_contexts":0`) || !strings.Contains(text, `"scroll_current":0`) {
				t.Errorf("searches are left open: %s", text)
			}
			r := actortest.Source(t, elasticsearch.Spec, "index_name: none\nnodes: "+s.URL())
			if err := r.Err(); err == nil || !strings.Contains(err.Error(), "index none") {
				t.Errorf("a missing index: %v", err)
			}
			actortest.Source(t, elasticsearch.Spec, "index_name: none-*\nnodes: "+s.URL()).Finish()
			r = actortest.Source(t, elasticsearch.Spec, "index_name: many\nquery: {query: {spam: {}}}\nnodes: "+s.URL())
			if err := r.Err(); err == nil || !strings.Contains(err.Error(), "spam") {
				t.Errorf("a bad query: %v", err)
			}
		})
	}
}

func TestIntegrationAnIndexIsCopied(t *testing.T) {
	for _, kind := range searchtest.Kinds {
		t.Run(kind, func(t *testing.T) {
			s := filled(t, kind, 9000)
			r := actortest.Start(t, "- ElasticSearch:\n    nodes: "+s.URL()+"\n    index_name: many\n    slices: 2\n- ElasticSearchSink:\n    nodes: "+s.URL()+"\n    index_name: copy\n    doc_id: $(_id)\n    delete_fields: [_index, _id, _score, _type, gambolputty]\n", elasticsearch.Spec, elasticsearchsink.Spec)
			r.Finish()
			from, to := s.Documents("many"), s.Documents("copy")
			for id, doc := range from {
				// data comes first in the copy
				if !strings.Contains(string(to[id]), strings.TrimPrefix(id, "d")) || len(to[id]) != len(doc) {
					t.Fatalf("%s is %s, was %s", id, to[id], doc)
				}
			}
			if len(to) != 9000 {
				t.Errorf("%d copies", len(to))
			}
		})
	}
}

func TestIntegrationAServerThatGoesIsWaitedFor(t *testing.T) {
	s := filled(t, "opensearch", 100)
	r := actortest.Source(t, elasticsearch.Spec, "index_name: many\nrepeat_query: True\nquery_interval_in_secs: 0.2\nsince_field: n\nnodes: "+s.URL())
	r.Logged("events") // the first run has been delivered and is remembered
	s.Stop()
	r.Logged("tries")
	s.Run()
	s.Do("POST", "/many/_doc?refresh=true", `{"n":100}`)
	for end := time.Now().Add(time.Minute); len(r.Wait(100)) < 101; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the new document does not come\n%s", r.Log())
		}
	}
	once(t, r.Stop(), 101)
}
