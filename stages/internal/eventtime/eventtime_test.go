package eventtime_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/eventtime"
)

type options struct{ eventtime.Clock }

func (o *options) Validate() error { return o.CheckTime() }

type clock struct {
	env  actor.Env
	opts options
	seen *[]string
}

var now = time.Date(2015, 6, 17, 22, 30, 0, 0, time.UTC)

func (c *clock) Write(_ context.Context, b *actor.Batch) error {
	for e := range b.View() {
		*c.seen = append(*c.seen, c.opts.Of(c.env, e, now).Format("2006-01-02T15:04"))
	}
	return nil
}

func spec(seen *[]string) actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Clock", Role: actor.Output}, options{eventtime.UTC}, func(env actor.Env, o options) (actor.Sink, error) {
		return &clock{env, o, seen}, nil
	})
}

func TestTheTimeIsThatOfTheFieldInTheZone(t *testing.T) {
	for text, want := range map[string]string{
		"": "2015-06-17T22:30", "timezone: Europe/Berlin": "2015-06-18T00:30",
		"timestamp_field: t":                            "2014-01-01T12:00",
		"timestamp_field: t\ntimezone: Asia/Tokyo":      "2014-01-01T21:00",
		"timestamp_field: seconds":                      "2015-06-17T10:00",
		"timestamp_field: text":                         "2015-06-17T10:00",
		"timestamp_field: huge":                         "2015-06-17T22:30",
		"timestamp_field: missing":                      "2015-06-17T22:30",
		"timestamp_field: word\ntimezone: Asia/Kolkata": "2015-06-18T04:00",
	} {
		var seen []string
		actortest.Sink(t, spec(&seen), text, actortest.Event(t, `{"t": "2014-01-01T13:00:00+01:00", "seconds": 1434535200.5, "text": "1434535200", "huge": 1e300, "word": "noon"}`))
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
}

func TestAFieldThatCannotBeReadIsCounted(t *testing.T) {
	var seen []string
	r := actortest.Start(t, "- Numbers\n- Clock:\n    timestamp_field: nothing\n", spec(&seen), actortest.Numbers(3))
	r.Finish()
	if n := r.Status("Clock").Meter.Own("unreadable_timestamps").Load(); n != 3 {
		t.Error(fmt.Sprint(n, " were counted"))
	}
}

func TestAnUnknownZoneIsRefused(t *testing.T) {
	var seen []string
	actortest.Wrong(t, spec(&seen), map[string]string{"timezone: Nowhere": "Nowhere"})
	if o := eventtime.UTC; !o.Fixed() {
		t.Error("there is no field")
	}
	if o := (eventtime.Clock{TimestampField: event.MustPath("t")}); o.Fixed() {
		t.Error("there is a field")
	}
}
