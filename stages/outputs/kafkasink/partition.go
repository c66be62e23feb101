package kafkasink

import (
	"encoding/binary"
	"fmt"

	"github.com/IBM/sarama"
)

// murmur2 is the hash by which the clients of the Kafka project choose partitions: MurmurHash2
// of 32 bits with a seed of its own (org.apache.kafka.common.utils.Utils.murmur2).
func murmur2(b []byte) uint32 {
	const m, seed = 0x5bd1e995, 0x9747b28c
	h := seed ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k = (k ^ k>>24) * m
		h = h*m ^ k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// byKey is the partition of a key, as the clients of the Kafka project choose it.
func byKey(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

// stickyBytes is how much goes to one partition before messages without a key go to the
// next one: enough for a request that is worth its way.
const stickyBytes = 16 << 10

// choice chooses partitions in one topic.
type choice struct {
	all      int32
	writable []int32
	at       int // of writable
	sent     int // to that one
	fresh    bool
	err      error
}

// look asks which partitions there are now. The client knows them without asking brokers
// nearly always.
func (c *choice) look(client sarama.Client, topic string) {
	c.err, c.fresh = nil, true
	list, err := client.Partitions(topic)
	if err != nil {
		c.err = fmt.Errorf("topic %s: %w", topic, err)
		return
	}
	writable, err := client.WritablePartitions(topic)
	if err != nil || len(writable) == 0 {
		writable = list // they wait for a leader then
	}
	c.all, c.writable = int32(len(list)), writable
	if len(list) == 0 {
		c.err = fmt.Errorf("topic %s: %w", topic, sarama.ErrLeaderNotAvailable)
	}
}

// choose gives a letter its partition, for as long as it is tried.
func (c *choice) choose(l *letter) {
	switch {
	case l.partition >= 0:
	case l.keyed:
		l.partition = byKey(l.record.Key, c.all)
	default:
		if c.sent >= stickyBytes {
			c.at, c.sent = c.at+1, 0
		}
		c.sent += l.size
		l.partition = c.writable[c.at%len(c.writable)]
	}
}
