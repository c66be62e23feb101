package kafkasink_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/kafkatest"
	"gambolputty/stages/outputs/kafkasink"
)

func TestMain(m *testing.M) {
	// The library of the metrics inside sarama has one ticker for the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func numbered(from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint("message ", i))
	}
	return list
}

func sink(t *testing.T, f *kafkatest.Tool, options string, events ...*event.Event) {
	t.Helper()
	actortest.Sink(t, kafkasink.Spec, "brokers: "+f.List()+"\n"+options, events...)
}

// KAFKA-OUT-1.
func TestAMessageIsTheFormatOrTheEvent(t *testing.T) {
	f := kafkatest.NewFake(t)
	sink(t, f.Tool, "topic: a\ndelete_fields: [gambolputty]", actortest.Events("spam")...)
	sink(t, f.Tool, "topic: a\nformat: '<$(data)>'", actortest.Events("eggs\n", "\x00\xff")...)
	actortest.Same(t, f.Texts("a", 0), []string{`{"data":"spam"}`, "<eggs\n>", "<\x00\xff>"})
}

// KAFKA-OUT-2.
func TestMessagesComeInTheirOrder(t *testing.T) {
	for _, options := range []string{"", "batch_size: 1", "batch_size: 7", "max_message_bytes: 100", "acks: 1", "acks: 0", "enable_idempotence: False", "transactional_id: x"} {
		f := kafkatest.NewFake(t)
		sink(t, f.Tool, "topic: a\nformat: $(data)\n"+options, actortest.Events(numbered(0, 1200)...)...)
		actortest.Same(t, f.Texts("a", 0), numbered(0, 1200))
	}
}

func TestCompression(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		f := kafkatest.NewFake(t)
		text := strings.Repeat("spam ", 10_000)
		sink(t, f.Tool, "topic: a\nformat: $(data)\ncompression: "+codec, actortest.Events(text)...)
		actortest.Same(t, f.Texts("a", 0), []string{text})
	}
}

// KAFKA-OUT-1: the examples are those of the tests of the Java client (UtilsTest.testMurmur2)
// and what its partitioner makes of some keys.
func TestKeysChoosePartitions(t *testing.T) {
	f := kafkatest.NewFake(t, kfake.SeedTopics(10, "ten"))
	var events []*event.Event
	for i := range 100 {
		events = append(events, actortest.Event(t, fmt.Sprintf(`{"k":"key%d","data":"%d"}`, i, i)))
	}
	sink(t, f.Tool, "topic: ten\nkey: $(k)\nformat: $(data)", events...)
	reference := sarama.NewMurmur2Partitioner("ten")
	for p := range int32(10) {
		for _, m := range f.Messages("ten", p) {
			want, err := reference.Partition(&sarama.ProducerMessage{Key: sarama.ByteEncoder(m.Key)}, 10)
			if err != nil || p != want || string(m.Key) != "key"+string(m.Value) {
				t.Errorf("%s is in partition %d, want %d", m.Key, p, want)
			}
		}
	}
}

// KAFKA-OUT-3.
func TestMessagesWithoutAKeyGoToAllPartitions(t *testing.T) {
	f := kafkatest.NewFake(t)
	var texts []string
	for _, text := range numbered(0, 600) {
		texts = append(texts, strings.Repeat(text, 30))
	}
	sink(t, f.Tool, "topic: b\nkey: $(nope)\nformat: $(data)", actortest.Events(texts...)...)
	total := 0
	for p := range int32(3) {
		list := f.Messages("b", p)
		total += len(list)
		if len(list) < 100 {
			t.Errorf("partition %d has %d messages", p, len(list))
		}
		for _, m := range list {
			if m.Key != nil {
				t.Fatalf("key %q", m.Key)
			}
		}
	}
	if total != 600 {
		t.Errorf("%d messages", total)
	}
}

func TestTopicsHeadersAndTimes(t *testing.T) {
	f := kafkatest.NewFake(t, kfake.SeedTopics(1, "logs-x-2013"))
	sink(t, f.Tool, "topic: logs-$(kind)-%Y\nformat: $(n)\ntimestamp_field: time\nheaders: {host: '$(host)', fixed: '5', nope: $(nope)}",
		actortest.Event(t, `{"n":1,"kind":"x","host":"h","time":"2013-12-31T23:59:59.123Z"}`), actortest.Event(t, `{"n":2,"kind":"x","host":"","time":1370000000}`))
	list := f.Messages("logs-x-2013", 0)
	if len(list) != 2 {
		t.Fatalf("%d messages", len(list))
	}
	for i, want := range []string{"1 2013-12-31T23:59:59.123Z fixed=5 host=h", "2 2013-05-31T11:33:20Z fixed=5 host="} {
		m := list[i]
		got := string(m.Value) + " " + m.Timestamp.UTC().Format("2006-01-02T15:04:05.999Z07:00")
		for _, h := range m.Headers {
			got += fmt.Sprintf(" %s=%s", h.Key, h.Value)
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// KAFKA-OUT-3 and the faults.
func TestWhatCannotBeWrittenIsRejectedAndTheRestIsNot(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Create("small", 1, map[string]string{"max.message.bytes": "1000"})
	for name, c := range map[string]struct {
		options, topic, reason string
		events                 []string
		want                   []string
	}{
		"topic missing": {"topic: $(topic)\n", "a", "field in the name of the topic is missing", []string{`{"data":"1","topic":"a"}`, `{"data":"2"}`, `{"data":"3","topic":"a"}`}, []string{"1", "3"}},
		"bad name":      {"topic: $(topic)\n", "a", "no valid name of a topic", []string{`{"data":"1","topic":"a b"}`, `{"data":"2","topic":"a"}`}, []string{"2"}},
		"too large":     {"topic: small\n", "small", "too large", []string{`{"data":"1"}`, `{"data":"` + strings.Repeat("x", 2000) + `"}`, `{"data":"3"}`}, []string{"1", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rejected")
			var events []*event.Event
			for _, e := range c.events {
				events = append(events, actortest.Event(t, e))
			}
			before := len(f.Texts(c.topic, 0))
			sink(t, f.Tool, c.options+"format: $(data)\nreject_action: file\nreject_file: "+file, events...)
			actortest.Same(t, f.Texts(c.topic, 0)[before:], c.want)
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), c.reason) || strings.Count(string(text), "\n") != 1 {
				t.Errorf("rejected %s %v", text, err)
			}
		})
	}
}
