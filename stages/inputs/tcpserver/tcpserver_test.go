package tcpserver_test

import (
	"compress/gzip"
	"compress/zlib"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/inputs/tcpserver"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/misc/tarpit"
)

const local = "interface: 127.0.0.1\nport: 0\n"

func data(events []*event.Event) string {
	return strings.Join(actortest.Texts(events), "|")
}

func TestPiecesOfAConnection(t *testing.T) {
	cases := map[string]struct{ options, in, want string }{
		"lines":                {"", "a\n\n  b \nc", "a|b|c"},
		"inner blanks stay":    {"", "  a b \r\n", "a b"},
		"not stripped":         {"strip: False", " a \n b", " a | b"},
		"a separator":          {"simple_separator: ';'", "a;b;", "a;|b;"},
		"without it":           {"simple_separator: ';'\nkeep_separator: False", "a;b;c", "a|b|c"},
		"escapes":              {`simple_separator: '\x1e\n'`, "a\x1e\nb", "a\x1e|b"},
		"an escaped tab":       {`simple_separator: '\t'`, "a\tb", "a|b"},
		"a pattern":            {`regex_separator: '\r?\n'`, "a\r\nb\nc", "a|b|c"},
		"a pattern that stays": {`regex_separator: 'END\d'`, "a END1b END2", "a END1|b END2"},
		"counted":              {"framing: octet_counted", "3 a\nb5 hello", "a\nb|hello"},
		"counted or lines":     {"framing: auto", "3 a\nb<13>x\n2 yo", "a\nb|<13>x|yo"},
		"split":                {"max_line_length: 3", "abcdefgh\nij\n", "abc|def|gh|ij"},
		"truncated":            {"max_line_length: 3\nlong_line_action: truncate", "abcdefgh\nij\n", "abc|ij"},
		"dropped":              {"max_line_length: 3\nlong_line_action: drop", "abcdefgh\nij\n", "ij"},
		"invalid bytes":        {"", "\xff\x00\xfe\n", "\xff\x00\xfe"},
		"latin":                {"encoding: iso-8859-15", "\xa4\n", "€"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, tcpserver.Spec, local+c.options)
			conn := r.Dial("tcp")
			for _, b := range []byte(c.in) {
				if _, err := conn.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			conn.Close()
			out := r.Wait(strings.Count(c.want, "|") + 1)
			if got := data(out); got != c.want {
				t.Errorf("got %q", got)
			}
			if out[0].ReceivedFrom() != conn.LocalAddr().String() || actortest.Meta(out[0], "source_module") != "TcpServer" {
				t.Error(actortest.Whole(out[0]))
			}
			r.Stop()
		})
	}
}

func TestStreamsAreNotTouched(t *testing.T) {
	r := actortest.Source(t, tcpserver.Spec, local+"mode: stream\nchunksize: 1000")
	conn := r.Dial("tcp")
	sent := strings.Repeat(" \n\x00\xff", 10_000)
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	got := ""
	for len(got) < len(sent) {
		events := r.Wait(1)
		got = strings.ReplaceAll(data(events), "|", "")
		for _, e := range events {
			if v, _ := e.Field(event.Data); len(v.Str()) > 1000 || v.Str() == "" {
				t.Fatalf("a chunk has %d bytes", len(v.Str()))
			}
		}
		time.Sleep(time.Millisecond)
	}
	if got != sent {
		t.Error("other bytes came out")
	}
	r.Stop()
}

func TestManyConnectionsKeepTheirOrder(t *testing.T) {
	const connections, lines = 100, 200
	r := actortest.Source(t, tcpserver.Spec, local)
	var all sync.WaitGroup
	for i := range connections {
		conn := r.Dial("tcp")
		all.Go(func() {
			for n := range lines {
				fmt.Fprintf(conn, "%d %d\n", i, n)
			}
			conn.Close()
		})
	}
	all.Wait()
	next := map[string]int{}
	for _, e := range r.Wait(connections * lines) {
		v, _ := e.Field(event.Data)
		who, n, _ := strings.Cut(v.Str(), " ")
		if n != fmt.Sprint(next[who]) {
			t.Fatalf("connection %s: %s came instead of %d", who, n, next[who])
		}
		next[who]++
	}
	r.Stop()
}

func TestASlowPipelineMakesSendersWait(t *testing.T) {
	r := actortest.Start(t, "- TcpServer:\n    interface: 127.0.0.1\n    port: 0\n- Tarpit:\n    delay: 1h\n    inbox_size: 10\n- TestCatch\n- Global: {shutdown_timeout: 100ms}\n",
		tcpserver.Spec, tarpit.Spec)
	conn := r.Dial("tcp")
	block := []byte(strings.Repeat(strings.Repeat("x", 1000)+"\n", 100))
	written := 0
	for written < 200<<20 {
		conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Write(block)
		if written += n; err != nil {
			break
		}
	}
	if written > 100<<20 {
		t.Errorf("the server read %d bytes that nobody wanted", written)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapInuse > 128<<20 {
		t.Errorf("the heap holds %d bytes", m.HeapInuse)
	}
	conn.Close()
	r.StopHard()
}

func TestALineWithoutEndDoesNotGrowMemory(t *testing.T) {
	r := actortest.Source(t, tcpserver.Spec, local+"max_line_length: 65536\nlong_line_action: drop")
	conn := r.Dial("tcp")
	block := make([]byte, 1<<20)
	for range 1024 {
		if _, err := conn.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(conn, "\nstill alive\n")
	if got := data(r.Wait(1)); got != "still alive" {
		t.Errorf("got %q", got)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapInuse > 64<<20 {
		t.Errorf("the heap holds %d bytes", m.HeapInuse)
	}
	r.Stop()
}

func TestWhatWasSentBeforeAStopArrives(t *testing.T) {
	r := actortest.Source(t, tcpserver.Spec, local)
	conn := r.Dial("tcp")
	io.WriteString(conn, "first\n")
	r.Wait(1)
	io.WriteString(conn, strings.Repeat("more\n", 1000)+"rest")
	if out := r.Stop(); len(out) != 1002 {
		t.Errorf("%d events came", len(out))
	}
	if c, err := net.Dial("tcp", r.Addr()); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
}

func TestIdleAndSurplusConnectionsAreClosed(t *testing.T) {
	r := actortest.Source(t, tcpserver.Spec, local+"timeout: 50ms\nmax_connections: 1")
	first := r.Dial("tcp")
	io.WriteString(first, "rest")
	second := r.Dial("tcp")
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Error("the second connection is served")
	}
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the idle connection is open")
	}
	if got := data(r.Wait(1)); got != "rest" {
		t.Errorf("got %q", got)
	}
	r.Stop()
}

func TestABadLengthClosesOnlyThatConnection(t *testing.T) {
	r := actortest.Source(t, tcpserver.Spec, local+"framing: octet_counted")
	bad, good := r.Dial("tcp"), r.Dial("tcp")
	io.WriteString(bad, "spam")
	if _, err := bad.Read(make([]byte, 1)); err == nil {
		t.Error("the bad connection is open")
	}
	io.WriteString(good, "2 ok")
	if got := data(r.Wait(1)); got != "ok" {
		t.Errorf("got %q", got)
	}
	r.Stop()
}

func TestTheSenderBehindAProxyIsNamed(t *testing.T) {
	second := "\r\n\r\n\x00\r\nQUIT\n"
	for header, want := range map[string]string{
		"PROXY TCP4 192.0.2.1 10.0.0.1 5000 5151\r\n":                               "192.0.2.1:5000",
		"PROXY TCP6 2001:db8::1 ::1 5000 5151\r\n":                                  "[2001:db8::1]:5000",
		"PROXY UNKNOWN\r\n":                                                         "127.0.0.1:",
		second + "\x21\x11\x00\x0c\xc0\x00\x02\x01\x0a\x00\x00\x01\x13\x88\x14\x1f": "192.0.2.1:5000",
		second + "\x20\x00\x00\x00":                                                 "127.0.0.1:",
	} {
		r := actortest.Source(t, tcpserver.Spec, local+"proxy_protocol: True")
		io.WriteString(r.Dial("tcp"), header+"spam\n")
		if e := r.Wait(1)[0]; data([]*event.Event{e}) != "spam" || !strings.HasPrefix(e.ReceivedFrom(), want) {
			t.Errorf("%q: %s", header, actortest.Whole(e))
		}
		bad := r.Dial("tcp")
		io.WriteString(bad, "no header at all\n")
		if _, err := bad.Read(make([]byte, 1)); err == nil {
			t.Error("a connection without a header is open")
		}
		r.Stop()
	}
}

func TestCompressedConnections(t *testing.T) {
	for kind, pack := range map[string]func(io.Writer) io.WriteCloser{
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"zlib": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	} {
		r := actortest.Source(t, tcpserver.Spec, local+"decompress: "+kind)
		conn := r.Dial("tcp")
		w := pack(conn)
		io.WriteString(w, strings.Repeat("spam\n", 1000))
		w.Close()
		if got := data(r.Wait(1000)); got != strings.TrimSuffix(strings.Repeat("spam|", 1000), "|") {
			t.Errorf("%s: other lines came", kind)
		}
		garbage := r.Dial("tcp")
		io.WriteString(garbage, "this is not compressed\n")
		if _, err := garbage.Read(make([]byte, 1)); err == nil {
			t.Error("a connection with garbage is open")
		}
		r.Stop()
	}
}

func TestTLS(t *testing.T) {
	own := tlstest.New(t)
	options := local + "tls: True\ncert: " + own.Cert + "\nkey: " + own.Key + "\ncacert: " + own.Cert + "\ntls_client_auth: require\n"
	r := actortest.Source(t, tcpserver.Spec, options)
	c, err := tls.Dial("tcp", r.Addr(), &tls.Config{RootCAs: own.Pool, Certificates: []tls.Certificate{own.Pair}})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "secret\n")
	e := r.Wait(1)[0]
	if data([]*event.Event{e}) != "secret" || actortest.Meta(e, "tls_subject") != "CN=Brian" {
		t.Error(actortest.Whole(e))
	}
	c.Close()
	plain := r.Dial("tcp")
	io.WriteString(plain, "no handshake at all\n")
	plain.Read(make([]byte, 100))
	if anonymous, err := tls.Dial("tcp", r.Addr(), &tls.Config{RootCAs: own.Pool}); err == nil {
		if _, err := anonymous.Read(make([]byte, 1)); err == nil {
			t.Error("a client without a certificate is served")
		}
		anonymous.Close()
	}
	if old, err := tls.Dial("tcp", r.Addr(), &tls.Config{RootCAs: own.Pool, Certificates: []tls.Certificate{own.Pair}, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is accepted")
		old.Close()
	}
	if out := r.Stop(); len(out) != 1 {
		t.Errorf("%d events came", len(out))
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, tcpserver.Spec, map[string]string{
		"tls: True": "cert", "port: 70000": "65535", "regex_separator: '('": "E031", "regex_separator: 'x*'": "empty text", "simple_separator: ''": "must not be empty",
		"chunksize: 0": "at least 1", "max_buffer_size: 0": "at least 1", "mode: lines": `did you mean "line"?`, "tls_client_auth: maybe": "none, request, require", "allow_from: [here]": "network",
	})
	r := actortest.Start(t, "- TcpServer:\n    port: 0\n    tls: True\n    cert: /no\n    key: /no\n- TestCatch\n", tcpserver.Spec)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "TcpServer") {
		t.Error(err)
	}
}
