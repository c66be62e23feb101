package filter

import (
	"net/netip"
	"strconv"
	"strings"
)

func (p *parser) vlan() (*node, error) {
	n := &node{kind: kindVLAN, number: -1}
	if id, err := strconv.Atoi(p.peek().text); err == nil {
		if id < 0 || id > 4095 {
			return nil, p.fail("the id of a VLAN is between 0 and 4095")
		}
		n.number = id
		p.next++
	}
	return n, nil
}

func (p *parser) length(k kind) (*node, error) {
	n, err := strconv.ParseUint(p.peek().text, 10, 31)
	if err != nil {
		return nil, p.fail("a length was expected")
	}
	p.next++
	return &node{kind: k, number: int(n)}, nil
}

func (p *parser) value(s subject) (*node, error) {
	n := &node{dir: s.dir, ether: s.ether, proto: s.proto}
	var err error
	switch s.what {
	case "port", "portrange":
		n.kind = kindPort
		err = p.port(n, s.what == "portrange")
	default:
		n.kind = kindNet
		n.prefix, err = p.network(s.what == "host")
		if err == nil && (n.prefix.Addr().Is4() && s.ether == etherIPv6 || n.prefix.Addr().Is6() && s.ether != 0 && s.ether != etherIPv6) {
			p.next--
			err = p.fail("the address is of another kind")
		}
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (p *parser) port(n *node, ranged bool) error {
	first, second, isRange := strings.Cut(p.peek().text, "-")
	if !isRange {
		second = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(second, 10, 16)
	if err1 != nil || err2 != nil || isRange && !ranged || a > b {
		if ranged {
			return p.fail("two ports such as 5000-6000 were expected")
		}
		return p.fail("the number of a port was expected")
	}
	n.number, n.to = int(a), int(b)
	p.next++
	return nil
}

// network reads 10.0.0.1, 10.0.0.0/8, 192.168 (which is 192.168.0.0/16), 10.0.0.0 mask
// 255.0.0.0, and the same for IPv6 where there is such a thing.
func (p *parser) network(host bool) (netip.Prefix, error) {
	text := p.peek().text
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		p.next++
		bits := a.BitLen()
		if !host && a.Is4() && p.is("mask") {
			m, err := netip.ParseAddr(p.peek().text)
			if err != nil || !m.Is4() {
				return netip.Prefix{}, p.fail("a mask such as 255.255.0.0 was expected")
			}
			var ok bool
			if bits, ok = ones(m.As4()); !ok {
				return netip.Prefix{}, p.fail("the mask has holes")
			}
			p.next++
		}
		return p.prefix(netip.PrefixFrom(a, bits))
	}
	if host {
		return netip.Prefix{}, p.fail("an address was expected, such as 10.0.0.1")
	}
	address, bits, sized := strings.Cut(text, "/")
	parts := strings.Split(address, ".")
	size := 8 * len(parts)
	if len(parts) < 4 && !strings.Contains(address, ":") {
		address += strings.Repeat(".0", 4-len(parts))
	}
	a, err := netip.ParseAddr(address)
	if sized && err == nil {
		size, err = strconv.Atoi(bits)
	}
	if err != nil || size < 0 || size > a.BitLen() {
		return netip.Prefix{}, p.fail("a network was expected, such as 10.0.0.0/8")
	}
	p.next++
	return p.prefix(netip.PrefixFrom(a, size))
}

// prefix refuses networks with bits that are not in it, which are mistakes.
func (p *parser) prefix(n netip.Prefix) (netip.Prefix, error) {
	if n.Masked() != n {
		p.next--
		return n, p.fail("the address has bits behind the end of the network, write %s", n.Masked())
	}
	return n, nil
}

func ones(mask [4]byte) (int, bool) {
	m := uint32(mask[0])<<24 | uint32(mask[1])<<16 | uint32(mask[2])<<8 | uint32(mask[3])
	n := 0
	for ; m&(1<<31) != 0; m <<= 1 {
		n++
	}
	return n, m == 0
}
