package pack

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// store keeps the log and the votes of raft in a file. Everything is on the disk before a call
// returns.
type store struct{ db *bbolt.DB }

var (
	logs  = []byte("logs")
	votes = []byte("votes")
	// errDamaged says that the file is there and cannot be read.
	errDamaged = errors.New("the file is damaged")
	// errNotFound has the text that raft asks for.
	errNotFound = errors.New("not found")
)

// openStore opens a file or makes it.
func openStore(path string) (s *store, err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use by another process", path)
	case err != nil:
		return nil, err
	}
	s = &store{db}
	if err := s.check(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errDamaged, err), db.Close())
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, first := tx.CreateBucketIfNotExists(logs)
		_, second := tx.CreateBucketIfNotExists(votes)
		return errors.Join(first, second)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// check reads the whole file.
func (s *store) check() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	return s.db.View(func(tx *bbolt.Tx) error {
		var errs []error
		for err := range tx.Check() { // the channel must be read to its end
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

// Close closes the file.
func (s *store) Close() error { return s.db.Close() }

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// FirstIndex is the index of the oldest entry of the log, 0 without one.
func (s *store) FirstIndex() (uint64, error) { return s.end((*bbolt.Cursor).First) }

// LastIndex is the index of the newest entry of the log, 0 without one.
func (s *store) LastIndex() (uint64, error) { return s.end((*bbolt.Cursor).Last) }

func (s *store) end(of func(*bbolt.Cursor) ([]byte, []byte)) (n uint64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if k, _ := of(tx.Bucket(logs).Cursor()); k != nil {
			n = binary.BigEndian.Uint64(k)
		}
		return nil
	})
	return n, err
}

// GetLog reads an entry.
func (s *store) GetLog(index uint64, l *raft.Log) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		text := tx.Bucket(logs).Get(key(index))
		if text == nil {
			return raft.ErrLogNotFound
		}
		return json.Unmarshal(text, l)
	})
}

// StoreLog writes an entry.
func (s *store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs writes entries.
func (s *store) StoreLogs(list []*raft.Log) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, l := range list {
			text, err := json.Marshal(l)
			if err != nil {
				return err
			}
			if err := tx.Bucket(logs).Put(key(l.Index), text); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteRange removes entries from the one to the other.
func (s *store) DeleteRange(from, to uint64) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		c := tx.Bucket(logs).Cursor()
		for k, _ := c.Seek(key(from)); k != nil && binary.BigEndian.Uint64(k) <= to; k, _ = c.Next() {
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Set notes a value.
func (s *store) Set(name, value []byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(votes).Put(name, value) })
}

// Get reads a value.
func (s *store) Get(name []byte) (value []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(votes).Get(name)
		if v == nil {
			return errNotFound
		}
		value = append([]byte{}, v...)
		return nil
	})
	return value, err
}

// SetUint64 notes a number.
func (s *store) SetUint64(name []byte, n uint64) error { return s.Set(name, key(n)) }

// GetUint64 reads a number.
func (s *store) GetUint64(name []byte) (uint64, error) {
	v, err := s.Get(name)
	if err != nil || len(v) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}
