// Package eventtime tells which time the patterns in names of files and indices mean.
package eventtime

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the option timezone must work in a container without zone files

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// Clock is embedded in the options of outputs whose targets depend on the time.
type Clock struct {
	TimestampField event.Path `opt:"timestamp_field" null:"true" doc:"Field with the time for time patterns, as RFC 3339 text or seconds since 1970, instead of the present time."`
	TimeZone       string     `opt:"timezone" doc:"Zone of the time in time patterns: UTC, local, or a name such as Europe/London."`

	zone *time.Location
}

// UTC means the present time in UTC.
var UTC = Clock{TimeZone: "UTC"}

// CheckTime finds the zone.
func (o *Clock) CheckTime() error {
	name := o.TimeZone
	if strings.EqualFold(name, "local") {
		name = "Local"
	}
	var err error
	if o.zone, err = time.LoadLocation(name); err != nil {
		return &option.Fault{Code: option.NotAllowed, Option: "timezone", Message: fmt.Sprintf("must be UTC, local or the name of a time zone, got %q", o.TimeZone)}
	}
	return nil
}

// Fixed reports whether the time is the same for all events of a moment.
func (o *Clock) Fixed() bool { return o.TimestampField.IsZero() }

// In is a moment in the zone of the options.
func (o *Clock) In(t time.Time) time.Time { return t.In(o.zone) }

// Of is the time for e in the zone of the options. A field that cannot be read is counted,
// and means now.
func (o *Clock) Of(env actor.Env, e *event.Event, now time.Time) time.Time {
	if !o.Fixed() {
		now = o.read(env, e, now)
	}
	return o.In(now)
}

func (o *Clock) read(env actor.Env, e *event.Event, now time.Time) time.Time {
	v, ok := e.Get(o.TimestampField)
	if ok && v.IsString() {
		if t, err := time.Parse(time.RFC3339Nano, v.Str()); err == nil {
			return t
		}
		if n, isNumber := event.Number(v.Str()); isNumber {
			v = n
		}
	}
	if f, isNumber := v.Float(); ok && isNumber && f > -maxSeconds && f < maxSeconds {
		return time.Unix(0, int64(f*float64(time.Second)))
	}
	env.Count("unreadable_timestamps", 1)
	return now
}

// maxSeconds is about what fits 64 bits in nanoseconds.
const maxSeconds = 9.2e9
