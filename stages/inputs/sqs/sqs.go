// Package sqs takes messages from a queue of Amazon SQS.
package sqs

import (
	_ "embed"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/sqsconn"
)

//go:embed sqs.md
var doc string

const name = "SQS"

// Spec is the SQS module.
var Spec = actor.DefineSource(actor.Info{
	Name:     name,
	Aliases:  []string{"input.SQS"},
	Role:     actor.Input,
	Summary:  "Takes messages from a queue of Amazon SQS.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- SQS:
    region: eu-west-1
    queue: my_queue
`,
}, Options{
	AttributeNames: []string{"All"}, MessageAttributeNames: []string{"All"}, PollInterval: time.Second, BatchSize: 10, WaitTime: 20, VisibilityTimeout: 30,
}, New)

// Options of the SQS module.
type Options struct {
	sqsconn.Options
	AttributeNames        []string      `opt:"attribute_names" null:"true" doc:"Attributes that the service gives to messages, as in SentTimestamp, to be fetched with them. All is all of them."`
	MessageAttributeNames []string      `opt:"message_attribute_names" null:"true" doc:"Attributes that senders give to messages, to be fetched with them. All is all of them, and a name that ends in .* those that begin so."`
	PollInterval          time.Duration `opt:"poll_interval_in_secs" min:"0s" doc:"Pause after an answer without messages. Only used with wait_time_in_secs: 0."`
	BatchSize             int           `opt:"batch_size" min:"1" max:"10" doc:"Most messages that are fetched together."`
	WaitTime              int           `opt:"wait_time_in_secs" min:"0" max:"20" doc:"Seconds for which a request waits for messages. 0 does not wait, which costs more requests."`
	VisibilityTimeout     int           `opt:"visibility_timeout_in_secs" min:"3" max:"43200" doc:"Seconds for which a message that was fetched is hidden from others. The time begins anew again and again until the message has been delivered, so this is how long it takes after a crash until others get it."`
	StartTimeout          time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if the queue cannot be reached within this time. 0 starts without it and tries again."`
}

// Validate checks the queue and the way to it.
func (o *Options) Validate() error { return o.CheckQueue(name) }
