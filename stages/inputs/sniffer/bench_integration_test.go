//go:build integration && linux

package sniffer_test

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/sniffer"
)

// BenchmarkCapture sends packets over the loopback interface and captures them there: with the
// module, and with a loop around a packet socket that decodes with the library and does no more.
// A sender waits for what it has sent to be taken, so that nothing is dropped.
func BenchmarkCapture(b *testing.B) {
	b.Run("module", func(b *testing.B) {
		to, port := receiver(b)
		r := actortest.BenchSource(b, sniffer.Spec, "interface: lo\npacketfilter: udp port "+port+"\nkernel_buffer_size: 16384")
		flood(b, to, func() int64 { return r.Status("Sniffer").Meter.Received.Load() })
		r.Stop()
	})
	b.Run("loop", func(b *testing.B) {
		to, port := receiver(b)
		var got atomic.Int64
		stop := capture(b, port, &got)
		flood(b, to, got.Load)
		stop()
	})
}

// receiver is a port that takes packets and does nothing with them.
func receiver(b *testing.B) (*net.UDPConn, string) {
	b.Helper()
	l, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	c, err := net.DialUDP("udp4", nil, l.LocalAddr().(*net.UDPAddr))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c, fmt.Sprint(l.LocalAddr().(*net.UDPAddr).Port)
}

func flood(b *testing.B, to *net.UDPConn, taken func() int64) {
	b.Helper()
	text := []byte("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8")
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		for range min(500, b.N-sent) {
			if _, err := to.Write(text); err != nil {
				b.Fatal(err)
			}
			sent++
		}
		for end := time.Now().Add(10 * time.Second); taken() < int64(sent); time.Sleep(10 * time.Microsecond) {
			if time.Now().After(end) {
				b.Fatalf("%d of %d packets were captured", taken(), sent)
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}

// capture is the plainest way.
func capture(b *testing.B, port string, got *atomic.Int64) (stop func()) {
	b.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		b.Fatal(err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL>>8 | unix.ETH_P_ALL&0xff<<8, Ifindex: lo.Index}),
	)
	if err != nil {
		b.Fatal(err)
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65536)
		for {
			select {
			case <-end:
				return
			default:
			}
			n, from, err := unix.Recvfrom(fd, buf, 0)
			a, ok := from.(*unix.SockaddrLinklayer)
			if err != nil || !ok || a.Pkttype == unix.PACKET_OUTGOING {
				continue
			}
			p := gopacket.NewPacket(append([]byte(nil), buf[:n]...), layers.LayerTypeEthernet, gopacket.NoCopy)
			if udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP); ok && fmt.Sprint(uint16(udp.DstPort)) == port {
				got.Add(1)
			}
		}
	}()
	return func() {
		close(end)
		<-done
		unix.Close(fd)
	}
}
