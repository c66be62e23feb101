package elasticsearch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/olivere/elastic/v7"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/elasticsearch"
)

const (
	pageHits  = 1000
	pages     = 50
	accessLog = `{"data":"192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /cgi-bin/try/ HTTP/1.0\" 200 3395","remote_ip":"192.168.2.20","identd":"-","user":"-","datetime":"28/Jul/2006:10:27:10 -0300","url":"GET /cgi-bin/try/ HTTP/1.0","http_status":"200","bytes_send":3395,"user_agent_info":{"family":"Firefox","major":33,"bot":false},"geoip":[9.0,51.0]}`
)

// canned is a server that sends the same page again and again.
func canned() *httptest.Server {
	var hits []string
	for i := range pageHits {
		hits = append(hits, fmt.Sprintf(`{"_index":"web","_id":"a%d","_score":null,"_source":%s,"sort":[%d]}`, i, accessLog, i))
	}
	page := `{"_scroll_id":"x","took":1,"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"total":{"value":50000,"relation":"eq"},"hits":[` + strings.Join(hits, ",") + `]}}`
	empty := `{"_scroll_id":"x","hits":{"hits":[]}}`
	sent := 0
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/":
			io.WriteString(w, `{"version":{"number":"7.10.0"}}`)
		case r.Method == http.MethodDelete:
			sent = 0
			io.WriteString(w, `{}`)
		case sent < pages:
			sent++
			io.WriteString(w, page)
		default:
			io.WriteString(w, empty)
		}
	}))
}

// nowhere is an output that looks at the events.
type nowhere struct{}

// Write looks at the events.
func (nowhere) Write(_ context.Context, b *actor.Batch) error {
	for range b.Each() {
		continue
	}
	return nil
}

// BenchmarkRead compares the module with the plainest loop around the library. The server is
// part of the time, and of the memory.
func BenchmarkRead(b *testing.B) {
	srv := canned()
	defer srv.Close()
	rate := func(b *testing.B) {
		b.ReportMetric(float64(pages*pageHits*b.N)/b.Elapsed().Seconds(), "documents/s")
	}
	b.Run("module", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			gone := actor.DefineSink(actor.Info{Name: "Gone", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return nowhere{}, nil })
			actortest.Start(b, "- ElasticSearch:\n    nodes: "+srv.URL+"\n- Gone\n", elasticsearch.Spec, gone).Finish()
		}
		rate(b)
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			plain(b, srv.URL)
		}
		rate(b)
	})
}

func plain(b *testing.B, address string) {
	b.Helper()
	c, err := elastic.NewSimpleClient(elastic.SetURL(address))
	if err != nil {
		b.Fatal(err)
	}
	s := c.Scroll("web").Size(pageHits)
	n := 0
	for {
		res, err := s.Do(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		for _, h := range res.Hits.Hits {
			var doc map[string]any
			if err := json.Unmarshal(h.Source, &doc); err != nil {
				b.Fatal(err)
			}
			n += len(doc)
		}
	}
	if err := s.Clear(context.Background()); err != nil || n == 0 {
		b.Fatal(err)
	}
}
