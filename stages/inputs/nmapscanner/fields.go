package nmapscanner

import (
	"gambolputty/actor/event"
)

// eventType is what the events are called unless event_type says otherwise.
const eventType = "nmap_scan"

var (
	statusKey    = event.Intern("status")
	addressesKey = event.Intern("addresses")
	hostnamesKey = event.Intern("hostnames")
	hostnameKey  = event.Intern("hostname")
	vendorKey    = event.Intern("vendor")
	uptimeKey    = event.Intern("uptime")
	portUsedKey  = event.Intern("portused")
	osKey        = event.Intern("detected_os")
	scriptsKey   = event.Intern("hostscript")
)

// protocols are those whose ports get a field, under their name.
var protocols = []string{"tcp", "udp", "ip", "sctp"}

// fill sets the fields of an event.
func (h *host) fill(e *event.Event) {
	e.SetType(eventType)
	e.SetField(statusKey, texts("state", h.state, "reason", h.reason))
	h.fillAddresses(e)
	h.fillNames(e)
	if h.uptime != nil {
		e.SetField(uptimeKey, texts("seconds", h.uptime.seconds, "lastboot", h.uptime.lastBoot))
	}
	if len(h.portsUsed) > 0 {
		var list []event.Value
		for _, u := range h.portsUsed {
			list = append(list, texts("state", u.state, "proto", u.protocol, "portid", u.port))
		}
		e.SetField(portUsedKey, event.ListOf(list...))
	}
	if h.os != "" {
		e.SetField(osKey, event.String(h.os))
	}
	if len(h.scripts) > 0 {
		var list []event.Value
		for _, s := range h.scripts {
			list = append(list, texts("id", s.id, "output", s.output))
		}
		e.SetField(scriptsKey, event.ListOf(list...))
	}
	h.fillPorts(e)
}

func (h *host) fillAddresses(e *event.Event) {
	m := event.NewMap(len(h.addresses))
	vendor := ""
	for _, a := range h.addresses {
		m.Set(event.Intern(a.kind), event.String(a.text))
		if vendor == "" {
			vendor = a.vendor
		}
	}
	e.SetField(addressesKey, event.MapOf(m))
	if vendor != "" {
		e.SetField(vendorKey, event.String(vendor))
	}
}

func (h *host) fillNames(e *event.Event) {
	first := ""
	var list []event.Value
	for _, n := range h.names {
		if first == "" {
			first = n.name
		}
		list = append(list, texts("name", n.name, "type", n.kind))
	}
	e.SetField(hostnamesKey, event.ListOf(list...))
	e.SetField(hostnameKey, event.String(first))
}

func (h *host) fillPorts(e *event.Event) {
	for _, protocol := range protocols {
		m := event.NewMap(0)
		for _, p := range h.ports {
			if p.protocol == protocol {
				m.Set(event.Intern(p.number), p.value())
			}
		}
		if m.Len() > 0 {
			e.SetField(event.Intern(protocol), event.MapOf(m))
		}
	}
}

func (p *port) value() event.Value {
	v := texts("state", p.state, "reason", p.reason, "name", p.name, "product", p.product, "version", p.version,
		"extrainfo", p.extra, "conf", p.confidence, "cpe", p.cpe)
	if len(p.scripts) > 0 {
		m := event.NewMap(len(p.scripts))
		for _, s := range p.scripts {
			m.Set(event.Intern(s.id), event.String(s.output))
		}
		v.Map().Set(event.Intern("script"), event.MapOf(m))
	}
	return v
}

// texts makes a map of names and texts in turn.
func texts(pairs ...string) event.Value {
	m := event.NewMap(len(pairs) / 2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Set(event.Intern(pairs[i]), event.String(pairs[i+1]))
	}
	return event.MapOf(m)
}
