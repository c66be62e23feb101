package sniffer_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/sniffer"
)

const written = 50_000

// nowhere is an output that looks at the events.
type nowhere struct{}

// Write looks at the events.
func (nowhere) Write(_ context.Context, b *actor.Batch) error {
	for range b.Each() {
		continue
	}
	return nil
}

// BenchmarkRead compares the module with the plainest loop around the library.
func BenchmarkRead(b *testing.B) {
	var list [][]byte
	for i := range written {
		list = append(list, segment(b, "10.0.0.1", "10.0.0.2", 40000+i%1000, 80, "PA", "GET /a HTTP/1.1\r\nHost: example.com\r\nUser-Agent: spam\r\n\r\n"))
	}
	path := file(b, layers.LinkTypeEthernet, list...)
	rate := func(b *testing.B) { b.ReportMetric(float64(written*b.N)/b.Elapsed().Seconds(), "packets/s") }
	for name, options := range map[string]string{"module": "", "filtered": "\n    packetfilter: port 80 and host 10.0.0.3"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				gone := actor.DefineSink(actor.Info{Name: "Gone", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return nowhere{}, nil })
				actortest.Start(b, "- Sniffer:\n    pcap_file: "+path+options+"\n- Gone\n", sniffer.Spec, gone).Finish()
			}
			rate(b)
		})
	}
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			plain(b, path)
		}
		rate(b)
	})
}

func plain(b *testing.B, path string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		if p.ApplicationLayer() == nil {
			b.Fatal("there is no payload")
		}
	}
}
