package webservertornado

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// handler serves all paths.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, t := range s.routes() {
		mux.HandleFunc(t.method+" "+t.path, s.only(t))
	}
	pages := s.only(route{role: viewer, do: s.page})
	inner := http.StripPrefix(s.base(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		var said verdict
		mux.ServeHTTP(&said, r)
		allow := said.Header().Get("Allow")
		switch {
		case (allow == "" || s.find(r).Handler != nil) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			if s.isOpen(r) {
				s.page(w, r)
				return
			}
			pages(w, r)
		default:
			s.wrongMethod(w, r, cmp.Or(allow, "GET, HEAD"))
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(inner, w, r) })
}

// wrongMethod says which methods there are for a path.
func (s *server) wrongMethod(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.fail(w, r, http.StatusMethodNotAllowed, "this path is not for "+r.Method)
}

// verdict keeps the status and the header of an answer.
type verdict struct {
	header http.Header
	status int
}

// Header is the header of the answer.
func (v *verdict) Header() http.Header {
	if v.header == nil {
		v.header = http.Header{}
	}
	return v.header
}

// Write throws the text away.
func (v *verdict) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader keeps the status.
func (v *verdict) WriteHeader(status int) { v.status = status }

// serve puts around a request what all of them have in common.
func (s *server) serve(inner http.Handler, w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("Cache-Control", "no-store")
	r = s.withClient(r)
	note := &noted{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value itself is thrown
			s.broken(note, r, fmt.Errorf("panic: %v", p), debug.Stack())
		}
		level := slog.LevelDebug
		if s.opts.AccessLog {
			level = slog.LevelInfo
		}
		s.env.Log.Log(context.WithoutCancel(r.Context()), level, "request", "method", r.Method, "path", r.URL.Path, "status", note.status, "peer", from(r), "took", time.Since(began).Round(time.Microsecond))
	}()
	if !s.allowed(r) {
		s.fail(note, r, http.StatusForbidden, "this address may not connect")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions && foreign(r) {
		s.fail(note, r, http.StatusForbidden, "this comes from a page of somebody else")
		return
	}
	size := int64(bodySize)
	if strings.HasPrefix(strings.TrimPrefix(r.URL.Path, s.base()), "/api/v1/config") {
		size = configSize
	}
	r.Body = http.MaxBytesReader(note, r.Body, size)
	shrunk, end := s.compress(note, r)
	inner.ServeHTTP(shrunk, r)
	end() // not after a panic, when the answer is another one
}

// noted remembers the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
	begun  bool
}

// WriteHeader notes the status.
func (n *noted) WriteHeader(status int) {
	if !n.begun {
		n.status, n.begun = status, true
	}
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// Broken answers a request that failed through no fault of whoever made it. The log tells the
// reason, under an id that the answer tells.
func (s *server) Broken(w http.ResponseWriter, r *http.Request, err error) { s.broken(w, r, err, nil) }

func (s *server) broken(w http.ResponseWriter, r *http.Request, err error, stack []byte) {
	id := rand.Text()
	s.env.Log.Error("a request failed", "request", id, "path", r.URL.Path, "error", err, "stack", string(stack))
	s.fail(w, r, http.StatusInternalServerError, "request "+id+" failed, the log says why")
}

// errorPage is what people see.
var errorPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Status}} {{.Name}}</title></head>
<body><h1>{{.Status}} {{.Name}}</h1><p>{{.Text}}</p></body></html>
`))

// fail answers with an error: as JSON where programs ask, and as a small page where people do.
func (s *server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	path := "/" + strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, s.base()), "/")
	for _, prefix := range []string{"/api/", "/rest/", "/actions/", "/websockets/"} {
		if strings.HasPrefix(path, prefix) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(map[string]any{"error": text, "status": status}) // whoever has gone does not read it
			return
		}
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		errorPage.Execute(w, map[string]any{"Status": status, "Name": http.StatusText(status), "Text": text}) // whoever has gone does not read it
		return
	}
	http.Error(w, fmt.Sprintf("%d %s: %s", status, http.StatusText(status), text), status)
}

// answer writes a value as JSON.
func (s *server) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	s.encode(w, v)
}

func (s *server) encode(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.env.Log.Debug("an answer was not read", "error", err)
	}
}

// Handle adds a page, for the module that has it. A path that ends with a slash stands for all
// below it. A page with the path of another is refused.
func (s *server) Handle(path string, page http.Handler) error { return s.add(path, page, false) }

// HandleOpen is Handle for pages that are shown without a login, such as that of the login.
func (s *server) HandleOpen(path string, page http.Handler) error { return s.add(path, page, true) }

func (s *server) add(path string, page http.Handler, open bool) error {
	s.pagesMu.Lock()
	defer s.pagesMu.Unlock()
	if s.pages[path].Handler != nil {
		return fmt.Errorf("there are two pages with the path %s", path)
	}
	if s.pages == nil {
		s.pages = map[string]added{}
	}
	s.pages[path] = added{page, open}
	return nil
}

// added is a page of another module.
type added struct {
	http.Handler
	open bool
}

func (s *server) find(r *http.Request) added {
	s.pagesMu.RLock()
	defer s.pagesMu.RUnlock()
	if p := s.pages[r.URL.Path]; p.Handler != nil {
		return p
	}
	for path := r.URL.Path; strings.LastIndexByte(path, '/') > 0; {
		path = path[:strings.LastIndexByte(path, '/')]
		if p := s.pages[path+"/"]; p.Handler != nil {
			return p
		}
	}
	return added{}
}

// Logins are the ways to log in that the page for it offers: names with passwords, and the
// host of a provider, "" without one.
func (s *server) Logins() (passwords bool, provider string) {
	if s.oidc != nil {
		u, _ := url.Parse(s.oidc.opts.Issuer) // it was checked
		provider = u.Host
	}
	return s.opts.namesPeople(), provider
}

func (s *server) isOpen(r *http.Request) bool { return s.find(r).open }

func (s *server) hasLogin() bool {
	s.pagesMu.RLock()
	defer s.pagesMu.RUnlock()
	return s.pages["/login"].Handler != nil && (s.opts.namesPeople() || s.oidc != nil)
}

// page serves a file of document_root or a page of another module.
func (s *server) page(w http.ResponseWriter, r *http.Request) {
	page := s.find(r)
	if name := fileName(r); page.Handler == nil || s.files != nil && s.has(name) {
		s.file(w, r)
		return
	}
	page.ServeHTTP(w, r)
}

// fileName is the file that a path means.
func fileName(r *http.Request) string {
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" {
		return "index.html"
	}
	return name
}

// file serves a file of document_root. Paths cannot lead out of it.
func (s *server) file(w http.ResponseWriter, r *http.Request) {
	if s.files == nil {
		s.fail(w, r, http.StatusNotFound, "there is nothing here")
		return
	}
	f, err := s.files.Open(fileName(r))
	if unreadable(err) {
		s.broken(w, r, err, nil)
		return
	}
	if err != nil {
		s.fail(w, r, http.StatusNotFound, "there is nothing here")
		return
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		s.fail(w, r, http.StatusNotFound, "there is nothing here")
		return
	}
	http.ServeContent(w, r, info.Name(), info.ModTime(), f)
}

// unreadable reports whether a file is there, or would be, if it could be read.
func unreadable(err error) bool {
	fault, ok := errors.AsType[syscall.Errno](err)
	return ok && !slices.Contains([]syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.EINVAL, syscall.ENAMETOOLONG, syscall.ELOOP}, fault)
}

func (s *server) has(name string) bool {
	_, err := s.files.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
