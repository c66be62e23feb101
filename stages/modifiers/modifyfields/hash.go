package modifyfields

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"math/bits"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/crypto/blake2b"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// digests makes the hash functions whose result is a hex digest.
func digest(algorithm string) func() hash.Hash {
	switch algorithm {
	case "sha1":
		return sha1.New
	case "sha224":
		return sha256.New224
	case "sha256":
		return sha256.New
	case "sha384":
		return sha512.New384
	case "sha512":
		return sha512.New
	case "sha3_256":
		return func() hash.Hash { return sha3.New256() }
	case "blake2b":
		return func() hash.Hash {
			h, _ := blake2b.New512(nil) // without a key there is nothing to be wrong
			return h
		}
	case "xxhash64":
		return func() hash.Hash { return xxhash.New() }
	case "crc32":
		return func() hash.Hash { return crc32.NewIEEE() }
	}
	return md5.New
}

func (o *Options) hash() (step, error) {
	if err := o.pairs(); err != nil {
		return step{}, err
	}
	murmur := o.Algorithm == "murmur"
	if o.HMACKey != "" && (murmur || o.Algorithm == "crc32" || o.Algorithm == "xxhash64") {
		return step{}, &option.Fault{Code: option.Contradiction, Option: "hmac_key", Message: "needs a cryptographic algorithm, not " + o.Algorithm}
	}
	return step{change: func(m *modifier, e *event.Event) {
		for i, p := range o.SourceFields {
			v, ok := e.Get(p)
			if !ok {
				continue
			}
			m.buf = v.AppendText(append(m.buf[:0], o.Salt...))
			if murmur {
				m.set(e, o.target(i), event.Int(int64(int32(murmur3(m.buf)))))
				continue
			}
			m.set(e, o.target(i), event.String(o.hexDigest(m.buf)))
		}
	}}, nil
}

func (o *Options) hexDigest(text []byte) string {
	h := digest(o.Algorithm)()
	if o.HMACKey != "" {
		h = hmac.New(digest(o.Algorithm), []byte(o.HMACKey))
	}
	_, _ = h.Write(text) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))
}

// murmur3 is MurmurHash3 for 32 bits with the seed 0, as Austin Appleby published it.
func murmur3(data []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	n := uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * c1
		h ^= bits.RotateLeft32(k, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	var k uint32
	for i := len(data) - 1; i >= 0; i-- {
		k = k<<8 | uint32(data[i])
	}
	h ^= bits.RotateLeft32(k*c1, 15) * c2
	h ^= n
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}
