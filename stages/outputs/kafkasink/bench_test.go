package kafkasink_test

import (
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/kafkatest"
	"gambolputty/stages/outputs/kafkasink"
)

// BenchmarkWrite compares the module with the producer of the library, both idempotent and in
// batches of 500 for one partition. The fake takes its part of the time.
func BenchmarkWrite(b *testing.B) {
	text := strings.Repeat("spam and eggs ", 20)
	b.Run("module", func(b *testing.B) {
		f := kafkatest.NewFake(b, kfake.BlackholeProduce())
		actortest.Bench(b, kafkasink.Spec, "topic: a\nformat: $(data)\nbrokers: "+f.List(), text)
	})
	b.Run("library", func(b *testing.B) {
		f := kafkatest.NewFake(b, kfake.BlackholeProduce())
		c := sarama.NewConfig()
		c.Version, c.Net.MaxOpenRequests = sarama.V3_7_0_0, 1
		c.Producer.Idempotent, c.Producer.RequiredAcks, c.Producer.Return.Successes = true, sarama.WaitForAll, true
		p, err := sarama.NewSyncProducer(f.ListenAddrs(), c)
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		b.ResetTimer()
		for sent := 0; sent < b.N; sent += 500 {
			var list []*sarama.ProducerMessage
			for range min(500, b.N-sent) {
				list = append(list, &sarama.ProducerMessage{Topic: "a", Value: sarama.StringEncoder(text)})
			}
			if err := p.SendMessages(list); err != nil {
				b.Fatal(err)
			}
		}
	})
}
