package onmemcache

import (
	"context"
	"crypto/rand"
	"iter"
	randv2 "math/rand/v2"
	"strings"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// Iterate walks the keys that the server lists and reads their values one by one.
func (s *Store) Iterate(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		sent, err := s.list(ctx, prefix)
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		for _, k := range sent {
			var f found
			err := s.client.do(ctx, true, func(n *conn) (err error) {
				f, err = n.gets(k)
				return err
			})
			key, data, err2 := open(k, f)
			if err == nil && (!f.ok || err2 != nil || !strings.HasPrefix(key, prefix)) {
				continue
			}
			v := event.Null
			if err == nil {
				if v, err2 = s.codec.Decode(data); err2 != nil {
					s.unreadable.Warn(key, err2)
					continue
				}
			}
			if !yield(store.Entry{Key: key, Value: v}, err) {
				return
			}
		}
	}
}

// list returns the keys, as they are sent, that may begin with prefix.
func (s *Store) list(ctx context.Context, prefix string) (keys []string, err error) {
	if bad := strings.IndexFunc(prefix, func(r rune) bool { return r <= ' ' || r == 0x7f }); bad >= 0 {
		prefix = prefix[:bad]
	}
	prefix = prefix[:min(len(prefix), keptKey)]
	for {
		busy := false
		err := s.client.do(ctx, true, func(n *conn) (err error) {
			keys = keys[:0]
			_, _ = n.w.WriteString("lru_crawler metadump all\r\n")
			if err := n.w.Flush(); err != nil {
				return err
			}
			busy, err = readKeys(n.r, func(k string) {
				if strings.HasPrefix(k, prefix) && !strings.HasPrefix(k, lockPrefix) {
					keys = append(keys, k)
				}
			})
			return err
		})
		if err != nil || !busy {
			return keys, err
		}
		if err := pause(ctx, longestWait); err != nil {
			return nil, err
		}
	}
}

// The time between two looks whether a lock is free.
const (
	shortestWait = 2 * time.Millisecond
	longestWait  = 100 * time.Millisecond
)

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + randv2.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Lock takes a lock that all who use the server have in common.
func (s *Store) Lock(ctx context.Context, name string, timeout time.Duration) (unlock func(context.Context) error, err error) {
	key, token := lockPrefix+name, rand.Text()
	for wait := shortestWait; ; wait = min(2*wait, longestWait) {
		added, err := s.add(ctx, key, token, seconds(timeout)+1) // a second may begin and end at once
		if err != nil {
			return nil, err
		}
		if added {
			break
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		f, err := s.fetch(ctx, key)
		if err != nil || !f.ok || string(f.data) != token {
			return err
		}
		_, err = s.removeIf(ctx, key, f.cas)
		return err
	}, nil
}
