package zmq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/zmq"
	"gambolputty/stages/internal/zmqconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial connects to the input as a peer of the kind.
func dial(t testing.TB, address string, cfg zmqconn.Config) *zmqconn.Conn {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	raw, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return meet(t, raw, cfg)
}

func meet(t testing.TB, raw net.Conn, cfg zmqconn.Config) *zmqconn.Conn {
	t.Helper()
	cfg.Most = 1 << 20
	c, err := zmqconn.Shake(context.Background(), raw, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func send(t testing.TB, c *zmqconn.Conn, messages ...[]string) {
	t.Helper()
	if err := c.Send(func(f *zmqconn.Frames) {
		for _, m := range messages {
			var parts [][]byte
			for _, p := range m {
				parts = append(parts, []byte(p))
			}
			f.Message(parts...)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// ZMQ-2, ZMQ-6, ZMQ-7.
func TestEveryFrameThatIsPushedIsAnEvent(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
	large := strings.Repeat("spam", 200_000)
	send(t, dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push}), []string{"one"}, []string{"\xff\x00\x01"}, []string{"two", "three"}, []string{""}, []string{large})
	var got []string
	for _, e := range r.Wait(6) {
		got = append(got, actortest.JSON(e))
		if from := actortest.Meta(e, "received_from"); from != "zmq://127.0.0.1:0" {
			t.Errorf("received from %q", from)
		}
	}
	r.Stop()
	if want := []string{`{"data":"one"}`, "{\"data\":\"\ufffd\\u0000\\u0001\"}", `{"data":"two"}`, `{"data":"three"}`, `{"data":""}`, `{"data":"` + large + `"}`}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %.300q", got)
	}
}

// ZMQ-3, ZMQ-4, ZMQ-5.
func TestPublishedMessages(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		message []string
		want    string
	}{
		"the first blank divides":       {"topic: nginx", []string{"nginx GET / HTTP"}, `{"data":"GET / HTTP","topic":"nginx"}`},
		"topics are prefixes":           {"topic: ng", []string{"nginx GET /"}, `{"data":"GET /","topic":"nginx"}`},
		"all topics":                    {"", []string{"apache x"}, `{"data":"x","topic":"apache"}`},
		"another topic":                 {"topic: nginx", []string{"apache x"}, ""},
		"another topic in two frames":   {"topic: nginx", []string{"apache", "nginx"}, ""},
		"nothing divides":               {"topic: nginx", []string{"nginx"}, `{"data":"nginx","topic":"nginx"}`},
		"nothing divides, no topic":     {"", []string{"nginx"}, `{"data":"nginx","topic":""}`},
		"two frames":                    {"topic: nginx", []string{"nginx", "GET /"}, `{"data":"GET /","topic":"nginx"}`},
		"a separator":                   {"topic: nginx\nseparator: '::'", []string{"nginx::a b::c"}, `{"data":"a b::c","topic":"nginx"}`},
		"a separator that is not there": {"topic: nginx\nseparator: '::'", []string{"nginx a"}, `{"data":"nginx a","topic":"nginx"}`},
		"binary":                        {"", []string{"t \x00\x01"}, `{"data":"\u0000\u0001","topic":"t"}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := actortest.Source(t, zmq.Spec, "pattern: sub\naddress: 127.0.0.1:0\n"+c.options)
			p := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Pub})
			f, err := p.Read()
			topic, on, ok := zmqconn.Subscription(f)
			if err != nil || !on || !ok || !strings.Contains(c.options, topic) {
				t.Fatalf("subscription %+v %v", f, err)
			}
			send(t, p, c.message, []string{"nginx", "last"})
			want := "{\"data\":\"last\",\"topic\":\"nginx\"}"
			if c.want != "" {
				want = c.want + want
			}
			got := ""
			for _, e := range r.Wait(strings.Count(want, "data\":")) {
				got += actortest.JSON(e)
			}
			if got != want {
				t.Errorf("got %s", got)
			}
			p.Close()
			r.Stop()
		})
	}
}

// ZMQ-9.
func TestOrderOfOneSenderIsKept(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0\nhwm: 7")
	c := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push})
	for i := range 1000 {
		send(t, c, []string{fmt.Sprint(i)})
	}
	for i, e := range r.Wait(1000) {
		if got := actortest.JSON(e); got != fmt.Sprintf(`{"data":"%d"}`, i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
	r.Stop()
}

// ZMQ-8.
func TestManyPeersMayConnectAndTheInputConnectsToMany(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: ['127.0.0.1:0', 'ipc://"+filepath.Join(t.TempDir(), "z")+"']")
	for i := range 5 {
		send(t, dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push}), []string{fmt.Sprint(i)})
	}
	r.Wait(5)
	r.Stop()

	a, b := listen(t), listen(t)
	r = actortest.Source(t, zmq.Spec, "mode: client\naddress: ['"+a.Addr().String()+"', 'tcp://"+b.Addr().String()+"']")
	for _, l := range []net.Listener{a, b} {
		send(t, meet(t, accept(t, l), zmqconn.Config{Kind: zmqconn.Push}), []string{"from " + l.Addr().String()})
	}
	r.Wait(2)
	r.Stop()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAPeerThatGoesIsConnectedToAgain(t *testing.T) {
	l := listen(t)
	r := actortest.Source(t, zmq.Spec, "mode: connect\naddress: "+l.Addr().String())
	for i := range 2 {
		c := meet(t, accept(t, l), zmqconn.Config{Kind: zmqconn.Push})
		send(t, c, []string{fmt.Sprint(i)})
		r.Wait(i + 1)
		c.Close()
	}
	r.Stop()
	if log := r.Log(); !strings.Contains(log, "closed the connection") || !strings.Contains(log, "works again") {
		t.Error(log)
	}
}

func TestAPathOfASocketThatWasLeftBehindIsUsedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "z.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	r := actortest.Source(t, zmq.Spec, "address: ipc://"+path)
	send(t, dial(t, path, zmqconn.Config{Kind: zmqconn.Push}), []string{"spam"})
	if e := r.Wait(1)[0]; actortest.Meta(e, "received_from") != "zmq://ipc://"+path {
		t.Error(actortest.Whole(e))
	}
	r.Stop()
}

func TestStrangersAreSentAwayWithOneWarning(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
	for range 50 {
		c, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
		io.Copy(io.Discard, c)
		c.Close()
	}
	actortest.Until(t, "all are counted", func() bool { return r.Status("Zmq").Meter.Own("refused_peers").Load() == 50 })
	if log := r.Log(); strings.Count(log, "was not understood") != 1 || !strings.Contains(log, "0x47") {
		t.Error(log)
	}
	send(t, dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push}), []string{"spam"})
	r.Wait(1)
	r.Stop()
}

// A thousand strangers: some make noise, some stop in the middle of the greeting, and most announce
// a frame of 2 GB, which never comes.
func TestMemoryIsBoundedWhateverComes(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0\nmax_message_size: 2147483647")
	greeting := "\xff" + strings.Repeat("\x00", 8) + "\x7f\x03\x00NULL" + strings.Repeat("\x00", 48)
	ready := "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH"
	announced := greeting + ready + "\x02\x00\x00\x00\x00\x7f\xff\xff\xffspam"
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	var conns []net.Conn
	for i := range 1000 {
		c, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		all.Go(func() {
			switch i % 10 {
			case 0:
				io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\n", 1000)) // it is not waited for
			case 1:
				io.WriteString(c, greeting[:20])
			default:
				io.WriteString(c, announced)
			}
		})
	}
	all.Wait()
	actortest.Until(t, "noise is noticed", func() bool { return r.Status("Zmq").Meter.Own("refused_peers").Load() == 100 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 128<<20 {
		t.Errorf("%d MB", grown>>20)
	} else {
		t.Logf("%d kB for a connection", grown>>10/1000)
	}
	// Those who speak the protocol are heard all the same.
	send(t, dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push}), []string{"spam"})
	if got := r.Wait(1); len(got) != 1 {
		t.Error(got)
	}
	if n := r.Status("Zmq").Meter.Own("refused_peers").Load(); n != 100 {
		t.Errorf("%d were refused", n)
	}
	for _, c := range conns {
		c.Close()
	}
	r.Stop()
}

func TestLimits(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0\nmax_message_size: 100\nmax_connections: 1")
	first := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push})
	second, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if b, err := io.ReadAll(second); len(b) > 0 {
		t.Errorf("%q %v", b, err)
	}
	send(t, first, []string{"spam"}, []string{strings.Repeat("x", 101)})
	if _, err := first.Read(); err == nil {
		t.Error("the connection goes on")
	}
	if got := r.Wait(1); len(got) != 1 {
		t.Error(got)
	}
	r.Stop()
}

func TestAPingIsAnsweredWhenWhatCameBeforeIsTaken(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
	c := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push})
	if err := c.Send(func(f *zmqconn.Frames) {
		for i := range 100 {
			f.Message([]byte(fmt.Sprint(i)))
			f.Ping([]byte{byte(i)})
		}
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		f, err := c.Read()
		if err != nil || f.Command != "PONG" || string(f.Body) != string(rune(i)) {
			t.Fatalf("%d: %+v %v", i, f, err)
		}
		if n := r.Status("Zmq").Meter.Received.Load(); n <= int64(i) {
			t.Fatalf("%d events at PING %d", n, i)
		}
	}
	r.Stop()
}

func TestReceiptsCanWaitForDelivery(t *testing.T) {
	pass := make(chan error)
	r := actortest.Start(t, "- Zmq: {address: '127.0.0.1:0', receipts: delivered}\n- Gate\n", zmq.Spec, actortest.Gate(pass))
	c := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push})
	ping := func(context string) {
		if err := c.Send(func(f *zmqconn.Frames) { f.Ping([]byte(context)) }); err != nil {
			t.Fatal(err)
		}
	}
	pong := func(context string) {
		t.Helper()
		if f, err := c.Read(); err != nil || f.Command != "PONG" || string(f.Body) != context {
			t.Fatalf("%+v %v", f, err)
		}
	}
	ping("a") // there is nothing in front of it
	pong("a")
	send(t, c, []string{"one"})
	actortest.Until(t, "it is under way", func() bool { return r.Status("Zmq").Meter.Received.Load() == 1 })
	ping("b")
	ping("") // a heartbeat
	pong("")
	send(t, c, []string{"two"})
	ping("c")
	close(pass)
	pong("b")
	pong("c")
	c.Close()
	r.Stop()
}

func TestWhatIsLostHasNoReceipt(t *testing.T) {
	pass := make(chan error)
	r := actortest.Start(t, "- Global: {shutdown_timeout: 0.1}\n- Zmq: {address: '127.0.0.1:0', receipts: delivered}\n- Gate\n", zmq.Spec, actortest.Gate(pass))
	c := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push})
	send(t, c, []string{"one"})
	if err := c.Send(func(f *zmqconn.Frames) { f.Ping([]byte("a")) }); err != nil {
		t.Fatal(err)
	}
	actortest.Until(t, "it is under way", func() bool { return r.Status("Zmq").Meter.Received.Load() == 1 })
	go func() { time.AfterFunc(time.Second, func() { pass <- errors.New("it is too late") }) }()
	r.StopHard()
	if f, err := c.Read(); err == nil {
		t.Errorf("%+v", f)
	}
}

func TestWhatWasSentBeforeTheStopIsTaken(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
	c := dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push})
	for range 3000 {
		send(t, c, []string{"spam"})
	}
	r.Wait(1)
	go func() { // as ZeroMQ does when the other end has finished
		c.Read()
		c.Close()
	}()
	if n := len(r.Stop()); n != 3000 {
		t.Errorf("%d events\n%s", n, r.Log())
	}
}

const (
	serverPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
)

func keys(t *testing.T, o zmqconn.CurveOptions) *zmqconn.Keys {
	t.Helper()
	k, err := o.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCurve(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0\ncurve_secret_key: '"+serverSecret+"'")
	send(t, dial(t, r.Addr(), zmqconn.Config{Kind: zmqconn.Push, Keys: keys(t, zmqconn.CurveOptions{ServerKey: serverPublic})}), []string{"secret spam"})
	r.Wait(1)
	r.Stop()
	if strings.Contains(r.Log(), serverSecret) {
		t.Error("the key is in the log")
	}
}

func TestOptions(t *testing.T) {
	actortest.Wrong(t, zmq.Spec, map[string]string{
		"address: host":             "host:port",
		"address: host:http":        "host:port",
		"address: []":               "host:port",
		"mode: client":              "must name a host",
		"mode: proxy":               "connect",
		"pattern: push":             "sub",
		"hwm: 0":                    "at least 1",
		"curve_server_key: spam":    "40 characters",
		"curve_client_keys: [spam]": "40 characters",
	})
	for options, want := range map[string]string{"topic: x": "topic", "separator: x": "separator"} {
		if w := actortest.Warnings(t, zmq.Spec, options); len(w) != 1 || !strings.Contains(w[0], want) {
			t.Errorf("%s: %v", options, w)
		}
	}
}

func TestAnAddressThatIsTakenEndsTheStart(t *testing.T) {
	l := listen(t)
	err := actortest.Start(t, "- Zmq: {address: '"+l.Addr().String()+"'}\n- TestCatch\n", zmq.Spec).Err()
	if err == nil || !strings.Contains(err.Error(), "Zmq") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Error(err)
	}
}

func TestNoPeerWithinTheTimeEndsTheStart(t *testing.T) {
	l := listen(t)
	l.Close()
	err := actortest.Start(t, "- Zmq: {mode: client, address: '"+l.Addr().String()+"', start_timeout_in_secs: 0.05}\n- TestCatch\n", zmq.Spec).Err()
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Error(err)
	}
}
