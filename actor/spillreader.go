package actor

import (
	"gambolputty/actor/ack"
	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// spillReader makes batches of what is on the disk.
type spillReader struct {
	spill   *spill
	log     *disklog.Reader
	decoder event.RecordDecoder
	ahead   *event.Event // was read to see whether there is any
	number  uint64       // of it
}

// empty reports whether there is nothing to read.
func (r *spillReader) empty() bool {
	if r.ahead == nil {
		r.ahead, r.number = r.read()
	}
	return r.ahead == nil
}

// read returns the next event, or nil.
func (r *spillReader) read() (*event.Event, uint64) {
	if e := r.ahead; e != nil {
		r.ahead = nil
		return e, r.number
	}
	s := r.spill
	for {
		rec, ok, err := r.log.Next()
		switch {
		case err != nil:
			s.from.warn.log(levelError, "a part of the disk buffer cannot be read and is left out", "receiver", s.id, "error", err)
			continue
		case !ok:
			return nil, 0
		}
		e, err := r.decoder.Decode(string(rec.Data))
		if err == nil {
			return e, rec.Number
		}
		s.from.warn.log(levelError, "a record of the disk buffer is no event and is dropped", "receiver", s.id, "error", err)
		s.from.meter.Dropped.Add(1)
		s.books.read.Add(1)
		s.log.Finish(rec.Number, 1)
	}
}

// batch returns what can be read at once, or nil.
func (r *spillReader) batch() *Batch {
	s := r.spill
	size, _ := sizes(s.capacity())
	var b *Batch
	var numbers []uint64
	for len(numbers) < size {
		e, n := r.read()
		if e == nil {
			break
		}
		if b == nil {
			b = s.from.graph.batch(s.from.src)
		}
		b.events, numbers = append(b.events, e), append(numbers, n)
	}
	if b == nil {
		return nil
	}
	b.tickets = append(b.tickets, ack.New(func(err error) {
		dropped := len(numbers) // while they were under way
		for i := 0; i < len(numbers); {
			k := i + 1
			for k < len(numbers) && numbers[k] == numbers[k-1]+1 {
				k++
			}
			if err == nil {
				dropped -= s.log.Finish(numbers[i], k-i)
			} else { // they are sent again by the next run
				dropped -= s.log.Left(numbers[i], k-i)
			}
			i = k
		}
		s.books.twice.Add(int64(dropped))
	}))
	return b
}
