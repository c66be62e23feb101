//go:build integration

package nmapscanner_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/nmapscanner"
)

func TestIntegrationAPortOfOursIsFound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r := actortest.Source(t, nmapscanner.Spec, "network: 127.0.0.0\nnetmask: /30\nexclude: [127.0.0.0, 127.0.0.3]\nports: '"+port+"'\narguments: '-sT -Pn -n'\nparallel_hosts: 2")
	r.Wait(2)
	for _, e := range r.Stop() {
		want := "closed"
		if e.ReceivedFrom() == "127.0.0.1" {
			want = "open"
		}
		v, _ := e.Get(event.MustPath("tcp." + port + ".state"))
		if v.Str() != want || e.Type() != "nmap_scan" {
			t.Errorf("%s: %s", e.ReceivedFrom(), actortest.JSON(e))
		}
	}
}

func TestIntegrationWhatNeedsRootIsToldByNmap(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test has to run as root, which nmap then gives up")
	}
	r := actortest.Source(t, nmapscanner.Spec, "network: 127.0.0.1\nnetmask: ''\nports: '1'\narguments: '-sS --unprivileged'")
	r.Logged("target")
	if r.Stop(); !strings.Contains(r.Log(), "requires root privileges") {
		t.Errorf("the log says\n%s", r.Log())
	}
}
