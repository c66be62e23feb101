// Package onmemcache is a store in memcached.
package onmemcache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// Store keeps values in memcached. Memcached counts time in whole seconds, and counters in
// it do not go below 0.
type Store struct {
	client     *client
	codec      *store.Codec
	unreadable store.Unreadable
}

// New makes a store. It connects when it is used.
func New(o Options, e store.Encoding, log *slog.Logger) *Store {
	return &Store{client: newClient(o), codec: store.NewCodec(e), unreadable: store.Unreadable{Log: log}}
}

// Close ends the connections that are not in use.
func (s *Store) Close() error { return s.client.close() }

// Ping asks for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	return s.client.do(ctx, true, func(n *conn) error {
		_, err := n.ask("version\r\n")
		return err
	})
}

// ask sends a command and reads an answer of one line.
func (n *conn) ask(command string) (string, error) {
	_, _ = n.w.WriteString(command) // Flush tells
	if err := n.w.Flush(); err != nil {
		return "", err
	}
	return readWord(n.r)
}

// seconds is a time to live as memcached takes it.
func seconds(d time.Duration) int64 {
	if d > longest {
		return time.Now().Add(d).Unix()
	}
	return int64((d + time.Second - 1) / time.Second)
}

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) (v event.Value, found bool, err error) {
	f, err := s.fetch(ctx, key)
	if err != nil {
		return event.Null, false, err
	}
	return s.value(key, f)
}

func (s *Store) fetch(ctx context.Context, key string) (f found, err error) {
	sent, _ := wire(key)
	err = s.client.do(ctx, true, func(n *conn) (err error) {
		f, err = n.gets(sent)
		return err
	})
	return f, err
}

func (n *conn) gets(sent string) (found, error) {
	fmt.Fprintf(n.w, "gets %s\r\n", sent)
	if err := n.w.Flush(); err != nil {
		return found{}, err
	}
	return readFound(n.r)
}

// value reads what was found. What cannot be read is not there.
func (s *Store) value(key string, f found) (event.Value, bool, error) {
	if !f.ok {
		return event.Null, false, nil
	}
	sent, _ := wire(key)
	_, data, err := open(sent, f)
	var v event.Value
	if err == nil {
		v, err = s.codec.Decode(data)
	}
	if err != nil {
		s.unreadable.Warn(key, err)
		return event.Null, false, nil
	}
	return v, true, nil
}

// atOnce is the number of commands that are sent before their answers are read. More of
// them might wait for us while we wait for the server to read.
const atOnce = 1000

// Set writes entries in one go.
func (s *Store) Set(ctx context.Context, entries ...store.Entry) error {
	refused := &store.RefusedError{}
	for part := range slices.Chunk(entries, atOnce) {
		if err := s.set(ctx, part, refused); err != nil {
			return err
		}
	}
	if refused.Err != nil {
		return refused
	}
	return nil
}

func (s *Store) set(ctx context.Context, entries []store.Entry, refused *store.RefusedError) error {
	return s.client.do(ctx, true, func(n *conn) error {
		for _, e := range entries {
			sent, replaced := wire(e.Key)
			data, flags := s.body(e.Key, e.Value, replaced)
			fmt.Fprintf(n.w, "set %s %d %d %d\r\n%s\r\n", sent, flags, seconds(e.TTL), len(data), data)
		}
		return n.answers(len(entries), func(i int, answer string, err error) error {
			if err != nil && strings.Contains(err.Error(), "too large") {
				refused.Keys, refused.Err = append(refused.Keys, entries[i].Key), err
				return nil
			}
			return expect(answer, err, "STORED")
		})
	})
}

// answers reads n answers of one line. All of them are read, also after one that says no.
func (n *conn) answers(count int, each func(i int, answer string, err error) error) error {
	if err := n.w.Flush(); err != nil {
		return err
	}
	var first error
	for i := range count {
		answer, err := readWord(n.r)
		if _, answered := errors.AsType[serverError](err); err != nil && !answered {
			return err
		}
		if err := each(i, answer, err); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// expect makes an error of an answer that is none of those that are expected.
func expect(answer string, err error, words ...string) error {
	for _, w := range words {
		if err == nil && answer == w {
			return nil
		}
	}
	if err == nil {
		err = serverError(answer)
	}
	return err
}

// Delete removes keys in one go.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	for part := range slices.Chunk(keys, atOnce) {
		if err := s.delete(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) delete(ctx context.Context, keys []string) error {
	return s.client.do(ctx, true, func(n *conn) error {
		for _, k := range keys {
			sent, _ := wire(k)
			fmt.Fprintf(n.w, "delete %s\r\n", sent)
		}
		return n.answers(len(keys), func(_ int, answer string, err error) error {
			return expect(answer, err, "DELETED", "NOT_FOUND")
		})
	})
}

// Pop returns the value of a key and removes it.
func (s *Store) Pop(ctx context.Context, key string) (v event.Value, ok bool, err error) {
	for {
		f, err := s.fetch(ctx, key)
		if err != nil || !f.ok {
			return event.Null, false, err
		}
		mine, err := s.removeIf(ctx, key, f.cas)
		if err != nil {
			return event.Null, false, err
		}
		if mine {
			return s.value(key, f)
		}
	}
}

// removeIf removes a key that has not changed since it was read: it is replaced by
// something whose time is over already.
func (s *Store) removeIf(ctx context.Context, key string, cas uint64) (done bool, err error) {
	sent, _ := wire(key)
	err = s.client.do(ctx, false, func(n *conn) error {
		answer, err := n.ask(fmt.Sprintf("cas %s 0 -1 0 %d\r\n\r\n", sent, cas))
		done = answer == "STORED"
		return expect(answer, err, "STORED", "EXISTS", "NOT_FOUND")
	})
	return done, err
}

// Incr adds to counters, those that are there in one go.
func (s *Store) Incr(ctx context.Context, ttl time.Duration, counts ...store.Count) ([]int64, error) {
	var results []int64
	for part := range slices.Chunk(counts, atOnce) {
		list, err := s.incr(ctx, ttl, part)
		if err != nil {
			return nil, err
		}
		results = append(results, list...)
	}
	return results, nil
}

func (s *Store) incr(ctx context.Context, ttl time.Duration, counts []store.Count) ([]int64, error) {
	results := make([]int64, len(counts))
	var missing []int
	err := s.client.do(ctx, false, func(n *conn) error {
		for _, c := range counts {
			n.w.WriteString(incr(c))
		}
		return n.answers(len(counts), func(i int, answer string, err error) (bad error) {
			if answer == "NOT_FOUND" {
				missing = append(missing, i)
				return nil
			}
			results[i], bad = counted(answer, err)
			return bad
		})
	})
	for _, i := range missing {
		if err != nil {
			break
		}
		results[i], err = s.create(ctx, ttl, counts[i])
	}
	return results, err
}

func incr(c store.Count) string {
	sent, _ := wire(c.Key)
	if c.By < 0 {
		return fmt.Sprintf("decr %s %d\r\n", sent, -c.By)
	}
	return fmt.Sprintf("incr %s %d\r\n", sent, c.By)
}

// counted reads the answer to incr.
func counted(answer string, err error) (int64, error) {
	if err != nil && strings.Contains(err.Error(), "non-numeric") {
		return 0, store.ErrNotCounter
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(answer), 10, 64)
	if err != nil {
		return 0, errProtocol
	}
	return int64(n), nil
}

// create makes a counter, unless somebody else does so at the same time.
func (s *Store) create(ctx context.Context, ttl time.Duration, c store.Count) (n int64, err error) {
	start := max(0, c.By)
	for {
		added, err := s.add(ctx, c.Key, strconv.FormatInt(start, 10), seconds(ttl))
		if added || err != nil {
			return start, err
		}
		gone := false
		err = s.client.do(ctx, false, func(conn *conn) error {
			answer, err := conn.ask(incr(c))
			if gone = answer == "NOT_FOUND"; gone {
				return nil
			}
			n, err = counted(answer, err)
			return err
		})
		if !gone {
			return n, err
		}
	}
}

// add writes text under a key that is not there.
func (s *Store) add(ctx context.Context, key, text string, exptime int64) (added bool, err error) {
	sent, _ := wire(key)
	err = s.client.do(ctx, false, func(n *conn) error {
		answer, err := n.ask(fmt.Sprintf("add %s 0 %d %d\r\n%s\r\n", sent, exptime, len(text), text))
		added = answer == "STORED"
		return expect(answer, err, "STORED", "NOT_STORED")
	})
	return added, err
}
