package ondisk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"go.etcd.io/bbolt"
)

// A record is a version, the time at which it is over in nanoseconds since 1970 or 0, a
// checksum of all else, and the encoded value.
type record struct {
	expires int64
	data    []byte
}

const (
	version    = 1
	headerSize = 1 + 8 + 4
)

var errDamaged = errors.New("the record is damaged")

func (r record) over(now time.Time) bool { return r.expires != 0 && r.expires <= now.UnixNano() }

// left is the time to live, 0 for ever.
func (r record) left(now time.Time) time.Duration {
	if r.expires == 0 {
		return 0
	}
	return time.Duration(r.expires - now.UnixNano())
}

func (r record) append(dst []byte) []byte {
	dst = append(dst, version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.expires))
	dst = binary.BigEndian.AppendUint32(dst, r.sum())
	return append(dst, r.data...)
}

func (r record) sum() uint32 {
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], uint64(r.expires))
	return crc32.Update(crc32.ChecksumIEEE(head[:]), crc32.IEEETable, r.data)
}

func parse(raw []byte) (record, error) {
	if len(raw) < headerSize || raw[0] != version {
		return record{}, errDamaged
	}
	r := record{int64(binary.BigEndian.Uint64(raw[1:])), raw[headerSize:]}
	if binary.BigEndian.Uint32(raw[9:]) != r.sum() {
		return record{}, errDamaged
	}
	return r, nil
}

// named is a key as it stands in the file, where it must not be empty.
func named(key string) []byte { return append([]byte{'k'}, key...) }

// dueKey is the key in the other bucket.
func dueKey(expires int64, name []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(expires)), name...)
}

// change is a transaction that writes.
type change struct {
	values, due *bbolt.Bucket
	now         time.Time
	entries     int // how many more there are
}

// put writes a record.
func (c *change) put(key string, data []byte, ttl time.Duration) error {
	name := named(key)
	if err := c.forget(name); err != nil {
		return err
	}
	r := record{data: data}
	if ttl > 0 {
		r.expires = c.now.Add(ttl).UnixNano()
		if err := c.due.Put(dueKey(r.expires, name), nil); err != nil {
			return err
		}
	}
	c.entries++
	return c.values.Put(name, r.append(nil))
}

// remove removes a record.
func (c *change) remove(key string) error {
	name := named(key)
	if err := c.forget(name); err != nil {
		return err
	}
	return c.values.Delete(name)
}

// forget takes a record that is going to change out of the books.
func (c *change) forget(name []byte) error {
	raw := c.values.Get(name)
	if raw == nil {
		return nil
	}
	c.entries--
	if r, err := parse(raw); err == nil && r.expires != 0 {
		return c.due.Delete(dueKey(r.expires, name))
	}
	return nil
}

// sweep removes some of what is over.
func (c *change) sweep() error {
	end := dueKey(c.now.UnixNano(), nil)
	var over [][]byte
	cursor := c.due.Cursor()
	for k, _ := cursor.First(); k != nil && bytes.Compare(k[:8], end) <= 0 && len(over) < sweep; k, _ = cursor.Next() {
		over = append(over, bytes.Clone(k))
	}
	for _, k := range over {
		if raw := c.values.Get(k[8:]); raw != nil {
			if r, err := parse(raw); err == nil && r.over(c.now) {
				c.entries--
				if err := c.values.Delete(k[8:]); err != nil {
					return err
				}
			}
		}
		if err := c.due.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
