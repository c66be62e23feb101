//go:build integration

package redislistsink_test

import (
	"strings"
	"testing"

	"gambolputty/stages/internal/redisconn/redistest"
)

func TestIntegrationEntriesArrive(t *testing.T) {
	r := redistest.Start(t)
	sink(t, r.Addr(), "list: l\nformat: $(data)", numbered(5000)...)
	if n, first := r.CLI("llen", "l"), r.CLI("lindex", "l", "0"); n != "5000" || first != "entry 0" {
		t.Errorf("%s entries, the first is %q", n, first)
	}
	sink(t, r.Addr(), "list: s\nformat: $(data)\ndata_type: stream\nmax_length: 1000", numbered(5000)...)
	if n := r.CLI("xlen", "s"); len(n) != 4 {
		t.Errorf("the stream has %s entries", n)
	}
}

func TestIntegrationAServerWithoutMemory(t *testing.T) {
	r := redistest.Start(t, "--maxmemory", "1")
	feed, run := stream(t, "server: "+r.Addr()+"\nlist: l\nformat: $(data)\nstore_interval_in_secs: 0")
	feed <- "1"
	redistest.Until(t, "it is told", func() bool { return strings.Contains(run.Log(), "OOM") })
	r.CLI("config", "set", "maxmemory", "0")
	feed <- "2"
	close(feed)
	run.Finish()
	if got := r.CLI("lrange", "l", "0", "-1"); got != "1\n2" {
		t.Errorf("got %q", got)
	}
}
