package nmapscanner_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/inputs/nmapscanner"
)

func froms(events []*event.Event) []string {
	var list []string
	for _, e := range events {
		list = append(list, e.ReceivedFrom())
	}
	return list
}

func TestTheExampleOfTheReference(t *testing.T) {
	f := newFake(t)
	f.up("192.168.2.0/30", "192.168.2.2", "192.168.2.1")
	r := f.start("network: 192.168.2.0\nnetmask: /30\nports: '22,80'\narguments: '-sT'\ninterval: 60")
	events := r.Wait(2) // NMAP-1: at once
	r.Stop()
	if got := froms(events); !slices.Equal(got, []string{"192.168.2.1", "192.168.2.2"}) {
		t.Errorf("NMAP-2: in the order of addresses, got %v", got)
	}
	want := []string{
		"-oX - -sn -- 192.168.2.0/30",
		"-oX - -sT -p 22,80 -- 192.168.2.1/32",
		"-oX - -sT -p 22,80 -- 192.168.2.2/32",
	}
	if got := f.commands(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	e := events[0]
	if e.Type() != "nmap_scan" || actortest.Meta(e, "source_module") != "NmapScanner" || e.ReceivedFrom() != "192.168.2.1" {
		t.Errorf("NMAP-7: %s", actortest.Whole(e))
	}
	if v, ok := e.Get(event.MustPath("data")); !ok || v.Text() != "" {
		t.Error("NMAP-7: data is not empty")
	}
	if v, _ := e.Get(event.MustPath("tcp.22.state")); v.Text() != "open" {
		t.Errorf("NMAP-4: %s", actortest.JSON(e))
	}
}

func TestCommandLines(t *testing.T) {
	for name, c := range map[string]struct{ options, network, host, discovery, scan string }{
		"defaults":                       {"network: 10.0.0.0", "10.0.0.0/24", "10.0.0.1", "-sn --", "-O -F --osscan-limit --"},
		"NMAP-3 the default loses its F": {"network: 10.0.0.0\nports: 22", "10.0.0.0/24", "10.0.0.1", "-sn --", "-O --osscan-limit -p 22 --"},
		"NMAP-2 quotes":                  {"network: 10.0.0.0\narguments: >-\n  -sV --data-string 'a  \"b\"; touch x' -T\\4", "10.0.0.0/24", "10.0.0.1", "-sn --", `-sV --data-string a  "b"; touch x -T4 --`},
		"NMAP-2 IPv6":                    {"network: '2001:db8::'\nnetmask: /120\narguments: '-sT'", "2001:db8::/120", "2001:db8::1", "-sn -6 --", "-6 -sT --"},
		"a name with IPv6":               {"network: host.example\nnetmask: ''\narguments: '-sT -6'", "host.example", "2001:db8::1", "-sn -6 --", "-sT -6 --"},
		"NMAP-2 a zone":                  {"network: 'fe80::1%lo'\nnetmask: /128\narguments: '-sT'", "fe80::1%lo/128", "fe80::1%lo", "-sn -6 --", "-6 -sT --"},
		"no netmask":                     {"network: 10.0.0.1-9\nnetmask: ''\narguments: ''", "10.0.0.1-9", "10.0.0.1", "-sn --", "--"},
		"a prefix in the network":        {"network: 10.0.0.0/30\narguments: -F", "10.0.0.0/30", "10.0.0.1", "-sn --", "-F --"},
		"exclude":                        {"network: 10.0.0.0\nexclude: [10.0.0.5, 10.0.0.8/30]\narguments: -F", "10.0.0.0/24", "10.0.0.1", "-sn --exclude=10.0.0.5,10.0.0.8/30 --", "-F --"},
		"privileged":                     {"network: 10.0.0.0\narguments: -O --privileged", "10.0.0.0/24", "10.0.0.1", "-sn --privileged --", "-O --privileged --"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.up(c.network, c.host)
			r := f.start(c.options)
			r.Wait(1)
			r.Stop()
			bits := "/32"
			if strings.Contains(c.host, ":") {
				bits = "/128"
			}
			want := []string{"-oX - " + c.discovery + " " + c.network, "-oX - " + c.scan + " " + c.host + bits}
			if got := f.commands(); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestRunsNeverOverlap(t *testing.T) {
	f := newFake(t)
	f.up("10.0.0.0/24", "10.0.0.1", "10.0.0.2")
	r := f.start("network: 10.0.0.0\narguments: -sT\ninterval: 10ms")
	r.Wait(7)
	r.Stop()
	calls := f.calls()
	for i, line := range calls {
		if begins := strings.HasPrefix(line, "begin"); begins != (i%2 == 0) {
			t.Fatalf("NMAP-1: call %d begins before the one before has ended: %q", i, calls)
		}
	}
}

func TestAHostThatFailsIsSkipped(t *testing.T) {
	f := newFake(t)
	f.up("10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6")
	f.answer("10.0.0.1/32", "err", "\nWARNING: spam\nTCP/IP fingerprinting (for OS scan) requires root privileges.\nQUITTING!\n")
	f.answer("10.0.0.2/32", "xml", `<nmaprun><host><status state="up"/>`)
	f.answer("10.0.0.3/32", "xml", run(`<host><status state="down"/></host>`))
	f.answer("10.0.0.4/32", "xml", run(""))
	f.answer("10.0.0.5/32", "xml", "Segmentation fault <")
	r := f.start("network: 10.0.0.0")
	events := r.Wait(1)
	r.Stop()
	if got := froms(events); !slices.Equal(got, []string{"10.0.0.6"}) {
		t.Errorf("got %v", got)
	}
	log := r.Log()
	for _, want := range []string{"TCP/IP fingerprinting (for OS scan) requires root privileges.\"", "target=10.0.0.1", "root or CAP_NET_RAW"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not hold %s:\n%s", want, log)
		}
	}
	if strings.Contains(log, "QUITTING") || strings.Contains(log, "spam") || strings.Contains(log, "10.0.0.3") || strings.Contains(log, "10.0.0.4") {
		t.Errorf("NMAP-8: too much is said:\n%s", log)
	}
	if n := r.Status("NmapScanner").Meter.Own("failed_scans").Load(); n != 3 {
		t.Errorf("%d failures were counted", n)
	}
}

func TestTheWarningSaysWhatIsWrongWithTheReport(t *testing.T) {
	for name, c := range map[string]struct{ xml, want string }{
		"cut off":    {`<nmaprun><host><status state="up"/>`, "cut off"},
		"empty":      {"", "cut off"},
		"no XML":     {"<nmaprun></x>", "no XML"},
		"other XML":  {"<html></html>", "not that of nmap"},
		"deep":       {"<nmaprun>" + strings.Repeat("<table>", 100), "nested too deeply"},
		"entities":   {`<!DOCTYPE x [<!ENTITY a "b">]><nmaprun>&a;</nmaprun>`, "no XML"},
		"its reason": {`<nmaprun><runstats><finished exit="error" errormsg="spam"/></runstats></nmaprun>`, "spam"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.up("10.0.0.0/24", "10.0.0.1", "10.0.0.2")
			f.answer("10.0.0.1/32", "xml", c.xml)
			r := f.start("network: 10.0.0.0\narguments: -sT")
			r.Wait(1)
			r.Stop()
			if !strings.Contains(r.Log(), c.want) {
				t.Error(r.Log())
			}
		})
	}
}

func TestADiscoveryThatFailsIsTriedAgain(t *testing.T) {
	f := newFake(t)
	f.answer("10.0.0.0/24", "err", "Warning: no route\n")
	r := f.start("network: 10.0.0.0\narguments: -sT\ninterval: 10ms")
	if target := r.Logged("target"); target != "10.0.0.0/24" {
		t.Error(target)
	}
	f.up("10.0.0.0/24", "10.0.0.1")
	if err := os.Remove(filepath.Join(f.folder, "10.0.0.0_24.err")); err != nil {
		t.Fatal(err)
	}
	r.Wait(1)
	r.Stop()
	if !strings.Contains(r.Log(), "no route") {
		t.Error(r.Log())
	}
}

func TestSeveralHostsAtATime(t *testing.T) {
	f := newFake(t)
	f.up("10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.3")
	waits := f.hangs("10.0.0.1/32")
	r := f.start("network: 10.0.0.0\narguments: -sT\nparallel_hosts: 2")
	hung := waits()
	if got := sorted(froms(r.Wait(2))); !slices.Equal(got, []string{"10.0.0.2", "10.0.0.3"}) {
		t.Errorf("got %v", got)
	}
	r.Stop()
	for _, h := range hung {
		h.gone()
	}
}

func TestAStopKillsNmapAndKeepsWhatWasScanned(t *testing.T) {
	f := newFake(t)
	f.up("10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.3")
	waits := f.hangs("10.0.0.2/32")
	r := f.start("network: 10.0.0.0\narguments: -sT")
	hung := waits()
	if got := froms(r.Stop()); !slices.Equal(got, []string{"10.0.0.1"}) {
		t.Errorf("got %v", got)
	}
	if strings.Contains(r.Log(), "WARN") {
		t.Error(r.Log())
	}
	for _, h := range hung {
		h.gone()
		if _, err := os.Stat("/proc/" + h.pid); runtime.GOOS == "linux" && err == nil && h.child() {
			t.Errorf("process %s is a zombie", h.pid)
		}
	}
}

// child reports whether a process is one of ours; those of nmap go to init, which may be slow.
func (h hung) child() bool {
	text, err := os.ReadFile("/proc/" + h.pid + "/status")
	return err == nil && strings.Contains(string(text), "PPid:\t"+pid+"\n")
}

func TestARunThatTakesTooLongIsKilled(t *testing.T) {
	f := newFake(t)
	f.up("10.0.0.0/24", "10.0.0.1", "10.0.0.2")
	waits := f.hangs("10.0.0.2/32")
	r := f.start("network: 10.0.0.0\narguments: -sT\nscan_timeout_in_secs: 1\ninterval: 10ms") // again if the machine was too slow
	for _, h := range waits() {
		h.gone()
	}
	if hosts := r.Logged("hosts"); hosts == "" || !strings.Contains(r.Log(), "level=WARN msg=\"the run takes longer than scan_timeout_in_secs") {
		t.Error(r.Log())
	}
	for _, from := range froms(r.Stop()) {
		if from != "10.0.0.1" {
			t.Errorf("%s was not scanned", from)
		}
	}
}

func TestNmapMustBeThere(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "nmap")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"no-such-nmap", plain} {
		text := "- NmapScanner:\n    network: 10.0.0.0\n    nmap_path: " + path + "\n- NmapScanner\n"
		_, report := config.Loader{Specs: []actor.Spec{nmapscanner.Spec}, CheckFiles: true}.LoadText("test", []byte(text))
		if !strings.Contains(report.Text(), "nmap_path") || !strings.Contains(report.Text(), path) || !strings.Contains(report.Text(), "cannot run") {
			t.Error(report.Text())
		}
	}
	r := actortest.Source(t, nmapscanner.Spec, "network: 10.0.0.0\nnmap_path: no-such-nmap")
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "nmap_path") {
		t.Error(err)
	}
}
