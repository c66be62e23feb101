package stages_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages"
)

// party is a module and somebody it speaks to. The table of all of them, with what becomes
// of them in each fault, is docs/decisions/survival.md.
type party struct {
	// counterpart starts the other side and returns where it is, what has arrived there, and, of
	// inputs, how to send from there. It is nil for outputs.
	counterpart func(t *testing.T) (address string, arrived func() []string, send func(texts ...string))
	// options of the module that connects to an address.
	module  string
	options func(address string) string
	// deaf says that the protocol has no receipts, so that what goes to somebody who only makes
	// noise is lost.
	deaf bool
	// login are options that the counterpart refuses, and refusal is what the log says then.
	login   func(address string) string
	refusal string
	// gate is a counterpart of its own for that, if the usual one lets everybody in.
	gate func(t *testing.T) (address string, arrived func() []string, send func(texts ...string))
}

// secret must not be in any log.
const secret = "nobodyexpectsthespanish"

// flow is a party at work.
type flow struct {
	t       *testing.T
	road    *road
	run     *actortest.Running
	sent    int
	send    func(texts ...string)
	arrived func() []string
	end     func()
}

// begin starts a party over a road, which is closed at first if the counterpart shall be absent.
func (p *party) begin(t *testing.T, absent bool) *flow {
	t.Helper()
	address, arrived, send := p.counterpart(t)
	f := &flow{t: t, road: newRoad(t, address), arrived: arrived, send: send}
	if !absent {
		f.road.open()
	}
	f.start(p, p.options(f.road.addr))
	return f
}

func (f *flow) start(p *party, options string) {
	item := "- " + p.module + ":\n    " + strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ") + "\n"
	if f.send != nil {
		f.run = actortest.Start(f.t, item+"- TestCatch\n", stages.All()...)
		f.arrived = func() []string { return texts(f.run.Wait(0)) }
		f.end = func() { f.run.Stop() }
		return
	}
	feed := make(chan string, 10_000)
	f.send = func(texts ...string) {
		for _, s := range texts {
			feed <- s
		}
	}
	f.run = actortest.Start(f.t, "- Global: {shutdown_timeout: 1}\n- Lines\n"+item, append(stages.All(), actortest.Lines(feed))...)
	f.end = func() {
		close(feed)
		f.run.Finish()
	}
}

func texts(events []*event.Event) []string {
	list := []string{}
	for _, e := range events {
		v, ok := e.Get(event.MustPath("n"))
		if !ok {
			v, _ = e.Field(event.Data)
		}
		list = append(list, v.Text())
	}
	return list
}

// more sends further numbers.
func (f *flow) more(n int) {
	for range n {
		f.send(strconv.Itoa(f.sent))
		f.sent++
	}
}

// until waits for at least n of the numbers from a given one on.
func (f *flow) until(n, from int) {
	f.t.Helper()
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		seen := map[int]bool{}
		for _, text := range f.arrived() {
			k, err := strconv.Atoi(text)
			if err != nil || k < 0 || k >= f.sent {
				f.t.Fatalf("%.200q arrived, which nobody has sent", text)
			}
			if k >= from {
				seen[k] = true
			}
		}
		if len(seen) >= n {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("%d of %d arrived, counted from %d; the log says:\n%s", len(seen), n, from, f.run.Log())
		}
	}
}

// while is how long a fault lasts: long enough for several attempts.
func while() { <-time.After(1200 * time.Millisecond) }

// noises are what a counterpart says that is not what it should be.
var noises = map[string]string{
	"a web page": "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>welcome</html>",
	"bytes":      strings.Repeat("\xff\x00\x13\x37{[\"", 100) + "\r\n",
	"nothing":    "\n",
}

// The tests do not use CPU but wait, so all of them run at a time, more than t.Parallel lets.
func TestModulesSurvive(t *testing.T) {
	var all sync.WaitGroup
	for name, p := range parties() {
		for fault, survive := range p.faults() {
			all.Go(func() { t.Run(name+": "+fault, survive) })
		}
	}
	all.Wait()
}

func (p *party) faults() map[string]func(t *testing.T) {
	all := map[string]func(t *testing.T){"absent at the start": p.absent, "gone in mid-stream": p.gone, "slow": p.slow}
	for kind, noise := range noises {
		all["garbage, "+kind] = func(t *testing.T) { p.garbage(t, noise) }
	}
	if p.login != nil {
		all["wrong credentials"] = p.refused
	}
	return all
}

func (p *party) absent(t *testing.T) {
	f := p.begin(t, true)
	f.more(20)
	while()
	f.road.open()
	f.more(20)
	f.until(40, 0)
	f.end()
}

func (p *party) gone(t *testing.T) {
	f := p.begin(t, false)
	f.more(50)
	f.until(1, 0)
	f.road.close()
	f.more(50)
	while()
	f.road.open()
	f.more(50)
	f.until(150, 0)
	f.end()
}

func (p *party) garbage(t *testing.T, noise string) {
	f := p.begin(t, false)
	f.more(20)
	f.until(20, 0)
	f.road.spoil(noise)
	f.more(20)
	while()
	f.road.spoil("")
	f.more(20)
	if p.deaf {
		f.until(1, 40)
	} else {
		f.until(60, 0)
	}
	f.end()
}

func (p *party) slow(t *testing.T) {
	f := p.begin(t, true)
	f.road.slow(10 * time.Millisecond)
	f.road.open()
	f.more(20)
	f.until(20, 0)
	f.end()
}

// refused checks that nothing passes with wrong credentials, that the log says why, and shows
// no secret.
func (p *party) refused(t *testing.T) {
	counterpart := p.counterpart
	if p.gate != nil {
		counterpart = p.gate
	}
	address, arrived, send := counterpart(t)
	f := &flow{t: t, arrived: arrived, send: send}
	f.start(p, p.login(address))
	f.more(5)
	for end := time.Now().Add(30 * time.Second); !strings.Contains(f.run.Log(), p.refusal); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q:\n%s", p.refusal, f.run.Log())
		}
	}
	if got := f.arrived(); len(got) > 0 {
		t.Errorf("%v arrived", got)
	}
	f.run.StopHard()
	if strings.Contains(f.run.Log(), secret) {
		t.Errorf("the log shows a secret:\n%s", f.run.Log())
	}
}

// quick makes outputs try again soon.
const quick = "retry_max_interval_in_secs: 0.2\nstore_interval_in_secs: 0\n"

func split(address string) (host, port string) {
	host, port, _ = net.SplitHostPort(address)
	return host, port
}

func parties() map[string]party {
	all := map[string]party{
		"ElasticSearch": {
			module: "ElasticSearch", counterpart: searchServer,
			options: func(a string) string {
				return "nodes: 'http://" + a + "'\nindex_name: i\nrepeat_query: True\nquery_interval_in_secs: 0.05\nsince_field: n\nread_timeout: 2"
			},
		},
		"Zmq, client": {
			module: "Zmq", counterpart: zmqPusher,
			options: func(a string) string { return "mode: client\naddress: " + a },
			gate:    zmqWithCurve("ZmqSink", "server"), refusal: "target failed",
			login: func(a string) string { return "mode: client\naddress: " + a + "\ncurve_server_key: '" + otherKey + "'" },
		},
		"ZmqSink": {
			module: "ZmqSink", counterpart: zmqPuller,
			options: func(a string) string { return "server: " + a + "\nformat: $(data)\n" + quick },
			gate:    zmqWithCurve("Zmq", "address"), refusal: "target failed",
			login: func(a string) string { return "server: " + a + "\ncurve_server_key: '" + otherKey + "'\n" + quick },
		},
		"BeatsSink, Beats": {
			module: "BeatsSink", counterpart: beatsForAll,
			options: func(a string) string {
				return "server: '" + a + "'\nformat: $(data)\ntimeout: 2\n" + quick
			},
			gate: beatsForFriends, refusal: "target failed",
			login: func(a string) string {
				return "server: '" + a + "'\ntls: True\ntls_verify: False\ntimeout: 2\n" + quick
			},
		},
		"GraphiteSink": {
			module: "GraphiteSink", counterpart: carbon, deaf: true,
			options: func(a string) string {
				host, port := split(a)
				return fmt.Sprintf("server: %s\nport: %s\nformats: ['number $(data)']\n%s", host, port, quick)
			},
			gate: unknownAuthority, refusal: "x509",
			login: func(a string) string {
				host, port := split(a)
				return fmt.Sprintf("server: %s\nport: %s\nformats: ['number $(data)']\ntls: True\n%s", host, port, quick)
			},
		},
		"WebHdfsSink": {
			module: "WebHdfsSink", counterpart: hdfs,
			options: func(a string) string {
				return "server: " + a + "\nuser: me\npath: /logs\nname_pattern: x.log\nformat: $(data)\ntimeout: 2\n" + quick
			},
			login: func(a string) string {
				return "server: " + a + "\nuser: me\ndelegation_token: " + secret + "\npath: /logs\nname_pattern: x.log\n" + quick
			},
			refusal: "401",
		},
		"ZabbixSink": {
			module: "ZabbixSink", counterpart: zabbix,
			options: func(a string) string {
				return "hostname: h\nfields: [data]\nagent_conf: False\ntimeout: 2\nserver: '" + a + "'\n" + quick
			},
			gate: unknownAuthority, refusal: "x509",
			login: func(a string) string {
				return "hostname: h\nfields: [data]\nagent_conf: False\ntimeout: 2\ntls: True\nserver: '" + a + "'\n" + quick
			},
		},
	}
	for _, more := range []map[string]party{partiesOfAWS(), partiesOfMongoDB()} {
		for name, p := range more {
			all[name] = p
		}
	}
	return all
}
