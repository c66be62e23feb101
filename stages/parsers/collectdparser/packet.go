package collectdparser

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"

	"gambolputty/actor/event"
)

// A packet is a row of parts, each with its kind and its length in front. Parts set what
// the values and messages behind them belong to. See the page "Binary protocol" of the
// collectd wiki.

// The kinds of parts.
const (
	partHost           = 0x0000
	partTime           = 0x0001
	partPlugin         = 0x0002
	partPluginInstance = 0x0003
	partType           = 0x0004
	partTypeInstance   = 0x0005
	partValues         = 0x0006
	partInterval       = 0x0007
	partTimeHR         = 0x0008
	partIntervalHR     = 0x0009
	partMessage        = 0x0100
	partSeverity       = 0x0101
	partSignature      = 0x0200
	partEncryption     = 0x0210
)

// The kinds of data sources.
const (
	counter = iota
	gauge
	derive
	absolute
)

const (
	headerSize = 4
	numberSize = headerSize + 8
	// maxPacket is what fits a datagram. There are no packets longer than that.
	maxPacket = 65535
	// maxDepth is how often a packet may be encrypted. Once is what collectd does.
	maxDepth = 3
)

var (
	errEmpty     = errors.New("the packet is empty")
	errTooLong   = fmt.Errorf("the packet is longer than %d bytes", maxPacket)
	errPart      = errors.New("the length of a part is less than that of its header")
	errCut       = errors.New("a part is longer than what is left of the packet")
	errNoNUL     = errors.New("a text does not end with a NUL")
	errNumber    = errors.New("a number does not have 8 bytes")
	errValues    = errors.New("the number of values does not fit the length of the part")
	errSource    = errors.New("there is a data source of a kind that is not known")
	errNoTime    = errors.New("there are values before any time")
	errFarFuture = errors.New("a time is beyond the year 9999")
	errDepth     = errors.New("the packet is encrypted too often")
)

// state is what values and messages belong to, as the parts before them say.
type state struct {
	host, plugin, pluginInstance, kind, typeInstance event.Value // null until a part says something
	time, interval, datetime                         event.Value
	severity                                         uint64
}

// record is the state at some values or at a message.
type record struct {
	state
	first, end     int    // its values
	sources        string // kinds of the data sources, a byte each
	count          int    // how many there were
	kept           []int  // which of them are left, nil for all
	message        string
	isNotification bool
}

// decoder takes packets apart. Records and values are valid until the next reset.
type decoder struct {
	users   map[string]string
	level   trust
	nan     string
	records []record
	values  []event.Value
	texts   texts
	cipher  []byte
}

func (d *decoder) reset() {
	d.records, d.values = d.records[:0], d.values[:0]
}

// decode appends the records of a packet. With an error, those before the fault are there.
func (d *decoder) decode(data string) error {
	switch {
	case data == "":
		return errEmpty
	case len(data) > maxPacket:
		return errTooLong
	}
	return d.packet(data, trustNone, 0)
}

func (d *decoder) packet(data string, earned trust, depth int) error {
	var s state
	for rest := data; len(rest) > 0; {
		at := len(data) - len(rest)
		if len(rest) < headerSize {
			return fmt.Errorf("byte %d: %w", at, errCut)
		}
		kind, n := be16(rest), int(be16(rest[2:]))
		var err error
		switch {
		case n < headerSize:
			err = errPart
		case n > len(rest):
			err = errCut
		case kind == partSignature:
			var genuine bool
			if genuine, err = d.verify(rest, n); genuine {
				earned, s = max(earned, trustSigned), state{} // what stood in front has no signature
			}
		case kind == partEncryption && depth == maxDepth:
			err = errDepth
		case kind == partEncryption:
			var plain string
			if plain, err = d.decrypt(rest[:n]); err == nil {
				err = d.packet(plain, trustEncrypted, depth+1)
			}
		default:
			err = d.part(&s, kind, rest[headerSize:n], earned)
		}
		if err != nil {
			return fmt.Errorf("part %#04x at byte %d: %w", kind, at, err)
		}
		rest = rest[n:]
	}
	return nil
}

// part reads a part other than those of security.
func (d *decoder) part(s *state, kind uint16, body string, earned trust) (err error) {
	switch kind {
	case partHost:
		s.host, err = text(body)
	case partPlugin:
		s.plugin, err = text(body)
	case partPluginInstance:
		s.pluginInstance, err = text(body)
	case partType:
		s.kind, err = text(body)
	case partTypeInstance:
		s.typeInstance, err = text(body)
	case partTime, partTimeHR, partInterval, partIntervalHR, partSeverity:
		return d.number(s, kind, body)
	case partValues, partMessage:
		if earned < d.level {
			return errUntrusted
		}
		if kind == partValues {
			return d.measured(s, body)
		}
		var message event.Value
		if message, err = text(body); err == nil {
			d.records = append(d.records, record{state: *s, message: message.Str(), isNotification: true})
		}
	}
	return err
}

// position is where value i stands in the packet.
func (r *record) position(i int) int {
	if r.kept == nil {
		return i
	}
	return r.kept[i]
}

// text reads a text, which ends with a NUL.
func text(body string) (event.Value, error) {
	if body == "" || body[len(body)-1] != 0 {
		return event.Null, errNoNUL
	}
	return event.String(body[:strings.IndexByte(body, 0)]), nil
}

func (d *decoder) number(s *state, kind uint16, body string) error {
	if len(body) != numberSize-headerSize {
		return errNumber
	}
	n := be64(body)
	const fraction = 30 // bits behind the point
	switch kind {
	case partSeverity:
		s.severity = n
	case partInterval:
		s.interval = unsigned(n)
	case partIntervalHR:
		s.interval = event.Float(float64(n) / (1 << fraction))
	case partTime:
		const latest = 253402300799 // 9999-12-31T23:59:59Z
		if n > latest {
			return errFarFuture
		}
		s.time = event.Int(int64(n))
		s.datetime = d.texts.datetime(int64(n), 0)
	case partTimeHR:
		s.time = event.Float(float64(n) / (1 << fraction))
		s.datetime = d.texts.datetime(int64(n>>fraction), int(n&(1<<fraction-1)*1000>>fraction))
	}
	return nil
}

// measured reads a part with values.
func (d *decoder) measured(s *state, body string) error {
	if len(body) < 2 {
		return errValues
	}
	count := int(be16(body))
	const each = 1 + 8
	if len(body) != 2+count*each {
		return errValues
	}
	if s.time.IsNull() {
		return errNoTime
	}
	sources, raw := body[2:2+count], body[2+count:]
	for i := range count {
		if sources[i] > absolute {
			return errSource
		}
	}
	r := record{state: *s, first: len(d.values), sources: sources, count: count}
	for i := range count {
		v := value(sources[i], raw[i*8:])
		if sources[i] == gauge && d.nan == "null" && isNaN(v) {
			v = event.Null
		}
		d.values = append(d.values, v)
	}
	if d.nan == "drop" && !d.dropNaN(&r) {
		return nil
	}
	r.end = len(d.values)
	d.records = append(d.records, r)
	return nil
}

// dropNaN removes the values of a record, the last ones there are, that are not a number.
// It reports whether there is anything left.
func (d *decoder) dropNaN(r *record) bool {
	left := d.values[:r.first]
	var sources []byte
	for i, v := range d.values[r.first:] {
		if r.sources[i] == gauge && isNaN(v) {
			continue
		}
		left, sources, r.kept = append(left, v), append(sources, r.sources[i]), append(r.kept, i)
	}
	d.values, r.sources = left, string(sources)
	return len(sources) > 0
}

func isNaN(v event.Value) bool {
	f, _ := v.Float()
	return math.IsNaN(f)
}

// value reads the 8 bytes of a value.
func value(source byte, raw string) event.Value {
	n := be64(raw)
	switch source {
	case gauge: // the only numbers in little endian
		return event.Float(math.Float64frombits(bits.ReverseBytes64(n)))
	case derive:
		return event.Int(int64(n))
	}
	return unsigned(n)
}

// unsigned makes an integer of 64 bits without a sign, half of which do not fit an int64.
func unsigned(n uint64) event.Value {
	if n <= math.MaxInt64 {
		return event.Int(int64(n))
	}
	return event.BigInt(new(big.Int).SetUint64(n))
}

func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }

func be64(s string) uint64 {
	_ = s[7]
	return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
		uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
}
