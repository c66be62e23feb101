package statistics_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/misc/statistics"
)

func TestValuesAreCounted(t *testing.T) {
	in := "{\"http_status\": \"200\", \"l\": [1]}\n{\"http_status\": 200}\n{\"http_status\": \"301\"}\n{\"x\": 1}"
	passed := "{\"http_status\":\"200\",\"l\":[1]}\n{\"http_status\":200}\n{\"http_status\":\"301\"}\n{\"x\":1}\n"
	actortest.Cases(t, statistics.Spec, map[string]actortest.Case{
		"one field":     {Options: "fields: http_status", In: in, Want: passed + `{"data":"","field_counts":{"200":2,"301":1},"field_name":"http_status","interval":10,"total_count":3}`},
		"list and no":   {Options: "fields: [nope, l]\ninterval: 1.5", In: in, Want: passed + `{"data":"","field_counts":{"[1]":1},"field_name":"l","interval":1.5,"total_count":1}`},
		"empty too":     {Options: "fields: [nope]\nemit_empty: True", In: in, Want: passed + `{"data":"","field_counts":{},"field_name":"nope","interval":10,"total_count":0}`},
		"a list item":   {Options: "fields: [l.0]", In: in, Want: passed + `{"data":"","field_counts":{"1":1},"field_name":"l.0","interval":10,"total_count":1}`},
		"few at a time": {Options: "fields: [http_status]\nmax_values: 1", In: in, Want: passed + `{"data":"","field_counts":{"200":2,"other":1},"field_name":"http_status","interval":10,"total_count":3}`},
	})
	actortest.Wrong(t, statistics.Spec, map[string]string{"fields: []": "at least one", "interval: 0": "at least 1s"})
}

func TestCountsAreExactOverAllWorkers(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- Statistics: {pool_size: 4}\n- TestCatch\n", statistics.Spec, actortest.Numbers(10_000))
	out := r.Finish()
	last := out[len(out)-1]
	if v, _ := last.Get(event.MustPath("field_counts.Unknown")); v.Text() != "10000" || last.Type() != "statistic" || actortest.Meta(last, "source_module") != "Statistics" {
		t.Error(actortest.Whole(last))
	}
}
