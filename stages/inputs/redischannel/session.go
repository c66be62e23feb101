package redischannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gomodule/redigo/redis"
)

// message is what was published.
type message struct{ channel, data string }

// waiting is the number of messages that are read ahead.
const waiting = 1024

// reader reads from one connection.
type reader struct {
	conn     redis.PubSubConn
	patience time.Duration
	messages chan message
	works    func()
	full     atomic.Bool // a message waits for the pipeline
	err      error       // valid when messages is closed
}

// session receives messages until something fails. All that was read is sent on.
func (s *source) session(ctx context.Context, works func()) error {
	key := slices.Concat(s.opts.Channel, s.opts.Pattern)[0]
	c, err := s.client.Conn(ctx, key)
	if err != nil {
		return err
	}
	r := &reader{conn: redis.PubSubConn{Conn: c}, patience: s.opts.Health + s.opts.SocketTimeout, messages: make(chan message, waiting), works: works}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	var running sync.WaitGroup
	defer running.Wait()
	defer c.Close() // whatever it says, it is not used again
	if err := r.subscribe(s.opts.Channel, s.opts.Pattern); err != nil {
		return err
	}
	ended := make(chan struct{})
	running.Go(func() { defer close(ended); r.read() })
	running.Go(func() { r.ping(s.opts.Health, ended) })
	for m := range r.messages {
		if s.emit(m, r.messages) != nil { // the program is being stopped by force
			c.Close()
			for range r.messages {
				continue
			}
			return nil
		}
	}
	if r.full.Load() && gone(r.err) && ctx.Err() == nil {
		s.env.Log.Warn("the server closed the connection while messages waited: the pipeline is slower than the publisher, and client-output-buffer-limit of the server is reached")
		s.env.Count("overruns", 1)
	}
	return r.err
}

func (r *reader) subscribe(channels, patterns []string) error {
	for name, list := range map[string][]string{"SUBSCRIBE": channels, "PSUBSCRIBE": patterns} {
		if len(list) == 0 {
			continue
		}
		if err := r.conn.Conn.Send(name, redis.Args{}.AddFlat(list)...); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	if err := r.conn.Conn.Flush(); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// read reads until the connection ends.
func (r *reader) read() {
	defer close(r.messages)
	for {
		switch m := r.conn.ReceiveWithTimeout(r.patience).(type) {
		case redis.Message:
			r.pass(message{m.Channel, string(m.Data)})
		case redis.Subscription:
			r.works() // subscriptions are confirmed before anything else comes
		case error:
			r.err = fmt.Errorf("receive messages: %w", m)
			return
		}
	}
}

// pass hands a message on, and notes whether it had to wait.
func (r *reader) pass(m message) {
	select {
	case r.messages <- m:
		r.full.Store(false)
	default:
		r.full.Store(true)
		r.messages <- m
	}
}

// ping makes the server say something, so that a dead connection is noticed.
func (r *reader) ping(every time.Duration, ended <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if r.conn.Ping("") != nil {
				return // the reader notices too
			}
		case <-ended:
			return
		}
	}
}

// gone reports whether the other side closed the connection.
func gone(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }
