package onmemcache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"gambolputty/actor/event"
)

const (
	// maxKey is the length of a key that memcached takes.
	maxKey = 250
	// keptKey is how much of a key that is replaced by its hash stays in front of that.
	keptKey = 150
	// named are the flags of a value in front of which its key stands, because that had to be
	// replaced.
	named = 0x47500001
	// lockPrefix stands in front of the names of locks. Such keys are no values.
	lockPrefix = "gambolputty:lock:"
	// longest is the time that memcached still takes for a time span; longer ones are dates.
	longest = 30 * 24 * time.Hour
)

// wire returns the key as it is sent. One that memcached would not take ends in a hash.
func wire(key string) (sent string, replaced bool) {
	bad := strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f })
	if bad < 0 && len(key) <= maxKey && key != "" {
		return key, false
	}
	if bad < 0 {
		bad = len(key)
	}
	sum := sha256.Sum256([]byte(key))
	return key[:min(bad, keptKey)] + "#" + hex.EncodeToString(sum[:]), true
}

// body returns a value as it is sent for a key. Integers stay digits, so that they can be
// counted up, also where the key is lost by that.
func (s *Store) body(key string, v event.Value, replaced bool) (data []byte, flags uint32) {
	if replaced && v.Kind() != event.KindInt {
		flags = named
		data = append(binary.AppendUvarint(nil, uint64(len(key))), key...)
	}
	return s.codec.Append(data, v), flags
}

// open takes key and value apart. What stands in for a key is not believed.
func open(sent string, f found) (key string, data []byte, err error) {
	if f.flags != named {
		return sent, f.data, nil
	}
	size, n := binary.Uvarint(f.data)
	if n <= 0 || size > uint64(len(f.data)-n) {
		return sent, nil, errProtocol
	}
	key = string(f.data[n : n+int(size)])
	if again, _ := wire(key); again != sent {
		return sent, nil, errProtocol
	}
	return key, f.data[n+int(size):], nil
}
