package redischannel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/redischannel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, address, options string) *actortest.Running {
	t.Helper()
	return actortest.Source(t, redischannel.Spec, "server: "+address+"\n"+options)
}

// publish publishes as soon as somebody listens.
func publish(t *testing.T, m *miniredis.Miniredis, channel, text string) {
	t.Helper()
	actortest.Until(t, "somebody listens to "+channel, func() bool { return m.Publish(channel, text) > 0 })
}

func TestAMessageIsAnEvent(t *testing.T) {
	m := miniredis.RunT(t)
	r := start(t, m.Addr(), "channel: TestChannel")
	publish(t, m, "TestChannel", "hello")
	publish(t, m, "TestChannel", "\x00\xff\n ")
	events := r.Wait(2)
	if got := actortest.Texts(events); !slices.Equal(got, []string{"hello", "\x00\xff\n "}) {
		t.Errorf("got %q", got)
	}
	if from, module := actortest.Meta(events[0], "received_from"), actortest.Meta(events[0], "source_module"); from != "TestChannel" || module != "RedisChannel" {
		t.Errorf("from %q of %q", from, module)
	}
	if n := len(r.Stop()); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestChannelsAndPatterns(t *testing.T) {
	m := miniredis.RunT(t)
	r := start(t, m.Addr(), "channel: [a, b]\nchannel_pattern: 'logs.*'")
	for _, c := range []string{"a", "b", "logs.web", "logs.db"} {
		publish(t, m, c, "x")
	}
	m.Publish("other", "y")
	var from []string
	for _, e := range r.Wait(4) {
		from = append(from, actortest.Meta(e, "received_from"))
	}
	if !slices.Equal(from, []string{"a", "b", "logs.web", "logs.db"}) {
		t.Errorf("got %v", from)
	}
}

func TestTheOrderOfManyMessagesAndAFullDrain(t *testing.T) {
	m := miniredis.RunT(t)
	r := start(t, m.Addr(), "channel: c")
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprint(i))
		publish(t, m, "c", fmt.Sprint(i))
	}
	r.Wait(3000)
	if got := actortest.Texts(r.Stop()); !slices.Equal(got, want) {
		t.Errorf("got %d: %.200q", len(got), got)
	}
}

// revive starts a server again that was closed.
func revive(t *testing.T, m *miniredis.Miniredis, address string) {
	t.Helper()
	m.Ctx, m.CtxCancel = context.WithCancel(context.Background())
	if err := m.StartAddr(address); err != nil {
		t.Fatal(err)
	}
}

func TestAServerThatIsAwayAtStartAndLater(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	m.Close()
	r := start(t, address, "channel: c")
	actortest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	revive(t, m, address)
	publish(t, m, "c", "1")
	r.Wait(1)
	m.Close()
	revive(t, m, address)
	publish(t, m, "c", "2")
	if got := actortest.Texts(r.Wait(2)); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("got %v", got)
	}
	if strings.Count(r.Log(), "gap=") != 2 {
		t.Error(r.Log())
	}
}

func TestADeadConnectionIsNoticed(t *testing.T) {
	m := miniredis.RunT(t)
	m.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool { return command == "PING" }) // no answer
	r := start(t, m.Addr(), "channel: c\nhealth_check_interval_in_secs: 50ms\nsocket_timeout: 200ms")
	actortest.Until(t, "it is noticed", func() bool { return strings.Contains(r.Log(), "timeout") })
	m.Server().SetPreHook(nil)
	time.Sleep(time.Second)
	publish(t, m, "c", "spam")
	r.Wait(1)
	if n := strings.Count(r.Log(), "target failed"); n > 2 {
		t.Errorf("a connection with answers is given up: %s", r.Log())
	}
}

func TestPasswordAndDatabase(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("secret")
	r := start(t, m.Addr(), "channel: c\ndb: 3\npassword: ${NO_SUCH_VARIABLE:-secret}")
	publish(t, m, "c", "spam")
	r.Wait(1)
	wrong := start(t, m.Addr(), "channel: c\npassword: ${NO_SUCH_VARIABLE:-bad}")
	actortest.Until(t, "it is told", func() bool { return strings.Contains(wrong.Log(), "WRONGPASS") })
	time.Sleep(700 * time.Millisecond)
	if strings.Count(wrong.Log(), "WRONGPASS") != 1 || !strings.Contains(wrong.Log(), m.Addr()) {
		t.Error(wrong.Log())
	}
}

func TestAStrictStart(t *testing.T) {
	r := start(t, "127.0.0.1:1", "channel: c\nstart_timeout_in_secs: 1")
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, redischannel.Spec, map[string]string{
		"": "neither channel nor channel_pattern", "channel: ''": "must not be empty", "channel: a\nserver: null": "server",
		"channel_pattern: False": "neither channel nor channel_pattern", "channel: a\nport: 70000": "65535", "channel_pattern: ['']": "must not be empty",
	})
	if err := actortest.Options(t, redischannel.Spec, "channel: a\nchannel_pattern: False\npassword: null\ndb: 0"); err != nil {
		t.Error(err)
	}
}
