package elasticsearchsink_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server that stores documents, notes requests, and fails as its script says.
type fake struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	version  string // what GET / says
	rootCode int    // its status, if it is not 200
	login    string // the only header Authorization that it takes
	nodes    string // what the library gets for its question
	script   []step
	judge    func(action, meta, document string) (status int, kind string)
	requests []request
	stored   map[string]string
	order    []string
}

// step answers one bulk request, or does not (false) and leaves that to the store.
type step func(w http.ResponseWriter, r *http.Request, n int) bool

type request struct {
	uri    string
	header http.Header
	body   string
	items  int
}

func newFake(t *testing.T, version string) *fake {
	f := prepared(t, version)
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func prepared(t *testing.T, version string) *fake {
	return &fake{t: t, version: version, stored: map[string]string{}}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if text := f.strict(r); text != "" {
		http.Error(w, text, http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	login, code := f.login, f.rootCode
	f.mu.Unlock()
	if login != "" && r.Header.Get("Authorization") != login {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}`)
		return
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/es"); {
	case path == "/" && code != 0:
		http.Error(w, "no", code)
	case path == "/":
		distribution, number, ok := strings.Cut(f.version, "-")
		if !ok {
			number = distribution
		}
		fmt.Fprintf(w, `{"name":"n","version":{"number":%q,"distribution":%q},"tagline":"You Know, for Search"}`, number, distribution)
	case path == "/_nodes/_all/http":
		io.WriteString(w, f.nodes)
	case path == "/_bulk" && r.Method == http.MethodPost:
		f.bulk(w, r)
	default:
		f.t.Errorf("unexpected request %s %s", r.Method, r.URL)
	}
}

// strict complains as servers from 8 on do when media types do not fit each other.
func (f *fake) strict(r *http.Request) string {
	accept, content := r.Header.Get("Accept"), r.Header.Get("Content-Type")
	if strings.Contains(accept, "compatible-with") == strings.Contains(content, "compatible-with") {
		return ""
	}
	return "Accept version must be either version 8 or 7, but not found. Accept=" + accept + " Content-Type=" + content
}

func (f *fake) bulk(w http.ResponseWriter, r *http.Request) {
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			f.t.Error(err)
			return
		}
		from = z
	}
	data, err := io.ReadAll(from)
	if err != nil {
		return // the client has gone
	}
	body := string(data)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := strings.Count(body, "\n") / 2
	f.requests = append(f.requests, request{r.RequestURI, r.Header, body, n})
	if len(f.script) > 0 {
		s := f.script[0]
		f.script = f.script[1:]
		if s(w, r, n) {
			return
		}
	}
	f.store(w, body)
}

// store does what the lines say.
func (f *fake) store(w http.ResponseWriter, body string) {
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	var items []string
	errors := false
	for i := 0; i+1 < len(lines); i += 2 {
		var action map[string]map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &action); err != nil || !json.Valid([]byte(lines[i+1])) {
			f.t.Errorf("bad lines %q %q: %v", lines[i], lines[i+1], err)
		}
		for name, meta := range action {
			status, kind := 201, ""
			if f.judge != nil {
				status, kind = f.judge(name, lines[i], lines[i+1])
			}
			key := fmt.Sprint(meta["_index"], "/", meta["_id"])
			_, there := f.stored[key]
			if name == "create" && there && status == 201 {
				status, kind = 409, "version_conflict_engine_exception"
			}
			if status >= 300 {
				errors = true
				items = append(items, fmt.Sprintf(`{%q:{"_index":"i","status":%d,"error":{"type":%q,"reason":"because \"status\":200","caused_by":{"type":"x","reason":"of that"}}}}`, name, status, kind))
				continue
			}
			if !there {
				f.order = append(f.order, lines[i+1])
			}
			f.stored[key] = lines[i+1]
			items = append(items, fmt.Sprintf(`{%q:{"_index":%q,"_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"status":%d}}`, name, meta["_index"], status))
		}
	}
	fmt.Fprintf(w, `{"took":3,"errors":%t,"items":[%s]}`, errors, strings.Join(items, ","))
}

// answer is a step that says the same whatever was asked.
func answer(status int, body string, header ...string) step {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

// hangUp is a step that breaks the connection, before or after the documents are stored.
func (f *fake) hangUp(after bool) step {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		if after {
			f.store(httptest.NewRecorder(), f.requests[len(f.requests)-1].body)
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			f.t.Error(err)
			return false
		}
		c.Close()
		return true
	}
}

// body returns the body of the only request.
func (f *fake) body() string {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) != 1 {
		f.t.Fatalf("%d requests were made", len(f.requests))
	}
	return f.requests[0].body
}

func (f *fake) sizes() (list []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		list = append(list, r.items)
	}
	return list
}

// documents are the fields data of what was stored, in order.
func (f *fake) documents() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, d := range f.order {
		var doc struct{ Data string }
		if err := json.Unmarshal([]byte(d), &doc); err != nil {
			f.t.Error(err)
		}
		list = append(list, doc.Data)
	}
	return strings.Join(list, " ")
}
