package sniffer

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/google/gopacket/layers"
)

func (d *decoder) network(p *packet, ether layers.EthernetType) {
	switch ether {
	case layers.EthernetTypeARP:
		if d.layer("ARP", &d.arp) {
			d.rest = nil // what follows is padding
		}
	case layers.EthernetTypeIPv4:
		if !d.layer("IPv4", &d.ip4) {
			return
		}
		src, _ := netip.AddrFromSlice(d.ip4.SrcIP)
		dst, _ := netip.AddrFromSlice(d.ip4.DstIP)
		d.addresses(4, int(d.ip4.TTL), src, dst)
		if d.ip4.FragOffset == 0 {
			d.transport(p, d.ip4.Protocol)
		}
	case layers.EthernetTypeIPv6:
		d.ipv6(p)
	}
}

// ipv6 decodes the header (RFC 8200). The library takes packets with hop-by-hop options for
// cut off, because it counts these twice.
func (d *decoder) ipv6(p *packet) {
	h := d.rest
	if len(h) < 40 {
		d.trouble = "IPv6: the header is cut off"
		return
	}
	d.protocols = append(d.protocols, "IPv6")
	d.addresses(6, int(h[7]), netip.AddrFrom16([16]byte(h[8:24])), netip.AddrFrom16([16]byte(h[24:40])))
	d.rest = h[40:]
	switch length := int(binary.BigEndian.Uint16(h[4:])); {
	case length == 0: // it is longer than can be said here
	case length > len(d.rest):
		d.feedback.SetTruncated()
	default:
		d.rest = d.rest[:length]
	}
	d.extensions(p, layers.IPProtocol(h[6]))
}

// extensions walks over the headers between IPv6 and what it carries.
func (d *decoder) extensions(p *packet, next layers.IPProtocol) {
	for {
		switch next {
		case layers.IPProtocolIPv6HopByHop, layers.IPProtocolIPv6Routing, layers.IPProtocolIPv6Destination, layers.IPProtocolIPv6Fragment:
		default:
			d.transport(p, next)
			return
		}
		isFragment := next == layers.IPProtocolIPv6Fragment
		if isFragment && len(d.rest) >= 8 {
			later := binary.BigEndian.Uint16(d.rest[2:])&0xfff8 != 0
			next, d.rest = layers.IPProtocol(d.rest[0]), d.rest[8:]
			if later {
				return
			}
			continue
		}
		size := 8
		if len(d.rest) >= 8 {
			size = (int(d.rest[1]) + 1) * 8
		}
		if size > len(d.rest) {
			d.trouble = "IPv6: an extension header is cut off"
			return
		}
		next, d.rest = layers.IPProtocol(d.rest[0]), d.rest[size:]
	}
}

func (d *decoder) addresses(version, ttl int, src, dst netip.Addr) {
	d.src, d.dst = src, dst
	d.number(versionKey, version)
	d.number(ttlKey, ttl)
	d.write(sourceKey, d.src.AppendTo)
	d.write(destinationKey, d.dst.AppendTo)
	if d.opts.Lumbermill {
		d.write(lumberSourceKey, d.src.AppendTo)
		d.write(lumberDestinationKey, d.dst.AppendTo)
	}
}

func (d *decoder) transport(p *packet, proto layers.IPProtocol) {
	switch proto {
	case layers.IPProtocolTCP:
		d.segment(p)
	case layers.IPProtocolUDP:
		if d.layer("UDP", &d.udp) {
			d.ports(uint16(d.udp.SrcPort), uint16(d.udp.DstPort))
		}
	case layers.IPProtocolICMPv4:
		if d.layer("ICMP", &d.icmp) {
			d.number(icmpTypeKey, int(d.icmp.TypeCode.Type()))
			d.number(icmpCodeKey, int(d.icmp.TypeCode.Code()))
		}
	case layers.IPProtocolICMPv6:
		if d.layer("ICMPv6", &d.icmp6) {
			d.number(icmpTypeKey, int(d.icmp6.TypeCode.Type()))
			d.number(icmpCodeKey, int(d.icmp6.TypeCode.Code()))
		}
	}
}

func (d *decoder) segment(p *packet) {
	if !d.layer("TCP", &d.tcp) {
		return
	}
	t := &d.tcp
	d.ports(uint16(t.SrcPort), uint16(t.DstPort))
	d.number(sequenceKey, int(t.Seq))
	d.number(ackKey, int(t.Ack))
	for _, f := range [...]struct {
		set  bool
		name string
	}{{t.FIN, "fin"}, {t.SYN, "syn"}, {t.RST, "rst"}, {t.PSH, "psh"}, {t.ACK, "ack"}, {t.URG, "urg"}} {
		if f.set {
			d.flags = append(d.flags, f.name)
		}
	}
	src, dst := netip.AddrPortFrom(d.src, uint16(t.SrcPort)), netip.AddrPortFrom(d.dst, uint16(t.DstPort))
	d.service = d.flows.service(src, dst, p.at, t.FIN || t.RST)
	if d.service != "" {
		d.protocols = append(d.protocols, d.service)
	}
}

// ports sets the ports and the flow, which is the same for both directions.
func (d *decoder) ports(src, dst uint16) {
	d.number(sourcePortKey, int(src))
	d.number(destinationPortKey, int(dst))
	if d.opts.Lumbermill {
		d.number(lumberSourcePortKey, int(src))
		d.number(lumberDestinationPortKey, int(dst))
	}
	var first, second [64]byte
	a, b := netip.AddrPortFrom(d.src, src).AppendTo(first[:0]), netip.AddrPortFrom(d.dst, dst).AppendTo(second[:0])
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	d.write(flowKey, func(to []byte) []byte { return append(append(append(to, a...), ' '), b...) })
}
