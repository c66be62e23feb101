package tarpit_test

import (
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/misc/tarpit"
)

func TestEventsAreHeld(t *testing.T) {
	start := time.Now()
	out := actortest.Process(t, tarpit.Spec, "delay: 20ms", actortest.Events("a", "b", "c")...)
	if len(out) != 3 || time.Since(start) < 60*time.Millisecond {
		t.Errorf("%d events after %s", len(out), time.Since(start))
	}
	out = actortest.Process(t, tarpit.Spec, "delay: 10h\nfilter: 'False'", actortest.Events("a")...)
	if len(out) != 1 {
		t.Error("an event that does not match was held")
	}
	actortest.Wrong(t, tarpit.Spec, map[string]string{"delay: -1": "at least 0s", "delay: soon": "dynamic string", "delay: [1]": "got a list"})
}

func TestTheDelayMayStandInTheEventOrBeARate(t *testing.T) {
	for options, want := range map[string]time.Duration{
		"delay: $(wait)":           30 * time.Millisecond,
		"delay: $(seconds)":        30 * time.Millisecond,
		"delay: $(nothing)":        0,
		"delay: 0":                 0,
		"events_per_second: 100":   30 * time.Millisecond,
		"delay: 10ms\njitter: 1ms": 30 * time.Millisecond,
	} {
		start := time.Now()
		var events []*event.Event
		for range 3 {
			events = append(events, actortest.Event(t, `{"wait": "10ms", "seconds": 0.01}`))
		}
		if out := actortest.Process(t, tarpit.Spec, options, events...); len(out) != 3 || time.Since(start) < want {
			t.Errorf("%s: %d events after %s", options, len(out), time.Since(start))
		}
	}
}
