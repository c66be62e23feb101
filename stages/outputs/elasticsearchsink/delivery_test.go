package elasticsearchsink_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/elasticsearchsink"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// quick are options for tests of what goes wrong.
const quick = "\nretry_max_interval_in_secs: 0.01\nread_timeout: 5\nindex_name: i\n"

// start runs the module on lines, which are all there at the beginning.
func start(t *testing.T, options string, lines ...string) *actortest.Running {
	t.Helper()
	return actortest.Fed(t, elasticsearchsink.Spec, options, lines...)
}

func count(r *actortest.Running, name string) int64 {
	return r.Status("ElasticSearchSink").Meter.Own(name).Load()
}

func TestEachDocumentIsAccountedFor(t *testing.T) {
	full := `{"error":{"type":"es_rejected_execution_exception","reason":"full"},"status":429}`
	for name, c := range map[string]struct {
		script   func(f *fake) []step
		judge    func(action, meta, document string) (int, string)
		options  string
		stored   string
		rejected string // "" is none
		retried  bool
		logged   string
	}{
		"all is well": {stored: "a b c"},
		"a mapping error": {
			judge: once("b", 400, "mapper_parsing_exception", 99), stored: "a c", rejected: `400 mapper_parsing_exception: because \"status\":200 (of that)`,
		},
		"too many requests for one":           {judge: once("b", 429, "es_rejected_execution_exception", 2), stored: "a c b", retried: true},
		"a shard is away for one":             {judge: once("b", 503, "unavailable_shards_exception", 2), stored: "a c b", retried: true},
		"an old server has too much to do":    {judge: once("b", 400, "es_rejected_execution_exception", 1), stored: "a c b", retried: true},
		"an index is read-only for a while":   {judge: once("b", 403, "cluster_block_exception", 1), stored: "a c b", retried: true},
		"a document that may not be written":  {judge: once("b", 403, "security_exception", 99), stored: "a c", rejected: "403 security_exception"},
		"a document that is missing":          {judge: once("b", 404, "document_missing_exception", 99), options: "action: update\ndoc_id: $(data)", stored: "", rejected: "404"},
		"a document that is there":            {judge: once("b", 409, "version_conflict_engine_exception", 99), options: "action: create", stored: "a c"},
		"a conflict of versions":              {judge: once("b", 409, "version_conflict_engine_exception", 99), stored: "a c", rejected: "409"},
		"too many requests":                   {script: steps(answer(429, full), answer(429, full)), stored: "a b c", retried: true, logged: "429 Too Many Requests"},
		"a gateway without server":            {script: steps(answer(502, "<html>"), answer(503, ""), answer(504, "")), stored: "a b c", retried: true, logged: "502 Bad Gateway"},
		"a server that fails":                 {script: steps(answer(500, `{"error":"x"}`)), stored: "a b c", retried: true, logged: "500"},
		"a path that leads nowhere":           {script: steps(answer(404, "")), stored: "a b c", retried: true, logged: "404"},
		"a redirection":                       {script: steps(answer(302, "", "Location", "http://localhost:1/")), stored: "a b c", retried: true, logged: "302"},
		"an answer in HTML":                   {script: steps(answer(200, "<html>welcome</html>")), stored: "a b c", retried: true, logged: "not that of Elasticsearch"},
		"an answer that is empty":             {script: steps(answer(200, "")), stored: "a b c", retried: true},
		"an answer about other documents":     {script: steps(answer(200, `{"errors":false,"items":[{"index":{"status":201}}]}`)), stored: "a b c", retried: true, logged: "about 1 documents, not 3"},
		"an answer without a status":          {script: steps(answer(200, `{"errors":true,"items":[{"index":{}},{"index":{}},{}]}`)), stored: "a b c", retried: true, logged: "no status"},
		"an answer that is cut off":           {script: steps(answer(200, `{"errors":false,"items":[`, "Content-Length", "2000")), stored: "a b c", retried: true},
		"a connection that breaks":            {script: func(f *fake) []step { return []step{f.hangUp(false)} }, stored: "a b c", retried: true},
		"an answer that is lost":              {script: func(f *fake) []step { return []step{f.hangUp(true)} }, stored: "a b c", retried: true},
		"an answer that is lost after create": {script: func(f *fake) []step { return []step{f.hangUp(true)} }, options: "action: create", stored: "a b c", retried: true},
		"a request that is too large":         {script: steps(answer(413, "")), stored: "a b c"},
		"a document that is too large":        {script: func(*fake) []step { return tooLarge("b") }, stored: "a c", rejected: "413"},
		"a line that is not understood":       {script: func(*fake) []step { return slices.Repeat([]step{badRequest("c")}, 10) }, stored: "a b", rejected: "400"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "8.0.0")
			if c.script != nil {
				f.script = c.script(f)
			}
			f.judge = c.judge
			if name == "a document that is missing" {
				f.judge = func(string, string, string) (int, string) { return 404, "document_missing_exception" }
			}
			file := t.TempDir() + "/rejected"
			r := start(t, "nodes: "+f.URL+"\nreject_action: file\nreject_file: "+file+quick+c.options, "a", "b", "c")
			r.Finish()
			if got := f.documents(); got != c.stored {
				t.Errorf("stored %q", got)
			}
			text, _ := os.ReadFile(file) // most often there is none
			if !strings.Contains(string(text), c.rejected) || c.rejected == "" && len(text) > 0 {
				t.Errorf("rejected %q", text)
			}
			if got := count(r, "retried") > 0; got != c.retried {
				t.Errorf("retried %v\n%s", got, r.Log())
			}
			if !strings.Contains(r.Log(), c.logged) {
				t.Errorf("log:\n%s", r.Log())
			}
			if n := count(r, "delivered") + count(r, "rejected"); n != 3 {
				t.Errorf("%d events are accounted for", n)
			}
		})
	}
}

// once fails documents with a text so many times.
func once(text string, status int, kind string, times int) func(string, string, string) (int, string) {
	return func(_, _, document string) (int, string) {
		if strings.Contains(document, `"data":"`+text+`"`) && times > 0 {
			times--
			return status, kind
		}
		return 201, ""
	}
}

func steps(list ...step) func(*fake) []step { return func(*fake) []step { return list } }

// tooLarge refuses requests of more than one document, and that with the text.
func tooLarge(text string) []step { return slices.Repeat([]step{refuse(413, 1, text)}, 10) }

func badRequest(text string) step { return refuse(400, 3, text) }

// refuse refuses requests with more documents than most, and those with the text.
func refuse(status, most int, text string) step {
	return func(w http.ResponseWriter, r *http.Request, n int) bool {
		f := r.Context().Value(http.ServerContextKey).(*http.Server).Handler.(*fake)
		if n <= most && !strings.Contains(f.requests[len(f.requests)-1].body, `"data":"`+text+`"`) {
			return false
		}
		w.WriteHeader(status)
		return true
	}
}

func TestRefusedEventsGoToTheDeadLettersWithTheReason(t *testing.T) {
	f := newFake(t, "8.0.0")
	f.judge = once("b", 400, "mapper_parsing_exception", 1)
	feed := make(chan string, 3)
	for _, l := range []string{"a", "b", "c"} {
		feed <- l
	}
	close(feed)
	got := actortest.Start(t, "- Global:\n    dead_letter: TestCatch\n- Lines:\n    receivers: [ElasticSearchSink]\n- ElasticSearchSink:\n    nodes: "+f.URL+"\n- TestCatch\n", elasticsearchsink.Spec, actortest.Lines(feed)).Finish()
	if len(got) != 1 || !strings.HasPrefix(actortest.Meta(got[0], "error"), "ElasticSearchSink: 400 mapper_parsing_exception: because") {
		t.Errorf("got %v", got)
	}
}

func TestRequestsStayWithinTheirBounds(t *testing.T) {
	var lines []string
	for i := range 10 {
		lines = append(lines, strings.Repeat("x", 1000)+strconv.Itoa(i))
	}
	for name, c := range map[string]struct {
		options string
		script  []step
		want    []int
	}{
		"of count":           {"batch_size: 4", nil, []int{4, 4, 2}},
		"of size":            {"max_bulk_size: 4000\ndelete_fields: [gambolputty]", nil, []int{3, 3, 3, 1}},
		"a single one is in": {"max_bulk_size: 10", nil, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		"of the server":      {"", []step{answer(413, "")}, []int{10, 5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "7.0.0")
			f.script = c.script
			actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL+"\n"+c.options, actortest.Events(lines...)...)
			if got := f.sizes(); !slices.Equal(got, c.want) {
				t.Errorf("requests of %v", got)
			}
			if got := f.documents(); got != strings.Join(lines, " ") {
				t.Errorf("stored %s", got)
			}
		})
	}
}

func TestASmallerLimitIsLearnt(t *testing.T) {
	f := newFake(t, "7.0.0")
	for range 100 {
		f.script = append(f.script, func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n > 10 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
			return n > 10
		})
	}
	var events []*event.Event
	for range 80 {
		events = append(events, actortest.Events(strings.Repeat("x", 20_000))...)
	}
	actortest.Sink(t, elasticsearchsink.Spec, "nodes: "+f.URL+"\nbatch_size: 40\nhttp_compression: False", events...)
	refused := 0
	for _, n := range f.sizes() {
		if n > 10 {
			refused++
		}
	}
	if len(f.stored) != 80 || refused > 3 { // 40 and 20 once each, and the other half of 40
		t.Errorf("%d documents, requests %v", len(f.stored), f.sizes())
	}
}

func TestAnOutageLosesNothingAndKeepsTheOrder(t *testing.T) {
	first, second := prepared(t, "7.17.0"), newFake(t, "7.17.0")
	second.script = slices.Repeat([]step{second.hangUp(false)}, 4)
	srv := httptest.NewServer(first)
	first.Server, first.stored, second.stored = srv, map[string]string{}, map[string]string{}
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprint(i))
	}
	first.script = []step{first.hangUp(true), first.hangUp(false)}
	r := start(t, fmt.Sprintf("nodes: [%q, %q]\nbatch_size: 50\nstore_interval_in_secs: 0", srv.URL, second.URL)+quick, lines...)
	r.Finish()
	srv.Close()
	seen := map[string]bool{}
	for _, f := range []*fake{first, second} {
		list := strings.Fields(f.documents())
		if !slices.IsSortedFunc(list, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y }) {
			t.Errorf("the order is %v", list)
		}
		for _, d := range list {
			seen[d] = true
		}
	}
	if len(seen) != 500 || count(r, "delivered") != 500 {
		t.Errorf("%d events arrived, %d are counted", len(seen), count(r, "delivered"))
	}
}

func TestAServerThatIsAwayAtStartIsWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	r := start(t, "nodes: "+address+quick, "a", "b")
	r.Logged("failures")
	f := prepared(t, "8.0.0")
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal("the port was taken by somebody else: ", err)
	}
	f.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: f}}
	f.Start()
	defer f.Close()
	r.Finish()
	if got := f.documents(); got != "a b" {
		t.Errorf("stored %q", got)
	}
}

func TestNothingStartsWithoutAServerIfThatIsWanted(t *testing.T) {
	err := start(t, "nodes: 127.0.0.1:1\nstart_timeout_in_secs: 0.1", "a").Err()
	if err == nil || !strings.Contains(err.Error(), "no contact within 100ms") {
		t.Errorf("the run ends with %v", err)
	}
}

func TestAnAnswerThatTakesTooLongIsNotWaitedFor(t *testing.T) {
	f := newFake(t, "8.0.0")
	f.script = []step{func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		<-r.Context().Done()
		return true
	}, func(w http.ResponseWriter, r *http.Request, _ int) bool { // the headers come, the rest does not
		w.Write([]byte(`{"errors":`))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}}
	r := start(t, "nodes: "+f.URL+strings.Replace(quick, "read_timeout: 5", "read_timeout: 0.2", 1), "a")
	r.Finish()
	if f.documents() != "a" || !strings.Contains(r.Log(), "no answer in time (read_timeout)") || len(f.requests) != 3 {
		t.Errorf("stored %q in %d requests\n%s", f.documents(), len(f.requests), r.Log())
	}
}

func TestARetryAfterIsRespected(t *testing.T) {
	f := newFake(t, "8.0.0")
	var asked time.Time
	f.script = []step{func(w http.ResponseWriter, r *http.Request, n int) bool {
		asked = time.Now()
		return answer(429, "", "Retry-After", "1")(w, r, n)
	}}
	start(t, "nodes: "+f.URL+quick, "a").Finish()
	if d := time.Since(asked); d < time.Second || f.documents() != "a" {
		t.Errorf("it came again after %s", d)
	}
}

func TestAStopByForceDoesNotWaitForTheServer(t *testing.T) {
	f := newFake(t, "8.0.0")
	f.script = []step{func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		<-r.Context().Done()
		return true
	}}
	file := t.TempDir() + "/rejected"
	r := start(t, "nodes: "+f.URL+"\nread_timeout: 600\nreject_file: "+file, "a")
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && r.Status("ElasticSearchSink").Meter.Received.Load() == 0; {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	r.StopHard()
	if d := time.Since(began); d > 10*time.Second || !strings.Contains(read(t, file), `"data":"a"`) {
		t.Errorf("it took %s", d)
	}
}
