//go:build integration && linux

package sniffer_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/sniffer"
)

// cable makes two interfaces that are the ends of one cable. It needs CAP_NET_ADMIN.
func cable(t *testing.T, near, far string) {
	t.Helper()
	for _, args := range [][]string{{"add", near, "type", "veth", "peer", "name", far}, {"set", near, "up"}, {"set", far, "up"}} {
		if text, err := exec.Command("ip", append([]string{"link"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("ip link %v: %v\n%s", args, err, text)
		}
	}
}

func uncable(t *testing.T, near string) {
	t.Helper()
	if text, err := exec.Command("ip", "link", "del", near).CombinedOutput(); err != nil {
		t.Fatalf("ip link del: %v\n%s", err, text)
	}
}

// put lets a packet with the text out of an interface. Its addresses are for documentation.
func put(t *testing.T, device, text string) {
	t.Helper()
	i, err := net.InterfaceByName(device)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ip := &layers.IPv4{Version: 4, TTL: 1, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4(192, 0, 2, 1), DstIP: net.IPv4(192, 0, 2, 2)}
	udp := &layers.UDP{SrcPort: 1, DstPort: 2}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	err = gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: i.HardwareAddr, DstMAC: net.HardwareAddr{255, 255, 255, 255, 255, 255}, EthernetType: layers.EthernetTypeIPv4}, ip, udp, gopacket.Payload(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendto(fd, buf.Bytes(), 0, &unix.SockaddrLinklayer{Ifindex: i.Index, Halen: 6}); err != nil {
		t.Fatal(err)
	}
}

// An interface such as that of a dialled line or a container goes away and comes back as
// another one with the same name.
func TestIntegrationAnInterfaceThatGoesIsWaitedFor(t *testing.T) {
	const near, far = "gpnear0", "gpfar0"
	cable(t, near, far)
	r := actortest.Source(t, sniffer.Spec, "interface: "+near+"\npacketfilter: udp")
	r.Logged("interface")
	put(t, far, "before")
	r.Wait(1)
	uncable(t, near)
	until(t, r, "failed")
	cable(t, near, far)
	defer uncable(t, near)
	until(t, r, "works again")
	put(t, far, "after")
	events := r.Wait(2)
	if got := text(events[0]) + " " + text(events[1]); got != "before after" {
		t.Errorf("got %q", got)
	}
	r.Stop()
	if n := r.Status("Sniffer").Meter.Restarts.Load(); n > 0 {
		t.Errorf("%d restarts", n)
	}
}

func until(t *testing.T, r *actortest.Running, line string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(r.Log(), line); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q:\n%s", line, r.Log())
		}
	}
}
