package sniffer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/sniffer/filter"
)

// headers are the link headers of a packet.
type headers struct {
	source, destination []byte // addresses of hardware, nil if there are none
	ether               uint16 // of what follows, which may be a tag
	payload             []byte
	short               bool // they are cut off
}

// open reads the link headers.
func open(p *packet) headers {
	d := p.data
	cut := headers{short: true}
	switch p.link {
	case linkNetwork:
		return headers{source: p.sender, ether: p.ether, payload: d}
	case linkRaw:
		if len(d) == 0 {
			return cut
		}
		if d[0]>>4 == 6 {
			return headers{ether: uint16(layers.EthernetTypeIPv6), payload: d}
		}
		return headers{ether: uint16(layers.EthernetTypeIPv4), payload: d}
	case linkCooked:
		if len(d) < 16 {
			return cut
		}
		return headers{source: d[6 : 6+min(8, int(binary.BigEndian.Uint16(d[4:])))], ether: binary.BigEndian.Uint16(d[14:]), payload: d[16:]}
	case linkCooked2:
		if len(d) < 20 {
			return cut
		}
		return headers{source: d[12 : 12+min(8, int(d[11]))], ether: binary.BigEndian.Uint16(d), payload: d[20:]}
	}
	if len(d) < 14 {
		return cut
	}
	return headers{destination: d[:6], source: d[6:12], ether: binary.BigEndian.Uint16(d[12:]), payload: d[14:]}
}

// feedback hears of packets that are cut off.
type feedback struct{ truncated bool }

// SetTruncated is called by layers.
func (f *feedback) SetTruncated() { f.truncated = true }

// decoder makes events of packets. Everything in it is used again.
type decoder struct {
	env   actor.Env
	opts  *Options
	flows *flows

	ip4   layers.IPv4
	tcp   layers.TCP
	udp   layers.UDP
	icmp  layers.ICMPv4
	icmp6 layers.ICMPv6
	arp   layers.ARP

	feedback  feedback
	text      []byte // all texts of the event
	fields    []event.Field
	spans     []span // which fields are parts of the text
	protocols []string
	flags     []string
	rest      []byte // payload of the innermost layer that was decoded
	src, dst  netip.Addr
	service   string
	trouble   string
}

// span says that a field is a part of the text.
type span struct{ field, from, to int }

func newDecoder(env actor.Env, o *Options) *decoder {
	return &decoder{env: env, opts: o, flows: newFlows(o.MaxFlows)}
}

// event makes an event of a packet, unless it has no payload and must have one.
func (d *decoder) event(b *actor.Batch, p *packet, h headers) bool {
	d.begin()
	d.decode(p, h)
	if d.opts.payloadOnly && len(d.rest) == 0 {
		return false
	}
	payload := len(d.text)
	d.text = append(d.text, d.rest...)
	text := string(d.text)
	for _, s := range d.spans {
		d.fields[s.field].Value = event.String(text[s.from:s.to])
	}
	d.add(protocolsKey, listOf(d.protocols))
	if d.flags != nil && len(d.protocols) > 0 && d.has("TCP") {
		d.add(flagsKey, listOf(d.flags))
	}
	if d.service == "HTTP" {
		d.http(text[payload:])
	}
	if d.trouble != "" {
		d.add(errorKey, event.String(d.trouble))
	}
	e := b.New()
	e.SetType("PcapSniffer")
	e.SetReceivedFrom(p.from)
	e.SetField(event.Data, event.String(text[payload:]))
	if d.opts.Target.IsZero() {
		e.AppendFields(d.fields)
		return true
	}
	if err := e.Set(d.opts.Target, event.MapOf(event.FromFields(append([]event.Field(nil), d.fields...)))); err != nil {
		d.env.Fault(e, d.opts.Target.String(), err)
	}
	return true
}

func (d *decoder) begin() {
	d.text, d.fields, d.spans, d.protocols, d.flags = d.text[:0], d.fields[:0], d.spans[:0], d.protocols[:0], d.flags[:0]
	d.rest, d.service, d.trouble, d.feedback = nil, "", "", feedback{}
}

func (d *decoder) has(protocol string) bool {
	for _, p := range d.protocols {
		if p == protocol {
			return true
		}
	}
	return false
}

func (d *decoder) add(k *event.Key, v event.Value) {
	d.fields = append(d.fields, event.Field{Key: k, Value: v})
}

func (d *decoder) number(k *event.Key, n int) { d.add(k, event.Int(int64(n))) }

// write adds a field of which the text is appended by f.
func (d *decoder) write(k *event.Key, f func([]byte) []byte) {
	from := len(d.text)
	d.text = f(d.text)
	d.spans = append(d.spans, span{len(d.fields), from, len(d.text)})
	d.add(k, event.Null)
}

func listOf(texts []string) event.Value {
	items := make([]event.Value, len(texts))
	for i, t := range texts {
		items[i] = event.String(t)
	}
	return event.ListOf(items...)
}

func appendMAC(dst, mac []byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

// decode goes through the layers. Layers of the library may panic when they meet something
// that nobody thought of; what was decoded before stays.
func (d *decoder) decode(p *packet, h headers) {
	defer func() {
		if v := recover(); v != nil {
			d.trouble = fmt.Sprint("a layer cannot be decoded: ", v)
		}
		if d.trouble == "" && d.feedback.truncated {
			d.trouble = "the packet is cut off"
		}
	}()
	d.protocols = append(d.protocols, "ethernet")
	d.number(sizeKey, p.length)
	d.rest = p.data
	if h.short {
		d.trouble = "the packet is too short for its link header"
		return
	}
	d.rest = h.payload
	if len(h.source) > 0 {
		d.write(sourceMACKey, func(b []byte) []byte { return appendMAC(b, h.source) })
	}
	if len(h.destination) > 0 {
		d.write(destinationMACKey, func(b []byte) []byte { return appendMAC(b, h.destination) })
	}
	vlan := -1
	if p.tag >= 0 {
		vlan = p.tag & 0xfff
	}
	ether := h.ether
	for filter.IsTag(ether) && len(d.rest) >= 4 {
		if vlan < 0 {
			vlan = int(binary.BigEndian.Uint16(d.rest) & 0xfff)
		}
		ether, d.rest = binary.BigEndian.Uint16(d.rest[2:]), d.rest[4:]
	}
	d.write(etherKey, func(b []byte) []byte { return strconv.AppendUint(append(b, "0x"...), uint64(ether), 16) })
	if vlan >= 0 {
		d.number(vlanKey, vlan)
	}
	d.network(p, layers.EthernetType(ether))
}

// layer decodes one layer of the rest.
func (d *decoder) layer(name string, l interface {
	DecodeFromBytes([]byte, gopacket.DecodeFeedback) error
	LayerPayload() []byte
}) bool {
	if err := l.DecodeFromBytes(d.rest, &d.feedback); err != nil {
		d.trouble = name + ": " + err.Error()
		return false
	}
	d.rest = l.LayerPayload()
	if name != "" {
		d.protocols = append(d.protocols, name)
	}
	return true
}
