package beats

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"gambolputty/actor/ack"
)

const (
	// aliveEvery is how often a client that waits hears that its events are not forgotten.
	aliveEvery = 5 * time.Second
	// writeTime is how long a client may take nothing of what it is told.
	writeTime = 30 * time.Second
)

// acker tells a client how far its events have been delivered.
type acker struct {
	conn net.Conn
	wake chan struct{}

	mu      sync.Mutex
	open    []*part  // in the order in which they were read
	answers []answer // to be written
	ended   bool     // nothing more is read
	failed  bool     // some events were not delivered, so that nothing behind them may be acknowledged
}

// part are events of a window that go through the pipeline together.
type part struct {
	answer
	done bool
}

// answer acknowledges the events of a window up to a sequence number.
type answer struct {
	version  byte
	window   uint64
	sequence uint32
}

func newAcker(c net.Conn) *acker { return &acker{conn: c, wake: make(chan struct{}, 1)} }

// ticket is for events up to the answer's place.
func (a *acker) ticket(to answer) *ack.Ticket {
	p := &part{answer: to}
	a.mu.Lock()
	a.open = append(a.open, p)
	a.mu.Unlock()
	return ack.New(func(err error) { a.delivered(p, err) })
}

func (a *acker) delivered(p *part, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.signal()
	if err != nil {
		a.failed = true
		return
	}
	p.done = true
	n := 0
	for n < len(a.open) && a.open[n].done {
		a.add(a.open[n].answer)
		n++
	}
	a.open = append(a.open[:0], a.open[n:]...)
}

// add notes an answer. One for a later place in the same window makes it needless.
func (a *acker) add(to answer) {
	if n := len(a.answers); n > 0 && a.answers[n-1].window == to.window {
		a.answers[n-1] = to
		return
	}
	a.answers = append(a.answers, to)
}

func (a *acker) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// finish says that nothing more will be read. The connection ends when all has been answered, or
// now.
func (a *acker) finish(now bool) {
	a.mu.Lock()
	a.ended = true
	a.failed = a.failed || now
	a.mu.Unlock()
	a.signal()
}

// take returns what is to be written, and whether that is all.
func (a *acker) take(buf []byte, alive bool) (out []byte, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, to := range a.answers {
		buf = appendAck(buf, to.version, to.sequence)
	}
	if alive && len(a.answers) == 0 && len(a.open) > 0 {
		buf = appendAck(buf, a.open[0].version, 0)
	}
	a.answers = a.answers[:0]
	return buf, a.failed || a.ended && len(a.open) == 0
}

func appendAck(dst []byte, version byte, sequence uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, version, 'A'), sequence)
}

// run writes answers until all has been said.
func (a *acker) run(every time.Duration) {
	defer a.conn.Close()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var buf []byte
	for {
		alive := false
		select {
		case <-a.wake:
		case <-ticker.C:
			alive = true
		}
		var last bool
		buf, last = a.take(buf[:0], alive)
		if len(buf) > 0 {
			a.conn.SetWriteDeadline(time.Now().Add(writeTime))
			if _, err := a.conn.Write(buf); err != nil {
				return // the reader notices, and the client sends again
			}
		}
		if last {
			return
		}
	}
}
