package nmapscanner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/nmapscanner"
)

// fakeDir says in the environment that this program is to behave like nmap, with what a
// directory holds: search.xml, and for each host its report, its failure or its silence.
const fakeDir = "GAMBOLPUTTY_FAKE_NMAP"

func TestMain(m *testing.M) {
	if dir := os.Getenv(fakeDir); dir != "" && len(os.Args) > 2 && os.Args[1] == "-oX" {
		os.Exit(behave(dir, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

func behave(dir string, args []string) int {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 9
	}
	fmt.Fprintln(log, strings.Join(args, " "))
	log.Close()
	name := "search"
	if !slices.Contains(args, "-sn") {
		name, _, _ = strings.Cut(args[len(args)-1], "/")
	}
	path := filepath.Join(dir, strings.ReplaceAll(name, ":", "_"))
	if text, err := os.ReadFile(path + ".fail"); err == nil {
		fmt.Fprint(os.Stderr, string(text))
		return 1
	}
	if _, err := os.Stat(path + ".hang"); err == nil {
		time.Sleep(time.Hour) // until it is killed
	}
	text, err := os.ReadFile(path + ".xml")
	if err != nil {
		fmt.Print(`<nmaprun></nmaprun>`)
		return 0
	}
	fmt.Print(string(text))
	return 0
}

// fake prepares nmap and returns its directory.
func fake(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(fakeDir, dir)
	return dir
}

func start(t *testing.T, options string) *actortest.Running {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return actortest.Source(t, nmapscanner.Spec, "nmap_path: "+path+"\nnetwork: 10.0.0.0\n"+options)
}

func up(addresses ...string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun>")
	for _, a := range addresses {
		kind := "ipv4"
		if strings.Contains(a, ":") {
			kind = "ipv6"
		}
		fmt.Fprintf(&b, `<host><status state="up" reason="x"/><address addr=%q addrtype=%q/></host>`, a, kind)
	}
	return b.String() + "</nmaprun>"
}

const report = `<?xml version="1.0" encoding="UTF-8"?>
<nmaprun><host starttime="1"><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="10.0.0.2" addrtype="ipv4"/><address addr="02:00:00:00:00:0A" addrtype="mac" vendor="Spam &amp; Eggs"/>
<hostnames><hostname name="a.example.com" type="PTR"/><hostname name="b" type="user"/></hostnames>
<ports><extraports state="closed" count="98"/><port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/><service name="ssh" product="OpenSSH" version="9.2" extrainfo="protocol 2.0" conf="10"><cpe>cpe:/a:openbsd:openssh:9.2</cpe><cpe>cpe:/o:linux</cpe></service><script id="banner" output="SSH-2.0"><elem>x</elem></script></port>
<port protocol="udp" portid="53"><state state="open|filtered" reason="no-response"/></port></ports>
<os><portused state="open" proto="tcp" portid="22"/><osmatch name="Linux 5" accuracy="91" line="1"><osclass type="x"/></osmatch><osmatch name="Linux 6" accuracy="97"/><osmatch name="BSD" accuracy="97"/></os>
<uptime seconds="4711" lastboot="Wed"/></host><runstats/></nmaprun>`

// NMAP-2, NMAP-4, NMAP-5, NMAP-6 and NMAP-7.
func TestAHostBecomesAnEvent(t *testing.T) {
	fake(t, map[string]string{"search.xml": up("10.0.0.2"), "10.0.0.2.xml": report})
	r := start(t, "")
	e := r.Wait(1)[0]
	r.Stop()
	want := `{"addresses":{"ipv4":"10.0.0.2","mac":"02:00:00:00:00:0A"},"data":"","detected_os":"Linux 6","hostname":"a.example.com","hostnames":[{"name":"a.example.com","type":"PTR"},{"name":"b","type":"user"}],"portused":[{"portid":"22","proto":"tcp","state":"open"}],"status":{"reason":"arp-response","state":"up"},` +
		`"tcp":{"22":{"conf":"10","cpe":"cpe:/a:openbsd:openssh:9.2 cpe:/o:linux","extrainfo":"protocol 2.0","name":"ssh","product":"OpenSSH","reason":"syn-ack","script":{"banner":"SSH-2.0"},"state":"open","version":"9.2"}},"udp":{"53":{"conf":"","cpe":"","extrainfo":"","name":"","product":"","reason":"no-response","state":"open|filtered","version":""}},"uptime":{"lastboot":"Wed","seconds":"4711"},"vendor":"Spam & Eggs"}`
	if got := actortest.JSON(e); got != want {
		t.Errorf("the event is\n%s", got)
	}
	if e.Type() != "nmap_scan" || e.ReceivedFrom() != "10.0.0.2" {
		t.Errorf("type %s, from %s", e.Type(), e.ReceivedFrom())
	}
	if v, _ := e.Get(event.MustPath("tcp.22.state")); v.Str() != "open" {
		t.Errorf("tcp.22.state is %s", v.Str())
	}
}

func TestLittleMakesAnEventToo(t *testing.T) {
	fake(t, map[string]string{"search.xml": up("10.0.0.2"), "10.0.0.2.xml": up("10.0.0.2")})
	r := start(t, "")
	if got := actortest.JSON(r.Wait(1)[0]); got != `{"addresses":{"ipv4":"10.0.0.2"},"data":"","hostname":"","hostnames":[],"status":{"reason":"x","state":"up"}}` {
		t.Errorf("the event is %s", got)
	}
	r.Stop()
}

// NMAP-1, NMAP-2, NMAP-3 and NMAP-8.
func TestWhatNmapIsCalledWith(t *testing.T) {
	for options, want := range map[string]string{
		"": "-oX - -sn 10.0.0.0/24|-oX - -O -F --osscan-limit 10.0.0.2/32|-oX - -O -F --osscan-limit 10.0.0.9/32|-oX - -O -F --osscan-limit -6 2001:db8::1/128",
		"netmask: /30\nports: '22,80-90'\nexclude: [10.0.0.5, 10.0.1.0/24]": "-oX - -sn --exclude 10.0.0.5,10.0.1.0/24 10.0.0.0/30|-oX - -O --osscan-limit -p 22,80-90 10.0.0.2/32|-oX - -O --osscan-limit -p 22,80-90 10.0.0.9/32|-oX - -O --osscan-limit -6 -p 22,80-90 2001:db8::1/128",
		"arguments: \"-sT --script 'banner,http-*'\"\nnetmask: ''":          "-oX - -sn 10.0.0.0|-oX - -sT --script banner,http-* 10.0.0.2/32|-oX - -sT --script banner,http-* 10.0.0.9/32|-oX - -sT --script banner,http-* -6 2001:db8::1/128",
	} {
		dir := fake(t, map[string]string{"search.xml": up("2001:db8::1", "10.0.0.9", "10.0.0.2"), "10.0.0.2.xml": up("10.0.0.2"), "2001_db8__1.xml": up("2001:db8::1")})
		r := start(t, options)
		events := r.Wait(2)
		r.Stop()
		if events[0].ReceivedFrom() != "10.0.0.2" || events[1].ReceivedFrom() != "2001:db8::1" {
			t.Errorf("events from %s and %s", events[0].ReceivedFrom(), events[1].ReceivedFrom())
		}
		text, err := os.ReadFile(filepath.Join(dir, "log"))
		if got := strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "|"); err != nil || got != want {
			t.Errorf("%s: called with\n%s", options, got)
		}
	}
}

func TestRunsFollowEachOther(t *testing.T) {
	fake(t, map[string]string{"search.xml": up("10.0.0.2", "10.0.0.3", "10.0.0.4"), "10.0.0.2.xml": up("10.0.0.2"), "10.0.0.3.xml": up("10.0.0.3"), "10.0.0.4.xml": up("10.0.0.4")})
	r := start(t, "interval: 0.01\nparallel_hosts: 3")
	r.Wait(9)
	if got := len(r.Stop()); got%3 != 0 && got < 9 {
		t.Errorf("%d events", got)
	}
}

func TestAFailureConcernsOneHost(t *testing.T) {
	fake(t, map[string]string{
		"search.xml": up("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"), "10.0.0.4.xml": up("10.0.0.4"),
		"10.0.0.1.fail": "TCP/IP fingerprinting (for OS scan) requires root privileges.\nQUITTING!\n", "10.0.0.2.xml": report[:len(report)/2], "10.0.0.3.xml": "spam",
	})
	r := start(t, "")
	r.Wait(1)
	if got := r.Stop(); len(got) != 1 || got[0].ReceivedFrom() != "10.0.0.4" {
		t.Errorf("%d events", len(got))
	}
	for _, want := range []string{`target=10.0.0.1 error="nmap: TCP/IP fingerprinting (for OS scan) requires root privileges."`, "target=10.0.0.2 error=\"what nmap says cannot be read", `target=10.0.0.3 error="what nmap says is cut off"`} {
		if !strings.Contains(r.Log(), want) {
			t.Errorf("the log lacks %s\n%s", want, r.Log())
		}
	}
}

func TestARunThatTakesTooLongIsEnded(t *testing.T) {
	fake(t, map[string]string{"search.xml": up("10.0.0.2", "10.0.0.3"), "10.0.0.2.xml": up("10.0.0.2"), "10.0.0.3.hang": ""})
	r := start(t, "scan_timeout_in_secs: 3\ninterval: 1000")
	r.Logged("target")
	if got := r.Stop(); len(got) != 1 || !strings.Contains(r.Log(), "longer than scan_timeout_in_secs, nmap was killed") || strings.Count(r.Log(), "WARN") > 2 {
		t.Errorf("%d events\n%s", len(got), r.Log())
	}
	fake(t, map[string]string{"search.hang": ""})
	r = start(t, "")
	if got := r.Stop(); len(got) != 0 || strings.Contains(r.Log(), "could not be searched") { // a stop is no failure
		t.Errorf("%d events\n%s", len(got), r.Log())
	}
}

func TestAProgramThatIsMissing(t *testing.T) {
	if err := actortest.Source(t, nmapscanner.Spec, "nmap_path: /nowhere/nmap\nnetwork: 10.0.0.0").Err(); err == nil || !strings.Contains(err.Error(), "nmap_path") {
		t.Errorf("the run ends with %v", err)
	}
	o := nmapscanner.Options{Path: "/nowhere/nmap"}
	if got := o.Reads(); len(got) != 1 || got[0].Option != "nmap_path" || got[0].Path != "/nowhere/nmap" {
		t.Errorf("reads %v", got)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	wrong := map[string]string{
		"ports: '22'\narguments: -F -sT":         "arguments: -F cannot be used together with ports",
		"ports: '22'\narguments: -p 80":          "arguments: -p cannot be used together with ports",
		"ports: '22; rm'":                        "ports: must be a list",
		"arguments: \"-sT 'a\"":                  "arguments: a quote is not closed",
		"arguments: -sT 10.0.0.5":                `arguments: "10.0.0.5" is not allowed here`,
		"exclude: [-iL]":                         "exclude: must be",
		"netmask: ' /24'":                        "network: must be",
		"parallel_hosts: 0":                      "parallel_hosts",
		"arguments: --script /tmp/evil.nse":      "of --script is not allowed",
		"arguments: --script=../evil":            "of --script is not allowed",
		"arguments: --max-retries":               "--max-retries needs a value",
		"arguments: --max-retries -oN":           "of --max-retries is not allowed",
		"arguments: --script-args a=/etc/passwd": "of --script-args is not allowed",
	}
	for _, a := range strings.Fields("-oN -oA -oX -oG/tmp/x -iL -iR -S -D -sI -b --datadir --stylesheet --resume --excludefile --script-args-file --servicedb --versiondb --script-updatedb --append-output --interactive --proxies --spoof-mac -sL -sn") {
		wrong["arguments: "+a+" x"] = "is not allowed here"
	}
	named := map[string]string{}
	for options, want := range wrong {
		named["network: 10.0.0.0\n"+options] = want
	}
	named["network: '-iL/etc/passwd'"] = "network: must be"
	named["ports: '5'"] = "network"
	actortest.Wrong(t, nmapscanner.Spec, named)
	for _, a := range []string{"-sS -sV --version-intensity 5 -T4 -n -Pn", "-A --script=default,safe --script-args http.useragent=x", "-PS22,80 -p22-25 --max-retries=2 --host-timeout 30s", "null", "''", "-p- -vv"} {
		if err := actortest.Options(t, nmapscanner.Spec, "network: 10.0.0.0\narguments: "+a); err != nil {
			t.Error(err)
		}
	}
}
