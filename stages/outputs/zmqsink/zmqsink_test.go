package zmqsink_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/zmqconn"
	"gambolputty/stages/outputs/zmqsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a socket that the sink talks to.
type peer struct {
	t      testing.TB
	cfg    zmqconn.Config
	listen net.Listener

	mu    sync.Mutex
	got   []string // messages, frames divided by |
	conns []*zmqconn.Conn
	all   sync.WaitGroup
	deaf  bool                                // PINGs are not answered
	after func(got int, c *zmqconn.Conn) bool // false ends the connection
}

func newPeer(t testing.TB, kind zmqconn.Kind) *peer {
	return &peer{t: t, cfg: zmqconn.Config{Kind: kind, Most: 1 << 24}}
}

// bind accepts connections.
func (p *peer) bind(address string) *peer {
	p.t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.listen = l
	p.all.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(raw) })
		}
	})
	p.t.Cleanup(p.close)
	return p
}

// connect opens a connection.
func (p *peer) connect(network, address string) *peer {
	p.t.Helper()
	raw, err := net.Dial(network, address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.all.Go(func() { p.serve(raw) })
	p.t.Cleanup(p.close)
	return p
}

func (p *peer) addr() string { return p.listen.Addr().String() }

func (p *peer) close() {
	if p.listen != nil {
		p.listen.Close()
	}
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *peer) serve(raw net.Conn) {
	cfg := p.cfg
	c, err := zmqconn.Shake(context.Background(), raw, &cfg)
	if err != nil {
		return
	}
	defer c.Close()
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	if cfg.Kind == zmqconn.Sub {
		c.Subscribe("nginx") // the reader finds out if it fails
		c.Subscribe("egg")
	}
	message := ""
	for {
		f, err := c.Read()
		if err != nil {
			return
		}
		if f.Command == "PING" && !p.deaf {
			c.Answer(f.Body)
		}
		if f.Command != "" {
			continue
		}
		message += string(f.Body)
		if f.More {
			message += "|"
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, message)
		n, after := len(p.got), p.after
		p.mu.Unlock()
		message = ""
		if after != nil && !after(n, c) {
			return
		}
	}
}

func (p *peer) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func (p *peer) wait(n int) {
	p.t.Helper()
	actortest.Until(p.t, fmt.Sprintf("%d messages", n), func() bool { return len(p.messages()) >= n })
}

// numbers sends the numbered events.
func numbers(t testing.TB, options string, count int) *actortest.Running {
	t.Helper()
	text := "- Numbers\n- ZmqSink:\n    format: event $(n)\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	return actortest.Start(t, text, zmqsink.Spec, actortest.Numbers(count))
}

func stream(t testing.TB, options string) (chan string, *actortest.Running) {
	t.Helper()
	feed := make(chan string)
	text := "- Lines\n- ZmqSink:\n    format: $(data)\n    store_interval_in_secs: 0\n    " + strings.ReplaceAll(options, "\n", "\n    ") + "\n"
	return feed, actortest.Start(t, text, zmqsink.Spec, actortest.Lines(feed))
}

func own(r *actortest.Running, name string) int64 { return r.Status("ZmqSink").Meter.Own(name).Load() }

// ZMQ-OUT-1, ZMQ-OUT-2, ZMQ-OUT-6: it follows the module before it without being named.
func TestMessages(t *testing.T) {
	for name, c := range map[string]struct{ options, want string }{
		"text":                        {"format: $(data)", "GET /"},
		"topic":                       {"format: $(data)\ntopic: nginx", "nginx GET /"},
		"topic of the event":          {"format: $(data)\ntopic: $(kind)\ndelete_fields: [kind]", "web GET /"},
		"topic as a frame":            {"format: $(data)\ntopic: nginx\nmultipart: True", "nginx|GET /"},
		"a missing field in the text": {"format: $(data) $(nope)", "GET / $(nope)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, zmqconn.Pull).bind("127.0.0.1:0")
			actortest.Sink(t, zmqsink.Spec, "server: "+p.addr()+"\n"+c.options, actortest.Event(t, `{"data":"GET /","kind":"web"}`))
			if got := p.messages(); len(got) != 1 || got[0] != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestTheWholeEventIsMessagePack(t *testing.T) {
	p := newPeer(t, zmqconn.Pull).bind("127.0.0.1:0")
	actortest.Sink(t, zmqsink.Spec, "server: "+p.addr()+"\nadd_fields: {more: 5}\ndelete_fields: [less]", actortest.Event(t, `{"data":"spam","less":1}`))
	v, n, err := new(event.Decoder).DecodeMsgpack(p.messages()[0])
	if err != nil || n != len(p.messages()[0]) {
		t.Fatal(n, err)
	}
	text := v.Text()
	if data, _ := v.Map().GetName("data"); data.Str() != "spam" || !strings.Contains(text, "more") || strings.Contains(text, "less") || !strings.Contains(text, "source_module") {
		t.Error(text)
	}
}

func TestATopicWithAMissingFieldIsRejected(t *testing.T) {
	p := newPeer(t, zmqconn.Pull).bind("127.0.0.1:0")
	feed, r := stream(t, "server: "+p.addr()+"\ntopic: $(nope)")
	feed <- "spam"
	close(feed)
	r.Finish()
	if got := p.messages(); len(got) != 0 || own(r, "rejected") != 1 || !strings.Contains(r.Log(), "a field of topic is missing") {
		t.Errorf("%q\n%s", got, r.Log())
	}
}

// ZMQ-OUT-3.
func TestPushWaitsForAPeer(t *testing.T) {
	feed, r := stream(t, "mode: bind\nserver: '127.0.0.1:0'")
	feed <- "spam"
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "no peer is connected") })
	p := newPeer(t, zmqconn.Pull).connect("tcp", r.Addr())
	p.wait(1)
	close(feed)
	r.Finish()
	if !strings.Contains(r.Log(), "events go on") || own(r, "delivered") != 1 {
		t.Error(r.Log())
	}
}

func TestAttemptsWithoutAPeerAreLimited(t *testing.T) {
	feed, r := stream(t, "mode: server\nserver: 'ipc://"+filepath.Join(t.TempDir(), "z")+"'\nmax_retries: 1\nretry_max_interval_in_secs: 0\nreject_action: drop")
	feed <- "spam"
	close(feed)
	r.Finish()
	if own(r, "rejected") != 1 {
		t.Error(r.Log())
	}
}

// ZMQ-OUT-3, ZMQ-OUT-5: the peer reads slowly, which holds the pipeline up; at the stop all is sent.
func TestHighWaterMark(t *testing.T) {
	proceed := make(chan struct{})
	p := newPeer(t, zmqconn.Pull)
	p.after = func(got int, _ *zmqconn.Conn) bool {
		if got == 1 {
			<-proceed
		}
		return true
	}
	p.bind("127.0.0.1:0")
	const count = 200_000
	r := numbers(t, "hwm: 10\nserver: "+p.addr(), count)
	actortest.Until(t, "the inbox is full", func() bool { return r.Status("ZmqSink").Waiting >= r.Status("ZmqSink").Capacity/2 })
	if in, out := r.Status("Numbers").Meter.Received.Load(), own(r, "delivered"); in >= count || out != 0 {
		t.Errorf("%d events were read, %d delivered", in, out)
	}
	close(proceed)
	r.Finish()
	got := p.messages()
	if len(got) != count || got[0] != "event 0" || got[count-1] != fmt.Sprint("event ", count-1) {
		t.Errorf("%d messages", len(got))
	}
}

// ZMQ-OUT-7.
func TestAfterAnEndItGoesOnWithWhatHasNoReceipt(t *testing.T) {
	p := newPeer(t, zmqconn.Pull)
	p.after = func(got int, _ *zmqconn.Conn) bool { return got%1234 != 0 }
	p.bind("127.0.0.1:0")
	const count = 5000
	numbers(t, "retry_max_interval_in_secs: 0\nserver: "+p.addr(), count).Finish()
	times := map[string]int{}
	for _, m := range p.messages() {
		times[m]++
	}
	if n := len(p.messages()); len(times) != count || n > count+5*200 {
		t.Errorf("%d of %d messages came, %d in all", len(times), count, n)
	}
}

func TestPeersShareTheMessages(t *testing.T) {
	a, b := newPeer(t, zmqconn.Pull).bind("127.0.0.1:0"), newPeer(t, zmqconn.Pull).bind("127.0.0.1:0")
	feed, r := stream(t, "server: ['"+a.addr()+"', '"+b.addr()+"']")
	actortest.Until(t, "both are connected", func() bool { return strings.Count(r.Log(), "msg=connected") == 2 })
	for i := range 1000 {
		feed <- fmt.Sprint(i)
	}
	close(feed)
	r.Finish()
	if x, y := len(a.messages()), len(b.messages()); x+y != 1000 || x < 100 || y < 100 {
		t.Errorf("%d and %d messages", x, y)
	}
}

func TestAPeerWithoutReceiptsGetsMessagesToo(t *testing.T) {
	p := newPeer(t, zmqconn.Pull)
	p.deaf = true
	p.bind("127.0.0.1:0")
	numbers(t, "server: "+p.addr(), 2500).Finish()
	p.wait(2500)
}

func TestSubscribersGetWhatTheyWant(t *testing.T) {
	feed, r := stream(t, "pattern: pub\nmode: bind\nserver: '127.0.0.1:0'\ntopic: nginx")
	feed <- "nobody hears"
	actortest.Until(t, "it is counted", func() bool { return own(r, "without_subscriber") == 1 })
	a, b := newPeer(t, zmqconn.Sub).connect("tcp", r.Addr()), newPeer(t, zmqconn.Sub).connect("tcp", r.Addr())
	for n := 0; len(a.messages()) == 0 || len(b.messages()) == 0; n++ { // until the subscriptions have come
		feed <- "GET /"
	}
	a.close()
	feed <- "last"
	close(feed)
	r.Finish()
	b.wait(2)
	if got := b.messages(); got[0] != "nginx GET /" || got[len(got)-1] != "nginx last" {
		t.Errorf("got %q", got)
	}
}

func TestTopicsAreCancelled(t *testing.T) {
	feed, r := stream(t, "pattern: pub\nmode: bind\nserver: '127.0.0.1:0'")
	raw, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c, err := zmqconn.Shake(context.Background(), raw, &zmqconn.Config{Kind: zmqconn.Sub, Most: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(text string) {
		if err := c.Send(func(f *zmqconn.Frames) { f.Message([]byte(text)) }); err != nil {
			t.Fatal(err)
		}
	}
	sent := int64(0)
	counted := func() bool {
		before := own(r, "without_subscriber")
		feed <- "egg"
		sent++
		actortest.Until(t, "it is delivered", func() bool { return own(r, "delivered") == sent })
		return own(r, "without_subscriber") > before
	}
	say("\x01egg")
	say("\x01egg")
	actortest.Until(t, "somebody has subscribed", func() bool { return !counted() })
	say("\x00egg")
	say("\x00spam")
	for range 5 {
		if counted() {
			t.Fatal("it was cancelled once only")
		}
	}
	say("\x00egg")
	actortest.Until(t, "nobody has subscribed", counted)
	say("\x01" + strings.Repeat("x", 1025))
	for err == nil { // it is sent away
		_, err = c.Read()
	}
	close(feed)
	r.Finish()
	if !strings.Contains(r.Log(), "more than 10000 topics") {
		t.Error(r.Log())
	}
}

func TestASlowSubscriberLosesMessagesAndOthersDoNot(t *testing.T) {
	proceed := make(chan struct{})
	slow, quick := newPeer(t, zmqconn.Sub), newPeer(t, zmqconn.Sub)
	slow.after = func(got int, _ *zmqconn.Conn) bool {
		if got == 1 {
			<-proceed
		}
		return true
	}
	feed, r := stream(t, "pattern: pub\nmode: bind\nserver: '127.0.0.1:0'\nhwm: 3")
	slow.connect("tcp", r.Addr())
	quick.connect("tcp", r.Addr())
	text := "nginx " + strings.Repeat("x", 1<<20)
	for own(r, "dropped_for_subscriber") == 0 {
		feed <- text
	}
	n := len(quick.messages())
	for range 10 {
		feed <- text
	}
	quick.wait(n + 10)
	close(proceed)
	actortest.Until(t, "it has caught up", func() bool { return strings.Contains(r.Log(), "has caught up") })
	close(feed)
	r.Finish()
	if !strings.Contains(r.Log(), "subscriber is slow") || len(slow.messages()) >= len(quick.messages()) {
		t.Errorf("%d and %d messages\n%s", len(slow.messages()), len(quick.messages()), r.Log())
	}
}

const (
	serverPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
)

func TestCurve(t *testing.T) {
	p := newPeer(t, zmqconn.Pull)
	var err error
	if p.cfg.Keys, err = (&zmqconn.CurveOptions{SecretKey: serverSecret}).Keys(); err != nil {
		t.Fatal(err)
	}
	p.bind("127.0.0.1:0")
	numbers(t, "curve_server_key: '"+serverPublic+"'\nserver: "+p.addr(), 3000).Finish()
	if n := len(p.messages()); n != 3000 {
		t.Errorf("%d messages", n)
	}
}

func TestAWrongKeyIsTold(t *testing.T) {
	p := newPeer(t, zmqconn.Pull)
	var err error
	if p.cfg.Keys, err = (&zmqconn.CurveOptions{SecretKey: serverSecret}).Keys(); err != nil {
		t.Fatal(err)
	}
	p.bind("127.0.0.1:0")
	feed, r := stream(t, "curve_server_key: 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'\nserver: "+p.addr())
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	if !strings.Contains(r.Log(), "closed the connection") {
		t.Error(r.Log())
	}
	close(feed)
	r.Finish()
}

func TestOptions(t *testing.T) {
	actortest.Wrong(t, zmqsink.Spec, map[string]string{
		"server: host":             "host:port",
		"server: '*:5570'":         "must name a host",
		"mode: both":               "connect",
		"pattern: pull":            "push",
		"hwm: 0":                   "at least 1",
		"multipart: True":          "topic",
		"mode: bind\npool_size: 2": "bound once",
		"curve_secret_key: spam":   "40 characters",
		"reject_action: file":      "reject_file",
	})
	if err := actortest.Options(t, zmqsink.Spec, "mode: bind\nserver: '*:5570'"); err != nil { // ZMQ-OUT-4
		t.Error(err)
	}
}

func TestAnAddressThatIsTakenEndsTheStart(t *testing.T) {
	p := newPeer(t, zmqconn.Pull).bind("127.0.0.1:0")
	err := numbers(t, "mode: bind\nserver: "+p.addr(), 1).Err()
	if err == nil || !strings.Contains(err.Error(), "ZmqSink") || !strings.Contains(err.Error(), p.addr()) {
		t.Error(err)
	}
}

func TestNoPeerWithinTheTimeEndsTheStart(t *testing.T) {
	p := newPeer(t, zmqconn.Pull).bind("127.0.0.1:0")
	p.close()
	err := numbers(t, "start_timeout_in_secs: 0.05\nserver: "+p.addr(), 1).Err()
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), p.addr()) {
		t.Error(err)
	}
}

func TestADryRunReachesNobody(t *testing.T) {
	feed := make(chan string, 1)
	feed <- "spam"
	close(feed)
	actortest.StartDry(t, "- Lines\n- ZmqSink: {mode: bind, server: '*:1'}\n", zmqsink.Spec, actortest.Lines(feed)).Finish()
}
