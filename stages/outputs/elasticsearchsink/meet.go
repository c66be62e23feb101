package elasticsearchsink

import (
	"context"
	"net/url"

	"gambolputty/stages/internal/esclient"
)

// meet finds out what kind of server there is.
func (s *sink) meet(ctx context.Context) error {
	if s.met {
		return nil
	}
	server, err := s.client.Meet(ctx, s.opts.Server)
	if err != nil {
		return err
	}
	s.met = true
	if server != s.server || s.params == nil {
		s.adapt(server)
	}
	return nil
}

// adapt speaks to a server as it understands it.
func (s *sink) adapt(server esclient.Version) {
	s.server, s.params = server, url.Values{}
	switch c := s.opts.Consistency; {
	case server.Before(5):
		s.params.Set("consistency", c)
	case c == "one":
		s.params.Set("wait_for_active_shards", "1")
	case c == "all":
		s.params.Set("wait_for_active_shards", "all")
	}
	if server.Before(2) {
		s.params.Set("replication", s.opts.Replication)
	}
	if s.env.Worker > 0 {
		return
	}
	s.env.Log.Info("server was found", "version", server.String())
	if s.opts.TTL != "" && !server.Before(5) && !s.warned {
		s.warned = true
		s.env.Log.Warn("ttl has no effect on servers from 5.0 on", "version", server.String())
	}
}

// compresses reports whether requests are compressed.
func (s *sink) compresses() bool {
	if c := s.opts.Compression; c != nil {
		return *c
	}
	return !s.server.Before(5)
}
