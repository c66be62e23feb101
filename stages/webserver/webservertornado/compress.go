package webservertornado

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// compressor shrinks texts for those who take that.
type compressor struct {
	http.ResponseWriter
	pool    *sync.Pool
	gz      *gzip.Writer // nil as long as, or if, nothing is compressed
	decided bool
}

func newPool() *sync.Pool { return &sync.Pool{New: func() any { return gzip.NewWriter(nil) }} }

// compress returns a writer for the answer to r, and what ends it. WebSockets, parts of files
// and what compresses by itself are left alone; so is the answer that holds the token of a
// session, whose length must not tell anything.
func (s *server) compress(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, func()) {
	path := strings.TrimPrefix(r.URL.Path, s.base())
	if r.Method != http.MethodGet || r.Header.Get("Range") != "" || r.Header.Get("Upgrade") != "" || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") ||
		path == "/metrics" || path == "/api/v1/me" || strings.HasPrefix(path, "/debug/") {
		return w, func() {}
	}
	c := &compressor{ResponseWriter: w, pool: s.gzips}
	return c, c.end
}

// WriteHeader decides whether the answer is compressed.
func (c *compressor) WriteHeader(status int) {
	if !c.decided {
		c.decided = true
		h := c.Header()
		h.Add("Vary", "Accept-Encoding")
		kind := h.Get("Content-Type")
		text := strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "image/svg")
		if status == http.StatusOK && text && h.Get("Content-Encoding") == "" {
			h.Del("Content-Length")
			h.Del("Accept-Ranges")
			h.Set("Content-Encoding", "gzip")
			c.gz = c.pool.Get().(*gzip.Writer)
			c.gz.Reset(c.ResponseWriter)
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer.
func (c *compressor) Write(p []byte) (int, error) {
	if !c.decided {
		if c.Header().Get("Content-Type") == "" {
			c.Header().Set("Content-Type", http.DetectContentType(p))
		}
		c.WriteHeader(http.StatusOK)
	}
	if c.gz == nil {
		return c.ResponseWriter.Write(p)
	}
	return c.gz.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *compressor) end() {
	if c.gz != nil {
		c.gz.Close() // whoever has gone does not read it
		c.pool.Put(c.gz)
		c.gz = nil
	}
}
