package sniffer

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// FuzzDecode checks that no packet of any link does harm, and that texts are parts of it.
func FuzzDecode(f *testing.F) {
	ip := []byte{0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	tcp := append([]byte{0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 0, 0, 0, 0, 0}, "GET / HTTP/1.1\r\nA: b\r\n\r\n"...)
	f.Add(append(append(make([]byte, 12), 8, 0), append(ip, tcp...)...), uint8(0))
	f.Add(append(append(make([]byte, 12), 0x81, 0, 0, 5, 0x86, 0xdd), make([]byte, 60)...), uint8(0))
	f.Add(append([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 0xa, 0, 0, 8, 0}, ip...), uint8(1))
	f.Add(append([]byte{8, 6, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 0xa, 0, 0}, make([]byte, 28)...), uint8(2))
	f.Add(ip, uint8(3))
	o := &Options{MaxFlows: 10}
	d := newDecoder(actor.Env{}, o)
	f.Fuzz(func(t *testing.T, data []byte, l uint8) {
		p := &packet{data: data, link: link(l % 5), length: len(data), tag: -1, at: time.Unix(0, 0), ether: 0x0800}
		d.begin()
		d.decode(p, open(p))
		if strings.Contains(d.trouble, "a layer cannot be decoded") {
			t.Log(d.trouble) // the library panics; that is what it is caught for
		}
		if !bytes.Contains(data, d.rest) {
			t.Errorf("the payload % x is no part of the packet", d.rest)
		}
		d.http(string(d.rest))
	})
}

// FuzzFile checks that no capture file does harm. The length of blocks is bounded, because
// the library takes the memory that a file asks for.
func FuzzFile(f *testing.F) {
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00ab"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4 && bytes.HasPrefix(data, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
			return
		}
		r, err := openFile(bytes.NewReader(data))
		if err != nil {
			return
		}
		for range 100 {
			if _, _, err := r.ReadPacketData(); err != nil {
				return
			}
		}
	})
}

func TestFlowsAreForgotten(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:80")
	c := netip.MustParseAddrPort("10.0.0.3:443")
	now := time.Unix(1000, 0)
	f := newFlows(2)
	if got := f.service(a, b, now, false); got != "HTTP" || len(f.table) != 1 {
		t.Errorf("%s, %d flows", got, len(f.table))
	}
	f.service(c, b, now.Add(time.Minute), false)
	f.service(b, a, now.Add(2*time.Minute), false)
	f.service(a, c, now.Add(3*time.Minute), false) // the second is forgotten
	if got := f.service(b, c, now.Add(3*time.Minute), true); got != "HTTPS" || len(f.table) != 2 {
		t.Errorf("%s, %d flows", got, len(f.table))
	}
	if f.service(a, c, now.Add(8*time.Minute), true); len(f.table) != 0 || f.order.Len() != 0 {
		t.Errorf("%d flows are left", len(f.table))
	}
}

func TestTheTableOfServices(t *testing.T) {
	for port, want := range map[uint16]string{1: "TCPMUX", 22: "SSH", 63: "WHOIS++", 210: "Z39.50", 1080: "SOCKS", 8080: ""} {
		if services[port] != want {
			t.Errorf("%d is %q", port, services[port])
		}
	}
	if len(services) != 133 {
		t.Errorf("%d services", len(services))
	}
}

func TestMessagesOfHTTP(t *testing.T) {
	d := newDecoder(actor.Env{}, &Options{MaxFlows: 1})
	for payload, want := range map[string]string{
		"GET /a b HTTP/1.1\r\n\r\n":                     "",
		"GET /a HTTP/1.0\n":                             `{"http_method":"GET","url":"/a"}`,
		"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Le":    `{"http_headers":{"server":"x"}}`,
		"get / HTTP/1.1\r\n":                            "",
		"POST / SPAM/1.1\r\n":                           "",
		"the middle of a page\r\nA: b\r\n":              "",
		"M-SEARCH * HTTP/1.1\r\nA:b\r\nA : c\r\n:d\r\n": `{"http_headers":{"a":"b"},"http_method":"M-SEARCH","url":"*"}`,
	} {
		d.begin()
		d.http(payload)
		got := ""
		if len(d.fields) > 0 {
			e := event.New(event.NewSource("", ""))
			e.AppendFields(d.fields)
			got = string(new(event.Encoder).AppendValue(nil, event.MapOf(event.FromFields(d.fields))))
		}
		if got != want {
			t.Errorf("%q gives %s", payload, got)
		}
	}
}
