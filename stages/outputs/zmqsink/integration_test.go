//go:build integration

package zmqsink_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/zmqconn/pyzmq"
	"gambolputty/stages/outputs/zmqsink"
)

// puller prints what it gets.
const puller = `
s = ctx.socket(zmq.PULL)
if sys.argv[1] == "bind":
    if len(sys.argv) > 2:
        s.bind(sys.argv[2])
    else:
        say(s.bind_to_random_port("tcp://127.0.0.1"))
else:
    s.connect(sys.argv[1])
while True:
    m = s.recv_multipart()
    if len(m[0]) > 100:
        say(len(m[0]))
    else:
        say(b"|".join(m).decode())
`

func see(t *testing.T, s *pyzmq.Script, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if got := s.Line(); got != fmt.Sprintf("event %d", i) {
			t.Fatalf("message %d is %q", i, got)
		}
	}
}

func TestIntegrationLibzmqPulls(t *testing.T) {
	t.Run("from us", func(t *testing.T) {
		feed, r := stream(t, "mode: bind\nserver: '127.0.0.1:0'")
		s := pyzmq.Run(t, puller, "tcp://"+r.Addr())
		feed <- strings.Repeat("x", 3_000_000)
		close(feed)
		r.Finish()
		if got := s.Line(); got != "3000000" {
			t.Error(got)
		}
	})
	t.Run("over a unix socket", func(t *testing.T) {
		path := "ipc://" + filepath.Join(t.TempDir(), "z")
		s := pyzmq.Run(t, puller, "bind", path)
		numbers(t, "server: "+path, 1000).Finish()
		see(t, s, 0, 1000)
	})
	t.Run("and we connect", func(t *testing.T) {
		s := pyzmq.Run(t, puller, "bind")
		r := numbers(t, "server: 127.0.0.1:"+s.Line(), 20000)
		r.Finish()
		see(t, s, 0, 20000)
	})
}

func TestIntegrationLibzmqIsAbsentAtTheStartAndGoesAndComesBack(t *testing.T) {
	p := newPeer(t, "PULL").bind("127.0.0.1:0") // for its port
	address := p.addr()
	p.close()
	feed, r := stream(t, "server: "+address+"\nretry_max_interval_in_secs: 0.2")
	feed <- "event 0"
	s := pyzmq.Run(t, puller, "bind", "tcp://"+address)
	see(t, s, 0, 1)
	s.Kill()
	actortest.Until(t, "it is noticed", func() bool {
		return strings.Contains(r.Log(), "closed the connection") || strings.Contains(r.Log(), "reset")
	})
	feed <- "event 1"
	s = pyzmq.Run(t, puller, "bind", "tcp://"+address)
	see(t, s, 1, 2)
	close(feed)
	r.Finish()
}

// ZMQ-OUT-3: libzmq stops reading at its own high water mark, and then there are no receipts.
func TestIntegrationLibzmqHoldsUsUp(t *testing.T) {
	s := pyzmq.Run(t, `
s = ctx.socket(zmq.PULL)
s.set(zmq.RCVHWM, 10)
say(s.bind_to_random_port("tcp://127.0.0.1"))
sys.stdin.readline()
while True:
    say(s.recv().decode())
`)
	const count = 100_000
	r := numbers(t, "hwm: 1000\nserver: 127.0.0.1:"+s.Line(), count)
	actortest.Until(t, "the inbox is full", func() bool { return r.Status("ZmqSink").Waiting >= r.Status("ZmqSink").Capacity/2 })
	if n := own(r, "delivered"); n > 5000 {
		t.Errorf("%d messages count as delivered", n)
	}
	s.Say("go")
	r.Finish()
	see(t, s, 0, count)
}

func TestIntegrationLibzmqSubscribes(t *testing.T) {
	const subscriber = `
s = ctx.socket(zmq.SUB)
s.subscribe(b"nginx")
if sys.argv[1] == "bind":
    say(s.bind_to_random_port("tcp://127.0.0.1"))
else:
    s.connect(sys.argv[1])
while True:
    say(b"|".join(s.recv_multipart()).decode())
`
	for name, c := range map[string]struct{ options, want string }{
		"in one frame":  {"topic: $(data)", "nginx nginx"},
		"in two frames": {"topic: $(data)\nmultipart: True", "nginx|nginx"},
	} {
		t.Run(name, func(t *testing.T) {
			feed, r := stream(t, "pattern: pub\nmode: bind\nserver: '127.0.0.1:0'\n"+c.options)
			s := pyzmq.Run(t, subscriber, "tcp://"+r.Addr())
			untilHeard(t, feed, r, "nginx")
			if got := s.Line(); got != c.want {
				t.Error(got)
			}
			feed <- "apache"
			feed <- "nginx"
			close(feed)
			r.Finish()
			if got := s.Line(); got != c.want {
				t.Error(got)
			}
		})
	}
	t.Run("and we connect", func(t *testing.T) {
		s := pyzmq.Run(t, subscriber, "bind")
		feed, r := stream(t, "pattern: pub\ntopic: nginx\nserver: 127.0.0.1:"+s.Line())
		r.Logged("peer") // connected
		untilHeard(t, feed, r, "spam")
		close(feed)
		r.Finish()
		if got := s.Line(); got != "nginx spam" {
			t.Error(got)
		}
	})
}

// untilHeard sends a text until somebody has subscribed to it.
func untilHeard(t *testing.T, feed chan<- string, r *actortest.Running, text string) {
	t.Helper()
	for sent := int64(0); own(r, "without_subscriber") == sent; {
		feed <- text
		sent++
		actortest.Until(t, "it is delivered", func() bool { return own(r, "delivered") == sent })
	}
}

func TestIntegrationLibzmqWithCurve(t *testing.T) {
	script := strings.Replace(puller, "zmq.PULL)", `zmq.PULL)
s.curve_publickey, s.curve_secretkey = b"`+serverPublic+`", b"`+serverSecret+`"
s.curve_server = True`, 1)
	s := pyzmq.Run(t, script, "bind")
	port := s.Line()
	numbers(t, "curve_server_key: '"+serverPublic+"'\nserver: 127.0.0.1:"+port, 5000).Finish()
	see(t, s, 0, 5000)
	feed, r := stream(t, "curve_server_key: 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'\nserver: 127.0.0.1:"+port)
	actortest.Until(t, "it is told", func() bool { return strings.Contains(r.Log(), "target failed") })
	close(feed)
	r.Finish()

	script = strings.Replace(puller, "zmq.PULL)", `zmq.PULL)
s.curve_publickey, s.curve_secretkey = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
s.curve_serverkey = b"`+serverPublic+`"`, 1)
	feed, r = stream(t, "mode: bind\nserver: '127.0.0.1:0'\ncurve_secret_key: '"+serverSecret+"'")
	s = pyzmq.Run(t, script, "tcp://"+r.Addr())
	feed <- "event 0"
	close(feed)
	r.Finish()
	see(t, s, 0, 1)
}

func TestIntegrationTheWholeEventIsReadByPython(t *testing.T) {
	s := pyzmq.Run(t, `
s = ctx.socket(zmq.PULL)
say(s.bind_to_random_port("tcp://127.0.0.1"))
say(s.recv()[:6])
`)
	actortest.Sink(t, zmqsink.Spec, "server: 127.0.0.1:"+s.Line(), actortest.Event(t, `{"data":"spam"}`))
	if got := s.Line(); got != `b'\x82\xa4data'` {
		t.Error(got)
	}
}
