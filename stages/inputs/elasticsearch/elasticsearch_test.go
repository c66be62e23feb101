package elasticsearch_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/elasticsearch"
)

// numbers are the values of n.
func numbers(events []*event.Event) (list []int64) {
	for _, e := range events {
		v, _ := e.Get(event.MustPath("n"))
		n, _ := v.Int()
		list = append(list, n)
	}
	return list
}

// once complains unless each of 0 to n-1 is there exactly once.
func once(t *testing.T, events []*event.Event, n int) {
	t.Helper()
	got := numbers(events)
	slices.Sort(got)
	for i, v := range got {
		if v != int64(i) {
			t.Fatalf("at %d there is %d, of %d", i, v, len(got))
		}
	}
	if len(got) != n {
		t.Errorf("%d events", len(got))
	}
}

// ES-IN-2 and ES-IN-3.
func TestEachHitComesExactlyOnce(t *testing.T) {
	for name, c := range map[string]struct{ version, options, asked string }{
		"normal":               {"7.17.9", "", `"_shard_doc"`},
		"normal on 8":          {"8.11.0", "", "compatible-with=7"},
		"normal on 9":          {"9.0.0", "", "compatible-with=8"},
		"normal on 7.11":       {"7.11.0", "", "/_search/scroll"},
		"normal on 6":          {"6.8.0", "", "/_search/scroll"},
		"normal on OpenSearch": {"opensearch-2.11.0", "", "/_search/scroll"},
		"pit on OpenSearch":    {"opensearch-3.0.0", "search_type: pit", `"_id":"asc"`},
		"scan":                 {"9.0.0", "search_type: scan", "scroll=300000ms"},
		"scroll":               {"opensearch-1.3.0", "search_type: scroll\nscroll_timeout: 1m", "scroll=60000ms"},
		"slices":               {"8.0.0", "slices: 3", `"slice":{"id":2,"max":3}`},
		"slices of a scroll":   {"7.17.0", "slices: 3\nsearch_type: scroll", `"slice":{"id":2,"max":3}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.version, numbered(2503)...)
			events := start(t, f, c.options+"\nbatch_size: 100").Finish()
			once(t, events, 2503)
			if f.asked(c.asked) == 0 || f.asked("allow_partial_search_results=false") == 0 && f.version != "6.8.0" {
				t.Errorf("was not asked %s", c.asked)
			}
			if !f.closed() {
				t.Error("the search was not closed")
			}
			if !strings.Contains(c.options, "slices") && !slices.IsSorted(numbers(events)) {
				t.Error("the order is lost")
			}
		})
	}
}

func TestTheSizeOfAQueryIsTheLimitOfAllHits(t *testing.T) {
	for _, c := range []struct {
		query    string
		from, to int64
	}{
		{`{size: 250}`, 0, 250}, {`'{"size": 5}'`, 0, 5}, {`{size: 0}`, 0, 0}, {`{size: 1000}`, 0, 300}, {`{from: 150, size: 120}`, 150, 270}, {`{from: 120}`, 120, 300}, {`{from: 400}`, 0, 0},
	} {
		for _, how := range []string{"pit", "scroll"} {
			f := newFake(t, "8.0.0", numbered(300)...)
			got := numbers(start(t, f, "batch_size: 100\nsearch_type: "+how+"\nquery: "+c.query).Finish())
			if int64(len(got)) != c.to-c.from || len(got) > 0 && (got[0] != c.from || got[len(got)-1] != c.to-1) {
				t.Errorf("%s: %d events, %v", c.query, len(got), got[:min(1, len(got))])
			}
		}
	}
	f := newFake(t, "8.0.0", numbered(300)...)
	if got := start(t, f, "slices: 4\nbatch_size: 10\nquery: {size: 99}").Finish(); len(got) != 99 {
		t.Errorf("%d events of all slices", len(got))
	}
}

// ES-IN-1.
func TestTheNameOfTheIndexHoldsThePresentTime(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(1)...)
	f.index = "logs-" + time.Now().UTC().Format("2006.01.02")
	once(t, start(t, f, "index_name: LOGS-%Y.%m.%d").Finish(), 1)
	f = newFake(t, "6.0.0", numbered(1)...)
	f.index = "a,b"
	once(t, start(t, f, "index_name: A,b").Finish(), 1)
	f = newFake(t, "8.0.0", numbered(1)...)
	f.index = "gambolputty-" + time.Now().UTC().Format("2006.01.02")
	once(t, actortest.Source(t, elasticsearch.Spec, "nodes: "+f.URL).Finish(), 1)
}

// ES-IN-4, ES-IN-5 and ES-IN-6.
func TestFieldsOfHitsBecomeFieldsOfEvents(t *testing.T) {
	const doc = `{"data":"x","http_status":"200","user":"-","_score":7,"a":{"b":[1,{"c":"deep"}]},"d.e":2}`
	for options, want := range map[string]string{
		"": `{"_id":"a0","_index":"web","_score":7,"a":{"b":[1,{"c":"deep"}]},"d.e":2,"data":"x","http_status":"200","user":"-"}`,
		"field_mappings: {'_source.data': 'data', '_source.http_status': 'status'}": `{"data":"x","status":"200"}`,
		"field_mappings: [data, a.b.1.c, nothing, _id, d.e]":                        `{"_id":"a0","a":{"b":{"1":{"c":"deep"}}},"d":{"e":2},"data":"x"}`,
		"field_mappings: http_status":                                               `{"data":"","http_status":"200"}`,
		"field_mappings: {a: x.y.z, a.b: w, _source.user: data, _score: s}":         `{"data":"-","s":null,"w":[1,{"c":"deep"}],"x":{"y":{"z":{"b":[1,{"c":"deep"}]}}}}`,
	} {
		f := newFake(t, "8.0.0", doc)
		if got := actortest.JSON(start(t, f, options).Finish()[0]); got != want {
			t.Errorf("%s gives\n%s", options, got)
		}
	}
	f := newFake(t, "6.8.0", `{}`)
	if got := actortest.JSON(start(t, f, "").Finish()[0]); got != `{"_id":"a0","_index":"web","_score":null,"_type":"log","data":""}` {
		t.Errorf("an old server gives %s", got)
	}
}

func TestATargetThatCannotBeSetIsAFaultOfTheEvent(t *testing.T) {
	f := newFake(t, "8.0.0", `{"a":"text","b":5}`)
	r := start(t, f, "field_mappings: {a: x, b: x.y}")
	if got := actortest.JSON(r.Finish()[0]); got != `{"data":"","x":"text"}` || !strings.Contains(r.Log(), "event could not be handled") {
		t.Errorf("%s\n%s", got, r.Log())
	}
}

// ES-IN-7.
func TestStoredEventsKeepTheirIdentity(t *testing.T) {
	f := newFake(t, "8.0.0", `{"data":"x","gambolputty":{"event_id":"4711","event_type":"httpd","source_module":"TcpServer","more":1}}`)
	for _, options := range []string{"", "field_mappings: [gambolputty, data]"} {
		e := start(t, f, options).Finish()[0]
		if e.ID() != "4711" || e.Type() != "httpd" || actortest.Meta(e, "source_module") != "TcpServer" || actortest.Meta(e, "more") != "1" || actortest.Meta(e, "pid") == "" {
			t.Errorf("metadata %s", actortest.Whole(e))
		}
	}
	f = newFake(t, "8.0.0", `{}`)
	e := start(t, f, "").Finish()[0]
	if e.ReceivedFrom() != strings.TrimPrefix(f.URL, "http://") || actortest.Meta(e, "source_module") != "ElasticSearch" || e.Type() != "Unknown" {
		t.Errorf("metadata %s", actortest.Whole(e))
	}
}

// ES-IN-8.
func TestANodeThatFailsIsLeftOut(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(500)...)
	events := actortest.Source(t, elasticsearch.Spec, "nodes: ['127.0.0.1:1', "+f.URL+"]\nindex_name: web\nbatch_size: 50").Finish()
	once(t, events, 500)
}

// ES-IN-9.
func TestAQueryIsRepeated(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(3)...)
	r := start(t, f, "repeat_query: True\nquery_interval_in_secs: 0.01")
	r.Wait(9)
	if got := numbers(r.Stop()[:6]); !slices.Equal(got, []int64{0, 1, 2, 0, 1, 2}) {
		t.Errorf("got %v", got)
	}
}

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestALostSearchIsBegunAnewIfItIsRepeated(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(150)...)
	f.script = []step{pass, status(404)}
	r := start(t, f, "batch_size: 100\nrepeat_query: True\nquery_interval_in_secs: 0.01")
	r.Wait(250)
	if got := numbers(r.Stop()[:250]); got[100] != 0 || got[249] != 149 || !strings.Contains(r.Log(), "the next run begins anew") {
		t.Errorf("got %v\n%s", got, r.Log())
	}
}

func TestOnlyWhatIsNewComesWithSinceField(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(3)...)
	path := filepath.Join(t.TempDir(), "new", "since")
	options := "repeat_query: True\nquery_interval_in_secs: 0.01\nsince_field: n\nsince_path: " + path
	r := start(t, f, options)
	r.Wait(3)
	f.mu.Lock()
	f.docs = append(f.docs, `{"n":2}`, `{"n":3}`) // one has the highest value of before
	f.mu.Unlock()
	r.Wait(5)
	for end := time.Now().Add(20 * time.Second); !strings.Contains(read(path), `"value":3`); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the file holds %s", read(path))
		}
	}
	if got := numbers(r.Stop()); !slices.Equal(got, []int64{0, 1, 2, 2, 3}) {
		t.Errorf("got %v", got)
	}
	f.docs = append(f.docs, `{"n":4}`, `{"m":9}`)
	options = strings.Replace(options, "repeat_query: True\nquery_interval_in_secs: 0.01\n", "", 1)
	if got := numbers(start(t, f, options).Finish()); !slices.Equal(got, []int64{4}) {
		t.Errorf("after a restart: %v", got)
	}
	if err := os.WriteFile(path, []byte(`{"field":`), 0o600); err != nil {
		t.Fatal(err)
	}
	r = start(t, f, options)
	if got := r.Finish(); len(got) != 7 || !strings.Contains(r.Log(), "damaged") {
		t.Errorf("after damage: %d\n%s", len(got), r.Log())
	}
	r = start(t, f, strings.Replace(options, "since_field: n", "since_field: m", 1))
	if got := r.Finish(); len(got) != 7 || !strings.Contains(r.Log(), "another field") {
		t.Errorf("with another field: %d\n%s", len(got), r.Log())
	}
}

func TestPassingFailuresAreTriedAgain(t *testing.T) {
	for name, one := range map[string]step{
		"429": status(429), "502": status(502), "503": status(503), "504": status(504), "cut": (&fake{}).hangUp(false),
		"garbage": func(w http.ResponseWriter, _ *http.Request) bool { answer(w, 200, "<html>"); return true },
		"shards": func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, 200, `{"_shards":{"failed":1},"hits":{"hits":[]}}`)
			return true
		},
		"timeout": func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, 200, `{"timed_out":true,"hits":{"hits":[]}}`)
			return true
		},
		"lost": nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "8.0.0", numbered(300)...)
			if one == nil {
				one = f.hangUp(true)
			}
			f.script = []step{pass, one}
			r := start(t, f, "batch_size: 100")
			once(t, r.Finish(), 300)
			if log := r.Log(); !strings.Contains(log, "target failed, trying again") || !strings.Contains(log, "target works again") {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// pass is a step that lets the index answer.
func pass(http.ResponseWriter, *http.Request) bool { return false }

// A scroll cannot be asked twice for a page.
func TestALostAnswerOfAScrollIsNoticed(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(300)...)
	f.script = []step{pass, f.hangUp(true)}
	err := start(t, f, "batch_size: 100\nsearch_type: scroll").Err()
	if err == nil || !strings.Contains(err.Error(), "100 of 300 hits did not come") || !strings.Contains(err.Error(), "after 200 events") {
		t.Errorf("the run ends with %v", err)
	}
	f = newFake(t, "8.0.0", numbered(300)...)
	f.script = []step{pass, f.hangUp(false), status(429), status(503)}
	once(t, start(t, f, "batch_size: 100\nsearch_type: scroll").Finish(), 300)
}

func TestWhatNobodyCanHelpEndsTheInputWithAnError(t *testing.T) {
	lost := func(f *fake) { f.script = []step{pass, status(404)} }
	for name, c := range map[string]struct {
		options string
		prepare func(*fake)
		want    string
	}{
		"no index":               {"index_name: other", func(*fake) {}, "index other: "},
		"no index, scroll":       {"index_name: other\nsearch_type: scroll", func(*fake) {}, "no such index [other]"},
		"lost scroll":            {"search_type: scroll\nbatch_size: 100", lost, "after 100 events: the server has lost the search"},
		"lost point":             {"batch_size: 100", lost, "after 100 events: the server has lost the search"},
		"shards lost":            {"search_type: scroll\nbatch_size: 100", func(f *fake) { f.script = []step{pass, shards} }, "lost the search"},
		"refused":                {"", func(f *fake) { f.script = []step{status(400)} }, "spam: eggs"},
		"unknown user":           {"http_auth: 'Brian:se:cret'", func(f *fake) { f.login = "x" }, "to user Brian"},
		"nobody":                 {"", func(f *fake) { f.login = "x" }, "401 Unauthorized to requests without a user"},
		"forbidden":              {"api_key: 'a:b'", func(f *fake) { f.script = []step{status(403)} }, "403 Forbidden to user of api_key"},
		"no points":              {"search_type: pit", func(f *fake) { f.version = "6.0.0" }, "no handler found"},
		"a hit that is no thing": {"", func(f *fake) { f.script = []step{strange} }, "a hit cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "8.0.0", numbered(300)...)
			c.prepare(f)
			r := start(t, f, c.options)
			if err := r.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the run ends with %v", err)
			}
			if strings.Contains(r.Log(), "se:cret") {
				t.Errorf("the log tells the password:\n%s", r.Log())
			}
		})
	}
}

func shards(w http.ResponseWriter, _ *http.Request) bool {
	answer(w, 200, `{"_shards":{"failed":1},"hits":{"hits":[]}}`)
	return true
}

func strange(w http.ResponseWriter, _ *http.Request) bool {
	answer(w, 200, `{"hits":{"hits":[{"_id":nothing,"sort":[1]}]}}`)
	return true
}

func TestNoMatchOfAWildcardIsNoFailure(t *testing.T) {
	f := newFake(t, "8.0.0")
	r := start(t, f, "index_name: none-*")
	if events := r.Finish(); len(events) != 0 || !strings.Contains(r.Log(), "the search has ended") {
		t.Errorf("%d events\n%s", len(events), r.Log())
	}
}

func TestAServerThatIsAwayIsWaitedFor(t *testing.T) {
	err := actortest.Source(t, elasticsearch.Spec, "nodes: 127.0.0.1:1\nstart_timeout_in_secs: 0.1").Err()
	if err == nil || !strings.Contains(err.Error(), "no contact within") {
		t.Errorf("the run ends with %v", err)
	}
	r := actortest.Source(t, elasticsearch.Spec, "nodes: 127.0.0.1:1")
	r.Logged("tries")
	if events := r.Stop(); len(events) != 0 {
		t.Error("there are events")
	}
}

func TestASearchIsClosedWhenTheProgramStops(t *testing.T) {
	for _, how := range []string{"pit", "scroll"} {
		f := newFake(t, "8.0.0", numbered(300)...)
		f.script = []step{pass, status(503), status(503), status(503), status(503)}
		r := start(t, f, "batch_size: 100\nsearch_type: "+how)
		r.Logged("tries")
		if got := len(r.Stop()); got != 100 || !f.closed() {
			t.Errorf("%s: %d events, closed %t", how, got, f.closed())
		}
	}
}

func TestCredentialsAndTLS(t *testing.T) {
	for options, want := range map[string]string{
		"http_auth: 'Brian:se:cret'": "Basic QnJpYW46c2U6Y3JldA==", "api_key: 'se:cret'": "ApiKey c2U6Y3JldA==", "api_key: c2U6Y3JldA==": "ApiKey c2U6Y3JldA==",
	} {
		f := newFake(t, "8.0.0", numbered(3)...)
		f.login = want
		once(t, start(t, f, options).Finish(), 3)
	}
	f := newFake(t, "8.0.0", numbered(3)...)
	f.Close()
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that leaves
	f.StartTLS()
	t.Cleanup(f.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(f.URL, "https://")
	for _, options := range []string{"nodes: " + f.URL + "\ncacert: " + ca, "nodes: " + host + "\nuse_ssl: True\ncacert: " + ca, "nodes: " + host + "\ntls: True\ntls_verify: False"} {
		once(t, actortest.Source(t, elasticsearch.Spec, options+"\nindex_name: web").Finish(), 3)
	}
	if err := actortest.Source(t, elasticsearch.Spec, "nodes: "+f.URL+"\nstart_timeout_in_secs: 0.3").Err(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody is taken: %v", err)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	actortest.Wrong(t, elasticsearch.Spec, map[string]string{
		"nodes: a\nquery: '{\"a\": '":                "query: is no JSON: line 1, at byte 6",
		"nodes: a\nquery: '[]'":                      "query: must be a JSON object, got list",
		"nodes: a\nquery: '{} {}'":                   "behind the JSON object at byte 2",
		"nodes: a\nquery: {size: -1}":                "size must be a whole number",
		"nodes: a\nquery: {pit: {}}":                 "must not hold pit",
		"nodes: a\nquery: 5":                         "query",
		"nodes: a\nsearch_type: spam":                "search_type",
		"nodes: a\nfield_mappings: []":               "must name at least one field",
		"nodes: a\nfield_mappings: {a: 5}":           "field_mappings",
		"nodes: a\nfield_mappings: 5":                "field_mappings",
		"nodes: a\nbatch_size: 0":                    "batch_size",
		"nodes: a\nslices: 2\nquery: {from: 5}":      "slices: cannot be used",
		"nodes: a\nsince_path: /x":                   "since_field",
		"nodes: a\nsince_field: n\nquery: {size: 5}": "since_field: cannot be used",
		"nodes: a\nindex_name: a b":                  "index_name: is no name",
		"nodes: a\nhttp_auth: spam":                  "must be user:password",
		"index_name: a":                              "nodes",
		"nodes: a\nuse_ssl: True\ntls: False":        "use_ssl",
		"nodes: a\napi_key: x\nhttp_auth: 'a:b'":     "api_key",
	})
	if w := actortest.Warnings(t, elasticsearch.Spec, "nodes: a\nquery_interval_in_secs: 5"); len(w) != 1 {
		t.Errorf("warnings %q", w)
	}
	if err := actortest.Options(t, elasticsearch.Spec, "nodes: [a, 'http://b:1']\nsearch_type: scan\nquery: {query: {term: {a: [1, 2.5, true, null, x]}}, sort: [_doc]}\nconnection_type: thrift\nsniff_on_start: True\nsniff_on_connection_fail: True\nread_timeout: 5"); err != nil {
		t.Error(err)
	}
}

func TestTheQueryReachesTheServerAsItIs(t *testing.T) {
	f := newFake(t, "8.0.0", numbered(1)...)
	start(t, f, `query: {query: {term: {a: [1, 2.5, true, null, "x\"y"]}}, sort: [{n: asc}], _source: [n], track_total_hits: true}`).Finish()
	want := `{"query":{"term":{"a":[1,2.5,true,null,"x\"y"]}},"_source":["n"],"track_total_hits":true,"size":1000,"sort":[{"n":"asc"}],"pit":{`
	if f.asked(want) != 2 {
		t.Errorf("was asked %s", fmt.Sprint(f.requests))
	}
}
