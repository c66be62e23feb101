package kafka

import (
	"sync"

	"github.com/IBM/sarama"

	"gambolputty/actor/ack"
)

// track follows the delivery of what was read of a partition in one session: an offset is
// marked for the next commit once everything before it has arrived.
type track struct {
	spot
	ledger *ack.Ledger[int64]

	mu      sync.Mutex
	session sarama.ConsumerGroupSession // nil once the partition was given away
	next    int64                       // the offset marked last, -1 for none
}

func newTrack(s sarama.ConsumerGroupSession, at spot) *track {
	t := &track{spot: at, session: s, next: -1}
	t.ledger = ack.NewLedger(t.mark, func(int64, error) {}) // who failed to deliver says so
	return t
}

// open makes the ticket for messages up to an offset.
func (t *track) open(next int64) *ack.Ticket { return t.ledger.Open(next) }

func (t *track) mark(next int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == nil {
		return // somebody else may have it by now
	}
	t.next = next
	t.session.MarkOffset(t.topic, t.partition, next, "")
}

// detach makes sure that what arrives from now on has no consequences. It returns the
// offset up to which all has arrived, or -1.
func (t *track) detach() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session = nil
	return t.next
}
