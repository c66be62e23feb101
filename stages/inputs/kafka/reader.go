package kafka

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

var (
	topicKey     = event.Intern("topic")
	kafkaKey     = event.Intern("kafka")
	keyKey       = event.Intern("key")
	partitionKey = event.Intern("partition")
	offsetKey    = event.Intern("offset")
	timestampKey = event.Intern("timestamp")
	headersKey   = event.Intern("headers")
)

// busyPause is how long a batch that is not full waits for more while the receivers have
// enough to do anyway.
const busyPause = time.Millisecond

// reader makes batches of the messages of one partition.
type reader struct {
	*source
	spot
	out   *actor.Outlet
	from  string
	topic event.Value
	open  func(next int64) *ack.Ticket // nil where nothing is committed

	next     atomic.Int64 // offset after the last message taken
	messages []*sarama.ConsumerMessage
	text     strings.Builder
	timer    *time.Timer
}

func (s *source) newReader(at spot, open func(next int64) *ack.Ticket) *reader {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &reader{
		source: s, spot: at, out: s.out.Clone(), from: fmt.Sprintf("kafka://%s/%d", at.topic, at.partition),
		topic: event.String(at.topic), open: open, timer: timer,
	}
}

// read sends messages on until there are none any more, it is told to stop, or the program
// is being stopped by force.
func (r *reader) read(messages <-chan *sarama.ConsumerMessage, stop <-chan struct{}) {
	for more := true; more; {
		select {
		case <-stop:
			return
		default:
		}
		more = r.collect(messages, stop)
		if len(r.messages) == 0 {
			continue
		}
		r.health.works()
		if r.emit() != nil {
			return
		}
	}
}

// collect waits for a message and takes those that come with it. It reports whether there
// may be more.
func (r *reader) collect(messages <-chan *sarama.ConsumerMessage, stop <-chan struct{}) bool {
	select {
	case m, ok := <-messages:
		if !ok || !r.take(m) {
			return false
		}
	case <-stop:
		return false
	}
	for size := max(1, r.out.Size()); len(r.messages) < size; {
		select {
		case m, ok := <-messages:
			if !ok || !r.take(m) {
				return false
			}
			continue
		default:
		}
		if r.out.Quiet() {
			return true
		}
		r.timer.Reset(busyPause)
		select {
		case m, ok := <-messages:
			if !ok || !r.take(m) {
				return false
			}
		case <-r.timer.C:
		case <-stop:
			return false
		}
	}
	return true
}

// take takes a message, unless enough have been read.
func (r *reader) take(m *sarama.ConsumerMessage) bool {
	if r.budget != nil {
		left := r.budget.Add(-1)
		if left <= 0 {
			r.finish(errFinished)
		}
		if left < 0 {
			return false
		}
	}
	r.messages = append(r.messages, m)
	r.next.Store(m.Offset + 1)
	return true
}

// emit sends what was collected on. Values are copied, into one piece of memory for the
// batch: they are parts of an answer with the messages of many partitions, which an event
// that lives long would keep in memory as a whole.
func (r *reader) emit() error {
	size := 0
	for _, m := range r.messages {
		size += len(m.Value)
	}
	r.text = strings.Builder{}
	r.text.Grow(size)
	b := r.out.Batch(r.from)
	for _, m := range r.messages {
		begin := r.text.Len()
		r.text.Write(m.Value)
		e := b.New()
		e.SetField(event.Data, event.String(r.text.String()[begin:]))
		e.SetField(topicKey, r.topic)
		if r.opts.Metadata {
			e.SetField(kafkaKey, metadata(m))
		}
	}
	var t *ack.Ticket
	if r.open != nil {
		t = r.open(r.next.Load())
	}
	clear(r.messages)
	r.messages = r.messages[:0]
	return r.out.Emit(b, t)
}

// metadata is the field kafka. A header that comes several times is a list.
func metadata(m *sarama.ConsumerMessage) event.Value {
	fields := event.NewMap(5)
	fields.Set(keyKey, event.Null)
	if m.Key != nil {
		fields.Set(keyKey, event.String(string(m.Key)))
	}
	fields.Set(partitionKey, event.Int(int64(m.Partition)))
	fields.Set(offsetKey, event.Int(m.Offset))
	fields.Set(timestampKey, event.Null)
	if m.Timestamp.UnixMilli() > 0 {
		fields.Set(timestampKey, event.String(m.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z07:00")))
	}
	headers := event.NewMap(len(m.Headers))
	for _, h := range m.Headers {
		name, value := event.Intern(string(h.Key)), event.Null
		if h.Value != nil {
			value = event.String(string(h.Value))
		}
		before, again := headers.Get(name)
		if again && before.Kind() == event.KindList {
			var items []event.Value
			for i := range before.List().Len() {
				items = append(items, before.List().At(i))
			}
			value = event.ListOf(append(items, value)...)
		} else if again {
			value = event.ListOf(before, value)
		}
		headers.Set(name, value)
	}
	fields.Set(headersKey, event.MapOf(headers))
	return event.MapOf(fields)
}
