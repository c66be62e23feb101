package filter

import (
	"fmt"
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
