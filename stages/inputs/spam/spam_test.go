package spam_test

import (
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/spam"
)

func TestEntriesAreSentRoundAndRound(t *testing.T) {
	out := actortest.Source(t, spam.Spec, "event: [{'dish': 'soup', 'price': 5, 'n': [1]}, 'plain ü']\nevents_count: 3").Finish()
	want := []string{`{"data":"","dish":"soup","n":[1],"price":5}`, `{"data":"plain ü"}`, `{"data":"","dish":"soup","n":[1],"price":5}`}
	for i, w := range want {
		if got := actortest.JSON(out[i]); len(out) != 3 || got != w {
			t.Errorf("event %d is %s", i, got)
		}
	}
	if out[0].ID() == out[2].ID() {
		t.Error("two events have one id")
	}
	if err := out[0].Set(event.MustPath("n.0"), event.Int(2)); err != nil {
		t.Fatal(err)
	}
	if actortest.JSON(out[2]) != want[2] {
		t.Error("events share a list")
	}
}

func TestMetadataIsMerged(t *testing.T) {
	out := actortest.Source(t, spam.Spec, "event: {gambolputty: {event_type: x}, a: $(counter)}\nevents_count: 2").Finish()
	if out[1].Type() != "x" || out[1].ID() == "" || actortest.JSON(out[1]) != `{"a":"2","data":""}` {
		t.Error(actortest.Whole(out[1]))
	}
}

func TestPauses(t *testing.T) {
	start := time.Now()
	actortest.Source(t, spam.Spec, "sleep: 0.01\nevents_count: 5").Finish()
	if time.Since(start) < 40*time.Millisecond {
		t.Error("there was no pause")
	}
	r := actortest.Source(t, spam.Spec, "sleep: 1000")
	r.Wait(1)
	r.Stop()
	start = time.Now()
	actortest.Source(t, spam.Spec, "events_per_second: 1000\nevents_count: 50").Finish()
	if time.Since(start) < 49*time.Millisecond {
		t.Error("the rate is too high")
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, spam.Spec, map[string]string{"event: [a, 5]": "entry 1 must be string or map", "sleep: -1": "at least 0s", "events_count: -1": "at least 0"})
}
