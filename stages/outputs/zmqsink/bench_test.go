package zmqsink_test

import (
	"context"
	"net"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/zmqconn"
	"gambolputty/stages/outputs/zmqsink"
)

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

// sponge is a peer that reads, forgets and answers.
func sponge(b *testing.B, keys *zmqconn.Keys) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				c, err := zmqconn.Shake(context.Background(), raw, &zmqconn.Config{Kind: zmqconn.Pull, Keys: keys, Most: 1 << 20})
				if err != nil {
					return
				}
				defer c.Close()
				for {
					f, err := c.Read()
					if err != nil {
						return
					}
					if f.Command != "" {
						if err := c.Answer(f.Body); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func BenchmarkEvents(b *testing.B) {
	server := zmqconn.CurveOptions{SecretKey: serverSecret}
	keys, err := server.Keys()
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys    *zmqconn.Keys
		options string
	}{
		"text": {nil, "format: $(data)"}, "whole event": {nil, ""}, "curve": {keys, "format: $(data)\ncurve_server_key: '" + serverPublic + "'"},
	} {
		b.Run(name, func(b *testing.B) {
			actortest.Bench(b, zmqsink.Spec, "server: "+sponge(b, c.keys)+"\n"+c.options, accessLine)
		})
	}
}

// BenchmarkPlainLoop writes the same messages without anything around it.
func BenchmarkPlainLoop(b *testing.B) {
	raw, err := net.Dial("tcp", sponge(b, nil))
	if err != nil {
		b.Fatal(err)
	}
	c, err := zmqconn.Shake(context.Background(), raw, &zmqconn.Config{Kind: zmqconn.Push, Most: 1000})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(int64(len(accessLine)))
	b.ResetTimer()
	for i := 0; i < b.N; i += 500 {
		if err := c.Send(func(f *zmqconn.Frames) {
			for range min(500, b.N-i) {
				f.Message([]byte(accessLine))
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
}
