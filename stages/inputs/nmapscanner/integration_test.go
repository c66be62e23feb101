//go:build integration

package nmapscanner_test

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/nmapscanner"
)

// listen opens a port for nmap to find.
func listen(t *testing.T, address string) (port string) {
	t.Helper()
	if _, err := exec.LookPath("nmap"); err != nil {
		t.Fatal("nmap is missing: ", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func get(t *testing.T, e *event.Event, path string) string {
	t.Helper()
	v, ok := e.Get(event.MustPath(path))
	if !ok {
		t.Errorf("there is no %s in %s", path, actortest.JSON(e))
	}
	return v.Text()
}

func TestIntegrationNmapFindsAPort(t *testing.T) {
	port := listen(t, "127.0.0.1:0")
	options := fmt.Sprintf("network: 127.0.0.1\nnetmask: /30\nexclude: [127.0.0.0, 127.0.0.3]\nparallel_hosts: 2\nports: %s\narguments: '-sT --reason -T4'", port)
	r := actortest.Source(t, nmapscanner.Spec, options)
	events := r.Wait(2)
	r.Stop()
	states := map[string]string{}
	for _, e := range events {
		states[e.ReceivedFrom()] = get(t, e, "tcp."+port+".state")
		if get(t, e, "addresses.ipv4") != e.ReceivedFrom() || get(t, e, "status.state") != "up" {
			t.Error(actortest.JSON(e))
		}
	}
	if len(states) != 2 || states["127.0.0.1"] != "open" || states["127.0.0.2"] != "closed" {
		t.Errorf("got %v", states)
	}
}

func TestIntegrationNmapScansIPv6(t *testing.T) {
	port := listen(t, "[::1]:0")
	r := actortest.Source(t, nmapscanner.Spec, "network: '::1'\nnetmask: /128\narguments: -sT -sV --version-light\nports: "+port)
	e := r.Wait(1)[0]
	if e.ReceivedFrom() != "::1" || get(t, e, "addresses.ipv6") != "::1" || get(t, e, "tcp."+port+".state") != "open" {
		t.Error(actortest.Whole(e))
	}
	r.Stop()
}

func TestIntegrationNmapSaysWhatItMayNot(t *testing.T) {
	port := listen(t, "127.0.0.1:0")
	r := actortest.Source(t, nmapscanner.Spec, "network: 127.0.0.1\nnetmask: /32\narguments: -O --unprivileged\ninterval: 3600\nports: "+port)
	if hint := r.Logged("hint"); hint == "" || !strings.Contains(r.Log(), "requires root privileges") {
		t.Error(r.Log())
	}
	if events := r.Stop(); len(events) != 0 {
		t.Error(actortest.Whole(events[0]))
	}
}

// Every argument that the module allows is one that nmap knows, with a value where we say so.
func TestIntegrationNmapKnowsTheArguments(t *testing.T) {
	port := listen(t, "127.0.0.1:0")
	r := actortest.Source(t, nmapscanner.Spec, "network: 127.0.0.1\nnetmask: /32\nports: "+port+"\narguments: >-\n"+
		"  -sTV -Pn -n -r -T 4 -v -vv --version-intensity 1 --version-light --allports --max-os-tries 1 --osscan-limit --osscan-guess --fuzzy --system-dns\n"+
		"  --exclude-ports 1 --min-hostgroup 1 --max-hostgroup 1 --min-parallelism 1 --max-parallelism 2 --min-rate 1 --max-rate 1000\n"+
		"  --min-rtt-timeout 10ms --max-rtt-timeout 1s --initial-rtt-timeout 100ms --max-retries=1 --host-timeout 30s --scan-delay 1ms --max-scan-delay 5ms\n"+
		"  --defeat-rst-ratelimit --disable-arp-ping --discovery-ignore-rst --randomize-hosts --reason --open\n"+
		"  --unique --resolve-all --noninteractive --script 'banner or (default and safe)' --script-args 'a=b' --script-timeout 5s")
	if e := r.Wait(1)[0]; get(t, e, "tcp."+port+".state") != "open" {
		t.Error(actortest.Whole(e))
	}
	r.Stop()
}
