package httprequest

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server and returns its URL.
func serve(t testing.TB, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

// one sends an event through the module and returns it as text, with its tags.
func one(t testing.TB, options, object string) string {
	t.Helper()
	out := actortest.Process(t, Spec, options, actortest.Event(t, object))
	text := actortest.JSON(out[0])
	if tags := actortest.Tags(out[0]); tags != "" {
		text += " " + tags
	}
	return text
}

func want(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTheReferencesExample(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status" && r.Method == "GET" {
			io.WriteString(w, "OK")
		}
	})
	host := strings.TrimPrefix(u, "http://")
	want(t, one(t, "url: $(schema)://$(host)/status\ntarget_field: $(surname) Gambolputty", `{"schema":"http","host":"`+host+`","surname":"Johann"}`),
		`{"Johann Gambolputty":"OK","host":"`+host+`","schema":"http","surname":"Johann"}`)
	want(t, one(t, "url: "+u+"/status", `{}`), `{"gambolputty_http_request":"OK"}`)
	want(t, one(t, "url: "+u+"/status\ntarget_field: a.b", `{"a":{}}`), `{"a":{"b":"OK"}}`)
	want(t, one(t, "url: "+u+"/status\ntarget_field: a.b", `{"a":1}`), `{"a":1} http_request_failure`)
	want(t, one(t, "url: "+u+"/status\nfilter: $(x)", `{"a":1}`), `{"a":1}`)
}

func TestResultsAsMaps(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/new", http.StatusFound)
		case "/no":
			http.Error(w, "not here", http.StatusNotFound)
		case "/json":
			io.WriteString(w, ` {"a": [1, 2.50, 12345678901234567890123]} `)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			w.Header()["Date"] = nil
			w.Header().Add("X-Parrot", "dead")
			w.Header().Add("X-Parrot", "not dead")
			io.WriteString(w, "\xffbytes")
		}
	})
	want(t, one(t, "target_field: r\nresponse_as: dict\nurl: "+u+"/moved", `{}`), `{"r":{"content":"�bytes","status_code":200,"url":"`+u+`/new"}}`)
	want(t, one(t, "target_field: r\nget_response_header: True\nurl: "+u+"/x", `{}`),
		`{"r":{"content":"�bytes","headers":[["Content-Length","6"],["Content-Type","text/plain; charset=utf-8"],["X-Parrot","dead"],["X-Parrot","not dead"]],"status_code":200,"url":"`+u+`/x"}}`)
	want(t, one(t, "target_field: r\nresponse_as: dict\nkeep_error_response: True\nurl: "+u+"/no", `{}`), `{"r":{"content":"not here\n","status_code":404,"url":"`+u+`/no"}}`)
	want(t, one(t, "target_field: r\nresponse_as: dict\nkeep_error_response: True\nparse_json: True\nurl: "+u+"/no", `{}`), `{"r":{"content":null,"status_code":404,"url":"`+u+`/no"}}`)
	want(t, one(t, "target_field: r\nparse_json: True\nurl: "+u+"/json", `{}`), `{"r":{"a":[1,2.50,12345678901234567890123]}}`)
	for _, options := range []string{"url: " + u + "/no", "parse_json: True\nurl: " + u + "/x", "url: " + u + "/round", "response_as: dict\nurl: " + u + "/no"} {
		want(t, one(t, options, `{"x":1}`), `{"x":1} http_request_failure`)
	}
	out := actortest.Process(t, Spec, "target_field: r\nurl: "+u+"/x", actortest.Event(t, "{}"))
	if v, _ := out[0].Get(event.MustPath("r")); v.Str() != "\xffbytes" {
		t.Errorf("the bytes are %q", v.Str())
	}
}

func TestWhatIsSent(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s %s %s %s:%s", r.Method, r.RequestURI, r.Header.Get("X-A"), r.Host, body, user, password)
	})
	host := strings.TrimPrefix(u, "http://")
	want(t, one(t, "target_field: r\nmethod: $(m)\nheaders: {X-A: 'a $(v)'}\nbody: '{\"v\": \"$(v)\"}'\nbasic_auth: ${NO_SUCH:-brian:s:x}\nurl: "+u+"/$(v)?q=$(v)", `{"m":"PUT","v":"5"}`),
		`{"m":"PUT","r":"PUT /5?q=5 a 5 `+host+` {\"v\": \"5\"} brian:s:x","v":"5"}`)
	want(t, one(t, "target_field: r\nencode_values: True\nheaders: {Host: parrot}\nbasic_auth: {user: a, password: '${NO_SUCH:-b}'}\nurl: "+u+"/$(v)?q=$(v)", `{"v":"a b/&ü"}`),
		`{"r":"GET /a%20b%2F%26%C3%BC?q=a%20b%2F%26%C3%BC  parrot  a:b","v":"a b/&ü"}`)
	for _, options := range []string{"url: " + u + "/$(nope)", "url: " + u + "/\ntarget_field: $(nope)", "url: " + u + "/\nbody: $(nope)", "url: " + u + "/\nheaders: {A: $(nope)}", "url: " + u + "/\nmethod: $(nope)",
		"url: $(u)", "url: " + u + "/\nmethod: 'G E T'", "url: " + u + "/\nheaders: {A: \"x\\r\\nB: c\"}", "url: " + u + "/\ntarget_field: $(empty)"} {
		want(t, one(t, options, `{"u":"file:///etc/passwd","empty":""}`), `{"empty":"","u":"file:///etc/passwd"} http_request_failure`)
	}
}

func TestFaultsOfServers(t *testing.T) {
	release := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/big":
			w.Write(make([]byte, 2000))
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "x")
		case "/slow":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	})
	defer close(release)
	for _, options := range []string{"url: http://127.0.0.1:1/", "max_response_bytes: 1999\nurl: " + u + "/big", "url: " + u + "/cut", "socket_timeout: 50ms\nurl: " + u + "/slow", "url: http://no.such.host.invalid/"} {
		want(t, one(t, options, `{"x":1}`), `{"x":1} http_request_failure`)
	}
	if got := one(t, "max_response_bytes: 2000\nurl: "+u+"/big", `{"x":1}`); len(got) < 2000 {
		t.Errorf("got %s", got)
	}
}

func TestRequestsAreMadeAgainIfThatMayHelp(t *testing.T) {
	var n atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch i := n.Add(1); {
		case r.URL.Path == "/never":
			w.WriteHeader(http.StatusTooManyRequests)
		case r.URL.Path == "/wrong":
			w.WriteHeader(http.StatusBadRequest)
		case i == 1:
			w.WriteHeader(http.StatusBadGateway)
		case i == 2:
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
		default:
			io.WriteString(w, "OK")
		}
	})
	want(t, one(t, "retries: 2\ntarget_field: r\nurl: "+u, `{}`), `{"r":"OK"}`)
	for path, tries := range map[string]int32{"/never": 2, "/wrong": 1} {
		n.Store(0)
		want(t, one(t, "retries: 1\nurl: "+u+path, `{}`), `{} http_request_failure`)
		if n.Load() != tries {
			t.Errorf("%s was asked %d times", path, n.Load())
		}
	}
	n.Store(0)
	want(t, one(t, "retries: 1\ntarget_field: r\nresponse_as: dict\nkeep_error_response: True\nurl: "+u+"/never", `{}`), `{"r":{"content":"","status_code":429,"url":"`+u+`/never"}}`)
	if n.Load() != 2 {
		t.Errorf("asked %d times", n.Load())
	}
}

// service makes a module of a store.
type service struct{ store.Store }

// Serve waits for the end.
func (service) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

func backend(s store.Store) actor.Spec {
	return actor.DefineService(actor.Info{Name: "KeyValueStore", Role: actor.StandAlone}, struct{}{}, func(actor.Env, struct{}) (actor.Service, error) { return service{s}, nil })
}

func lines(texts ...string) chan string {
	feed := make(chan string, len(texts))
	for _, s := range texts {
		feed <- s
	}
	close(feed)
	return feed
}

func all(events []*event.Event) string {
	var list []string
	for _, e := range events {
		list = append(list, actortest.JSON(e)+" "+actortest.Meta(e, "cache_hit")+" "+actortest.Tags(e))
	}
	return strings.Join(list, "\n")
}

func TestResultsAreKeptInAStore(t *testing.T) {
	var n atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		switch r.URL.Path {
		case "/empty":
		case "/no":
			w.WriteHeader(http.StatusNotFound)
		default:
			io.WriteString(w, r.URL.Path)
		}
	})
	s := store.NewMemory(store.MemoryOptions{})
	config := "- Lines\n- KeyValueStore\n- HttpRequest:\n    url: " + u + "/$(data)\n    target_field: r\n    cache: KeyValueStore\n    cache_key: inv:$(data)\n    cache_ttl: 300\n    pool_size: 1\n- TestCatch\n"
	r := actortest.Start(t, config, Spec, backend(s), actortest.Lines(lines("a", "a", "empty", "empty", "no")))
	want(t, all(r.Finish()), `{"data":"a","r":"/a"} False `+"\n"+`{"data":"a","r":"/a"} True `+"\n"+`{"data":"empty","r":""} False `+"\n"+`{"data":"empty","r":""} False `+"\n"+`{"data":"no"}  http_request_failure`)
	if n.Load() != 4 || s.Len() != 1 {
		t.Errorf("%d requests, %d entries", n.Load(), s.Len())
	}
	former := strings.NewReplacer("cache:", "redis-client:", "cache_key:", "redis-key:", "cache_ttl:", "redis-ttl:").Replace(config)
	r = actortest.Start(t, former, Spec, backend(s), actortest.Lines(lines("a")))
	want(t, all(r.Finish()), `{"data":"a","r":"/a"} True `)
	for e := range s.Iterate(t.Context(), "") {
		if e.Key != "inv:a" || e.TTL > 5*time.Minute || e.TTL < 4*time.Minute {
			t.Errorf("%s for %s", e.Key, e.TTL)
		}
	}
	r = actortest.Start(t, strings.ReplaceAll(config, "inv:$(data)", "$(nope)"), Spec, backend(s), actortest.Lines(lines("a")))
	want(t, all(r.Finish()), `{"data":"a"}  http_request_failure`)
}

func TestEqualRequestsAtTheSameTimeAreOne(t *testing.T) {
	var n atomic.Int32
	release := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		<-release
		io.WriteString(w, "x")
	})
	s := store.NewMemory(store.MemoryOptions{})
	r := actortest.Start(t, "- Numbers\n- KeyValueStore\n- HttpRequest:\n    url: "+u+"\n    redis_store: KeyValueStore\n    redis_key: same\n    pool_size: 20\n- TestCatch\n", Spec, backend(s), actortest.Numbers(20))
	for n.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	close(release)
	if out := r.Finish(); len(out) != 20 || n.Load() != 1 {
		t.Errorf("%d events, %d requests", len(out), n.Load())
	}
}

func TestAsManyRequestsAsWorkersAreUnderWay(t *testing.T) {
	const workers = 7
	crowd := actortest.NewCrowd(workers)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		crowd.Join()
		io.WriteString(w, r.URL.Path)
	})
	r := actortest.Start(t, fmt.Sprintf("- Numbers\n- HttpRequest:\n    url: %s/$(n)\n    target_field: r\n    pool_size: %d\n- TestCatch\n", u, workers), Spec, actortest.Numbers(100))
	for i, e := range r.Finish() {
		if v, _ := e.Get(event.MustPath("r")); v.Str() != fmt.Sprint("/", i) {
			t.Fatalf("event %d has %s", i, v.Text())
		}
	}
	if most := crowd.Most(); most != workers {
		t.Errorf("%d requests at a time", most)
	}
	if storetest.Counter(r, "HttpRequest", "requests") != 100 {
		t.Error("the requests were not counted")
	}
}

func TestASlowServerHoldsUpOnlyWhoNeedsIt(t *testing.T) {
	release := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
	})
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- HttpRequest:\n    url: "+u+"/$(data)\n    ordered: False\n    pool_size: 2\n- TestCatch\n", Spec, actortest.Lines(feed))
	feed <- "slow"
	for i := range 10 {
		feed <- fmt.Sprint(i)
	}
	r.Wait(10)
	close(release)
	if out := r.Stop(); len(out) != 11 {
		t.Errorf("%d events", len(out))
	}
}

func TestRequestsOnItsOwn(t *testing.T) {
	var n atomic.Int32
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if i := n.Add(1); i == 2 {
			w.WriteHeader(http.StatusInternalServerError)
		} else {
			fmt.Fprintf(w, "%d", i)
		}
	})
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- HttpRequest:\n    url: "+u+"\n    interval: 0.02\n    target_field: r\n    add_fields: {seen: yes it was}\n    filter: $(nope)\n- TestCatch\n", Spec, actortest.Lines(feed))
	feed <- "a line"
	out := r.Wait(4)
	r.Stop()
	text := all(out)
	if !strings.Contains(text, `{"data":"a line"}`) || !strings.Contains(text, `{"data":"","r":"1","seen":"yes it was"}`) || !strings.Contains(text, `"r":"3"`) {
		t.Error(text)
	}
	for _, e := range out {
		if v, _ := e.Get(event.MustPath("data")); v.Str() == "" && (actortest.Meta(e, "source_module") != "HttpRequest" || e.Type() != "Unknown") {
			t.Error(actortest.Whole(e))
		}
	}
	if !strings.Contains(r.Log(), "500 Internal Server Error") {
		t.Error(r.Log())
	}
}

func TestTheFirstRequestIsMadeAtStart(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") })
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- HttpRequest: {url: '"+u+"', interval: 1h}\n- TestCatch\n", Spec, actortest.Lines(feed))
	r.Wait(1)
	feed <- "a"
	if got := all(r.Wait(2)); !strings.Contains(got, `{"data":"a","gambolputty_http_request":"x"}`) {
		t.Error(got)
	}
	r.Stop()
}

func TestProxy(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "for ", r.URL.Host) })
	want(t, one(t, "target_field: r\nproxy: "+u+"\nurl: http://parrot.example.com/", `{}`), `{"r":"for parrot.example.com"}`)
	want(t, one(t, "target_field: r\nproxy: "+u+"\nallowed_hosts: [parrot.example.com]\nurl: http://parrot.example.com/", `{}`), `{"r":"for parrot.example.com"}`)
	want(t, one(t, "target_field: r\nproxy: "+u+"\nallowed_hosts: [example.com]\nurl: http://parrot.example.com/", `{}`), `{} http_request_failure`)
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "safe") }))
	s.TLS.ClientAuth = tls.RequestClientCert
	defer s.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, one(t, "target_field: r\ntls_ca: "+file+"\nurl: "+s.URL, `{}`), `{"r":"safe"}`)
	want(t, one(t, "target_field: r\ntls_verify: False\nurl: "+s.URL, `{}`), `{"r":"safe"}`)
	want(t, one(t, "url: "+s.URL, `{}`), `{} http_request_failure`)
	r := actortest.Start(t, "- Lines\n- HttpRequest: {url: 'https://x', tls_ca: /nowhere}\n- TestCatch\n", Spec, actortest.Lines(lines()))
	if err := r.Err(); !errors.Is(err, actor.ErrStart) {
		t.Errorf("got %v", err)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var made atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/0" {
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "some text")
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	r := actortest.Start(t, "- Numbers\n- HttpRequest: {url: '"+s.URL+"/$(n)', pool_size: 2}\n- TestCatch\n", Spec, actortest.Numbers(50))
	// The transport may dial one more while a connection is on its way back.
	if r.Finish(); made.Load() > 10 {
		t.Errorf("%d connections", made.Load())
	}
}

func TestNothingIsReachedInADryRun(t *testing.T) {
	u := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	r := actortest.StartDry(t, "- Lines\n- HttpRequest: {url: '"+u+"', interval: 0.01}\n- TestCatch\n", Spec, actortest.Lines(lines("a")))
	want(t, all(r.Finish()), `{"data":"a"}  `)
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, Spec, map[string]string{
		"": "url", "url: ''": "must not be empty", "url: ftp://x": "http://", "url: http://": "http://", "url: x": "http://", "url: http://x\nredis_store: a": "redis_key", "url: http://x\nredis_store: a\nredis_key: k": "E033",
		"url: http://x\nkeep_error_response: True": "response_as: dict", "url: http://x\ntarget_field: ''": "must not be empty", "url: http://x\ninterval: 0": "at least 10ms", "url: http://x\nallowed_hosts: []": "at least one",
		"url: http://x\nallowed_hosts: ['a*b']": "must be a host", "url: http://x\nallowed_hosts: ['http://a']": "must be a host", "url: http://x\nallowed_hosts: 5": "must be list", "url: http://x\nproxy: ftp://x": "proxy", "url: http://x\ntls_cert: a": "tls_key", "url: http://x\ntls_key: a": "tls_cert",
		"url: http://x\nbasic_auth: brian": "user:password", "url: http://x\nbasic_auth: 5": "a map with user and password", "url: http://x\nbasic_auth: {user: a}": "password", "url: http://x\nheaders: {'a b': c}": "no name of a header", "url: http://x\nretries: -1": "at least 0",
		"url: http://x\nmax_response_bytes: 0": "at least 1", "url: http://$(a": "E032",
	})
	if got := actortest.Warnings(t, Spec, "url: http://x\nbasic_auth: brian:secret\nredis_key: k"); len(got) != 2 || slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "secret}") || strings.Contains(s, ":secret") }) {
		t.Errorf("warnings: %v", got)
	}
	if err := actortest.Options(t, Spec, "url: http://x\nallowed_hosts: example.com\nheaders: {A: b}\ncacert: /x\nget_response_header: True\nkeep_error_response: True"); err != nil {
		t.Error(err)
	}
}

func BenchmarkEvent(b *testing.B) {
	u := serve(b, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "OK") })
	b.Run("request", func(b *testing.B) {
		actortest.BenchEvents(b, Spec, "url: "+u+"/$(host)\npool_size: 10", "", nil, `{"host":"web01"}`)
	})
	b.Run("hit", func(b *testing.B) {
		s := store.NewMemory(store.MemoryOptions{})
		actortest.BenchEvents(b, Spec, "url: "+u+"/$(host)\npool_size: 1\nredis_store: KeyValueStore\nredis_key: $(host)", "- KeyValueStore\n", []actor.Spec{backend(s)}, `{"host":"web01"}`)
	})
}
