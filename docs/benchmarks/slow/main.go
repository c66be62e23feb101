// Command slow measures how many events get through AddDnsLookup and HttpRequest when every
// answer takes long. It has servers of its own on the loopback interface, and no two events
// ask for the same, so that nothing is remembered. What should come out is pool_size
// divided by the time of an answer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/modifiers/adddnslookup"
	"gambolputty/stages/modifiers/httprequest"
)

func main() {
	events := flag.Int("events", 10_000, "events to send through each module")
	dnsDelay := flag.Duration("dns", 3*time.Second, "time of an answer of the DNS server")
	httpDelay := flag.Duration("http", time.Second, "time of an answer of the HTTP server")
	pools := flag.String("pools", "250,1000", "sizes of the pool to try, separated by commas")
	flag.Parse()
	if err := run(os.Stdout, *events, *dnsDelay, *httpDelay, strings.Split(*pools, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "slow:", err)
		os.Exit(1)
	}
}

// run prints a Markdown table.
func run(out io.Writer, events int, dnsDelay, httpDelay time.Duration, pools []string) error {
	nameserver, stopDNS, err := serveDNS(dnsDelay)
	if err != nil {
		return err
	}
	defer stopDNS()
	url, stopHTTP, err := serveHTTP(httpDelay)
	if err != nil {
		return err
	}
	defer stopHTTP()
	fmt.Fprintln(out, "| module | answer after | events | pool_size | at best s | measured s | events/s | answered | heap MiB |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|")
	for _, m := range []struct {
		name, options string
		delay         time.Duration
	}{
		{"AddDnsLookup", fmt.Sprintf("{source_field: name, target_field: result, nameservers: '%s', timeout: %s, pool_size: ", nameserver, 4*dnsDelay+time.Second), dnsDelay},
		{"HttpRequest", fmt.Sprintf("{url: '%s/$(name)', target_field: result, socket_timeout: %s, pool_size: ", url, 4*httpDelay+time.Second), httpDelay},
	} {
		for _, pool := range pools {
			n, err := strconv.Atoi(pool)
			if err != nil || n < 1 {
				return fmt.Errorf("bad size of a pool %q", pool)
			}
			took, answered, heap, err := measure(m.name+": "+m.options+pool+"}", events)
			if err != nil {
				return err
			}
			rounds := (events + n - 1) / n
			fmt.Fprintf(out, "| %s | %s | %d | %d | %.1f | %.1f | %.0f | %d | %d |\n", m.name, m.delay, events, n,
				(time.Duration(rounds) * m.delay).Seconds(), took.Seconds(), float64(events)/took.Seconds(), answered, heap>>20)
		}
	}
	return nil
}

// measure sends events through a module.
func measure(module string, events int) (took time.Duration, answered int, heap uint64, err error) {
	sink := &counter{}
	specs := []actor.Spec{
		adddnslookup.Spec, httprequest.Spec,
		actor.DefineSource(actor.Info{Name: "Names", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return names(events), nil }),
		actor.DefineSink(actor.Info{Name: "Counter", Role: actor.Output}, none{}, func(actor.Env, none) (actor.Sink, error) { return sink, nil }),
	}
	plan, report := config.Loader{Specs: specs}.LoadText("slow", []byte("- Names\n- "+module+"\n- Counter\n"))
	if !report.OK(false) {
		return 0, 0, 0, errors.New(report.Text())
	}
	settings := plan.Settings()
	settings.Log = slog.New(slog.DiscardHandler)
	g, err := actor.New(settings, plan.Nodes(func(string, *slog.Level) *slog.Logger { return settings.Log })...)
	if err != nil {
		return 0, 0, 0, err
	}
	start := time.Now()
	err = g.Run(context.Background())
	took = time.Since(start)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if sink.events != events {
		err = errors.Join(err, fmt.Errorf("%d of %d events arrived", sink.events, events))
	}
	return took, sink.answered, m.HeapInuse, err
}

type none struct{}

// names is an input that sends so many different names.
type names int

var (
	nameKey   = event.Intern("name")
	resultKey = event.Intern("result")
)

// Run sends the names.
func (n names) Run(_ context.Context, out *actor.Outlet) error {
	for i := 0; i < int(n); {
		b := out.Batch("")
		for range min(out.Size(), int(n)-i) {
			b.New().SetField(nameKey, event.String("h"+strconv.Itoa(i)+".example.com"))
			i++
		}
		if err := out.Emit(b, nil); err != nil {
			return err
		}
	}
	return nil
}

// counter is an output that counts events and results.
type counter struct{ events, answered int }

// Write counts.
func (c *counter) Write(_ context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		c.events++
		if _, ok := e.Field(resultKey); ok {
			c.answered++
		}
	}
	return nil
}

// serveDNS answers every question with an address, late.
func serveDNS(delay time.Duration) (address string, stop func(), err error) {
	p, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return "", nil, fmt.Errorf("start a DNS server: %w", err)
	}
	_ = p.SetReadBuffer(8 << 20) // as much as the system allows: many ask at the same moment
	s := &dns.Server{PacketConn: p, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		time.Sleep(delay)
		m := new(dns.Msg)
		m.SetReply(r)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}}
		_ = w.WriteMsg(m) // who does not listen any more gets no answer
	})}
	up := make(chan struct{})
	s.NotifyStartedFunc = func() { close(up) }
	done := make(chan struct{})
	go func() { defer close(done); _ = s.ActivateAndServe() }() // it ends with an error when it is stopped
	<-up
	return p.LocalAddr().String(), func() { _ = s.Shutdown(); <-done }, nil
}

// serveHTTP answers every request with OK, late.
func serveHTTP(delay time.Duration) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start an HTTP server: %w", err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(delay)
		_, _ = io.WriteString(w, "OK") // who does not listen any more gets no answer
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }() // it ends with an error when it is stopped
	return "http://" + l.Addr().String(), func() { _ = s.Close(); <-done }, nil
}
