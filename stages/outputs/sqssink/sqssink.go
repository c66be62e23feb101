// Package sqssink sends events to a queue of Amazon SQS.
package sqssink

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/sqsconn"
)

//go:embed sqssink.md
var doc string

const name = "SQSSink"

// Spec is the SQSSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     name,
	Aliases:  []string{"output.SQS"},
	Role:     actor.Output,
	Summary:  "Sends events to a queue of Amazon SQS.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- SQSSink:
    region: eu-west-1
    queue: my_queue
    message_attributes: [gambolputty.event_type]
`,
}, Options{MaxRequestSize: 256 << 10, DeduplicationID: template("$(gambolputty.event_id)"), Options: delivery.Defaults(500, 5*time.Second, 500)}, New)

// Options of the SQSSink module.
type Options struct {
	Connection
	Format            expr.Template `opt:"format" null:"true" doc:"Body of a message; not set is the whole event as JSON."`
	MessageAttributes []event.Path  `opt:"message_attributes" null:"true" doc:"Fields, at most 10, that a message also carries as attributes under their names. One that is missing or empty is left out."`
	MaxRequestSize    int           `opt:"max_request_size" min:"1024" max:"1048576" doc:"Most bytes of a message with its attributes, and of all messages of a request together."`
	GroupID           expr.Template `opt:"message_group_id" null:"true" doc:"Group of a message, within which a queue keeps the order. Required for queues with a name that ends in .fifo."`
	DeduplicationID   expr.Template `opt:"message_deduplication_id" null:"true" doc:"Id by which a queue with a name that ends in .fifo knows a message that is sent a second time within five minutes. Not set leaves that to the queue."`
	delivery.Options
	Given option.Given
}

// Connection are the options of the queue, under a name that does not collide.
type Connection struct{ sqsconn.Options }

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("sqssink: " + err.Error()) // the text is a constant
	}
	return t
}

// mostAttributes is what SQS takes with a message.
const mostAttributes = 10

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckQueue(name), o.CheckDelivery()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if len(o.MessageAttributes) > mostAttributes {
		fault("message_attributes", option.OutOfRange, "must be at most %d fields, got %d", mostAttributes, len(o.MessageAttributes))
	}
	for _, p := range o.MessageAttributes {
		n := p.String()
		if lower := strings.ToLower(n); !attributeName.MatchString(n) || len(n) > 256 || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
			fault("message_attributes", option.NotAllowed, "no attribute can have the name of the field %q: it may have letters, digits, dashes, underscores and single dots, and must not begin with aws. or amazon.", n)
		}
	}
	if o.FIFO() && o.GroupID.IsZero() {
		fault("message_group_id", option.Required, "required option is missing: the name of the queue ends in .fifo")
	}
	if !o.FIFO() && o.Given["message_deduplication_id"] && !o.DeduplicationID.IsZero() {
		fault("message_deduplication_id", "W105", "has no effect, because the name of the queue does not end in .fifo")
	}
	return errors.Join(errs...)
}
