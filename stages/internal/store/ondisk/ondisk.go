// Package ondisk is a store in a file of this host, which outlives the process.
package ondisk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// Store keeps values in a file. Every write is on the disk when it returns; writes that
// come at the same time share the effort.
type Store struct {
	store.Locks
	db         *bbolt.DB
	codec      *store.Codec
	unreadable store.Unreadable
	count      func(name string, n int)
}

var (
	values = []byte("values") // key to record
	due    = []byte("due")    // time and key of what vanishes, in that order
)

const (
	// fileName is the name of the file where only a directory is given.
	fileName = "gambolputty.store"
	// patience is how long a file may be in use by somebody else.
	patience = time.Second
	// gather is how long a write waits for others to come along.
	gather = 2 * time.Millisecond
	// sweep is the number of entries that a write removes whose time is over.
	sweep = 100
)

// Open opens a file, or the one that is meant in a directory, and makes it if it is not
// there. count, which may be nil, hears how the counter entries changes.
func Open(path string, e store.Encoding, log *slog.Logger, count func(name string, n int)) (*Store, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, fileName)
	}
	if count == nil {
		count = func(string, int) {}
	}
	db, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", path, err)
	}
	s := &Store{db: db, codec: store.NewCodec(e), unreadable: store.Unreadable{Log: log}, count: count}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the store %s: %w", path, err), db.Close())
	}
	return s, nil
}

// open opens the file. A file that is none of ours may be anything, so a panic is possible.
func open(path string) (db *bbolt.DB, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the file is damaged: %v", v)
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: patience, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, errors.New("the file is in use by another process")
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("the directory does not exist")
	case err != nil:
		return nil, err
	}
	db.MaxBatchDelay = gather
	return db, nil
}

func (s *Store) prepare() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		_, err1 := tx.CreateBucketIfNotExists(due)
		b, err2 := tx.CreateBucketIfNotExists(values)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		s.count("entries", b.Stats().KeyN)
		return nil
	})
}

// Close ends the use of the file.
func (s *Store) Close() error { return s.db.Close() }

// update runs f in a transaction, together with what others do at the same time. f may be
// run more than once.
func (s *Store) update(ctx context.Context, f func(*change) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	var c *change
	err := s.db.Batch(func(tx *bbolt.Tx) error {
		c = &change{values: tx.Bucket(values), due: tx.Bucket(due), now: time.Now()}
		if err := c.sweep(); err != nil {
			return err
		}
		return f(c)
	})
	if err != nil {
		return err
	}
	s.count("entries", c.entries)
	return nil
}

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) (v event.Value, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return event.Null, false, context.Cause(ctx)
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		v, _, found = s.read(tx.Bucket(values), key, time.Now())
		return nil
	})
	return v, found, err
}

// read reads a value. What cannot be read is not there.
func (s *Store) read(b *bbolt.Bucket, key string, now time.Time) (v event.Value, left time.Duration, found bool) {
	raw := b.Get(named(key))
	if raw == nil {
		return event.Null, 0, false
	}
	r, err := parse(raw)
	if err == nil {
		if r.over(now) {
			return event.Null, 0, false
		}
		v, err = s.codec.Decode(append([]byte(nil), r.data...)) // the memory is that of the file
	}
	if err != nil {
		s.unreadable.Warn(key, err)
		return event.Null, 0, false
	}
	return v, r.left(now), true
}

// Set writes entries in one transaction.
func (s *Store) Set(ctx context.Context, entries ...store.Entry) error {
	refused := &store.RefusedError{}
	err := s.update(ctx, func(c *change) error {
		*refused = store.RefusedError{}
		for _, e := range entries {
			if len(e.Key) > longestKey {
				refused.Keys, refused.Err = append(refused.Keys, e.Key), errLongKey
				continue
			}
			if err := c.put(e.Key, s.codec.Append(nil, e.Value), e.TTL); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && refused.Err != nil {
		return refused
	}
	return err
}

const longestKey = bbolt.MaxKeySize - 16

var errLongKey = fmt.Errorf("a key must not be longer than %d bytes", longestKey)

// Delete removes keys in one transaction.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.update(ctx, func(c *change) error {
		for _, k := range keys {
			if err := c.remove(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// Pop returns the value of a key and removes it.
func (s *Store) Pop(ctx context.Context, key string) (v event.Value, found bool, err error) {
	err = s.update(ctx, func(c *change) error {
		v, _, found = s.read(c.values, key, c.now)
		return c.remove(key)
	})
	return v, found && err == nil, err
}

// Incr adds to counters in one transaction.
func (s *Store) Incr(ctx context.Context, ttl time.Duration, counts ...store.Count) ([]int64, error) {
	results := make([]int64, len(counts))
	err := s.update(ctx, func(c *change) error {
		for i, one := range counts {
			n, left := int64(0), ttl
			if v, l, found := s.read(c.values, one.Key, c.now); found {
				var err error
				if n, err = strconv.ParseInt(v.Text(), 10, 64); err != nil || v.IsString() && !s.codec.TextOnly() {
					return store.ErrNotCounter
				}
				left = l
			}
			results[i] = n + one.By
			if err := c.put(one.Key, strconv.AppendInt(nil, results[i], 10), left); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// atOnce is the number of entries that Iterate reads in one go. A transaction that lasts
// as long as a loop of the caller would keep pages from being used again.
const atOnce = 256

// Iterate walks the entries whose keys begin with prefix, in the order of their keys.
func (s *Store) Iterate(ctx context.Context, prefix string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		for from := prefix; ; {
			list, next, err := s.page(ctx, prefix, from)
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			for _, e := range list {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			from = next
		}
	}
}

// page reads entries from a key on; next is where to go on, "" at the end.
func (s *Store) page(ctx context.Context, prefix, from string) (list []store.Entry, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", context.Cause(ctx)
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(values)
		now := time.Now()
		c := b.Cursor()
		n := 0
		for k, _ := c.Seek(named(from)); k != nil; k, _ = c.Next() {
			key := string(k[1:])
			if len(key) < len(prefix) || key[:len(prefix)] != prefix {
				return nil
			}
			if n++; n > atOnce {
				next = key
				return nil
			}
			if v, left, found := s.read(b, key, now); found {
				list = append(list, store.Entry{Key: key, Value: v, TTL: left})
			}
		}
		return nil
	})
	return list, next, err
}
