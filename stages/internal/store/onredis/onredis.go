// Package onredis is a store in Redis.
package onredis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	randv2 "math/rand/v2"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/redisconn"
	"gambolputty/stages/internal/store"
)

// Store keeps values in Redis.
type Store struct {
	client     *redisconn.Client
	codec      *store.Codec
	unreadable store.Unreadable
}

// New makes a store that uses a client.
func New(c *redisconn.Client, e store.Encoding, log *slog.Logger) *Store {
	return &Store{client: c, codec: store.NewCodec(e), unreadable: store.Unreadable{Log: log}}
}

// lockPrefix stands in front of the names of locks. Keys that begin with it are no values.
const lockPrefix = "gambolputty:lock:"

// The scripts do in one step what takes several commands, also on servers that have no
// command for it.
const (
	popScript = `local v = redis.call('GET', KEYS[1]) if v then redis.call('DEL', KEYS[1]) end return v`
	// incrScript gives a counter that is new its time to live.
	incrScript = `local there = redis.call('EXISTS', KEYS[1]) local n = redis.call('INCRBY', KEYS[1], ARGV[1])
if there == 0 and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return n`
	unlockScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`
)

// maxValue is the size of a value that Redis takes at most.
const maxValue = 512 << 20

var errTooBig = errors.New("a value must not be bigger than 512 MB")

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) (v event.Value, found bool, err error) {
	reply, err := s.client.Do(ctx, redisconn.Command{Key: key, Name: "GET", Args: []any{key}, Again: true})
	return s.value(key, reply, err)
}

// value reads a reply. What cannot be read is not there.
func (s *Store) value(key string, reply any, err error) (event.Value, bool, error) {
	if e, ok := errors.AsType[redis.Error](err); ok && strings.HasPrefix(string(e), "WRONGTYPE") {
		s.unreadable.Warn(key, e)
		return event.Null, false, nil
	}
	if err != nil || reply == nil {
		return event.Null, false, err
	}
	b, err := redis.Bytes(reply, nil)
	if err != nil {
		return event.Null, false, fmt.Errorf("read a reply: %w", err)
	}
	v, err := s.codec.Decode(b)
	if err != nil {
		s.unreadable.Warn(key, err)
		return event.Null, false, nil
	}
	return v, true, nil
}

// Set writes entries in one pipeline.
func (s *Store) Set(ctx context.Context, entries ...store.Entry) error {
	commands := make([]redisconn.Command, 0, len(entries))
	var refused []string
	for _, e := range entries {
		b := s.codec.Append(nil, e.Value)
		if len(b) > maxValue {
			refused = append(refused, e.Key)
			continue
		}
		args := []any{e.Key, b}
		if e.TTL > 0 {
			args = append(args, "PX", millis(e.TTL))
		}
		commands = append(commands, redisconn.Command{Key: e.Key, Name: "SET", Args: args, Again: true})
	}
	if err := s.all(ctx, commands); err != nil {
		return err
	}
	if len(refused) > 0 {
		return &store.RefusedError{Keys: refused, Err: errTooBig}
	}
	return nil
}

// millis is a time to live as Redis takes it, which must not be 0.
func millis(d time.Duration) int64 { return max(1, d.Milliseconds()) }

// all runs commands of which none must fail.
func (s *Store) all(ctx context.Context, commands []redisconn.Command) error {
	replies, err := s.client.Run(ctx, commands...)
	if err != nil {
		return err
	}
	for _, r := range replies {
		if e, ok := r.(redis.Error); ok {
			return fmt.Errorf("%s: %w", s.client.Target(), e)
		}
	}
	return nil
}

// Delete removes keys in one pipeline.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	commands := make([]redisconn.Command, len(keys))
	for i, k := range keys {
		commands[i] = redisconn.Command{Key: k, Name: "DEL", Args: []any{k}, Again: true}
	}
	return s.all(ctx, commands)
}

// Pop returns the value of a key and removes it.
func (s *Store) Pop(ctx context.Context, key string) (v event.Value, found bool, err error) {
	reply, err := s.client.Do(ctx, redisconn.Command{Key: key, Name: "EVAL", Args: []any{popScript, 1, key}})
	return s.value(key, reply, err)
}

// Incr adds to counters in one pipeline.
func (s *Store) Incr(ctx context.Context, ttl time.Duration, counts ...store.Count) ([]int64, error) {
	expires := int64(0)
	if ttl > 0 {
		expires = millis(ttl)
	}
	commands := make([]redisconn.Command, len(counts))
	for i, c := range counts {
		commands[i] = redisconn.Command{Key: c.Key, Name: "EVAL", Args: []any{incrScript, 1, c.Key, c.By, expires}}
	}
	replies, err := s.client.Run(ctx, commands...)
	if err != nil {
		return nil, err
	}
	results := make([]int64, len(replies))
	for i, r := range replies {
		if e, ok := r.(redis.Error); ok {
			if strings.Contains(string(e), "not an integer") || strings.Contains(string(e), "WRONGTYPE") {
				return nil, store.ErrNotCounter
			}
			return nil, fmt.Errorf("%s: %w", s.client.Target(), e)
		}
		if results[i], err = redis.Int64(r, nil); err != nil {
			return nil, fmt.Errorf("read a reply: %w", err)
		}
	}
	return results, nil
}

// Lock takes a lock that all who use the server have in common.
func (s *Store) Lock(ctx context.Context, name string, timeout time.Duration) (unlock func(context.Context) error, err error) {
	key, token := lockPrefix+name, rand.Text()
	for wait := shortestWait; ; wait = min(2*wait, longestWait) {
		reply, err := s.client.Do(ctx, redisconn.Command{Key: key, Name: "SET", Args: []any{key, token, "NX", "PX", millis(timeout)}})
		if err != nil {
			return nil, err
		}
		if reply != nil {
			break
		}
		timer := time.NewTimer(wait/2 + randv2.N(wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
	return func(ctx context.Context) error {
		_, err := s.client.Do(ctx, redisconn.Command{Key: key, Name: "EVAL", Args: []any{unlockScript, 1, key, token}, Again: true})
		return err
	}, nil
}

// The time between two looks whether a lock is free.
const (
	shortestWait = 2 * time.Millisecond
	longestWait  = 100 * time.Millisecond
)

// Iterate walks the entries of all servers.
func (s *Store) Iterate(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		nodes, err := s.client.Masters(ctx)
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		for _, n := range nodes {
			if !s.scan(ctx, n, prefix, yield) {
				return
			}
		}
	}
}

// escapes are the characters that mean something in a pattern of SCAN.
var escapes = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// scan walks the entries of one server; false means that it is over.
func (s *Store) scan(ctx context.Context, n *redisconn.Node, prefix string, yield func(store.Entry, error) bool) bool {
	seen := map[string]struct{}{} // a key may be reported more than once
	for cursor := "0"; ; {
		replies, err := n.Run(ctx, redisconn.Command{Name: "SCAN", Args: []any{cursor, "MATCH", escapes.Replace(prefix) + "*", "COUNT", 500}})
		if err != nil {
			return yield(store.Entry{}, err)
		}
		reply, err := redis.Values(replies[0], nil)
		if err != nil || len(reply) != 2 {
			return yield(store.Entry{}, fmt.Errorf("read a reply of SCAN: %w", errors.Join(err)))
		}
		cursor, _ = redis.String(reply[0], nil)
		keys, _ := redis.Strings(reply[1], nil)
		fresh := keys[:0]
		for _, k := range keys {
			if _, known := seen[k]; !known && !strings.HasPrefix(k, lockPrefix) {
				seen[k] = struct{}{}
				fresh = append(fresh, k)
			}
		}
		if !s.read(ctx, fresh, yield) {
			return false
		}
		if cursor == "0" || cursor == "" {
			return true
		}
	}
}

// read yields the entries of keys, as far as they are still there.
func (s *Store) read(ctx context.Context, keys []string, yield func(store.Entry, error) bool) bool {
	commands := make([]redisconn.Command, 0, 2*len(keys))
	for _, k := range keys {
		commands = append(commands, redisconn.Command{Key: k, Name: "GET", Args: []any{k}, Again: true}, redisconn.Command{Key: k, Name: "PTTL", Args: []any{k}, Again: true})
	}
	replies, err := s.client.Run(ctx, commands...)
	if err != nil {
		return yield(store.Entry{}, err)
	}
	for i, k := range keys {
		var failed error
		if e, ok := replies[2*i].(redis.Error); ok {
			failed = e
		}
		v, found, err := s.value(k, replies[2*i], failed)
		if err == nil && !found {
			continue
		}
		left, _ := redis.Int64(replies[2*i+1], nil)
		if !yield(store.Entry{Key: k, Value: v, TTL: time.Duration(max(0, left)) * time.Millisecond}, err) {
			return false
		}
	}
	return true
}
