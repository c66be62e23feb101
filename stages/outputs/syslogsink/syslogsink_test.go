package syslogsink_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/syslogsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// over sends texts to a peer that reads a stream.
func over(t *testing.T, options string, data ...string) string {
	t.Helper()
	p := wiretest.Listen(t, nil)
	actortest.Sink(t, syslogsink.Spec, "address: "+p.Addr()+"\nformat: $(data)\n"+options, actortest.Events(data...)...)
	return p.Text()
}

// stream feeds a sink line by line.
func stream(t *testing.T, options string) (chan<- string, *actortest.Running) {
	t.Helper()
	feed := make(chan string)
	text := "- Lines\n- SyslogSink:\n    format: $(data)\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	return feed, actortest.Start(t, text, syslogsink.Spec, actortest.Lines(feed))
}

func own(r *actortest.Running, name string) int64 {
	return r.Status("SyslogSink").Meter.Own(name).Load()
}

// SYSLOG-1, SYSLOG-3
func TestMessagesOnStreams(t *testing.T) {
	for options, want := range map[string]string{
		"":                          "<14>a#012b\n<14>c\n",
		"facility: local0":          "<134>a#012b\n<134>c\n",
		"facility: security":        "<38>a#012b\n<38>c\n",
		"facility: 23\nseverity: 0": "<184>a#012b\n<184>c\n",
		"severity: Warning":         "<12>a#012b\n<12>c\n",
		"severity: warn":            "<12>a#012b\n<12>c\n",
		"framing: nul":              "<14>a\r\nb\x00<14>c\x00",
		"framing: octet_counted":    "8 <14>a\r\nb5 <14>c",
		"severity: $(nope)":         "<14>a#012b\n<14>c\n",
		"severity: $(data)":         "<14>a#012b\n<14>c\n",
		"facility: $(data)":         "<14>a#012b\n<14>c\n",
		"format: null\nfacility: mail\ndelete_fields: [gambolputty]": `<22>{"data":"a\r\nb\n"}` + "\n" + `<22>{"data":"c"}` + "\n",
	} {
		if strings.HasPrefix(options, "format: null") {
			p := wiretest.Listen(t, nil)
			actortest.Sink(t, syslogsink.Spec, "address: "+p.Addr()+strings.TrimPrefix(options, "format: null"), actortest.Events("a\r\nb\n", "c")...)
			if got := p.Text(); got != want {
				t.Errorf("%s gives %q, want %q", options, got, want)
			}
			continue
		}
		if got := over(t, options, "a\r\nb\n", "c"); got != want {
			t.Errorf("%s gives %q, want %q", options, got, want)
		}
	}
}

func TestPriorityFromTheEvent(t *testing.T) {
	p := wiretest.Listen(t, nil)
	actortest.Sink(t, syslogsink.Spec, "address: "+p.Addr()+"\nformat: x\nfacility: $(f)\nseverity: $(s)",
		actortest.Event(t, `{"f": 16, "s": 3}`), actortest.Event(t, `{"f": "UUCP", "s": "Informational"}`),
		actortest.Event(t, `{"f": "security/authorization", "s": "Emergency"}`), actortest.Event(t, `{"f": 24, "s": 8}`), actortest.Event(t, `{}`))
	if got := p.Text(); got != "<131>x\n<70>x\n<32>x\n<14>x\n<14>x\n" {
		t.Errorf("%q", got)
	}
}

// SYSLOG-3: the reference's example.
func TestAPacketForEachMessage(t *testing.T) {
	for network, address := range map[string]string{"udp4": "127.0.0.1:0", "udp6": "[::1]:0"} {
		c := wiretest.Packets(t, network, address)
		actortest.Sink(t, syslogsink.Spec, "address: '"+c.LocalAddr().String()+"'\nproto: udp\nfacility: local0\nformat: $(data)", actortest.Events("hello", "two\nlines\n")...)
		if got := wiretest.Datagrams(t, c, 2); got[0] != "<134>hello" || got[1] != "<134>two\nlines" {
			t.Errorf("%s: %q", network, got)
		}
	}
}

// SYSLOG-2
func TestUnixSocketsOfBothKinds(t *testing.T) {
	for _, proto := range []string{"tcp", "udp"} {
		path := filepath.Join(t.TempDir(), "log")
		c := wiretest.Packets(t, "unixgram", path)
		feed, r := stream(t, "address: "+path+"\nproto: "+proto)
		feed <- "hello\nthere"
		if got := wiretest.Datagrams(t, c, 1); got[0] != "<14>hello\nthere" {
			t.Errorf("%q", got)
		}
		close(feed)
		r.Finish()

		path = filepath.Join(t.TempDir(), "stream")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		p := wiretest.On(t, l, nil)
		actortest.Sink(t, syslogsink.Spec, "address: unix:"+path+"\nproto: "+proto+"\nformat: $(data)", actortest.Events("hello")...)
		if got := p.Text(); got != "<14>hello\n" {
			t.Errorf("%q", got)
		}
	}
}

func TestTheLocalSyslogExpectsNoHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := wiretest.Packets(t, "unixgram", path)
	for options, want := range map[string]string{"": "<14>Jan  2 03:04:05 app: hello", "hostname: h": "<14>Jan  2 03:04:05 h app: hello"} {
		actortest.Sink(t, syslogsink.Spec, "address: "+path+"\nformat: hello\nsyslog_format: rfc3164\napp_name: app\ntimestamp_field: time\ntimezone: UTC\n"+options, actortest.Event(t, `{"time": "2006-01-02T03:04:05Z"}`))
		if got := wiretest.Datagrams(t, c, 1)[0]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAUnixSocketThatComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := wiretest.Packets(t, "unixgram", path)
	feed, r := stream(t, "retry_max_interval_in_secs: 0\naddress: "+path)
	feed <- "1"
	wiretest.Datagrams(t, c, 1)
	c.Close()
	feed <- "2"
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c = wiretest.Packets(t, "unixgram", path)
	if got := wiretest.Datagrams(t, c, 1); got[0] != "<14>2" {
		t.Errorf("%q", got)
	}
	close(feed)
	r.Finish()
}

func TestLongMessagesAreCutBetweenCharacters(t *testing.T) {
	text := strings.Repeat("ü", 2000)
	if got := over(t, "max_message_size: 513", text); got != "<14>"+text[:508]+"\n" {
		t.Errorf("%d bytes, %q", len(got), got[500:])
	}
	c := wiretest.Packets(t, "udp4", "127.0.0.1:0")
	feed, r := stream(t, "proto: udp\naddress: "+c.LocalAddr().String())
	feed <- text
	if got := wiretest.Datagrams(t, c, 1)[0]; len(got) != 2048 {
		t.Errorf("%d bytes", len(got))
	}
	close(feed)
	r.Finish()
	if own(r, "cut") != 1 {
		t.Error("it is not counted")
	}
	if got := over(t, "", strings.Repeat("x", 70_000)); len(got) != 65536+1 {
		t.Errorf("%d bytes", len(got))
	}
}

// Faults: messages to nobody are counted and warned about.
func TestNobodyListens(t *testing.T) {
	c := wiretest.Packets(t, "udp4", "127.0.0.1:0")
	address := c.LocalAddr().String()
	c.Close()
	feed, r := stream(t, "proto: udp\naddress: "+address)
	for i := range 50 {
		feed <- fmt.Sprint(i)
	}
	close(feed)
	r.Finish()
	if own(r, "delivered") != 50 || own(r, "refused") == 0 || !strings.Contains(r.Log(), "refuses") {
		t.Errorf("%d delivered, %d refused\n%s", own(r, "delivered"), own(r, "refused"), r.Log())
	}
}

// SYSLOG-4
func TestSeveralSinksAreIndependent(t *testing.T) {
	a, b := wiretest.Listen(t, nil), wiretest.Listen(t, nil)
	text := "- Lines:\n    receivers: [a, b]\n- SyslogSink: {id: a, format: $(data), address: '" + a.Addr() + "'}\n- SyslogSink: {id: b, format: $(data), facility: mail, address: '" + b.Addr() + "'}\n"
	feed := make(chan string)
	r := actortest.Start(t, text, syslogsink.Spec, actortest.Lines(feed))
	feed <- "spam"
	close(feed)
	r.Finish()
	if a.Text() != "<14>spam\n" || b.Text() != "<22>spam\n" {
		t.Errorf("%q %q", a.Text(), b.Text())
	}
}

func TestTLSIsOctetCounted(t *testing.T) {
	cert, key := tlstest.New(t).Files()
	p := wiretest.ListenTLS(t, cert, key, nil)
	actortest.Sink(t, syslogsink.Spec, "address: "+p.Addr()+"\nproto: tls\ncacert: "+cert+"\nformat: $(data)", actortest.Events("a\nb")...)
	if got := p.Text(); got != "7 <14>a\nb" {
		t.Errorf("%q", got)
	}
}

func TestNothingIsLostWhenTheServerIsResetAgainAndAgain(t *testing.T) {
	p := wiretest.Listen(t, func(n int, c net.Conn, keep io.Writer) {
		if n >= 5 {
			io.Copy(keep, c)
			return
		}
		lines := bufio.NewReader(c)
		for range 1500 {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(keep, line)
		}
		wiretest.Reset(c)
	})
	const count = 20_000
	text := "- Numbers\n- SyslogSink: {format: 'event $(n)', retry_max_interval_in_secs: 0, batch_size: 500, backlog_size: 500, address: '" + p.Addr() + "'}\n"
	actortest.Start(t, text, syslogsink.Spec, actortest.Numbers(count)).Finish()
	came := map[string]bool{}
	for line := range strings.SplitSeq(p.Text(), "\n") {
		came[line] = true
	}
	for i := range count {
		if !came[fmt.Sprint("<14>event ", i)] {
			t.Fatalf("event %d never came, over %d connections", i, len(p.Connections()))
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, syslogsink.Spec, map[string]string{
		"facility: locl0": "did you mean local0?", "facility: spam": "kern, user, mail, daemon, auth, security, syslog, lpr, news, uucp, cron, authpriv, ftp, local0", "facility: 24": "0 to 23",
		"severity: loud": "emerg, alert, crit, err, warning, notice, info, debug", "address: loghost": "host:port", "address: '::1:514'": "brackets",
		"proto: udp\ntls: True": "proto: udp", "proto: tls\ntls: False": "proto is tls", "proto: tls\naddress: /dev/log": "no TLS",
		"max_message_size: 100": "512", "syslog_format: rfc1": "rfc5424", "framing: lf": "octet_counted", "timezone: Mars": "time zone",
		"address: [/dev/log, 'a:1']": "nothing else tells", "syslog_format: rfc5424\nstructured_data: {'a b': {c: d}}": "printable", "structured_data: {a: {c: '$(x'}}": "not closed",
		"structured_data: 5": "map of maps", "format: $(a": "not closed", "batch_size: 0": "at least 1",
	})
	for options, want := range map[string]string{
		"proto: udp\nframing: nul": "W105", "msg_id: a": "W105", "hostname: a": "W105", "structured_data: {a: {b: c}}": "W105",
	} {
		if got := strings.Join(actortest.Warnings(t, syslogsink.Spec, options), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s gives %q", options, got)
		}
	}
}
