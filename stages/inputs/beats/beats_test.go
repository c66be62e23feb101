package beats_test

import (
	"bytes"
	"compress/zlib"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	lumber "github.com/elastic/go-lumber/client/v2"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/beats"
	"gambolputty/stages/internal/tlsopt/tlstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const loopback = "interface: 127.0.0.1\nport: 0\n"

// Parts of the protocol, written down once more.

func u32(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func window(version string, n int) string { return version + "W" + u32(n) }

func object(version string, sequence int, text string) string {
	return version + "J" + u32(sequence) + u32(len(text)) + text
}

func data(version string, sequence int, pairs ...string) string {
	s := version + "D" + u32(sequence) + u32(len(pairs)/2)
	for _, p := range pairs {
		s += u32(len(p)) + p
	}
	return s
}

func packed(version, frames string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, frames)
	w.Close()
	return version + "C" + u32(b.Len()) + b.String()
}

func acked(version string, sequence int) string { return version + "A" + u32(sequence) }

type conn struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, r *actortest.Running) conn {
	t.Helper()
	return conn{t, r.Dial("tcp")}
}

func (c conn) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads one answer.
func (c conn) hear() string {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 6)
	if _, err := io.ReadFull(c, b); err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	return string(b)
}

// ended waits for the end of the connection and returns what came before.
func (c conn) ended() string {
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		c.t.Errorf("the connection does not end: %v", err)
	}
	return string(b)
}

// BEATS-1, BEATS-2, BEATS-4.
func TestFrames(t *testing.T) {
	for name, c := range map[string]struct{ options, say, want, ack string }{
		"JSON":                    {"", window("2", 1) + object("2", 1, `{"message":"spam","n":{"a":[1]}}`), `{"data":{"message":"spam","n":{"a":[1]}},"sequence":1}`, acked("2", 1)},
		"JSON of version 1":       {"", window("1", 1) + object("1", 7, `{"a":1}`), `{"data":{"a":1},"sequence":7}`, acked("1", 7)},
		"data":                    {"", window("1", 1) + data("1", 5, "line", "spam", "host", "web1"), `{"data":{"host":"web1","line":"spam"},"sequence":5}`, acked("1", 5)},
		"data of version 2":       {"", window("2", 1) + data("2", 1), `{"data":{},"sequence":1}`, acked("2", 1)},
		"compressed":              {"", window("2", 2) + packed("2", object("2", 1, `{"a":1}`)+object("2", 2, `{"a":2}`)), `{"data":{"a":1},"sequence":1}{"data":{"a":2},"sequence":2}`, acked("2", 2)},
		"compressed, version 1":   {"", window("1", 1) + packed("1", data("1", 3, "a", "b")), `{"data":{"a":"b"},"sequence":3}`, acked("1", 3)},
		"several compressed":      {"", window("2", 3) + packed("2", object("2", 1, `{}`)) + packed("2", object("2", 2, `{}`)) + object("2", 3, `{}`), `{"data":{},"sequence":1}{"data":{},"sequence":2}{"data":{},"sequence":3}`, acked("2", 3)},
		"no object":               {"", window("2", 1) + object("2", 1, ` "spam" `), `{"data":"spam","sequence":1}`, acked("2", 1)},
		"another field":           {"target_field: beat.sent", window("2", 1) + object("2", 1, `{"a":1}`), `{"beat":{"sent":{"a":1}},"data":"","sequence":1}`, acked("2", 1)},
		"on the top level":        {"target_field: ''", window("2", 1) + object("2", 1, `{"message":"spam","sequence":9}`), `{"data":"","message":"spam","sequence":9}`, acked("2", 1)},
		"no object on the top":    {"target_field: ''", window("2", 1) + object("2", 1, `5`), `{"beats_parse_error":true,"data":"5","sequence":1}`, acked("2", 1)},
		"no JSON":                 {"", window("2", 2) + object("2", 1, `{"a":`) + object("2", 2, `{}`), `{"beats_parse_error":true,"data":"{\"a\":","sequence":1}{"data":{},"sequence":2}`, acked("2", 2)},
		"more behind the JSON":    {"", window("2", 1) + object("2", 1, `{} {}`), `{"beats_parse_error":true,"data":"{} {}","sequence":1}`, acked("2", 1)},
		"a window is not renewed": {"", window("1", 1) + data("1", 1) + data("1", 2), `{"data":{},"sequence":1}{"data":{},"sequence":2}`, acked("1", 1) + acked("1", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, beats.Spec, loopback+c.options)
			client := dial(t, r)
			for i := range len(c.say) { // in many segments
				client.say(c.say[i : i+1])
			}
			var got string
			for _, e := range r.Wait(strings.Count(c.want, `"sequence":`)) {
				got += actortest.JSON(e)
				if from := actortest.Meta(e, "received_from"); from != client.LocalAddr().String() || actortest.Meta(e, "source_module") != "Beats" {
					t.Errorf("received from %q", from)
				}
			}
			if got != c.want {
				t.Errorf("got %s", got)
			}
			answers := ""
			for !strings.HasSuffix(answers, c.ack[len(c.ack)-6:]) {
				answers += client.hear() // there may be partial ones in front
			}
			client.Close()
			r.Stop()
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	bomb := packed("2", object("2", 1, `"`+strings.Repeat("x", 2<<20)+`"`))
	many := "2D" + u32(1) + u32(1001)
	for name, c := range map[string]struct{ say, want string }{
		"another version":           {"3W" + u32(1), "0x33"},
		"TLS":                       {"\x16\x03\x01", "0x16"},
		"another type":              {window("2", 1) + "2X", "0x58"},
		"a window in a compressed":  {window("2", 1) + packed("2", window("2", 1)), "0x57"},
		"compressed twice":          {window("2", 1) + packed("2", packed("2", "")), "0x43"},
		"too large":                 {window("2", 1) + "2J" + u32(1) + "\x7f\x00\x00\x00", "max_buffer_size allows 1048576"},
		"too large when unpacked":   {window("2", 1) + bomb, "when it is decompressed"},
		"too large when compressed": {window("2", 1) + "2C\x7f\x00\x00\x00", "max_buffer_size allows"},
		"not compressed at all":     {window("2", 1) + "2C" + u32(4) + "spam", "cannot be decompressed"},
		"cut off in a compressed":   {window("2", 1) + packed("2", object("2", 1, "{}")[:9]), "cut off"},
		"compressed and cut off":    {window("2", 1) + "2C" + u32(5) + packed("2", object("2", 1, "{}"))[6:11], "cannot be decompressed"},
		"too many pairs":            {window("2", 1) + many, "1001 pairs"},
		"pairs that are too large":  {window("2", 1) + data("2", 1, "a", strings.Repeat("x", 1<<19), "b", strings.Repeat("x", 1<<19)), "max_buffer_size allows"},
	} {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, beats.Spec, loopback+"max_buffer_size: 1024")
			client := dial(t, r)
			client.Write([]byte(c.say)) // the other side may end it before all is written
			if got := client.ended(); got != "" {
				t.Errorf("answered %q", got)
			}
			if got := r.Stop(); len(got) > 0 || !strings.Contains(r.Log(), c.want) || strings.Count(r.Log(), "connection closed") != 1 {
				t.Errorf("%d events\n%s", len(got), r.Log())
			}
		})
	}
}

// BEATS-3.
func TestOnlyWhatIsDeliveredIsAcknowledged(t *testing.T) {
	pass := make(chan error)
	r := actortest.Start(t, "- Beats: {interface: 127.0.0.1, port: 0}\n- Gate\n", beats.Spec, actortest.Gate(pass))
	c := dial(t, r)
	c.say(window("2", 3) + object("2", 1, `{}`))
	actortest.Until(t, "the first is under way", func() bool { return r.Status("Beats").Meter.Received.Load() == 1 })
	c.say(object("2", 2, `{}`))
	actortest.Until(t, "the second is under way", func() bool { return r.Status("Beats").Meter.Received.Load() == 2 })
	if got := c.hear(); got != acked("2", 0) { // after five seconds
		t.Errorf("while it waits it hears %q", got)
	}
	pass <- nil
	if got := c.hear(); got != acked("2", 1) {
		t.Errorf("after the first it hears %q", got)
	}
	c.say(object("2", 3, `{}`) + window("2", 1) + object("2", 1, `{}`))
	close(pass)
	answers := ""
	for !strings.HasSuffix(answers, acked("2", 3)+acked("2", 1)) {
		answers += c.hear()
	}
	c.Close()
	r.Stop()
}

func TestAStopAcknowledgesFirst(t *testing.T) {
	pass := make(chan error)
	r := actortest.Start(t, "- Beats: {interface: 127.0.0.1, port: 0}\n- Gate\n", beats.Spec, actortest.Gate(pass))
	c := dial(t, r)
	c.say(window("2", 2) + object("2", 1, `{}`) + object("2", 2, `{}`))
	actortest.Until(t, "it is under way", func() bool { return r.Status("Beats").Meter.Received.Load() == 2 })
	var stopped sync.WaitGroup
	stopped.Go(func() { r.Stop() })
	close(pass)
	if got := c.ended(); got != acked("2", 2) {
		t.Errorf("it hears %q", got)
	}
	stopped.Wait()
}

func TestWhatIsLostIsNotAcknowledged(t *testing.T) {
	pass := make(chan error)
	r := actortest.Start(t, "- Global: {shutdown_timeout: 0.1}\n- Beats: {interface: 127.0.0.1, port: 0}\n- Gate\n", beats.Spec, actortest.Gate(pass))
	c := dial(t, r)
	c.say(window("2", 1) + object("2", 1, `{}`))
	actortest.Until(t, "it is under way", func() bool { return r.Status("Beats").Meter.Received.Load() == 1 })
	go func() { // once the program is being stopped by force
		time.AfterFunc(time.Second, func() { pass <- fmt.Errorf("it is too late") })
	}()
	r.StopHard()
	if got := c.ended(); strings.Contains(got, acked("2", 1)) {
		t.Errorf("it hears %q", got)
	}
}

func TestTheReferenceClient(t *testing.T) {
	r := actortest.Source(t, beats.Spec, loopback)
	for _, level := range []int{0, 3} {
		c, err := lumber.SyncDial(r.Addr(), lumber.CompressionLevel(level), lumber.Timeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for batch := range 5 {
			var events []any
			for i := range 1000 {
				events = append(events, map[string]any{"level": level, "n": batch*1000 + i})
			}
			if n, err := c.Send(events); n != 1000 || err != nil {
				t.Fatal(n, err)
			}
		}
		c.Close()
	}
	events := r.Stop()
	if len(events) != 10_000 {
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		if got, want := actortest.JSON(e), fmt.Sprintf(`{"data":{"level":%d,"n":%d},"sequence":%d}`, i/5000*3, i%5000, i%1000+1); got != want {
			t.Fatalf("event %d is %s", i, got)
		}
	}
}

func TestTheReferenceClientWithSeveralWindowsUnderWay(t *testing.T) {
	r := actortest.Source(t, beats.Spec, loopback)
	c, err := lumber.AsyncDial(r.Addr(), 10, lumber.Timeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 100)
	for range 100 {
		if err := c.Send(func(seq uint32, err error) {
			if seq != 50 {
				err = fmt.Errorf("sequence %d: %w", seq, err)
			}
			done <- err
		}, make([]any, 50)); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	r.Stop()
}

func TestTLS(t *testing.T) {
	cert, stranger := tlstest.New(t), tlstest.New(t)
	r := actortest.Source(t, beats.Spec, loopback+"tls: True\ncert: "+cert.Cert+"\nkey: "+cert.Key+"\ncacert: "+cert.Cert+"\ntls_client_auth: require")
	send := func(pairs ...tls.Certificate) error {
		raw, err := tls.Dial("tcp", r.Addr(), &tls.Config{RootCAs: cert.Pool, ServerName: "localhost", Certificates: pairs})
		if err != nil {
			return err
		}
		c, err := lumber.NewSyncClientWithConn(raw, lumber.Timeout(20*time.Second))
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Send([]any{map[string]any{"a": 1}})
		return err
	}
	if err := send(cert.Pair); err != nil {
		t.Error(err)
	}
	if send() == nil || send(stranger.Pair) == nil {
		t.Error("anybody may send")
	}
	if n := len(r.Stop()); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestLimitsOfConnections(t *testing.T) {
	r := actortest.Source(t, beats.Spec, loopback+"max_connections: 1")
	first := dial(t, r)
	first.say(window("2", 1) + object("2", 1, "{}"))
	first.hear()
	dial(t, r).ended()
	first.Close()
	r.Stop()
	r = actortest.Source(t, beats.Spec, loopback+"allow_from: 192.0.2.0/24\n")
	dial(t, r).ended()
	r.Stop()
	r = actortest.Source(t, beats.Spec, loopback+"timeout: 0.05")
	dial(t, r).ended()
	r.Stop()
}

// A thousand clients announce the largest frames, and send bombs.
func TestMemoryIsBoundedWhateverComes(t *testing.T) {
	r := actortest.Source(t, beats.Spec, loopback)
	bomb := window("2", 1) + packed("2", object("2", 1, strings.Repeat(" ", 11<<20)))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	var conns []conn
	for i := range 1000 {
		c := dial(t, r)
		conns = append(conns, c)
		all.Go(func() {
			if i%10 == 0 {
				c.Write([]byte(bomb))
				return
			}
			c.Write([]byte(window("2", 1<<31) + "2J" + u32(1) + "\x00\x9f\x00\x00" + "spam"))
		})
	}
	all.Wait()
	actortest.Until(t, "all bombs have been found", func() bool { return r.Status("Beats").Meter.Own("protocol_errors").Load() == 100 })
	runtime.GC() // what is in use counts, not what a busy machine has not collected yet
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d MB", grown>>20)
	if grown > 160<<20 { // of a thousand clients and their server
		t.Errorf("%d MB are in use", grown>>20)
	}
	for _, c := range conns {
		c.Close()
	}
	r.Stop()
}

func TestOptions(t *testing.T) {
	actortest.Wrong(t, beats.Spec, map[string]string{
		"tls: True": "cert", "port: 70000": "65535", "max_buffer_size: 0": "1", "timeout: -1": "0",
	})
}
