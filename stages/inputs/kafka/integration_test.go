//go:build integration

package kafka_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/kafka"
	"gambolputty/stages/internal/kafkatest"
)

func TestIntegrationOrderAcrossRestartsOfTheBroker(t *testing.T) {
	for name, options := range map[string]string{"alone": "", "in a group": "\ngroup_id: g", "cooperative": "\ngroup_id: g\npartition_assignment_strategy: cooperative-sticky"} {
		t.Run(name, func(t *testing.T) {
			b := kafkatest.Start(t)
			b.Create("a", 1, nil)
			in := start(t, b.Tool, "topics: a\nauto_offset_reset: earliest\nsession_timeout_ms: 10000"+options)
			b.Produce("a", 0, numbered(0, 2000)...)
			in.Wait(2000)
			b.Restart()
			b.Produce("a", 0, numbered(2000, 4000)...)
			in.Wait(4000)
			b.Kill()
			b.Run()
			b.Produce("a", 0, numbered(4000, 6000)...)
			in.Wait(6000)
			actortest.Same(t, actortest.Texts(in.Stop()), numbered(0, 6000))
			if options != "" && b.Committed("g", "a", 0) != 6000 {
				t.Errorf("offset %d is committed", b.Committed("g", "a", 0))
			}
		})
	}
}

func TestIntegrationMembersComeAndGo(t *testing.T) {
	b := kafkatest.Start(t)
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			topic, group := "t-"+strategy, "g-"+strategy
			b.Create(topic, 4, nil)
			options := "topics: " + topic + "\ngroup_id: " + group + "\nauto_offset_reset: earliest\nsession_timeout_ms: 6000\nsocket_timeout_ms: 5000\npartition_assignment_strategy: " + strategy
			var all []*actortest.Running
			sent := 0
			produce := func() {
				for p := range int32(4) {
					b.Produce(topic, p, numbered(int(p)*100000+sent, int(p)*100000+sent+500)...)
				}
				sent += 500
			}
			for n := 1; n <= 3; n++ {
				all = append(all, start(t, b.Tool, options))
				produce()
				kafkatest.Until(t, "the group is complete", func() bool { return b.Members(group) == fmt.Sprint(n, " Stable") })
			}
			for _, in := range all {
				in.Stop()
				produce()
			}
			last := start(t, b.Tool, options)
			seen := map[string]int{}
			kafkatest.Until(t, "all came", func() bool {
				clear(seen)
				for _, in := range append(all, last) {
					for _, text := range actortest.Texts(in.Wait(0)) {
						seen[text]++
					}
				}
				return len(seen) == 4*sent
			})
			last.Stop()
			for text, n := range seen {
				if n != 1 {
					t.Errorf("%s came %d times", text, n)
				}
			}
			for p := range int32(4) {
				if got := b.Committed(group, topic, p); got != int64(sent) {
					t.Errorf("offset %d is committed in partition %d", got, p)
				}
			}
		})
	}
}

func TestIntegrationMessagesOfATransactionThatWasNotCommitted(t *testing.T) {
	b := kafkatest.Start(t)
	b.Create("a", 1, nil)
	c := *sarama.NewConfig()
	c.Version, c.Producer.Idempotent, c.Producer.RequiredAcks, c.Net.MaxOpenRequests = sarama.V3_7_0_0, true, sarama.WaitForAll, 1
	c.Producer.Return.Successes, c.Producer.Transaction.ID = true, "x"
	p, err := sarama.NewSyncProducer([]string{b.Addr()}, &c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, text := range []string{"bad", "good"} {
		if err := p.BeginTxn(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: "a", Value: sarama.StringEncoder(text)}); err != nil {
			t.Fatal(err)
		}
		end := p.CommitTxn
		if text == "bad" {
			end = p.AbortTxn
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	b.Produce("a", 0, "last")
	for level, want := range map[string][]string{"read_committed": {"good", "last"}, "read_uncommitted": {"bad", "good", "last"}} {
		in := start(t, b.Tool, "topics: a\nauto_offset_reset: earliest\ngroup_id: "+level+"\nisolation_level: "+level)
		in.Wait(len(want))
		actortest.Same(t, actortest.Texts(in.Stop()), want)
	}
}

func TestIntegrationAStaticMemberComesBack(t *testing.T) {
	b := kafkatest.Start(t)
	b.Create("a", 2, nil)
	options := "topics: a\ngroup_id: g\nauto_offset_reset: earliest\nsession_timeout_ms: 20000\ngroup_instance_id: "
	one, two := start(t, b.Tool, options+"one"), start(t, b.Tool, options+"two")
	kafkatest.Until(t, "both are there", func() bool { return b.Members("g") == "2 Stable" })
	assigned := func() int { return strings.Count(two.Log(), "partitions assigned") }
	kafkatest.Until(t, "the other member has partitions", func() bool { return assigned() > 0 })
	before := assigned()
	one.Stop()
	one = start(t, b.Tool, options+"one")
	b.Produce("a", 0, "1")
	b.Produce("a", 1, "2")
	kafkatest.Until(t, "both messages came", func() bool { return len(one.Wait(0))+len(two.Wait(0)) == 2 })
	if after := assigned(); after != before {
		t.Errorf("partitions of the other member were assigned %d times, then %d times", before, after)
	}
	one.Stop()
	two.Stop()
}

func TestIntegrationLargeMessagesLoginsAndATopicThatGoes(t *testing.T) {
	b := kafkatest.Start(t)
	b.Create("a", 1, map[string]string{"max.message.bytes": "8000000"})
	large := strings.Repeat("x", 3_000_000)
	b.Produce("a", 0, "small", large, "small")
	in := start(t, b.Tool, "topics: a\nauto_offset_reset: earliest\nfetch_message_max_bytes: 1000")
	actortest.Same(t, actortest.Texts(in.Wait(3)), []string{"small", large, "small"})
	in.Stop()
	in = actortest.Source(t, kafka.Spec, "brokers: ["+b.AddrSASLSSL()+"]\ntopics: a\ngroup_id: secret\nauto_offset_reset: earliest\nsecurity_protocol: SASL_SSL\nsasl_mechanism: SCRAM-SHA-256\nsasl_username: brian\nsasl_password: naughty\ncacert: "+b.CA.Authority)
	in.Wait(3)
	in.Stop()
	in = actortest.Source(t, kafka.Spec, "brokers: ["+b.AddrSSL()+"]\ntopics: a\nauto_offset_reset: earliest\nsecurity_protocol: SSL\ncert: "+b.CA.ClientCert+"\nkey: "+b.CA.ClientKey+"\ncacert: "+b.CA.Authority)
	in.Wait(3)
	in.Stop()
}
