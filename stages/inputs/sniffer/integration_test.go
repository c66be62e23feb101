//go:build integration

package sniffer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/sniffer"
)

// TestIntegrationPacketsAreCapturedOnLoopback needs CAP_NET_RAW.
func TestIntegrationPacketsAreCapturedOnLoopback(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{"lo", "any"} {
		r := actortest.Source(t, sniffer.Spec, "interface: "+device+"\npacketfilter: tcp port "+port+"\nprotocols: ['Data']\nkernel_buffer_size: 4096\npromiscuous: True")
		r.Logged("interface")
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(srv.URL + "/spam")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		r.Wait(2)
		events := r.Stop()
		request, answer := events[0], events[1]
		if !strings.HasPrefix(field(request, "data"), `"GET /spam HTTP/1.1\r\n`) || !strings.Contains(field(answer, "data"), "hello") {
			t.Errorf("%s: %s\n%s", device, actortest.JSON(request), actortest.JSON(answer))
		}
		if field(request, "destination_port") != port || field(request, "flow_id") != field(answer, "flow_id") || request.ReceivedFrom() != "lo" || field(request, "source") != `"127.0.0.1"` {
			t.Errorf("%s: %s", device, actortest.JSON(request))
		}
		if (field(request, "destination_mac") == "-") != (device == "any") {
			t.Errorf("%s: destination_mac is %s", device, field(request, "destination_mac"))
		}
		for _, e := range events { // nothing comes twice
			if size := field(e, "packet_size"); field(e, "data") != `""` && size != fmt.Sprint(14+20+32+len(text(e))) {
				t.Errorf("%s: size %s with %d bytes of payload", device, size, len(text(e)))
			}
		}
		seen := map[string]bool{}
		for _, e := range events {
			key := field(e, "sequence_number") + field(e, "source_port")
			if seen[key] {
				t.Errorf("%s: a packet comes twice: %s", device, actortest.JSON(e))
			}
			seen[key] = true
		}
	}
}

func text(e *event.Event) string {
	v, _ := e.Get(event.MustPath("data"))
	return v.Str()
}

func TestIntegrationACaptureEndsWhenNothingComes(t *testing.T) {
	r := actortest.Source(t, sniffer.Spec, "interface: lo\npacketfilter: udp port 1")
	r.Logged("interface")
	began := time.Now()
	r.Stop()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
}

func TestIntegrationWhatTheKernelDropsIsCounted(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := actortest.Source(t, sniffer.Spec, "interface: lo\nkernel_buffer_size: 1\npacketfilter: udp port "+fmt.Sprint(c.LocalAddr().(*net.UDPAddr).Port))
	r.Logged("interface")
	payload := make([]byte, 1000)
	for end := time.Now().Add(20 * time.Second); r.Status("Sniffer").Meter.Own("kernel_drops").Load() == 0; {
		if time.Now().After(end) {
			t.Fatalf("no drops are counted\n%s", r.Log())
		}
		for range 1000 {
			if _, err := c.WriteTo(payload, c.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r.Stop(); strings.Count(r.Log(), "the kernel drops packets") != 1 {
		t.Errorf("the log says\n%s", r.Log())
	}
}

// TestIntegrationFieldsAreWhatTsharkSays compares them on a file with packets of all kinds.
func TestIntegrationFieldsAreWhatTsharkSays(t *testing.T) {
	udp := &layers.UDP{SrcPort: 5000, DstPort: 9999}
	ip4 := &layers.IPv4{Version: 4, TTL: 17, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	ip6 := &layers.IPv6{Version: 6, HopLimit: 9, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
	if err := udp.SetNetworkLayerForChecksum(ip4); err != nil {
		t.Fatal(err)
	}
	icmp := *ip4
	icmp.Protocol = layers.IPProtocolICMPv4
	packets := [][]byte{
		segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "S", ""), segment(t, "10.0.0.2", "10.0.0.1", 80, 40000, "SA", ""),
		segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "PA", "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\n\r\n"), segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "FA", ""), segment(t, "10.0.0.9", "10.0.0.2", 1, 2, "RU", "x"),
		ether(t, layers.EthernetTypeIPv4, ip4, udp, gopacket.Payload("x")), ether(t, layers.EthernetTypeIPv6, ip6, udp, gopacket.Payload("x")),
		ether(t, layers.EthernetTypeIPv4, &icmp, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}, gopacket.Payload(make([]byte, 28))),
		ether(t, layers.EthernetTypeDot1Q, &layers.Dot1Q{VLANIdentifier: 77, Type: layers.EthernetTypeIPv4}, ip4, udp, gopacket.Payload("x")),
	}
	path := file(t, layers.LinkTypeEthernet, packets...)
	names := map[string]string{
		"frame.len": "packet_size", "eth.src": "source_mac", "eth.dst": "destination_mac", "ip.src": "source", "ip.dst": "destination", "ip.ttl": "ttl", "ipv6.src": "source", "ipv6.dst": "destination", "ipv6.hlim": "ttl", "vlan.id": "vlan_id",
		"tcp.srcport": "source_port", "tcp.dstport": "destination_port", "udp.srcport": "source_port", "udp.dstport": "destination_port", "tcp.seq_raw": "sequence_number", "tcp.ack_raw": "ack", "icmp.type": "icmp_type", "icmp.code": "icmp_code", "http.request.method": "http_method", "http.request.uri": "url", "http.host": "http_headers.host",
	}
	args := []string{"-r", path, "-T", "json", "-n", "-E", "occurrence=f"}
	for name := range names {
		args = append(args, "-e", name)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var theirs []struct {
		Source struct {
			Layers map[string][]string
		} `json:"_source"`
	}
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	ours := read(t, path, "")
	if len(theirs) != len(ours) || len(ours) != len(packets) {
		t.Fatalf("%d and %d packets", len(theirs), len(ours))
	}
	compared := 0
	for i, e := range ours {
		for name, values := range theirs[i].Source.Layers {
			if strings.HasPrefix(name, "ip.") && field(e, "icmp_type") != "-" && len(values) > 1 {
				values = values[:1] // an ICMP message holds the packet that it is about
			}
			if compared++; strings.Trim(field(e, names[name]), `"`) != values[0] {
				t.Errorf("packet %d: %s is %v, %s is %s", i, name, values, names[name], field(e, names[name]))
			}
		}
	}
	if compared < 60 {
		t.Errorf("only %d comparisons in %s", compared, out)
	}
}
