package filter

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// frame makes an Ethernet frame of a type.
func frame(ether uint16, payload ...byte) []byte {
	b := make([]byte, 12, 14+len(payload))
	return append(binary.BigEndian.AppendUint16(b, ether), payload...)
}

// ipv4 makes a packet.
func ipv4(proto byte, src, dst string, rest ...byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0}
	b = append(b, netip.MustParseAddr(src).AsSlice()...)
	b = append(b, netip.MustParseAddr(dst).AsSlice()...)
	return append(b, rest...)
}

func ipv6(next byte, src, dst string, rest ...byte) []byte {
	b := []byte{0x60, 0, 0, 0, 0, 0, next, 64}
	b = append(b, netip.MustParseAddr(src).AsSlice()...)
	b = append(b, netip.MustParseAddr(dst).AsSlice()...)
	return append(b, rest...)
}

func ports(a, b uint16, rest ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, a), b), rest...)
}

func tag(id uint16, frame []byte) []byte {
	b := append([]byte(nil), frame[:12]...)
	b = append(b, 0x81, 0)
	b = binary.BigEndian.AppendUint16(b, id)
	return append(b, frame[12:]...)
}

var samples = map[string][]byte{
	"tcp":    frame(etherIPv4, ipv4(protoTCP, "10.0.0.1", "10.0.0.2", ports(40000, 80, make([]byte, 16)...)...)...),
	"udp":    frame(etherIPv4, ipv4(protoUDP, "10.0.0.2", "192.168.1.9", ports(53, 5353, make([]byte, 4)...)...)...),
	"icmp":   frame(etherIPv4, ipv4(protoICMP, "10.0.0.1", "10.0.0.2", 8, 0, 0, 0)...),
	"arp":    frame(etherARP, append(append(append([]byte{0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0, 0, 0, 0}, 10, 0, 0, 1), make([]byte, 6)...), 10, 0, 0, 9)...),
	"tcp6":   frame(etherIPv6, ipv6(protoTCP, "2001:db8::1", "2001:db8::2", ports(443, 50000, make([]byte, 16)...)...)...),
	"ext6":   frame(etherIPv6, ipv6(0, "2001:db8::1", "2001:db8::2", append([]byte{protoUDP, 0, 0, 0, 0, 0, 0, 0}, ports(53, 53, 0, 0, 0, 0)...)...)...),
	"tagged": tag(7, tag(12, frame(etherIPv4, ipv4(protoTCP, "10.0.0.1", "10.0.0.2", ports(22, 4000, make([]byte, 16)...)...)...))),
	"fragment": func() []byte {
		b := frame(etherIPv4, ipv4(protoTCP, "10.0.0.1", "10.0.0.2", ports(1, 80)...)...)
		b[21] = 9
		return b
	}(),
	"short": frame(etherIPv4, 0x45, 0),
	"other": frame(0x88cc, 1, 2, 3),
	"runt":  {1, 2},
}

// SNIFF-11.
func TestFilters(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "arp ext6 fragment icmp other runt short tagged tcp tcp6 udp",
		"tcp":                                  "fragment tagged tcp tcp6",
		"udp":                                  "ext6 udp",
		"icmp":                                 "icmp",
		"arp":                                  "arp",
		"ip":                                   "fragment icmp short tagged tcp udp",
		"ip6":                                  "ext6 tcp6",
		"vlan":                                 "tagged",
		"vlan 12":                              "tagged",
		"vlan 8":                               "",
		"host 10.0.0.1":                        "arp fragment icmp tagged tcp",
		"src host 10.0.0.2":                    "udp",
		"dst 10.0.0.2":                         "fragment icmp tagged tcp",
		"src 10.0.0.1 or 10.0.0.2":             "arp fragment icmp tagged tcp udp",
		"arp host 10.0.0.9":                    "arp",
		"ip host 10.0.0.9":                     "",
		"host 2001:db8::2":                     "ext6 tcp6",
		"net 10.0.0.0/8":                       "arp fragment icmp tagged tcp udp",
		"src and dst net 10":                   "arp fragment icmp tagged tcp",
		"net 192.168":                          "udp",
		"net 192.168.0.0 mask 255.255.0.0":     "udp",
		"dst net 2001:db8::/32":                "ext6 tcp6",
		"net 0.0.0.0/0":                        "arp fragment icmp tagged tcp udp",
		"port 80":                              "tcp",
		"tcp src port 443":                     "tcp6",
		"ip6 port 443":                         "tcp6",
		"udp port 53":                          "ext6 udp",
		"port 80 or 53":                        "ext6 tcp udp",
		"src or dst portrange 4000-5353":       "tagged udp",
		"dst portrange 79-81":                  "tcp",
		"greater 54":                           "ext6 tagged tcp tcp6",
		"less 16":                              "runt short",
		"not ip and not ip6":                   "arp other runt",
		"!(ip || ip6)":                         "arp other runt",
		"tcp && !port 80 and not (vlan)":       "fragment tcp6",
		"icmp or udp and port 53":              "ext6 udp",
		"tcp and (port 80 or port 443) or arp": "arp tcp tcp6",
	} {
		f, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, name := range []string{"arp", "ext6", "fragment", "icmp", "other", "runt", "short", "tagged", "tcp", "tcp6", "udp"} {
			var p Packet
			p.Fill(samples[name], Ethernet, 0, len(samples[name]), -1)
			if f.Match(&p) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s matches %v", text, got)
		}
	}
}

func TestATagThatTheKernelTookOutIsOne(t *testing.T) {
	f, err := Parse("vlan 7 and tcp port 80")
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	if p.Fill(samples["tcp"], Ethernet, 0, 60, 7|3<<13); !f.Match(&p) {
		t.Errorf("%+v does not match", p)
	}
	if p.Fill(samples["tcp"][14:], Network, etherIPv4, 60, -1); f.Match(&p) || p.SourcePort != 40000 {
		t.Errorf("%+v", p)
	}
}

func TestMistakesAreShown(t *testing.T) {
	for text, want := range map[string]string{
		"tcp prt 80":                          `at character 5: "prt" was not expected`,
		"port http":                           "at character 6: the number of a port was expected",
		"port 80-90":                          "at character 6: the number of a port was expected",
		"portrange 90-80":                     "at character 11: two ports",
		"port 70000":                          "at character 6: the number",
		"host example.com":                    "at character 6: an address was expected",
		"net 10.0.0.1/8":                      "at character 5: the address has bits behind the end of the network, write 10.0.0.0/8",
		"net 10.0.0.0/40":                     "at character 5: a network was expected",
		"net 10.0.0.0 mask 255.0.255.0":       "at character 19: the mask has holes",
		"(tcp":                                "at character 5: a closing parenthesis is missing",
		"tcp)":                                `at character 4: ")" was not expected`,
		"tcp and":                             "at character 8: the filter ends too early",
		"and tcp":                             `at character 1: "and" was not expected`,
		"tcp & udp":                           `at character 5: "&" was not expected`,
		"icmp port 5":                         "at character 1: icmp has no ports",
		"tcp host 10.0.0.1":                   "at character 1: tcp has no addresses",
		"ip6 host 10.0.0.1":                   "at character 10: the address is of another kind",
		"vlan 5000":                           "at character 6: the id of a VLAN",
		"greater spam":                        "at character 9: a length was expected",
		"80":                                  `at character 1: "80" was not expected`,
		strings.Repeat("!", 200) + "tcp":      "too many parentheses",
		strings.Repeat("tcp or ", 300) + "ip": "too long",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v, want %s", text, err, want)
		}
	}
}

// machine runs the program for a filter. It panics if the program is wrong.
func machine(t testing.TB, f Filter) *bpf.VM {
	t.Helper()
	raw := f.Program(Ethernet, 65536)
	if raw == nil {
		return nil
	}
	code, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program cannot be read")
	}
	vm, err := bpf.NewVM(code)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// agree complains if the program leaves out what the filter takes, or takes more than it must.
func agree(t testing.TB, text string, f Filter, vm *bpf.VM, data []byte) {
	t.Helper()
	var p Packet
	p.Fill(data, Ethernet, 0, len(data), -1)
	n, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Match(&p) && n == 0 {
		t.Fatalf("the program for %q leaves out % x", text, data)
	}
	if n > 0 && !f.Match(&p) && len(data) >= 14+60+4 && len(p.Tags) == 0 && p.Ether != etherIPv6 {
		t.Fatalf("the program for %q takes % x", text, data)
	}
}

func TestProgramsTakeWhatFiltersTake(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		text := randomFilter(r, 4)
		f, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		vm := machine(t, f)
		if vm == nil {
			continue
		}
		for range 50 {
			agree(t, text, f, vm, RandomFrame(r))
		}
		for _, data := range samples {
			agree(t, text, f, vm, data)
		}
	}
}

func TestWhatTheKernelCannotSeeIsLeftToUs(t *testing.T) {
	for text, links := range map[string]int{"vlan and tcp": 0, "not vlan": 0, "greater 5": 1, "tcp": 2, "": 0} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, l := range []Link{Ethernet, Network} {
			if f.Program(l, 100) != nil {
				n++
			}
		}
		if n != links {
			t.Errorf("%q: %d programs", text, n)
		}
	}
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func randomFilter(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		switch r.IntN(4) {
		case 0:
			return "not " + randomFilter(r, depth-1)
		case 1:
			return "(" + randomFilter(r, depth-1) + ")"
		}
		return "(" + randomFilter(r, depth-1) + ") " + pick(r, "and", "or") + " (" + randomFilter(r, depth-1) + ")"
	}
	switch r.IntN(6) {
	case 0:
		return pick(r, "tcp", "udp", "icmp", "arp", "ip", "ip6", "icmp6", "rarp", "sctp")
	case 1:
		return pick(r, "", "src ", "dst ", "src or dst ", "src and dst ") + "host " + pick(r, "10.0.0.1", "10.0.0.2", "192.168.1.1", "2001:db8::1")
	case 2:
		return pick(r, "", "src ", "dst ") + "net " + pick(r, "10.0.0.0/8", "10.0.0.0/31", "192.168.0.0/16", "2001:db8::/32", "2001:db8::/127")
	case 3:
		return pick(r, "", "tcp ", "udp ", "sctp ") + pick(r, "", "src ", "dst ", "src and dst ") + "port " + pick(r, "80", "53", "443")
	case 4:
		return pick(r, "", "tcp ", "udp ") + pick(r, "", "src ", "dst ") + "portrange " + pick(r, "50-100", "0-65535", "443-443")
	}
	return pick(r, "greater ", "less ") + fmt.Sprint(r.IntN(120))
}

// RandomFrame makes a frame that filters may match, often one that is cut off.
func RandomFrame(r *rand.Rand) []byte {
	rest := ports([]uint16{80, 53, 443, 5000}[r.IntN(4)], []uint16{80, 53, 443, 5000}[r.IntN(4)], make([]byte, r.IntN(60))...)
	v4 := func() string { return pick(r, "10.0.0.1", "10.0.0.2", "10.9.9.9", "192.168.1.1", "8.8.8.8") }
	v6 := func() string { return pick(r, "2001:db8::1", "2001:db8::2", "fe80::1") }
	proto := []byte{protoTCP, protoUDP, protoICMP, protoSCTP, protoICMP6, 47}[r.IntN(6)]
	var b []byte
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		b = frame(etherIPv4, ipv4(proto, v4(), v4(), rest...)...)
		if r.IntN(8) == 0 {
			b[14] = 0x40 | byte(r.IntN(16))
		}
		if r.IntN(8) == 0 {
			b[20], b[21] = byte(r.IntN(256)), byte(r.IntN(3))
		}
	case 4, 5:
		if r.IntN(6) == 0 {
			proto = []byte{0, 43, 44, 60}[r.IntN(4)]
		}
		b = frame(etherIPv6, ipv6(proto, v6(), v6(), rest...)...)
	case 6:
		a, c := netip.MustParseAddr(v4()).As4(), netip.MustParseAddr(v4()).As4()
		b = frame([]uint16{etherARP, etherRARP}[r.IntN(2)], append(append(append([]byte{0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0, 0, 0, 0}, a[:]...), make([]byte, 6)...), c[:]...)...)
	default:
		b = frame(uint16(r.IntN(65536)), rest...)
	}
	switch r.IntN(10) {
	case 0:
		b = b[:r.IntN(len(b))]
	case 1:
		b = tag(uint16(r.IntN(4096)), b)
	}
	return b
}

// FuzzFilter checks that whatever is read can be used, on any packet.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{"tcp port 80", "not (src net 10.0.0.0/8 or dst host ::1) and greater 5", "vlan 5 && udp portrange 1-2", "src or dst 10.0.0.1 or 10.0.0.2"} {
		f.Add(text, samples["tcp"])
		f.Add(text, samples["tagged"])
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		parsed, err := Parse(text)
		if err != nil {
			return
		}
		var p Packet
		p.Fill(data, Ethernet, 0, len(data), -1)
		matches := parsed.Match(&p)
		if len(data) == 0 { // the machine takes no empty packets
			return
		}
		vm := machine(t, parsed)
		if vm == nil {
			return
		}
		n, err := vm.Run(data)
		if err != nil {
			t.Fatal(err)
		}
		if matches && n == 0 {
			t.Fatalf("the program for %q leaves out % x", text, data)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	f, err := Parse("tcp and (port 80 or port 443) and net 10.0.0.0/8")
	if err != nil {
		b.Fatal(err)
	}
	var p Packet
	data := samples["tcp"]
	for range b.N {
		p.Fill(data, Ethernet, 0, len(data), -1)
		f.Match(&p)
	}
}
