//go:build integration

package redischannel_test

import (
	"slices"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/redisconn/redistest"
)

func TestIntegrationChannelsOfTheServer(t *testing.T) {
	s := redistest.Start(t, "--user", "brian", "on", ">naughty", "~*", "&*", "+@all")
	r := start(t, s.Addr(), "channel: a\nchannel_pattern: 'p.*'\nusername: brian\npassword: ${NO_SUCH_VARIABLE:-naughty}\nhealth_check_interval_in_secs: 50ms\nsocket_timeout: 2")
	publish := func(channel, text string) {
		redistest.Until(t, "somebody listens", func() bool { return s.CLI("publish", channel, text) != "0" })
	}
	publish("a", "1")
	publish("p.x", "2")
	r.Wait(2)
	s.CLI("client", "kill", "type", "pubsub")
	publish("a", "3")
	r.Wait(3)
	s.Stop()
	s.Run()
	publish("p.y", "4")
	if got := actortest.Texts(r.Wait(4)); !slices.Equal(got, []string{"1", "2", "3", "4"}) || strings.Count(r.Log(), "gap=") != 2 {
		t.Errorf("got %v: %s", got, r.Log())
	}
}

func TestIntegrationAStreamOfTheServerLosesNothing(t *testing.T) {
	s := redistest.Start(t)
	r := start(t, s.Addr(), "stream: logs\nbatch_size: 10")
	want := numbers(0, 500)
	for at := 0; at < len(want); at += 50 {
		for _, text := range want[at : at+50] {
			s.CLI("xadd", "logs", "*", "data", text)
		}
		s.CLI("client", "kill", "type", "normal", "skipme", "yes")
	}
	redistest.Until(t, "all is acknowledged", func() bool {
		return len(r.Wait(0)) >= len(want) && strings.HasPrefix(s.CLI("xpending", "logs", "gambolputty"), "0")
	})
	if got := actortest.Texts(r.Stop()); !slices.Equal(got, want) {
		t.Errorf("got %d entries, the first are %.200q", len(got), got)
	}
}
