package collectdparser

import (
	"encoding/hex"
	"testing"
)

func FuzzDecode(f *testing.F) {
	for _, digits := range []string{
		"0000000977656231000008000c1522af28200000000009000c0000000280000000000200096c6f6164000006000f000101000000000000f03f",
		"0000000977656231000001000c00000000548abca00101000c000000000000000200020008637075000100000661000006000f000100000000000000f03f",
		"0001000c00000000548abca000060021000301000103000000000000f87f00000000000000070000000000000000",
		"0200002a2c64426927c3d8fa92427241eb51c081c27a457a40fd291acfabd99bd6bce08b6861726f6c64000000097765623100",
		"021000c100066861726f6c643df25308a42c3a11239f56d1b3d803a0f666985d6df3012b139f67b18de68ec565b860169cde917922c15480d493d076fcd5534ed0e4cfffc329f8b1ab1e944e099bcd671568f9bb713129c74ab008b320c8c5c0170d0aafac59f74fad0e12cad5f113504e59aac6adb69054e612e70b40569f7c17a29323ab6fe729b4f7c597919612cadd47c65131a5150d8eb429445c18b681f84b47eae53ac23cbe8597178f5ae31e5f7ebe1692e6f083b7f3d86374b09ecc4a",
	} {
		raw, err := hex.DecodeString(digits)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, packet string) {
		for _, nan := range []string{"null", "drop", "keep"} {
			d := decoder{users: map[string]string{"harold": "spam eggs", "": ""}, nan: nan}
			_ = d.decode(packet) // whatever it says, what it left must be in order
			at := 0
			for _, r := range d.records {
				if r.isNotification {
					continue
				}
				if r.first != at || r.end-r.first != len(r.sources) || r.end > len(d.values) || r.kept != nil && len(r.kept) != len(r.sources) || r.time.IsNull() {
					t.Fatalf("%s: bad record %+v", nan, r)
				}
				at = r.end
			}
		}
	})
}
