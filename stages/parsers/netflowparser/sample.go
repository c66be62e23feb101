package netflowparser

import (
	"strings"

	"gambolputty/actor/event"
)

// Numbers of elements that samples of sFlow have, too.
const (
	protocolElement    = 4
	classElement       = 5
	controlBitsElement = 6
	sourcePortElement  = 7
	sourceIP4Element   = 8
	sourceMaskElement  = 9
	inputElement       = 10
	destPortElement    = 11
	destIP4Element     = 12
	outputElement      = 14
	destMaskElement    = 13
	nextHop4Element    = 15
	sourceASElement    = 16
	destASElement      = 17
	bgpHop4Element     = 18
	sourceIP6Element   = 27
	destIP6Element     = 28
	sourceMACElement   = 56
	vlanElement        = 58
	postVLANElement    = 59
	nextHop6Element    = 62
	bgpHop6Element     = 63
	destMACElement     = 80
	ttlElement         = 192
	icmp4Element       = 32
	icmp6Element       = 139
	etherTypeElement   = 256
)

var (
	frameLengthKey = key("frame_length")
	strippedKey    = key("stripped_bytes")
)

// record reads a part of a sample. What is not known is skipped, and what is cut off leaves
// the rest of the sample as it is.
func (s *sample) record(isFlow bool, kind uint32, w *words) {
	if !isFlow {
		s.counters(kind, w)
		return
	}
	const rawHeader, ethernet, ip4, ip6, extendedSwitch, router, gateway = 1, 2, 3, 4, 1001, 1002, 1003
	switch kind {
	case rawHeader:
		protocol := w.next()
		s.set(frameLengthKey, w.value())
		s.set(strippedKey, w.value())
		s.frame(protocol, w.opaque())
	case ethernet:
		s.set(frameLengthKey, w.value())
		s.mac(sourceMACElement, w.bytes(6))
		s.mac(destMACElement, w.bytes(6))
		s.number(etherTypeElement, w)
	case ip4, ip6:
		s.flow(kind == ip6, w)
	case extendedSwitch:
		s.number(vlanElement, w)
		w.next() // priority
		s.number(postVLANElement, w)
	case router:
		s.hop(nextHop4Element, nextHop6Element, w.address(s.decoder))
		s.number(sourceMaskElement, w)
		s.number(destMaskElement, w)
	case gateway:
		s.gateway(w)
	}
}

// number sets an element to the next number, if there is one.
func (s *sample) number(id uint16, w *words) {
	if v := w.value(); !w.cut {
		s.element(id, v)
	}
}

func (s *sample) mac(id uint16, b string) {
	if b != "" {
		s.element(id, s.decoder.mac(b))
	}
}

// hop sets one of two elements, depending on what kind of address it is.
func (s *sample) hop(id4, id6 uint16, v event.Value) {
	switch {
	case v.IsNull():
	case strings.Contains(v.Str(), ":"):
		s.element(id6, v)
	default:
		s.element(id4, v)
	}
}

// flow reads what the switch itself has read of an IP packet.
func (s *sample) flow(six bool, w *words) {
	w.next() // length of the packet
	s.number(protocolElement, w)
	if six {
		s.ip(sourceIP6Element, w.bytes(16))
		s.ip(destIP6Element, w.bytes(16))
	} else {
		s.ip(sourceIP4Element, w.bytes(4))
		s.ip(destIP4Element, w.bytes(4))
	}
	s.number(sourcePortElement, w)
	s.number(destPortElement, w)
	s.number(controlBitsElement, w)
	s.number(classElement, w)
}

func (s *sample) ip(id uint16, b string) {
	switch len(b) {
	case 4:
		s.element(id, s.ip4(b))
	case 16:
		s.element(id, s.ip6(b))
	}
}

// gateway reads numbers of autonomous systems. The destination is the last of its path.
func (s *sample) gateway(w *words) {
	s.hop(bgpHop4Element, bgpHop6Element, w.address(s.decoder))
	w.next() // the system of the router itself
	s.number(sourceASElement, w)
	w.next() // the neighbour that the source is behind
	last := event.Null
	for segments := w.next(); segments > 0 && !w.cut; segments-- {
		w.next() // an ordered path or a set
		for n := w.next(); n > 0 && !w.cut; n-- {
			last = w.value()
		}
	}
	if !last.IsNull() && !w.cut {
		s.element(destASElement, last)
	}
}

// counterNames are the fields of counters by the kinds of records, in the order in which
// they stand there. Those with a * have 8 bytes.
var counterNames = map[uint32][]counter{
	1: counters("ifIndex", "ifType", "*ifSpeed", "ifDirection", "ifStatus", "*ifInOctets", "ifInUcastPkts", "ifInMulticastPkts", "ifInBroadcastPkts",
		"ifInDiscards", "ifInErrors", "ifInUnknownProtos", "*ifOutOctets", "ifOutUcastPkts", "ifOutMulticastPkts", "ifOutBroadcastPkts", "ifOutDiscards",
		"ifOutErrors", "ifPromiscuousMode"),
	2: counters("dot3StatsAlignmentErrors", "dot3StatsFCSErrors", "dot3StatsSingleCollisionFrames", "dot3StatsMultipleCollisionFrames", "dot3StatsSQETestErrors",
		"dot3StatsDeferredTransmissions", "dot3StatsLateCollisions", "dot3StatsExcessiveCollisions", "dot3StatsInternalMacTransmitErrors",
		"dot3StatsCarrierSenseErrors", "dot3StatsFrameTooLongs", "dot3StatsInternalMacReceiveErrors", "dot3StatsSymbolErrors"),
	5:    counters("vlan_id", "*octets", "ucastPkts", "multicastPkts", "broadcastPkts", "discards"),
	1001: counters("5s_cpu", "1m_cpu", "5m_cpu", "*total_memory", "*free_memory"),
}

type counter struct {
	key  *event.Key
	size int
}

func counters(names ...string) []counter {
	list := make([]counter, len(names))
	for i, name := range names {
		list[i] = counter{size: 4}
		if name[0] == '*' {
			name, list[i].size = name[1:], 8
		}
		list[i].key = key(name)
	}
	return list
}

func (s *sample) counters(kind uint32, w *words) {
	for _, c := range counterNames[kind] {
		b := w.bytes(c.size)
		if b == "" {
			return
		}
		s.set(c.key, unsigned(b))
	}
}
