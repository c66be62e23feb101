package tcpsink_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/tcpsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sink(t *testing.T, address, options string, data ...string) {
	t.Helper()
	actortest.Sink(t, tcpsink.Spec, "address: "+address+"\n"+options, actortest.Events(data...)...)
}

func numbered(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint("event ", i))
	}
	return list
}

func lines(list []string) string { return strings.Join(list, "\n") + "\n" }

// stream feeds a sink line by line.
func stream(t *testing.T, options string) (chan<- string, *actortest.Running) {
	t.Helper()
	feed := make(chan string)
	text := "- Lines\n- TcpSink:\n    format: $(data)\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	return feed, actortest.Start(t, text, tcpsink.Spec, actortest.Lines(feed))
}

func TestFramings(t *testing.T) {
	for options, want := range map[string]string{
		"":                                  `{"data":"a"}` + "\n" + `{"data":"b\nc\n"}` + "\n",
		"format: $(data)":                   "a\nb c\n",
		"format: $(data)\nframing: newline": "a\nb c\n",
		"framing: octet_counted":            `12 {"data":"a"}17 {"data":"b\nc\n"}`,
		"format: $(data)\nframing: octet_counted":   "1 a4 b\nc\n",
		"format: $(data)\nframing: length_prefixed": "\x00\x00\x00\x01a\x00\x00\x00\x04b\nc\n",
		"format: $(data)\nframing: none":            "ab\nc\n",
	} {
		p := wiretest.Listen(t, nil)
		sink(t, p.Addr(), "delete_fields: [gambolputty]\n"+options, "a", "b\nc\n")
		if got := p.Text(); got != want {
			t.Errorf("%s gives %q, want %q", options, got, want)
		}
	}
}

// TCPS-2
func TestNewlinesThatBecomeBlanksAreCounted(t *testing.T) {
	p := wiretest.Listen(t, nil)
	feed, r := stream(t, "address: "+p.Addr())
	feed <- "a\nb\n\nc"
	close(feed)
	r.Finish()
	if got, n := p.Text(), own(r, "newlines_replaced"); got != "a b  c\n" || n != 3 {
		t.Errorf("%q, %d replaced", got, n)
	}
}

// own is a counter of the sink.
func own(r *actortest.Running, name string) int64 { return r.Status("TcpSink").Meter.Own(name).Load() }

func TestEventsKeepTheirOrder(t *testing.T) {
	for _, options := range []string{"", "batch_size: 1", "batch_size: 7\nstore_interval_in_secs: 0"} {
		p := wiretest.Listen(t, nil)
		sink(t, p.Addr(), "format: $(data)\n"+options, numbered(3000)...)
		if got := p.Text(); got != lines(numbered(3000)) {
			t.Errorf("%s: %d bytes came", options, len(got))
		}
	}
}

func TestSeveralConnectionsShareTheEvents(t *testing.T) {
	p := wiretest.Listen(t, nil)
	sink(t, p.Addr(), "format: $(data)\nconnections: 3", numbered(3000)...)
	got := strings.Split(strings.TrimSuffix(p.Text(), "\n"), "\n")
	want := numbered(3000)
	slices.Sort(got)
	slices.Sort(want)
	if n := len(p.Connections()); n != 3 || !slices.Equal(got, want) {
		t.Errorf("%d connections, %d lines", n, len(got))
	}
}

func TestCompressionIsOneStream(t *testing.T) {
	unpack := map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
		"lz4":  func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil },
	}
	for kind, open := range unpack {
		p := wiretest.Listen(t, nil)
		sink(t, p.Addr(), "format: $(data)\nbatch_size: 100\nbacklog_size: 100\ncompression: "+kind, numbered(3000)...)
		r, err := open(bytes.NewReader([]byte(p.Text())))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || string(text) != lines(numbered(3000)) {
			t.Errorf("%s: %d bytes, %v", kind, len(text), err)
		}
		if d, ok := r.(*zstd.Decoder); ok {
			d.Close()
		}
	}
}

func TestCompressedEventsArriveAtOnce(t *testing.T) {
	for _, kind := range []string{"gzip", "zstd", "lz4"} {
		arrived := make(chan string, 1)
		p := wiretest.Listen(t, func(_ int, c net.Conn, _ io.Writer) {
			var r io.Reader
			switch kind {
			case "gzip":
				z, err := gzip.NewReader(c)
				if err != nil {
					return
				}
				r = z
			case "zstd":
				z, err := zstd.NewReader(c, zstd.WithDecoderConcurrency(1))
				if err != nil {
					return
				}
				defer z.Close()
				r = z
			default:
				r = lz4.NewReader(c)
			}
			got := make([]byte, 5)
			io.ReadFull(r, got)
			arrived <- string(got)
			io.Copy(io.Discard, c)
		})
		feed, r := stream(t, "store_interval_in_secs: 0\ncompression: "+kind+"\naddress: "+p.Addr())
		feed <- "spam"
		if got := <-arrived; got != "spam\n" {
			t.Errorf("%s: %q", kind, got)
		}
		close(feed)
		r.Finish()
	}
}

func TestFailoverTriesThePeersInTheirOrder(t *testing.T) {
	first, second := wiretest.Listen(t, nil), wiretest.Listen(t, nil)
	feed, r := stream(t, "store_interval_in_secs: 0\naddress: ['"+first.Addr()+"', '"+second.Addr()+"']")
	feed <- "1"
	actortest.Until(t, "the first has it", func() bool { return first.Text() == "1\n" })
	first.Close()
	feed <- "2"
	actortest.Until(t, "the second has it", func() bool { return strings.Contains(second.Text(), "2\n") })
	again := first.Again()
	second.Close()
	feed <- "3"
	close(feed)
	r.Finish()
	if !strings.HasSuffix(again.Text(), "3\n") {
		t.Errorf("%q", again.Text())
	}
}

func TestRoundRobinSendsBatchesInTurn(t *testing.T) {
	first, second := wiretest.Listen(t, nil), wiretest.Listen(t, nil)
	feed, r := stream(t, "balance: round_robin\nstore_interval_in_secs: 0\naddress: ['"+first.Addr()+"', '"+second.Addr()+"', '127.0.0.1:1']")
	for i := range 6 {
		feed <- fmt.Sprint(i)
		actortest.Until(t, "it arrives", func() bool { return strings.Count(first.Text()+second.Text(), "\n") == i+1 })
	}
	close(feed)
	r.Finish()
	// The turn of the third, which is away, falls to the first again.
	if a, b := first.Text(), second.Text(); a != "0\n3\n2\n5\n" || b != "1\n4\n" {
		t.Errorf("%q and %q", a, b)
	}
}

func TestAPeerThatIsAwayAtStart(t *testing.T) {
	p := wiretest.Listen(t, nil)
	p.Close()
	feed, r := stream(t, "store_interval_in_secs: 0\naddress: "+p.Addr())
	feed <- "1"
	actortest.Until(t, "the failure is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	again := p.Again()
	feed <- "2"
	close(feed)
	r.Finish()
	if got := again.Text(); got != "1\n2\n" || !strings.Contains(r.Log(), "target works again") {
		t.Errorf("%q\n%s", got, r.Log())
	}
}

func TestAPeerThatEndsBetweenBatchesCostsNothing(t *testing.T) {
	p := wiretest.Listen(t, func(_ int, c net.Conn, keep io.Writer) {
		b := make([]byte, 100)
		n, _ := c.Read(b)
		keep.Write(b[:n])
	})
	feed, r := stream(t, "store_interval_in_secs: 0\naddress: "+p.Addr())
	want := ""
	for i := range 5 {
		feed <- fmt.Sprint(i)
		want += fmt.Sprint(i, "\n")
		actortest.Until(t, "it arrives", func() bool { return strings.HasSuffix(p.Text(), want[len(want)-2:]) })
	}
	close(feed)
	r.Finish()
	if got := p.Text(); got != want {
		t.Errorf("%q", got)
	}
}

func TestAStrictStart(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- TcpSink: {address: '127.0.0.1:1', start_timeout_in_secs: 1}\n", tcpsink.Spec, actortest.Numbers(1))
	if err := r.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, tcpsink.Spec, map[string]string{
		"": "address", "address: []": "at least one", "address: localhost": "host:port", "address: ['a:1', '::1:5']": "host:port", "address: 'a:0'": "host:port",
		"address: a:1\nframing: lines": "octet_counted", "address: a:1\ncompression: bzip2": "gzip", "address: a:1\nacknowledged: json": "newline",
		"address: a:1\nbatch_size: 0": "at least 1", "address: a:1\nformat: $(a": "not closed", "address: a:1\ncert: x": "key", "address: a:1\nconnections: 0": "at least 1",
	})
	if got := strings.Join(actortest.Warnings(t, tcpsink.Spec, "address: a:1\nbalance: round_robin"), ""); !strings.Contains(got, "W105") {
		t.Errorf("%q", got)
	}
}

func TestADryRunReachesNobody(t *testing.T) {
	p := wiretest.Listen(t, nil)
	r := actortest.StartDry(t, "- Numbers\n- TcpSink: {address: '"+p.Addr()+"'}\n", tcpsink.Spec, actortest.Numbers(5))
	r.Finish()
	if n := len(p.Connections()); n > 0 {
		t.Errorf("%d connections", n)
	}
}
