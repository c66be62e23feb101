package netflowparser

import (
	_ "embed"
	"net/netip"
	"strconv"
	"strings"

	"gambolputty/actor/event"
)

// NetFlow 1, 5 and 7 have records of one fixed form each, all much alike.

// layout is what differs: sizes of header and record, and where three bytes stand.
type layout struct {
	kind              string
	header, record    int
	flags, proto, tos int
}

var layouts = map[uint16]layout{
	1: {"NetFlowV1", 16, 52, 40, 38, 39},
	5: {"NetFlowV5", 24, 48, 37, 38, 39},
	7: {"NetFlowV7", 24, 52, 37, 38, 39},
}

var key = event.Intern

var (
	uptimeKey    = key("sys_uptime")
	secsKey      = key("unix_secs")
	nsecsKey     = key("unix_nsecs")
	sequenceKey  = key("flow_sequence")
	engineKey    = key("engine_type")
	engineIDKey  = key("engine_id")
	samplingKey  = key("sampling_interval")
	srcaddrKey   = key("srcaddr")
	dstaddrKey   = key("dstaddr")
	nexthopKey   = key("nexthop")
	inKey        = key("snmp_index_in_interface")
	outKey       = key("snmp_index_out_interface")
	packetsKey   = key("packet_count")
	bytesKey     = key("byte_count")
	startKey     = key("uptime_start")
	endKey       = key("uptime_end")
	srcportKey   = key("srcport")
	dstportKey   = key("dstport")
	binaryKey    = key("tcp_flags_binary")
	flagsKey     = key("tcp_flags")
	protKey      = key("prot")
	protNameKey  = key("prot_name")
	tosKey       = key("tos")
	srcASKey     = key("src_as")
	dstASKey     = key("dst_as")
	srcMaskKey   = key("src_mask")
	dstMaskKey   = key("dst_mask")
	routerKey    = key("router_sc")
	templatesKey = key("templates")
)

// mostFixed is the number of fields of the largest record with its header.
const mostFixed = 32

func (d *decoder) fixed(p string) error {
	l := layouts[d.version]
	if len(p) < l.header {
		return errCut
	}
	d.kind = l.kind
	d.header = append(d.header,
		event.Field{Key: uptimeKey, Value: int32At(p[4:])}, event.Field{Key: secsKey, Value: int32At(p[8:])}, event.Field{Key: nsecsKey, Value: int32At(p[12:])})
	if d.version != 1 {
		d.header = append(d.header, event.Field{Key: sequenceKey, Value: int32At(p[16:])})
	}
	if d.version == 5 {
		const interval = 1<<14 - 1 // the two bits above it are the mode of sampling
		d.header = append(d.header, event.Field{Key: engineKey, Value: event.Int(int64(p[20]))}, event.Field{Key: engineIDKey, Value: event.Int(int64(p[21]))},
			event.Field{Key: samplingKey, Value: event.Int(int64(be16(p[22:]) & interval))})
	}
	count := int(be16(p[2:]))
	for p = p[l.header:]; count > 0; count-- {
		if len(p) < l.record {
			return errCut
		}
		d.flow(l, p[:l.record])
		p = p[l.record:]
	}
	return nil
}

// flow adds a record of a fixed form.
func (d *decoder) flow(l layout, r string) {
	flags, proto := r[l.flags], r[l.proto]
	f := append(d.room(mostFixed), d.header...)
	f = append(f,
		event.Field{Key: srcaddrKey, Value: d.ip4(r)}, event.Field{Key: dstaddrKey, Value: d.ip4(r[4:])}, event.Field{Key: nexthopKey, Value: d.ip4(r[8:])},
		event.Field{Key: inKey, Value: int16At(r[12:])}, event.Field{Key: outKey, Value: int16At(r[14:])},
		event.Field{Key: packetsKey, Value: int32At(r[16:])}, event.Field{Key: bytesKey, Value: int32At(r[20:])},
		event.Field{Key: startKey, Value: int32At(r[24:])}, event.Field{Key: endKey, Value: int32At(r[28:])},
		event.Field{Key: srcportKey, Value: int16At(r[32:])}, event.Field{Key: dstportKey, Value: int16At(r[34:])},
		event.Field{Key: binaryKey, Value: event.Int(int64(flags))}, event.Field{Key: flagsKey, Value: d.flagNames(flags)},
		event.Field{Key: protKey, Value: event.Int(int64(proto))}, event.Field{Key: protNameKey, Value: protocols[proto]},
		event.Field{Key: tosKey, Value: event.Int(int64(r[l.tos]))})
	if d.version != 1 {
		f = append(f,
			event.Field{Key: srcASKey, Value: int16At(r[40:])}, event.Field{Key: dstASKey, Value: int16At(r[42:])},
			event.Field{Key: srcMaskKey, Value: event.Int(int64(r[44]))}, event.Field{Key: dstMaskKey, Value: event.Int(int64(r[45]))})
	}
	if d.version == 7 {
		f = append(f, event.Field{Key: routerKey, Value: d.ip4(r[48:])})
	}
	d.add(f)
}

func (d *decoder) ip4(s string) event.Value {
	var buf [16]byte
	return d.texts.Add(netip.AddrFrom4([4]byte{s[0], s[1], s[2], s[3]}).AppendTo(buf[:0]))
}

// tcpFlags are the names of the bits from the lowest to the highest.
var tcpFlags = [8]string{"FIN", "SYN", "RST", "PUSH", "ACK", "URG", "ECE", "CWR"}

// flagNames lists the names of the bits that are set. There are only 256 lists.
func (d *decoder) flagNames(bits byte) event.Value {
	if v := d.flags[bits]; !v.IsNull() {
		return v
	}
	names := []event.Value{}
	for i, name := range tcpFlags {
		if bits&(1<<i) != 0 {
			names = append(names, event.String(name))
		}
	}
	d.flags[bits] = event.ListOf(names...)
	return d.flags[bits]
}

//go:embed protocols.txt
var protocolNames string

// protocols are the names of protocols by their numbers, as a file /etc/protocols has them.
var protocols = func() (names [256]event.Value) {
	for i := range names {
		names[i] = event.String("unknown")
	}
	for line := range strings.Lines(protocolNames) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(number, 10, 8); err == nil {
			names[n] = event.String(name)
		}
	}
	return names
}()
