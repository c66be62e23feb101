package filter

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// SyntaxError says where a filter is wrong.
type SyntaxError struct {
	// Offset counts the bytes in front of the place.
	Offset int
	Reason string
}

// Error gives the place, counted from 1, and the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("at character %d: %s", e.Offset+1, e.Reason) }

// deepest bounds parentheses and negations.
const deepest = 100

// most bounds the words of a filter, so that the program for the kernel has its place.
const most = 400

// Parse reads a filter. The error is a *SyntaxError.
func Parse(text string) (Filter, error) {
	p := &parser{text: text}
	if err := p.split(); err != nil {
		return Filter{}, err
	}
	if len(p.words) == 1 {
		return Filter{}, nil
	}
	n, err := p.or(0)
	if err != nil {
		return Filter{}, err
	}
	if w := p.peek(); w.text != "" {
		return Filter{}, p.fail("%q was not expected", w.text)
	}
	return Filter{n}, nil
}

type word struct {
	text string
	at   int
}

type parser struct {
	text  string
	words []word
	next  int
	last  *subject // of the primitive before, which one without words of its own takes over
}

// subject is what a primitive says in front of its value.
type subject struct {
	what  string // host, net, port, portrange
	dir   direction
	ether uint16
	proto int
}

func (p *parser) split() error {
	for i := 0; i < len(p.text); {
		c := p.text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '(' || c == ')' || c == '!':
			p.words = append(p.words, word{p.text[i : i+1], i})
			i++
		case strings.HasPrefix(p.text[i:], "&&") || strings.HasPrefix(p.text[i:], "||"):
			p.words = append(p.words, word{p.text[i : i+2], i})
			i += 2
		default:
			n := strings.IndexAny(p.text[i:], " \t\n\r()!&|")
			if n < 0 {
				n = len(p.text) - i
			}
			if n == 0 {
				return &SyntaxError{i, fmt.Sprintf("%q was not expected", p.text[i:i+1])}
			}
			p.words = append(p.words, word{p.text[i : i+n], i})
			i += n
		}
		if len(p.words) > most {
			return &SyntaxError{i, "the filter is too long"}
		}
	}
	p.words = append(p.words, word{"", len(p.text)})
	return nil
}

func (p *parser) peek() word { return p.words[p.next] }

// is takes the next word if it is one of those.
func (p *parser) is(list ...string) bool {
	for _, t := range list {
		if p.peek().text == t {
			p.next++
			return true
		}
	}
	return false
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{p.peek().at, fmt.Sprintf(format, args...)}
}

// or reads alternatives. As in pcap, and and or bind equally and to the left.
func (p *parser) or(depth int) (*node, error) {
	n, err := p.not(depth)
	for err == nil {
		var k kind
		switch {
		case p.is("and", "&&"):
			k = kindAnd
		case p.is("or", "||"):
			k = kindOr
		default:
			return n, nil
		}
		var b *node
		b, err = p.not(depth)
		n = &node{kind: k, a: n, b: b}
	}
	return nil, err
}

func (p *parser) not(depth int) (*node, error) {
	if depth > deepest {
		return nil, p.fail("there are too many parentheses and negations")
	}
	if p.is("not", "!") {
		n, err := p.not(depth + 1)
		return &node{kind: kindNot, a: n}, err
	}
	if p.is("(") {
		n, err := p.or(depth + 1)
		if err == nil && !p.is(")") {
			err = p.fail("a closing parenthesis is missing")
		}
		return n, err
	}
	return p.primitive()
}

// protocols are what a primitive may begin with.
var protocols = map[string]subject{
	"ip": {ether: etherIPv4}, "ip6": {ether: etherIPv6}, "arp": {ether: etherARP}, "rarp": {ether: etherRARP},
	"tcp": {proto: protoTCP}, "udp": {proto: protoUDP}, "sctp": {proto: protoSCTP},
	"icmp": {ether: etherIPv4, proto: protoICMP}, "icmp6": {ether: etherIPv6, proto: protoICMP6},
}

func (p *parser) primitive() (*node, error) {
	switch w := p.peek(); {
	case w.text == "":
		return nil, p.fail("the filter ends too early")
	case p.is("vlan"):
		return p.vlan()
	case p.is("greater"):
		return p.length(kindGreater)
	case p.is("less"):
		return p.length(kindLess)
	}
	first := p.peek()
	s, named := protocols[first.text]
	if named {
		p.next++
	}
	directed := p.direction(&s)
	switch what := p.peek().text; what {
	case "host", "net", "port", "portrange":
		p.next++
		s.what = what
	default:
		if named && !directed {
			return s.alone(), nil
		}
		s.what = "host" // src 10.0.0.1
		if !named && !directed {
			if p.last == nil || !begins(what) {
				return nil, p.fail("%q was not expected", what)
			}
			s = *p.last
		}
	}
	if err := s.check(first); err != nil {
		return nil, err
	}
	p.last = &s
	return p.value(s)
}

// begins reports whether a word looks like a value.
func begins(w string) bool {
	return w != "" && strings.Trim(w, "0123456789abcdefABCDEF.:/-") == "" && (w[0] <= '9' || strings.Contains(w, ":"))
}

// alone is a protocol by itself.
func (s subject) alone() *node {
	if s.proto != 0 {
		return &node{kind: kindProto, number: s.proto, ether: s.ether}
	}
	return &node{kind: kindEther, number: int(s.ether)}
}

// check refuses what makes no sense.
func (s subject) check(first word) error {
	isPort := s.what == "port" || s.what == "portrange"
	switch {
	case isPort && (s.ether == etherARP || s.ether == etherRARP || s.proto == protoICMP || s.proto == protoICMP6):
		return &SyntaxError{first.at, first.text + " has no ports"}
	case !isPort && s.proto != 0:
		return &SyntaxError{first.at, first.text + " has no addresses, use ip or ip6"}
	}
	return nil
}

func (p *parser) direction(s *subject) bool {
	switch {
	case p.is("src"):
		s.dir = source
	case p.is("dst"):
		s.dir = destination
		return true
	default:
		return false
	}
	if p.next+1 < len(p.words) && p.words[p.next+1].text == "dst" {
		switch {
		case p.is("or", "||"):
			s.dir = either
			p.next++
		case p.is("and", "&&"):
			s.dir = both
			p.next++
		}
	}
	return true
}

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
