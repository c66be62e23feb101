package elasticsearchsink

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/olivere/elastic/v7"
)

// meet finds out what kind of server there is.
func (s *sink) meet(ctx context.Context) error {
	if s.met {
		return nil
	}
	x := &exchange{}
	var err error
	s.answer, err = s.client.perform(ctx, x, elastic.PerformRequestOptions{Method: http.MethodGet, Path: "/"}, s.answer[:0])
	server := s.opts.Server
	var no *refusal
	switch {
	case errors.As(err, &no) && no.closed(): // whoever may not ask may write all the same
	case err != nil:
		return err
	case server.text == "":
		if server, err = readVersion(s.answer); err != nil {
			s.client.failed(x.node)
			return err
		}
	}
	s.met = true
	if server != s.server || s.params == nil {
		s.adapt(server)
	}
	return nil
}

// closed reports whether only this one request is not allowed.
func (r *refusal) closed() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

// adapt speaks to a server as it understands it.
func (s *sink) adapt(server serverVersion) {
	s.server, s.params = server, url.Values{}
	switch c := s.opts.Consistency; {
	case server.before(5):
		s.params.Set("consistency", c)
	case c == "one":
		s.params.Set("wait_for_active_shards", "1")
	case c == "all":
		s.params.Set("wait_for_active_shards", "all")
	}
	if server.before(2) {
		s.params.Set("replication", s.opts.Replication)
	}
	if s.env.Worker > 0 {
		return
	}
	s.env.Log.Info("server was found", "version", server.String())
	if s.opts.TTL != "" && !server.before(5) && !s.warned {
		s.warned = true
		s.env.Log.Warn("ttl has no effect on servers from 5.0 on", "version", server.String())
	}
}

// compresses reports whether requests are compressed.
func (s *sink) compresses() bool {
	if c := s.opts.Compression; c != nil {
		return *c
	}
	return !s.server.before(5)
}
