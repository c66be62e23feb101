package kafkasink

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/kafkaconn"
)

// Options of the KafkaSink module.
type Options struct {
	Topic expr.TimeTemplate `opt:"topic" required:"true" doc:"Topic to write to."`
	Connection
	TLSKey string `opt:"tls_key" null:"true" doc:"PEM file with the private key of cert. It has this name because key is that of the messages."`

	Key         expr.Template            `opt:"key" null:"true" doc:"Key of a message; compacted topics need one. Where a field is missing there is none."`
	Format      expr.Template            `opt:"format" null:"true" doc:"Text of a message; not set is the whole event as JSON."`
	Headers     map[string]expr.Template `opt:"headers" null:"true" doc:"Headers of a message by their names. One with a missing field is left out."`
	Compression string                   `opt:"compression" null:"true" enum:"none|gzip|snappy|lz4|zstd" doc:"How messages are compressed, all of a partition together."`
	Acks        string                   `opt:"acks" enum:"all|-1|1|0" kinds:"integer" doc:"Who must have a message before it counts as delivered: all replicas in sync, the leader of the partition, or with 0 nobody."`
	Idempotent  bool                     `opt:"enable_idempotence" doc:"Let the brokers recognise a batch that is sent once more because its answer was lost. Needs acks: all."`
	Transaction string                   `opt:"transactional_id" null:"true" doc:"Write every batch in a transaction under this id, so that readers of committed messages see all of it or nothing. Must be different for each program."`
	MaxBytes    int                      `opt:"max_message_bytes" min:"1" max:"67108864" doc:"Most bytes, before compression, that are sent to a partition together. A single message may be larger, if the brokers take it."`
	delivery.Options
	eventtime.Clock
	Given option.Given
}

func defaults() Options {
	return Options{
		Connection: Connection{kafkaconn.Defaults("gambolputty")}, Compression: "none", Acks: "all", Idempotent: true, MaxBytes: 1_000_000,
		Options: delivery.Defaults(500, time.Second, 5000), Clock: eventtime.UTC,
	}
}

// Connection are the options of the brokers, under a name that does not collide.
type Connection struct{ kafkaconn.Options }

// Validate checks what does not go together.
func (o *Options) Validate() error {
	errs := []error{o.CheckKafka("tls_key", o.TLSKey), o.CheckDelivery(), o.CheckTime()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if name, static := o.Topic.Static(); static && !strings.Contains(name, "%") && !o.Topic.IsZero() && !validTopic([]byte(name)) {
		fault("topic", option.NotAllowed, "a topic has up to 249 letters, digits, dots, dashes and underscores, got %q", name)
	}
	for name := range o.Headers {
		if name == "" {
			fault("headers", option.NotAllowed, "a header must have a name")
		}
	}
	if o.acks() != sarama.WaitForAll {
		if o.Idempotent && o.Given["enable_idempotence"] {
			fault("enable_idempotence", option.Contradiction, "needs acks: all, got %s", o.Acks)
		}
		o.Idempotent = false
	}
	if o.Transaction != "" && !o.Idempotent {
		fault("transactional_id", option.Contradiction, "needs acks: all and enable_idempotence: True")
	}
	return errors.Join(errs...)
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesKafka("tls_key", o.TLSKey) }

func (o *Options) acks() sarama.RequiredAcks {
	switch o.Acks {
	case "0":
		return sarama.NoResponse
	case "1":
		return sarama.WaitForLocal
	}
	return sarama.WaitForAll
}

func (o *Options) codec() sarama.CompressionCodec {
	switch o.Compression {
	case "gzip":
		return sarama.CompressionGZIP
	case "snappy":
		return sarama.CompressionSnappy
	case "lz4":
		return sarama.CompressionLZ4
	case "zstd":
		return sarama.CompressionZSTD
	}
	return sarama.CompressionNone
}

// configure makes the configuration of the client.
func (o *Options) configure(c *sarama.Config) {
	c.Metadata.AllowAutoTopicCreation = true // if the brokers do that
	c.Metadata.Full = false
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 1, 200*time.Millisecond
	c.Net.MaxOpenRequests = 1
}
