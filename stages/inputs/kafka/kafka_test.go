package kafka_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/kafka"
	"gambolputty/stages/internal/kafkatest"
)

func TestMain(m *testing.M) {
	// The library of the metrics inside sarama has one ticker for the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func start(t *testing.T, f *kafkatest.Tool, options string) *actortest.Running {
	t.Helper()
	return actortest.Source(t, kafka.Spec, "brokers: "+f.List()+"\n"+options)
}

func numbered(from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint("message ", i))
	}
	return list
}

// KAFKA-IN-1, KAFKA-IN-2.
func TestAMessageIsAnEvent(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Send(nil, &sarama.ProducerMessage{Topic: "a", Value: sarama.StringEncoder(`{"a":1}`)}, &sarama.ProducerMessage{Topic: "a"}, &sarama.ProducerMessage{Topic: "a", Value: sarama.ByteEncoder("\x00\xff")})
	for _, group := range []string{"", "\ngroup_id: g"} {
		in := start(t, f.Tool, "topics: a\nauto_offset_reset: smallest"+group)
		events := in.Wait(3)
		in.Stop()
		for i, want := range []string{`{"data":"{\"a\":1}","topic":"a"}`, `{"data":"","topic":"a"}`} {
			if got := actortest.JSON(events[i]); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		actortest.Same(t, actortest.Texts(events[2:]), []string{"\x00\xff"})
		if from, module := actortest.Meta(events[0], "received_from"), actortest.Meta(events[0], "source_module"); from != "kafka://a/0" || module != "Kafka" {
			t.Error(from, module)
		}
	}
}

// KAFKA-IN-3.
func TestOrderWithinAPartitionIsKept(t *testing.T) {
	f := kafkatest.NewFake(t)
	for p := range int32(3) {
		f.Produce("b", p, numbered(int(p)*10000, int(p)*10000+3000)...)
	}
	for _, group := range []string{"", "\ngroup_id: g"} {
		in := start(t, f.Tool, "topics: b\nauto_offset_reset: earliest"+group)
		in.Wait(9000)
		byPartition := map[string][]string{}
		for _, e := range in.Stop() {
			from := actortest.Meta(e, "received_from")
			byPartition[from] = append(byPartition[from], actortest.Texts([]*event.Event{e})...)
		}
		for p := range 3 {
			actortest.Same(t, byPartition[fmt.Sprint("kafka://b/", p)], numbered(p*10000, p*10000+3000))
		}
	}
}

// KAFKA-IN-6.
func TestCompressedMessagesAreUnpacked(t *testing.T) {
	f := kafkatest.NewFake(t)
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		f.Send(func(c *sarama.Config) { c.Producer.Compression = codec }, &sarama.ProducerMessage{Topic: "a", Value: sarama.StringEncoder(strings.Repeat("x", 5000) + codec.String())})
	}
	in := start(t, f.Tool, "topics: a\nauto_offset_reset: earliest")
	for i, e := range in.Wait(4) {
		if text := actortest.Texts([]*event.Event{e})[0]; len(text) < 5000 || !strings.HasSuffix(text, sarama.CompressionCodec(i+1).String()) {
			t.Errorf("message %d is %.20q", i, text)
		}
	}
	in.Stop()
}

// KAFKA-IN-4.
func TestARestartGoesOnWhereItWas(t *testing.T) {
	f := kafkatest.NewFake(t)
	f.Produce("a", 0, numbered(0, 500)...)
	for i := range 3 {
		in := start(t, f.Tool, "topics: a\ngroup_id: g\nauto_offset_reset: earliest")
		in.Wait(500)
		actortest.Same(t, actortest.Texts(in.Stop()), numbered(i*500, i*500+500))
		if got := f.Committed("g", "a", 0); got != int64(i+1)*500 {
			t.Fatalf("offset %d is committed after %d messages", got, (i+1)*500)
		}
		f.Produce("a", 0, numbered(i*500+500, i*500+1000)...)
	}
}
