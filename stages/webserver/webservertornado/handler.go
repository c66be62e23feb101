package webservertornado

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"path"
	"runtime/debug"
	"strings"
	"time"
)

// handler serves all paths.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, f http.HandlerFunc) { mux.HandleFunc(pattern, f) }
	asks := func(pattern, role string, f http.HandlerFunc) { mux.HandleFunc(pattern, s.only(role, f)) }
	open("GET /healthz", s.health)
	open("GET /readyz", s.ready)
	metrics := s.metrics()
	if s.opts.MetricsAuth {
		metrics = s.only(viewer, metrics)
	}
	open("GET /metrics", metrics)
	asks("GET /rest/server/info", viewer, s.info)
	asks("GET /actions/get_server_info", viewer, s.info)
	asks("GET /rest/server/statistics", viewer, s.statistics)
	asks("GET /rest/server/configuration", viewer, s.configuration)
	asks("GET /api/v1/modules", viewer, s.modules)
	asks("GET /api/v1/modules/{id}", viewer, s.module)
	asks("GET /api/v1/topology", viewer, s.topology)
	if s.opts.Profiles {
		asks("GET /debug/pprof/", admin, pprof.Index)
		asks("GET /debug/pprof/cmdline", admin, pprof.Cmdline)
		asks("GET /debug/pprof/profile", admin, pprof.Profile)
		asks("GET /debug/pprof/symbol", admin, pprof.Symbol)
		asks("GET /debug/pprof/trace", admin, pprof.Trace)
	}
	asks("GET /", viewer, s.page)
	inner := http.StripPrefix(strings.TrimSuffix(s.opts.BasePath, "/"), mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(inner, w, r) })
}

// serve puts around a request what all of them have in common.
func (s *server) serve(inner http.Handler, w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("Cache-Control", "no-store")
	note := &noted{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value itself is thrown
			id := rand.Text()
			s.env.Log.Error("a request failed", "request", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.fail(note, r, http.StatusInternalServerError, "request "+id+" failed, the log says why")
		}
		level := slog.LevelDebug
		if s.opts.AccessLog {
			level = slog.LevelInfo
		}
		s.env.Log.Log(context.WithoutCancel(r.Context()), level, "request", "method", r.Method, "path", r.URL.Path, "status", note.status, "peer", r.RemoteAddr, "took", time.Since(began).Round(time.Microsecond))
	}()
	if !s.opts.Allow.Allow(peer(r)) {
		s.fail(note, r, http.StatusForbidden, "this address may not connect")
		return
	}
	r.Body = http.MaxBytesReader(note, r.Body, bodySize)
	inner.ServeHTTP(note, r)
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

// only lets those through who have a role; admins have every one.
func (s *server) only(role string, f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		has, status := s.access.role(r)
		switch {
		case status == http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Basic realm="GambolPutty", charset="UTF-8"`)
			s.fail(w, r, status, "who are you?")
		case status != 0:
			w.Header().Set("Retry-After", "60")
			s.fail(w, r, status, "too many wrong logins")
		case role == admin && has != admin:
			s.fail(w, r, http.StatusForbidden, "this is for admins")
		default:
			f(w, r)
		}
	}
}

// fail answers with an error: as JSON where programs ask.
func (s *server) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	for _, prefix := range []string{"/api/", "/rest/", "/actions/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(map[string]any{"error": text, "status": status}) // whoever has gone does not read it
			return
		}
	}
	http.Error(w, fmt.Sprintf("%d %s: %s", status, http.StatusText(status), text), status)
}

// answer writes a value as JSON.
func (s *server) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.env.Log.Debug("an answer was not read", "error", err)
	}
}

// Handle adds a page, for the module that has it. A page with the path of another is refused.
func (s *server) Handle(path string, page http.Handler) error {
	s.pagesMu.Lock()
	defer s.pagesMu.Unlock()
	if s.pages[path] != nil {
		return fmt.Errorf("there are two pages with the path %s", path)
	}
	if s.pages == nil {
		s.pages = map[string]http.Handler{}
	}
	s.pages[path] = page
	return nil
}

// page serves a file of document_root or a page of another module.
func (s *server) page(w http.ResponseWriter, r *http.Request) {
	s.pagesMu.RLock()
	page := s.pages[r.URL.Path]
	s.pagesMu.RUnlock()
	if name := fileName(r); page == nil || s.files != nil && s.has(name) {
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

func (s *server) has(name string) bool {
	_, err := s.files.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
