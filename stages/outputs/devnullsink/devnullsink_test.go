package devnullsink_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/devnullsink"
)

func TestEventsAreDelivered(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- DevNullSink: {}\n", devnullsink.Spec, actortest.Numbers(1000))
	r.Finish()
	if n := r.Status("DevNullSink").Meter.Handled.Load(); n != 1000 {
		t.Errorf("%d events were handled", n)
	}
}
