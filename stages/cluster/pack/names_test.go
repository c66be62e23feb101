package pack

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// zone is a name server in the process.
type zone struct {
	mu      sync.Mutex
	records map[string][]string // by name and type
	at      string
}

func newZone(t *testing.T, records map[string][]string) *zone {
	t.Helper()
	z := &zone{records: records}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.at = c.LocalAddr().String()
	s := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(z.answer)}
	done := make(chan error, 1)
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { done <- s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return z
}

func (z *zone) answer(w dns.ResponseWriter, q *dns.Msg) {
	var m dns.Msg
	m.SetReply(q)
	z.mu.Lock()
	list, known := z.records[q.Question[0].Name+" "+dns.TypeToString[q.Question[0].Qtype]]
	z.mu.Unlock()
	if !known && q.Question[0].Qtype != dns.TypeAAAA {
		m.Rcode = dns.RcodeNameError
	}
	for _, text := range list {
		if r, err := dns.NewRR(text); err == nil {
			m.Answer = append(m.Answer, r)
		}
	}
	_ = w.WriteMsg(&m) // whoever has gone does not read it
}

func (z *zone) set(key string, list ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[key] = list
}

// resolver asks this server only.
func (z *zone) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", z.at)
	}}
}

// The ways in which a cloud or a cluster names nodes: the addresses of a headless service, and the
// SRV records of a service.
func TestNodesAreFoundByName(t *testing.T) {
	p := port()
	for name, c := range map[string]struct {
		join    string
		records func(hosts ...string) (key string, list []string)
	}{
		"a headless service": {"pack.logs.svc.cluster.example", func(hosts ...string) (string, []string) {
			var list []string
			for _, h := range hosts {
				list = append(list, "pack.logs.svc.cluster.example. 1 IN A "+h)
			}
			return "pack.logs.svc.cluster.example. A", list
		}},
		"a service": {"srv:_gambolputty._tcp.example.com", func(hosts ...string) (string, []string) {
			var list []string
			for i, h := range hosts {
				list = append(list, fmt.Sprintf("_gambolputty._tcp.example.com. 1 IN SRV 0 0 %d node%d%s.example.com.", p, i, h[len(h)-1:]))
			}
			return "_gambolputty._tcp.example.com. SRV", list
		}},
		"a service without the prefix": {"_gambolputty._tcp.example.com", func(hosts ...string) (string, []string) {
			return "_gambolputty._tcp.example.com. SRV", []string{fmt.Sprintf("_gambolputty._tcp.example.com. 1 IN SRV 0 0 %d node02.example.com.", p), fmt.Sprintf("_gambolputty._tcp.example.com. 1 IN SRV 0 0 %d gone.example.com.", p)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			z := newZone(t, map[string][]string{
				"node02.example.com. A": {"node02.example.com. 1 IN A 127.0.13.2"},
				"node13.example.com. A": {"node13.example.com. 1 IN A 127.0.13.3"},
			})
			key, list := c.records("127.0.13.2", "127.0.13.3")
			z.set(key) // nobody is there at first
			one := func(name, host, role string) *node {
				n := launchWith(t, name, host, p, "    join: ['"+c.join+"']\n    pack: "+role+"\n", func(p *Pack) { p.resolver = z.resolver() })
				n.Logged("node")
				return n
			}
			a, b := one("a", "127.0.13.2", "leader"), one("b", "127.0.13.3", "follower")
			z.set(key, list...)
			b.follows(t, "a")
			d := one("d", "127.0.13.4", "follower")
			d.follows(t, "a")
			until(t, "all", func() bool { return a.state("d") == Alive && b.state("d") == Alive && d.state("b") == Alive })
			for _, n := range []*node{a, b, d} {
				n.Stop()
			}
		})
	}
}

func TestANameThatIsNotKnownIsTold(t *testing.T) {
	z := newZone(t, map[string][]string{})
	n := launchWith(t, "a", "127.0.14.2", port(), "    join: [nobody.example.com]\n", func(p *Pack) {
		p.resolver = z.resolver()
	})
	until(t, "the warning", func() bool { return strings.Contains(n.Log(), "the name of a node is not known") })
}
