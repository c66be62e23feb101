package tarpit_test

import (
	"testing"
	"time"

	"gambolputty/actor/actortest"
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
	actortest.Wrong(t, tarpit.Spec, map[string]string{"delay: -1": "at least 0s"})
}
