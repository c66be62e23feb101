package zmqsink

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/zmqconn"
)

// publisher gives each message to all peers that have subscribed to it.
type publisher struct {
	env  actor.Env
	mark int

	mu          sync.Mutex
	subscribers []*subscriber
}

func newPublisher(env actor.Env, mark int) *publisher { return &publisher{env: env, mark: mark} }

// subscriber is a peer with a queue of its own, so that one that is slow does not hold up others.
type subscriber struct {
	*zmqconn.Conn
	wake chan struct{} // there is something to write
	room chan struct{} // something was written, or the subscriber has gone

	mu      sync.Mutex
	topics  map[string]int // with the number of times it was subscribed to
	lengths map[int]int    // of the topics, with the number of those
	queue   messages
	writing int // messages that are being written
	slow    bool
	gone    bool
}

// serve makes a peer known and reads its subscriptions.
func (p *publisher) serve(ctx context.Context, c *zmqconn.Conn) error {
	s := &subscriber{Conn: c, wake: make(chan struct{}, 1), room: make(chan struct{}, 1), topics: map[string]int{}, lengths: map[int]int{}}
	p.mu.Lock()
	p.subscribers = append(p.subscribers, s)
	p.mu.Unlock()
	defer context.AfterFunc(ctx, c.Hush)()
	var writer sync.WaitGroup
	writer.Go(func() { p.write(s) })
	err := s.read()
	c.Close()
	p.leave(s)
	writer.Wait()
	return zmqconn.Plain(err)
}

func (p *publisher) all() []*subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.subscribers)
}

func (p *publisher) leave(s *subscriber) {
	p.mu.Lock()
	p.subscribers = slices.DeleteFunc(p.subscribers, func(o *subscriber) bool { return o == s })
	p.mu.Unlock()
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	signal(s.wake)
	signal(s.room)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *subscriber) read() error {
	for {
		f, err := s.Read()
		if err != nil {
			return err
		}
		if f.Command == "PING" {
			if err := s.Answer(f.Body); err != nil {
				return err
			}
			continue
		}
		topic, on, ok := zmqconn.Subscription(f)
		if !ok {
			continue // RFC 23 lets us pass over what we do not know
		}
		if err := s.subscribe(topic, on); err != nil {
			return err
		}
	}
}

// Bounds of what a subscriber may ask for.
const (
	mostTopics   = 10_000
	longestTopic = 1024
)

func (s *subscriber) subscribe(topic string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := s.topics[topic]
	switch {
	case on && (len(topic) > longestTopic || count == 0 && len(s.topics) >= mostTopics):
		return fmt.Errorf("%w: it subscribes to more than %d topics, or to one of more than %d bytes", zmqconn.ErrForeign, mostTopics, longestTopic)
	case on:
		s.topics[topic]++
		if count == 0 {
			s.lengths[len(topic)]++
		}
	case count > 1:
		s.topics[topic]--
	case count == 1:
		delete(s.topics, topic)
		if s.lengths[len(topic)]--; s.lengths[len(topic)] == 0 {
			delete(s.lengths, len(topic))
		}
	}
	return nil
}

// wants reports whether a message begins with one of the topics.
func (s *subscriber) wants(frame []byte) bool {
	for n := range s.lengths {
		if n <= len(frame) && s.topics[string(frame[:n])] > 0 {
			return true
		}
	}
	return false
}

// write writes what is in the queue of a subscriber.
func (p *publisher) write(s *subscriber) {
	var m messages
	for range s.wake {
		s.mu.Lock()
		if s.gone {
			s.mu.Unlock()
			return
		}
		m, s.queue = s.queue, m
		s.queue.apart = m.apart
		s.writing = len(m.cuts)
		s.mu.Unlock()
		if err := s.Send(func(f *zmqconn.Frames) {
			for _, c := range m.cuts {
				m.write(f, c)
			}
		}); err != nil {
			s.Close() // which the reader notices
			return
		}
		m.reset()
		s.mu.Lock()
		s.writing = 0
		caught := s.slow && len(s.queue.cuts) == 0
		s.slow = s.slow && !caught
		s.mu.Unlock()
		if caught {
			p.env.Log.Info("subscriber has caught up", "peer", s.Peer)
		}
		signal(s.room)
	}
}

// outcome is what became of a message for a subscriber.
type outcome int

const (
	queued outcome = iota
	unwanted
	full
)

func (s *subscriber) push(m *messages, c cut, mark int) outcome {
	frame := m.text[c.start:c.end]
	if m.apart {
		frame = m.text[c.start:c.body]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone || !s.wants(frame):
		return unwanted
	case len(s.queue.cuts)+s.writing >= mark:
		return full
	}
	q, at := &s.queue, len(s.queue.text)
	q.apart = m.apart
	q.text = append(q.text, m.text[c.start:c.end]...)
	q.cuts = append(q.cuts, cut{start: at, body: at + c.body - c.start, end: len(q.text)})
	return queued
}

// patience is how long a subscriber that takes nothing is waited for.
const patience = time.Second

func (p *publisher) send(ctx context.Context, m *messages, _ *delivery.Report) {
	subscribers := p.all()
	nobody := 0
	for _, c := range m.cuts {
		wanted := false
		for _, s := range subscribers {
			wanted = p.offer(ctx, s, m, c) || wanted
		}
		if !wanted {
			nobody++
		}
	}
	p.env.Count("without_subscriber", nobody)
	for _, s := range subscribers {
		signal(s.wake)
	}
	for _, s := range subscribers {
		p.waitFor(ctx, s, func() bool { return len(s.queue.cuts)+s.writing == 0 })
	}
}

// offer puts a message into the queue of a subscriber and reports whether it is wanted. A full
// queue is waited for, but not that of a subscriber which has been waited for in vain.
func (p *publisher) offer(ctx context.Context, s *subscriber, m *messages, c cut) (wanted bool) {
	result := s.push(m, c, p.mark)
	if result == full {
		signal(s.wake)
		if p.waitFor(ctx, s, func() bool { return len(s.queue.cuts)+s.writing < p.mark }) {
			result = s.push(m, c, p.mark)
		}
	}
	if result == full {
		p.env.Count("dropped_for_subscriber", 1)
	}
	return result != unwanted
}

// waitFor waits until a subscriber has got on. After a while it counts as slow, and is waited for
// no more until it has caught up.
func (p *publisher) waitFor(ctx context.Context, s *subscriber, is func() bool) bool {
	var late <-chan time.Time
	for {
		s.mu.Lock()
		done, slow := is() || s.gone, s.slow
		s.mu.Unlock()
		if done || slow {
			return done
		}
		if late == nil {
			late = time.After(patience)
		}
		select {
		case <-s.room:
		case <-late:
			s.mu.Lock()
			s.slow = true
			s.mu.Unlock()
			p.env.Log.Warn("subscriber is slow, it loses messages above the high water mark until it has caught up", "peer", s.Peer, "hwm", p.mark)
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// lingerTime is how long subscribers may take for the rest when the program stops.
const lingerTime = 10 * time.Second

// finish waits until the queues are empty.
func (p *publisher) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lingerTime)
	defer cancel()
	for _, s := range p.all() {
		for !s.idle() {
			select {
			case <-s.room:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *subscriber) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone || len(s.queue.cuts)+s.writing == 0
}
