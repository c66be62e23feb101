package adddnslookup

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// zone is what the server of the tests knows, by name and type.
var zone = map[string][]string{
	"www.example.com. A":            {"www.example.com. 60 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2"},
	"www.example.com. AAAA":         {"www.example.com. 60 IN AAAA 2001:db8::1"},
	"six.example.com. AAAA":         {"six.example.com. 60 IN AAAA 2001:db8::6"},
	"alias.example.com. A":          {"alias.example.com. 60 IN CNAME WWW.example.com.", "www.example.com. 60 IN A 192.0.2.1", "evil.example.com. 60 IN A 6.6.6.6"},
	"far.example.com. A":            {"far.example.com. 60 IN CNAME www.example.com."},
	"round.example.com. A":          {"round.example.com. 60 IN CNAME again.example.com."},
	"again.example.com. A":          {"again.example.com. 60 IN CNAME round.example.com."},
	"zero.example.com. A":           {"zero.example.com. 0 IN A 192.0.2.9"},
	"xn--mnchen-3ya.example.com. A": {"xn--mnchen-3ya.example.com. 60 IN A 192.0.2.3"},
	"example.com. TXT":              {`example.com. 60 IN TXT "v=spf1 " "-all"`, `example.com. 60 IN TXT "b"`},
	"example.com. MX":               {"example.com. 60 IN MX 20 b.example.com.", "example.com. 60 IN MX 10 a.example.com."},
	"1.0.0.127.in-addr.arpa. PTR":   {"1.0.0.127.in-addr.arpa. 60 IN PTR localhost."},
	"1.2.0.192.in-addr.arpa. PTR":   {"1.2.0.192.in-addr.arpa. 60 IN CNAME 1.sub.in-addr.arpa.", "1.sub.in-addr.arpa. 60 IN PTR www.example.com."},
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR": {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR six.example.com."},
	"big.example.com. TXT": {`big.example.com. 60 IN TXT "` + strings.Repeat("x", 200) + `"`},
}

// server answers from the zone, by UDP and TCP.
type server struct {
	addr  string
	asked atomic.Int32
	tcp   atomic.Int32
	early func(s *server, w dns.ResponseWriter, r *dns.Msg) bool // answers instead
}

// listen finds a port that is free for UDP and for TCP.
func listen(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 {
		p, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", p.LocalAddr().String())
		if err == nil {
			return p, l
		}
		p.Close()
	}
	t.Fatal("no port is free")
	return nil, nil
}

// start starts a server, which the test ends.
func start(t testing.TB, early func(s *server, w dns.ResponseWriter, r *dns.Msg) bool) *server {
	t.Helper()
	s := &server{early: early}
	p, l := listen(t)
	s.addr = p.LocalAddr().String()
	for _, one := range []*dns.Server{{PacketConn: p, Handler: dns.HandlerFunc(s.serve)}, {Listener: l, Handler: dns.HandlerFunc(s.serve)}} {
		up := make(chan struct{})
		one.NotifyStartedFunc = func() { close(up) }
		done := make(chan struct{})
		go func() { defer close(done); one.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { one.Shutdown(); <-done })
	}
	return s
}

func (s *server) serve(w dns.ResponseWriter, r *dns.Msg) {
	s.asked.Add(1)
	if _, ok := w.RemoteAddr().(*net.TCPAddr); ok {
		s.tcp.Add(1)
	}
	if s.early != nil && s.early(s, w, r) {
		return
	}
	s.answer(w, r)
}

func (s *server) answer(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(r)
	q := r.Question[0]
	records := zone[strings.ToLower(q.Name)+" "+dns.TypeToString[q.Qtype]]
	if records == nil && !strings.Contains(q.Name, "six.") && !strings.Contains(q.Name, "www.") {
		m.Rcode = dns.RcodeNameError
	}
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	w.WriteMsg(m)
}
