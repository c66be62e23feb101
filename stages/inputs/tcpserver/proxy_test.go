package tcpserver

import (
	"bytes"
	"net/netip"
	"testing"
)

func FuzzProxyHeader(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 192.0.2.1 10.0.0.1 5000 5151\r\nrest", "PROXY UNKNOWN\r\n", "PROXY TCP6 2001:db8::1 ::1 5000 5151\r\n", "PROXY TCP4 ::ffff:1.2.3.4%eth0 x 1 2\r\n",
		proxySecond + "\x21\x11\x00\x0c\xc0\x00\x02\x01\x0a\x00\x00\x01\x13\x88\x14\x1frest", proxySecond + "\x21\x21\xff\xff", proxySecond + "\x20\x00\x00\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		from, err := readProxyHeader(r)
		if err == nil && from != "" {
			if _, err := netip.ParseAddrPort(from); err != nil {
				t.Errorf("the sender is %q", from)
			}
		}
		if err == nil && r.Len() == len(stream) {
			t.Error("a header of no bytes was found")
		}
	})
}
