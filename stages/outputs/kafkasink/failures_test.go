package kafkasink_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/kafkatest"
	"gambolputty/stages/internal/porttest"
	"gambolputty/stages/outputs/kafkasink"
)

// produce is the key of the request that writes.
const produce = 0

// answer makes an answer to a request that writes to one partition.
func answer(r kmsg.Request, code int16, change func(*kmsg.ProduceResponseTopicPartition)) kmsg.Response {
	req := r.(*kmsg.ProduceRequest)
	res := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewProduceResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, code
			if change != nil {
				change(&one)
			}
			topic.Partitions = append(topic.Partitions, one)
		}
		res.Topics = append(res.Topics, topic)
	}
	return res
}

// refused writes events and returns what was rejected.
func refused(t *testing.T, f *kafkatest.Tool, options string, events ...*event.Event) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rejected")
	sink(t, f, options+"\nformat: $(data)\nreject_action: file\nreject_file: "+file, events...)
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func TestFailuresThatPassAreTriedAgainAndTheOrderIsKept(t *testing.T) {
	for _, failure := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicas,
		kerr.NotEnoughReplicasAfterAppend, kerr.KafkaStorageError, kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.ThrottlingQuotaExceeded,
	} {
		t.Run(failure.Message, func(t *testing.T) {
			t.Parallel()
			f := kafkatest.NewFake(t)
			var n atomic.Int64
			f.ControlKey(produce, func(r kmsg.Request) (kmsg.Response, error, bool) {
				f.KeepControl()
				if n.Add(1) != 2 {
					return nil, nil, false
				}
				return answer(r, failure.Code, nil), nil, true
			})
			if rejected := refused(t, f.Tool, "topic: a\nmax_message_bytes: 1500", actortest.Events(numbered(0, 200)...)...); rejected != "" {
				t.Error(rejected)
			}
			actortest.Same(t, f.Texts("a", 0), numbered(0, 200))
		})
	}
}

// KAFKA-OUT-2: the answer to a batch is lost after it was written.
func TestABatchWhoseAnswerIsLostIsThereOnce(t *testing.T) {
	for _, options := range []string{"", "\ntransactional_id: x"} {
		cut := &kafkatest.Cut{Key: produce, At: 2} // the second answer does not come
		f := kafkatest.NewFake(t, kfake.ListenFn(cut.Listen))
		sink(t, f.Tool, "topic: a\nformat: $(data)\nmax_message_bytes: 1500"+options, actortest.Events(numbered(0, 200)...)...)
		actortest.Same(t, f.Texts("a", 0), numbered(0, 200))
		if !cut.Happened() {
			t.Error("no answer was lost")
		}
	}
}

// A transaction whose end is in doubt for long has still happened once.
func TestATransactionIsNotRepeatedWhileItsEndIsInDoubt(t *testing.T) {
	const endTransaction = 26
	for _, more := range []int{0, 30} {
		cut := &kafkatest.Cut{Key: endTransaction, At: 1, More: more}
		f := kafkatest.NewFake(t, kfake.ListenFn(cut.Listen))
		sink(t, f.Tool, "topic: a\nformat: $(data)\ntransactional_id: x\nsocket_timeout_ms: 100", actortest.Events(numbered(0, 20)...)...)
		actortest.Same(t, f.Texts("a", 0), numbered(0, 20))
		if !cut.Happened() {
			t.Error("no answer was lost")
		}
	}
}

// The faults: a compacted topic takes no message without a key. Brokers from 2.4 on name the
// message, older ones do not.
func TestARefusedMessageIsFoundAmongTheOthers(t *testing.T) {
	bad := func(r kmsg.Request) (index int32, found bool) {
		b := r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records
		at := strings.Index(string(b), "bad")
		return int32(strings.Count(string(b[:max(at, 0)]), "message")), at >= 0
	}
	text := "Compacted topic cannot accept message without key"
	for name, verdict := range map[string]func(r kmsg.Request, index int32) kmsg.Response{
		"named": func(r kmsg.Request, index int32) kmsg.Response {
			return answer(r, kerr.InvalidRecord.Code, func(p *kmsg.ProduceResponseTopicPartition) {
				one := kmsg.NewProduceResponseTopicPartitionErrorRecord()
				one.RelativeOffset, one.ErrorMessage = index, &text
				p.ErrorRecords = append(p.ErrorRecords, one)
			})
		},
		"not named": func(r kmsg.Request, _ int32) kmsg.Response { return answer(r, kerr.InvalidRecord.Code, nil) },
		"corrupt":   func(r kmsg.Request, _ int32) kmsg.Response { return answer(r, kerr.CorruptMessage.Code, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			f := kafkatest.NewFake(t)
			f.ControlKey(produce, func(r kmsg.Request) (kmsg.Response, error, bool) {
				f.KeepControl()
				if index, found := bad(r); found {
					return verdict(r, index), nil, true
				}
				return nil, nil, false
			})
			texts := numbered(0, 100)
			texts[37] = "bad"
			rejected := refused(t, f.Tool, "topic: a", actortest.Events(texts...)...)
			actortest.Same(t, f.Texts("a", 0), append(numbered(0, 37), numbered(38, 100)...))
			if strings.Count(rejected, "\n") != 1 || !strings.Contains(rejected, `"data":"bad"`) || name != "not named" && !strings.Contains(strings.ToLower(rejected), "compacted topic") {
				t.Errorf("rejected %s", rejected)
			}
		})
	}
}

func TestAnInvalidTopicIsRejected(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.ControlKey(produce, func(r kmsg.Request) (kmsg.Response, error, bool) {
		return answer(r, kerr.InvalidTopicException.Code, nil), nil, true
	})
	if rejected := refused(t, f.Tool, "topic: a", actortest.Events("1", "2")...); strings.Count(rejected, "topic a, partition 0") != 2 {
		t.Errorf("rejected %s", rejected)
	}
}

func TestAnUnknownTopicIsWaitedForOrGivenUp(t *testing.T) {
	f := kafkatest.NewFake(t)
	if rejected := refused(t, f.Tool, "topic: nope\nmax_retries: 1\nretry_max_interval_in_secs: 0.01", actortest.Events("1")...); !strings.Contains(rejected, "not delivered after 2 attempts: topic nope") {
		t.Errorf("rejected %s", rejected)
	}
	lines := make(chan string)
	r := actortest.Start(t, "- Lines\n- KafkaSink: {brokers: "+f.List()+", topic: later, format: $(data), store_interval_in_secs: 0}\n", kafkasink.Spec, actortest.Lines(lines))
	lines <- "1"
	kafkatest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	f.Create("later", 1, nil)
	close(lines)
	r.Finish()
	actortest.Same(t, f.Texts("later", 0), []string{"1"})
	if !strings.Contains(r.Log(), "target works again") {
		t.Error(r.Log())
	}
}

func TestBrokersThatAreAwayAtStartAndLater(t *testing.T) {
	dir, port := t.TempDir(), porttest.Free(t)
	options := []kfake.Opt{kfake.DataDir(dir), kfake.Ports(port)}
	lines := make(chan string)
	r := actortest.Start(t, "- Lines\n- KafkaSink: {brokers: ["+kafkatest.Local(port)+"], topic: a, format: $(data), store_interval_in_secs: 0}\n", kafkasink.Spec, actortest.Lines(lines))
	lines <- "1"
	kafkatest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	f := kafkatest.NewFake(t, options...)
	kafkatest.Until(t, "it arrives", func() bool { return len(f.Texts("a", 0)) == 1 })
	f.Close()
	lines <- "2"
	lines <- "3"
	kafkatest.Until(t, "the second failure is told", func() bool { return strings.Count(r.Log(), "target failed") == 2 })
	f = kafkatest.NewFake(t, options...)
	close(lines)
	r.Finish()
	actortest.Same(t, f.Texts("a", 0), []string{"1", "2", "3"})
}

func TestAWrongPasswordIsNotPrinted(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		f := kafkatest.NewFake(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "brian", "naughty"))
		lines := make(chan string)
		r := actortest.Start(t, "- Global: {shutdown_timeout: 0.1}\n- Lines\n- KafkaSink: {brokers: "+f.List()+", topic: a, store_interval_in_secs: 0, sasl_mechanism: "+mechanism+", sasl_username: brian, sasl_password: verynaughty}\n", kafkasink.Spec, actortest.Lines(lines))
		lines <- "1"
		kafkatest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
		r.StopHard()
		if strings.Contains(r.Log(), "naughty") || mechanism == "PLAIN" && !strings.Contains(r.Log(), "SASL") {
			t.Errorf("%s: %s", mechanism, r.Log())
		}
	}
}
