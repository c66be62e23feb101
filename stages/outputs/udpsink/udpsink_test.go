package udpsink_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/udpsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t testing.TB, network, address string) *net.UDPConn {
	t.Helper()
	u := wiretest.Packets(t, network, address).(*net.UDPConn)
	u.SetReadBuffer(4 << 20)
	return u
}

func sink(t *testing.T, c net.PacketConn, options string, data ...string) {
	t.Helper()
	actortest.Sink(t, udpsink.Spec, "address: '"+c.LocalAddr().String()+"'\n"+options, actortest.Events(data...)...)
}

func own(r *actortest.Running, name string) int64 { return r.Status("UdpSink").Meter.Own(name).Load() }

// UDP-OUT-1
func TestADatagramForEachEvent(t *testing.T) {
	for options, want := range map[string]string{
		"delete_fields: [gambolputty]":               `{"data":"a"}` + "\n|" + `{"data":"b\nc"}` + "\n",
		"format: $(data)":                            "a\n|b\nc\n",
		"format: $(data)\nappend_newline: False":     "a|b\nc",
		"format: '<$(data)>'\nmax_packet_size: 6":    "<a>\n|<b\nc>\n",
		"format: $(data)\nstore_interval_in_secs: 0": "a\n|b\nc\n",
	} {
		for network, address := range map[string]string{"udp4": "127.0.0.1:0", "udp6": "[::1]:0"} {
			c := listen(t, network, address)
			sink(t, c, options, "a", "b\nc")
			if got := strings.Join(wiretest.Datagrams(t, c, 2), "|"); got != want {
				t.Errorf("%s over %s gives %q, want %q", options, network, got, want)
			}
		}
	}
}

// UDP-OUT-2: store_interval_in_secs is 5, and nothing waits for that long.
func TestDatagramsAreSentAtOnceInTheirOrder(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- UdpSink: {format: $(data), address: '"+c.LocalAddr().String()+"'}\n", udpsink.Spec, actortest.Lines(feed))
	for i := range 100 {
		feed <- fmt.Sprint(i)
		if got := wiretest.Datagrams(t, c, 1)[0]; got != fmt.Sprint(i, "\n") {
			t.Fatalf("%q instead of %d", got, i)
		}
	}
	close(feed)
	r.Finish()
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint(i))
	}
	sink(t, c, "format: $(data)\nappend_newline: False", many...)
	if got := wiretest.Datagrams(t, c, 1000); strings.Join(got, " ") != strings.Join(many, " ") {
		t.Error("the order of many is not kept")
	}
}

func TestWhatIsTooLongIsRejectedAndTheRestGoesOn(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "rejected")
	options := "format: $(data)\nreject_action: file\nreject_file: " + file
	sink(t, c, options, "a", strings.Repeat("x", 65507), "b", strings.Repeat("y", 65506))
	if got := wiretest.Datagrams(t, c, 3); got[0] != "a\n" || got[1] != "b\n" || len(got[2]) != 65507 {
		t.Errorf("%.20q", got)
	}
	sink(t, c, options+"\nmax_packet_size: 3", "ab", "abc", "c")
	if got := wiretest.Datagrams(t, c, 2); got[0] != "ab\n" || got[1] != "c\n" {
		t.Errorf("%q", got)
	}
	text, err := os.ReadFile(file)
	if n := strings.Count(string(text), "max_packet_size"); err != nil || n != 2 {
		t.Errorf("%d rejected, %v", n, err)
	}
}

func TestRefusalsAreCountedAndWarnedAbout(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	c.Close()
	r := actortest.Start(t, "- Numbers\n- UdpSink: {address: '"+c.LocalAddr().String()+"'}\n", udpsink.Spec, actortest.Numbers(1000))
	r.Finish()
	if own(r, "refused") == 0 || own(r, "delivered") != 1000 || strings.Count(r.Log(), "refuses") != 1 {
		t.Errorf("%d refused, %d delivered\n%s", own(r, "refused"), own(r, "delivered"), r.Log())
	}
}

func TestANameThatIsUnknownIsTriedAgain(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- UdpSink: {address: 'no-such-host.invalid:514', max_retries: 1, retry_max_interval_in_secs: 0, reject_action: drop}\n", udpsink.Spec, actortest.Numbers(3))
	r.Finish()
	if own(r, "retried") == 0 || own(r, "rejected") != 3 || !strings.Contains(r.Log(), "no-such-host.invalid") {
		t.Error(r.Log())
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, udpsink.Spec, map[string]string{
		"address: localhost": "host:port", "address: '::1:5'": "brackets", "max_packet_size: 0": "between 1 and 65507", "max_packet_size: 65508": "65507",
		"format: $(a": "not closed", "backlog_size: 0": "at least 1", "reject_action: file": "reject_file",
	})
}

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

// sponge reads and forgets.
func sponge(b *testing.B) string {
	c := listen(b, "udp4", "127.0.0.1:0")
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
	}()
	return c.LocalAddr().String()
}

func BenchmarkEvents(b *testing.B) {
	actortest.Bench(b, udpsink.Spec, "address: "+sponge(b)+"\nformat: $(data)", accessLine)
}

// BenchmarkPlainLoop writes the same datagrams one by one.
func BenchmarkPlainLoop(b *testing.B) {
	c, err := net.Dial("udp4", sponge(b))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	line := []byte(accessLine + "\n")
	b.SetBytes(int64(len(accessLine)))
	b.ResetTimer()
	for range b.N {
		if _, err := c.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
