// Package redisout is what the outputs to Redis have in common: events go to lists,
// channels or streams in one round trip for all that wait.
package redisout

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the option timezone must work in a container without zone files

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/redisconn"
)

// Options are embedded in the options of the modules.
type Options struct {
	redisconn.Options
	Format expr.Template `opt:"format" null:"true" doc:"Text to send; not set is the whole event as JSON."`
	Delivery
	Subscribers    bool       `opt:"require_subscribers" doc:"For channels: keep an event and try again as long as nobody has subscribed."`
	MaxLength      int64      `opt:"max_length" min:"0" doc:"For streams: entries to keep, more or less; older ones are removed. 0 keeps all."`
	TimestampField event.Path `opt:"timestamp_field" null:"true" doc:"Field with the time for date patterns in the name, as RFC 3339 text or seconds since 1970, instead of the present time."`
	TimeZone       string     `opt:"timezone" doc:"Zone of the time in the name: UTC, local, or a name such as Europe/London."`

	zone *time.Location
}

// Delivery are the options of delivery, under a name that does not collide.
type Delivery struct{ delivery.Options }

// Defaults are the options of a server on this host.
func Defaults() Options {
	return Options{Options: redisconn.Defaults, Delivery: Delivery{delivery.Defaults(500, 5*time.Second, 5000)}, TimeZone: "UTC"}
}

// Check tells what is missing or does not go together for a kind of target whose name
// stands in an option.
func (o *Options) Check(kind Kind, from string, name expr.TimeTemplate) error {
	errs := []error{o.CheckRedis(), o.CheckDelivery()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if !o.Anywhere() {
		fault("server", option.Required, "required option is missing: nothing else says where to connect to")
	}
	if s, static := name.Static(); static && s == "" && !name.IsZero() {
		fault(from, option.NotAllowed, "must not be empty")
	}
	if o.Subscribers && kind != Channel {
		fault("require_subscribers", "W105", "has no effect, because only channels have subscribers")
	}
	if o.Subscribers && len(o.Cluster) > 0 {
		fault("require_subscribers", option.Contradiction, "cannot be set together with cluster, in which no node knows all subscribers")
	}
	if o.MaxLength > 0 && kind != Stream {
		fault("max_length", "W105", "has no effect, because only streams have one")
	}
	zone := o.TimeZone
	if strings.EqualFold(zone, "local") {
		zone = "Local"
	}
	var err error
	if o.zone, err = time.LoadLocation(zone); err != nil {
		fault("timezone", option.NotAllowed, "must be UTC, local or the name of a time zone, got %q", o.TimeZone)
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesRedis() }

// Kind is a kind of target.
type Kind string

// The kinds of targets.
const (
	List    Kind = "list"
	Channel Kind = "channel"
	Stream  Kind = "stream"
)
