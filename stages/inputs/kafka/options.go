package kafka

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/kafkaconn"
)

// Options of the Kafka module.
type Options struct {
	Topics  []string `opt:"topics" old:"topic" doc:"Topics to read. They may be created later."`
	Pattern string   `opt:"topic_pattern" null:"true" doc:"Regular expression for whole names of topics to read. New ones are found within a minute."`
	kafkaconn.Options
	Key string `opt:"key" old:"tls_key" null:"true" doc:"PEM file with the private key of cert."`

	Group         string        `opt:"group_id" null:"true" doc:"Consumer group. Without one all partitions are read, and no offsets are kept."`
	Reset         string        `opt:"auto_offset_reset" enum:"largest|latest|smallest|earliest|none" doc:"Where to begin where no offset is stored or the stored one is not there any more: at the end, at the beginning, or not at all, which is an error."`
	Commit        *bool         `opt:"auto_commit_enable" old:"enable_auto_commit" doc:"False never commits an offset. Not given, offsets of delivered events are committed if there is a group_id."`
	Interval      time.Duration `opt:"auto_commit_interval_ms" unit:"ms" min:"10ms" doc:"Pause between commits, in milliseconds."`
	Session       time.Duration `opt:"session_timeout_ms" unit:"ms" min:"100ms" doc:"A member of the group that was not heard of for so many milliseconds is dead, and others get its partitions."`
	Rebalance     time.Duration `opt:"rebalance_timeout_ms" unit:"ms" min:"1s" doc:"Milliseconds that the members of the group have to hand partitions over. Half of it is the longest time that events under way are waited for."`
	Strategy      string        `opt:"partition_assignment_strategy" enum:"sticky|range|roundrobin|cooperative-sticky" doc:"How partitions are shared out. All members of a group must have one in common."`
	Instance      string        `opt:"group_instance_id" null:"true" doc:"Makes this a static member: a restart within session_timeout_ms moves no partitions. Must be different for each member."`
	Isolation     string        `opt:"isolation_level" enum:"read_uncommitted|read_committed" doc:"Whether messages of transactions that were not committed are read."`
	Metadata      bool          `opt:"add_metadata" doc:"Add a field kafka with key, partition, offset, timestamp and headers of the message."`
	MessagesToRun int64         `opt:"messages_to_read" min:"0" doc:"Finish after so many messages. 0 never does."`

	FetchMax       int           `opt:"fetch_message_max_bytes" min:"1" max:"1073741824" doc:"Most bytes to fetch of a partition at a time. A single message may be larger."`
	FetchMin       int           `opt:"fetch_min_bytes" min:"1" max:"1073741824" doc:"Bytes that a broker waits for before it answers."`
	FetchWait      time.Duration `opt:"fetch_wait_max_ms" unit:"ms" min:"1ms" doc:"Longest time in milliseconds that a broker waits for fetch_min_bytes."`
	RefreshBackoff time.Duration `opt:"refresh_leader_backoff_ms" unit:"ms" min:"1ms" doc:"Pause in milliseconds before the brokers are asked again after an error about a partition."`
	PollTimeout    int           `opt:"consumer_timeout_ms" doc:"Accepted for old configurations, without effect."`
	StartTimeout   time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"The program does not start if no broker can be reached within this time. 0 starts without them and tries again."`

	pattern *regex.Pattern
}

func defaults() Options {
	return Options{
		Options: kafkaconn.Defaults("kafka.consumer.kafka"),
		Reset:   "largest", Interval: 5 * time.Second, Session: 45 * time.Second, Rebalance: time.Minute, Strategy: "sticky", Isolation: "read_uncommitted",
		FetchMax: 1 << 20, FetchMin: 1, FetchWait: 100 * time.Millisecond, RefreshBackoff: 200 * time.Millisecond, PollTimeout: -1,
	}
}

// Validate checks what does not go together and compiles the pattern.
func (o *Options) Validate() error {
	errs := []error{o.CheckKafka("key", o.Key)}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if len(o.Topics) == 0 && o.Pattern == "" {
		fault("topics", option.Required, "required option is missing: there is no topic_pattern either")
	}
	for i, t := range o.Topics {
		switch {
		case !validTopic(t):
			fault("topics", option.NotAllowed, "a topic has up to 249 letters, digits, dots, dashes and underscores, got %q", t)
		case slices.Contains(o.Topics[:i], t):
			fault("topics", option.NotAllowed, "%q is named twice", t)
		}
	}
	if o.Pattern != "" {
		p, err := regex.Compile(`\A(?:`+o.Pattern+`)\Z`, regex.Options{})
		if err != nil {
			fault("topic_pattern", option.Regex, "%s", err)
		}
		o.pattern = p
	}
	if o.FetchWait >= o.SocketTimeout {
		fault("fetch_wait_max_ms", option.OutOfRange, "must be less than socket_timeout_ms, got %s and %s", o.FetchWait, o.SocketTimeout)
	}
	if o.Group == "" {
		o.checkLoner(fault)
	}
	return errors.Join(errs...)
}

// checkLoner tells what needs a group.
func (o *Options) checkLoner(fault func(name string, code option.Code, format string, args ...any)) {
	if o.Reset == "none" {
		fault("auto_offset_reset", option.Contradiction, "none needs group_id, because offsets are stored for groups only")
	}
	if o.Commit != nil && *o.Commit {
		fault("auto_commit_enable", "W105", "has no effect without group_id")
	}
	if o.Instance != "" {
		fault("group_instance_id", "W105", "has no effect without group_id")
	}
}

// validTopic reports whether a topic may have that name.
func validTopic(name string) bool {
	if name == "" || len(name) > 249 || name == "." || name == ".." {
		return false
	}
	for _, c := range []byte(name) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Reads names the files of TLS.
func (o *Options) Reads() []actor.File { return o.FilesKafka("key", o.Key) }

// commits reports whether offsets are committed.
func (o *Options) commits() bool { return o.Group != "" && (o.Commit == nil || *o.Commit) }

// initial is where to begin without an offset.
func (o *Options) initial() int64 {
	if o.Reset == "smallest" || o.Reset == "earliest" {
		return sarama.OffsetOldest
	}
	return sarama.OffsetNewest
}

// handover is the longest time for which events under way are waited for before a
// partition is given away.
func (o *Options) handover() time.Duration { return o.Rebalance / 2 }

// configure makes the configuration of the client.
func (o *Options) configure(c *sarama.Config) {
	c.Metadata.Full = o.pattern != nil
	c.Metadata.RefreshFrequency = look
	c.Metadata.Retry.Backoff = o.RefreshBackoff
	f := &c.Consumer.Fetch
	f.Min, f.Default = int32(o.FetchMin), int32(o.FetchMax)
	c.Consumer.MaxWaitTime = o.FetchWait
	c.Consumer.Return.Errors = true
	c.Consumer.Retry.Backoff = o.RefreshBackoff
	c.Consumer.Retry.BackoffFunc = func(retries int) time.Duration {
		return min(o.RefreshBackoff<<min(retries-1, 10), max(o.RefreshBackoff, 5*time.Second))
	}
	if o.Isolation == "read_committed" {
		c.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	c.Consumer.Offsets.Initial = o.initial()
	c.Consumer.Offsets.AutoCommit.Enable = o.commits()
	c.Consumer.Offsets.AutoCommit.Interval = o.Interval
	if o.Group == "" {
		return
	}
	g := &c.Consumer.Group
	g.ResetInvalidOffsets = false // there must be a warning, and perhaps an error
	g.InstanceId = o.Instance
	g.Session.Timeout, g.Heartbeat.Interval = o.Session, min(3*time.Second, o.Session/4)
	g.Rebalance.Timeout = o.Rebalance
	g.Rebalance.Retry.Backoff = 500 * time.Millisecond
	g.Rebalance.GroupStrategies = []sarama.BalanceStrategy{o.strategy()}
	// A broker answers a request to join when all members have come.
	c.Net.ReadTimeout = max(c.Net.ReadTimeout, o.Rebalance+5*time.Second)
}

func (o *Options) strategy() sarama.BalanceStrategy {
	switch o.Strategy {
	case "range":
		return sarama.NewBalanceStrategyRange()
	case "roundrobin":
		return sarama.NewBalanceStrategyRoundRobin()
	case "cooperative-sticky":
		return sarama.NewBalanceStrategyCooperativeSticky()
	}
	return sarama.NewBalanceStrategySticky()
}
