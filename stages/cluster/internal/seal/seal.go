// Package seal keeps what the nodes of a pack say to each other secret, unaltered and unrepeated.
//
// A key is derived from the secret of the pack with the name of the pack as salt. Every process
// has a random id, and a key of its own is derived from both, so that its counter can be the
// nonce of AES-256-GCM: it never comes twice. Packets carry the counter, and whoever gets them
// keeps a window of those seen. Both ends of a stream give a random number, so that what was
// recorded on one stream is of no use on another.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
)

// magic begins every packet and every stream, so that what has nothing to do with a pack is
// found without any arithmetic.
const magic = "GPk"

const (
	idSize     = 16
	nonceSize  = 12
	tagSize    = 16
	headerSize = len(magic) + 1 + idSize + 8
	// Overhead is what a sealed packet is longer than what is in it.
	Overhead = headerSize + tagSize
	// rounds of PBKDF2, which make guessing a short secret slow.
	rounds = 200_000
	// maxSenders bounds the senders that are remembered. Only those who know the secret are.
	maxSenders = 4096
)

// What is wrong with what came.
var (
	// ErrForeign says that it has not been made by a node of any pack.
	ErrForeign = errors.New("it does not come from a pack")
	// ErrKey says that it was altered, or made with another secret or for another pack.
	ErrKey = errors.New("it was made with another secret or for another pack")
	// ErrRepeated says that it has come before.
	ErrRepeated = errors.New("it has come before")
)

// Keys are the keys of a pack: the first one seals, all of them open.
type Keys struct {
	keys [][]byte
	id   [idSize]byte
	own  cipher.AEAD
	next atomic.Uint64

	mu      sync.Mutex
	senders map[sender]*window
}

// sender is a process as one of the keys knows it.
type sender struct {
	id  [idSize]byte
	key int
}

// New derives the keys of a pack from its secret and those that were or will be its secret.
func New(pack, secret string, others ...string) (*Keys, error) {
	keys, err := Derive(pack, append([]string{secret}, others...)...)
	if err != nil {
		return nil, err
	}
	return Use(keys...)
}

// Derive makes keys of secrets. It takes a while, by intent.
func Derive(pack string, secrets ...string) (keys [][]byte, err error) {
	for _, s := range secrets {
		key, err := pbkdf2.Key(sha256.New, s, []byte("gambolputty pack "+pack), rounds, 32)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Use makes the keys of a process of those that were derived: the first one seals.
func Use(keys ...[]byte) (*Keys, error) {
	k := &Keys{keys: keys, senders: map[sender]*window{}}
	if _, err := rand.Read(k.id[:]); err != nil {
		return nil, err
	}
	var err error
	k.own, err = derive(k.keys[0], k.id[:], "packet")
	return k, err
}

// derive makes the cipher for one purpose.
func derive(key, salt []byte, purpose string) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key, salt, purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func nonce(n uint64) []byte {
	var b [nonceSize]byte
	binary.BigEndian.PutUint64(b[nonceSize-8:], n)
	return b[:]
}

// Seal makes a packet. The kind can be read by all, but not changed.
func (k *Keys) Seal(kind byte, text []byte) []byte {
	n := k.next.Add(1)
	out := make([]byte, 0, Overhead+len(text))
	out = append(out, magic...)
	out = append(out, kind)
	out = append(out, k.id[:]...)
	out = binary.BigEndian.AppendUint64(out, n)
	return k.own.Seal(out, nonce(n), text, out[:headerSize])
}

// ID tells a process from others, also from earlier ones of the same node: 32 hex digits.
func (k *Keys) ID() string { return hex.EncodeToString(k.id[:]) }

// Packet is what was in a sealed packet.
type Packet struct {
	Kind byte
	From string // the ID of the sender
	Text []byte
}

// Open opens a packet.
func (k *Keys) Open(packet []byte) (Packet, error) {
	if len(packet) < Overhead || string(packet[:len(magic)]) != magic {
		return Packet{}, ErrForeign
	}
	header, sealed := packet[:headerSize], packet[headerSize:]
	n := binary.BigEndian.Uint64(header[headerSize-8:])
	var s sender
	copy(s.id[:], header[len(magic)+1:])
	for i, key := range k.keys {
		s.key = i
		w, known := k.window(s)
		if !known {
			aead, err := derive(key, s.id[:], "packet")
			if err != nil {
				return Packet{}, err
			}
			w = &window{aead: aead}
		}
		text, err := w.aead.Open(nil, nonce(n), sealed, header)
		if err != nil {
			continue
		}
		if !k.first(s, w, n) {
			return Packet{}, ErrRepeated
		}
		return Packet{header[len(magic)], hex.EncodeToString(s.id[:]), text}, nil
	}
	return Packet{}, ErrKey
}

func (k *Keys) window(s sender) (*window, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w, known := k.senders[s]
	return w, known
}

// first reports whether a sender has not used a number before, and remembers it. The sender
// is worth a place, as it knows the secret.
func (k *Keys) first(s sender, w *window, n uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := k.senders[s]; known != nil {
		return known.take(n)
	}
	for old := range k.senders {
		if len(k.senders) < maxSenders {
			break
		}
		delete(k.senders, old)
	}
	k.senders[s] = w
	return w.take(n)
}

// window remembers which of the last numbers of a sender have come.
type window struct {
	aead cipher.AEAD
	high uint64
	seen [windowSize / 64]uint64
}

// windowSize is how far a packet may be overtaken by others.
const windowSize = 1024

// take reports whether n is new. What is older than the window counts as seen.
func (w *window) take(n uint64) bool {
	switch {
	case n > w.high:
		for i := w.high + 1; i <= n && i-w.high <= windowSize; i++ {
			w.bit(i, false)
		}
		w.high = n
	case w.high-n >= windowSize || w.has(n):
		return false
	}
	w.bit(n, true)
	return true
}

func (w *window) has(n uint64) bool {
	n %= windowSize
	return w.seen[n/64]&(1<<(n%64)) != 0
}

func (w *window) bit(n uint64, on bool) {
	n %= windowSize
	if on {
		w.seen[n/64] |= 1 << (n % 64)
		return
	}
	w.seen[n/64] &^= 1 << (n % 64)
}
