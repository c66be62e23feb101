package redislist

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/stages/internal/redisconn"
)

const (
	// step is the longest time for which the server waits for an entry. It is short, so that
	// a stop can wait for the answer: an entry in it would be lost otherwise.
	step = time.Second
	// pollPause is the pause between two looks at lists where the server cannot wait.
	pollPause = 500 * time.Millisecond
	// wrongRest is the time for which a key that is no list is left alone.
	wrongRest = 30 * time.Second
	// stopPatience is how long a stop waits for an answer beyond step.
	stopPatience = time.Second
)

// popper takes entries over a connection of its own.
type popper struct {
	*source
	conn redis.Conn
}

// pop returns entries of the first list that has some, or none after a while. Entries are
// to be used also if there is an error.
func (p *popper) pop(ctx context.Context) (from *list, entries [][]byte, err error) {
	lists, wait := p.awake()
	if len(lists) == 0 {
		pause(ctx, wait)
		return nil, nil, nil
	}
	if !p.waits(lists) {
		return p.poll(ctx, lists)
	}
	from, first, err := p.block(ctx, lists, min(wait, step))
	switch {
	case wrong(err):
		return nil, nil, p.accuse(ctx, lists)
	case err != nil && strings.Contains(err.Error(), "unknown command"):
		p.cannotWait = true
		p.env.Log.Info("the server is too old to wait for entries in reliable mode, they are polled", "target", p.client.Target())
		return nil, nil, nil
	}
	if err != nil || from == nil {
		return nil, nil, err
	}
	entries = [][]byte{first}
	if p.opts.BatchSize > 1 {
		more, err := p.take(ctx, from, p.opts.BatchSize-1)
		return from, append(entries, more...), err
	}
	return from, entries, nil
}

// awake are the lists that are not left alone, and the time until one more is.
func (p *popper) awake() ([]*list, time.Duration) {
	var lists []*list
	now, wait := time.Now(), step
	for _, l := range p.lists {
		if d := l.rest.Sub(now); d > 0 {
			wait = min(wait, d)
			continue
		}
		lists = append(lists, l)
	}
	return lists, max(wait, 10*time.Millisecond)
}

// waits reports whether the server can wait for entries of all the lists with one command.
func (p *popper) waits(lists []*list) bool {
	if p.cannotWait || len(lists) > 1 && p.opts.Reliable {
		return false
	}
	for _, l := range lists[1:] {
		if len(p.opts.Cluster) > 0 && redisconn.Slot(l.list) != redisconn.Slot(lists[0].list) {
			return false
		}
	}
	return true
}

// block waits for one entry.
func (p *popper) block(ctx context.Context, lists []*list, wait time.Duration) (*list, []byte, error) {
	if p.conn == nil {
		c, err := p.client.Conn(ctx, lists[0].list)
		if err != nil {
			return nil, nil, err
		}
		p.conn = c
	}
	conn := p.conn
	end := time.AfterFunc(1<<62, func() { conn.Close() })
	defer end.Stop()
	defer context.AfterFunc(ctx, func() { end.Reset(step + stopPatience) })()
	name, args := p.command(lists, wait)
	reply, err := redis.DoWithTimeout(conn, wait+p.opts.SocketTimeout, name, args...)
	if err != nil {
		if !wrong(err) {
			p.close()
			p.client.Distrust()
		}
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return read(lists, reply)
}

// command is the one that waits.
func (p *popper) command(lists []*list, wait time.Duration) (string, []any) {
	seconds := "1"
	if wait < step && p.fractions() {
		seconds = fmt.Sprintf("%.3f", wait.Seconds())
	}
	side := strings.ToUpper(p.opts.Direction)
	if p.opts.Reliable {
		return "BLMOVE", []any{lists[0].list, lists[0].processing, side, "RIGHT", seconds}
	}
	var args []any
	for _, l := range lists {
		args = append(args, l.list)
	}
	return map[string]string{"LEFT": "BLPOP", "RIGHT": "BRPOP"}[side], append(args, seconds)
}

// fractions reports whether the server, which may be old, is known to understand fractions
// of a second. BLMOVE came after them.
func (p *popper) fractions() bool { return p.opts.Reliable }

// read finds the entry in a reply.
func read(lists []*list, reply any) (*list, []byte, error) {
	switch r := reply.(type) {
	case nil:
		return nil, nil, nil
	case []byte:
		return lists[0], r, nil
	case []any:
		if len(r) != 2 {
			break
		}
		name, _ := r[0].([]byte)
		entry, ok := r[1].([]byte)
		for _, l := range lists {
			if ok && l.list == string(name) {
				return l, entry, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("the server gave an answer that makes no sense: %.100q", fmt.Sprint(reply))
}

// poll looks at one list after the other and pauses if all are empty.
func (p *popper) poll(ctx context.Context, lists []*list) (*list, [][]byte, error) {
	for _, l := range lists {
		entries, err := p.take(ctx, l, p.opts.BatchSize)
		if err != nil || len(entries) > 0 {
			return l, entries, err
		}
	}
	pause(ctx, pollPause)
	return nil, nil, nil
}

// take takes up to n entries without waiting. A key that is no list is none of its errors.
func (p *popper) take(ctx context.Context, l *list, n int) ([][]byte, error) {
	command := redisconn.Command{Key: l.list, Name: "EVAL", Args: []any{takeScript, 1, l.list, p.opts.Direction, n}}
	if p.opts.Reliable {
		command.Args = []any{takeScript, 2, l.list, l.processing, p.opts.Direction, n}
	}
	// A stop must not lose the answer. The client has its own time limit.
	reply, err := redis.ByteSlices(p.client.Do(context.WithoutCancel(ctx), command))
	if wrong(err) {
		p.leave(l)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("take entries from list %s: %w", l.list, err)
	}
	return reply, nil
}

// accuse finds the lists that are none.
func (p *popper) accuse(ctx context.Context, lists []*list) error {
	for _, l := range lists {
		for _, key := range []string{l.list, l.processing} {
			if key == "" {
				continue
			}
			kind, err := redis.String(p.client.Do(ctx, redisconn.Command{Key: key, Name: "TYPE", Args: []any{key}, Again: true}))
			if err != nil {
				return fmt.Errorf("look at key %s: %w", key, err)
			}
			if kind != "list" && kind != "none" {
				p.leave(l)
			}
		}
	}
	return nil
}

// leave leaves a list alone for a while.
func (p *popper) leave(l *list) {
	l.rest = time.Now().Add(wrongRest)
	text := l.list
	if l.processing != "" {
		text += " or " + l.processing
	}
	p.env.Log.Error("the key is no list, it is left alone for a while", "list", text, "pause", wrongRest)
	p.env.Count("wrong_type", 1)
}

// close ends the connection.
func (p *popper) close() {
	if p.conn != nil {
		p.conn.Close() // whatever it says, it is not used again
		p.conn = nil
	}
}

// wrong reports whether an error is about a key of another type. Scripts put words around
// it.
func wrong(err error) bool { return err != nil && strings.Contains(err.Error(), "WRONGTYPE") }

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// takeScript takes up to ARGV[2] entries from a list. They are in the second list before
// they leave the first, so that an error loses nothing.
const takeScript = `
local n = tonumber(ARGV[2])
local left = ARGV[1] == 'left'
local got
if left then
  got = redis.call('LRANGE', KEYS[1], 0, n - 1)
else
  local turned = redis.call('LRANGE', KEYS[1], -n, -1)
  got = {}
  for i = #turned, 1, -1 do got[#got + 1] = turned[i] end
end
if #got == 0 then return got end
if KEYS[2] then
  for i = 1, #got, 1000 do
    redis.call('RPUSH', KEYS[2], unpack(got, i, math.min(i + 999, #got)))
  end
end
if left then
  redis.call('LTRIM', KEYS[1], #got, -1)
else
  redis.call('LTRIM', KEYS[1], 0, -#got - 1)
end
return got`
