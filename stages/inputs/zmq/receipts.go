package zmq

import (
	"context"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/stages/internal/zmqconn"
)

// receipts answers PINGs when the events in front of them have been delivered.
type receipts struct {
	conn   *zmqconn.Conn
	ledger *ack.Ledger[uint64]
	wake   chan struct{}
	ended  chan struct{}
	all    sync.WaitGroup

	last uint64 // the number of the last batch

	mu      sync.Mutex
	granted uint64 // all batches up to this one have been delivered
	owed    []owed
}

// owed are the PINGs behind a batch.
type owed struct {
	batch    uint64
	contexts [][]byte
}

func newReceipts(c *zmqconn.Conn) *receipts {
	r := &receipts{conn: c, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	// After a failure the peer must send again, which it does over the next connection.
	r.ledger = ack.NewLedger(r.grant, func(uint64, error) { c.Close() })
	r.all.Go(r.run)
	return r
}

// emit hands a batch on, which may be nil, with the PINGs behind it.
func (r *receipts) emit(out *actor.Outlet, b *actor.Batch, contexts [][]byte) error {
	r.last++
	if len(contexts) > 0 {
		r.mu.Lock()
		r.owed = append(r.owed, owed{r.last, contexts})
		r.mu.Unlock()
	}
	t := r.ledger.Open(r.last)
	if b == nil {
		t.Release(nil)
		return nil
	}
	return out.Emit(b, t)
}

func (r *receipts) grant(batch uint64) {
	r.mu.Lock()
	r.granted = batch
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// due takes the PINGs that can be answered.
func (r *receipts) due() (contexts [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.owed) && r.owed[n].batch <= r.granted {
		contexts = append(contexts, r.owed[n].contexts...)
		n++
	}
	r.owed = append(r.owed[:0], r.owed[n:]...)
	return contexts
}

// run writes answers. Outputs must not wait for a peer that does not read them.
func (r *receipts) run() {
	for {
		select {
		case <-r.wake:
		case <-r.ended:
			return
		}
		if r.answer() != nil {
			r.conn.Close() // which the reader notices
			return
		}
	}
}

func (r *receipts) answer() error {
	contexts := r.due()
	return r.conn.Send(func(f *zmqconn.Frames) {
		for _, context := range contexts {
			f.Pong(context)
		}
	})
}

// settleTime is how long a stop waits for deliveries, so that less comes twice.
const settleTime = time.Second

// settle answers what is delivered soon.
func (r *receipts) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	if r.ledger.Wait(ctx) == nil {
		r.answer() // if it fails, the peer sends again
	}
}

// end gives up what has not been answered.
func (r *receipts) end() {
	close(r.ended)
	r.conn.Close()
	r.all.Wait()
}
