package beats_test

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	lumber "github.com/elastic/go-lumber/client/v2"
	"github.com/elastic/go-lumber/lj"
	server "github.com/elastic/go-lumber/server/v2"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/beats"
)

// sent is what Filebeat makes of a line.
const sent = `{"@timestamp":"2026-01-01T10:00:00.000Z","@metadata":{"beat":"filebeat","type":"_doc","version":"8.17.0"},"message":"192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /cgi-bin/try/ HTTP/1.0\" 200 3395","input":{"type":"filestream"},"host":{"name":"web1"},"agent":{"type":"filebeat","version":"8.17.0","id":"5b6c"},"log":{"offset":4711,"file":{"path":"/var/log/nginx/access.log"}}}`

// send sends the event so many times, as Filebeat does: windows of 2048, compressed, some of
// them under way at a time.
func send(b *testing.B, address string, count int) {
	b.Helper()
	c, err := lumber.AsyncDial(address, 4, lumber.CompressionLevel(3), lumber.Timeout(time.Minute),
		lumber.JSONEncoder(func(any) ([]byte, error) { return []byte(sent), nil }))
	if err != nil {
		b.Fatal(err)
	}
	const size = 2048
	windows := (count + size - 1) / size
	done := make(chan error, windows)
	for i := range windows {
		if err := c.Send(func(_ uint32, err error) { done <- err }, make([]any, min(size, count-i*size))); err != nil {
			b.Fatal(err)
		}
	}
	for range windows {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
}

func BenchmarkEvents(b *testing.B) {
	r := actortest.BenchSource(b, beats.Spec, loopback)
	b.SetBytes(int64(len(sent)))
	b.ReportAllocs()
	b.ResetTimer()
	send(b, r.Addr(), b.N)
	b.StopTimer()
	r.Stop()
}

// BenchmarkPlainLoop receives with the server of the reference implementation, which decodes with
// encoding/json, and throws away.
func BenchmarkPlainLoop(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	batches := make(chan *lj.Batch)
	s, err := server.NewWithListener(l, server.Channel(batches), server.JSONDecoder(json.Unmarshal))
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for batch := range batches {
			batch.ACK()
		}
	}()
	b.SetBytes(int64(len(sent)))
	b.ReportAllocs()
	b.ResetTimer()
	send(b, l.Addr().String(), b.N)
	b.StopTimer()
	s.Close()
	close(batches)
	<-done
}
