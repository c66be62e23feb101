//go:build integration

package syslogsink_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/tcpserver"
	"gambolputty/stages/inputs/udpserver"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/outputs/syslogsink"
	"gambolputty/stages/parsers/syslogparser"
)

// daemon starts a program and ends it with the test.
func daemon(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf(".ci/services installs what is missing: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", cmd.Path, out.String())
		}
	})
}

func rsyslog(t *testing.T, conf string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(path, []byte(fmt.Sprintf("global(workDirectory=%q)\n", dir)+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon(t, exec.Command("rsyslogd", "-n", "-f", path, "-i", filepath.Join(dir, "pid")))
}

// syslogNG runs the one that .ci/services has unpacked, because Debian does not let it be installed
// together with rsyslog.
func syslogNG(t *testing.T, conf string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(cache, "gambolputty", "syslog-ng")
	libraries, err := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*"))
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(filepath.Join(root, "usr/lib/syslog-ng/[0-9]*"))
	if err != nil || len(modules) != 1 {
		t.Fatalf("syslog-ng is not in %s, .ci/services unpacks it", root)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "syslog-ng.conf")
	if err := os.WriteFile(path, []byte("@version: "+filepath.Base(modules[0])+"\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(root, "usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", path, "-R", filepath.Join(dir, "persist"),
		"-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "ctl"), "--module-path="+modules[0])
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(append(libraries, filepath.Join(root, "usr/lib/syslog-ng"), filepath.Join(root, "lib")), ":"))
	daemon(t, cmd)
}

// free is a port that nothing listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// fields are what a message says about itself, and how a receiver writes them.
const (
	rsyslogLine = `%PRI%|%HOSTNAME%|%PROGRAMNAME%|%PROCID%|%MSGID%|%STRUCTURED-DATA%|%MSG%\n`
	fullOptions = "\nhostname: web01\napp_name: nginx\nproc_id: '812'\nmsg_id: ID47\nstructured_data: {a@1: {b: 'c \"d\" ]'}}\nfacility: local0\nseverity: err"
	modernWant  = `131|web01|nginx|812|ID47|[a@1 b="c \"d\" \]"]|`
	legacyWant  = `131|web01|nginx|812|-|-|`
)

// deliver sends numbered messages and checks what the receiver has written. A first message is
// sent until it gets through, because over UDP nobody says when the receiver is ready.
func deliver(t *testing.T, out, options, want string) {
	t.Helper()
	text := func() string {
		b, _ := os.ReadFile(out) // it is not there at first
		return string(b)
	}
	for end := time.Now().Add(30 * time.Second); !strings.Contains(text(), "probe"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing arrives with %s", options)
		}
		actortest.Sink(t, syslogsink.Spec, "format: probe\n"+options, actortest.Events("")...)
	}
	count := 3000
	if strings.Contains(options, "proto: udp") {
		count = 100 // what the receiver's system has room for
	}
	actortest.Sink(t, syslogsink.Spec, "format: $(data)\n"+options, actortest.Events(numbered(count)...)...)
	for end := time.Now().Add(30 * time.Second); !strings.Contains(text(), fmt.Sprintf("number %d ü\n", count-1)); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: the last message is missing behind %.2000q", options, text())
		}
	}
	n := 0
	for line := range strings.Lines(text()) {
		if strings.Contains(line, "probe") {
			continue
		}
		header, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), want)
		if header != "" || strings.TrimPrefix(message, " ") != fmt.Sprintf("number %d ü", n) {
			t.Fatalf("%s: line %d is %q", options, n, line)
		}
		n++
	}
	if n != count {
		t.Errorf("%s: %d of %d came", options, n, count)
	}
}

func numbered(count int) []string {
	var list []string
	for i := range count {
		list = append(list, fmt.Sprintf("number %d ü", i))
	}
	return list
}

func TestIntegrationRsyslogReceives(t *testing.T) {
	dir := t.TempDir()
	cert, key := tlstest.New(t).Files()
	tcp, udp, secure, socket := free(t), free(t), free(t), filepath.Join(dir, "log")
	out := func(name string) string { return filepath.Join(dir, name) }
	conf := fmt.Sprintf(`
global(defaultNetstreamDriverCAFile=%[1]q defaultNetstreamDriverCertFile=%[1]q defaultNetstreamDriverKeyFile=%[2]q parser.escapeControlCharactersOnReceive="off" parser.escape8BitCharactersOnReceive="off")
module(load="imtcp")
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
template(name="line" type="string" string="%[3]s")
`, cert, key, rsyslogLine)
	for name, input := range map[string]string{
		"tcp":  fmt.Sprintf(`type="imtcp" port=%q`, tcp),
		"udp":  fmt.Sprintf(`type="imudp" port=%q`, udp),
		"tls":  fmt.Sprintf(`type="imtcp" port=%q streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"`, secure),
		"unix": fmt.Sprintf(`type="imuxsock" socket=%q useSpecialParser="off" parseHostname="on" usePIDFromSystem="off" rateLimit.interval="0" ignoreTimestamp="off"`, socket),
	} {
		conf += fmt.Sprintf("ruleset(name=%[1]q) { action(type=\"omfile\" file=%[2]q template=\"line\") }\ninput(%[3]s ruleset=%[1]q)\n", name, out(name), input)
	}
	rsyslog(t, conf)
	modern, legacy := "\nsyslog_format: rfc5424"+fullOptions, "\nsyslog_format: rfc3164"+strings.Replace(strings.Replace(fullOptions, "\nmsg_id: ID47", "", 1), "\nstructured_data: {a@1: {b: 'c \"d\" ]'}}", "", 1)
	deliver(t, out("tcp"), "address: localhost:"+tcp+"\nframing: octet_counted"+modern, modernWant)
	if err := os.Truncate(out("tcp"), 0); err != nil {
		t.Fatal(err)
	}
	deliver(t, out("tcp"), "address: localhost:"+tcp+legacy, legacyWant)
	deliver(t, out("udp"), "proto: udp\naddress: 127.0.0.1:"+udp+modern, modernWant)
	deliver(t, out("tls"), "proto: tls\ncacert: "+cert+"\naddress: localhost:"+secure+modern, modernWant)
	deliver(t, out("unix"), "address: "+socket+modern, modernWant)
}

func TestIntegrationSyslogNGReceives(t *testing.T) {
	dir := t.TempDir()
	cert, key := tlstest.New(t).Files()
	counted, lines, udp, secure, socket := free(t), free(t), free(t), free(t), filepath.Join(dir, "log")
	conf := ""
	out := func(name string) string { return filepath.Join(dir, name) }
	for name, source := range map[string]string{
		"counted": `syslog(ip("127.0.0.1") transport("tcp") port(` + counted + `))`,
		"lines":   `network(ip("127.0.0.1") transport("tcp") port(` + lines + `))`,
		"udp":     `network(ip("127.0.0.1") transport("udp") port(` + udp + `))`,
		"tls":     fmt.Sprintf(`syslog(ip("127.0.0.1") transport("tls") port(%s) tls(cert-file(%q) key-file(%q) peer-verify(optional-untrusted)))`, secure, cert, key),
		"unix":    `unix-stream("` + socket + `")`,
	} {
		data := "${SDATA:--}"
		if name == "unix" {
			data = "-" // there it counts messages
		}
		conf += fmt.Sprintf("log { source { %s; }; destination { file(%q template(\"$PRI|$HOST|$PROGRAM|$PID|${MSGID:--}|%s|$MSG\\n\")); }; };\n", source, out(name), data)
	}
	syslogNG(t, "options { keep-hostname(yes); };\n"+conf)
	modern, legacy := "\nsyslog_format: rfc5424"+fullOptions, "\nsyslog_format: rfc3164"+strings.Replace(strings.Replace(fullOptions, "\nmsg_id: ID47", "", 1), "\nstructured_data: {a@1: {b: 'c \"d\" ]'}}", "", 1)
	deliver(t, out("counted"), "address: localhost:"+counted+"\nframing: octet_counted"+modern, modernWant)
	deliver(t, out("lines"), "address: localhost:"+lines+legacy, legacyWant)
	deliver(t, out("udp"), "proto: udp\naddress: 127.0.0.1:"+udp+legacy, legacyWant)
	deliver(t, out("tls"), "proto: tls\ncacert: "+cert+"\naddress: localhost:"+secure+modern, modernWant)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, out("unix"), "address: "+socket+strings.Replace(legacy, "hostname: web01\n", "", 1), strings.Replace(legacyWant, "web01", host, 1))
}

func TestIntegrationSyslogNGSends(t *testing.T) {
	for name, c := range map[string]struct{ module, driver string }{
		"rfc3164 in lines":    {"TcpServer: {interface: 127.0.0.1, port: 0}", `network("127.0.0.1" port(%s) transport("tcp"))`},
		"rfc5424 with counts": {"TcpServer: {interface: 127.0.0.1, port: 0, framing: octet_counted}", `syslog("127.0.0.1" port(%s) transport("tcp"))`},
		"either":              {"TcpServer: {interface: 127.0.0.1, port: 0, framing: auto}", `syslog("127.0.0.1" port(%s) transport("tcp"))`},
		"udp":                 {"UdpServer: {interface: 127.0.0.1, port: 0}", `syslog("127.0.0.1" port(%s) transport("udp"))`},
	} {
		t.Run(name, func(t *testing.T) {
			count := 300
			if name == "udp" {
				count = 100 // as many as wait in the smallest buffer of the system, if we do not get on
			}
			r := actortest.Start(t, "- "+c.module+"\n- SyslogParser\n- TestCatch\n", tcpserver.Spec, udpserver.Spec, syslogparser.Spec)
			_, port, err := net.SplitHostPort(r.Addr())
			if err != nil {
				t.Fatal(err)
			}
			in := filepath.Join(t.TempDir(), "in")
			var text strings.Builder
			for i := range count {
				fmt.Fprintf(&text, "<131>Oct 11 22:14:15 web01 nginx[812]: number %d ü\n", i)
			}
			if err := os.WriteFile(in, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			syslogNG(t, fmt.Sprintf("options { keep-hostname(yes); };\nlog { source { file(%q); }; destination { %s; }; flags(flow-control); };\n", in, fmt.Sprintf(c.driver, port)))
			for i, e := range r.Wait(count) {
				for field, want := range map[string]string{"host": "web01", "program": "nginx", "pid": "812", "message": fmt.Sprintf("number %d ü", i), "syslog_severity": "Error"} {
					if v, _ := e.Get(event.MustPath(field)); v.Text() != want {
						t.Fatalf("event %d: %s is %q, want %q, in %s", i, field, v.Text(), want, actortest.Whole(e))
					}
				}
			}
			r.Stop()
		})
	}
}
