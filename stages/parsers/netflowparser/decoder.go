package netflowparser

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/arena"
)

const (
	// maxPacket is what fits a datagram.
	maxPacket = 65535
	// maxRecords and maxValues bound what one packet may become. Real ones have 30 records
	// or, on links with giant frames, a few hundred.
	maxRecords = 4096
	maxValues  = 1 << 18
)

var (
	errTooLong = fmt.Errorf("the packet is longer than %d bytes", maxPacket)
	errCut     = errors.New("the packet is cut off")
	errTooMany = fmt.Errorf("the packet has more than %d records or %d values", maxRecords, maxValues)
)

// decoder takes packets apart. What it found is valid until the next reset.
type decoder struct {
	store *store
	texts arena.Arena
	slab  []event.Field // room for the fields of records
	flags [256]event.Value

	exporter  string
	version   uint16
	kind      string // the type of the events
	domain    uint32
	header    []event.Field
	records   []event.Value
	values    int
	templates int
	missing   []missing
	ready     []ready
}

// missing is a set of records whose template is not known.
type missing struct {
	key    templateKey
	header []event.Field
	body   string
}

func (d *decoder) reset(exporter string) {
	d.exporter, d.version, d.kind, d.domain = exporter, 0, "", 0
	d.header, d.records, d.missing, d.ready = d.header[:0], d.records[:0], d.missing[:0], d.ready[:0]
	d.values, d.templates = 0, 0
}

// decode reads a packet. With an error, what stands before the fault is there.
func (d *decoder) decode(packet string) error {
	const least = 4 // version, and a count, a length or the second half of the version of sFlow
	switch {
	case len(packet) > maxPacket:
		return errTooLong
	case len(packet) < least:
		return errCut
	}
	d.version = be16(packet)
	switch d.version {
	case 1, 5, 7:
		return d.fixed(packet)
	case 9:
		return d.v9(packet)
	case 10:
		return d.ipfix(packet)
	case 0:
		return d.sflow(packet)
	}
	return fmt.Errorf("version %d is none of 1, 5, 7, 9 and 10", d.version)
}

// room returns memory for n fields of a record.
func (d *decoder) room(n int) []event.Field {
	const chunk = 512
	if cap(d.slab)-len(d.slab) < n {
		d.slab = make([]event.Field, 0, max(n, chunk))
	}
	used := len(d.slab)
	d.slab = d.slab[:used+n]
	return d.slab[used : used : used+n]
}

// add adds a record.
func (d *decoder) add(fields []event.Field) {
	d.records = append(d.records, event.MapOf(event.FromFields(fields)))
	d.values += len(fields)
}

// full reports whether a packet has become too much.
func (d *decoder) full() bool { return len(d.records) >= maxRecords || d.values >= maxValues }

// summary is what a packet without records becomes: its header.
func (d *decoder) summary() event.Value {
	fields := append(d.room(len(d.header)+1), d.header...)
	if d.templates > 0 {
		fields = append(fields, event.Field{Key: templatesKey, Value: event.Int(int64(d.templates))})
	}
	return event.MapOf(event.FromFields(fields))
}

func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }

func be32(s string) uint32 {
	_ = s[3]
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

func be64(s string) uint64 { return uint64(be32(s))<<32 | uint64(be32(s[4:])) }

func int16At(s string) event.Value { return event.Int(int64(be16(s))) }

func int32At(s string) event.Value { return event.Int(int64(be32(s))) }

// unsigned makes an integer of up to 8 bytes.
func unsigned(s string) event.Value {
	var n uint64
	for i := range len(s) {
		n = n<<8 | uint64(s[i])
	}
	if n <= math.MaxInt64 {
		return event.Int(int64(n))
	}
	return event.BigInt(new(big.Int).SetUint64(n))
}
