// Package filter reads capture filters in the syntax of pcap (pcap-filter(7)) and applies
// them, to packets by itself and in the kernel by a program for it.
//
// Addresses, protocols and ports are looked for behind VLAN tags and behind the extension
// headers of IPv6, where the kernel's own language does not look.
package filter

import (
	"encoding/binary"
	"net/netip"
)

// Filter is a filter. The zero Filter matches everything.
type Filter struct{ root *node }

// IsZero reports whether everything matches.
func (f Filter) IsZero() bool { return f.root == nil }

// Match reports whether a packet matches.
func (f Filter) Match(p *Packet) bool { return f.root == nil || f.root.match(p) }

// kind says what a node tests.
type kind uint8

const (
	kindAnd kind = iota
	kindOr
	kindNot
	kindEther   // type is number
	kindProto   // protocol of IPv4 or IPv6 is number, ether says which, 0 for both
	kindNet     // an address is in prefix
	kindPort    // a port is between number and to, proto says of which protocol, 0 for all
	kindVLAN    // there is a tag, with the id number if it is not negative
	kindGreater // length is number or more
	kindLess    // length is number or less
)

// direction says which end of a packet is looked at.
type direction uint8

const (
	either direction = iota
	source
	destination
	both
)

type node struct {
	kind   kind
	a, b   *node
	number int
	to     int
	ether  uint16
	proto  int
	dir    direction
	prefix netip.Prefix
}

// Types of Ethernet frames.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
	etherIPv6 = 0x86dd
)

// Protocols of IP.
const (
	protoICMP  = 1
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58
	protoSCTP  = 132
)

// Packet is what filters look at. Fill fills it.
type Packet struct {
	// Length is that on the wire.
	Length int
	// Tags are the ids of VLANs from the outside in.
	Tags []int
	// Ether is the type of the frame behind all tags.
	Ether uint16
	// Protocol is that of IP, -1 for none.
	Protocol int
	// Source and Destination are the addresses of IP or ARP.
	Source, Destination netip.Addr
	// SourcePort and DestinationPort are -1 if there are none.
	SourcePort, DestinationPort int
}

// Link says what packets begin with.
type Link uint8

// The links that are known.
const (
	// Ethernet is a frame with its header.
	Ethernet Link = iota
	// Network is a packet without a header; the type of the frame is known otherwise.
	Network
)

// Fill reads the headers of a packet. For a link without a header, ether is the type of the
// frame. Tag is a tag that the kernel has taken out, -1 for none.
func (p *Packet) Fill(data []byte, link Link, ether uint16, length, tag int) {
	*p = Packet{Length: length, Tags: p.Tags[:0], Ether: ether, Protocol: -1, SourcePort: -1, DestinationPort: -1}
	if tag >= 0 {
		p.Tags = append(p.Tags, tag&0xfff)
	}
	if link == Ethernet {
		if len(data) < 14 {
			return
		}
		p.Ether, data = binary.BigEndian.Uint16(data[12:]), data[14:]
	}
	for IsTag(p.Ether) && len(data) >= 4 {
		p.Tags = append(p.Tags, int(binary.BigEndian.Uint16(data)&0xfff))
		p.Ether, data = binary.BigEndian.Uint16(data[2:]), data[4:]
	}
	switch p.Ether {
	case etherIPv4:
		p.ipv4(data)
	case etherIPv6:
		p.ipv6(data)
	case etherARP, etherRARP:
		if len(data) >= 28 {
			p.Source, p.Destination = netip.AddrFrom4([4]byte(data[14:18])), netip.AddrFrom4([4]byte(data[24:28]))
		}
	}
}

// IsTag reports whether a type of frame is that of a VLAN tag (802.1Q, 802.1ad, and what was
// used before it).
func IsTag(ether uint16) bool { return ether == 0x8100 || ether == 0x88a8 || ether == 0x9100 }

func (p *Packet) ipv4(data []byte) {
	if len(data) < 20 {
		return
	}
	p.Protocol = int(data[9])
	p.Source, p.Destination = netip.AddrFrom4([4]byte(data[12:16])), netip.AddrFrom4([4]byte(data[16:20]))
	header := int(data[0]&0x0f) * 4
	if binary.BigEndian.Uint16(data[6:])&0x1fff == 0 && header <= len(data) {
		p.ports(data[header:])
	}
}

func (p *Packet) ipv6(data []byte) {
	if len(data) < 40 {
		return
	}
	p.Source, p.Destination = netip.AddrFrom16([16]byte(data[8:24])), netip.AddrFrom16([16]byte(data[24:40]))
	next, data := int(data[6]), data[40:]
	for extends(next) {
		if len(data) < 8 {
			p.Protocol = next
			return
		}
		size := 8
		switch next {
		case 44: // fragment
			if binary.BigEndian.Uint16(data[2:])&0xfff8 != 0 {
				p.Protocol = int(data[0])
				return
			}
		case 51: // authentication, which counts in words of 4 bytes
			size = (int(data[1]) + 2) * 4
		default:
			size = (int(data[1]) + 1) * 8
		}
		if size > len(data) {
			p.Protocol = int(data[0])
			return
		}
		next, data = int(data[0]), data[size:]
	}
	p.Protocol = next
	p.ports(data)
}

// extends reports whether a protocol of IPv6 is a header in front of another one.
func extends(next int) bool {
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60
}

func hasPorts(proto int) bool { return proto == protoTCP || proto == protoUDP || proto == protoSCTP }

func (p *Packet) ports(data []byte) {
	if hasPorts(p.Protocol) && len(data) >= 4 {
		p.SourcePort, p.DestinationPort = int(binary.BigEndian.Uint16(data)), int(binary.BigEndian.Uint16(data[2:]))
	}
}

func (n *node) match(p *Packet) bool {
	switch n.kind {
	case kindAnd:
		return n.a.match(p) && n.b.match(p)
	case kindOr:
		return n.a.match(p) || n.b.match(p)
	case kindNot:
		return !n.a.match(p)
	case kindEther:
		return int(p.Ether) == n.number
	case kindProto:
		return p.Protocol == n.number && (n.ether == 0 || n.ether == p.Ether)
	case kindNet:
		return n.fits(p) && n.ends(n.prefix.Contains(p.Source), n.prefix.Contains(p.Destination))
	case kindPort:
		return n.fits(p) && (n.proto == 0 || n.proto == p.Protocol) && n.ends(n.between(p.SourcePort), n.between(p.DestinationPort))
	case kindVLAN:
		return n.tagged(p)
	case kindGreater:
		return p.Length >= n.number
	}
	return p.Length <= n.number
}

// fits reports whether the packet is of the kind that was asked for.
func (n *node) fits(p *Packet) bool { return n.ether == 0 || n.ether == p.Ether }

func (n *node) between(port int) bool { return port >= n.number && port <= n.to }

func (n *node) ends(src, dst bool) bool {
	switch n.dir {
	case source:
		return src
	case destination:
		return dst
	case both:
		return src && dst
	}
	return src || dst
}

func (n *node) tagged(p *Packet) bool {
	for _, id := range p.Tags {
		if n.number < 0 || id == n.number {
			return true
		}
	}
	return false
}
