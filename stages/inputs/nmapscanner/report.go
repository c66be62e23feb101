package nmapscanner

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"gambolputty/actor/event"
)

// Bounds of what nmap says.
const (
	mostOutput = 1 << 30  // bytes of a scan, of which one host is held at a time
	mostOfHost = 16 << 20 // bytes of a host
	mostErrors = 4 << 10
	mostHosts  = 1 << 20
)

// host is what nmap says of a host (nmap.dtd).
type host struct {
	Status struct {
		State  string `xml:"state,attr"`
		Reason string `xml:"reason,attr"`
	} `xml:"status"`
	Addresses []struct {
		Address string `xml:"addr,attr"`
		Kind    string `xml:"addrtype,attr"`
		Vendor  string `xml:"vendor,attr"`
	} `xml:"address"`
	Names []struct {
		Name string `xml:"name,attr"`
		Kind string `xml:"type,attr"`
	} `xml:"hostnames>hostname"`
	Ports  []port `xml:"ports>port"`
	Uptime *struct {
		Seconds  string `xml:"seconds,attr"`
		LastBoot string `xml:"lastboot,attr"`
	} `xml:"uptime"`
	Used []struct {
		State string `xml:"state,attr"`
		Proto string `xml:"proto,attr"`
		Port  string `xml:"portid,attr"`
	} `xml:"os>portused"`
	Systems []struct {
		Name     string `xml:"name,attr"`
		Accuracy int    `xml:"accuracy,attr"`
	} `xml:"os>osmatch"`
}

type port struct {
	Protocol string `xml:"protocol,attr"`
	ID       string `xml:"portid,attr"`
	State    struct {
		State  string `xml:"state,attr"`
		Reason string `xml:"reason,attr"`
	} `xml:"state"`
	Service struct {
		Name    string   `xml:"name,attr"`
		Product string   `xml:"product,attr"`
		Version string   `xml:"version,attr"`
		Extra   string   `xml:"extrainfo,attr"`
		Conf    string   `xml:"conf,attr"`
		CPE     []string `xml:"cpe"`
	} `xml:"service"`
	Scripts []struct {
		ID     string `xml:"id,attr"`
		Output string `xml:"output,attr"`
	} `xml:"script"`
}

// nmap runs the program, without a shell, and calls each for every host that it reports.
func (s *source) nmap(ctx context.Context, args []string, each func(*host) error) error {
	cmd := exec.CommandContext(ctx, s.path, args...)
	cmd.WaitDelay = 5 * time.Second
	said := &beginning{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	failed := report(out, each)
	_, _ = io.Copy(io.Discard, out) // so that it can end
	if err := cmd.Wait(); err != nil {
		if line := said.line(); line != "" {
			return fmt.Errorf("nmap: %s", line)
		}
		return fmt.Errorf("nmap: %w", err)
	}
	return failed
}

var errCut = errors.New("what nmap says is cut off")

// report reads hosts, one at a time.
func report(r io.Reader, each func(*host) error) error {
	limit := &bounded{r: r, left: mostOutput}
	d := xml.NewDecoder(limit)
	for n := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return errCut
		}
		if err != nil {
			return fmt.Errorf("what nmap says cannot be read: %w", err)
		}
		if end, ok := t.(xml.EndElement); ok && end.Name.Local == "nmaprun" {
			return nil
		}
		start, ok := t.(xml.StartElement)
		if !ok || start.Name.Local != "host" {
			continue
		}
		if n++; n > mostHosts {
			return fmt.Errorf("nmap names more than %d hosts", mostHosts)
		}
		h := &host{}
		limit.one = mostOfHost
		if err := d.DecodeElement(h, &start); err != nil {
			return fmt.Errorf("what nmap says cannot be read: %w", err)
		}
		limit.one = 0
		if err := each(h); err != nil {
			return err
		}
	}
}

// bounded ends a stream that is too long, as a whole or within one host.
type bounded struct {
	r    io.Reader
	left int
	one  int // what is left of a host, 0 between two
}

// Read reads as long as there is room.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= n; b.left <= 0 {
		return 0, errors.New("it is too long")
	}
	if b.one > 0 {
		if b.one -= n; b.one <= 0 {
			return 0, errors.New("a host is too long")
		}
	}
	return n, err
}

// beginning keeps the first bytes of what it gets.
type beginning struct{ text []byte }

// Write takes everything.
func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), mostErrors-len(b.text))]...)
	return len(p), nil
}

func (b *beginning) line() string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b.text), []byte("\n"))
	return strings.ToValidUTF8(string(line), "�")
}

// address is the one that nmap was asked for.
func (h *host) address() (netip.Addr, bool) {
	for _, a := range h.Addresses {
		if a.Kind == "mac" {
			continue
		}
		if ip, err := netip.ParseAddr(a.Address); err == nil {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// texts makes a map of names and texts in turn.
func texts(pairs ...string) *event.Map {
	m := event.NewMap(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		m.Set(event.Intern(pairs[i]), event.String(pairs[i+1]))
	}
	return m
}

func set(e *event.Event, name string, v event.Value) { e.SetField(event.Intern(name), v) }

// fill sets the fields of an event.
func (h *host) fill(e *event.Event) {
	set(e, "status", event.MapOf(texts("state", h.Status.State, "reason", h.Status.Reason)))
	addresses := event.NewMap(2)
	for _, a := range h.Addresses {
		addresses.Set(event.InternPart(a.Kind), event.String(a.Address))
		if _, has := e.Field(event.Intern("vendor")); a.Vendor != "" && !has {
			set(e, "vendor", event.String(a.Vendor))
		}
	}
	set(e, "addresses", event.MapOf(addresses))
	first := ""
	var names []event.Value
	for i, n := range h.Names {
		if i == 0 {
			first = n.Name
		}
		names = append(names, event.MapOf(texts("name", n.Name, "type", n.Kind)))
	}
	set(e, "hostnames", event.ListOf(names...))
	set(e, "hostname", event.String(first))
	if u := h.Uptime; u != nil {
		set(e, "uptime", event.MapOf(texts("seconds", u.Seconds, "lastboot", u.LastBoot)))
	}
	if len(h.Used) > 0 {
		var used []event.Value
		for _, p := range h.Used {
			used = append(used, event.MapOf(texts("state", p.State, "proto", p.Proto, "portid", p.Port)))
		}
		set(e, "portused", event.ListOf(used...))
	}
	h.fillPorts(e)
	if name := h.system(); name != "" {
		set(e, "detected_os", event.String(name))
	}
}

func (h *host) fillPorts(e *event.Event) {
	tables := map[string]*event.Map{}
	for _, p := range h.Ports {
		switch p.Protocol {
		case "tcp", "udp", "ip", "sctp":
		default:
			continue
		}
		t := tables[p.Protocol]
		if t == nil {
			t = event.NewMap(len(h.Ports))
			tables[p.Protocol] = t
		}
		s := p.Service
		m := texts("state", p.State.State, "reason", p.State.Reason, "name", s.Name, "product", s.Product, "version", s.Version, "extrainfo", s.Extra, "conf", s.Conf, "cpe", strings.Join(s.CPE, " "))
		if len(p.Scripts) > 0 {
			scripts := event.NewMap(len(p.Scripts))
			for _, x := range p.Scripts {
				scripts.Set(event.InternPart(x.ID), event.String(x.Output))
			}
			m.Set(event.Intern("script"), event.MapOf(scripts))
		}
		t.Set(event.InternPart(p.ID), event.MapOf(m))
	}
	for _, protocol := range []string{"tcp", "udp", "ip", "sctp"} {
		if t := tables[protocol]; t != nil {
			set(e, protocol, event.MapOf(t))
		}
	}
}

// system is the best guess, "" if there is none.
func (h *host) system() string {
	best, name := -1, ""
	for _, s := range h.Systems {
		if s.Accuracy > best {
			best, name = s.Accuracy, s.Name
		}
	}
	return name
}
