package simplestats_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/misc/simplestats"
)

func typed(t *testing.T, types ...string) []*event.Event {
	t.Helper()
	events := actortest.Events(types...)
	for i, e := range events {
		e.SetType(types[i])
	}
	return events
}

func TestNumbersAreEmittedAsEvents(t *testing.T) {
	out := actortest.Process(t, simplestats.Spec, "emit_as_event: True\nwaiting_event_statistics: True\nprocess_statistics: [num_threads]", typed(t, "a", "b", "a")...)
	var got []string
	for _, e := range out[3:] {
		if e.Type() != "statistic" || actortest.Meta(e, "source_module") != "Statistics" {
			t.Error(actortest.Whole(e))
		}
		c := e.Fork()
		for _, p := range []string{"rate", "timestamp", "interval", "count_per_sec", "num_threads", "queue_count"} {
			c.Delete(event.MustPath(p))
		}
		got = append(got, actortest.JSON(c))
	}
	want := []string{
		`{"data":"","field_name":"all_events","stats_type":"receiverate_stats","total_count":3}`,
		`{"data":"","field_name":"a","stats_type":"event_type_stats","total_count":2}`,
		`{"data":"","field_name":"b","stats_type":"event_type_stats","total_count":1}`,
		`{"data":"","field_name":"queue_counts","module":"SimpleStats","stats_type":"queue_stats"}`,
		`{"data":"","field_name":"queue_counts","module":"TestCatch","stats_type":"queue_stats"}`,
		`{"data":"","stats_type":"process_stats"}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestNumbersAreLogged(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- SimpleStats:\n    interval: 1\n    receivers: []\n", simplestats.Spec, actortest.Numbers(100))
	r.Finish()
	for _, want := range []string{"############# Statistics (PID: ", ">> Receive rate stats", ": 100 (", ">> EventTypes Statistics", "EventType: Unknown - Hits: 100"} {
		if !strings.Contains(r.Log(), want) {
			t.Errorf("%q is missing in\n%s", want, r.Log())
		}
	}
}

func TestCountsAreExactOverAllWorkers(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- SimpleStats:\n    pool_size: 4\n    emit_as_event: True\n    event_type_statistics: False\n- TestCatch\n", simplestats.Spec, actortest.Numbers(10_000))
	out := r.Finish()
	last := out[len(out)-1]
	if v, _ := last.Get(event.MustPath("total_count")); v.Text() != "10000" {
		t.Error(actortest.JSON(last))
	}
}

func TestOtherNamesAndTypes(t *testing.T) {
	out := actortest.Process(t, simplestats.Spec, "emit_as_event: True\nfield_names: v2022\nmax_event_types: 1", typed(t, "a", "b", "c")...)
	text := actortest.JSON(out[3]) + actortest.JSON(out[4]) + actortest.JSON(out[5])
	for _, want := range []string{`"receiverate_count":3`, `_count_per_sec":`, `"other_count":2`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
	actortest.Wrong(t, simplestats.Spec, map[string]string{"interval: 0": "at least 1s", "process_statistics: [weather]": "weather"})
}
