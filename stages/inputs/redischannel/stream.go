package redischannel

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/redisconn"
)

// streamReader reads a stream as a member of a consumer group: the server keeps what was
// given out until it is told that it has been delivered.
// See https://redis.io/docs/latest/develop/data-types/streams/.
type streamReader struct {
	env      actor.Env
	opts     Options
	client   *redisconn.Client
	out      *actor.Outlet
	stream   string
	consumer string
	checked  time.Time // when others' entries were looked for

	mu       sync.Mutex
	underway map[string]struct{} // entries by id
	answered []string            // delivered, and the server does not know yet
}

func newStreamReader(env actor.Env, o Options, c *redisconn.Client, stream, consumer string) *streamReader {
	return &streamReader{env: env, opts: o, client: c, stream: stream, consumer: consumer, underway: map[string]struct{}{}}
}

// blockTime is how long the server waits for an entry.
const blockTime = time.Second

// session reads entries until something fails.
func (r *streamReader) session(ctx context.Context, works func()) error {
	if err := r.join(ctx); err != nil {
		return err
	}
	works()
	if err := r.resume(ctx); err != nil {
		return err
	}
	conn, err := r.client.Conn(ctx, r.stream)
	if err != nil {
		return err
	}
	defer conn.Close() // whatever it says, it is not used again
	// What the server gives out now and does not reach us is taken up at the next start.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for ctx.Err() == nil {
		if err := r.acknowledge(ctx); err != nil {
			return err
		}
		if err := r.inherit(ctx); err != nil {
			return err
		}
		reply, err := redis.DoWithTimeout(conn, blockTime+r.opts.SocketTimeout, "XREADGROUP", "GROUP", r.opts.Group, r.consumer,
			"COUNT", r.opts.BatchSize, "BLOCK", blockTime.Milliseconds(), "STREAMS", r.stream, ">")
		if err != nil {
			r.client.Distrust()
			return fmt.Errorf("read stream %s: %w", r.stream, err)
		}
		works()
		entries, err := readStream(reply)
		if err != nil {
			return err
		}
		if r.emit(entries) != nil {
			return nil // the program is being stopped by force
		}
	}
	return nil
}

// join makes the group if there is none, so that it begins with what the stream holds.
func (r *streamReader) join(ctx context.Context) error {
	_, err := r.do(ctx, "XGROUP", "CREATE", r.stream, r.opts.Group, "0", "MKSTREAM")
	if err != nil && !strings.Contains(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("join group %s of stream %s: %w", r.opts.Group, r.stream, err)
	}
	return nil
}

func (r *streamReader) do(ctx context.Context, name string, args ...any) (any, error) {
	return r.client.Do(ctx, redisconn.Command{Key: r.stream, Name: name, Args: args})
}

// resume takes up what this consumer was given before and did not deliver.
func (r *streamReader) resume(ctx context.Context) error {
	for after := "0"; ; {
		reply, err := r.do(ctx, "XREADGROUP", "GROUP", r.opts.Group, r.consumer, "COUNT", r.opts.BatchSize, "STREAMS", r.stream, after)
		if err != nil {
			return fmt.Errorf("read stream %s: %w", r.stream, err)
		}
		entries, err := readStream(reply)
		if err != nil || len(entries) == 0 {
			return err
		}
		after = entries[len(entries)-1].id
		if err := r.take(ctx, entries); err != nil {
			return err
		}
	}
}

// take sends on entries that may have been seen before. Those that were deleted since they
// were given out are acknowledged.
func (r *streamReader) take(ctx context.Context, entries []entry) error {
	var fresh []entry
	var deleted []string
	r.mu.Lock()
	known := make(map[string]bool, len(r.answered))
	for _, id := range r.answered {
		known[id] = true
	}
	for _, e := range entries {
		_, underway := r.underway[e.id]
		switch {
		case underway || known[e.id]:
		case e.fields == nil:
			deleted = append(deleted, e.id)
		default:
			fresh = append(fresh, e)
		}
	}
	r.answered = append(r.answered, deleted...)
	r.mu.Unlock()
	if len(fresh) > 0 {
		r.env.Count("recovered", len(fresh))
	}
	if r.emit(fresh) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// emit sends entries on, in batches that the receivers like.
func (r *streamReader) emit(entries []entry) error {
	var fields []event.Field
	for len(entries) > 0 {
		n := min(len(entries), max(1, r.out.Size()))
		b := r.out.Batch(r.stream)
		ids := make([]string, n)
		for i, one := range entries[:n] {
			ids[i] = one.id
			fields = fields[:0]
			for f := 0; f+1 < len(one.fields); f += 2 {
				fields = append(fields, event.Field{Key: event.Intern(one.fields[f]), Value: event.String(one.fields[f+1])})
			}
			b.New().MergeFields(fields, true) // nobody else says what our metadata is
		}
		entries = entries[n:]
		if err := r.out.Emit(b, r.ticket(ids)); err != nil {
			return err
		}
	}
	return nil
}

// ticket hears when entries have been delivered. Those that could not be stay with the server.
func (r *streamReader) ticket(ids []string) *ack.Ticket {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.underway[id] = struct{}{}
	}
	return ack.New(func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			return
		}
		for _, id := range ids {
			delete(r.underway, id)
		}
		r.answered = append(r.answered, ids...)
	})
}

// acknowledge tells the server what has been delivered.
func (r *streamReader) acknowledge(ctx context.Context) error {
	r.mu.Lock()
	ids := r.answered
	r.answered = nil
	r.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	if _, err := r.do(ctx, "XACK", redis.Args{r.stream, r.opts.Group}.AddFlat(ids)...); err != nil {
		r.mu.Lock()
		r.answered = append(ids, r.answered...)
		r.mu.Unlock()
		return fmt.Errorf("acknowledge entries of stream %s: %w", r.stream, err)
	}
	return nil
}

// inherit takes over what consumers hold that were not heard of for long, and says that we
// are still busy with our own.
func (r *streamReader) inherit(ctx context.Context) error {
	if time.Since(r.checked) < r.opts.ClaimIdle/3 {
		return nil
	}
	r.checked = time.Now()
	if ids := r.busy(); len(ids) > 0 {
		args := redis.Args{r.stream, r.opts.Group, r.consumer, 0}.AddFlat(ids).Add("JUSTID")
		if _, err := r.do(ctx, "XCLAIM", args...); err != nil {
			return fmt.Errorf("keep entries of stream %s: %w", r.stream, err)
		}
	}
	for start := "0-0"; ; {
		reply, err := redis.Values(r.do(ctx, "XAUTOCLAIM", r.stream, r.opts.Group, r.consumer, r.opts.ClaimIdle.Milliseconds(), start, "COUNT", r.opts.BatchSize))
		if err != nil {
			if strings.Contains(err.Error(), "unknown command") { // before 6.2
				r.env.Warn("the server is too old to hand over what dead consumers hold", "stream", r.stream)
				return nil
			}
			return fmt.Errorf("take over entries of stream %s: %w", r.stream, err)
		}
		if len(reply) < 2 {
			return errNonsense
		}
		next, err := redis.String(reply[0], nil)
		if err != nil {
			return errNonsense
		}
		entries, err := readEntries(reply[1])
		if err != nil {
			return err
		}
		if err := r.take(ctx, entries); err != nil {
			return err
		}
		if next == "0-0" || next == start {
			return nil
		}
		start = next
	}
}

func (r *streamReader) busy() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]string, 0, len(r.underway))
	for id := range r.underway {
		ids = append(ids, id)
	}
	return ids
}
