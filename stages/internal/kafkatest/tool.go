package kafkatest

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// Tool does with a cluster what its operator would do.
type Tool struct {
	t      testing.TB
	addrs  []string
	config *sarama.Config
}

// NewTool makes a tool. setup may add to the configuration of its clients.
func NewTool(t testing.TB, setup func(*sarama.Config), addrs ...string) *Tool {
	c := sarama.NewConfig()
	c.Version, c.ClientID = sarama.V3_7_0_0, "test"
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks, c.Producer.Idempotent, c.Net.MaxOpenRequests = sarama.WaitForAll, true, 1
	c.Producer.MaxMessageBytes, c.Producer.Flush.MaxMessages = 16<<20, 500
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	c.Metadata.AllowAutoTopicCreation = false
	if setup != nil {
		setup(c)
	}
	return &Tool{t, addrs, c}
}

// List are the addresses as they stand in a configuration.
func (k *Tool) List() string { return "['" + strings.Join(k.addrs, "', '") + "']" }

// Client makes a client that ends with the test.
func (k *Tool) Client() sarama.Client {
	k.t.Helper()
	c, err := sarama.NewClient(k.addrs, k.config)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		if !c.Closed() {
			c.Close()
		}
	})
	return c
}

// Admin does something as the operator.
func (k *Tool) Admin(do func(sarama.ClusterAdmin) error) {
	k.t.Helper()
	a, err := sarama.NewClusterAdmin(k.addrs, k.config)
	if err != nil {
		k.t.Fatal(err)
	}
	defer a.Close()
	if err := do(a); err != nil {
		k.t.Fatal(err)
	}
}

// Create makes a topic.
func (k *Tool) Create(topic string, partitions int32, settings map[string]string) {
	k.t.Helper()
	entries := map[string]*string{}
	for name, value := range maps.All(settings) {
		entries[name] = &value
	}
	k.Admin(func(a sarama.ClusterAdmin) error {
		return a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}, false)
	})
}

// Produce appends texts to a partition.
func (k *Tool) Produce(topic string, partition int32, texts ...string) {
	k.t.Helper()
	var list []*sarama.ProducerMessage
	for _, text := range texts {
		list = append(list, &sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder(text)})
	}
	k.Send(nil, list...)
}

// Send appends messages, with changes to the configuration of the producer.
func (k *Tool) Send(setup func(*sarama.Config), messages ...*sarama.ProducerMessage) {
	k.t.Helper()
	c := *k.config
	if setup != nil {
		setup(&c)
	}
	p, err := sarama.NewSyncProducer(k.addrs, &c)
	if err != nil {
		k.t.Fatal(err)
	}
	defer p.Close()
	if err := p.SendMessages(messages); err != nil {
		k.t.Fatal(err)
	}
}

// Messages returns all there is in a partition, as a reader of committed messages sees it.
func (k *Tool) Messages(topic string, partition int32) []*sarama.ConsumerMessage {
	k.t.Helper()
	c := *k.config
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	client, err := sarama.NewClient(k.addrs, &c)
	if err != nil {
		k.t.Fatal(err)
	}
	defer client.Close()
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		k.t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		k.t.Fatal(err)
	}
	defer consumer.Close()
	p, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		k.t.Fatal(err)
	}
	defer p.Close()
	var list []*sarama.ConsumerMessage
	idle := 3 * time.Second // for what is not visible at the end, such as marks of transactions
	for len(list) == 0 || list[len(list)-1].Offset < end-1 {
		select {
		case m := <-p.Messages():
			list = append(list, m)
		case <-time.After(idle):
			return list
		}
		if len(list) > 0 && list[len(list)-1].Offset >= end-3 {
			idle = 300 * time.Millisecond
		}
	}
	return list
}

// Texts are the values of all messages of a partition.
func (k *Tool) Texts(topic string, partition int32) []string {
	k.t.Helper()
	var list []string
	for _, m := range k.Messages(topic, partition) {
		list = append(list, string(m.Value))
	}
	return list
}

// Committed returns the offset that a group has committed, or -1.
func (k *Tool) Committed(group, topic string, partition int32) int64 {
	k.t.Helper()
	offset := int64(-1)
	k.Admin(func(a sarama.ClusterAdmin) error {
		answer, err := a.ListConsumerGroupOffsets(group, map[string][]int32{topic: {partition}})
		if err != nil {
			return err
		}
		if b := answer.GetBlock(topic, partition); b != nil && b.Err == sarama.ErrNoError {
			offset = b.Offset
		}
		return nil
	})
	return offset
}

// Members returns the number of members of a group and its state, as in "2 Stable".
func (k *Tool) Members(group string) string {
	k.t.Helper()
	var text string
	k.Admin(func(a sarama.ClusterAdmin) error {
		list, err := a.DescribeConsumerGroups([]string{group})
		if err == nil && len(list) == 1 {
			text = fmt.Sprint(len(list[0].Members), " ", list[0].State)
		}
		return err
	})
	return text
}

// Until waits for something that must become true.
func Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
