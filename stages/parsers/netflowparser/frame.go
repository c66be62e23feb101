package netflowparser

import "gambolputty/actor/event"

// frame reads the first bytes of a packet as it was on the wire, as far as they go.
func (s *sample) frame(protocol uint32, b string) {
	const ethernet, ip4, ip6 = 1, 11, 12
	switch protocol {
	case ethernet:
		s.ethernet(b)
	case ip4:
		s.packet4(b)
	case ip6:
		s.packet6(b)
	}
}

func (s *sample) ethernet(b string) {
	const head, tag = 14, 4
	const vlan, serviceVLAN, ip4, ip6 = 0x8100, 0x88a8, 0x0800, 0x86dd
	if len(b) < head {
		return
	}
	s.mac(destMACElement, b[:6])
	s.mac(sourceMACElement, b[6:12])
	kind := be16(b[12:])
	b = b[head:]
	for (kind == vlan || kind == serviceVLAN) && len(b) >= tag {
		const id = 1<<12 - 1
		s.element(vlanElement, event.Int(int64(be16(b)&id)))
		kind = be16(b[2:])
		b = b[tag:]
	}
	s.element(etherTypeElement, event.Int(int64(kind)))
	switch kind {
	case ip4:
		s.packet4(b)
	case ip6:
		s.packet6(b)
	}
}

func (s *sample) packet4(b string) {
	const least = 20
	if len(b) < least || b[0]>>4 != 4 {
		return
	}
	head := int(b[0]&15) * 4
	s.element(classElement, event.Int(int64(b[1])))
	s.element(ttlElement, event.Int(int64(b[8])))
	s.element(protocolElement, event.Int(int64(b[9])))
	s.ip(sourceIP4Element, b[12:16])
	s.ip(destIP4Element, b[16:20])
	const offset = 1<<13 - 1 // of a fragment; only the first one has ports
	if be16(b[6:])&offset == 0 && head >= least && head <= len(b) {
		s.transport(b[9], b[head:])
	}
}

func (s *sample) packet6(b string) {
	const head = 40
	if len(b) < head || b[0]>>4 != 6 {
		return
	}
	s.element(classElement, event.Int(int64(be16(b)>>4&255)))
	s.element(ttlElement, event.Int(int64(b[7])))
	s.ip(sourceIP6Element, b[8:24])
	s.ip(destIP6Element, b[24:40])
	protocol, rest := extensions(b[6], b[head:])
	s.element(protocolElement, event.Int(int64(protocol)))
	s.transport(protocol, rest)
}

// extensions steps over the headers that may stand between those of IPv6 and of transport.
func extensions(protocol byte, b string) (byte, string) {
	const hopByHop, routing, options, most = 0, 43, 60, 8
	for range most {
		if protocol != hopByHop && protocol != routing && protocol != options || len(b) < 2 {
			break
		}
		n := (int(b[1]) + 1) * 8
		if n > len(b) {
			return protocol, ""
		}
		protocol, b = b[0], b[n:]
	}
	return protocol, b
}

func (s *sample) transport(protocol byte, b string) {
	const icmp, tcp, udp, icmp6, sctp, flagsAt = 1, 6, 17, 58, 132, 13
	switch protocol {
	case icmp, icmp6:
		if len(b) < 2 {
			return
		}
		id := uint16(icmp4Element)
		if protocol == icmp6 {
			id = icmp6Element
		}
		s.element(id, int16At(b))
	case tcp, udp, sctp:
		if len(b) < 4 {
			return
		}
		s.element(sourcePortElement, int16At(b))
		s.element(destPortElement, int16At(b[2:]))
		if protocol == tcp && len(b) > flagsAt {
			s.element(controlBitsElement, event.Int(int64(b[flagsAt])))
		}
	}
}
