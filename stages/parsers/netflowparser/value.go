package netflowparser

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strings"
	"time"

	"gambolputty/actor/event"
)

// value reads the bytes of an element. An exporter may use fewer bytes for a number than
// its type has, and other lengths than a type allows are shown as octets.
func (d *decoder) value(k kind, b string) event.Value {
	const macSize, ip6Size = 6, 16
	if len(b) == 0 && k != text {
		return event.Null
	}
	switch n := len(b); {
	case k == text:
		return event.String(strings.TrimRight(b, "\x00"))
	case k == hardware && n == macSize:
		return d.mac(b)
	case k == ip4 && n == 4:
		return d.ip4(b)
	case k == ip6 && n == ip6Size:
		return d.ip6(b)
	case k >= seconds && k <= nanos && (n == numberSize || k == seconds && n == 4):
		return d.time(k, b)
	case k == boolean:
		return truth(b)
	}
	if v, ok := numeric(k, b); ok {
		return v
	}
	return d.octets(b)
}

// numberSize is the size of the largest numbers.
const numberSize = 8

func numeric(k kind, b string) (event.Value, bool) {
	switch n := len(b); {
	case k == guessed && (n == 1 || n == 2 || n == 4 || n == numberSize), k == number && n <= numberSize:
		return unsigned(b), true
	case k == signed && n <= numberSize:
		return signedInt(b), true
	case k == float && n == 4:
		return event.Float(float64(math.Float32frombits(be32(b)))), true
	case k == float && n == numberSize:
		return event.Float(math.Float64frombits(be64(b))), true
	}
	return event.Null, false
}

// signedInt reads a signed integer of up to 8 bytes.
func signedInt(b string) event.Value {
	n := int64(int8(b[0]))
	for i := 1; i < len(b); i++ {
		n = n<<8 | int64(b[i])
	}
	return event.Int(n)
}

// truth reads a boolean, of which 1 is true and 2 is false.
func truth(b string) event.Value {
	switch b {
	case "\x01":
		return event.Bool(true)
	case "\x02":
		return event.Bool(false)
	}
	return unsigned(b[max(0, len(b)-numberSize):])
}

func (d *decoder) ip6(b string) event.Value {
	var raw [16]byte
	copy(raw[:], b)
	var buf [48]byte
	return d.texts.Add(netip.AddrFrom16(raw).AppendTo(buf[:0]))
}

const digits = "0123456789abcdef"

func (d *decoder) mac(b string) event.Value {
	begin := d.texts.Next()
	for i := range len(b) {
		if i > 0 {
			d.texts.WriteByte(':')
		}
		d.texts.WriteByte(digits[b[i]>>4])
		d.texts.WriteByte(digits[b[i]&15])
	}
	return d.texts.Since(begin)
}

// octets shows bytes in hexadecimal.
func (d *decoder) octets(b string) event.Value {
	const few = 128
	if len(b) > few {
		return event.String(hex.EncodeToString([]byte(b)))
	}
	begin := d.texts.Next()
	for i := range len(b) {
		d.texts.WriteByte(digits[b[i]>>4])
		d.texts.WriteByte(digits[b[i]&15])
	}
	return d.texts.Since(begin)
}

// layouts of times by their kind.
var timeLayouts = map[kind]string{
	seconds: "2006-01-02T15:04:05Z", millis: "2006-01-02T15:04:05.000Z", micros: "2006-01-02T15:04:05.000000Z", nanos: "2006-01-02T15:04:05.000000000Z",
}

// time reads a time, as text. What is beyond the year 9999 stays a number.
func (d *decoder) time(k kind, b string) event.Value {
	n := uint64(be32(b))
	if len(b) > 4 {
		n = be64(b)
	}
	const latest = 253402300799 // 9999-12-31T23:59:59Z
	var t time.Time
	switch {
	case k == seconds && n <= latest:
		t = time.Unix(int64(n), 0)
	case k == millis && n <= latest*1000:
		t = time.UnixMilli(int64(n))
	case k == micros || k == nanos: // seconds since 1900 and a fraction, as NTP has it
		const since1900, half = 2208988800, 1 << 31
		unit := uint64(1)
		if k == micros {
			unit = uint64(time.Microsecond)
		}
		parts := (n&math.MaxUint32*(uint64(time.Second)/unit) + half) >> 32
		t = time.Unix(int64(n>>32)-since1900, int64(parts*unit))
	default:
		return unsigned(b)
	}
	var buf [40]byte
	return d.texts.Add(t.UTC().AppendFormat(buf[:0], timeLayouts[k]))
}
