package elasticsearchsink_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/elasticsearchsink"
)

func TestEachServerIsSpokenToAsItUnderstands(t *testing.T) {
	const ndjson = "application/x-ndjson"
	for name, c := range map[string]struct {
		options, version, uri, media string
		plain                        bool // the body is not compressed
	}{
		"1":                       {"", "1.7.0", "/_bulk?consistency=quorum&replication=sync", ndjson, true},
		"1 with options":          {"consistency: one\nreplication: async", "1.7.0", "/_bulk?consistency=one&replication=async", ndjson, true},
		"2":                       {"consistency: all", "2.4.0", "/_bulk?consistency=all", ndjson, true},
		"5":                       {"consistency: one", "5.6.0", "/_bulk?wait_for_active_shards=1", ndjson, false},
		"7":                       {"consistency: all\nreplication: async", "7.17.0", "/_bulk?wait_for_active_shards=all", ndjson, false},
		"7 without compression":   {"http_compression: False", "7.17.0", "/_bulk", ndjson, true},
		"1 with compression":      {"http_compression: True", "1.7.0", "/_bulk?consistency=quorum&replication=sync", ndjson, false},
		"8":                       {"", "8.11.1", "/_bulk", "application/vnd.elasticsearch+x-ndjson; compatible-with=7", false},
		"9":                       {"", "9.0.0", "/_bulk", "application/vnd.elasticsearch+x-ndjson; compatible-with=8", false},
		"OpenSearch 2":            {"", "opensearch-2.11.0", "/_bulk", ndjson, false},
		"OpenSearch 8, some day":  {"", "opensearch-8.0.0", "/_bulk", ndjson, false},
		"8 that is said to be 7":  {"server_version: 7.17", "8.11.1", "/_bulk", ndjson, false},
		"8 that is called so":     {"server_version: Elasticsearch 8", "7.0.0", "/_bulk", "application/vnd.elasticsearch+x-ndjson; compatible-with=7", false},
		"said to be OpenSearch 1": {"server_version: opensearch-1.3", "1.3.0", "/_bulk", ndjson, false},
		"behind a path":           {"path_prefix: /es/", "7.0.0", "/es/_bulk", ndjson, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.version)
			actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL+"\nheaders: {X-Tenant: spam, X-Number: 5}\n"+c.options, actortest.Events("a")...)
			f.body()
			r := f.requests[0]
			if r.uri != c.uri {
				t.Errorf("asked for %s", r.uri)
			}
			if got := r.header.Get("Content-Type"); got != c.media {
				t.Errorf("content type %s", got)
			}
			if got := r.header.Get("Content-Encoding") == ""; got != c.plain {
				t.Errorf("encoding %q", r.header.Get("Content-Encoding"))
			}
			if r.header.Get("X-Tenant") != "spam" || r.header.Get("X-Number") != "5" || r.header.Get("User-Agent") != "GambolPutty" {
				t.Errorf("headers %v", r.header)
			}
		})
	}
}

func TestAServerThatDoesNotSayWhatItIsIsTakenForAPresentOne(t *testing.T) {
	for _, code := range []int{401, 403, 404, 405} {
		f := newFake(t, "1.0.0")
		f.rootCode = code
		actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL, actortest.Events("a")...)
		if body := f.body(); strings.Contains(body, `,"_type"`) || f.requests[0].uri != "/_bulk" || f.requests[0].header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%d: %s %s", code, f.requests[0].uri, body)
		}
	}
}

func TestSomethingElseIsNoElasticsearch(t *testing.T) {
	for _, page := range []string{"<html>", "{}", `{"version": "1"}`, `{"version": {"number": "new"}}`, ""} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(page)) }))
		err := start(t, "nodes: "+other.URL+"\nstart_timeout_in_secs: 0.5", "a").Err()
		if err == nil || !strings.Contains(err.Error(), "not that of Elasticsearch") {
			t.Errorf("%q: %v", page, err)
		}
		other.Close()
	}
}

func TestAServerThatIsReplacedIsSpokenToAnew(t *testing.T) {
	f := newFake(t, "6.8.0")
	f.script = []step{func(w http.ResponseWriter, r *http.Request, n int) bool {
		f.version = "8.0.0"
		return f.hangUp(false)(w, r, n)
	}}
	start(t, "nodes: "+f.URL+quick, "a", "b").Finish()
	if len(f.requests) != 2 || !strings.Contains(f.requests[0].body, `"_type":"_doc"`) || strings.Contains(f.requests[1].body, `,"_type"`) || f.documents() != "a b" {
		t.Errorf("%v", f.requests)
	}
}

func TestWhatHasNoEffectIsSaid(t *testing.T) {
	for options, want := range map[string]string{
		"ttl: 5":                   "ttl has no effect on servers from 5.0 on",
		"connection_type: urllib3": "connection_type has no effect",
	} {
		f := newFake(t, "7.0.0")
		r := start(t, "nodes: "+f.URL+"\n"+options, "a")
		r.Finish()
		if !strings.Contains(r.Log(), want) {
			t.Errorf("%s: %s", options, r.Log())
		}
	}
}

func TestCredentialsAreSentAndNeverShown(t *testing.T) {
	for options, want := range map[string]string{
		"http_auth: 'Brian:se:cret'\nnodes: $URL":       "Basic QnJpYW46c2U6Y3JldA==",
		"basic_auth: 'Brian:se:cret'\nnodes: $URL":      "Basic QnJpYW46c2U6Y3JldA==",
		"nodes: http://Brian:se%3Acret@$HOST":           "Basic QnJpYW46c2U6Y3JldA==",
		"nodes: ['Brian:se:cret@$HOST']":                "Basic QnJpYW46c2U6Y3JldA==",
		"api_key: 'se:cret'\nnodes: $URL":               "ApiKey c2U6Y3JldA==",
		"api_key: c2U6Y3JldA==\nnodes: $URL":            "ApiKey c2U6Y3JldA==",
		"headers: {Authorization: secret}\nnodes: $URL": "secret",
	} {
		f := newFake(t, "8.0.0")
		f.login = "other" // at first the server does not want us
		text := strings.NewReplacer("$URL", f.URL, "$HOST", strings.TrimPrefix(f.URL, "http://")).Replace(options)
		r := start(t, text+quick, "a")
		r.Logged("tries")
		f.mu.Lock()
		f.login = want
		f.mu.Unlock()
		r.Finish()
		if f.documents() != "a" {
			t.Errorf("%s: nothing was stored", options)
		}
		said := r.Log()
		if strings.Contains(said, "cret") || strings.Contains(said, "c2U6") || strings.Contains(said, "QnJp") {
			t.Errorf("%s: the log shows it: %s", options, said)
		}
		user := "to user Brian"
		if strings.Contains(options, "api_key") {
			user = "to user of api_key"
		} else if strings.Contains(options, "headers") {
			user = "to requests without a user"
		}
		if !strings.Contains(said, "answers 401 Unauthorized "+user+": security_exception: unable to authenticate") || !strings.Contains(said, "module=ElasticSearchSink") {
			t.Errorf("%s: log %s", options, said)
		}
	}
}

func TestTLS(t *testing.T) {
	f := prepared(t, "8.0.0")
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that leaves
	f.StartTLS()
	defer f.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(f.URL, "https://")
	for i, options := range []string{
		"nodes: " + f.URL + "\ncacert: " + ca, "nodes: " + host + "\nuse_ssl: True\ncacert: " + ca, "nodes: " + host + "\ntls: True\ntls_verify: False",
	} {
		actortest.Sink(t, elasticsearchsink.Spec, options, actortest.Events("a")...)
		if len(f.requests) != i+1 {
			t.Errorf("%s: nothing was stored", options)
		}
	}
	err := start(t, "nodes: "+f.URL+"\nstart_timeout_in_secs: 1", "a").Err()
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody is taken: %v", err)
	}
}

func TestRequestsGoThroughAProxy(t *testing.T) {
	f := prepared(t, "8.0.0")
	var auth string
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Proxy-Authorization")
		if r.URL.Host != "search.invalid:9200" {
			t.Errorf("the proxy is asked for %s", r.URL)
		}
		f.ServeHTTP(w, r)
	}))
	defer f.Close()
	actortest.Sink(t, elasticsearchsink.Spec, "nodes: search.invalid\nproxy: "+strings.Replace(f.URL, "http://", "http://a:b@", 1), actortest.Events("a")...)
	if f.documents() != "a" || auth != "Basic YTpi" {
		t.Errorf("stored %q, credentials %q", f.documents(), auth)
	}
}

func TestNothingIsSentInADryRun(t *testing.T) {
	f := newFake(t, "8.0.0")
	feed := make(chan string, 1)
	feed <- "a"
	close(feed)
	actortest.StartDry(t, "- Lines\n- ElasticSearchSink:\n    nodes: "+f.URL+"\n", elasticsearchsink.Spec, actortest.Lines(feed)).Finish()
	if len(f.requests) > 0 {
		t.Error("something was sent")
	}
}

func TestSniffingAddsTheNodesThatAnswer(t *testing.T) {
	second := newFake(t, "8.0.0")
	for name, options := range map[string]string{"at start": "sniff_on_start: True", "after a failure": "sniff_on_connection_fail: True", "not at all": ""} {
		t.Run(name, func(t *testing.T) {
			first := newFake(t, "8.0.0")
			second.requests = nil
			host := strings.TrimPrefix(second.URL, "http://")
			first.nodes = `{"cluster_name":"c","nodes":{
				"a":{"http":{"publish_address":"` + host + `"},"roles":["data","ingest"]},
				"b":{"http":{"publish_address":"127.0.0.1:1"},"roles":["data"]},
				"c":{"http":{"publish_address":"127.0.0.1:2"},"roles":["master"]},
				"d":{}}}`
			if name == "after a failure" {
				first.script = []step{answer(503, "")}
			}
			r := start(t, "nodes: "+first.URL+"\nbatch_size: 1\nstore_interval_in_secs: 0\n"+options+quick, "a", "b", "c", "d")
			r.Finish()
			if got, want := len(second.requests) > 0, name != "not at all"; got != want {
				t.Errorf("the other node got %d requests\n%s", len(second.requests), r.Log())
			}
			if strings.Contains(r.Log(), "127.0.0.1:1\"") || len(first.stored)+len(second.requests) != 4 {
				t.Errorf("log %s", r.Log())
			}
		})
	}
}

func TestSniffingThatFailsChangesNothing(t *testing.T) {
	f := newFake(t, "7.0.0")
	f.nodes = "<html>"
	r := start(t, "nodes: "+f.URL+"\nsniff_on_start: True", "a")
	r.Finish()
	if f.documents() != "a" || !strings.Contains(r.Log(), "cannot be found") {
		t.Errorf("stored %q\n%s", f.documents(), r.Log())
	}
}

func TestTheNamesHaveTheirPools(t *testing.T) {
	for _, name := range []string{"ElasticSearchMultipleWorkersSink", "ElasticSearchMultipleWorkerSink", "ElasticSearchMultiProcessSink"} {
		f := newFake(t, "8.0.0")
		feed := make(chan string, 100)
		for range 100 {
			feed <- "x"
		}
		close(feed)
		r := actortest.Start(t, "- Lines\n- "+name+":\n    nodes: ["+f.URL+"]\n    batch_size: 10\n", elasticsearchsink.Spec, elasticsearchsink.Multiple, actortest.Lines(feed))
		r.Finish()
		if n := r.Status(name).Workers; n != 2 || len(f.stored) != 100 {
			t.Errorf("%s has %d workers and stored %d", name, n, len(f.stored))
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	const n = "nodes: a\n"
	actortest.Wrong(t, elasticsearchsink.Spec, map[string]string{
		"": "nodes", "nodes: []": "at least one node", "nodes: {a: b}": "string or list", "nodes: [5]": "string", "nodes: ftp://a": "must be host", "nodes: 'a:0'": "must be host",
		"nodes: 'http://'": "must be host", "nodes: 'a b'": "must be host", "nodes: 'a:99999'": "must be host", "nodes: 'x:secret@:1'": `got ":1"`,
		n + "action: delete": "one of index", n + "action: update": "doc_id", n + "action: update\ndoc_id: ''": "doc_id", n + "doc_as_upsert: True": "needs action: update",
		n + "action: update\ndoc_id: a\npipeline: p": "cannot be used with action: update", n + "action: index\ndata_stream: True": "must be create",
		n + "format: a\nfields: [b]": "together with format", n + "index_name: ''": "must not be empty", n + "version: first": "whole number", n + "version_type: external": "version",
		n + "ttl: soon": "milliseconds", n + "consistency: some": "one, quorum, all", n + "replication: some": "sync", n + "max_bulk_size: 0": "at least 1",
		n + "http_auth: secret": "must be user:password", n + "http_auth: 'a:b'\napi_key: c": "together with http_auth", n + "api_key: 'a b'": "must be id:key",
		n + "proxy: localhost": "must be a URL", n + "headers: {'a b': c}": "no header", n + "server_version: new": "such as 7.17", n + "server_version: mysql-5": "such as 7.17",
		n + "server_version: []": "string", n + "timezone: Nowhere": "Nowhere", n + "cert: a": "key", n + "use_ssl: True\ntls: False": "another name of tls", n + "batch_size: 0": "at least 1",
		n + "backlog_size: -1": "at least 1", n + "format: '$(a'": "not closed", n + "receivers: [x]": "E024", n + "reject_action: file": "reject_file", n + "connection_type: carrier": "http, thrift",
		n + "http_auth: a:b\nbasic_auth: c:d": "another name of",
	})
	for _, options := range []string{"nodes: a", "nodes: ['::1', '[::1]:9201', 'http://a/es', 'https://a:9']", n + "connection_type: thrift\nttl: 15m\nconsistency: one"} {
		if err := actortest.Options(t, elasticsearchsink.Spec, options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
	for _, err := range []string{n + "http_auth: secret", "nodes: 'x:secret@:1'", n + "api_key: 'sec ret'"} {
		if text := actortest.Options(t, elasticsearchsink.Spec, err).Error(); strings.Contains(text, "secret") || strings.Contains(text, "sec ret") {
			t.Errorf("the message repeats it: %s", text)
		}
	}
}
