package netflowparser_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/netflowparser"
)

// bytesOf makes the bytes of hexadecimal digits, among which blanks and newlines may stand.
func bytesOf(t testing.TB, digits string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// packets makes events of packets from one exporter.
func packets(t testing.TB, from string, digits ...string) (list []*event.Event) {
	t.Helper()
	for _, d := range digits {
		e := actortest.Events(bytesOf(t, d))[0]
		e.SetReceivedFrom(from)
		list = append(list, e)
	}
	return list
}

// shown are events, one per line: ! for a tag, the type, and the fields, a packet that is
// still there in hexadecimal.
func shown(events []*event.Event) string {
	var lines []string
	for _, e := range events {
		mark := ""
		if actortest.Tags(e) != "" {
			mark = "!"
		}
		if v, _ := e.Field(event.Data); v.IsString() {
			e.SetField(event.Data, event.String(hex.EncodeToString([]byte(v.Str()))))
		}
		lines = append(lines, mark+e.Type()+" "+strings.TrimSuffix(strings.TrimPrefix(actortest.JSON(e), `{"data":`), "}"))
	}
	return strings.Join(lines, "\n")
}

func decode(t testing.TB, options string, digits ...string) string {
	t.Helper()
	return shown(actortest.Process(t, netflowparser.Spec, options, packets(t, "10.0.0.1:2055", digits...)...))
}

func want(t *testing.T, name, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

const documented = "00050002e9cfd946560e6acc0bd469710000000000000000c389e016c389e01800000000000000000000000100000040e9cfd946e9cfd94600000000000201000000000018180000c389e018c389e01600000000000000000000000100000065e9cfd946e9cfd94600000000000001000000000018180000"

func five(src, dst string, bytes, flags int, names string) string {
	return fmt.Sprintf(`NetFlowV5 {"byte_count":%d,"dst_as":0,"dst_mask":24,"dstaddr":%q,"dstport":0,"engine_id":0,"engine_type":0,"flow_sequence":0,"nexthop":"0.0.0.0","packet_count":1,"prot":1,"prot_name":"icmp","sampling_interval":0,"snmp_index_in_interface":0,"snmp_index_out_interface":0,"src_as":0,"src_mask":24,"srcaddr":%q,"srcport":0,"sys_uptime":3922712902,"tcp_flags":%s,"tcp_flags_binary":%d,"tos":0,"unix_nsecs":198470001,"unix_secs":1443785420,"uptime_end":3922712902,"uptime_start":3922712902}`, bytes, dst, src, names, flags)
}

func TestThePacketOfTheDocumentation(t *testing.T) {
	one, two := five("195.137.224.22", "195.137.224.24", 64, 2, `["SYN"]`), five("195.137.224.24", "195.137.224.22", 101, 0, `[]`)
	want(t, "two records", decode(t, "", documented), one+"\n"+two)
	want(t, "cut off", decode(t, "", documented[:len(documented)-2]), "!"+one)
	want(t, "all cut off", decode(t, "", documented[:80]), untouched(documented[:80]))
	want(t, "in another field", decode(t, "target_field: data.flow\nsource_field: data", documented), untouched(documented))
	out := actortest.Process(t, netflowparser.Spec, "target_field: a.b", packets(t, "x:1", documented)...)
	if v, ok := out[1].Get(event.MustPath("a.b.byte_count")); !ok || v.Text() != "101" || out[1].Has(event.KeyPath(event.Data)) {
		t.Errorf("in a field of its own it is %s", actortest.JSON(out[1]))
	}
	if out[1].ID() != out[0].ID()+".1" {
		t.Errorf("the ids are %s and %s", out[0].ID(), out[1].ID())
	}
	out = actortest.Process(t, netflowparser.Spec, "target_field: flow\nkeep_original: True", packets(t, "x:1", documented)...)
	if v, _ := out[0].Field(event.Data); v.Str() != bytesOf(t, documented) || !out[0].Has(event.MustPath("flow.prot")) {
		t.Errorf("the packet is not kept: %s", actortest.JSON(out[0]))
	}
}

func TestFixedForms(t *testing.T) {
	const record = "c0a80214 0a000001 0a0000fe 0001 0002 0000000a 000003e8 00000100 00000200 c000 0050 "
	common := `"byte_count":1000,%s"dstaddr":"10.0.0.1","dstport":80,%s"nexthop":"10.0.0.254","packet_count":10,"prot":6,"prot_name":"tcp",%s"snmp_index_in_interface":1,"snmp_index_out_interface":2,%s"srcaddr":"192.168.2.20","srcport":49152,"sys_uptime":4096,"tcp_flags":%s,"tcp_flags_binary":%d,"tos":8,"unix_nsecs":0,"unix_secs":1433152000,"uptime_end":512,"uptime_start":256}`
	const header = "0001 00001000 556c2a00 00000000 "
	want(t, "version 1", decode(t, "", "0001"+header+record+"0000 06 08 1b 0000000000000000000000"), "NetFlowV1 {"+fmt.Sprintf(common, "", "", "", "", `["FIN","SYN","PUSH","ACK"]`, 27))
	want(t, "version 5", decode(t, "", "0005"+header+"00000007 01 02 4064"+record+"00 ff 06 08 fde8 fde9 18 10 0000"),
		"NetFlowV5 {"+fmt.Sprintf(common, `"dst_as":65001,"dst_mask":16,`, `"engine_id":2,"engine_type":1,"flow_sequence":7,`, `"sampling_interval":100,`, `"src_as":65000,"src_mask":24,`, `["FIN","SYN","RST","PUSH","ACK","URG","ECE","CWR"]`, 255))
	want(t, "version 7", decode(t, "", "0007"+header+"00000007 00000000"+record+"00 10 06 08 fde8 fde9 18 10 0000 0a000002"),
		"NetFlowV7 {"+fmt.Sprintf(common, `"dst_as":65001,"dst_mask":16,`, `"flow_sequence":7,`, `"router_sc":"10.0.0.2",`, `"src_as":65000,"src_mask":24,`, `["ACK"]`, 16))
	want(t, "no records", decode(t, "", "0005 0000 00001000 556c2a00 00000000 00000007 00 00 0000"), `NetFlowV5 {"engine_id":0,"engine_type":0,"flow_sequence":7,"sampling_interval":0,"sys_uptime":4096,"unix_nsecs":0,"unix_secs":1433152000}`)
	for proto, name := range map[string]string{"11": "udp", "fd": "unknown", "3a": "ipv6-icmp", "00": "ip"} {
		if got := decode(t, "", "0001"+header+record+"0000 "+proto+" 08 1b 0000000000000000000000"); !strings.Contains(got, `"prot_name":"`+name+`"`) {
			t.Errorf("protocol %s is %s", proto, got)
		}
	}
}

// Pieces of NetFlow 9 packets.
const (
	nine     = "0009 0001 00001000 556c2a00 00000007 00000005 " // from source 5
	template = "0000 0018 0104 0004 0008 0004 000c 0004 0001 0004 0007 0002 "
	records  = "0104 0020 c0a80214 0a000001 000003e8 0050  c0a80215 0a000002 000003e9 0051 "
	nines    = `NetFlowV9 {"flow_sequence":7,"source_id":5,"sys_uptime":4096,"templates":1,"unix_secs":1433152000}`
)

func flow9(last, port int) string {
	return fmt.Sprintf(`NetFlowV9 {"destinationIPv4Address":"10.0.0.%d","flow_sequence":7,"octetDeltaCount":%d,"sourceIPv4Address":"192.168.2.%d","sourceTransportPort":%d,"source_id":5,"sys_uptime":4096,"template_id":260,"unix_secs":1433152000}`, last, 999+last, 19+last, port)
}

var flows9 = flow9(1, 80) + "\n" + flow9(2, 81)

func TestTemplatesOfNetFlow9(t *testing.T) {
	want(t, "in one packet", decode(t, "", nine+template+records), flows9)
	want(t, "in the packet before", decode(t, "", nine+template, nine+records), nines+"\n"+flows9)
	want(t, "not yet", decode(t, "", nine+records), untouched(nine+records))
	want(t, "of another source", decode(t, "", strings.Replace(nine, "00000005", "00000006", 1)+template, nine+records), strings.Replace(nines, `"source_id":5`, `"source_id":6`, 1)+"\n"+untouched(nine+records))
	other := nine + strings.Replace(template, "0104", "0105", 1) + records
	want(t, "of another number", decode(t, "", other), untouched(other))
	want(t, "changed", decode(t, "", nine+template+strings.Replace(template, "0007 0002", "000b 0002", 1)+records), changed())
	for name, from := range map[string][2]string{"of another exporter": {"10.0.0.1:2055", "10.0.0.2:2055"}, "of the same from another port": {"10.0.0.1:2055", "10.0.0.1:9999"}} {
		in := append(packets(t, from[0], nine+template), packets(t, from[1], nine+records)...)
		got := shown(actortest.Process(t, netflowparser.Spec, "", in...))
		if known := strings.Contains(got, "sourceIPv4Address"); known != strings.Contains(name, "same") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	want(t, "padding", decode(t, "", nine+template+strings.Replace(records, "0020", "0022", 1)+"0000"), flows9)
	want(t, "cut off in a record", decode(t, "", nine+template+records[:len(records)-6]), "!"+flow9(1, 80))
	want(t, "cut off behind the header", decode(t, "", nine[:30]), untouched(nine[:30]))
	want(t, "a set of nothing", decode(t, "", nine+template+records+"0105 0003"), flow9(1, 80)+"\n!"+flow9(2, 81))
	want(t, "a set that nobody knows", decode(t, "", nine+"0009 0008 01020304"+template+records), flows9)
}

// untouched is the line of a packet that could not be read.
func untouched(digits string) string {
	return "!Unknown \"" + strings.Join(strings.Fields(digits), "") + "\""
}

// changed are the flows by a template that has the port of the destination.
func changed() string {
	var lines []string
	for i := range 2 {
		line := flow9(i+1, 80+i)
		port := fmt.Sprintf(`"sourceTransportPort":%d,`, 80+i)
		line = strings.Replace(line, port, "", 1)
		lines = append(lines, strings.Replace(line, `"flow_sequence"`, strings.Replace(port, "source", "destination", 1)+`"flow_sequence"`, 1))
	}
	return strings.Join(lines, "\n")
}

func TestOptionsOfNetFlow9(t *testing.T) {
	// The scope is an interface; then there are the interval of sampling and a name.
	got := decode(t, "", nine+"0001 0018 0105 0004 0008  0002 0004  0022 0004  0052 0006 0000"+"0105 0014 00000003 00000064 657468300000 0000")
	want(t, "options", got, `NetFlowV9 {"flow_sequence":7,"interfaceName":"eth0","options":true,"samplingInterval":100,"scopeInterface":3,"source_id":5,"sys_uptime":4096,"template_id":261,"unix_secs":1433152000}`)
	got = decode(t, "", nine+"0001 0012 0105 0004 0004  0009 0004  0022 0004"+"0105 000c 00000003 00000064")
	if !strings.Contains(got, `"scopeOther":3`) {
		t.Errorf("a scope that nobody knows: %s", got)
	}
}

func ipfix(sets string) string {
	sets = strings.Join(strings.Fields(sets), "")
	return fmt.Sprintf("000a %04x 556c2a00 00000007 00000005 %s", 16+len(sets)/2, sets)
}

func set(id int, body string) string {
	body = strings.Join(strings.Fields(body), "")
	return fmt.Sprintf("%04x %04x %s ", id, 4+len(body)/2, body)
}

// element shows the record of a template with one element, without what all records have.
func element(t *testing.T, spec, value string) string {
	t.Helper()
	got := decode(t, "", ipfix(set(2, "0100 0001"+spec)+set(256, value)))
	got, ok := strings.CutPrefix(got, `IPFIX {`)
	if !ok {
		return got
	}
	for _, common := range []string{`"flow_sequence":7`, `"observation_domain_id":5`, `"template_id":256`, `"unix_secs":1433152000`} {
		got = strings.Replace(strings.Replace(got, common+",", "", 1), ","+common, "", 1)
	}
	return strings.TrimSuffix(got, "}")
}

func TestElementsOfAllTypes(t *testing.T) {
	for _, c := range [][3]string{
		{"0001 0008", "ffffffffffffffff", `"octetDeltaCount":18446744073709551615`},
		{"0001 0003", "0003e8", `"octetDeltaCount":1000`}, // fewer bytes than the type has
		{"0004 0001", "11", `"protocolIdentifier":17`},
		{"0008 0004", "c0a80214", `"sourceIPv4Address":"192.168.2.20"`},
		{"001b 0010", "20010db8000000000000000000000017", `"sourceIPv6Address":"2001:db8::17"`},
		{"0038 0006", "001122aabbcc", `"sourceMacAddress":"00:11:22:aa:bb:cc"`},
		{"0052 0008", "6574683000000000", `"interfaceName":"eth0"`},
		{"0052 ffff", "04 65746830", `"interfaceName":"eth0"`},
		{"0052 ffff", "ff 0004 65746830", `"interfaceName":"eth0"`},
		{"0052 ffff", "00", `"interfaceName":""`},
		{"0001 ffff", "00", `"octetDeltaCount":null`},
		{"0096 0004", "556c2a00", `"flowStartSeconds":"2015-06-01T09:46:40Z"`},
		{"0098 0008", "0000014dae84107b", `"flowStartMilliseconds":"2015-06-01T09:46:40.123Z"`},
		{"009a 0008", "d916a880 1f7ced91", `"flowStartMicroseconds":"2015-06-01T09:46:40.123000Z"`},
		{"009c 0008", "d916a880 1f7ced91", `"flowStartNanoseconds":"2015-06-01T09:46:40.123000000Z"`},
		{"0098 0008", "ffffffffffffffff", `"flowStartMilliseconds":18446744073709551615`},
		{"0098 0002", "ffff", `"flowStartMilliseconds":"ffff"`},
		{"0114 0001", "01", `"dataRecordsReliability":true`},
		{"0114 0001", "02", `"dataRecordsReliability":false`},
		{"0114 0001", "03", `"dataRecordsReliability":3`},
		{"0137 0008", "3fe0000000000000", `"samplingProbability":0.5`},
		{"0137 0004", "3f000000", `"samplingProbability":0.5`},
		{"0137 0002", "3f00", `"samplingProbability":"3f00"`},
		{"01b2 0004", "fffffffe", `"mibObjectValueInteger":-2`},
		{"005f 0004", "03000050", `"applicationId":"03000050"`},
		{"0046 0003", "000641", `"mplsTopLabelStackSection":"000641"`},
		{"0008 0003", "c0a802", `"sourceIPv4Address":"c0a802"`},
		{"0001 000a", "00000000000000000001", `"octetDeltaCount":"00000000000000000001"`},
		{"0123 ffff", "05 0300040001", `"basicList":"0300040001"`},
		{"7000 0004", "0000000a", `"element28672":10`},
		{"7000 0003", "00000a", `"element28672":"00000a"`},
		{"bb2e 0004 00000009", "0000000a", `"enterprise9_15150":10`},
		{"bb2e 0005 00000009", "7370616d21", `"enterprise9_15150":"7370616d21"`},
		{"8001 0008 00007279", "0000000000000400", `"reverseOctetDeltaCount":1024`},
		{"9b2e 0002 00007279", "0400", `"enterprise29305_6958":1024`},
	} {
		if got := element(t, c[0], c[1]); got != c[2] {
			t.Errorf("element %s with %s is %s, want %s", c[0], c[1], got, c[2])
		}
	}
	long := strings.Repeat("ab", 300)
	if got := element(t, "005f ffff", "ff 012c"+long); got != `"applicationId":"`+long+`"` {
		t.Errorf("300 octets are %s", got)
	}
}

func TestIPFIX(t *testing.T) {
	two := set(2, "0100 0002 0008 0004 0052 ffff") + set(256, "c0a80214 02 6c6f  c0a80215 04 65746830 ")
	record := func(n int, name string) string {
		return fmt.Sprintf(`IPFIX {"flow_sequence":7,"interfaceName":%q,"observation_domain_id":5,"sourceIPv4Address":"192.168.2.%d","template_id":256,"unix_secs":1433152000}`, name, n)
	}
	both := record(20, "lo") + "\n" + record(21, "eth0")
	want(t, "lengths that vary", decode(t, "", ipfix(two)), both)
	want(t, "two messages", decode(t, "", ipfix(two)+ipfix(set(256, "c0a80216 00"))), both+"\n"+record(22, ""))
	want(t, "another version behind", decode(t, "", ipfix(two)+"0005 0010 556c2a00 00000007 00000005"), record(20, "lo")+"\n!"+record(21, "eth0"))
	want(t, "a message of nothing", decode(t, "", ipfix(two)+"000a 000f 556c2a00 00000007 00000005"), record(20, "lo")+"\n!"+record(21, "eth0"))
	want(t, "a message cut off", decode(t, "", ipfix(two)+"000a 0010"), record(20, "lo")+"\n!"+record(21, "eth0"))
	want(t, "a text cut off", decode(t, "", ipfix(set(2, "0100 0002 0008 0004 0052 ffff")+set(256, "c0a80214 02 6c6f  c0a80215 05 65746830 "))), "!"+record(20, "lo"))
	want(t, "options", decode(t, "", ipfix(set(3, "0101 0002 0001 0095 0004 0022 0004")+set(257, "00000005 00000064"))),
		`IPFIX {"flow_sequence":7,"observationDomainId":5,"observation_domain_id":5,"options":true,"samplingInterval":100,"template_id":257,"unix_secs":1433152000}`)
	want(t, "an element three times", decode(t, "", ipfix(set(2, "0100 0003 0008 0004 0008 0004 0008 0004")+set(256, "c0a80214 c0a80215 c0a80216"))),
		`IPFIX {"flow_sequence":7,"observation_domain_id":5,"sourceIPv4Address":["192.168.2.20","192.168.2.21","192.168.2.22"],"template_id":256,"unix_secs":1433152000}`)
	for name, withdrawal := range map[string]string{"one template": set(2, "0100 0000"), "all templates": set(2, "0002 0000")} {
		got := decode(t, "", ipfix(two), ipfix(withdrawal), ipfix(set(256, "c0a80216 00")))
		if !strings.Contains(got, "\n!Unknown") || !strings.HasPrefix(got, both) {
			t.Errorf("%s withdrawn:\n%s", name, got)
		}
	}
	if got := decode(t, "", ipfix(two), ipfix(set(3, "0003 0000")), ipfix(set(256, "c0a80216 00"))); strings.Contains(got, "!") {
		t.Errorf("options templates withdrawn:\n%s", got)
	}
}

func TestTemplatesThatMakeNoSense(t *testing.T) {
	for name, packet := range map[string]string{
		"a number below 256":        nine + "0000 000c 00ff 0001 0008 0004",
		"fields missing":            nine + "0000 000c 0104 0002 0008 0004",
		"too many fields":           nine + "0000 000c 0104 ffff 0008 0004",
		"records of no length":      nine + "0000 000c 0104 0001 0008 0000",
		"options without scope":     nine + "0001 0008 0105 0004",
		"more scope than fields":    ipfix(set(3, "0101 0001 0002 0095 0004")),
		"an enterprise missing":     ipfix(set(2, "0100 0001 8001 0004")),
		"variable, but NetFlow 9":   nine + "0000 000c 0104 0001 0008 ffff",
		"options fields missing":    nine + "0001 0012 0105 0004 0008  0002 0004  0022 0004",
		"no version that is known":  "0003 0001 00000000",
		"nothing":                   "",
		"too short for a version":   "0005",
		"not even a header":         "000a 0014 556c2a00",
		"more than fits a datagram": strings.Repeat("00", 65536),
	} {
		if got := decode(t, "", packet); !strings.HasPrefix(got, "!Unknown ") || strings.Contains(got, "\n") {
			t.Errorf("%s: %s", name, got)
		}
	}
	want(t, "templates of nothing are padding", decode(t, "", nine+"0000 0020 0104 0004 0008 0004 000c 0004 0001 0004 0007 0002 00000000 00000000"+records), flows9)
}

func TestPacketsCannotGrowWithoutBound(t *testing.T) {
	// Every byte of the second set is a record.
	got := decode(t, "", ipfix(set(2, "0100 0001 0004 0001")+set(256, strings.Repeat("06", 20000))))
	if n := strings.Count(got, "\n") + 1; n != 4096 || !strings.Contains(got, "\n!IPFIX") {
		t.Errorf("there are %d events", n)
	}
	// Every byte is a record of a thousand fields.
	fields := strings.Repeat("0004 0000", 999) + "0004 0001"
	got = decode(t, "", ipfix(set(2, "0100 03e8"+fields)+set(256, strings.Repeat("06", 20000))))
	if n := strings.Count(got, "\n") + 1; n > 60000 {
		t.Errorf("there are %d events", n)
	}
	// Exporters and elements that nobody knows are endless.
	var in []*event.Event
	for i := range 9 {
		spec := ""
		for k := range 1000 {
			spec += fmt.Sprintf("%04x 0001 %08x", 0x8000|k, 100+i)
		}
		in = append(in, packets(t, fmt.Sprintf("10.0.0.%d:1", i), ipfix(set(2, "0100 03e8"+spec)))...)
	}
	tagged := strings.Count(shown(actortest.Process(t, netflowparser.Spec, "", in...)), "!")
	if tagged != 5 {
		t.Errorf("%d of 9 templates were refused", tagged)
	}
}

const wait = "template_wait_in_secs: 60"

func TestRecordsWaitForTheirTemplate(t *testing.T) {
	want(t, "then they come", decode(t, wait, nine+records, nine+template), nines+"\n"+flows9)
	other := strings.Replace(records, "0104", "0105", 1)
	also := strings.Replace(template, "0104", "0105", 1)
	otherFlows := strings.ReplaceAll(flows9, `"template_id":260`, `"template_id":261`)
	want(t, "some can be read at once", decode(t, wait, nine+template+records+other, nine+also), flows9+"\n"+nines+"\n"+otherFlows)
	want(t, "two sets of one packet", decode(t, wait, nine+records+other, nine+also, nine+template), nines+"\n"+otherFlows+"\n"+nines+"\n"+flows9)
	want(t, "never", decode(t, wait, nine+records), untouched(nine+records))
	kept := actortest.Process(t, netflowparser.Spec, wait+"\nkeep_original: True\ntarget_field: f", packets(t, "10.0.0.1:2055", nine+records, nine+template)...)
	for i, packet := range []string{nine + template, nine + records, nine + records} {
		if v, _ := kept[i].Field(event.Data); v.Str() != bytesOf(t, packet) || !kept[i].Has(event.MustPath("f.source_id")) {
			t.Errorf("event %d has not kept its packet: %s", i, actortest.JSON(kept[i]))
		}
	}
	want(t, "of IPFIX", decode(t, wait, ipfix(set(256, "06")), ipfix(set(2, "0100 0001 0004 0001"))),
		`IPFIX {"flow_sequence":7,"observation_domain_id":5,"templates":1,"unix_secs":1433152000}`+"\n"+`IPFIX {"flow_sequence":7,"observation_domain_id":5,"protocolIdentifier":6,"template_id":256,"unix_secs":1433152000}`)
	want(t, "broken behind", decode(t, wait, nine+records+"0105 0002", nine+template), untouched(nine+records+"0105 0002")+"\n"+nines+"\n"+flows9)
	want(t, "broken themselves", decode(t, wait, ipfix(set(256, "05 6574")), ipfix(set(2, "0100 0001 0052 ffff"))), `IPFIX {"flow_sequence":7,"observation_domain_id":5,"templates":1,"unix_secs":1433152000}`+"\n"+untouched(ipfix(set(256, "05 6574"))))
}

func TestEveryEventOfAPacketThatWaitedHasAnIDOfItsOwn(t *testing.T) {
	other := strings.Replace(records, "0104", "0105", 1)
	in := packets(t, "10.0.0.1:2055", nine+template+records+other, nine+strings.Replace(template, "0104", "0105", 1))
	id := in[0].ID()
	out := actortest.Process(t, netflowparser.Spec, wait+"\nadd_fields: {x: y}", in...)
	var got []string
	for _, e := range out {
		got = append(got, strings.TrimPrefix(e.ID(), id))
		if e.ReceivedFrom() != "10.0.0.1:2055" || !e.Has(event.MustPath("x")) {
			t.Errorf("the event %s has lost something", actortest.Whole(e))
		}
	}
	got[2] = "template"
	if s := strings.Join(got, " "); s != " .1 template .2 .3" {
		t.Errorf("the ids end with %s", s)
	}
}

func TestWorkersShareTemplatesAndWhatWaits(t *testing.T) {
	var batches [][]*event.Event
	for i := range 50 {
		batches = append(batches, packets(t, "10.0.0.1:2055", nine+records, nine+strings.Replace(records, "0104", "0105", 1)+records))
		if i == 20 {
			batches = append(batches, packets(t, "10.0.0.1:2055", nine+strings.Replace(template, "0104", "0105", 1)))
		}
		if i == 30 {
			batches = append(batches, packets(t, "10.0.0.1:2055", nine+template))
		}
	}
	out := actortest.Batches(t, netflowparser.Spec, wait+"\npool_size: 4", batches...)
	ids := map[string]bool{}
	for _, e := range out {
		if ids[e.ID()] || actortest.Tags(e) != "" {
			t.Fatalf("the event %s is there twice or is tagged", actortest.Whole(e))
		}
		ids[e.ID()] = true
	}
	if n := 50*(2+4) + 2; len(out) != n {
		t.Errorf("%d events of %d", len(out), n)
	}
}

func TestPacketsDoNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := make(chan string)
		r := actortest.Start(t, "- Lines\n- NetFlowParser: {template_wait_in_secs: 10}\n- TestCatch\n", netflowparser.Spec, actortest.Lines(lines))
		lines <- bytesOf(t, nine+records)
		synctest.Wait()
		time.Sleep(9 * time.Second)
		lines <- bytesOf(t, nine+records)
		synctest.Wait()
		time.Sleep(7 * time.Second) // the first one is over its time, the second one is not
		lines <- bytesOf(t, nine+template)
		close(lines)
		events := r.Finish()
		got := shown(events)
		if n := strings.Count(got, "!Unknown"); n != 1 || !strings.HasPrefix(got, "!Unknown") || !strings.HasSuffix(got, flows9) || len(events) != 4 {
			t.Errorf("got\n%s", got)
		}
	})
}

func TestOnlySoManyPacketsWait(t *testing.T) {
	var in []*event.Event
	for range 10_100 {
		in = append(in, packets(t, "10.0.0.1:2055", ipfix(set(256, "06")))...)
	}
	in = append(in, packets(t, "10.0.0.1:2055", ipfix(set(2, "0100 0001 0004 0001")))...)
	out := actortest.Process(t, netflowparser.Spec, wait, in...)
	tagged := 0
	for _, e := range out {
		if actortest.Tags(e) != "" {
			tagged++
		}
	}
	if tagged != 100 || len(out) != 10_101 {
		t.Errorf("%d of %d events are tagged", tagged, len(out))
	}
}

func TestOtherValuesPass(t *testing.T) {
	actortest.Cases(t, netflowparser.Spec, map[string]actortest.Case{
		"no text": {In: `{"data": 5}`, Want: `{"data":5}`, Tags: "net_flow_parser_failure"},
		"missing": {In: `{"x": 5}`, Want: `{"x":5}`},
	})
	actortest.Survive(t, netflowparser.Spec, "data")
	actortest.Wrong(t, netflowparser.Spec, map[string]string{"template_wait_in_secs: -1": "at least 0s", "source_fields: [a, b]": "must be string"})
	if err := actortest.Options(t, netflowparser.Spec, "pool_size: 4"); err != nil {
		t.Error(err)
	}
}

func TestRecordsDoNotShowInOneAnother(t *testing.T) {
	out := actortest.Process(t, netflowparser.Spec, "add_fields: {'data.tcp_flags.0': '$(gambolputty.event_id)'}", packets(t, "x:1", strings.ReplaceAll(documented, "000001000000000018", "000201000000000018"))...)
	for _, e := range out {
		if v, _ := e.Get(event.MustPath("data.tcp_flags")); v.Text() != `["`+e.ID()+`"]` {
			t.Errorf("flags are %s", v.Text())
		}
	}
}

func benchmark(b *testing.B, packet string) {
	actortest.Bench(b, netflowparser.Spec, "", bytesOf(b, packet))
}

func BenchmarkV5OfThirtyRecords(b *testing.B) {
	benchmark(b, "0005001e"+documented[8:48]+strings.Repeat(documented[48:144], 30))
}

func BenchmarkV9OfTwentyFourRecords(b *testing.B) {
	fields := "0008 0004 000c 0004 000f 0004 000a 0004 000e 0004 0002 0004 0001 0004 0016 0004 0015 0004 0007 0002 000b 0002 0006 0001 0004 0001 0005 0001 0010 0004 0011 0004 0009 0001 000d 0001 "
	record := "c0a80214 0a000001 0a0000fe 00000001 00000002 0000000a 000003e8 00000100 00000200 c000 0050 1b 06 08 0000fde8 0000fde9 18 10 "
	benchmark(b, nine+set(0, "0104 0012"+fields)+set(260, strings.Repeat(record, 24)))
}
