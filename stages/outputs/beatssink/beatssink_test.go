package beatssink_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elastic/go-lumber/lj"
	lumber "github.com/elastic/go-lumber/server/v2"
	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/beats"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/beatssink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reference is a server of the reference implementation.
type reference struct {
	address string
	close   func()

	mu      sync.Mutex
	got     []string // as JSON
	batches []int    // sizes
}

func startReference(t testing.TB, keepAlive time.Duration, deliver func(n int)) *reference {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	batches := make(chan *lj.Batch)
	s, err := lumber.NewWithListener(l, lumber.Channel(batches), lumber.Keepalive(keepAlive))
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{address: l.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			b, ok := <-batches
			if !ok {
				return
			}
			r.mu.Lock()
			for _, e := range b.Events {
				text, _ := json.Marshal(e)
				r.got = append(r.got, string(text))
			}
			r.batches = append(r.batches, len(b.Events))
			r.mu.Unlock()
			if deliver != nil {
				deliver(n)
			}
			b.ACK()
		}
	}()
	r.close = sync.OnceFunc(func() {
		s.Close()
		close(batches)
		<-done
	})
	t.Cleanup(r.close)
	return r
}

func (r *reference) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// numbers sends the numbered events.
func numbers(t testing.TB, options string, count int) *actortest.Running {
	t.Helper()
	text := "- Numbers\n- BeatsSink:\n    format: event $(n)\n    retry_max_interval_in_secs: 0.01\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	return actortest.Start(t, text, beatssink.Spec, actortest.Numbers(count))
}

func check(t *testing.T, got []string, count int) {
	t.Helper()
	if len(got) != count {
		t.Fatalf("%d events", len(got))
	}
	for i, m := range got {
		if m != fmt.Sprintf(`{"message":"event %d"}`, i) {
			t.Fatalf("event %d is %s", i, m)
		}
	}
}

// BEATS-OUT-1.
func TestTheReferenceServerGetsWindows(t *testing.T) {
	for _, level := range []int{0, 3, 9} {
		r := startReference(t, 0, nil)
		run := numbers(t, fmt.Sprintf("compress_level: %d\nserver: %s", level, r.address), 5000)
		run.Finish()
		check(t, r.messages(), 5000)
		if slices.Max(r.batches) != 500 || run.Status("BeatsSink").Meter.Own("delivered").Load() != 5000 {
			t.Errorf("windows %v", r.batches)
		}
	}
}

func TestTheWholeEvent(t *testing.T) {
	r := startReference(t, 0, nil)
	actortest.Sink(t, beatssink.Spec, "server: "+r.address+"\nadd_fields: {more: 5}", actortest.Event(t, `{"data":"spam \u0001\"","less":1}`))
	got := r.messages()
	if len(got) != 1 || !strings.HasPrefix(got[0], `{"data":"spam \u0001\"","gambolputty":{"event_id":`) || !strings.HasSuffix(got[0], `"less":1,"more":5}`) {
		t.Errorf("got %q", got)
	}
}

func TestAServerThatIsAtWorkIsWaitedFor(t *testing.T) {
	proceed := make(chan struct{})
	r := startReference(t, 20*time.Millisecond, func(int) { <-proceed })
	run := numbers(t, "timeout: 0.2\nserver: "+r.address, 10)
	actortest.Until(t, "it has the window", func() bool { return len(r.messages()) == 10 })
	time.AfterFunc(time.Second, func() { close(proceed) })
	run.Finish()
	check(t, r.messages(), 10)
	if strings.Contains(run.Log(), "failed") {
		t.Error(run.Log())
	}
}

// script is a server that answers with the given sequence numbers, and ends the connection then.
func script(t *testing.T, then func(c net.Conn), sequences ...byte) *wiretest.Peer {
	return wiretest.Listen(t, func(n int, c net.Conn, keep io.Writer) {
		head := make([]byte, 6)
		for n := 0; ; n++ {
			if _, err := io.ReadFull(c, head); err != nil {
				return
			}
			keep.Write(head)
			if n == 0 {
				for _, s := range sequences {
					c.Write([]byte{'2', 'A', 0, 0, 0, s})
				}
			}
			if then != nil {
				then(c)
				return
			}
		}
	})
}

// BEATS-OUT-2.
func TestWhatIsNotAcknowledgedGoesToTheNextServer(t *testing.T) {
	for name, c := range map[string]struct {
		then      func(net.Conn)
		sequences []byte
		want      int // events that the other server gets
		log       string
	}{
		"a part was acknowledged": {func(c net.Conn) { c.Close() }, []byte{0, 3, 5}, 5, ""},
		"nothing was":             {wiretest.Reset, nil, 10, ""},
		"silence":                 {nil, []byte{4}, 6, "no acknowledgement for 300ms"},
		"too much was":            {nil, []byte{11}, 10, "acknowledges event 11 of 10"},
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := script(t, c.then, c.sequences...), startReference(t, 0, nil)
			run := numbers(t, "compress_level: 0\nbatch_size: 10\ntimeout: 0.3\nserver: ['"+bad.Addr()+"', '"+good.address+"']", 10)
			run.Finish()
			got := good.messages()
			if len(got) != c.want || got[0] != fmt.Sprintf(`{"message":"event %d"}`, 10-c.want) || !strings.Contains(run.Log(), c.log) {
				t.Errorf("got %q\n%s", got, run.Log())
			}
			bad.Close()
		})
	}
}

func TestAnAnswerThatIsNone(t *testing.T) {
	bad := wiretest.Listen(t, func(_ int, c net.Conn, _ io.Writer) { io.WriteString(c, "HTTP/1.1 400"); io.Copy(io.Discard, c) })
	run := numbers(t, "max_retries: 1\nreject_action: drop\nserver: "+bad.Addr(), 10)
	run.Finish()
	if !strings.Contains(run.Log(), "begins with 0x48") {
		t.Error(run.Log())
	}
}

func TestAConnectionThatEndedWhileIdleIsNoFailure(t *testing.T) {
	feed := make(chan string)
	var conns []net.Conn
	var mu sync.Mutex
	ok := func(c net.Conn) {
		mu.Lock()
		conns = append(conns, c)
		mu.Unlock()
	}
	p := wiretest.Listen(t, func(_ int, c net.Conn, keep io.Writer) {
		ok(c)
		b := make([]byte, 6)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			io.ReadFull(c, make([]byte, 10+len(`{"message":"x"}`)))
			keep.Write([]byte("x"))
			c.Write([]byte{'2', 'A', 0, 0, 0, 1})
		}
	})
	r := actortest.Start(t, "- Lines\n- BeatsSink: {format: $(data), store_interval_in_secs: 0, compress_level: 0, server: '"+p.Addr()+"'}\n", beatssink.Spec, actortest.Lines(feed))
	feed <- "x"
	actortest.Until(t, "it is delivered", func() bool { return r.Status("BeatsSink").Meter.Own("delivered").Load() == 1 })
	mu.Lock()
	conns[0].(*net.TCPConn).CloseWrite()
	mu.Unlock()
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); { // the system needs a moment
		runtime.Gosched()
	}
	feed <- "x"
	close(feed)
	r.Finish()
	if strings.Contains(r.Log(), "failed") || p.Text() != "xx" || len(p.Connections()) != 2 {
		t.Error(p.Connections(), r.Log())
	}
}

func TestServersShareTheLoad(t *testing.T) {
	a, b := startReference(t, 0, nil), startReference(t, 0, nil)
	numbers(t, "loadbalance: True\nserver: ['"+a.address+"', '"+b.address+"']", 5000).Finish()
	if x, y := len(a.messages()), len(b.messages()); x+y != 5000 || x < 1000 || y < 1000 {
		t.Errorf("%d and %d events", x, y)
	}
	b.close()
	before := len(a.messages())
	numbers(t, "loadbalance: True\nserver: ['"+a.address+"', '"+b.address+"']", 1000).Finish()
	if n := len(a.messages()) - before; n != 1000 {
		t.Errorf("%d events", n)
	}
}

func TestOurOwnInput(t *testing.T) {
	cert := tlstest.New(t)
	for name, c := range map[string]struct{ server, client string }{
		"plain": {"", ""},
		"TLS":   {"\ntls: True\ncert: " + cert.Cert + "\nkey: " + cert.Key, "\ntls: True\ncacert: " + cert.Cert},
	} {
		t.Run(name, func(t *testing.T) {
			in := actortest.Source(t, beats.Spec, "interface: 127.0.0.1\nport: 0"+c.server)
			numbers(t, "server: "+in.Addr()+c.client, 5000).Finish()
			var got []string
			for _, e := range in.Stop() {
				text := actortest.JSON(e)
				got = append(got, text[len(`{"data":`):strings.Index(text, `,"sequence"`)])
			}
			check(t, got, 5000)
		})
	}
}

func TestOptions(t *testing.T) {
	actortest.Wrong(t, beatssink.Spec, map[string]string{
		"server: host": "host:port", "server: []": "at least one", "compress_level: 10": "9", "timeout: 0": "1ms", "cert: /x": "key",
		"port: 5044": "write server", "interface: ''": "write server", "reject_action: file": "reject_file",
	})
	if w := actortest.Warnings(t, beatssink.Spec, "loadbalance: True"); len(w) != 1 {
		t.Error(w)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := numbers(t, "start_timeout_in_secs: 0.05\nserver: "+l.Addr().String(), 1).Err(); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Error(err)
	}
}

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395`

func BenchmarkEvents(b *testing.B) {
	for _, level := range []int{0, 3} {
		b.Run(fmt.Sprintf("level %d", level), func(b *testing.B) {
			in := actortest.BenchSource(b, beats.Spec, "interface: 127.0.0.1\nport: 0")
			actortest.Bench(b, beatssink.Spec, fmt.Sprintf("batch_size: 2048\nserver: %s\ncompress_level: %d", in.Addr(), level), accessLine)
			in.Stop()
		})
	}
}
