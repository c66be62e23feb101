//go:build integration

package redischannelsink_test

import (
	"testing"

	"gambolputty/stages/internal/redisconn/redistest"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/redischannelsink"
)

func TestIntegrationMessagesAndStreams(t *testing.T) {
	r := redistest.Start(t)
	actortest.Sink(t, redischannelsink.Spec, "server: "+r.Addr()+"\nchannel: c\nformat: $(data)", actortest.Events("a", "b")...)
	actortest.Sink(t, redischannelsink.Spec, "server: "+r.Addr()+"\nchannel: s\nstream: True\nformat: $(data)", actortest.Events("a", "b")...)
	if n := r.CLI("xlen", "s"); n != "2" {
		t.Errorf("%s entries", n)
	}
}
