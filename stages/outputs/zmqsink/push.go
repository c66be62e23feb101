package zmqsink

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/zmqconn"
)

// pusher gives each message to one of the peers. A PING behind the messages is the receipt:
// the peer answers it when it has read what came before.
type pusher struct {
	env     actor.Env
	mark    int
	limited bool // attempts are

	mu    sync.Mutex
	peers []*worker
	came  chan struct{} // closed when a peer comes
	first int           // the peer that gets the first part of the next batch
}

// worker is a peer that gets messages.
type worker struct {
	*zmqconn.Conn
	sent      uint64 // messages in all
	confirmed atomic.Uint64
	news      chan struct{}
	ended     chan struct{} // closed when err is set
	err       error
}

func newPusher(env actor.Env, mark int, limited bool) *pusher {
	return &pusher{env: env, mark: mark, limited: limited, came: make(chan struct{})}
}

// serve makes a peer known and reads its receipts.
func (p *pusher) serve(ctx context.Context, c *zmqconn.Conn) error {
	if err := c.Probe(); err != nil || ctx.Err() != nil {
		return err
	}
	w := &worker{Conn: c, news: make(chan struct{}, 1), ended: make(chan struct{})}
	p.enter(w)
	defer p.leave(w)
	defer context.AfterFunc(ctx, c.Hush)()
	w.err = zmqconn.Plain(w.read())
	close(w.ended)
	return w.err
}

func (w *worker) read() error {
	for {
		f, err := w.Read()
		if err != nil {
			return err
		}
		switch f.Command {
		case "PING":
			if err := w.Answer(f.Body); err != nil {
				return err
			}
		case "PONG":
			if len(f.Body) != 8 {
				continue
			}
			w.confirmed.Store(binary.BigEndian.Uint64(f.Body))
			select {
			case w.news <- struct{}{}:
			default:
			}
		}
	}
}

func (p *pusher) enter(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peers = append(p.peers, w)
	close(p.came)
	p.came = make(chan struct{})
}

func (p *pusher) leave(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peers = slices.DeleteFunc(p.peers, func(o *worker) bool { return o == w })
}

// all returns the peers, each time with another one in front, and what tells of the next.
func (p *pusher) all() ([]*worker, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.peers)
	if n == 0 {
		return nil, p.came
	}
	p.first = (p.first + 1) % n
	return slices.Concat(p.peers[p.first:], p.peers[:p.first]), p.came
}

// shortWait is how long an attempt waits for a peer where the number of attempts is limited.
const shortWait = time.Second

var errNoPeer = errors.New("no peer is connected")

// wait returns the peers once there are some.
func (p *pusher) wait(ctx context.Context) ([]*worker, error) {
	var late <-chan time.Time
	if p.limited {
		late = time.After(shortWait)
	}
	for told := false; ; told = true {
		peers, came := p.all()
		if len(peers) > 0 {
			if told {
				p.env.Log.Info("a peer is connected, events go on")
			}
			return peers, nil
		}
		if !told {
			p.env.Log.Warn("no peer is connected, events wait")
		}
		select {
		case <-came:
		case <-late:
			return nil, errNoPeer
		case <-ctx.Done():
			return nil, errNoPeer
		}
	}
}

// share are the messages of a batch that the peers divide among themselves.
type share struct {
	*messages
	mu   sync.Mutex
	next int
	part int      // most messages that a peer gets at a time
	left [][2]int // what did not arrive
	err  error
}

func (s *share) take() (from, to int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from = s.next
	s.next = min(from+s.part, len(s.cuts))
	return from, s.next
}

func (s *share) failed(from, to int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.err = append(s.left, [2]int{from, to}), err
}

func (p *pusher) send(ctx context.Context, m *messages, r *delivery.Report) {
	s := &share{messages: m, part: p.mark}
	peers, err := p.wait(ctx)
	if len(peers) == 1 {
		p.work(ctx, peers[0], s, false)
	} else if len(peers) > 1 {
		s.part = min(p.mark, 1+(len(m.cuts)-1)/len(peers))
		var all sync.WaitGroup
		for _, w := range peers {
			all.Go(func() { p.work(ctx, w, s, true) })
		}
		all.Wait()
	} else {
		s.err = err
	}
	if s.next < len(m.cuts) {
		s.left = append(s.left, [2]int{s.next, len(m.cuts)})
	}
	slices.SortFunc(s.left, func(a, b [2]int) int { return a[0] - b[0] })
	for _, l := range s.left {
		for _, c := range m.cuts[l[0]:l[1]] {
			r.Later(c.event, s.err)
		}
	}
}

// work gives messages to a peer as long as there are some.
func (p *pusher) work(ctx context.Context, w *worker, s *share, others bool) {
	for {
		from, to := s.take()
		if from == to {
			return
		}
		if n, err := w.deliver(ctx, s.messages, s.cuts[from:to], others); err != nil {
			s.failed(from+n, to, fmt.Errorf("%s: %w", w.Peer, err))
			return
		}
	}
}

const (
	// receiptEvery is how many messages stand between two receipts, so that not all of them
	// are sent again after a connection has ended.
	receiptEvery = 100
	// stallTime is how long a peer may take nothing while there are others.
	stallTime = 10 * time.Second
)

var errStalled = fmt.Errorf("the peer has taken nothing for %s, others get its messages", stallTime)

// deliver gives messages to the peer and waits for the receipt. It returns how many have
// arrived.
func (w *worker) deliver(ctx context.Context, m *messages, cuts []cut, others bool) (arrived int, err error) {
	defer context.AfterFunc(ctx, w.Close)() // which ends a write
	var stalled atomic.Bool
	alarm := time.AfterFunc(stallTime, func() { stalled.Store(true); w.Close() })
	defer alarm.Stop()
	alive := func() {
		if others {
			alarm.Reset(stallTime)
		}
	}
	if !others {
		alarm.Stop()
	}
	base := w.sent
	defer func() {
		if err == nil {
			return
		}
		w.Close()
		if stalled.Load() {
			err = errStalled
		}
	}()
	for rest := cuts; len(rest) > 0; {
		part := rest[:min(receiptEvery, len(rest))]
		rest = rest[len(part):]
		err := w.Send(func(f *zmqconn.Frames) {
			for _, c := range part {
				m.write(f, c)
			}
			if w.Pings {
				f.Ping(binary.BigEndian.AppendUint64(nil, w.sent+uint64(len(part))))
			}
		})
		if err != nil {
			return w.arrived(base), err
		}
		w.sent += uint64(len(part))
		if !w.Pings {
			w.confirmed.Store(w.sent)
		}
		alive()
	}
	for w.confirmed.Load() < w.sent {
		select {
		case <-w.news:
			alive()
		case <-w.ended:
			return w.arrived(base), w.err
		case <-ctx.Done():
			return w.arrived(base), context.Cause(ctx)
		}
	}
	return len(cuts), nil
}

// arrived is the number of messages of the present part that the peer has confirmed.
func (w *worker) arrived(base uint64) int { return int(max(w.confirmed.Load(), base) - base) }

// finish has nothing to wait for, because send does.
func (p *pusher) finish(context.Context) {}
