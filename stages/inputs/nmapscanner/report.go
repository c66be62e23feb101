package nmapscanner

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// Bounds of what nmap may write.
const (
	longestDiscovery = 256 << 20 // bytes, about a million hosts
	longestScan      = 16 << 20  // bytes
	deepest          = 64        // elements
	longestName      = 1 << 10   // bytes after which a name that comes in pieces is not continued
)

var (
	errLong  = errors.New("the output of nmap is too long")
	errDeep  = errors.New("the output of nmap is nested too deeply")
	errCut   = errors.New("the output of nmap is cut off")
	errOther = errors.New("the output is not that of nmap")
)

// host is what a report says about a host, as text. Elements and attributes are described in
// https://svn.nmap.org/nmap/docs/nmap.dtd.
type host struct {
	state, reason string
	addresses     []address
	names         []hostname
	uptime        *uptime
	portsUsed     []portUsed
	os            string
	accuracy      int
	ports         []*port
	scripts       []script
}

type (
	address  struct{ kind, text, vendor string }
	hostname struct{ name, kind string }
	uptime   struct{ seconds, lastBoot string }
	portUsed struct{ state, protocol, port string }
	script   struct{ id, output string }
	port     struct {
		protocol, number, state, reason                string
		name, product, version, extra, confidence, cpe string
		scripts                                        []script
	}
)

func (h *host) up() bool { return h.state == "up" }

// address is where the host was found.
func (h *host) address() (netip.Addr, bool) {
	for _, a := range h.addresses {
		if a.kind != "ipv4" && a.kind != "ipv6" {
			continue
		}
		if parsed, err := netip.ParseAddr(a.text); err == nil {
			return parsed, true
		}
	}
	return netip.Addr{}, false
}

// readReport reads the XML that nmap writes, up to its end, and hands over each host as soon as
// it is complete. Of the report as a whole nothing is kept.
func readReport(r io.Reader, limit int64, each func(*host)) error {
	d := xml.NewDecoder(&bounded{r, limit})
	p := reader{each: each}
	depth, complete := 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && complete {
			return p.err
		}
		if err != nil {
			return describe(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > deepest {
				return errDeep
			}
			if depth == 1 && t.Name.Local != "nmaprun" {
				return errOther
			}
			p.begin(t)
		case xml.EndElement:
			depth--
			complete = complete || depth == 0
			p.end(t.Name.Local)
		case xml.CharData:
			if p.cpe != nil && len(*p.cpe) < longestName {
				*p.cpe += string(t)
			}
		}
	}
}

// describe says what is wrong with a report.
func describe(err error) error {
	var s *xml.SyntaxError
	if errors.Is(err, io.EOF) || errors.As(err, &s) && s.Msg == "unexpected EOF" {
		return errCut
	}
	if errors.As(err, &s) {
		return fmt.Errorf("the output of nmap is no XML: %w", err)
	}
	return err
}

// reader puts a host together.
type reader struct {
	each    func(*host)
	host    *host
	port    *port
	service bool
	cpe     *string // where text goes
	err     error   // what nmap itself says
}

// begin takes an element.
func (p *reader) begin(t xml.StartElement) {
	switch t.Name.Local {
	case "host":
		p.host, p.port = &host{}, nil
	case "finished":
		if attribute(t, "exit") == "error" {
			p.err = errors.New(attribute(t, "errormsg"))
		}
	}
	if p.host == nil {
		return
	}
	if p.port != nil {
		p.beginInPort(t)
		return
	}
	h := p.host
	switch t.Name.Local {
	case "status":
		h.state, h.reason = attribute(t, "state"), attribute(t, "reason")
	case "address":
		h.addresses = append(h.addresses, address{attribute(t, "addrtype"), attribute(t, "addr"), attribute(t, "vendor")})
	case "hostname":
		h.names = append(h.names, hostname{attribute(t, "name"), attribute(t, "type")})
	case "uptime":
		h.uptime = &uptime{attribute(t, "seconds"), attribute(t, "lastboot")}
	case "portused":
		h.portsUsed = append(h.portsUsed, portUsed{attribute(t, "state"), attribute(t, "proto"), attribute(t, "portid")})
	case "osmatch":
		n, err := strconv.Atoi(attribute(t, "accuracy"))
		if name := attribute(t, "name"); name != "" && err == nil && (h.os == "" || n > h.accuracy) {
			h.os, h.accuracy = name, n
		}
	case "script":
		h.scripts = append(h.scripts, script{attribute(t, "id"), attribute(t, "output")})
	case "port":
		p.port = &port{protocol: attribute(t, "protocol"), number: attribute(t, "portid")}
	}
}

func (p *reader) beginInPort(t xml.StartElement) {
	o := p.port
	switch t.Name.Local {
	case "state":
		o.state, o.reason = attribute(t, "state"), attribute(t, "reason")
	case "service":
		p.service = true
		o.name, o.product, o.version = attribute(t, "name"), attribute(t, "product"), attribute(t, "version")
		o.extra, o.confidence = attribute(t, "extrainfo"), attribute(t, "conf")
	case "cpe":
		if p.service && o.cpe == "" { // the first one is the program, others are its system
			p.cpe = &o.cpe
		}
	case "script":
		o.scripts = append(o.scripts, script{attribute(t, "id"), attribute(t, "output")})
	}
}

// end takes the end of an element.
func (p *reader) end(name string) {
	switch name {
	case "cpe":
		p.cpe = nil
	case "service":
		p.service = false
	case "port":
		if p.host != nil && p.port != nil {
			p.host.ports = append(p.host.ports, p.port)
		}
		p.port = nil
	case "host":
		if p.host != nil {
			p.each(p.host)
		}
		p.host, p.port, p.cpe, p.service = nil, nil, nil, false
	}
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// bounded fails behind a number of bytes.
type bounded struct {
	r    io.Reader
	left int64
}

// Read reads on.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
