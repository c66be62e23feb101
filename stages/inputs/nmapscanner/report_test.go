package nmapscanner

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"gambolputty/actor/event"
)

// shown is a host of a report as JSON, without metadata.
func shown(t *testing.T, report string) string {
	t.Helper()
	var text []byte
	err := readReport(strings.NewReader(report), longestScan, func(h *host) {
		e := event.New(event.NewSource("NmapScanner", "NmapScanner"))
		h.fill(e)
		if e.Type() != eventType {
			t.Errorf("the event type is %s", e.Type())
		}
		e.Delete(event.MustPath("gambolputty"))
		e.DeleteField(event.Data)
		text = new(event.Encoder).AppendEvent(text, e)
	})
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestAWholeHost(t *testing.T) {
	report, err := os.ReadFile("testdata/host.xml")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`{"addresses":{"ipv4":"192.168.2.1","mac":"00:00:5E:00:53:01"}`,
		`"detected_os":"Linux 5.0 - 5.14"`, // NMAP-6
		`"hostname":"router.example"`,
		`"hostnames":[{"name":"router.example","type":"PTR"},{"name":"gw.example","type":"user"}]`,
		`"hostscript":[{"id":"clock-skew","output":"mean: 1s"}]`,
		`"portused":[{"portid":"22","proto":"tcp","state":"open"},{"portid":"1","proto":"tcp","state":"closed"}]`,
		`"status":{"reason":"arp-response","state":"up"}`,
		`"tcp":{"22":{"conf":"10","cpe":"cpe:/a:openbsd:openssh:9.2p1","extrainfo":"protocol 2.0","name":"ssh","product":"OpenSSH","reason":"syn-ack","script":{"banner":"SSH-2.0","ssh-hostkey":"\n  256 <b>&\"x\""},"state":"open","version":"9.2p1"},"80":{"conf":"","cpe":"","extrainfo":"","name":"","product":"","reason":"reset","state":"closed","version":""}}`,
		`"udp":{"53":{"conf":"3","cpe":"","extrainfo":"","name":"domain","product":"","reason":"no-response","state":"open|filtered","version":""}}`,
		`"uptime":{"lastboot":"Mon Jun  1 12:00:00 2015","seconds":"3600"}`,
		`"vendor":"Spam Networks"}`, // NMAP-5
	}, ",")
	if got := shown(t, string(report)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPartsThatAreMissingMakeNoFields(t *testing.T) {
	for name, c := range map[string]struct{ host, want string }{
		"NMAP-5, NMAP-6 nothing known": {`<status state="up" reason="x"/><address addr="10.0.0.1" addrtype="ipv4"/><os></os>`,
			`{"addresses":{"ipv4":"10.0.0.1"},"hostname":"","hostnames":[],"status":{"reason":"x","state":"up"}}`},
		"IPv6": {`<status state="up"/><address addr="::1" addrtype="ipv6"/>`,
			`{"addresses":{"ipv6":"::1"},"hostname":"","hostnames":[],"status":{"reason":"","state":"up"}}`},
		"other protocols": {`<ports><port protocol="spam" portid="1"><state state="open"/></port><port protocol="ip" portid="1"><state state="open"/></port></ports>`,
			`{"addresses":{},"hostname":"","hostnames":[],"ip":{"1":{"conf":"","cpe":"","extrainfo":"","name":"","product":"","reason":"","state":"open","version":""}},"status":{"reason":"","state":""}}`},
		"NMAP-6 equal and bad accuracy": {`<os><osmatch name="bad" accuracy="x"/><osmatch name="low" accuracy="5"/><osmatch name="first" accuracy="90"/><osmatch name="second" accuracy="90"/></os>`,
			`{"addresses":{},"detected_os":"first","hostname":"","hostnames":[],"status":{"reason":"","state":""}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(t, "<nmaprun><host>"+c.host+"</host></nmaprun>"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestReportsThatAreCutOffAnywhereAreErrors(t *testing.T) {
	report, err := os.ReadFile("testdata/host.xml")
	if err != nil {
		t.Fatal(err)
	}
	report = bytes.TrimSpace(report)
	for n := range report {
		if err := readReport(bytes.NewReader(report[:n]), longestScan, func(*host) {}); !errors.Is(err, errCut) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

func TestReportsAreBounded(t *testing.T) {
	const limit = 1000
	for _, filler := range []string{" ", "<host/>", "<host a='1'>", "<!-- -->"} {
		report := "<nmaprun>" + strings.Repeat(filler, limit) + "</nmaprun>"
		if err := readReport(strings.NewReader(report), limit, func(*host) {}); !errors.Is(err, errLong) && !errors.Is(err, errDeep) {
			t.Errorf("%s: %v", filler, err)
		}
	}
	name := strings.Repeat("<!-- -->spam", 10000)
	err := readReport(strings.NewReader("<nmaprun><host><port><service><cpe>"+name+"</cpe></service></port></host></nmaprun>"), longestScan, func(h *host) {
		if n := len(h.ports[0].cpe); n > longestName+4 {
			t.Errorf("a name of %d bytes", n)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func FuzzReport(f *testing.F) {
	report, err := os.ReadFile("testdata/host.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(report)
	f.Add([]byte(`<nmaprun><host><ports><port><service><cpe>x</cpe></service></port></ports></host></nmaprun>`))
	f.Add([]byte(`<nmaprun><port><host></port></host>`))
	f.Fuzz(func(t *testing.T, report []byte) {
		const limit = 1 << 16
		err := readReport(bytes.NewReader(report), limit, func(h *host) {
			h.address()
			e := event.New(event.NewSource("NmapScanner", "NmapScanner"))
			h.fill(e)
			if _, ok := e.Get(event.MustPath("status.state")); !ok {
				t.Error("an event has no state")
			}
		})
		if err == nil && len(report) > limit {
			t.Error("a report that is too long was read")
		}
	})
}
