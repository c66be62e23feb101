package httpserver_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/httpserver"
	"gambolputty/stages/internal/tlsopt/tlstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const local = "interface: 127.0.0.1\nport: 0\n"

// client makes requests to a running module, each over a connection of its own.
type client struct {
	t    *testing.T
	url  string
	http http.Client
}

func newClient(t *testing.T, r *actortest.Running) *client {
	return &client{t: t, url: "http://" + r.Addr(), http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// do makes a request; headers are pairs of name and value.
func (c *client) do(method, path, body string, headers ...string) *http.Response {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res
}

// status makes a request and returns the answer in short.
func (c *client) status(method, path, body string, headers ...string) string {
	c.t.Helper()
	res := c.do(method, path, body, headers...)
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return fmt.Sprint(res.StatusCode, " ", strings.TrimSuffix(string(text), "\n"))
}

func TestBodiesBecomeEvents(t *testing.T) {
	for name, c := range map[string]struct {
		options, content, body string
		want                   []string
	}{
		"lines":                {"", "text/plain", "one\ntwo\r\n\n  \n three", []string{`{"data":"one"}`, `{"data":"two"}`, `{"data":" three"}`}},
		"what curl sends":      {"", "application/x-www-form-urlencoded", "one", []string{`{"data":"one"}`}},
		"no type":              {"", "", "one\n", []string{`{"data":"one"}`}},
		"an object":            {"", "application/json", `{"a":{"b":1}}`, []string{`{"a":{"b":1},"data":""}`}},
		"a list":               {"", "application/json; charset=utf-8", `[{"a":1},{"data":"x"}]`, []string{`{"a":1,"data":""}`, `{"data":"x"}`}},
		"several documents":    {"", "application/vnd.spam+json", "{\"a\":1}\n{\"a\":2}", []string{`{"a":1,"data":""}`, `{"a":2,"data":""}`}},
		"an object a line":     {"", "application/x-ndjson", "{\"a\":1}\n\n{\"a\":2}\n", []string{`{"a":1,"data":""}`, `{"a":2,"data":""}`}},
		"raw":                  {"", "application/octet-stream", "\x00\xff\n", []string{"{\"data\":\"\\u0000\ufffd\\n\"}"}},
		"asked for":            {"decode: raw", "application/json", "{}\n", []string{`{"data":"{}\n"}`}},
		"one broken line":      {"decode: ndjson", "", "{\"a\":1}\n{\"a\"\n{\"a\":3}", []string{`{"a":1,"data":""}`, `{"data":"{\"a\""} http_server_failure`, `{"a":3,"data":""}`}},
		"no objects":           {"decode: json", "", `["x",5] 6`, []string{`{"data":"x"} http_server_failure`, `{"data":5} http_server_failure`, `{"data":"6"} http_server_failure`}},
		"broken":               {"decode: json", "", `{"a":1} {"b":`, []string{`{"a":1,"data":""}`, `{"data":"{\"b\":"} http_server_failure`}},
		"nothing":              {"decode: json", "", " \n", nil},
		"too deep":             {"decode: json", "", strings.Repeat("[", 1000), []string{`{"data":"` + strings.Repeat("[", 1000) + `"} http_server_failure`}},
		"metadata":             {"", "application/json", `{"gambolputty":{"event_type":"spam"}}`, []string{`{"data":""} spam`}},
		"metadata from nobody": {"protect_metadata: True", "application/json", `{"gambolputty":{"event_type":"spam"}}`, []string{`{"data":""}`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, httpserver.Spec, local+c.options)
			answer := newClient(t, r).status("POST", "/", c.body, "Content-Type", c.content)
			if want := fmt.Sprintf(`200 {"events":%d}`, len(c.want)); answer != want {
				t.Errorf("the answer is %s, want %s", answer, want)
			}
			var got []string
			for _, e := range r.Stop() {
				kind := actortest.Meta(e, "event_type")
				if kind == "Unknown" {
					kind = ""
				}
				got = append(got, strings.TrimSpace(actortest.JSON(e)+" "+actortest.Tags(e)+kind))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestManyEventsOfOneBodyKeepTheirOrder(t *testing.T) {
	r := actortest.Source(t, httpserver.Spec, local)
	var body strings.Builder
	for i := range 10_000 {
		fmt.Fprintln(&body, i)
	}
	if got := newClient(t, r).status("PUT", "/any/path?x=y", body.String()); got != `200 {"events":10000}` {
		t.Error(got)
	}
	for i, e := range r.Stop() {
		if v, _ := e.Field(event.Data); v.Str() != fmt.Sprint(i) || !strings.HasPrefix(e.ReceivedFrom(), "127.0.0.1:") {
			t.Fatalf("event %d is %s", i, actortest.Whole(e))
		}
	}
}

func TestWhoMaySendWhatWhere(t *testing.T) {
	r := actortest.Source(t, httpserver.Spec, local+"paths: {/a: spam, /b: eggs}\nbasic_auth: ${NO_SUCH_VARIABLE:-brian:naughty}\ntokens: ['${NO_SUCH_VARIABLE:-t1}', '${NO_SUCH_VARIABLE:-t2}']")
	c := newClient(t, r)
	login, token := "Basic YnJpYW46bmF1Z2h0eQ==", "bearer t2"
	for name, want := range map[string]struct{ method, path, login, answer string }{
		"login":          {"POST", "/a", login, `200 {"events":1}`},
		"token":          {"PUT", "/b", token, `200 {"events":1}`},
		"wrong password": {"POST", "/a", "Basic YnJpYW46bWVzc2lhaA==", "401 Unauthorized"},
		"wrong token":    {"POST", "/a", "Bearer t3", "401 Unauthorized"},
		"nobody":         {"POST", "/a", "", "401 Unauthorized"},
		"another path":   {"POST", "/c", login, "404 Not Found"},
		"another method": {"GET", "/a", login, "405 Method Not Allowed"},
	} {
		if got := c.status(want.method, want.path, "x", "Authorization", want.login); got != want.answer {
			t.Errorf("%s: %s", name, got)
		}
	}
	if h := c.do("POST", "/a", "x").Header; len(h.Values("WWW-Authenticate")) != 2 {
		t.Errorf("the challenge is %v", h)
	}
	types := map[string]bool{}
	for _, e := range r.Stop() {
		types[actortest.Meta(e, "event_type")] = true
	}
	if len(types) != 2 || !types["spam"] || !types["eggs"] {
		t.Errorf("the types are %v", types)
	}
	if log := r.Log(); strings.Contains(log, "naughty") || strings.Contains(log, "messiah") || strings.Contains(log, "t3") {
		t.Errorf("a secret is in the log:\n%s", log)
	}
}

func TestOthersAreKeptOut(t *testing.T) {
	r := actortest.Source(t, httpserver.Spec, local+"allow_from: [10.0.0.0/8]")
	if got := newClient(t, r).status("POST", "/", "x"); got != "403 Forbidden" {
		t.Error(got)
	}
	if events := r.Stop(); len(events) > 0 {
		t.Error("events came from a forbidden network")
	}
}

func packed(t *testing.T, kind, text string) string {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	var err error
	switch kind {
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "deflate":
		w = zlib.NewWriter(&buf)
	case "zstd":
		w, err = zstd.NewWriter(&buf)
	}
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestCompressedBodies(t *testing.T) {
	r := actortest.Source(t, httpserver.Spec, local+"max_body_bytes: 100000\nmax_in_flight: 1")
	c := newClient(t, r)
	for _, kind := range []string{"gzip", "deflate", "zstd"} {
		for range 2 { // what unpacks is used again
			if got := c.status("POST", "/", packed(t, kind, "spam\neggs"), "Content-Encoding", kind); got != `200 {"events":2}` {
				t.Errorf("%s: %s", kind, got)
			}
			if got := c.status("POST", "/", packed(t, kind, strings.Repeat("s", 100_001)), "Content-Encoding", kind); got != "413 the body has more than 100000 bytes" {
				t.Errorf("a bomb of %s: %s", kind, got)
			}
			if got := c.status("POST", "/", "garbage", "Content-Encoding", kind); !strings.HasPrefix(got, "400 the body cannot be read: ") {
				t.Errorf("no %s: %s", kind, got)
			}
		}
	}
	if got := c.status("POST", "/", strings.Repeat("s", 100_001)); got != "413 the body has more than 100000 bytes" {
		t.Error(got)
	}
	if got := c.status("POST", "/", "x", "Content-Encoding", "br"); got != `415 Content-Encoding must be gzip, zstd or deflate, got "br"` {
		t.Error(got)
	}
	if n := len(r.Stop()); n != 12 {
		t.Errorf("%d events", n)
	}
}

// held is an output that says when it has something and answers when it is told to.
type held struct {
	entered chan struct{}
	answers chan error
}

func newHeld() held { return held{make(chan struct{}, 10), make(chan error, 10)} }

func (h held) spec() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Held", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return h, nil })
}

// Write waits for the answer.
func (h held) Write(ctx context.Context, _ *actor.Batch) error {
	h.entered <- struct{}{}
	select {
	case err := <-h.answers:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start runs the module in front of an output that waits.
func (h held) start(t *testing.T, options string) *actortest.Running {
	return actortest.Start(t, "- Global: {shutdown_timeout: 1}\n- HttpServer:\n    "+strings.ReplaceAll(local+options, "\n", "\n    ")+"\n- Held\n", httpserver.Spec, h.spec())
}

func TestTheAnswerComesAfterDelivery(t *testing.T) {
	h := newHeld()
	r := h.start(t, "max_in_flight: 1")
	c := newClient(t, r)
	first := make(chan string)
	go func() { first <- c.status("POST", "/", "one") }()
	<-h.entered
	if res := c.do("POST", "/", "two"); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("while max_in_flight wait for delivery the answer is %s", res.Status)
	}
	h.answers <- nil
	if got := <-first; got != `200 {"events":1}` {
		t.Error(got)
	}
	h.answers <- nil
	if got := c.status("POST", "/", "two"); got != `200 {"events":1}` {
		t.Errorf("later: %s", got)
	}
	r.Stop()
}

func TestWhatIsUnderWayAtTheStopIsAnsweredAfterDelivery(t *testing.T) {
	h := newHeld()
	r := h.start(t, "")
	c := newClient(t, r)
	keeping := newClient(t, r)
	transport := &http.Transport{}
	keeping.http.Transport = transport
	defer transport.CloseIdleConnections()
	h.answers <- nil
	keeping.status("POST", "/", "one")
	<-h.entered
	second := make(chan string)
	go func() { second <- c.status("POST", "/", "two") }()
	<-h.entered
	stopped := make(chan []*event.Event)
	go func() { stopped <- r.Stop() }()
	for {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			break // nobody listens any more
		}
		conn.Close()
	}
	if res := keeping.do("POST", "/", "three"); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !res.Close {
		t.Errorf("a connection that is open is told %s, %v", res.Status, res.Header)
	}
	h.answers <- nil
	if got := <-second; got != `200 {"events":1}` {
		t.Error(got)
	}
	<-stopped
}

func TestAForcedStopIsNoDelivery(t *testing.T) {
	h := newHeld()
	r := h.start(t, "")
	answer := make(chan string)
	c := newClient(t, r)
	go func() { answer <- c.status("POST", "/", "one") }()
	<-h.entered
	r.StopHard()
	if got := <-answer; got != "503 the events could not be delivered, send them again" {
		t.Error(got)
	}
}

func TestAcceptedIsAnsweredAtOnce(t *testing.T) {
	h := newHeld()
	r := h.start(t, "respond: accepted")
	if got := newClient(t, r).status("POST", "/", "one"); got != `202 {"events":1}` {
		t.Error(got)
	}
	h.answers <- nil
	r.Stop()
}

func TestSlowClientsAreCut(t *testing.T) {
	r := actortest.Source(t, httpserver.Spec, local+"read_timeout: 0.05")
	for _, begun := range []string{"", "POST / HTT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"} {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, begun)
		answer, err := io.ReadAll(conn) // it ends
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(begun, "half") && !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
			t.Errorf("the answer is %q", answer)
		}
		conn.Close()
	}
	if events := r.Stop(); len(events) > 0 {
		t.Error("half a body became an event")
	}
}

func TestHTTP2(t *testing.T) {
	own := tlstest.New(t)
	for _, secure := range []bool{false, true} {
		options := local
		if secure {
			options += "tls: True\ncert: " + own.Cert + "\nkey: " + own.Key
		}
		r := actortest.Source(t, httpserver.Spec, options)
		c := newClient(t, r)
		protocols := new(http.Protocols)
		protocols.SetHTTP2(secure)
		protocols.SetUnencryptedHTTP2(!secure)
		transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{RootCAs: own.Pool}}
		c.http.Transport = transport
		if secure {
			c.url = "https" + strings.TrimPrefix(c.url, "http")
		}
		if res := c.do("POST", "/", "x"); res.StatusCode != 200 || res.ProtoMajor != 2 {
			t.Errorf("with TLS %v: %s over %s", secure, res.Status, res.Proto)
		}
		transport.CloseIdleConnections()
		if n := len(r.Stop()); n != 1 {
			t.Errorf("%d events", n)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, httpserver.Spec, map[string]string{
		"paths: {spam: x}": `a path must begin with / and have no query, got "spam"`,
		"paths: {/: ''}":   "event type of / must not be empty",
		"basic_auth: '${NO_SUCH_VARIABLE:-naughty}'": "must be user:password",
		"tokens: ['']":        "a token must not be empty",
		"tls: True":           "cert",
		"decode: xml":         "auto",
		"max_in_flight: 0":    "at least 1",
		"read_timeout: 0":     "at least",
		"allow_from: [spam]":  "network",
		"respond: eventually": "delivered",
	})
}
