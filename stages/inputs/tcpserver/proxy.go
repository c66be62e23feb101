package tcpserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
)

// The PROXY protocol: https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt.
const (
	proxyFirst  = "PROXY "
	proxySecond = "\r\n\r\n\x00\r\nQUIT\n"
	// longestProxyLine is the longest header of version 1 with its line ending.
	longestProxyLine = 107
)

var errNoProxy = errors.New("there is none")

// readProxyHeader reads the header and nothing behind it. It returns the address of the
// sender, "" if the proxy does not know it.
func readProxyHeader(r io.Reader) (from string, err error) {
	start := make([]byte, len(proxyFirst))
	if _, err := io.ReadFull(r, start); err != nil {
		return "", err
	}
	switch {
	case string(start) == proxyFirst:
		return readProxyLine(r)
	case strings.HasPrefix(proxySecond, string(start)):
		rest := make([]byte, len(proxySecond)-len(start)+4)
		if _, err := io.ReadFull(r, rest); err != nil {
			return "", err
		}
		if !bytes.HasPrefix(rest, []byte(proxySecond[len(start):])) {
			return "", errNoProxy
		}
		return readProxyBlock(r, rest[len(rest)-4:])
	}
	return "", errNoProxy
}

// readProxyLine reads the rest of version 1: TCP4 source destination port port.
func readProxyLine(r io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		if len(line) > longestProxyLine {
			return "", errNoProxy
		}
		if _, err := io.ReadFull(r, one); err != nil {
			return "", err
		}
		line = append(line, one[0])
	}
	parts := strings.Fields(string(line))
	if len(parts) == 0 {
		return "", errNoProxy
	}
	if parts[0] == "UNKNOWN" {
		return "", nil
	}
	if len(parts) != 5 {
		return "", errNoProxy
	}
	ip := parts[1]
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	from, err := netip.ParseAddrPort(ip + ":" + parts[3])
	if err != nil {
		return "", errNoProxy
	}
	return from.String(), nil
}

// readProxyBlock reads the addresses of version 2. head is version and command, family,
// and the length of what follows.
func readProxyBlock(r io.Reader, head []byte) (string, error) {
	body := make([]byte, binary.BigEndian.Uint16(head[2:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return "", err
	}
	const local = 0
	size := map[byte]int{1: 4, 2: 16}[head[1]>>4] // bytes of an address
	if head[0]>>4 != 2 || head[0]&0x0f != local && size > 0 && len(body) < 2*size+4 {
		return "", errNoProxy
	}
	if head[0]&0x0f == local || size == 0 {
		return "", nil
	}
	ip, _ := netip.AddrFromSlice(body[:size])
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(body[2*size:])).String(), nil
}
