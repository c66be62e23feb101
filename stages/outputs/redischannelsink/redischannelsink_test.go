package redischannelsink_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/redischannelsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen collects n messages of a pattern.
func listen(m *miniredis.Miniredis, pattern string, n int) <-chan []string {
	s := m.NewSubscriber()
	s.Psubscribe(pattern)
	done := make(chan []string, 1)
	go func() {
		defer s.Close()
		var list []string
		for range n {
			msg := <-s.Pmessages()
			list = append(list, msg.Channel+" "+msg.Message)
		}
		done <- list
	}()
	return done
}

func TestEventsArePublishedInTheirOrder(t *testing.T) {
	m := miniredis.RunT(t)
	done := listen(m, "*", 300)
	var in, want []string
	for i := range 300 {
		in, want = append(in, fmt.Sprint(i)), append(want, fmt.Sprint("logs.Unknown ", i))
	}
	actortest.Sink(t, redischannelsink.Spec, "server: "+m.Addr()+"\nchannel: 'logs.$(gambolputty.event_type)'\nformat: '$(data)'", actortest.Events(in...)...)
	if got := <-done; !slices.Equal(got, want) {
		t.Errorf("got %.300q", got)
	}
}

func TestWithoutAFormatTheEventIsJSON(t *testing.T) {
	m := miniredis.RunT(t)
	done := listen(m, "*", 1)
	actortest.Sink(t, redischannelsink.Spec, "server: "+m.Addr()+"\nchannel: c\ndelete_fields: [gambolputty]", actortest.Event(t, `{"b": 1.0, "a": "x"}`))
	if got := <-done; got[0] != `c {"a":"x","b":1.0}` {
		t.Errorf("got %q", got)
	}
}

func TestAMissingFieldInTheNameIsRejected(t *testing.T) {
	m := miniredis.RunT(t)
	file := filepath.Join(t.TempDir(), "rejected")
	actortest.Sink(t, redischannelsink.Spec, "server: "+m.Addr()+"\nchannel: $(nope)\nreject_action: file\nreject_file: "+file, actortest.Events("spam")...)
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "spam") {
		t.Errorf("%s %v", text, err)
	}
}

func TestNobodyListens(t *testing.T) {
	m := miniredis.RunT(t)
	feed := make(chan string)
	start := func(options string) *actortest.Running {
		return actortest.Start(t, "- Lines\n- RedisChannelSink: {server: '"+m.Addr()+"', channel: c, format: $(data), store_interval_in_secs: 60"+options+"}\n", redischannelsink.Spec, actortest.Lines(feed))
	}
	r := start("")
	feed <- "gone"
	own := func() int64 { return r.Status("RedisChannelSink").Meter.Own("without_subscriber").Load() }
	actortest.Until(t, "it is counted", func() bool { return own() == 1 })
	r.Stop()
	r = start(", require_subscribers: True")
	feed <- "kept"
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "nobody has subscribed") })
	done := listen(m, "*", 1)
	r.Stop()
	if got := <-done; got[0] != "c kept" {
		t.Errorf("got %q", got)
	}
}

func TestEventsOutliveAnOutage(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	m.Close()
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- RedisChannelSink: {server: '"+address+"', channel: c, format: $(data)}\n", redischannelsink.Spec, actortest.Lines(feed))
	feed <- "1"
	feed <- "2"
	actortest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	done := listen(m, "*", 2)
	if err := m.StartAddr(address); err != nil {
		t.Fatal(err)
	}
	close(feed)
	r.Finish()
	if got := <-done; !slices.Equal(got, []string{"c 1", "c 2"}) {
		t.Errorf("got %q", got)
	}
}

func TestAStreamLasts(t *testing.T) {
	m := miniredis.RunT(t)
	actortest.Sink(t, redischannelsink.Spec, "server: "+m.Addr()+"\nchannel: s\nstream: True\nmax_length: 2\nformat: $(data)", actortest.Events("a", "b", "c")...)
	entries, err := m.Stream("s")
	if err != nil || len(entries) != 2 || !slices.Equal(entries[1].Values, []string{"data", "c"}) {
		t.Errorf("%v %v", entries, err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, redischannelsink.Spec, map[string]string{
		"": "channel", "channel: ''": "must not be empty", "channel: a\nbacklog_size: 0": "at least 1", "channel: $(a": "not closed",
		"channel: a\nrequire_subscribers: True\ncluster: {a: []}": "cannot be set together",
	})
}

func BenchmarkEvents(b *testing.B) {
	m := miniredis.RunT(b)
	line := `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`
	actortest.Bench(b, redischannelsink.Spec, "server: "+m.Addr()+"\nchannel: c\nformat: $(data)", line)
}
