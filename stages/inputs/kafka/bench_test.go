package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/kafka"
	"gambolputty/stages/internal/kafkatest"
)

// stored is the number of messages that one operation reads.
const stored = 100_000

func filled(b *testing.B) *kafkatest.Fake {
	f := kafkatest.NewFake(b, kfake.SeedTopics(4, "four"))
	text := strings.Repeat("spam and eggs ", 20)
	var list []string
	for range stored / 4 {
		list = append(list, text)
	}
	for p := range int32(4) {
		f.Produce("four", p, list...)
	}
	return f
}

func rate(b *testing.B) {
	b.ReportMetric(float64(stored*b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRead compares the module with the plainest loop around the library. The fake that
// serves the messages is part of the time, and of the memory.
func BenchmarkRead(b *testing.B) {
	f := filled(b)
	for name, group := range map[string]string{"alone": "", "group": "\n    group_id: g%d"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				more := group
				if more != "" {
					more = fmt.Sprintf(more, b.N*1000+i)
				}
				text := "- Kafka:\n    topics: four\n    auto_offset_reset: earliest\n    messages_to_read: " + fmt.Sprint(stored) + "\n    brokers: " + f.List() + more + "\n- Gone\n"
				gone := actor.DefineSink(actor.Info{Name: "Gone", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return nowhere{}, nil })
				actortest.Start(b, text, kafka.Spec, gone).Finish()
			}
			rate(b)
		})
	}
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			plain(b, f)
		}
		rate(b)
	})
}

func plain(b *testing.B, f *kafkatest.Fake) {
	b.Helper()
	consumer, err := sarama.NewConsumerFromClient(f.Client())
	if err != nil {
		b.Fatal(err)
	}
	defer consumer.Close()
	done := make(chan int)
	for p := range int32(4) {
		c, err := consumer.ConsumePartition("four", p, sarama.OffsetOldest)
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			n := 0
			for range stored / 4 {
				n += len((<-c.Messages()).Value)
			}
			c.Close()
			done <- n
		}()
	}
	for range 4 {
		<-done
	}
}

// nowhere is an output that looks at the events.
type nowhere struct{}

// Write looks at the events.
func (nowhere) Write(_ context.Context, b *actor.Batch) error {
	for range b.Each() {
		continue
	}
	return nil
}
