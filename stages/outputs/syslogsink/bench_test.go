package syslogsink_test

import (
	"io"
	"net"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/syslogsink"
)

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

func BenchmarkEvents(b *testing.B) {
	forget := func(_ int, c net.Conn, _ io.Writer) { io.Copy(io.Discard, c) }
	for name, options := range map[string]string{
		"raw": "", "rfc3164": "\nsyslog_format: rfc3164", "rfc5424": "\nsyslog_format: rfc5424\nframing: octet_counted\nstructured_data: {a@1: {b: c}}",
	} {
		b.Run(name, func(b *testing.B) {
			actortest.Bench(b, syslogsink.Spec, "address: "+wiretest.Listen(b, forget).Addr()+"\nformat: $(data)"+options, accessLine)
		})
	}
	b.Run("udp", func(b *testing.B) {
		c := wiretest.Packets(b, "udp4", "127.0.0.1:0")
		go func() {
			buf := make([]byte, 4096)
			for {
				if _, _, err := c.ReadFrom(buf); err != nil {
					return
				}
			}
		}()
		actortest.Bench(b, syslogsink.Spec, "proto: udp\naddress: "+c.LocalAddr().String()+"\nformat: $(data)", accessLine)
	})
}

// BenchmarkPlainLoop writes the same bytes without anything around it, in pieces as large as a
// batch.
func BenchmarkPlainLoop(b *testing.B) {
	p := wiretest.Listen(b, func(_ int, c net.Conn, _ io.Writer) { io.Copy(io.Discard, c) })
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const batch = 5000
	var buf []byte
	b.SetBytes(int64(len(accessLine)))
	b.ResetTimer()
	for i := 0; i < b.N; i += batch {
		buf = buf[:0]
		for range min(batch, b.N-i) {
			buf = append(append(append(buf, "<14>"...), accessLine...), '\n')
		}
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
}
