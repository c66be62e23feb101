package httpsink_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/outputs/httpsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a server that remembers what it was sent.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	requests []received
	answers  []func(w http.ResponseWriter) // of the first requests; later ones succeed
}

type received struct {
	method, path string
	header       http.Header
	body         string
}

func newReceiver(t *testing.T, answers ...func(http.ResponseWriter)) *receiver {
	r := &receiver{t: t, answers: answers}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP keeps a request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, received{q.Method, q.URL.RequestURI(), q.Header, unpacked(r.t, q.Header.Get("Content-Encoding"), body)})
	if len(r.answers) > 0 {
		r.answers[0](w)
		r.answers = r.answers[1:]
	}
}

func unpacked(t *testing.T, kind string, body []byte) string {
	var in io.Reader = bytes.NewReader(body)
	var err error
	switch kind {
	case "gzip":
		in, err = gzip.NewReader(in)
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(in); err == nil {
			defer z.Close()
		}
		in = z
	}
	if err == nil {
		body, err = io.ReadAll(in)
	}
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// status answers with a status and a text.
func status(code int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, text, code) }
}

// answer answers with success and a text.
func answer(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { io.WriteString(w, text) }
}

// quick makes retries wait for no long time.
const quick = "\nretry_max_interval_in_secs: 0.001"

func events(t *testing.T, objects ...string) (list []*event.Event) {
	for i, o := range objects {
		list = append(list, actortest.Event(t, strings.TrimSuffix(o, "}")+fmt.Sprintf(`,"gambolputty":{"event_id":"id%d"}}`, i)))
	}
	return list
}

func TestTheFormsOfBodies(t *testing.T) {
	const ts = "timestamp_field: ts\ndelete_fields: [gambolputty, ts]\n"
	objects := []string{`{"data":"one\ntwo","host":"a","ts":1.5,"n":{"x":[1,2.5,null,true]}}`, `{"data":"three","host":"b","ts":2}`, `{"data":"four","host":"a","ts":3}`}
	for name, c := range map[string]struct{ options, path, content, body string }{
		"an object a line": {ts, "/in", "application/x-ndjson", `{"data":"one\ntwo","host":"a","n":{"x":[1,2.5,null,true]}}` + "\n" + `{"data":"three","host":"b"}` + "\n" + `{"data":"four","host":"a"}` + "\n"},
		"a list":           {ts + "body: json_array", "/in", "application/json", `[{"data":"one\ntwo","host":"a","n":{"x":[1,2.5,null,true]}},{"data":"three","host":"b"},{"data":"four","host":"a"}]`},
		"lines":            {"body: lines", "/in", "text/plain; charset=utf-8", "one two\nthree\nfour\n"},
		"lines of a kind":  {"body: lines\nformat: '$(host) $(data)\n\n'", "/in", "text/plain; charset=utf-8", "a one two\nb three\na four\n"},
		"a format":         {"body: format\nformat: '<$(host)>'", "/in", "text/plain; charset=utf-8", "<a><b><a>"},
		"loki": {ts + "preset: loki\nlabels: {host: $(host), job: spam}\nformat: $(data)", "/in", "application/json",
			`{"streams":[{"stream":{"host":"a","job":"spam"},"values":[["1500000000","one\ntwo"],["3000000000","four"]]},{"stream":{"host":"b","job":"spam"},"values":[["2000000000","three"]]}]}`},
		"splunk": {ts + "preset: splunk_hec\nlabels: {host: $(host), sourcetype: x}", "/in", "application/json",
			`{"time":1.500,"host":"a","sourcetype":"x","event":{"data":"one\ntwo","host":"a","n":{"x":[1,2.5,null,true]}}}` + "\n" +
				`{"time":2.000,"host":"b","sourcetype":"x","event":{"data":"three","host":"b"}}` + "\n" + `{"time":3.000,"host":"a","sourcetype":"x","event":{"data":"four","host":"a"}}` + "\n"},
		"datadog": {ts + "preset: datadog\nlabels: {service: web, env: prod, host: $(host)}\nformat: $(data)", "/in", "application/json",
			`[{"message":"one\ntwo","service":"web","ddtags":"env:prod,host:a"},{"message":"three","service":"web","ddtags":"env:prod,host:b"},{"message":"four","service":"web","ddtags":"env:prod,host:a"}]`},
		"elasticsearch": {ts + "preset: elasticsearch_bulk", "/in/_bulk", "application/x-ndjson",
			`{"create":{"_id":"id0"}}` + "\n" + `{"data":"one\ntwo","host":"a","n":{"x":[1,2.5,null,true]}}` + "\n" + `{"create":{"_id":"id1"}}` + "\n" + `{"data":"three","host":"b"}` + "\n" + `{"create":{"_id":"id2"}}` + "\n" + `{"data":"four","host":"a"}` + "\n"},
		"otlp": {ts + "preset: otlp\nlabels: {service.name: $(host)}", "/in", "application/json",
			`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeLogs":[{"scope":{"name":"gambolputty"},"logRecords":[` +
				`{"timeUnixNano":"1500000000","body":{"stringValue":"one\ntwo"},"attributes":[{"key":"host","value":{"stringValue":"a"}},{"key":"n","value":{"kvlistValue":{"values":[{"key":"x","value":{"arrayValue":{"values":[{"intValue":"1"},{"doubleValue":2.5},{},{"boolValue":true}]}}}]}}}]},` +
				`{"timeUnixNano":"3000000000","body":{"stringValue":"four"},"attributes":[{"key":"host","value":{"stringValue":"a"}}]}]}]},` +
				`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"b"}}]},"scopeLogs":[{"scope":{"name":"gambolputty"},"logRecords":[` +
				`{"timeUnixNano":"2000000000","body":{"stringValue":"three"},"attributes":[{"key":"host","value":{"stringValue":"b"}}]}]}]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			var answers []func(http.ResponseWriter)
			if name == "elasticsearch" {
				answers = append(answers, answer(`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}},{"create":{"status":409}}]}`))
			}
			r := newReceiver(t, answers...)
			actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"/in\n"+c.options, events(t, objects...)...)
			if len(r.requests) != 1 {
				t.Fatalf("%d requests", len(r.requests))
			}
			q := r.requests[0]
			if q.method != "POST" || q.path != c.path || q.header.Get("Content-Type") != c.content {
				t.Errorf("%s %s %s", q.method, q.path, q.header.Get("Content-Type"))
			}
			if q.body != c.body {
				t.Errorf("got\n%s\nwant\n%s", q.body, c.body)
			}
			if strings.HasSuffix(c.content, "/json") && name != "splunk" && !json.Valid([]byte(q.body)) {
				t.Error("the body is no JSON")
			}
		})
	}
}

func TestPresetsKnowTheirPathsAndHeaders(t *testing.T) {
	for preset, want := range map[string]struct{ path, header, value string }{
		"loki\nlabels: {a: b}": {"/loki/api/v1/push", "Authorization", "Bearer t0ken"},
		"splunk_hec":           {"/services/collector/event", "Authorization", "Splunk t0ken"},
		"datadog":              {"/api/v2/logs", "DD-API-KEY", "t0ken"},
		"elasticsearch_bulk":   {"/_bulk", "Authorization", "Bearer t0ken"},
		"otlp":                 {"/v1/logs", "Authorization", "Bearer t0ken"},
	} {
		r := newReceiver(t, answer(`{"items":[{"create":{"status":201}}]}`))
		actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nbearer_token: ${NO_SUCH_VARIABLE:-t0ken}\npreset: "+preset, events(t, `{"data":"x"}`)...)
		if q := r.requests[0]; q.path != want.path || q.header.Get(want.header) != want.value {
			t.Errorf("%s: %s %v", preset, q.path, q.header)
		}
	}
}

func TestFieldsInTheAddressMakeRequestsOfTheirOwn(t *testing.T) {
	r := newReceiver(t)
	file := filepath.Join(t.TempDir(), "rejected")
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"/in/$(kind)?x=y\nbody: lines\nconcurrency: 1\nmethod: PUT\nreject_action: file\nreject_file: "+file,
		events(t, `{"kind":"a","data":"1"}`, `{"kind":"../b c","data":"2"}`, `{"kind":"a","data":"3"}`, `{"data":"nowhere"}`)...)
	var got []string
	for _, q := range r.requests {
		got = append(got, q.method+" "+q.path+" "+q.body)
	}
	if s := strings.Join(got, "|"); s != "PUT /in/a?x=y 1\n3\n|PUT /in/..%2Fb%20c?x=y 2\n" {
		t.Errorf("got %q", s)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "nowhere") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestBodiesAreBoundedAndCompressed(t *testing.T) {
	for _, compression := range []string{"null", "gzip", "zstd"} {
		r := newReceiver(t)
		var list []string
		for i := range 95 {
			list = append(list, fmt.Sprintf(`{"data":"%03d"}`, i))
		}
		actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nbody: lines\nbatch_bytes: 40\nbatch_size: 1000\nbacklog_size: 1000\ncompression: "+compression, events(t, list...)...)
		var bodies []string
		for _, q := range r.requests {
			if len(q.body) > 40 {
				t.Errorf("a body has %d bytes", len(q.body))
			}
			bodies = append(bodies, q.body)
		}
		slices.Sort(bodies)
		if all := strings.Join(bodies, ""); len(bodies) != 10 || len(all) != 95*4 || !strings.HasPrefix(all, "000\n001\n") || !strings.HasSuffix(all, "094\n") {
			t.Errorf("%s: %d bodies: %q", compression, len(bodies), all)
		}
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	later := func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	r := newReceiver(t, status(500, ""), status(429, ""), status(408, ""), status(425, ""), later, status(401, ""), func(w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nbody: lines"+quick, events(t, `{"data":"x"}`)...)
	if len(r.requests) < 8 {
		t.Errorf("%d requests", len(r.requests))
	}
	for _, q := range r.requests {
		if q.body != "x\n" {
			t.Errorf("body %q", q.body)
		}
	}
}

func TestWhatIsRefusedIsSetAsideWithTheReason(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rejected")
	r := newReceiver(t, status(422, "no such spam "+strings.Repeat("!", 5000)))
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nreject_action: file\nreject_file: "+file, events(t, `{"data":"x"}`, `{"data":"y"}`)...)
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), "422 Unprocessable Entity: no such spam !!!") != 2 || len(text) > 4000 {
		t.Errorf("%v: %d bytes: %.300s", err, len(text), text)
	}
}

func TestABodyThatIsTooLargeIsHalved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rejected")
	r := newReceiver(t, status(413, ""), status(413, ""), answer(""), status(413, "even alone"))
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nbody: lines\nreject_action: file\nreject_file: "+file, events(t, `{"data":"a"}`, `{"data":"b"}`, `{"data":"c"}`, `{"data":"d"}`)...)
	var got []string
	for _, q := range r.requests {
		got = append(got, q.body)
	}
	if s := strings.Join(got, "|"); s != "a\nb\nc\nd\n|a\nb\n|a\n|b\n|c\nd\n" {
		t.Errorf("got %q", s)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), "even alone") {
		t.Errorf("%v: %s", err, text)
	}
}

func TestBulkItemsAreJudgedOneByOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rejected")
	r := newReceiver(t,
		answer("garbage"),
		answer(`{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429,"error":{"type":"busy"}}},{"create":{"status":400,"error":{"type":"mapping"}}},{"create":{"status":409}}]}`),
		answer(`{"errors":false,"items":[{"create":{"status":201}}]}`))
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\npreset: elasticsearch_bulk\nreject_action: file\nreject_file: "+file+quick, events(t, `{"data":"a"}`, `{"data":"b"}`, `{"data":"c"}`, `{"data":"d"}`)...)
	if last := r.requests[len(r.requests)-1]; len(r.requests) != 3 || !strings.Contains(last.body, "id1") || strings.Contains(last.body, "id0") {
		t.Errorf("%d requests, the last is %q", len(r.requests), last.body)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), `mapping`) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestAPartialSuccessOfOTLPIsCounted(t *testing.T) {
	r := newReceiver(t, answer(`{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too long"}}`))
	run := start(t, "url: "+r.URL+"\npreset: otlp", "a", "b")
	run.Finish()
	if !strings.Contains(run.Log(), "1 events of a request were refused: too long") || len(r.requests) != 1 {
		t.Errorf("%d requests\n%s", len(r.requests), run.Log())
	}
}

// start runs the module behind an input of the given lines.
func start(t *testing.T, options string, lines ...string) *actortest.Running {
	t.Helper()
	return actortest.Fed(t, httpsink.Spec, options, lines...)
}

func TestSecretsStaySecret(t *testing.T) {
	r := newReceiver(t, status(401, "who are you?"))
	address := strings.Replace(r.URL, "http://", "http://brian:naughty@", 1) + "/?key=messiah"
	run := start(t, "url: "+address+quick, "x")
	run.Finish()
	r.Close()
	gone := start(t, "url: "+address+"\nproxy: ${NO_SUCH_VARIABLE:-http://brian:naughty@127.0.0.1:1}\nmax_retries: 1\nheaders: {X-Key: messiah}"+quick, "x")
	gone.Finish()
	for _, said := range []string{run.Log(), gone.Log()} {
		if strings.Contains(said, "naughty") || strings.Contains(said, "messiah") || !strings.Contains(said, "target failed") {
			t.Errorf("the log says\n%s", said)
		}
	}
}

func TestATokenFileIsReadAgainWhenItHasChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	token := func(text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	r := newReceiver(t, token("second\n"))
	if err := os.WriteFile(file, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nbearer_token_file: "+file+quick, events(t, `{"data":"x"}`)...)
	if len(r.requests) != 2 || r.requests[0].header.Get("Authorization") != "Bearer first" || r.requests[1].header.Get("Authorization") != "Bearer second" {
		t.Errorf("%+v", r.requests)
	}
}

func TestLoginAndHeaders(t *testing.T) {
	r := newReceiver(t)
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\nbasic_auth: ${NO_SUCH_VARIABLE:-brian:naughty}\nheaders: {X-Spam: eggs, Content-Type: text/spam}", events(t, `{"data":"x"}`)...)
	if h := r.requests[0].header; h.Get("Authorization") != "Basic YnJpYW46bmF1Z2h0eQ==" || h.Get("X-Spam") != "eggs" || h.Get("Content-Type") != "text/spam" {
		t.Errorf("%v", h)
	}
}

func TestTLSAndHTTP2(t *testing.T) {
	own := tlstest.New(t)
	r := &receiver{t: t}
	protocol := ""
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		protocol = q.Proto
		r.ServeHTTP(w, q)
	}))
	r.EnableHTTP2 = true
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	actortest.Sink(t, httpsink.Spec, "url: "+r.URL+"\ntls_verify: False", events(t, `{"data":"x"}`)...)
	if protocol != "HTTP/2.0" || len(r.requests) != 1 {
		t.Errorf("%s, %d requests", protocol, len(r.requests))
	}
	run := start(t, "url: "+r.URL+"\ncacert: "+own.Cert+"\nmax_retries: 1"+quick, "x")
	run.Finish()
	if !strings.Contains(run.Log(), "certificate") || len(r.requests) != 1 {
		t.Errorf("%d requests, and the log says\n%s", len(r.requests), run.Log())
	}
}

func TestTheStartMayWaitForTheReceiver(t *testing.T) {
	r := newReceiver(t)
	address := r.URL
	r.Close()
	run := start(t, "url: "+address+"\nstart_timeout_in_secs: 0.01", "x")
	if err := run.Err(); err == nil || !strings.Contains(err.Error(), "no contact within 10ms") {
		t.Error(err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	const at = "url: http://localhost\n"
	actortest.Wrong(t, httpsink.Spec, map[string]string{
		"url: localhost":                              "must begin with http:// or https://",
		at + "body: format":                           "body is format",
		at + "format: x":                              "has no effect with body ndjson",
		at + "labels: {a: b}":                         "needs one of the presets",
		at + "preset: loki":                           "Loki refuses events without labels",
		at + "preset: spam":                           "loki",
		at + "basic_auth: ${NO_SUCH_VARIABLE:-brian}": "must be user:password",
		at + "basic_auth: ${NO_SUCH_VARIABLE:-a:b}\nbearer_token: ${NO_SUCH_VARIABLE:-c}": "only one of",
		at + "proxy: spam":         "must be a URL that begins with",
		at + "headers: {'a b': c}": "is no header",
		at + "concurrency: 0":      "between 1 and 1000",
		at + "compression: bzip2":  "gzip",
		at + "timezone: Spam/Eggs": "time zone",
		at + "reject_action: file": "reject_file",
		at + "cert: /no/such/file": "key",
	})
}
