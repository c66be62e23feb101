package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/cluster/internal/ether"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a node of a pack on an address of its own.
type node struct {
	*Pack
	*actortest.Running
}

var ports atomic.Int32

// port is one that no other test uses.
func port() int { return 20_000 + os.Getpid()%400*25 + int(ports.Add(1)) }

const fast = "    interval: 100ms\n    dead_after: 1s\n"

// start starts a node; options without a secret get the one of all.
func start(t *testing.T, name, ip string, port int, options string) *node {
	t.Helper()
	n := launch(t, name, ip, port, options)
	n.Logged("node")
	return n
}

func launch(t *testing.T, name, ip string, port int, options string) *node {
	t.Helper()
	return launchWith(t, name, ip, port, options, func(*Pack) {})
}

// inTheEther runs a test in which time does not pass while anything is done, so that a slow
// machine changes nothing, and in a network that fails when it is told to.
func inTheEther(t *testing.T, seed uint64, test func(*testing.T, *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{Ether: ether.New(seed)}
		t.Cleanup(func() {
			for _, n := range l.all {
				if t.Failed() {
					t.Logf("%s:\n%s", n.name, withoutGossip(n.Log()))
				}
			}
		})
		test(t, l)
		for _, n := range l.all {
			n.Stop()
		}
		time.Sleep(time.Minute) // until nobody waits for an answer any more
	})
}

// withoutGossip is a log without what memberlist says, which is too much to read.
func withoutGossip(log string) string {
	lines := slices.DeleteFunc(strings.Split(log, "\n"), func(l string) bool { return strings.Contains(l, "memberlist: ") })
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}

// lab is a network with the nodes that were started in it.
type lab struct {
	*ether.Ether
	keys Keyring
	all  []*node
}

// start starts a node in the network.
func (l *lab) start(t *testing.T, name, ip string, options string) *node {
	t.Helper()
	return l.startWith(t, name, ip, options, func(*Pack) {})
}

func (l *lab) startWith(t *testing.T, name, ip string, options string, change func(*Pack)) *node {
	t.Helper()
	n := launchWith(t, name, ip, 5252, options, func(p *Pack) {
		p.network, p.derive = l.Ether, l.keys.derive
		change(p)
	})
	n.Logged("node")
	l.all = append(l.all, n)
	return n
}

func launchWith(t *testing.T, name, ip string, port int, options string, change func(*Pack)) *node {
	t.Helper()
	if !strings.Contains(options, "secret") && !strings.Contains(options, "tls") {
		options += "    secret: a secret of many letters\n"
	}
	if !strings.Contains(options, "dead_after") {
		options += fast
	}
	var made *Pack
	o := *Spec.Options().(*Options)
	spec := actor.DefineService(Spec.Info, o, func(env actor.Env, o Options) (actor.Service, error) {
		s, err := New(env, o)
		made = s.(*Pack)
		change(made)
		return s, err
	})
	feed := make(chan string)
	if !strings.Contains(options, " name:") {
		options += "    name: test\n"
	}
	r := actortest.Start(t, fmt.Sprintf("- Pack:\n    node_name: %s\n    interface: %s\n    port: %d\n%s- Lines\n- TestCatch\n", name, ip, port, options), spec, actortest.Lines(feed))
	return &node{made, r}
}

// until polls, as gossip has no end that could be waited for.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain for %s", what)
		}
	}
}

// state is that of a node as another one sees it.
func (n *node) state(name string) State {
	for _, m := range n.Members() {
		if m.Name == name {
			return m.State
		}
	}
	return ""
}

// follows waits until a node knows its leader.
func (n *node) follows(t *testing.T, leader string) {
	t.Helper()
	until(t, n.name+" to follow "+leader, func() bool { l, _ := n.Leader(); return l == leader })
}

func TestNodesFindEachOther(t *testing.T) {
	for name, c := range map[string]string{"by join": "    join: [127.0.1.2]\n", "by broadcast": "    broadcast: 127.255.255.255\n"} {
		t.Run(name, func(t *testing.T) {
			p := port()
			a := start(t, "a", "127.0.1.2", p, c+"    pack: leader\n")
			b := start(t, "b", "127.0.1.3", p, c+"    pack: follower\n")
			d := start(t, "d", "127.0.1.4", p, c+"    pack: follower\n")
			for _, n := range []*node{a, b, d} {
				n.follows(t, "a")
				for _, o := range []string{"a", "b", "d"} {
					until(t, n.name+" to know "+o, func() bool { return n.state(o) == Alive })
				}
			}
			if !a.Leads() || b.Leads() || a.View().State != "leading" || b.View().State != "following" {
				t.Errorf("%+v %+v", a.View(), b.View())
			}
			d.Stop()
			until(t, "d to have left", func() bool { return a.state("d") == Left && b.state("d") == Left })
			a.Stop()
			until(t, "b to have no leader", func() bool { return b.View().State == "no_leader" })
			if !strings.Contains(b.Log(), "node_left: a") || !strings.Contains(b.Log(), "nobody leads the pack") {
				t.Error(b.Log())
			}
		})
	}
}

func TestAKilledNodeIsSuspectedAndThenDead(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		a := l.start(t, "a", "127.0.2.2", "    join: [127.0.2.3]\n")
		b := l.start(t, "b", "127.0.2.3", "    join: [127.0.2.2]\n    pack: follower\n")
		d := l.start(t, "d", "127.0.2.4", "    join: [127.0.2.2]\n    pack: follower\n")
		until(t, "all", func() bool { return a.state("d") == Alive && b.state("d") == Alive && d.state("b") == Alive })
		b.follows(t, "a")
		l.Split("127.0.2.2")
		until(t, "a to be dead", func() bool { return b.state("a") == Dead && d.state("a") == Dead })
		if !strings.Contains(b.Log(), "node_suspect: a") {
			t.Error("it was not suspected before")
		}
		b.follows(t, "")
		if !a.Leads() {
			t.Error("a fixed leader needs nobody")
		}
		l.Split()
		b.follows(t, "a")
		d.follows(t, "a")
	})
}

func TestStrangersAreNotLetIn(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.3.2", p, "    join: [127.0.3.3]\n")
	b := start(t, "b", "127.0.3.3", p, "    join: [127.0.3.2]\n    pack: follower\n    secret: another secret of letters\n")
	d := start(t, "d", "127.0.3.4", p, "    join: [127.0.3.2]\n    pack: follower\n    name: other\n")
	until(t, "the warnings", func() bool {
		return strings.Contains(a.Log(), "from=127.0.3.3") && strings.Contains(a.Log(), "from=127.0.3.4") && strings.Contains(b.Log(), "from=127.0.3.2")
	})
	if a.state("b") != "" || b.state("a") != "" || a.state("d") != "" || d.state("a") != "" {
		t.Error("it was let in")
	}
	if n := strings.Count(a.Log(), "from=127.0.3.3"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

func TestTheSecretCanBeChangedOnOneNodeAfterTheOther(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.4.2", p, "    join: [127.0.4.3]\n    secret: the old secret of all\n    old_secrets: [the new secret of all]\n")
	b := start(t, "b", "127.0.4.3", p, "    join: [127.0.4.2]\n    pack: follower\n    secret: the new secret of all\n    old_secrets: [the old secret of all]\n")
	b.follows(t, "a")
	got := make(chan string, 2)
	for _, n := range []*node{a, b} {
		n.On("spam", func(from Member, payload []byte) error { got <- from.Name + string(payload); return nil })
	}
	if err := a.Broadcast(t.Context(), "spam", []byte("1")); err != nil || <-got != "a1" {
		t.Error(err)
	}
	if err := b.Broadcast(t.Context(), "spam", []byte("2")); err != nil || <-got != "b2" {
		t.Error(err)
	}
}

func TestTheSecondNodeOfAName(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.5.2", p, "    join: [127.0.5.3]\n")
	b := start(t, "b", "127.0.5.3", p, "    join: [127.0.5.2]\n    pack: follower\n")
	b.follows(t, "a")
	other := launch(t, "b", "127.0.5.4", p, "    join: [127.0.5.2]\n    pack: follower\n")
	if err := other.Err(); err == nil || !strings.Contains(err.Error(), `there is a node "b" at 127.0.5.3`) {
		t.Errorf("got %v", err)
	}
	if a.state("b") != Alive || b.state("a") != Alive {
		t.Error("the first one suffers")
	}
}

func TestANodeComesBackUnderAnotherAddress(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		l.start(t, "a", "127.0.6.2", "    join: [127.0.6.3]\n")
		b := l.start(t, "b", "127.0.6.3", "    join: [127.0.6.2]\n    pack: follower\n")
		b.follows(t, "a")
		l.Split("127.0.6.3")
		again := l.start(t, "b", "127.0.6.4", "    join: [127.0.6.2]\n    pack: follower\n")
		again.follows(t, "a")
		until(t, "nobody to be there", func() bool { return strings.Contains(again.Log(), "former process") })
	})
}

func TestTwoFixedLeaders(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		a := l.start(t, "a", "127.0.7.2", "    join: [127.0.7.3]\n")
		b := l.start(t, "b", "127.0.7.3", "    join: [127.0.7.2]\n    pack: follower\n")
		b.follows(t, "a")
		d := l.start(t, "d", "127.0.7.4", "    join: [127.0.7.2]\n")
		until(t, "the conflict", func() bool { return d.View().State == "conflicted" })
		if l, _ := d.Leader(); l != "a" || !a.Leads() {
			t.Errorf("%s leads", l)
		}
		b.follows(t, "a")
		until(t, "the message", func() bool { return strings.Contains(d.Log(), "another node leads the pack and was there first") })
		l.Split("127.0.7.2") // d leads the rest, and a leads itself
		b.follows(t, "d")
		if !a.Leads() || !d.Leads() {
			t.Error("a part of the pack has no leader")
		}
		l.Split()
		b.follows(t, "a")
		until(t, "the conflict to be settled", func() bool { return d.View().State == "conflicted" })
	})
}

func TestAFixedLeaderAndElectedOnesDoNotMix(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.8.2", p, "    join: [127.0.8.3]\n")
	b := start(t, "b", "127.0.8.3", p, "    join: [127.0.8.2]\n    pack: auto\n    voters: 3\n    data_dir: "+t.TempDir()+"\n")
	until(t, "the refusal", func() bool { return strings.Contains(b.Log(), "a pack has a fixed leader or elects one") })
	if a.state("b") != "" || b.state("a") != "" {
		t.Error("it was let in")
	}
}

func TestNodesWithoutACommonProtocol(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.9.2", p, "    join: [127.0.9.3]\n")
	b := launchWith(t, "b", "127.0.9.3", p, "    join: [127.0.9.2]\n    pack: follower\n", func(p *Pack) { p.protocol = [2]int{2, 3} })
	until(t, "the refusal", func() bool {
		return strings.Contains(b.Log(), "node a speaks versions 1 to 1 of the protocol, and b versions 2 to 3")
	})
	if a.state("b") != "" || b.state("a") != "" {
		t.Error("it was let in")
	}
	d := launchWith(t, "d", "127.0.9.4", p, "    join: [127.0.9.2]\n    pack: follower\n", func(p *Pack) { p.protocol = [2]int{1, 3} })
	d.follows(t, "a")
}

func TestMessages(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.10.2", p, "    join: [127.0.10.3]\n")
	b := start(t, "b", "127.0.10.3", p, "    join: [127.0.10.2]\n    pack: follower\n")
	b.follows(t, "a")
	got := make(chan []byte, 1)
	b.On("spam", func(from Member, payload []byte) error {
		if !from.Leader || from.Name != "a" {
			return fmt.Errorf("it is from %+v", from)
		}
		got <- payload
		return nil
	})
	b.On("eggs", func(Member, []byte) error { return errors.New("no eggs today") })
	for _, payload := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("0123456789abcdef"), MaxMessage/16)} {
		if err := a.Send(t.Context(), "b", "spam", payload); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(<-got, payload) {
			t.Errorf("a message of %d bytes is another one", len(payload))
		}
	}
	for want, err := range map[string]error{
		"no eggs today":               a.Send(t.Context(), "b", "eggs", nil),
		"node b does nothing about x": a.Send(t.Context(), "b", "x", nil),
		"node z is not there":         a.Send(t.Context(), "z", "x", nil),
		"larger than 16 MiB":          a.Send(t.Context(), "b", "spam", make([]byte, MaxMessage+1)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Send(ctx, "b", "spam", nil); err == nil {
		t.Error("it was sent all the same")
	}
}

func TestGarbageIsBounded(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.11.2", p, "    join: [127.0.11.3]\n")
	addr := net.JoinHostPort("127.0.11.2", fmt.Sprint(p))
	u, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for i := range 3000 {
		u.Write([]byte(strings.Repeat("x", i%1400)))
		u.Write(append([]byte("GPkm"), bytes.Repeat([]byte{byte(i)}, 200)...))
	}
	var conns []net.Conn
	for range 100 { // some say nothing
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	b := start(t, "b", "127.0.11.3", p, "    pack: follower\n    broadcast: 127.255.255.255\n")
	for _, c := range conns {
		c.Close()
	}
	b.follows(t, "a")
	own := map[string]int64{}
	a.Status("Pack").Meter.EachOwn(func(name string, n int64) { own[name] = n })
	if own["foreign"] == 0 || own["wrong_secret"] == 0 {
		t.Errorf("counted %v", own)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.heard) > 2 {
		t.Errorf("%d nodes were heard of", len(a.heard))
	}
}

func TestStartFails(t *testing.T) {
	p := port()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.12.2", fmt.Sprint(p)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		port          int
		options, want string
	}{
		"the port is taken":        {p, "    join: [127.0.12.3]\n", fmt.Sprintf("127.0.12.2, port %d", p)},
		"no address of this host":  {p, "    join: [127.0.12.3]\n    advertise: no.such.host.invalid\n", "127.0.12.2, port"},
		"data_dir is a file":       {port(), "    join: [127.0.12.3]\n    pack: auto\n    voters: 1\n    data_dir: " + file + "\n", "data_dir: "},
		"the secret file is empty": {port(), "    join: [127.0.12.3]\n    secret_file: " + file + "\n", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			n := launch(t, "a", "127.0.12.2", c.port, c.options)
			if err := n.Err(); !errors.Is(err, actor.ErrStart) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct{ options, want string }{
		"member":             {"name: x\nsecret: 0123456789abcdef\njoin: [a]\npack: member", `did you mean "follower"`},
		"typing mistake":     {"name: x\nsecret: 0123456789abcdef\njoin: [a]\npack: folower", `did you mean "follower"`},
		"no secret":          {"name: x\njoin: [a]", "E016"},
		"an empty secret":    {"name: x\nsecret: ''\njoin: [a]", "E016"},
		"tls alone":          {"name: x\njoin: [a]\ntls: True", "E016"},
		"tls and a secret":   {"name: x\njoin: [a]\ntls: True\ncert: a\nkey: b\nca_file: c\nsecret: 0123456789abcdef", "E038"},
		"tls and broadcasts": {"name: x\nbroadcast: 10.0.0.255\ntls: True\ncert: a\nkey: b\nca_file: c", "E038"},
		"a lonely key":       {"name: x\njoin: [a]\nsecret: 0123456789abcdef\nkey: b", "E038"},
		"two secrets":        {"name: x\nsecret: 0123456789abcdef\nsecret_file: x\njoin: [a]", "E038"},
		"nobody to find":     {"name: x\nsecret: 0123456789abcdef", "E016"},
		"no name":            {"secret: 0123456789abcdef\njoin: [a]", "E016"},
		"auto lacks voters":  {"name: x\nsecret: 0123456789abcdef\njoin: [a]\npack: auto\ndata_dir: x", "E016"},
		"auto lacks a place": {"name: x\nsecret: 0123456789abcdef\njoin: [a]\npack: auto\nvoters: 3", "E016"},
		"broadcast":          {"name: x\nsecret: 0123456789abcdef\nbroadcast: everywhere", "E015"},
		"interface":          {"name: x\nsecret: 0123456789abcdef\njoin: [a]\ninterface: eth0", "E015"},
		"join of no service": {"name: x\nsecret: 0123456789abcdef\njoin: ['srv:']", "E015"},
		"a service's port":   {"name: x\nsecret: 0123456789abcdef\njoin: ['srv:_x._tcp.example.com:53']", "srv:_gambolputty._tcp.example.com"},
		"port":               {"name: x\nsecret: 0123456789abcdef\njoin: [a]\nport: 70000", "E017"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := actortest.Options(t, Spec, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if w := actortest.Warnings(t, Spec, "name: x\nsecret: short\njoin: [a]"); !strings.Contains(strings.Join(w, "\n"), "W115") {
		t.Errorf("got %v", w)
	}
}
