package metrics

import (
	"maps"
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"gambolputty/actor/event"
)

// unique counts different values: exactly while there are few of them, and then by
// HyperLogLog, which is off by 1.6 percent as a rule.
type unique struct {
	hashes map[uint64]struct{}
	most   []uint8 // once there are too many: the most leading zeros seen in each register
}

const (
	registerBits = 12
	registers    = 1 << registerBits
)

func (u *unique) add(v event.Value) {
	var room [64]byte
	u.addHash(xxhash.Sum64(v.AppendText(append(room[:0], byte(v.Kind())))))
}

func (u *unique) addHash(h uint64) {
	if u.most != nil {
		u.register(h)
		return
	}
	if u.hashes == nil {
		u.hashes = map[uint64]struct{}{}
	}
	if u.hashes[h] = struct{}{}; len(u.hashes) > exactUpTo {
		u.roughen()
	}
}

func (u *unique) roughen() {
	u.most = make([]uint8, registers)
	for h := range u.hashes {
		u.register(h)
	}
	u.hashes = nil
}

func (u *unique) register(h uint64) {
	r := &u.most[h>>(64-registerBits)]
	*r = max(*r, uint8(bits.LeadingZeros64(h<<registerBits|1)+1))
}

// merge adds the values of o, which stays as it is.
func (u *unique) merge(o *unique) {
	for h := range maps.Keys(o.hashes) {
		u.addHash(h)
	}
	if o.most == nil {
		return
	}
	if u.most == nil {
		u.roughen()
	}
	for i, n := range o.most {
		u.most[i] = max(u.most[i], n)
	}
}

func (u *unique) count() int64 {
	if u.most == nil {
		return int64(len(u.hashes))
	}
	sum := 0.0
	for _, n := range u.most {
		sum += math.Ldexp(1, -int(n))
	}
	const alpha = 0.7213 / (1 + 1.079/registers)
	return int64(alpha * registers * registers / sum)
}
