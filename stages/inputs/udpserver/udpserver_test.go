package udpserver_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/udpserver"
)

func TestDatagramsAreEventsInOrder(t *testing.T) {
	r := actortest.Source(t, udpserver.Spec, "ipaddress: 127.0.0.1\nport: 0")
	c := r.Dial("udp")
	for i := range 100 {
		fmt.Fprintf(c, " %d\n", i)
		if i%10 == 9 {
			r.Wait(i + 1) // what the kernel has no room for would be lost
		}
	}
	fmt.Fprint(c, " \n")
	for i, e := range r.Stop()[:100] {
		if actortest.Data(e) != fmt.Sprint(i) || e.ReceivedFrom() != c.LocalAddr().String() {
			t.Errorf("event %d is %s", i, actortest.Whole(e))
		}
	}
}

func TestStripping(t *testing.T) {
	cases := map[string]struct{ options, in, want string }{
		"text":     {"", " spam \n", "spam"},
		"binary":   {"", " \x00\n", " \x00\n"},
		"no UTF-8": {"", " \xff\n", " \xff\n"},
		"always":   {"strip: True", " \xff\n", "\xff"},
		"never":    {"strip: False", " spam\n", " spam\n"},
		"lines":    {"", "a\nb", "a\nb"},
		"latin":    {"encoding: latin1", "\xfc\n", "ü"},
		"cut":      {"max_packet_size: 3", "abcdef", "abc"},
		"big":      {"", strings.Repeat("x", 60_000), strings.Repeat("x", 60_000)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, udpserver.Spec, "ipaddress: 127.0.0.1\nport: 0\nreceive_buffer_size: 256\n"+c.options)
			fmt.Fprint(r.Dial("udp"), c.in)
			if got := actortest.Data(r.Wait(1)[0]); got != c.want {
				t.Errorf("got %q", got[:min(len(got), 100)])
			}
			r.Stop()
		})
	}
}

func TestOnlyAllowedPeersAreHeard(t *testing.T) {
	r := actortest.Source(t, udpserver.Spec, "ipaddress: 127.0.0.1\nport: 0\nallow_from: [10.0.0.0/8]")
	fmt.Fprint(r.Dial("udp"), "x")
	if n := len(r.Stop()); n != 0 {
		t.Errorf("%d events came", n)
	}
	actortest.Wrong(t, udpserver.Spec, map[string]string{"allow_from: [x]": "network", "multicast_group: 10.0.0.1": "multicast", "port: 70000": "65535", "tls: True": "unknown option"})
}

func TestAPortThatIsTakenStopsTheStart(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	r := actortest.Start(t, "- UdpServer:\n    ipaddress: 127.0.0.1\n    port: "+port+"\n- TestCatch\n", udpserver.Spec)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "port "+port) {
		t.Error(err)
	}
}
