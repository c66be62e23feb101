package sniffer_test

import (
	"bytes"
	"compress/gzip"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/sniffer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	left, right = net.HardwareAddr{2, 0, 0, 0, 0, 0xa}, net.HardwareAddr{2, 0, 0, 0, 0, 0xb}
	began       = time.Unix(1434535200, 0)
)

// ether makes a frame of layers.
func ether(t testing.TB, kind layers.EthernetType, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	return serialized(t, append([]gopacket.SerializableLayer{&layers.Ethernet{SrcMAC: left, DstMAC: right, EthernetType: kind}}, list...)...)
}

func serialized(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

// segment makes a frame with a TCP segment.
func segment(t testing.TB, from, to string, fromPort, toPort int, flags, payload string) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.ParseIP(from).To4(), DstIP: net.ParseIP(to).To4()}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(fromPort), DstPort: layers.TCPPort(toPort), Seq: 1000, Ack: 2000, Window: 100,
		SYN: strings.Contains(flags, "S"), ACK: strings.Contains(flags, "A"), FIN: strings.Contains(flags, "F"), RST: strings.Contains(flags, "R"), PSH: strings.Contains(flags, "P"), URG: strings.Contains(flags, "U")}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	return ether(t, layers.EthernetTypeIPv4, ip, tcp, gopacket.Payload(payload))
}

// file writes a capture file.
func file(t testing.TB, link layers.LinkType, packets ...[]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65536, link); err != nil {
		t.Fatal(err)
	}
	for i, p := range packets {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: began.Add(time.Duration(i) * time.Second), CaptureLength: len(p), Length: len(p)}, p); err != nil {
			t.Fatal(err)
		}
	}
	return stored(t, b.Bytes())
}

func stored(t testing.TB, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.pcap")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path, options string) []*event.Event {
	t.Helper()
	return actortest.Source(t, sniffer.Spec, "pcap_file: "+path+"\n"+options).Finish()
}

func field(e *event.Event, path string) string {
	v, ok := e.Get(event.MustPath(path))
	if !ok {
		return "-"
	}
	return string(new(event.Encoder).AppendValue(nil, v))
}

// SNIFF-2, SNIFF-4, SNIFF-5, SNIFF-6, SNIFF-7 and SNIFF-8.
func TestARequestIsDecoded(t *testing.T) {
	path := file(t, layers.LinkTypeEthernet, segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "PA", "GET /a HTTP/1.1\r\nHost: example.com\r\nX-A: 1\r\nx-a:2\r\nbad header: x\r\n\r\nbody"))
	e := read(t, path, "")[0]
	want := `{"ack":2000,"data":"GET /a HTTP/1.1\r\nHost: example.com\r\nX-A: 1\r\nx-a:2\r\nbad header: x\r\n\r\nbody","destination":"10.0.0.2","destination_mac":"02:00:00:00:00:0b","destination_port":80,"ethertype":"0x800","flow_id":"10.0.0.1:40000 10.0.0.2:80","http_headers":{"host":"example.com","x-a":"1, 2"},"http_method":"GET","packet_size":126,"protocols":["ethernet","IPv4","TCP","HTTP"],"sequence_number":1000,"source":"10.0.0.1","source_mac":"02:00:00:00:00:0a","source_port":40000,"tcp_ctrl_flags":["psh","ack"],"ttl":64,"url":"/a","version":4}`
	if got := actortest.JSON(e); got != want {
		t.Errorf("the event is\n%s", got)
	}
	if e.Type() != "PcapSniffer" || e.ReceivedFrom() != path {
		t.Errorf("type %s, from %s", e.Type(), e.ReceivedFrom())
	}
	e = read(t, path, "lumbermill_names: True\ntarget_field: a.packet")[0]
	for name, want := range map[string]string{"a.packet.s_ip": `"10.0.0.1"`, "a.packet.d_ip": `"10.0.0.2"`, "a.packet.s_port": "40000", "a.packet.d_port": "80", "a.packet.source": `"10.0.0.1"`, "source": "-", "a.packet.url": `"/a"`, "a.packet.data": "-"} {
		if got := field(e, name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// SNIFF-3 and SNIFF-5.
func TestOtherLayers(t *testing.T) {
	udp := &layers.UDP{SrcPort: 5000, DstPort: 53}
	ip4 := &layers.IPv4{Version: 4, TTL: 1, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	ip6 := &layers.IPv6{Version: 6, HopLimit: 9, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
	if err := udp.SetNetworkLayerForChecksum(ip4); err != nil {
		t.Fatal(err)
	}
	icmp := *ip4
	icmp.Protocol = layers.IPProtocolICMPv4
	fragment := *ip4
	fragment.FragOffset = 100
	extended := serialized(t, udp, gopacket.Payload("x"))
	hop := *ip6
	hop.NextHeader = layers.IPProtocolIPv6Destination
	raw := append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, extended...)
	hopByHop := append(ether(t, layers.EthernetTypeIPv6)[:14:14], 0x60, 0, 0, 0, 0, byte(len(raw)), 0, 9)
	hopByHop = append(append(append(hopByHop, ip6.SrcIP.To16()...), ip6.DstIP.To16()...), raw...)
	arp := &layers.ARP{AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1, SourceHwAddress: left, SourceProtAddress: []byte{10, 0, 0, 1}, DstHwAddress: right, DstProtAddress: []byte{10, 0, 0, 2}}
	for name, c := range map[string]struct {
		frame []byte
		want  map[string]string
	}{
		"udp":        {ether(t, layers.EthernetTypeIPv4, ip4, udp, gopacket.Payload("\xff\x00")), map[string]string{"protocols": `["ethernet","IPv4","UDP"]`, "flow_id": `"10.0.0.1:5000 10.0.0.2:53"`, "ttl": "1", "sequence_number": "-", "tcp_ctrl_flags": "-"}},
		"udp6":       {ether(t, layers.EthernetTypeIPv6, ip6, udp, gopacket.Payload("x")), map[string]string{"protocols": `["ethernet","IPv6","UDP"]`, "source": `"2001:db8::1"`, "ttl": "9", "version": "6", "flow_id": `"[2001:db8::1]:5000 [2001:db8::2]:53"`, "data": `"x"`}},
		"extension":  {ether(t, layers.EthernetTypeIPv6, &hop, gopacket.Payload(append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, extended...))), map[string]string{"protocols": `["ethernet","IPv6","UDP"]`, "destination_port": "53", "data": `"x"`}},
		"hop by hop": {hopByHop, map[string]string{"protocols": `["ethernet","IPv6","UDP"]`, "destination_port": "53", "data": `"x"`, "decode_error": "-"}},
		"icmp":       {ether(t, layers.EthernetTypeIPv4, &icmp, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 3)}), map[string]string{"protocols": `["ethernet","IPv4","ICMP"]`, "icmp_type": "8", "icmp_code": "3", "source_port": "-"}},
		"arp":        {ether(t, layers.EthernetTypeARP, arp), map[string]string{"protocols": `["ethernet","ARP"]`, "ethertype": `"0x806"`, "data": `""`}},
		"tags":       {ether(t, layers.EthernetTypeQinQ, &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeDot1Q}, &layers.Dot1Q{VLANIdentifier: 12, Type: layers.EthernetTypeIPv4}, ip4, udp), map[string]string{"vlan_id": "7", "ethertype": `"0x800"`, "protocols": `["ethernet","IPv4","UDP"]`}},
		"fragment":   {ether(t, layers.EthernetTypeIPv4, &fragment, gopacket.Payload("rest")), map[string]string{"protocols": `["ethernet","IPv4"]`, "data": `"rest"`, "decode_error": "-"}},
		"unknown":    {ether(t, 0x88cc, gopacket.Payload("lldp")), map[string]string{"protocols": `["ethernet"]`, "ethertype": `"0x88cc"`, "decode_error": "-"}},
	} {
		e := read(t, file(t, layers.LinkTypeEthernet, c.frame), "")[0]
		for path, want := range c.want {
			if got := field(e, path); got != want {
				t.Errorf("%s: %s is %s, in %s", name, path, got, actortest.JSON(e))
			}
		}
	}
}

// SNIFF-10.
func TestCookedCapturesAndRawPackets(t *testing.T) {
	packet := segment(t, "10.0.0.1", "10.0.0.2", 40000, 22, "S", "")[14:]
	for name, c := range map[string]struct {
		link layers.LinkType
		data []byte
		mac  string
	}{
		"cooked":   {layers.LinkTypeLinuxSLL, append([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 0xa, 0, 0, 8, 0}, packet...), `"02:00:00:00:00:0a"`},
		"cooked 2": {20, append([]byte{8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 0xa, 0, 0}, packet...), `"02:00:00:00:00:0a"`},
		"raw":      {layers.LinkTypeRaw, packet, "-"},
	} {
		e := read(t, file(t, c.link, c.data), "packetfilter: tcp port 22")[0]
		if field(e, "source_mac") != c.mac || field(e, "destination_mac") != "-" || field(e, "protocols") != `["ethernet","IPv4","TCP","SSH"]` || field(e, "tcp_ctrl_flags") != `["syn"]` {
			t.Errorf("%s: %s", name, actortest.JSON(e))
		}
	}
}

// SNIFF-7.
func TestTheServiceOfAConnection(t *testing.T) {
	a, b := "10.0.0.1", "10.0.0.2"
	list := [][]byte{
		segment(t, b, a, 22, 40000, "PA", "x"),   // seen first from the server: the port of the source counts
		segment(t, a, b, 40000, 22, "A", ""),     //
		segment(t, a, b, 80, 443, "S", ""),       // both have names: that of the destination counts
		segment(t, b, a, 443, 80, "SA", ""),      //
		segment(t, b, a, 443, 80, "FA", ""),      // the end
		segment(t, b, a, 443, 80, "A", ""),       // a new one
		segment(t, a, b, 40000, 40001, "A", "x"), // no name
	}
	var got []string
	for _, e := range read(t, file(t, layers.LinkTypeEthernet, list...), "") {
		got = append(got, field(e, "protocols.3"))
	}
	if strings.Join(got, " ") != `"SSH" "SSH" "HTTPS" "HTTPS" "HTTPS" "HTTP" -` {
		t.Errorf("got %v", got)
	}
	list = [][]byte{segment(t, a, b, 80, 443, "S", ""), segment(t, a, b, 80, 22, "S", ""), segment(t, b, a, 443, 80, "A", "")}
	events := read(t, file(t, layers.LinkTypeEthernet, list...), "max_flows: 1")
	if got := field(events[2], "protocols.3"); got != `"HTTP"` {
		t.Errorf("what was forgotten is %s", got)
	}
}

// SNIFF-9.
func TestPacketsWithoutPayload(t *testing.T) {
	path := file(t, layers.LinkTypeEthernet, segment(t, "10.0.0.1", "10.0.0.2", 1, 2, "S", ""), segment(t, "10.0.0.1", "10.0.0.2", 1, 2, "A", "x"))
	for options, want := range map[string]int{"": 2, "protocols: ['Data']": 1, "protocols: [TCP]": 2} {
		if got := len(read(t, path, options)); got != want {
			t.Errorf("%q: %d events", options, got)
		}
	}
}

func TestTheFilterIsAppliedToFiles(t *testing.T) {
	path := file(t, layers.LinkTypeEthernet, segment(t, "10.0.0.1", "10.0.0.2", 5, 80, "S", ""), segment(t, "10.0.0.9", "10.0.0.2", 6, 443, "S", ""))
	for text, want := range map[string]string{"port 80": "5", "src net 10.0.0.8/30": "6", "not tcp": ""} {
		got := ""
		for _, e := range read(t, path, "packetfilter: "+text) {
			got += field(e, "source_port")
		}
		if got != want {
			t.Errorf("%s takes %s", text, got)
		}
	}
}

func TestDamagedPacketsKeepWhatWasDecoded(t *testing.T) {
	whole := segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "PA", "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	for n := range whole {
		e := read(t, file(t, layers.LinkTypeEthernet, whole[:n]), "")[0]
		if field(e, "decode_error") == "-" && n != 14 || n > 34 && field(e, "source") != `"10.0.0.1"` {
			t.Errorf("%d bytes: %s", n, actortest.JSON(e))
		}
	}
	bad := segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "PA", "x")
	bad[46] = 0x10 // a TCP header of 4 bytes
	if e := read(t, file(t, layers.LinkTypeEthernet, bad), "")[0]; !strings.Contains(field(e, "decode_error"), "TCP") || field(e, "ttl") != "64" {
		t.Errorf("the event is %s", actortest.JSON(e))
	}
}

func TestFilesOfOtherFormats(t *testing.T) {
	frame := segment(t, "10.0.0.1", "10.0.0.2", 40000, 80, "A", "x")
	text, err := os.ReadFile(file(t, layers.LinkTypeEthernet, frame, frame))
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(text) // a buffer takes everything
	w.Close()
	var ng bytes.Buffer
	n, err := pcapgo.NewNgWriter(&ng, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := n.WritePacket(gopacket.CaptureInfo{Timestamp: began, CaptureLength: len(frame), Length: len(frame)}, frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{z.Bytes(), ng.Bytes()} {
		if got := read(t, stored(t, content), "snaplen: 64"); len(got) != 2 || field(got[1], "data") != `"x"` {
			t.Errorf("%d events", len(got))
		}
	}
	if err := actortest.Source(t, sniffer.Spec, "pcap_file: /nowhere/at/all.pcap").Err(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("the run ends with %v", err)
	}
	for want, content := range map[string][]byte{"damaged behind packet 1": text[:len(text)-3], "no capture file": []byte("spam and eggs, and no packets at all"), "too short": nil, "link type": append(append([]byte(nil), text[:20]...), 105, 0, 0, 0)} {
		if err := actortest.Source(t, sniffer.Spec, "pcap_file: "+stored(t, content)).Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the run ends with %v, want %s", err, want)
		}
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	actortest.Wrong(t, sniffer.Spec, map[string]string{
		"interface: spam0":           "interface: must be one of any, lo",
		"packetfilter: 'tcp prt 80'": `packetfilter: at character 5: "prt" was not expected`,
		"packetfilter: 5":            "packetfilter: must be string",
		"snaplen: 5":                 "snaplen",
		"max_flows: 0":               "max_flows",
	})
	for _, o := range []string{"", "interface: null", "interface: any", "promiscuous: True\nkey_value_store: x", "packetfilter: null", "kernel_buffer_size: 1024"} {
		if err := actortest.Options(t, sniffer.Spec, o); err != nil {
			t.Error(err)
		}
	}
}
