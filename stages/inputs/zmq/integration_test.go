//go:build integration

package zmq_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/zmq"
	"gambolputty/stages/internal/zmqconn/pyzmq"
)

const pusher = `
s = ctx.socket(zmq.PUSH)
s.set(zmq.LINGER, 60000)
if sys.argv[1] == "bind":
    port = s.bind_to_random_port("tcp://127.0.0.1")
    say(port)
else:
    s.connect(sys.argv[1])
for i in range(int(sys.argv[2])):
    s.send(b"event %d" % i)
s.send(b"x" * 5000000)
s.close()
ctx.term()
say("done")
`

func check(t *testing.T, r *actortest.Running, count int) {
	t.Helper()
	for i, e := range r.Wait(count + 1)[:count] {
		if got := actortest.JSON(e); got != fmt.Sprintf(`{"data":"event %d"}`, i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
	r.Stop()
}

func TestIntegrationLibzmqPushes(t *testing.T) {
	t.Run("to us", func(t *testing.T) {
		r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
		pyzmq.Run(t, pusher, "tcp://"+r.Addr(), "20000").Line()
		check(t, r, 20000)
	})
	t.Run("over a unix socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "z.sock")
		r := actortest.Source(t, zmq.Spec, "address: ipc://"+path)
		pyzmq.Run(t, pusher, "ipc://"+path, "2000").Line()
		check(t, r, 2000)
	})
	t.Run("and we connect", func(t *testing.T) {
		s := pyzmq.Run(t, pusher, "bind", "20000")
		r := actortest.Source(t, zmq.Spec, "mode: client\naddress: 127.0.0.1:"+s.Line())
		s.Line()
		check(t, r, 20000)
	})
	t.Run("with heartbeats", func(t *testing.T) {
		r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
		script := strings.Replace(pusher, "s.set(", "s.set(zmq.HEARTBEAT_IVL, 20)\ns.set(zmq.HEARTBEAT_TIMEOUT, 200)\ns.set(", 1)
		script = strings.Replace(script, `s.send(b"x"`, "time.sleep(1)\ns.send(b\"x\"", 1)
		pyzmq.Run(t, script, "tcp://"+r.Addr(), "100").Line()
		check(t, r, 100)
	})
}

func TestIntegrationNothingThatLibzmqHasSentIsLostAtOurStop(t *testing.T) {
	r := actortest.Source(t, zmq.Spec, "address: 127.0.0.1:0")
	s := pyzmq.Run(t, `
s = ctx.socket(zmq.PUSH)
s.connect(sys.argv[1])
s.set(zmq.SNDTIMEO, 1000)
n = 0
try:
    while True:
        s.send(b"event %d" % n)
        n += 1
except zmq.Again:
    say(n)
sys.stdin.readline()
`, "tcp://"+r.Addr())
	r.Wait(1000)
	got := len(r.Stop())
	var sent int
	fmt.Sscan(s.Line(), &sent)
	// What is beyond the high water mark of 1000 has left the sender for good.
	if got > sent || got < sent-1000 {
		t.Errorf("%d events of %d came", got, sent)
	}
}

const publisher = `
s = ctx.socket(zmq.PUB)
s.set(zmq.LINGER, 60000)
if sys.argv[1] == "bind":
    say(s.bind_to_random_port("tcp://127.0.0.1"))
else:
    s.connect(sys.argv[1])
sys.stdin.readline()
time.sleep(0.5)
s.send(b"apache x")
s.send(b"nginx GET /")
s.send_multipart([b"nginx", b"two frames"])
s.close()
ctx.term()
`

func TestIntegrationLibzmqPublishes(t *testing.T) {
	see := func(t *testing.T, r *actortest.Running) {
		t.Helper()
		got := r.Wait(2)
		if a, b := actortest.JSON(got[0]), actortest.JSON(got[1]); a != `{"data":"GET /","topic":"nginx"}` || b != `{"data":"two frames","topic":"nginx"}` {
			t.Error(a, b)
		}
		r.Stop()
	}
	t.Run("to us", func(t *testing.T) {
		r := actortest.Source(t, zmq.Spec, "pattern: sub\ntopic: nginx\naddress: 127.0.0.1:0")
		pyzmq.Run(t, publisher, "tcp://"+r.Addr()).Say("go")
		see(t, r)
	})
	t.Run("and we connect", func(t *testing.T) {
		s := pyzmq.Run(t, publisher, "bind")
		r := actortest.Source(t, zmq.Spec, "pattern: sub\ntopic: nginx\nmode: client\naddress: 127.0.0.1:"+s.Line())
		r.Logged("peer") // connected
		s.Say("go")
		see(t, r)
	})
}

func TestIntegrationLibzmqComesBack(t *testing.T) {
	s := pyzmq.Run(t, pusher, "bind", "10")
	port := s.Line()
	r := actortest.Source(t, zmq.Spec, "mode: client\naddress: 127.0.0.1:"+port)
	r.Wait(11)
	s.Line()
	pyzmq.Run(t, strings.Replace(pusher, `port = s.bind_to_random_port("tcp://127.0.0.1")`, `s.bind("tcp://127.0.0.1:`+port+`"); port = 0`, 1), "bind", "10").Line()
	r.Wait(22)
	r.Stop()
}

func TestIntegrationLibzmqWithCurve(t *testing.T) {
	const secure = `
s = ctx.socket(zmq.PUSH)
s.set(zmq.LINGER, 0)
s.curve_publickey, s.curve_secretkey = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
if sys.argv[1] == "bind":
    s.curve_publickey, s.curve_secretkey = b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", b"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
    s.curve_server = True
    say(s.bind_to_random_port("tcp://127.0.0.1"))
else:
    s.curve_serverkey = sys.argv[2].encode()
    s.connect(sys.argv[1])
for i in range(1000):
    s.send(b"event %d" % i)
s.send(b"x" * 5000000)
sys.stdin.readline()
`
	server := "curve_public_key: '" + serverPublic + "'\ncurve_secret_key: '" + serverSecret + "'\naddress: 127.0.0.1:0"
	t.Run("as its server", func(t *testing.T) {
		r := actortest.Source(t, zmq.Spec, server+"\ncurve_client_keys: ['Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID']")
		pyzmq.Run(t, secure, "tcp://"+r.Addr(), serverPublic)
		check(t, r, 1000)
	})
	t.Run("as its client", func(t *testing.T) {
		s := pyzmq.Run(t, secure, "bind")
		r := actortest.Source(t, zmq.Spec, "mode: client\ncurve_server_key: '"+serverPublic+"'\naddress: 127.0.0.1:"+s.Line())
		check(t, r, 1000)
	})
	t.Run("with the wrong key", func(t *testing.T) {
		r := actortest.Source(t, zmq.Spec, server)
		pyzmq.Run(t, secure, "tcp://"+r.Addr(), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID")
		r.Logged("error")
		if !strings.Contains(r.Log(), "keys of CURVE do not fit") || len(r.Stop()) > 0 {
			t.Error(r.Log())
		}
	})
}
