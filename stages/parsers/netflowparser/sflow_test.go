package netflowparser_test

import (
	"fmt"
	"strings"
	"testing"
)

// opaque puts a kind and a length in front of something, and fills it up.
func opaque(kind int, body string) string {
	body = strings.Join(strings.Fields(body), "")
	return fmt.Sprintf("%08x%08x%s%s", kind, len(body)/2, body, strings.Repeat("00", -len(body)/2&3))
}

// sflow makes a datagram.
func sflow(samples ...string) string {
	return fmt.Sprintf("00000005 00000001 0a000001 00000002 00000007 00001000 %08x", len(samples)) + strings.Join(samples, "")
}

// sampled makes a sample of a flow, with records.
func sampled(records ...string) string {
	return opaque(1, "00000009 03000005 00000100 00001000 00000001 00000003 00000004"+fmt.Sprintf("%08x", len(records))+strings.Join(records, ""))
}

// raw makes the record of the first bytes of a packet.
func raw(protocol int, bytes string) string {
	bytes = strings.Join(strings.Fields(bytes), "")
	return opaque(1, fmt.Sprintf("%08x 000005ea 00000004 %08x %s%s", protocol, len(bytes)/2, bytes, strings.Repeat("00", -len(bytes)/2&3)))
}

// sample shows what a record adds to a sample.
func sample(t *testing.T, records ...string) string {
	t.Helper()
	got := decode(t, "", sflow(sampled(records...)))
	got, ok := strings.CutPrefix(got, "SFlow {")
	if !ok {
		return got
	}
	for _, common := range []string{
		`"agent_address":"10.0.0.1"`, `"sub_agent_id":2`, `"flow_sequence":7`, `"sys_uptime":4096`, `"sample_type":"flow"`, `"sample_sequence":9`, `"source_type":3`, `"source_id":5`,
		`"sampling_rate":256`, `"sample_pool":4096`, `"drops":1`, `"ingressInterface":3`, `"egressInterface":4`, `"frame_length":1514`, `"stripped_bytes":4`,
	} {
		got = strings.TrimPrefix(strings.Replace(strings.Replace(got+"}", common+",", "", 1), ","+common+"}", "}", 1), common)
		got = strings.TrimSuffix(got, "}")
	}
	return strings.TrimSuffix(got, "}")
}

const (
	ether = "001122334455 66778899aabb "
	ip4   = "45 08 0034 0001 4000 40 06 0000 c0a80214 0a000001 "
	ip6   = "60 80 0000 0014 06 40 20010db8000000000000000000000017 20010db8000000000000000000000018 "
	tcp   = "c000 0050 00000001 00000002 50 12 ffff 0000 0000"

	macs  = `"destinationMacAddress":"00:11:22:33:44:55"`
	from4 = `"destinationIPv4Address":"10.0.0.1"`
)

func TestSampledPackets(t *testing.T) {
	for name, c := range map[string]struct{ record, want string }{
		"TCP over IPv4": {raw(1, ether+"0800"+ip4+tcp), from4 + `,` + macs + `,"destinationTransportPort":80,"ethernetType":2048,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":6,"sourceIPv4Address":"192.168.2.20","sourceMacAddress":"66:77:88:99:aa:bb","sourceTransportPort":49152,"tcpControlBits":18`},
		"in a VLAN":     {raw(1, ether+"8100 6064 88a8 0001 0800"+ip4+"c000 0050"), from4 + `,` + macs + `,"destinationTransportPort":80,"ethernetType":2048,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":6,"sourceIPv4Address":"192.168.2.20","sourceMacAddress":"66:77:88:99:aa:bb","sourceTransportPort":49152,"vlanId":100`},
		"TCP over IPv6": {raw(1, ether+"86dd"+ip6+tcp), `"destinationIPv6Address":"2001:db8::18",` + macs + `,"destinationTransportPort":80,"ethernetType":34525,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":6,"sourceIPv6Address":"2001:db8::17","sourceMacAddress":"66:77:88:99:aa:bb","sourceTransportPort":49152,"tcpControlBits":18`},
		"with headers between": {raw(12, strings.Replace(ip6, "06 40", "00 40", 1)+"3c 00 000000000000 11 01 0000000000000000000000000000"+"c000 0050 0008 0000"),
			`"destinationIPv6Address":"2001:db8::18","destinationTransportPort":80,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":17,"sourceIPv6Address":"2001:db8::17","sourceTransportPort":49152`},
		"ICMP":               {raw(11, strings.Replace(ip4, "40 06", "40 01", 1)+"0800 0000"), from4 + `,"icmpTypeCodeIPv4":2048,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":1,"sourceIPv4Address":"192.168.2.20"`},
		"ICMP for IPv6":      {raw(12, strings.Replace(ip6, "06 40", "3a 40", 1)+"8000 0000"), `"destinationIPv6Address":"2001:db8::18","icmpTypeCodeIPv6":32768,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":58,"sourceIPv6Address":"2001:db8::17"`},
		"a later fragment":   {raw(11, strings.Replace(ip4, "4000", "0010", 1)+tcp), from4 + `,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":6,"sourceIPv4Address":"192.168.2.20"`},
		"no ports any more":  {raw(11, ip4+"c0"), from4 + `,"ipClassOfService":8,"ipTTL":64,"protocolIdentifier":6,"sourceIPv4Address":"192.168.2.20"`},
		"something else":     {raw(1, ether+"0806 0001"), macs + `,"ethernetType":2054,"sourceMacAddress":"66:77:88:99:aa:bb"`},
		"half a frame":       {raw(1, "0011223344"), ``},
		"half a packet":      {raw(11, "4500"), ``},
		"half of the other":  {raw(12, "6000"), ``},
		"not on an Ethernet": {raw(4, ip4), ``},
		"as the switch saw it": {opaque(2, "0000005a 66778899aabb 0000 001122334455 0000 00000800") + opaque(3, "0000004c 00000011 c0a80214 0a000001 0000c000 00000050 00000000 00000008"),
			from4 + `,` + macs + `,"destinationTransportPort":80,"ethernetType":2048,"frame_length":90,"ipClassOfService":8,"protocolIdentifier":17,"sourceIPv4Address":"192.168.2.20","sourceMacAddress":"66:77:88:99:aa:bb","sourceTransportPort":49152,"tcpControlBits":0`},
		"the same for IPv6": {opaque(4, "0000004c 00000011 20010db8000000000000000000000017 20010db8000000000000000000000018 0000c000 00000050 00000000 00000008"),
			`"destinationIPv6Address":"2001:db8::18","destinationTransportPort":80,"ipClassOfService":8,"protocolIdentifier":17,"sourceIPv6Address":"2001:db8::17","sourceTransportPort":49152,"tcpControlBits":0`},
		"VLANs":              {opaque(1001, "00000064 00000000 000000c8 00000000"), `"postVlanId":200,"vlanId":100`},
		"a router":           {opaque(1002, "00000001 0a0000fe 00000018 00000010"), `"destinationIPv4PrefixLength":16,"ipNextHopIPv4Address":"10.0.0.254","sourceIPv4PrefixLength":24`},
		"a router of IPv6":   {opaque(1002, "00000002 20010db8000000000000000000000001 00000018 00000010"), `"destinationIPv4PrefixLength":16,"ipNextHopIPv6Address":"2001:db8::1","sourceIPv4PrefixLength":24`},
		"a gateway":          {opaque(1003, "00000001 0a0000fe 0000fde8 0000fde9 0000fdea 00000001 00000002 00000002 0000fdeb 0000fdec 00000000 00000064"), `"bgpDestinationAsNumber":65004,"bgpNextHopIPv4Address":"10.0.0.254","bgpSourceAsNumber":65001`},
		"a gateway, cut off": {opaque(1003, "00000000 0000fde8 0000fde9 0000fdea ffffffff"), `"bgpSourceAsNumber":65001`},
		"nobody knows":       {opaque(4242, "01020304"), ``},
	} {
		records := []string{c.record}
		if name == "as the switch saw it" {
			records = []string{c.record[:16+48], c.record[16+48:]}
		}
		if got := sample(t, records...); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestSamples(t *testing.T) {
	const head = `SFlow {"agent_address":"10.0.0.1",`
	counters := "00000001 00000005 00000001 00000000 00000001 " // of a sample: number, source, records
	interfaces := opaque(1, "00000005 00000006 000000003b9aca00 00000001 00000003 0000000100000000 00000002 00000003 00000004 00000005 00000006 00000007 0000000000000008 00000009 0000000a 0000000b 0000000c 0000000d 00000000")
	want(t, "counters", decode(t, "", sflow(opaque(2, "00000001 00000005 00000001"+interfaces))), head+`"flow_sequence":7,"ifDirection":1,"ifInBroadcastPkts":4,"ifInDiscards":5,"ifInErrors":6,"ifInMulticastPkts":3,"ifInOctets":4294967296,"ifInUcastPkts":2,"ifInUnknownProtos":7,"ifIndex":5,"ifOutBroadcastPkts":11,"ifOutDiscards":12,"ifOutErrors":13,"ifOutMulticastPkts":10,"ifOutOctets":8,"ifOutUcastPkts":9,"ifPromiscuousMode":0,"ifSpeed":1000000000,"ifStatus":3,"ifType":6,"sample_sequence":1,"sample_type":"counters","source_id":5,"source_type":0,"sub_agent_id":2,"sys_uptime":4096}`)
	want(t, "expanded counters", decode(t, "", sflow(opaque(4, "00000001 00000000 00000005 00000001"+opaque(1, "00000005")))), head+`"flow_sequence":7,"ifIndex":5,"sample_sequence":1,"sample_type":"counters","source_id":5,"source_type":0,"sub_agent_id":2,"sys_uptime":4096}`)
	want(t, "an expanded flow", decode(t, "", sflow(opaque(3, "00000009 00000000 01000005 00000100 00001000 00000001 00000000 01000003 00000001 00000004 00000000"))),
		head+`"drops":1,"egressInterface":null,"flow_sequence":7,"ingressInterface":16777219,"sample_pool":4096,"sample_sequence":9,"sample_type":"flow","sampling_rate":256,"source_id":16777221,"source_type":0,"sub_agent_id":2,"sys_uptime":4096}`)
	want(t, "several outputs", decode(t, "", sflow(opaque(1, "00000009 03000005 00000100 00001000 00000001 00000003 80000002 00000000"))),
		head+`"drops":1,"egressInterface":null,"flow_sequence":7,"ingressInterface":3,"sample_pool":4096,"sample_sequence":9,"sample_type":"flow","sampling_rate":256,"source_id":5,"source_type":3,"sub_agent_id":2,"sys_uptime":4096}`)
	const empty = head + `"flow_sequence":7,"sub_agent_id":2,"sys_uptime":4096}`
	want(t, "no samples", decode(t, "", sflow()), empty)
	want(t, "a sample that nobody knows", decode(t, "", sflow(opaque(4242, "01"))), empty)
	if got := decode(t, "", sflow(sampled(), sampled())); strings.Count(got, "SFlow") != 2 {
		t.Errorf("two samples:\n%s", got)
	}
	if got := decode(t, "", "00000005 00000002 20010db8000000000000000000000001 00000002 00000007 00001000 00000000"); !strings.Contains(got, `"agent_address":"2001:db8::1"`) {
		t.Errorf("an agent with IPv6: %s", got)
	}
	for name, broken := range map[string]string{
		"cut off in a sample":    strings.TrimSuffix(sflow(sampled(), sampled()), "00000000"),
		"a sample cut off":       sflow(sampled(), opaque(2, counters[:9])),
		"a record cut off":       sflow(sampled(), opaque(2, "00000001 00000005 00000001 00000001 00000058")),
		"more samples than here": strings.Replace(sflow(sampled()), "00001000 00000001", "00001000 00000009", 1),
	} {
		if got := decode(t, "", broken); strings.Count(got, "\n") != 0 || !strings.HasPrefix(got, "!SFlow ") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	for name, broken := range map[string]string{"version 4": "00000004 00000001", "no version": "0000 0001", "cut off at once": "00000005 00000001 0a0000"} {
		if got := decode(t, "", broken); got != untouched(broken) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func BenchmarkSFlowOfSevenSamples(b *testing.B) {
	one := sampled(raw(1, ether+"0800"+ip4+tcp))
	benchmark(b, sflow(one, one, one, one, one, one, one))
}
