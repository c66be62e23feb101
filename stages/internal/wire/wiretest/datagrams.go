package wiretest

import (
	"net"
	"testing"
)

// Packets listens for datagrams until the end of the test.
func Packets(t testing.TB, network, address string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Datagrams waits for the next datagrams.
func Datagrams(t testing.TB, c net.PacketConn, count int) []string {
	t.Helper()
	const longest = 70_000
	var list []string
	buf := make([]byte, longest)
	for range count {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(buf[:n]))
	}
	return list
}
