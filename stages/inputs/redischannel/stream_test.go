package redischannel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/redischannel"
)

// add appends entries with a field data.
func add(t *testing.T, m *miniredis.Miniredis, stream string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if _, err := m.XAdd(stream, "*", []string{"data", text}); err != nil {
			t.Fatal(err)
		}
	}
}

func numbers(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

// group asks the server about the group of a stream.
func group(t *testing.T, m *miniredis.Miniredis, stream string) map[string]int64 {
	t.Helper()
	c, err := redis.Dial("tcp", m.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	groups, err := redis.Values(c.Do("XINFO", "GROUPS", stream))
	if err != nil || len(groups) != 1 {
		return nil
	}
	facts := map[string]int64{}
	list, err := redis.Values(groups[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(list); i += 2 {
		name, err := redis.String(list[i], nil)
		if n, isNumber := list[i+1].(int64); err == nil && isNumber {
			facts[name] = n
		}
	}
	return facts
}

// pending is the number of entries that are given out and not acknowledged.
func pending(t *testing.T, m *miniredis.Miniredis, stream string) int {
	t.Helper()
	return int(group(t, m, stream)["pending"])
}

func TestEveryFieldOfAnEntryIsAField(t *testing.T) {
	m := miniredis.RunT(t)
	if _, err := m.XAdd("logs", "*", []string{"level", "info", "a.b", "x\x00\xff", "gambolputty", "spam"}); err != nil {
		t.Fatal(err)
	}
	r := start(t, m.Addr(), "stream: logs")
	e := r.Wait(1)[0]
	if got := actortest.JSON(e); got != "{\"a.b\":\"x\\u0000\ufffd\",\"data\":\"\",\"level\":\"info\"}" || e.ReceivedFrom() != "logs" {
		t.Errorf("%s from %s", got, e.ReceivedFrom())
	}
	r.Stop()
}

func TestEntriesComeOnceInOrderAndAreAcknowledged(t *testing.T) {
	m := miniredis.RunT(t)
	add(t, m, "a", numbers(0, 1000)...)
	r := start(t, m.Addr(), "stream: [a, b]\nbatch_size: 7")
	r.Wait(1000)
	add(t, m, "b", "x")
	r.Wait(1001)
	add(t, m, "a", numbers(1000, 1010)...)
	r.Wait(1011)
	got := actortest.Texts(r.Stop())
	if i := slices.Index(got, "x"); i >= 0 {
		got = slices.Delete(got, i, i+1)
	}
	if !slices.Equal(got, numbers(0, 1010)) {
		t.Errorf("got %d: %.200q", len(got), got)
	}
	if n := pending(t, m, "a") + pending(t, m, "b"); n != 0 {
		t.Errorf("%d entries are not acknowledged", n)
	}
}

// held is an output that holds everything back.
type held struct{ entered chan struct{} }

func (h held) spec() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Held", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return h, nil })
}

// Write waits for the end.
func (h held) Write(ctx context.Context, _ *actor.Batch) error {
	select {
	case h.entered <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// die gives entries out to a consumer that does not deliver them.
func die(t *testing.T, m *miniredis.Miniredis, options string) {
	t.Helper()
	h := held{make(chan struct{}, 1)}
	r := actortest.Start(t, "- Global: {shutdown_timeout: 1}\n- RedisChannel:\n    server: "+m.Addr()+"\n    stream: s\n    "+strings.ReplaceAll(options, "\n", "\n    ")+"\n- Held\n", redischannel.Spec, h.spec())
	<-h.entered
	r.StopHard()
}

func TestWhatWasNotDeliveredComesAtTheNextStart(t *testing.T) {
	m := miniredis.RunT(t)
	add(t, m, "s", numbers(0, 20)...)
	die(t, m, "batch_size: 3")
	if pending(t, m, "s") == 0 {
		t.Error("what was not delivered is acknowledged")
	}
	r := start(t, m.Addr(), "stream: s")
	r.Wait(20)
	if got := actortest.Texts(r.Stop()); !slices.Equal(got, numbers(0, 20)) || pending(t, m, "s") != 0 {
		t.Errorf("got %q", got)
	}
}

func TestAnotherMemberTakesOverWhatADeadOneHolds(t *testing.T) {
	m := miniredis.RunT(t)
	now := time.Now()
	m.SetTime(now)
	add(t, m, "s", numbers(0, 20)...)
	die(t, m, "consumer: dead")
	m.SetTime(now.Add(time.Minute))
	r := start(t, m.Addr(), "stream: s\nconsumer: alive\nclaim_idle_in_secs: 30")
	r.Wait(20)
	got := actortest.Texts(r.Stop())
	slices.Sort(got)
	want := numbers(0, 20)
	slices.Sort(want)
	if !slices.Equal(got, want) || pending(t, m, "s") != 0 {
		t.Errorf("got %q", got)
	}
}

func TestMembersShareAStream(t *testing.T) {
	m := miniredis.RunT(t)
	one := start(t, m.Addr(), "stream: s\nconsumer: one\nbatch_size: 10")
	two := start(t, m.Addr(), "stream: s\nconsumer: two\nbatch_size: 10")
	add(t, m, "s", numbers(0, 1000)...)
	actortest.Until(t, "all came", func() bool {
		return one.Status("RedisChannel").Meter.Received.Load()+two.Status("RedisChannel").Meter.Received.Load() >= 1000
	})
	got := append(actortest.Texts(one.Stop()), actortest.Texts(two.Stop())...)
	if len(got) != 1000 {
		t.Errorf("%d entries came", len(got))
	}
}

func TestAnOutageLosesAndRepeatsNothing(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	r := start(t, address, "stream: s")
	add(t, m, "s", "1")
	r.Wait(1)
	m.Close()
	actortest.Until(t, "it is noticed", func() bool { return strings.Contains(r.Log(), "target failed") })
	revive(t, m, address)
	add(t, m, "s", "2")
	r.Wait(2)
	if got := actortest.Texts(r.Stop()); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("got %q", got)
	}
}

func TestWrongOptionsOfStreamsAreRefused(t *testing.T) {
	actortest.Wrong(t, redischannel.Spec, map[string]string{
		"stream: s\nchannel: c": "cannot be set together", "stream: ['']": "must not be empty", "stream: [a, a]": "named twice",
		"stream: s\nconsumer_group: ''": "must not be empty", "stream: s\nbatch_size: 0": "between 1 and",
	})
}
