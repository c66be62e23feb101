package tcpsink_test

import (
	"io"
	"net"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/tcpsink"
)

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

// sponge is a peer that reads and forgets.
func sponge(b *testing.B) *wiretest.Peer {
	return wiretest.Listen(b, func(_ int, c net.Conn, _ io.Writer) {
		buf := make([]byte, 256<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	for name, options := range map[string]string{
		"newline": "", "octet_counted": "\nframing: octet_counted", "three_connections": "\nconnections: 3", "zstd": "\ncompression: zstd",
	} {
		b.Run(name, func(b *testing.B) {
			actortest.Bench(b, tcpsink.Spec, "address: "+sponge(b).Addr()+"\nformat: $(data)"+options, accessLine)
		})
	}
}

// BenchmarkPlainLoop writes the same bytes without anything around it.
func BenchmarkPlainLoop(b *testing.B) {
	c, err := net.Dial("tcp", sponge(b).Addr())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const batch = 5000
	buf := make([]byte, 0, batch*(len(accessLine)+1))
	b.SetBytes(int64(len(accessLine)))
	b.ResetTimer()
	for i := 0; i < b.N; i += batch {
		buf = buf[:0]
		for range min(batch, b.N-i) {
			buf = append(append(buf, accessLine...), '\n')
		}
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
}
