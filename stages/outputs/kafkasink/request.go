package kafkasink

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// request is what one broker gets in one round.
type request struct {
	broker *sarama.Broker
	body   *sarama.ProduceRequest
	lanes  []*lane
	size   int

	answer *sarama.ProduceResponse
	err    error
}

func (r *request) send() { r.answer, r.err = r.broker.Produce(r.body) }

// requests makes one request for each broker that leads a partition with letters.
func (p *producer) requests() []*request {
	var list []*request
	for _, l := range p.busy {
		if l.idle() {
			continue
		}
		broker, err := p.client.Leader(l.topic, l.partition)
		if err != nil {
			p.stale[l.topic] = true
			l.stop(fmt.Errorf("leader of topic %s, partition %d: %w", l.topic, l.partition, err))
			continue
		}
		var r *request
		for _, other := range list {
			if other.broker == broker {
				r = other
			}
		}
		if r == nil {
			r = &request{broker: broker, body: p.body()}
			list = append(list, r)
		}
		if r.size >= mostRequest {
			continue
		}
		l.batch = l.next()
		r.lanes = append(r.lanes, l)
		r.size += size(l.batch)
		r.body.AddBatch(l.topic, l.partition, p.records(l))
	}
	return list
}

// body makes an empty request of the newest form that the options allow.
func (p *producer) body() *sarama.ProduceRequest {
	r := &sarama.ProduceRequest{RequiredAcks: p.opts.acks(), Timeout: int32(p.opts.SocketTimeout.Milliseconds() * 3 / 4), Version: 3}
	for _, v := range []struct {
		since   sarama.KafkaVersion
		version int16
	}{{sarama.V1_0_0_0, 5}, {sarama.V2_0_0_0, 6}, {sarama.V2_1_0_0, 7}, {sarama.V2_4_0_0, 8}, {sarama.V2_8_0_0, 9}, {sarama.V3_7_0_0, 10}} {
		if p.config.Version.IsAtLeast(v.since) {
			r.Version = v.version
		}
	}
	if p.opts.Transaction != "" {
		r.TransactionalID = &p.opts.Transaction
	}
	return r
}

// records makes the batch that a lane sends.
func (p *producer) records(l *lane) *sarama.RecordBatch {
	first := l.batch[0].at.Truncate(time.Millisecond)
	b := &sarama.RecordBatch{
		Version: 2, Codec: p.opts.codec(), CompressionLevel: sarama.CompressionLevelDefault, PartitionLeaderEpoch: -1,
		FirstTimestamp: first, MaxTimestamp: first, LastOffsetDelta: int32(len(l.batch) - 1),
		ProducerID: p.id, ProducerEpoch: p.epoch, FirstSequence: -1, IsTransactional: p.opts.Transaction != "",
		Records: make([]*sarama.Record, len(l.batch)),
	}
	if p.opts.Idempotent {
		b.FirstSequence = l.sequence
	}
	for i, m := range l.batch {
		at := m.at.Truncate(time.Millisecond)
		if at.After(b.MaxTimestamp) {
			b.MaxTimestamp = at
		}
		m.record.OffsetDelta, m.record.TimestampDelta = int64(i), at.Sub(first)
		b.Records[i] = &m.record
	}
	return b
}
