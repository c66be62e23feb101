package webhdfssink_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/webhdfssink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a name node that sends clients to a data node, both in one, which fail as their
// scripts say.
type fake struct {
	*httptest.Server
	data *httptest.Server
	t    testing.TB

	mu       sync.Mutex
	direct   bool // it takes data itself
	standby  bool
	files    map[string]string
	dirs     map[string]bool
	script   []step // for what comes to the data node
	name     []step // for what comes to the name node
	requests []string
}

// step answers a request, or does not (false) and leaves that to the file system.
type step func(w http.ResponseWriter, r *http.Request, body string) bool

func newFake(t testing.TB) *fake {
	f := prepared(t)
	f.Server, f.data = httptest.NewServer(http.HandlerFunc(f.nameNode)), httptest.NewServer(http.HandlerFunc(f.dataNode))
	t.Cleanup(f.Close)
	t.Cleanup(f.data.Close)
	return f
}

func prepared(t testing.TB) *fake {
	return &fake{t: t, files: map[string]string{}, dirs: map[string]bool{}}
}

func (f *fake) note(where string, r *http.Request, body string) (file string, q func(string) string) {
	file, ok := strings.CutPrefix(r.URL.Path, "/webhdfs/v1")
	if !ok {
		f.t.Errorf("asked for %s", r.URL)
	}
	v := r.URL.Query()
	f.requests = append(f.requests, where+" "+r.Method+" "+v.Get("op")+" "+file+" "+body)
	if v.Get("user.name") != "me" && v.Get("delegation") == "" {
		f.t.Errorf("nobody asks for %s", r.URL)
	}
	return file, v.Get
}

func exception(w http.ResponseWriter, code int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"RemoteException":{"exception":%q,"javaClassName":"x.%s","message":%q}}`, kind, kind, message)
}

func (f *fake) nameNode(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	body := string(text)
	file, q := f.note("name", r, body)
	if f.standby {
		exception(w, 403, "StandbyException", "Operation category WRITE is not supported in state standby")
		return
	}
	if len(f.name) > 0 {
		next := f.name[0]
		f.name = f.name[1:]
		if next(w, r, body) {
			return
		}
	}
	switch op := q("op"); op {
	case "GETHOMEDIRECTORY":
		io.WriteString(w, `{"Path":"/user/me"}`)
	case "GETFILESTATUS":
		if f.dirs[file] {
			io.WriteString(w, `{"FileStatus":{"length":0,"type":"DIRECTORY"}}`)
			return
		}
		content, ok := f.files[file]
		if !ok {
			exception(w, 404, "FileNotFoundException", "File does not exist: "+file)
			return
		}
		fmt.Fprintf(w, `{"FileStatus":{"length":%d,"type":"FILE"}}`, len(content))
	case "MKDIRS":
		f.dirs[file] = true
		io.WriteString(w, `{"boolean": true}`)
	case "RENAME":
		_, taken := f.files[q("destination")]
		if !taken {
			f.files[q("destination")] = f.files[file]
			delete(f.files, file)
		}
		fmt.Fprintf(w, `{"boolean": %t}`, !taken)
	case "TRUNCATE":
		n, err := strconv.Atoi(q("newlength"))
		if err != nil {
			f.t.Error(err)
		}
		f.files[file] = f.files[file][:n]
		io.WriteString(w, `{"boolean": true}`)
	case "CREATE", "APPEND":
		if f.direct {
			if op == "CREATE" || q("data") == "true" {
				f.store(w, op, file, body)
			}
			return
		}
		if body != "" {
			f.t.Errorf("the name node gets %q", body)
		}
		if _, ok := f.files[file]; !ok && op == "APPEND" {
			exception(w, 404, "FileNotFoundException", "File does not exist: "+file)
			return
		}
		http.Redirect(w, r, f.data.URL+r.URL.String(), http.StatusTemporaryRedirect)
	default:
		f.t.Errorf("asked for %s", r.URL)
	}
}

func (f *fake) dataNode(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	body := string(text)
	file, q := f.note("data", r, body)
	if r.Header.Get("Content-Type") != "application/octet-stream" {
		f.t.Errorf("content type %q", r.Header.Get("Content-Type"))
	}
	if len(f.script) > 0 {
		next := f.script[0]
		f.script = f.script[1:]
		if next(w, r, body) {
			return
		}
	}
	f.store(w, q("op"), file, body)
}

func (f *fake) store(w http.ResponseWriter, op, file, body string) {
	if !f.dirs[path.Dir(file)] {
		f.t.Errorf("%s was written before its directory was made", file)
	}
	if op == "CREATE" {
		if _, ok := f.files[file]; ok {
			exception(w, 403, "FileAlreadyExistsException", file+" for client already exists")
			return
		}
		w.WriteHeader(http.StatusCreated)
	}
	f.files[file] += body
}

func (f *fake) file(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[name]
}

// asked counts the requests that begin with a text.
func (f *fake) asked(text string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.HasPrefix(r, text) {
			n++
		}
	}
	return n
}

func pass(http.ResponseWriter, *http.Request, string) bool { return false }

// cut is a step that stores so many bytes of what it gets, and hangs up.
func (f *fake) cut(n int) step {
	return func(_ http.ResponseWriter, r *http.Request, body string) bool {
		file := strings.TrimPrefix(r.URL.Path, "/webhdfs/v1")
		f.files[file] += body[:min(n, len(body))]
		panic(http.ErrAbortHandler)
	}
}

// throw is a step that answers with an exception.
func throw(code int, kind string) step {
	return func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		exception(w, code, kind, "it is so\n\tat a.b.c")
		return true
	}
}

const target = "user: me\npath: /logs\nname_pattern: a\nformat: $(data)\nstore_interval_in_secs: 0\nretry_max_interval_in_secs: 0.01\n"

// write sends texts and returns the log.
func write(t *testing.T, f *fake, options string, texts ...string) string {
	t.Helper()
	r := begin(t, f, options, texts...)
	r.Finish()
	return r.Log()
}

// begin sends texts, all in one batch.
func begin(t *testing.T, f *fake, options string, texts ...string) *actortest.Running {
	t.Helper()
	feed := make(chan string, len(texts))
	for _, text := range texts {
		feed <- text
	}
	close(feed)
	if !strings.Contains(options, "server") {
		options += "\nserver: " + strings.TrimPrefix(f.URL, "http://")
	}
	together := fmt.Sprintf("store_interval_in_secs: 60\nbatch_size: %d\n", len(texts))
	options = strings.Replace(target, "store_interval_in_secs: 0\n", together, 1) + options
	return actortest.Start(t, "- Lines\n- WebHdfsSink:\n    "+strings.ReplaceAll(options, "\n", "\n    ")+"\n", webhdfssink.Spec, actortest.Lines(feed))
}
