package mergeevent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock")) // which ends by itself
}

const (
	log4j = "pattern: '\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2},\\d+ [^]]*\\]'\nglue: \"\\n\"\n"
	abc   = "{\"data\":\"a\"}\n{\"data\":\"b;\"}\n{\"data\":\"c;\"}\n"
)

func TestEventsAreJoined(t *testing.T) {
	actortest.Cases(t, Spec, map[string]actortest.Case{
		"a stack trace": {Options: log4j,
			In:   "{\"data\":\"2015-02-18 14:25:10,661 [http-bio-8080] ERROR x\",\"a\":1}\n{\"data\":\"no category found for name: en\",\"b\":2}\n{\"data\":\"2015-02-18 14:52:08,829 [main] INFO y\"}\n",
			Want: "{\"a\":1,\"data\":\"2015-02-18 14:25:10,661 [http-bio-8080] ERROR x\\nno category found for name: en\"}\n{\"data\":\"2015-02-18 14:52:08,829 [main] INFO y\"}"},
		"nothing matches": {Options: log4j,
			In:   "{\"data\":\"2015-02-18T14:25:10,661 [x]\"}\n{\"data\":\"2015-02-18 14:25:10.661 [x]\"}\n{\"data\":\"no category found\"}\n",
			Want: "{\"data\":\"2015-02-18T14:25:10,661 [x]\"}\n{\"data\":\"2015-02-18 14:25:10.661 [x]\"}\n{\"data\":\"no category found\"}"},
		"the end":             {Options: "pattern: ';$'\npattern_marks: EndOfEvent", In: abc, Want: "{\"data\":\"ab;\"}\n{\"data\":\"c;\"}"},
		"the reference's end": {Options: "pattern: \"\\n$\"\npattern_marks: EndOfEvent\nglue: ''", In: "{\"data\":\"No newline.\"}\n{\"data\":\"But now: \\n\"}", Want: `{"data":"No newline.But now: \n"}`},
		"no pattern":          {Options: "glue: '|'", In: abc, Want: `{"data":"a|b;|c;"}`},
		"two at a time":       {Options: "buffer_size: 2", In: abc, Want: "{\"data\":\"ab;\"}\n{\"data\":\"c;\"}"},
		"size and start":      {Options: "pattern: a\nbuffer_size: 2", In: abc, Want: "{\"data\":\"ab;\"}\n{\"data\":\"c;\"}"},
		"one at a time":       {Options: "buffer_size: 1\nmerged_count_field: n", In: abc, Want: strings.TrimSpace(abc)},
		"bytes":               {Options: "max_bytes: 3", In: abc, Want: "{\"data\":\"ab;\"}\n{\"data\":\"c;\"}"},
		"by key": {Options: "buffer_key: $(k)\nglue: ','", In: "{\"k\":1,\"data\":\"a\"}\n{\"k\":2,\"data\":\"b\"}\n{\"k\":1,\"data\":\"c\"}",
			Want: "{\"data\":\"a,c\",\"k\":1}\n{\"data\":\"b\",\"k\":2}"},
		"no key":        {Options: "buffer_key: $(k)", In: abc, Want: `{"data":"ab;c;"}`},
		"other fields":  {Options: "match_field: m\npattern: s\nmerge_field: t\nglue: ' '", In: "{\"m\":\"s\",\"t\":\"a\"}\n{\"m\":\"x\",\"t\":5}\n{\"m\":\"x\"}\n", Want: `{"m":"s","t":"a 5"}`},
		"grok":          {Options: "pattern: '^%{IP}'", In: "{\"data\":\"10.0.0.1 a\"}\n{\"data\":\" b\"}\n{\"data\":\"10.0.0.2 c\"}", Want: "{\"data\":\"10.0.0.1 a b\"}\n{\"data\":\"10.0.0.2 c\"}"},
		"own grok":      {Options: "pattern: '%{PARROT}'\npattern_definitions: {PARROT: '^dead'}", In: "{\"data\":\"dead\"}\n{\"data\":\" parrot\"}", Want: `{"data":"dead parrot"}`},
		"negated":       {Options: "pattern: '^\\s'\nnegate: True", In: "{\"data\":\"a\"}\n{\"data\":\" b\"}\n{\"data\":\"c\"}", Want: "{\"data\":\"a b\"}\n{\"data\":\"c\"}"},
		"counted":       {Options: "merged_count_field: n", In: abc, Want: `{"data":"ab;c;","n":3}`},
		"line ends":     {Options: "strip_newline: True\nglue: '|'", In: "{\"data\":\"a\\r\\n\"}\n{\"data\":\"b\\n\\n\"}", Want: `{"data":"a|b"}`},
		"without text":  {Options: "pattern: a", In: "{\"data\":\"a\"}\n{\"x\":1}\n{\"data\":5}\n{\"data\":\"b\"}", Want: "{\"x\":1}\n{\"data\":5}\n{\"data\":\"ab\"}"},
		"a filter":      {Options: "filter: $(data) != 'b;'", In: abc, Want: "{\"data\":\"b;\"}\n{\"data\":\"ac;\"}"},
		"few keys":      {Options: "buffer_key: $(k)\nmax_keys: 1", In: "{\"k\":1,\"data\":\"a\"}\n{\"k\":2,\"data\":\"b\"}\n{\"k\":2,\"data\":\"c\"}", Want: "{\"data\":\"a\",\"k\":1}\n{\"data\":\"bc\",\"k\":2}"},
		"a bad target":  {Options: "merge_field: data.x", In: abc, Want: `{"data":"a"}`, Tags: "merge_event_failure"},
		"common action": {Options: "add_fields: {m: yes it is}", In: abc, Want: `{"data":"ab;c;","m":"yes it is"}`},
		"collected": {Options: "merge_field: d\nfields_to_collect: {f: first, l: last, all: list, n: sum, big: sum, x: sum, none: list, bad: sum}",
			In:   "{\"data\":\"\",\"d\":\"a\",\"l\":1,\"all\":1,\"n\":\"1\",\"big\":9223372036854775807,\"x\":0.5,\"bad\":1}\n{\"data\":\"\",\"d\":\"b\",\"f\":2,\"l\":2,\"n\":2,\"big\":1,\"x\":\"1\",\"bad\":\"z\"}\n{\"data\":\"\",\"f\":3,\"all\":[3]}",
			Want: `{"all":[1,[3]],"bad":1,"big":9223372036854775808,"d":"ab","data":"","f":2,"l":2,"n":3,"x":1.5}`, Tags: "merge_event_failure"},
	})
}

func TestTheFirstEventLivesOn(t *testing.T) {
	events := actortest.Events("a1", "b", "a2")
	first, third := events[0].ID(), events[2].ID()
	events[0].SetType("trace")
	out := actortest.Process(t, Spec, "pattern: a", events...)
	if len(out) != 2 || out[0].ID() != first || out[1].ID() != third || out[0].Type() != "trace" || actortest.Meta(out[0], "source_module") != "StdIn" {
		t.Errorf("got %s and %s", actortest.Whole(out[0]), actortest.Whole(out[1]))
	}
}

func TestEventsOfSeveralBatchesAreJoined(t *testing.T) {
	var batches [][]*event.Event
	want := ""
	for i := range 200 {
		text := fmt.Sprintf("%d,", i)
		batches = append(batches, actortest.Events(text))
		if i%7 == 0 {
			batches[i] = actortest.Events("start", text)
			want += " start"
		}
		want += text
	}
	got := ""
	for _, e := range actortest.Batches(t, Spec, "pattern: start\nflush_interval_in_secs: null", batches...) {
		v, _ := e.Get(event.MustPath("data"))
		got += " " + v.Str()
	}
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// live runs a pipeline in a bubble.
func live(t *testing.T, options string, f func(send func(texts ...string), got func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		feed := make(chan string)
		r := actortest.Start(t, "- Lines\n- MergeEvent:\n"+options+"- TestCatch\n", Spec, actortest.Lines(feed))
		f(func(texts ...string) {
			for _, s := range texts {
				feed <- s
			}
			synctest.Wait()
		}, func() string {
			synctest.Wait()
			var list []string
			for _, e := range r.Wait(0) {
				v, _ := e.Get(event.MustPath("data"))
				list = append(list, v.Str())
			}
			return strings.Join(list, " ")
		})
		r.Stop()
	})
}

func TestWhatIsHeldGoesWhenNothingIsAdded(t *testing.T) {
	live(t, "    flush_interval_in_secs: 2\n", func(send func(...string), got func() string) {
		for _, s := range []string{"a", "b", "c"} {
			send(s)
			time.Sleep(1900 * time.Millisecond)
		}
		if got() != "" {
			t.Errorf("too early: %s", got())
		}
		time.Sleep(400 * time.Millisecond)
		if got() != "abc" {
			t.Errorf("got %s", got())
		}
	})
	live(t, "    flush_interval_in_secs: 1\n", func(send func(...string), got func() string) {
		for range 21 { // ten times the interval at the latest
			send("a")
			time.Sleep(500 * time.Millisecond)
		}
		if got() != strings.Repeat("a", 21) && got() != strings.Repeat("a", 20) {
			t.Errorf("got %s", got())
		}
	})
	live(t, "    flush_interval_in_secs: null\n    pattern: a\n    max_wait_in_secs: 3\n", func(send func(...string), got func() string) {
		send("a")
		time.Sleep(2500 * time.Millisecond)
		send("b")
		if got() != "" {
			t.Errorf("too early: %s", got())
		}
		time.Sleep(time.Second)
		if got() != "ab" {
			t.Errorf("got %s", got())
		}
	})
	live(t, "    pattern: a\n", func(send func(...string), got func() string) {
		send("b", "c", "d", "e") // nothing matches, and nothing is held
		if got() != "b c d e" {
			t.Errorf("got %s", got())
		}
		send("a1", "b", "a2")
		if got() != "b c d e a1b" {
			t.Errorf("got %s", got())
		}
	})
	live(t, "    flush_interval_in_secs: null\n    pattern: a\n", func(send func(...string), got func() string) {
		send("a")
		time.Sleep(24 * time.Hour)
		if got() != "" {
			t.Errorf("too early: %s", got())
		}
	})
}

// tickets sends two lines, each with a ticket, and says when they were answered.
func tickets(answered *[2]atomic.Bool, between, done chan struct{}) actor.Spec {
	return actor.DefineSource(actor.Info{Name: "Tickets", Role: actor.Input}, struct{}{}, func(actor.Env, struct{}) (actor.Source, error) {
		return source(func(ctx context.Context, out *actor.Outlet) error {
			for i, text := range []string{"start", "rest"} {
				b := out.Batch("")
				b.New().SetField(event.Data, event.String(text))
				if err := out.Emit(b, ack.New(func(error) { answered[i].Store(true) })); err != nil {
					return err
				}
			}
			close(between)
			<-done
			return nil
		}), nil
	})
}

type source func(context.Context, *actor.Outlet) error

// Run sends.
func (s source) Run(ctx context.Context, out *actor.Outlet) error { return s(ctx, out) }

func TestHeldEventsAreNotAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered [2]atomic.Bool
		between, done := make(chan struct{}), make(chan struct{})
		r := actortest.Start(t, "- Tickets\n- MergeEvent: {pattern: start}\n- TestCatch\n", Spec, tickets(&answered, between, done))
		<-between
		synctest.Wait()
		if answered[0].Load() || answered[1].Load() {
			t.Error("events that are held were acknowledged")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !answered[0].Load() || !answered[1].Load() || len(r.Wait(0)) != 1 {
			t.Error("events that have left were not acknowledged")
		}
		close(done)
		r.Finish()
	})
}

func TestASlowPatternEndsNothing(t *testing.T) {
	out := actortest.Process(t, Spec, "pattern: '^(?=x)|^(?:(?:a|aa)+)+$'\npattern_timeout_in_millis: 50", actortest.Events("x", strings.Repeat("a", 60)+"!")...)
	if len(out) != 1 || !strings.Contains(actortest.JSON(out[0]), `"data":"xaaa`) {
		t.Errorf("got %d events, %s", len(out), actortest.JSON(out[0]))
	}
}

func TestKeysWithoutHeldEventsTakeNoMemory(t *testing.T) {
	h := newHeld(Options{Interval: second()})
	now := time.Now()
	for i := range 1000 {
		g := h.group(fmt.Append(nil, i))
		g.add(actortest.Events("x")[0], 1, now.Add(time.Duration(i%10)*time.Second))
		h.fix(g)
	}
	if n := len(h.due(now.Add(5500*time.Millisecond), false)); n != 500 || h.len() != 500 || len(h.heap) != 500 {
		t.Errorf("%d were due, %d are left", n, h.len())
	}
	h.forget(h.group([]byte("unknown")))
	if h.due(now, true); h.len() != 0 || len(h.heap) != 0 {
		t.Errorf("%d are left", h.len())
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, Spec, map[string]string{
		"flush_interval_in_secs: null": "flush_interval_in_secs: required", "pattern_marks: EndOfEvent": "pattern: required", "buffer_size: 0": "at least 1", "pattern: '('": "E031", "pattern: '%{NOPE}'": "NOPE",
		"pattern_marks: Middle": "StartOfEvent, EndOfEvent", "fields_to_collect: {a: average}": "fields_to_collect.a: must be one of first, last, list, sum", "fields_to_collect: x": "must be map", "pattern: '(?=a)'\nlinear_only: True": "lookahead",
		"patterns_dir: /nowhere\npattern: a": "patterns_dir", "flush_interval_in_secs: 0": "at least 1ms", "pool_size: 2": "E035", "max_keys: 0": "at least 1", "max_bytes: 0": "at least 1",
	})
	if got := actortest.Warnings(t, Spec, "negate: True"); len(got) != 1 {
		t.Errorf("warnings: %v", got)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p"), []byte("PARROT ^dead\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := actortest.Options(t, Spec, "pattern: '%{PARROT}'\npatterns_dir: "+dir); err != nil {
		t.Error(err)
	}
}

func TestEvictionsAreCounted(t *testing.T) {
	feed := make(chan string, 3)
	for _, s := range []string{"a", "b", "c"} {
		feed <- s
	}
	close(feed)
	r := actortest.Start(t, "- Lines\n- MergeEvent: {buffer_key: $(data), max_keys: 2}\n- TestCatch\n", Spec, actortest.Lines(feed))
	if out := r.Finish(); len(out) != 3 || storetest.Counter(r, "MergeEvent", "evicted_keys") != 1 {
		t.Errorf("%d events", len(out))
	}
}

func BenchmarkEvent(b *testing.B) {
	lines := []string{`{"data":"2015-02-18 14:25:10,661 [http-bio-8080] ERROR no category found for name: en"}`}
	for i := range 9 {
		lines = append(lines, fmt.Sprintf(`{"data":"\tat com.example.parrot.Shop.sell(Shop.java:%d)"}`, i))
	}
	b.Run("pattern", func(b *testing.B) { actortest.BenchEvents(b, Spec, log4j, "", nil, lines...) })
	b.Run("ten of a key", func(b *testing.B) {
		actortest.BenchEvents(b, Spec, "buffer_size: 10\nglue: \"\\n\"", "", nil, lines...)
	})
	b.Run("alone", func(b *testing.B) { actortest.BenchEvents(b, Spec, "buffer_size: 1", "", nil, lines...) })
}
