// Package reassembly puts documents together that arrive in pieces, one event each, from
// several senders at a time.
package reassembly

import (
	"bytes"
	"errors"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// Options are embedded in the options of parsers with a stream mode.
type Options struct {
	Key     expr.Template `opt:"buffer_key" doc:"What tells the senders of a stream apart."`
	Max     int           `opt:"max_buffer_bytes" min:"1" doc:"Most bytes of an unfinished document. More leave as an event with the failure tag."`
	Timeout time.Duration `opt:"buffer_timeout_in_secs" min:"1s" doc:"Unfinished documents to which nothing is added for so long leave as an event with the failure tag."`
}

// Defaults are the usual limits.
func Defaults() Options {
	key, err := expr.ParseTemplate("$(gambolputty.received_from)")
	if err != nil {
		panic("reassembly: " + err.Error()) // the text is a constant
	}
	return Options{Key: key, Max: 16 << 20, Timeout: time.Minute}
}

// maxSenders bounds how many unfinished documents there are at a time.
const maxSenders = 10_000

// Scanner finds the end of the document at the front of buf: its length, 0 if more bytes
// are needed, or an error if the bytes are none.
type Scanner func(buf []byte) (n int, err error)

// Faults of unfinished documents.
var (
	ErrTooLong    = errors.New("the document is longer than max_buffer_bytes")
	ErrUnfinished = errors.New("the document was not finished in time")
	ErrEvicted    = errors.New("there are too many unfinished documents")
	// ErrNonsense is what a module answers to a chunk of which too much is of no use.
	ErrNonsense = errors.New("there are too many values that are no objects")
)

// MostLoose is how many values of a chunk may be no objects before the rest of it is given
// up as a whole: a sender of nonsense could else make an event of every byte.
const MostLoose = 1000

// Buffers hold the unfinished documents of all senders. They outlive the instances of a
// module.
type Buffers struct {
	// Ignore are bytes between documents that mean nothing.
	Ignore string

	opts    Options
	scanner func() Scanner

	mu       sync.Mutex
	bySender map[string]*buffer
}

type buffer struct {
	data  []byte
	scan  Scanner
	event *event.Event // the last chunk, whose metadata the rest gets
	used  time.Time
}

// New makes buffers; scanner makes what finds the ends for one sender.
func New(o Options, scanner func() Scanner) *Buffers {
	return &Buffers{opts: o, scanner: scanner, bySender: map[string]*buffer{}}
}

// Rest is what was left of a stream that makes no sense or does not go on.
type Rest struct {
	Event *event.Event
	Data  string
	Err   error
}

// Add adds a chunk and calls document for every document that is complete now. What can
// never be completed is returned, and so is what begins with a document for which there was
// an error.
func (b *Buffers) Add(e *event.Event, chunk string, document func(raw string) error) (rest *Rest) {
	key, _ := b.opts.Key.Text(e) // unresolved, the reference itself is a fine key
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.bySender[key]
	if s == nil {
		s = &buffer{scan: b.scanner()}
	}
	delete(b.bySender, key)
	s.data = append(s.data, chunk...)
	at := 0
	for at < len(s.data) {
		n, err := s.scan(s.data[at:])
		if err != nil {
			return &Rest{e, string(s.data[at:]), err}
		}
		if n == 0 {
			break
		}
		if err := document(string(s.data[at : at+n])); err != nil {
			return &Rest{e, string(s.data[at:]), err}
		}
		at += n
	}
	if len(bytes.TrimLeft(s.data[at:], b.Ignore)) == 0 {
		return nil
	}
	if len(s.data)-at > b.opts.Max {
		return &Rest{e, string(s.data[at:]), ErrTooLong}
	}
	s.data = append(s.data[:0], s.data[at:]...)
	s.event, s.used = e.Fork().Detach(), time.Now()
	rest = b.evict()
	b.bySender[key] = s
	return rest
}

// evict makes room for one more sender by giving up on the one that was silent longest.
func (b *Buffers) evict() *Rest {
	if len(b.bySender) < maxSenders {
		return nil
	}
	oldest := ""
	for key, s := range b.bySender {
		if oldest == "" || s.used.Before(b.bySender[oldest].used) {
			oldest = key
		}
	}
	s := b.bySender[oldest]
	delete(b.bySender, oldest)
	return &Rest{s.event, string(s.data), ErrEvicted}
}

// Expired removes the documents that nothing was added to for too long, or all of them.
func (b *Buffers) Expired(now time.Time, all bool) []Rest {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Rest
	for key, s := range b.bySender {
		if all || now.Sub(s.used) >= b.opts.Timeout {
			list = append(list, Rest{s.event, string(s.data), ErrUnfinished})
			delete(b.bySender, key)
		}
	}
	return list
}

// Flush lets what has expired out as events with the raw bytes in the source field.
func (b *Buffers) Flush(env actor.Env, out *actor.Batch, source event.Path) {
	for _, r := range b.Expired(time.Now(), env.Ending()) {
		out.Add(r.As(env, r.Event, source))
	}
}

// Every is how often to look for what has expired.
func (b *Buffers) Every() time.Duration { return min(b.opts.Timeout, 5*time.Second) }

// As makes e the event for the rest: the raw bytes in the source field, and a fault.
func (r Rest) As(env actor.Env, e *event.Event, source event.Path) *event.Event {
	if err := e.Set(source, event.String(r.Data)); err != nil {
		env.Fault(e, source.String(), err)
	}
	env.Fault(e, source.String(), r.Err)
	return e
}
