package zmq_test

import (
	"io"
	"net"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/zmq"
	"gambolputty/stages/internal/zmqconn"
)

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

// push sends so many lines, and waits for the receipt of the last one.
func push(b *testing.B, c *zmqconn.Conn, count int) {
	b.Helper()
	for sent := 0; sent < count; {
		n := min(500, count-sent)
		if err := c.Send(func(f *zmqconn.Frames) {
			for range n {
				f.Message([]byte(accessLine))
			}
		}); err != nil {
			b.Fatal(err)
		}
		sent += n
	}
	if err := c.Send(func(f *zmqconn.Frames) { f.Ping(nil) }); err != nil {
		b.Fatal(err)
	}
	if _, err := c.Read(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkEvents(b *testing.B) {
	for name, c := range map[string]struct {
		options string
		keys    zmqconn.CurveOptions
	}{
		"plain": {},
		"curve": {"\ncurve_secret_key: '" + serverSecret + "'", zmqconn.CurveOptions{ServerKey: serverPublic}},
	} {
		b.Run(name, func(b *testing.B) {
			r := actortest.BenchSource(b, zmq.Spec, "address: 127.0.0.1:0"+c.options)
			keys, err := c.keys.Keys()
			if err != nil {
				b.Fatal(err)
			}
			peer := dial(b, r.Addr(), zmqconn.Config{Kind: zmqconn.Push, Keys: keys})
			b.SetBytes(int64(len(accessLine)))
			b.ReportAllocs()
			b.ResetTimer()
			push(b, peer, b.N)
			b.StopTimer()
			peer.Close()
			r.Stop()
		})
	}
}

// BenchmarkPlainLoop reads the same messages and does nothing with them.
func BenchmarkPlainLoop(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		raw, err := l.Accept()
		if err != nil {
			return
		}
		c := meet(b, raw, zmqconn.Config{Kind: zmqconn.Pull})
		for {
			f, err := c.Read()
			if err != nil {
				return
			}
			if f.Command == "" {
				io.Discard.Write(append([]byte(nil), f.Body...))
			} else if err := c.Answer(f.Body); err != nil {
				return
			}
		}
	}()
	c := dial(b, l.Addr().String(), zmqconn.Config{Kind: zmqconn.Push})
	b.SetBytes(int64(len(accessLine)))
	b.ReportAllocs()
	b.ResetTimer()
	push(b, c, b.N)
	b.StopTimer()
	c.Close()
	<-done
}
