//go:build integration

package filter

import (
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// TestIntegrationFiltersMeanWhatTcpdumpSays compares filters with the programs that tcpdump
// makes of them, on untagged packets without extension headers, where both see the same.
func TestIntegrationFiltersMeanWhatTcpdumpSays(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	compared := 0
	for range 400 {
		text := randomFilter(r, 3)
		out, err := exec.Command("tcpdump", "-ddd", "-y", "EN10MB", text).Output()
		if err != nil {
			if e, failed := err.(*exec.ExitError); failed && strings.Contains(string(e.Stderr), "expression rejects all packets") {
				continue
			}
			t.Fatalf("%s: %v", text, err)
		}
		vm := theirs(t, string(out))
		f, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for range 100 {
			data := RandomFrame(r)
			var p Packet
			p.Fill(data, Ethernet, 0, len(data), -1)
			whole := len(data) >= 14+60+4 // theirs says no to every packet that ends too early
			if !whole || len(p.Tags) > 0 || p.Ether == etherIPv6 && extends(int(data[20])) {
				continue
			}
			n, err := vm.Run(data)
			if err != nil {
				t.Fatal(err)
			}
			if compared++; f.Match(&p) != (n > 0) {
				t.Fatalf("%q on % x: ours %t, tcpdump %t", text, data, f.Match(&p), n > 0)
			}
		}
	}
	if compared < 5000 {
		t.Errorf("only %d comparisons", compared)
	}
}

// theirs reads a program as tcpdump writes it.
func theirs(t *testing.T, text string) *bpf.VM {
	t.Helper()
	var raw []bpf.RawInstruction
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		var n [4]uint64
		for i, field := range strings.Fields(line) {
			var err error
			if n[i], err = strconv.ParseUint(field, 10, 32); err != nil {
				t.Fatal(err)
			}
		}
		raw = append(raw, bpf.RawInstruction{Op: uint16(n[0]), Jt: uint8(n[1]), Jf: uint8(n[2]), K: uint32(n[3])})
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
