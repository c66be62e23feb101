package redislist_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/redislist"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/redisconn/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start reads lists of a server.
func start(t *testing.T, address, options string) *actortest.Running {
	t.Helper()
	return actortest.Source(t, redislist.Spec, "server: "+address+"\n"+options)
}

func push(t *testing.T, m *miniredis.Miniredis, list string, entries ...string) {
	t.Helper()
	if _, err := m.Push(list, entries...); err != nil {
		t.Fatal(err)
	}
}

func numbered(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint("entry ", i))
	}
	return list
}

func length(m *miniredis.Miniredis, list string) int {
	l, err := m.List(list)
	if err != nil {
		return 0
	}
	return len(l)
}

func TestAllEntriesComeInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, reliable := range []string{"False", "True"} {
		for _, batch := range []int{1, 7, 100, 5000} {
			t.Run(fmt.Sprint(reliable, batch), func(t *testing.T) {
				m := miniredis.RunT(t)
				want := numbered(500)
				push(t, m, "l", want...)
				r := start(t, m.Addr(), fmt.Sprintf("lists: l\nbatch_size: %d\nreliable: %s", batch, reliable))
				r.Wait(500)
				actortest.Same(t, actortest.Texts(r.Stop()), want)
				if keys := slices.DeleteFunc(m.Keys(), func(k string) bool { return k == "l.consumers" }); len(keys) > 0 {
					t.Errorf("left on the server: %v", keys)
				}
			})
		}
	}
}

func TestAnEntryIsAnEvent(t *testing.T) {
	m := miniredis.RunT(t)
	bytes := "\x00\xff\xfe\n spam "
	push(t, m, "l", bytes, "")
	r := start(t, m.Addr(), "lists: [l]\nbatch_size: 2")
	events := r.Wait(2)
	actortest.Same(t, actortest.Texts(events), []string{bytes, ""})
	if from, module := actortest.Meta(events[0], "received_from"), actortest.Meta(events[0], "source_module"); from != "l" || module != "RedisList" {
		t.Errorf("from %q of %q", from, module)
	}
}

func TestDirectionRight(t *testing.T) {
	t.Parallel()
	for _, reliable := range []string{"False", "True"} {
		for _, batch := range []string{"1", "2", "10"} {
			m := miniredis.RunT(t)
			push(t, m, "l", "d", "c", "b", "a")
			r := start(t, m.Addr(), "lists: l\ndirection: right\nbatch_size: "+batch+"\nreliable: "+reliable)
			actortest.Same(t, actortest.Texts(r.Wait(4)), []string{"a", "b", "c", "d"})
		}
	}
}

func TestTheFirstListIsServedFirst(t *testing.T) {
	for _, options := range []string{"batch_size: 1", "batch_size: 3", "reliable: True", "reliable: True\nbatch_size: 3"} {
		m := miniredis.RunT(t)
		push(t, m, "second", "3", "4")
		push(t, m, "first", "1", "2")
		r := start(t, m.Addr(), "lists: [first, second]\n"+options)
		actortest.Same(t, actortest.Texts(r.Wait(4)), []string{"1", "2", "3", "4"})
		push(t, m, "second", "5")
		actortest.Same(t, actortest.Texts(r.Wait(5))[4:], []string{"5"})
	}
}

// counter counts the commands that a server gets.
func counter(m *miniredis.Miniredis, names ...string) func() int {
	var mu sync.Mutex
	n := 0
	m.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(names, command) {
			n++
		}
		return false
	})
	return func() int { mu.Lock(); defer mu.Unlock(); return n }
}

func TestEmptyListsCauseNoBusyLoop(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"lists: l\nbatch_size: 100", "lists: [a, b]", "lists: l\nreliable: True"} {
		m := miniredis.RunT(t)
		count := counter(m, "BLPOP", "BLMOVE", "EVAL")
		r := start(t, m.Addr(), options)
		time.Sleep(2200 * time.Millisecond)
		if n := count(); n > 7 {
			t.Errorf("%s: %d requests", options, n)
		}
		r.Stop()
	}
}

func TestATimeoutIsNoEvent(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	r := start(t, m.Addr(), "lists: l\ntimeout: 1")
	actortest.Until(t, "the timeout is over", func() bool { return strings.Contains(r.Log(), "no entry within the timeout") })
	push(t, m, "l", "spam")
	actortest.Same(t, actortest.Texts(r.Wait(1)), []string{"spam"})
	if strings.Contains(r.Log(), "level=ERROR") || strings.Contains(r.Log(), "level=WARN") {
		t.Error(r.Log())
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
	for _, reliable := range []string{"False", "True"} {
		m := miniredis.RunT(t)
		address := m.Addr()
		m.Close()
		r := start(t, address, "lists: l\nbatch_size: 10\nreliable: "+reliable)
		actortest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
		revive(t, m, address)
		push(t, m, "l", "one")
		r.Wait(1)
		m.Close()
		time.Sleep(50 * time.Millisecond)
		revive(t, m, address)
		push(t, m, "l", "two", "three")
		actortest.Same(t, actortest.Texts(r.Wait(3)), []string{"one", "two", "three"})
		if !strings.Contains(r.Log(), "target works again") || strings.Count(r.Log(), "target failed") > 2 {
			t.Error(r.Log())
		}
	}
}

func TestAWrongPasswordIsTriedSlowly(t *testing.T) {
	m := miniredis.RunT(t)
	m.RequireAuth("secret")
	count := counter(m, "AUTH")
	r := start(t, m.Addr(), "lists: l\npassword: ${NO_SUCH_VARIABLE:-wrong}")
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "WRONGPASS") })
	time.Sleep(time.Second)
	if n := count(); n != 1 || !strings.Contains(r.Log(), m.Addr()) || strings.Contains(r.Log(), "wrong\"") {
		t.Errorf("%d attempts: %s", n, r.Log())
	}
}

func TestAKeyOfAnotherTypeDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"", "batch_size: 5", "reliable: True", "reliable: True\nbatch_size: 5"} {
		m := miniredis.RunT(t)
		if err := m.Set("wrong", "spam"); err != nil {
			t.Fatal(err)
		}
		push(t, m, "right", "eggs", "bacon")
		r := start(t, m.Addr(), "lists: [wrong, right]\n"+options)
		actortest.Same(t, actortest.Texts(r.Wait(2)), []string{"eggs", "bacon"})
		if n := strings.Count(r.Log(), "the key is no list"); n != 1 || !strings.Contains(r.Log(), "list=wrong") && !strings.Contains(r.Log(), `list="wrong`) {
			t.Errorf("told %d times: %s", n, r.Log())
		}
		r.Stop()
	}
}

func TestASlowServerLosesNothingAtAStop(t *testing.T) {
	m := miniredis.RunT(t)
	m.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool {
		if command == "EVAL" {
			time.Sleep(200 * time.Millisecond)
		}
		return false
	})
	push(t, m, "l", numbered(100)...)
	r := start(t, m.Addr(), "lists: l\nbatch_size: 10")
	r.Wait(1)
	got := len(r.Stop())
	if got+length(m, "l") != 100 {
		t.Errorf("%d came and %d are left", got, length(m, "l"))
	}
}

// held is an output that holds everything back until it is told otherwise.
type held struct{ open chan struct{} }

func (h *held) spec() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Held", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return h, nil })
}

// Write waits.
func (h *held) Write(ctx context.Context, _ *actor.Batch) error {
	select {
	case <-h.open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func TestWhatWasNotDeliveredComesAgain(t *testing.T) {
	m := miniredis.RunT(t)
	want := numbered(20)
	push(t, m, "l", want...)
	h := &held{make(chan struct{})}
	text := "- Global: {shutdown_timeout: 1}\n- RedisList: {server: '" + m.Addr() + "', lists: l, batch_size: 8, reliable: True}\n- Held\n"
	r := actortest.Start(t, text, redislist.Spec, h.spec())
	actortest.Until(t, "all are under way", func() bool { return length(m, "l.processing.RedisList") == 20 })
	r.StopHard()
	if n := length(m, "l.processing.RedisList"); n != 20 || m.Exists("l") {
		t.Fatalf("%d are left", n)
	}
	push(t, m, "l", "new")
	again := start(t, m.Addr(), "lists: l\nbatch_size: 8\nreliable: True")
	actortest.Same(t, actortest.Texts(again.Wait(21)), append(want, "new"))
	again.Stop()
	if m.Exists("l.processing.RedisList") {
		t.Error("something is left")
	}
}

func TestAfterAKillTheSuccessorWaitsForTheLease(t *testing.T) {
	m := miniredis.RunT(t)
	for key, entry := range map[string]string{"l.processing.RedisList": "old", "l": "new"} {
		push(t, m, key, entry)
	}
	if err := m.Set("l.processing.RedisList.lease", "of a dead program"); err != nil {
		t.Fatal(err)
	}
	r := start(t, m.Addr(), "lists: l\nreliable: True\nlease_in_secs: 20")
	time.Sleep(100 * time.Millisecond)
	m.Del("l.processing.RedisList.lease") // which is what time does
	actortest.Same(t, actortest.Texts(r.Wait(2)), []string{"old", "new"})
}

func TestTwoConsumersOfOneName(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	options := "lists: l\nreliable: True\nbatch_size: 3\nlease_in_secs: 400ms"
	one := start(t, m.Addr(), options)
	actortest.Until(t, "the first has its name", func() bool { return strings.Contains(one.Log(), "consumer registered") })
	two := start(t, m.Addr(), options)
	actortest.Until(t, "the second has another one", func() bool { return strings.Contains(two.Log(), "consumer=RedisList-2") })
	want := numbered(300)
	push(t, m, "l", want...)
	actortest.Until(t, "all is done", func() bool { return !m.Exists("l") })
	got := append(actortest.Texts(one.Stop()), actortest.Texts(two.Stop())...)
	slices.Sort(got)
	slices.Sort(want)
	actortest.Same(t, got, want)
}

func TestTheEntriesOfADeadConsumerAreTaken(t *testing.T) {
	m := miniredis.RunT(t)
	push(t, m, "l.processing.dead", "a", "b")
	push(t, m, "l.processing.alive", "c")
	if _, err := m.SAdd("l.consumers", "dead", "alive"); err != nil {
		t.Fatal(err)
	}
	if err := m.Set("l.processing.alive.lease", "x"); err != nil {
		t.Fatal(err)
	}
	r := start(t, m.Addr(), "lists: l\nreliable: True\nlease_in_secs: 200ms\nconsumer: me")
	actortest.Same(t, actortest.Texts(r.Wait(2)), []string{"a", "b"})
	m.Del("l.processing.alive.lease")
	actortest.Same(t, actortest.Texts(r.Wait(3))[2:], []string{"c"})
	r.Stop()
	if members, _ := m.SMembers("l.consumers"); len(members) > 0 {
		t.Errorf("still registered: %v", members)
	}
}

func TestALostAnswerLosesNoEntry(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 10} {
		for _, command := range []string{"BLMOVE", "EVAL", "LREM"} {
			t.Run(fmt.Sprint(command, batch), func(t *testing.T) {
				m := miniredis.RunT(t)
				cut(m, command)
				var want []string
				for i := range 60 { // some are equal
					want = append(want, fmt.Sprint(i/2))
				}
				push(t, m, "l", want...)
				r := start(t, m.Addr(), fmt.Sprintf("lists: l\nreliable: True\nbatch_size: %d", batch))
				actortest.Until(t, "all is done", func() bool { return !m.Exists("l") && !m.Exists("l.processing.RedisList") && len(r.Wait(0)) >= 60 })
				got := actortest.Texts(r.Stop())
				slices.Sort(got)
				slices.Sort(want)
				actortest.Same(t, got, want)
				if m.Exists("l.processing.RedisList") {
					t.Error("something is left")
				}
			})
		}
	}
}

// cut closes a few connections just after a command was carried out.
func cut(m *miniredis.Miniredis, command string) {
	var mu sync.Mutex
	seen, cuts := 0, 0
	var deaf *server.Peer // has no way to hear answers
	m.Server().SetPreHook(func(p *server.Peer, name string, args ...string) bool {
		mu.Lock()
		if p == deaf || name != command {
			mu.Unlock()
			return false
		}
		seen++
		now := seen%3 == 2 && cuts < 2
		if now {
			cuts++
			deaf = server.NewPeer(bufio.NewWriter(io.Discard))
			p.Close()
		}
		mu.Unlock()
		if now {
			m.Server().Dispatch(deaf, append([]string{name}, args...))
		}
		return now
	})
}

func TestACluster(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"reliable: False", "reliable: True", "reliable: True\nbatch_size: 10"} {
		for _, lists := range []string{"[a]", "[a, b, c]"} {
			k := redistest.NewCluster(t, 3, redisconn.Slot)
			for _, l := range strings.Split(strings.Trim(lists, "[]"), ", ") {
				push(t, k.Servers[k.Owner(l)], l, "1", "2", "3", "4")
			}
			r := actortest.Source(t, redislist.Spec, k.Seeds()+"\nlists: "+lists+"\n"+options)
			n := 4 * len(strings.Split(lists, ","))
			if got := actortest.Texts(r.Wait(n)); len(got) != n {
				t.Errorf("got %v", got)
			}
			r.Stop()
		}
	}
}

func TestAStrictStart(t *testing.T) {
	r := start(t, "127.0.0.1:1", "lists: l\nstart_timeout_in_secs: 1")
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, redislist.Spec, map[string]string{
		"": "lists", "lists: []": "at least one", "lists: ['']": "at least one", "lists: [a, a]": "named twice", "lists: a\nbatch_size: 0": "between 1 and",
		"lists: a\ndirection: up": "left, right", "lists: a\nserver: null": "server", "lists: 'a}b{'\nreliable: True\ncluster: {a: []}": "hash tag",
	})
	if w := actortest.Warnings(t, redislist.Spec, "lists: a\nconsumer: x"); len(w) != 1 {
		t.Errorf("got %v", w)
	}
	if err := actortest.Options(t, redislist.Spec, "lists: TestList\nserver: localhost\nport: 6379\ndb: 0\npassword: null\ntimeout: 0"); err != nil {
		t.Error(err)
	}
}

func BenchmarkEntries(b *testing.B) {
	for _, reliable := range []string{"False", "True"} {
		b.Run("reliable="+reliable, func(b *testing.B) {
			m := miniredis.RunT(b)
			line := `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`
			var lines []string
			for range b.N {
				lines = append(lines, line)
			}
			if _, err := m.Push("l", lines...); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			r := actortest.Source(b, redislist.Spec, "server: "+m.Addr()+"\nlists: l\nbatch_size: 1000\nreliable: "+reliable)
			r.Wait(b.N)
			r.Stop()
		})
	}
}
