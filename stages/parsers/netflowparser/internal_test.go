package netflowparser

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func TestElementsThatSamplesHaveAreWhatTheyAreCalled(t *testing.T) {
	for id, want := range map[uint16]string{
		protocolElement: "protocolIdentifier", classElement: "ipClassOfService", controlBitsElement: "tcpControlBits", sourcePortElement: "sourceTransportPort",
		sourceIP4Element: "sourceIPv4Address", sourceMaskElement: "sourceIPv4PrefixLength", destPortElement: "destinationTransportPort", destIP4Element: "destinationIPv4Address",
		destMaskElement: "destinationIPv4PrefixLength", nextHop4Element: "ipNextHopIPv4Address", sourceASElement: "bgpSourceAsNumber", destASElement: "bgpDestinationAsNumber",
		bgpHop4Element: "bgpNextHopIPv4Address", sourceIP6Element: "sourceIPv6Address", destIP6Element: "destinationIPv6Address", sourceMACElement: "sourceMacAddress",
		vlanElement: "vlanId", postVLANElement: "postVlanId", nextHop6Element: "ipNextHopIPv6Address", bgpHop6Element: "bgpNextHopIPv6Address",
		destMACElement: "destinationMacAddress", ttlElement: "ipTTL", icmp4Element: "icmpTypeCodeIPv4", icmp6Element: "icmpTypeCodeIPv6", etherTypeElement: "ethernetType",
		inputElement: "ingressInterface", outputElement: "egressInterface",
	} {
		if got := registry()[id].key.Name; got != want {
			t.Errorf("element %d is %s, want %s", id, got, want)
		}
	}
	if n := len(registry()); n < 490 {
		t.Errorf("there are only %d elements", n)
	}
}

func TestTemplatesAreForgottenBeforeTheyAreTooMany(t *testing.T) {
	s := newStore()
	raw := strings.Repeat("\x00\x01\x00\x04", 100)
	first := templateKey{"a", 9, 0, firstData}
	for i := range uint32(3000) {
		k := first
		k.domain = i
		if err := s.define(k, definition{raw: raw}, false, new([]ready)); err != nil {
			t.Fatal(err)
		}
		if s.template(first) == nil {
			t.Fatalf("the one that is used most is gone after %d", i)
		}
	}
	if s.fields > maxTemplateFields || s.templates.Len() != maxTemplateFields/100 {
		t.Errorf("%d templates with %d fields", s.templates.Len(), s.fields)
	}
}

func FuzzDecode(f *testing.F) {
	for _, digits := range []string{
		"00050002e9cfd946560e6acc0bd469710000000000000000c389e016c389e01800000000000000000000000100000040e9cfd946e9cfd94600000000000201000000000018180000c389e018c389e01600000000000000000000000100000065e9cfd946e9cfd94600000000000001000000000018180000",
		"0009000100001000556c2a0000000007000000050000001801040004000800040 00c000400010004000700020104001ec0a802140a000001000003e80050c0a80215",
		"0009000100001000556c2a00000000070000000500010018010500040008000200040022000400520006000001050014000000030000006465746830 0000",
		"000a0037556c2a00000000070000000500020018010000030008000480010008000072790052ffff0100000fc0a80214000000000000000102",
		"000a0030556c2a0000000007000000050003001401010002000100950004002200040000 0101000c0000000500000064",
		"00000005000000010a00000100000002000000070000100000000001000000010000006c0000000903000005000001000000100000000001000000030000000400000001000000010000004400000001000005ea0000000400000034001122334455 66778899aabb0800450800340001400040060000c0a802140a000001c000005000000001000000025012ffff",
	} {
		raw, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			f.Fatal(digits, err)
		}
		f.Add(string(raw), string(raw))
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		s := newStore()
		d := decoder{store: s}
		for _, packet := range []string{first, second, first} {
			d.reset("10.0.0.1")
			err := d.decode(packet)
			if len(d.records) > maxRecords {
				t.Fatalf("%d records", len(d.records))
			}
			if err == nil && len(d.records) == 0 {
				d.summary()
			}
			if len(d.missing) > 0 {
				s.keep(&waits{data: packet}, d.missing, &d.ready)
			}
			for _, set := range d.ready {
				d.records, d.values = d.records[:0], 0
				if tmpl := s.template(set.key); tmpl != nil {
					_ = d.recordsOf(tmpl, set.key.id, set.body)
				}
			}
		}
		s.expired(time.Now(), true)
		if s.queue.Len() > 0 || s.bytes != 0 || len(s.waiting) > 0 {
			t.Errorf("%d packets with %d bytes are left", s.queue.Len(), s.bytes)
		}
	})
}

// waits is a packet, where that is the name of something else.
type waits = packet
