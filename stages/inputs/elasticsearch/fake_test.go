package elasticsearch_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/elasticsearch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server with one index. It searches by range queries only, notes requests, and
// fails as its script says.
type fake struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	version  string
	login    string
	index    string
	docs     []string // sources; the number is id and order
	script   []step
	requests []string
	open     map[string]*view
	ids      int
}

// view is a scroll or a point in time.
type view struct {
	docs []int
	at   int
	size int
}

// step answers a search, or does not (false) and leaves that to the index.
type step func(w http.ResponseWriter, r *http.Request) bool

func newFake(t testing.TB, version string, docs ...string) *fake {
	f := &fake{t: t, version: version, index: "web", docs: docs, open: map[string]*view{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func numbered(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(`{"n":%d}`, i))
	}
	return list
}

type searchBody struct {
	Query json.RawMessage
	Size  int
	Sort  json.RawMessage
	Slice *struct{ ID, Max int }
	Pit   struct {
		ID string `json:"id"`
	}
	After  []int  `json:"search_after"`
	Scroll string `json:"scroll_id"`
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if a, c := r.Header.Get("Accept"), r.Header.Get("Content-Type"); strings.Contains(a, "compatible-with") != strings.Contains(c, "compatible-with") {
		http.Error(w, "Accept version must be either version 8 or 7, but not found. Accept="+a+" Content-Type="+c, http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.login != "" && r.Header.Get("Authorization") != f.login {
		answer(w, http.StatusUnauthorized, `{"error":{"type":"security_exception","reason":"unable to authenticate"},"status":401}`)
		return
	}
	if r.URL.Path == "/" {
		distribution, number, ok := strings.Cut(f.version, "-")
		if !ok {
			number = distribution
		}
		fmt.Fprintf(w, `{"version":{"number":%q,"distribution":%q}}`, number, distribution)
		return
	}
	f.requests = append(f.requests, r.Method+" "+r.URL.String()+" "+r.Header.Get("Accept")+" "+string(body))
	if strings.HasSuffix(r.URL.Path, "_search") || strings.HasSuffix(r.URL.Path, "scroll") && r.Method == http.MethodPost {
		if len(f.script) > 0 {
			next := f.script[0]
			f.script = f.script[1:]
			if next(w, r) {
				return
			}
		}
	}
	f.serve(w, r, body)
}

func answer(w http.ResponseWriter, code int, text string) {
	w.WriteHeader(code)
	io.WriteString(w, text)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request, text []byte) {
	var b searchBody
	if len(text) > 0 && r.Method != http.MethodDelete {
		if err := json.Unmarshal(text, &b); err != nil {
			f.t.Errorf("%s %s: %v in %s", r.Method, r.URL, err, text)
		}
	}
	major, _ := strconv.Atoi(strings.TrimPrefix(f.version, "opensearch-")[:1])
	opensearch := strings.HasPrefix(f.version, "opensearch")
	name, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodDelete:
		for id := range f.open {
			if strings.Contains(string(text), id) {
				delete(f.open, id)
			}
		}
		io.WriteString(w, `{"succeeded":true}`)
	case what == "_pit" && !opensearch && major >= 7, what == "_search/point_in_time" && opensearch:
		if !f.there(w, name) {
			return
		}
		id := f.begin(nil)
		if opensearch {
			fmt.Fprintf(w, `{"pit_id":%q}`, id)
		} else {
			fmt.Fprintf(w, `{"id":%q}`, id)
		}
	case what == "_pit" || what == "_search/point_in_time":
		answer(w, http.StatusBadRequest, `{"error":{"type":"illegal_argument_exception","reason":"no handler found"}}`)
	case r.URL.Path == "/_search/scroll":
		f.scroll(w, b.Scroll)
	case r.URL.Path == "/_search":
		f.point(w, b)
	case what == "_search":
		if !f.there(w, name) {
			return
		}
		id := f.begin(f.found(b))
		f.open[id].size = b.Size
		f.scroll(w, id)
	default:
		f.t.Errorf("unexpected request %s %s", r.Method, r.URL)
	}
}

func (f *fake) there(w http.ResponseWriter, name string) bool {
	if name == f.index || strings.Contains(name, "*") {
		return true
	}
	answer(w, http.StatusNotFound, `{"error":{"type":"index_not_found_exception","reason":"no such index [`+name+`]"},"status":404}`)
	return false
}

func (f *fake) begin(docs []int) string {
	f.ids++
	id := fmt.Sprintf("id/%d==", f.ids)
	f.open[id] = &view{docs: docs}
	return id
}

// found are the numbers of the documents that a query finds.
func (f *fake) found(b searchBody) (list []int) {
	_, text, ranged := strings.Cut(string(b.Query), `"gte":`)
	least, _ := strconv.Atoi(strings.TrimRight(text, "}]"))
	for i, d := range f.docs {
		var doc struct{ N int }
		if json.Unmarshal([]byte(d), &doc) == nil && ranged && doc.N < least {
			continue
		}
		if b.Slice == nil || i%b.Slice.Max == b.Slice.ID {
			list = append(list, i)
		}
	}
	return list
}

func (f *fake) scroll(w http.ResponseWriter, id string) {
	v := f.open[id]
	if v == nil {
		answer(w, http.StatusNotFound, `{"error":{"type":"search_phase_execution_exception","reason":"all shards failed"},"status":404}`)
		return
	}
	n := min(v.size, len(v.docs)-v.at)
	f.hits(w, `"_scroll_id":"`+strings.ReplaceAll(id, "/", `\/`)+`"`, v.docs[v.at:v.at+n], len(v.docs))
	v.at += n
}

func (f *fake) point(w http.ResponseWriter, b searchBody) {
	if f.open[b.Pit.ID] == nil {
		answer(w, http.StatusNotFound, `{"error":{"type":"search_context_missing_exception","reason":"no search context found"},"status":404}`)
		return
	}
	docs := f.found(b)
	for len(b.After) > 0 && len(docs) > 0 && docs[0] <= b.After[0] {
		docs = docs[1:]
	}
	f.hits(w, `"pit_id":"`+b.Pit.ID+`"`, docs[:min(b.Size, len(docs))], -1)
}

func (f *fake) hits(w http.ResponseWriter, id string, docs []int, total int) {
	count := ""
	if total >= 0 {
		count = fmt.Sprintf(`"total":{"value":%d,"relation":"eq"},`, total)
		if f.version < "7" {
			count = fmt.Sprintf(`"total":%d,`, total)
		}
	}
	fmt.Fprintf(w, `{%s,"took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{%s"max_score":null,"hits":[`, id, count)
	for i, n := range docs {
		if i > 0 {
			io.WriteString(w, ",")
		}
		kind := ""
		if f.version < "7" {
			kind = `"_type":"log",`
		}
		fmt.Fprintf(w, `{"_index":%q,%s"_id":"a%d","_score":null,"_source":%s,"sort":[%d]}`, f.index, kind, n, f.docs[n], n)
	}
	io.WriteString(w, `]}}`)
}

// closed reports whether everything was given back.
func (f *fake) closed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.open) == 0
}

// asked counts the requests that hold a text.
func (f *fake) asked(text string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.Contains(r, text) {
			n++
		}
	}
	return n
}

// status is a step that answers with a status.
func status(code int) step {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		answer(w, code, `{"error":{"type":"spam","reason":"eggs"}}`)
		return true
	}
}

// hangUp is a step that cuts the connection, before or after the work is done.
func (f *fake) hangUp(after bool) step {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if after {
			for _, v := range f.open {
				v.at = min(len(v.docs), v.at+v.size)
			}
		}
		panic(http.ErrAbortHandler)
	}
}

func start(t testing.TB, f *fake, options string) *actortest.Running {
	t.Helper()
	if !strings.Contains(options, "index_name") {
		options += "\nindex_name: web"
	}
	return actortest.Source(t, elasticsearch.Spec, "nodes: "+f.URL+"\n"+options)
}
