package kafkasink

import (
	"fmt"

	"github.com/IBM/sarama"
)

// lane is the way to one partition.
type lane struct {
	spot
	sequence int32     // number of the next record
	limit    int       // bytes of a batch that the brokers have taken so far
	busy     bool      // it has letters in this attempt
	letters  []*letter // what is to be sent, in order
	room     []*letter // where they are
	batch    []*letter // what is under way
	flight   int       // so many of the first letters were sent, and their fate is unknown
	most     int       // letters of a batch, while one that is refused is looked for; 0 is any
	trouble  error     // why it is stuck until the next attempt
}

// reset makes the lane ready for an attempt.
func (l *lane) reset() {
	l.room = l.room[:0]
	l.letters, l.trouble, l.busy, l.most = nil, nil, false, 0
}

func (l *lane) add(m *letter) {
	l.room = append(l.room, m)
	l.letters = l.room
}

// idle reports whether there is nothing to be sent now.
func (l *lane) idle() bool { return len(l.letters) == 0 || l.trouble != nil }

// next returns the letters of the next batch. One of unknown fate must be the same again.
func (l *lane) next() []*letter {
	if l.flight > 0 {
		return l.letters[:l.flight]
	}
	n, bytes := 0, 0
	for n < len(l.letters) && (l.most == 0 || n < l.most) {
		bytes += l.letters[n].size
		if n > 0 && bytes > l.limit {
			break
		}
		n++
	}
	return l.letters[:n]
}

func size(letters []*letter) int {
	bytes := 0
	for _, m := range letters {
		bytes += m.size
	}
	return bytes
}

// arrived takes the batch off the list. Numbers begin anew after the last one (KIP-98).
func (l *lane) arrived() {
	for _, m := range l.batch {
		m.done, m.enlisted = true, true
	}
	l.sequence = int32((uint32(l.sequence) + uint32(len(l.batch))) & 0x7fffffff)
	l.drop(len(l.batch))
}

func (l *lane) drop(n int) { l.letters, l.batch, l.flight = l.letters[n:], nil, 0 }

// unknown says that nobody knows what became of the batch. Nothing overtakes it.
func (l *lane) unknown(err error) {
	l.flight = len(l.batch)
	l.stop(err)
}

// stop leaves the letters for the next attempt.
func (l *lane) stop(err error) {
	l.trouble = err
	for _, m := range l.letters {
		m.trouble = err
	}
}

// refuse says that the brokers will not take the first letters of the batch.
func (l *lane) refuse(n int, err error) {
	for _, m := range l.batch[:n] {
		m.refused = err
	}
	l.drop(n)
}

// tooLarge makes smaller batches, and refuses a letter that is too large alone.
func (l *lane) tooLarge(err error) {
	if len(l.batch) == 1 {
		l.refuse(1, fmt.Errorf("message of %d bytes is too large: %w", len(l.batch[0].record.Value), err))
		return
	}
	l.limit, l.flight = max(1, size(l.batch)/2), 0
}

// invalid refuses those letters that the broker names. Brokers before 2.4 name none, so
// they are looked for.
func (l *lane) invalid(named []sarama.ProduceResponseRecordError, err error) {
	if len(named) == 0 {
		l.search(err)
		return
	}
	refused := map[int]error{}
	for _, n := range named {
		text := err
		if n.BatchIndexErrorMessage != nil {
			text = fmt.Errorf("%w: %s", err, *n.BatchIndexErrorMessage)
		}
		refused[int(n.BatchIndex)] = text
	}
	kept := make([]*letter, 0, len(l.letters))
	for i, m := range l.letters {
		if reason, no := refused[i]; no && i < len(l.batch) {
			m.refused = reason
			continue
		}
		kept = append(kept, m)
	}
	if len(kept) == len(l.letters) {
		l.search(err)
		return
	}
	l.letters, l.flight = kept, 0
}

// corrupt is what older brokers say about a message without a key for a compacted topic,
// and any broker about one that was damaged on its way.
func (l *lane) corrupt(err error) {
	for _, m := range l.batch {
		if !m.keyed {
			l.search(fmt.Errorf("%w; a compacted topic takes no message without a key", err))
			return
		}
	}
	l.unknown(err)
}

// search tries smaller batches until the letter that is refused is alone.
func (l *lane) search(err error) {
	if len(l.batch) == 1 {
		l.refuse(1, err)
		l.most = 0
		return
	}
	l.most, l.flight = len(l.batch)/2, 0
}
