package redislistsink_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/redisconn/redistest"
	"gambolputty/stages/outputs/redislistsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func numbered(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint("entry ", i))
	}
	return list
}

func sink(t *testing.T, address, options string, data ...string) {
	t.Helper()
	actortest.Sink(t, redislistsink.Spec, "server: "+address+"\n"+options, actortest.Events(data...)...)
}

// want checks the entries of a list.
func want(t *testing.T, m *miniredis.Miniredis, list string, entries ...string) {
	t.Helper()
	if got, err := m.List(list); err != nil || !slices.Equal(got, entries) {
		t.Errorf("%s has %d entries %.200q, %v; want %d %.200q", list, len(got), got, err, len(entries), entries)
	}
}

func TestEventsBecomeEntriesInTheirOrder(t *testing.T) {
	for _, options := range []string{"", "batch_size: 1", "batch_size: 7\nstore_interval_in_secs: 0"} {
		m := miniredis.RunT(t)
		sink(t, m.Addr(), "list: l\nformat: $(data)\n"+options, numbered(500)...)
		want(t, m, "l", numbered(500)...)
	}
}

func TestAnEntryIsTheFormatOrTheEvent(t *testing.T) {
	m := miniredis.RunT(t)
	sink(t, m.Addr(), "list: l\ndelete_fields: [gambolputty]", "spam")
	sink(t, m.Addr(), "list: l\nformat: '<$(data)>'", "eggs\n", "\x00\xff")
	want(t, m, "l", `{"data":"spam"}`, "<eggs\n>", "<\x00\xff>")
}

func TestNamesDependOnEventAndTime(t *testing.T) {
	m := miniredis.RunT(t)
	options := "list: 'l-$(host)-%Y'\nformat: $(n)\ntimestamp_field: time\ntimezone: Europe/London\nserver: " + m.Addr()
	actortest.Sink(t, redislistsink.Spec, options,
		actortest.Event(t, `{"n": 1, "host": "a", "time": "2013-12-31T23:59:59Z"}`), actortest.Event(t, `{"n": 2, "host": "b%Y", "time": 0}`),
		actortest.Event(t, `{"n": 3, "host": "a", "time": "2013-07-31T23:59:59Z"}`), actortest.Event(t, `{"n": 4, "host": "c", "time": "?"}`))
	want(t, m, "l-a-2013", "1", "3")
	want(t, m, "l-b%Y-1970", "2")
	want(t, m, "l-c-"+fmt.Sprint(time.Now().UTC().Year()), "4")
}

func TestAMissingFieldInTheNameIsRejected(t *testing.T) {
	m := miniredis.RunT(t)
	file := filepath.Join(t.TempDir(), "rejected")
	sink(t, m.Addr(), "list: 'l-$(nope)'\nreject_action: file\nreject_file: "+file, "spam")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "spam") || !strings.Contains(string(text), "field in the name") || len(m.Keys()) > 0 {
		t.Errorf("%s %v %v", text, err, m.Keys())
	}
}

func TestOneCommandForAList(t *testing.T) {
	m := miniredis.RunT(t)
	var mu sync.Mutex
	pushes := 0
	m.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool {
		mu.Lock()
		defer mu.Unlock()
		if command == "RPUSH" {
			pushes++
		}
		return false
	})
	sink(t, m.Addr(), "list: l\nbatch_size: 500", numbered(500)...)
	mu.Lock()
	defer mu.Unlock()
	if pushes != 1 {
		t.Errorf("%d commands", pushes)
	}
}

// stream feeds a sink line by line.
func stream(t *testing.T, options string) (chan<- string, *actortest.Running) {
	t.Helper()
	feed := make(chan string)
	text := "- Lines\n- RedisListSink:\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	return feed, actortest.Start(t, text, redislistsink.Spec, actortest.Lines(feed))
}

func TestAServerThatIsAwayAtStartAndLater(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	m.Close()
	feed, r := stream(t, "server: "+address+"\nlist: l\nformat: $(data)\nstore_interval_in_secs: 0")
	feed <- "1"
	actortest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	if err := m.StartAddr(address); err != nil {
		t.Fatal(err)
	}
	actortest.Until(t, "it arrives", func() bool { return m.Exists("l") })
	m.Close()
	feed <- "2"
	feed <- "3"
	if err := m.StartAddr(address); err != nil {
		t.Fatal(err)
	}
	close(feed)
	r.Finish()
	want(t, m, "l", "1", "2", "3")
	if !strings.Contains(r.Log(), "target works again") {
		t.Error(r.Log())
	}
}

func TestRefusalsThatPassAreTriedAgain(t *testing.T) {
	for _, refusal := range []string{"LOADING Redis is loading the dataset in memory", "OOM command not allowed when used memory > 'maxmemory'.", "READONLY You can't write against a read only replica."} {
		m := miniredis.RunT(t)
		var mu sync.Mutex
		n := 0
		m.Server().SetPreHook(func(p *server.Peer, command string, _ ...string) bool {
			mu.Lock()
			defer mu.Unlock()
			if command != "RPUSH" || n == 2 {
				return false
			}
			n++
			p.WriteError(refusal)
			return true
		})
		sink(t, m.Addr(), "list: l\nformat: $(data)", "a", "b")
		want(t, m, "l", "a", "b")
	}
}

func TestAKeyOfAnotherTypeAndAWrongPasswordAreTriedSlowly(t *testing.T) {
	m := miniredis.RunT(t)
	if err := m.Set("wrong", "spam"); err != nil {
		t.Fatal(err)
	}
	locked := miniredis.RunT(t)
	locked.RequireAuth("secret")
	for options, sign := range map[string]string{
		"server: " + m.Addr() + "\nlist: wrong": "list wrong: WRONGTYPE", "server: " + locked.Addr() + "\nlist: l\npassword: ${NO_SUCH_VARIABLE:-wrong}": "WRONGPASS",
	} {
		feed, r := stream(t, options+"\nstore_interval_in_secs: 0\nmax_retries: 1\nretry_max_interval_in_secs: 2\nreject_action: drop")
		feed <- "spam"
		actortest.Until(t, sign, func() bool { return strings.Contains(r.Log(), sign) })
		began := time.Now()
		close(feed)
		r.Finish()
		if time.Since(began) < 1500*time.Millisecond {
			t.Errorf("%s is tried again after %s", sign, time.Since(began))
		}
	}
}

func TestALongListIsCongested(t *testing.T) {
	m := miniredis.RunT(t)
	if _, err := m.Push("l", "1", "2", "3"); err != nil {
		t.Fatal(err)
	}
	feed, r := stream(t, "server: "+m.Addr()+"\nlist: l\nformat: $(data)\nstore_interval_in_secs: 0\ncongestion_threshold: 2\ncongestion_interval_in_secs: 20ms")
	feed <- "new"
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "congested") })
	if _, err := m.Lpop("l"); err != nil {
		t.Fatal(err)
	}
	close(feed)
	r.Finish()
	want(t, m, "l", "2", "3", "new")
}

func TestOtherTypesOfData(t *testing.T) {
	m := miniredis.RunT(t)
	s := m.NewSubscriber()
	defer s.Close()
	s.Subscribe("c")
	done := make(chan string, 1)
	go func() { done <- (<-s.Messages()).Message }()
	sink(t, m.Addr(), "list: c\ndata_type: channel\nformat: $(data)", "spam")
	if got := <-done; got != "spam" {
		t.Errorf("got %q", got)
	}
	sink(t, m.Addr(), "list: s\ndata_type: stream\nformat: $(data)", "spam", "eggs")
	entries, err := m.Stream("s")
	if err != nil || len(entries) != 2 || !slices.Equal(entries[1].Values, []string{"data", "eggs"}) {
		t.Errorf("%v %v", entries, err)
	}
}

func TestACluster(t *testing.T) {
	k := redistest.NewCluster(t, 3, redisconn.Slot)
	k.Move("l-5", 0)
	var events []string
	for i := range 100 {
		events = append(events, fmt.Sprint(i%10))
	}
	actortest.Sink(t, redislistsink.Spec, k.Seeds()+"\nlist: l-$(data)\nformat: $(data)", actortest.Events(events...)...)
	for i := range 10 {
		name := fmt.Sprint("l-", i)
		want(t, k.Servers[k.Owner(name)], name, slices.Repeat([]string{fmt.Sprint(i)}, 10)...)
	}
}

func TestAStrictStart(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- RedisListSink: {list: l, server: '127.0.0.1:1', start_timeout_in_secs: 1}\n", redislistsink.Spec, actortest.Numbers(1))
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, redislistsink.Spec, map[string]string{
		"": "list", "list: ''": "must not be empty", "list: a\nserver: null": "server", "list: a\nbatch_size: 0": "at least 1", "list: $(a": "not closed",
		"list: a\ndata_type: set": "list, channel, stream", "list: a\ntimezone: Mars": "time zone", "list: a\nreject_action: file": "reject_file",
		"list: a\ndata_type: channel\nrequire_subscribers: True\ncluster: {a: []}": "cannot be set together",
	})
	for options, want := range map[string]string{
		"list: a\nrequire_subscribers: True": "W105", "list: a\nmax_length: 5": "W105", "list: a\ndata_type: channel\ncongestion_threshold: 5": "W105",
	} {
		if got := strings.Join(actortest.Warnings(t, redislistsink.Spec, options), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s gives %q", options, got)
		}
	}
}

func BenchmarkEvents(b *testing.B) {
	m := miniredis.RunT(b)
	line := `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`
	stop := make(chan struct{})
	defer close(stop)
	go func() { // what a consumer does
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				m.Del("l")
			}
		}
	}()
	actortest.Bench(b, redislistsink.Spec, "server: "+m.Addr()+"\nlist: l\nformat: $(data)", line)
}
