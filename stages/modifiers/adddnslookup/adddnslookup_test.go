package adddnslookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// look sends an event through the module and returns it as text, with its tags.
func look(t testing.TB, s *server, options, object string) string {
	t.Helper()
	out := actortest.Process(t, Spec, "nameservers: '"+s.addr+"'\n"+options, actortest.Event(t, object))
	text := actortest.JSON(out[0])
	if tags := actortest.Tags(out[0]); tags != "" {
		text += " " + tags
	}
	return text
}

func TestNamesAndAddresses(t *testing.T) {
	s := start(t, nil)
	for name, c := range map[string]struct{ options, in, want string }{
		"the reference's example": {"action: reverse\nsource_field: remote_ip\ntarget_field: remote_host", `{"remote_ip":"127.0.0.1"}`, `{"remote_host":"localhost","remote_ip":"127.0.0.1"}`},
		"a name":                  {"source_field: h", `{"h":"www.example.com"}`, `{"h":"192.0.2.1"}`},
		"in capitals, with a dot": {"source_field: h", `{"h":"WWW.Example.COM."}`, `{"h":"192.0.2.1"}`},
		"all of them":             {"source_field: h\nreturn_all: True", `{"h":"www.example.com"}`, `{"h":["192.0.2.1","192.0.2.2"]}`},
		"another name":            {"source_field: h\nreturn_all: True", `{"h":"alias.example.com"}`, `{"h":["192.0.2.1"]}`},
		"a name to ask again for": {"source_field: h", `{"h":"far.example.com"}`, `{"h":"192.0.2.1"}`},
		"a name that goes round":  {"source_field: h", `{"h":"round.example.com"}`, `{"h":"round.example.com"} add_dns_lookup_failure`},
		"IPv6":                    {"source_field: h\nrecord_type: AAAA", `{"h":"www.example.com"}`, `{"h":"2001:db8::1"}`},
		"any, both":               {"source_field: h\nrecord_type: ANY_IP\nreturn_all: True", `{"h":"www.example.com"}`, `{"h":["192.0.2.1","192.0.2.2","2001:db8::1"]}`},
		"any, the first":          {"source_field: h\nrecord_type: ANY_IP", `{"h":"www.example.com"}`, `{"h":"192.0.2.1"}`},
		"any, IPv6 only":          {"source_field: h\nrecord_type: ANY_IP", `{"h":"six.example.com"}`, `{"h":"2001:db8::6"}`},
		"text":                    {"source_field: h\nrecord_type: TXT", `{"h":"example.com"}`, `{"h":"v=spf1 -all"}`},
		"mail":                    {"source_field: h\nrecord_type: MX\nreturn_all: True", `{"h":"example.com"}`, `{"h":["a.example.com","b.example.com"]}`},
		"umlauts":                 {"source_field: h", `{"h":"münchen.example.com"}`, `{"h":"192.0.2.3"}`},
		"reverse by alias":        {"action: reverse\nsource_field: h", `{"h":"192.0.2.1"}`, `{"h":"www.example.com"}`},
		"reverse of IPv6":         {"action: reverse\nsource_field: h", `{"h":"2001:db8::1"}`, `{"h":"six.example.com"}`},
		"reverse of IPv4 in IPv6": {"action: reverse\nsource_field: h", `{"h":"::ffff:127.0.0.1"}`, `{"h":"localhost"}`},
		"an address":              {"source_field: h\ntarget_field: a", `{"h":"10.0.0.1"}`, `{"a":"10.0.0.1","h":"10.0.0.1"}`},
		"no address":              {"action: reverse\nsource_field: h", `{"h":"www.example.com"}`, `{"h":"www.example.com"} add_dns_lookup_failure`},
		"unknown":                 {"source_field: h\ntarget_field: a", `{"h":"no.example.com"}`, `{"h":"no.example.com"} add_dns_lookup_failure`},
		"no such record":          {"source_field: h", `{"h":"six.example.com"}`, `{"h":"six.example.com"} add_dns_lookup_failure`},
		"no field":                {"source_field: x", `{"h":1}`, `{"h":1}`},
		"no text":                 {"source_field: h", `{"h":1}`, `{"h":1} add_dns_lookup_failure`},
		"no name":                 {"source_field: h", `{"h":"a b"}`, `{"h":"a b"} add_dns_lookup_failure`},
		"an empty one":            {"source_field: h", `{"h":""}`, `{"h":""} add_dns_lookup_failure`},
		"a long one":              {"source_field: h", `{"h":"` + strings.Repeat("a.", 200) + `"}`, `{"h":"` + strings.Repeat("a.", 200) + `"} add_dns_lookup_failure`},
		"a list":                  {"action: reverse\nsource_field: h\ntarget_field: n", `{"h":["127.0.0.1","x",5,"192.0.2.1","192.0.2.77"]}`, `{"h":["127.0.0.1","x",5,"192.0.2.1","192.0.2.77"],"n":["localhost","www.example.com"]}`},
		"a list of nothing":       {"source_field: h", `{"h":["no.example.com",5]}`, `{"h":["no.example.com",5]} add_dns_lookup_failure`},
		"an empty list":           {"source_field: h", `{"h":[]}`, `{"h":[]}`},
		"a list, all":             {"source_field: h\nreturn_all: True", `{"h":["www.example.com","far.example.com"]}`, `{"h":["192.0.2.1","192.0.2.2","192.0.2.1","192.0.2.2"]}`},
		"a bad target":            {"source_field: h\ntarget_field: h.x", `{"h":"www.example.com"}`, `{"h":"www.example.com"} add_dns_lookup_failure`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := look(t, s, c.options, c.in); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestUnknownNamesAreNoReasonToWarn(t *testing.T) {
	s := start(t, nil)
	feed := make(chan string, 1)
	feed <- "no.example.com"
	close(feed)
	r := actortest.Start(t, "- Lines\n- AddDnsLookup: {source_field: data, nameservers: ['"+s.addr+"']}\n- TestCatch\n", Spec, actortest.Lines(feed))
	r.Finish()
	if log := r.Log(); strings.Contains(log, "level=WARN") || !strings.Contains(log, "level=DEBUG msg=\"event could not be handled\"") || r.Status("AddDnsLookup").Meter.Errors.Load() != 1 {
		t.Error(log)
	}
}

func TestAnswersByTCPIfTheyAreCut(t *testing.T) {
	s := start(t, func(s *server, w dns.ResponseWriter, r *dns.Msg) bool {
		if _, tcp := w.RemoteAddr().(*net.TCPAddr); tcp {
			return false
		}
		m := new(dns.Msg)
		m.SetReply(r)
		m.Truncated = true
		w.WriteMsg(m)
		return true
	})
	if got := look(t, s, "source_field: h\nrecord_type: TXT", `{"h":"big.example.com"}`); !strings.Contains(got, strings.Repeat("x", 200)) || s.tcp.Load() != 1 {
		t.Errorf("got %s", got)
	}
}

func TestServersThatDoNotKnowTheExtension(t *testing.T) {
	s := start(t, func(s *server, w dns.ResponseWriter, r *dns.Msg) bool {
		if r.IsEdns0() == nil {
			return false
		}
		m := new(dns.Msg)
		m.SetRcode(r, dns.RcodeFormatError)
		w.WriteMsg(m)
		return true
	})
	if got := look(t, s, "source_field: h", `{"h":"www.example.com"}`); got != `{"h":"192.0.2.1"}` {
		t.Errorf("got %s", got)
	}
}

// mute never answers.
func mute(*server, dns.ResponseWriter, *dns.Msg) bool { return true }

// broken says that it is.
func broken(_ *server, w dns.ResponseWriter, r *dns.Msg) bool {
	m := new(dns.Msg)
	m.SetRcode(r, dns.RcodeServerFailure)
	w.WriteMsg(m)
	return true
}

// foreign answers another question.
func foreign(_ *server, w dns.ResponseWriter, r *dns.Msg) bool {
	m := new(dns.Msg)
	m.SetReply(r)
	m.Question[0].Name = "evil.example.com."
	rr, _ := dns.NewRR("www.example.com. 60 IN A 6.6.6.6")
	m.Answer = append(m.Answer, rr)
	w.WriteMsg(m)
	return true
}

func TestTheNextServerIsAskedIfOneFails(t *testing.T) {
	good := start(t, nil)
	for name, early := range map[string]func(*server, dns.ResponseWriter, *dns.Msg) bool{"mute": mute, "broken": broken, "foreign": foreign} {
		t.Run(name, func(t *testing.T) {
			bad := start(t, early)
			out := actortest.Process(t, Spec, "source_field: h\ntimeout: 0.2\nnameservers: ['"+bad.addr+"', '127.0.0.1:1', '"+good.addr+"']", actortest.Event(t, `{"h":"www.example.com"}`))
			if got := actortest.JSON(out[0]); got != `{"h":"192.0.2.1"}` {
				t.Errorf("got %s", got)
			}
			if got := look(t, bad, "source_field: h\ntimeout: 50ms", `{"h":"www.example.com"}`); got != `{"h":"www.example.com"} add_dns_lookup_failure` {
				t.Errorf("alone: %s", got)
			}
		})
	}
}

func TestAServerAloneIsAskedTwice(t *testing.T) {
	twice := make(chan struct{})
	s := start(t, func(s *server, _ dns.ResponseWriter, _ *dns.Msg) bool {
		if s.asked.Load() == 2 {
			close(twice)
		}
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-twice; cancel() }()
	k := asker{servers: []string{s.addr}, timeout: 20 * time.Millisecond}
	if _, err := k.race(ctx, "www.example.com.", dns.TypeA); err == nil {
		t.Error("there is an answer")
	}
}

func TestALateAnswerCounts(t *testing.T) {
	late := start(t, func(s *server, w dns.ResponseWriter, r *dns.Msg) bool {
		time.Sleep(150 * time.Millisecond)
		s.answer(w, r)
		return true
	})
	if got := look(t, late, "source_field: h\ntimeout: 0.2", `{"h":"www.example.com"}`); got != `{"h":"192.0.2.1"}` {
		t.Errorf("got %s", got)
	}
}

// through sends names through the module, one after the other.
func through(t *testing.T, s *server, options string, between time.Duration, names ...string) (answers []string, r *actortest.Running) {
	t.Helper()
	feed := make(chan string)
	r = actortest.Start(t, "- Lines\n- AddDnsLookup:\n    source_field: data\n    nameservers: ['"+s.addr+"']\n"+options+"- TestCatch\n", Spec, actortest.Lines(feed))
	for i, name := range names {
		feed <- name
		r.Wait(i + 1)
		time.Sleep(between)
	}
	for _, e := range r.Stop() {
		v, _ := e.Get(event.MustPath("data"))
		answers = append(answers, v.Text())
	}
	return answers, r
}

func TestAnswersAreRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		between time.Duration
		name    string
		asked   int32
	}{
		"an answer":                    {"", 0, "www.example.com", 1},
		"for no longer than cache_ttl": {"    cache_ttl: 10ms\n", 20 * time.Millisecond, "www.example.com", 3},
		"not if the record says so":    {"", 0, "zero.example.com", 3},
		"a failure":                    {"", 0, "no.example.com", 1},
		"for negative_cache_ttl":       {"    negative_cache_ttl: 10ms\n", 20 * time.Millisecond, "no.example.com", 3},
		"failures not":                 {"    negative_cache_ttl: 0\n", 0, "no.example.com", 3},
		"only some":                    {"    cache_size: 1\n", 0, "www.example.com six.example.com", 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			var names []string
			for range 3 {
				names = append(names, strings.Fields(c.name)...)
			}
			_, r := through(t, s, c.options, c.between, names...)
			if s.asked.Load() != c.asked || storetest.Counter(r, "AddDnsLookup", "lookups") != int64(c.asked) || storetest.Counter(r, "AddDnsLookup", "cache_hits") != int64(len(names))-int64(c.asked) {
				t.Errorf("the server was asked %d times, want %d", s.asked.Load(), c.asked)
			}
		})
	}
}

func TestEqualLookupsAreOne(t *testing.T) {
	release := make(chan struct{})
	s := start(t, func(s *server, w dns.ResponseWriter, r *dns.Msg) bool {
		<-release
		s.answer(w, r)
		return true
	})
	var events []*event.Event
	for range 20 {
		events = append(events, actortest.Events("www.example.com")...)
	}
	go func() {
		for s.asked.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		close(release)
	}()
	out := actortest.Process(t, Spec, "source_field: data\npool_size: 20\ntimeout: 10\nnameservers: '"+s.addr+"'", events...)
	for _, e := range out {
		if actortest.JSON(e) != `{"data":"192.0.2.1"}` {
			t.Error(actortest.JSON(e))
		}
	}
	if s.asked.Load() != 1 {
		t.Errorf("asked %d times", s.asked.Load())
	}
}

func TestAsManyLookupsAsWorkersAreUnderWay(t *testing.T) {
	const workers = 8
	crowd := actortest.NewCrowd(workers)
	s := start(t, func(s *server, w dns.ResponseWriter, r *dns.Msg) bool {
		crowd.Join()
		m := new(dns.Msg)
		m.SetReply(r)
		rr, _ := dns.NewRR(r.Question[0].Name + " 60 IN A 10.0.0." + strings.TrimPrefix(strings.SplitN(r.Question[0].Name, ".", 2)[0], "h"))
		m.Answer = append(m.Answer, rr)
		w.WriteMsg(m)
		return true
	})
	var events []*event.Event
	for i := range 100 {
		events = append(events, actortest.Events(fmt.Sprintf("h%d.example.com", i))...)
	}
	out := actortest.Process(t, Spec, fmt.Sprintf("source_field: data\npool_size: %d\ntimeout: 20\nnameservers: '%s'", workers, s.addr), events...)
	for i, e := range out {
		if want := fmt.Sprintf(`{"data":"10.0.0.%d"}`, i); actortest.JSON(e) != want {
			t.Fatalf("got %s, want %s", actortest.JSON(e), want)
		}
	}
	if most := crowd.Most(); most != workers {
		t.Errorf("%d lookups at a time", most)
	}
}

func TestHostsFile(t *testing.T) {
	s := start(t, nil)
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte("# comment\n10.9.8.7 Parrot.example.com parrot # more\n2001:db8::99 parrot\nnonsense x\n10.1.1.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := "hosts_file: " + path + "\nsource_field: h\n"
	for name, c := range map[string]struct{ options, in, want string }{
		"a name":        {"", `{"h":"PARROT"}`, `{"h":"10.9.8.7"}`},
		"IPv6":          {"record_type: AAAA", `{"h":"parrot"}`, `{"h":"2001:db8::99"}`},
		"both":          {"record_type: ANY_IP\nreturn_all: True", `{"h":"parrot"}`, `{"h":["10.9.8.7","2001:db8::99"]}`},
		"an address":    {"action: reverse", `{"h":"10.9.8.7"}`, `{"h":"Parrot.example.com"}`},
		"from a server": {"", `{"h":"www.example.com"}`, `{"h":"192.0.2.1"}`},
	} {
		if got := look(t, s, with+c.options, c.in); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	h, err := openHosts(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("10.9.8.6 parrot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	h.looked = time.Now().Add(-time.Hour)
	if got := h.find(question{name: "parrot", types: recordTypes["A"]}, actor.Env{}); fmt.Sprint(got) != "[10.9.8.6]" {
		t.Errorf("after a change: %v", got)
	}
	if _, err := openHosts(filepath.Join(path, "no")); err == nil {
		t.Error("a file that is not there can be read")
	}
}

func TestTheServersOfTheSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 192.0.2.53\nnameserver ::1\nsearch example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	servers, names, err := system(path)
	if err != nil || fmt.Sprint(servers, names("www"), names("a.b")) != "[192.0.2.53:53 [::1]:53] [www.example.com. www.] [a.b. a.b.example.com.]" {
		t.Errorf("got %v %v %v", servers, names("www"), err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + "x"} {
		if _, _, err := system(p); err == nil || !strings.Contains(err.Error(), "set nameservers") {
			t.Errorf("got %v", err)
		}
	}
}

func TestASearchListIsTriedInOrder(t *testing.T) {
	s := start(t, nil)
	r, err := newResolver(actor.Env{}, Options{Action: resolve, RecordType: "A", Nameservers: servers{s.addr}, Timeout: time.Second, CacheSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	r.names = func(name string) []string { return []string{name + ".no.example.com", name + ".example.com", name} }
	if a, _ := r.search(t.Context(), question{name: "www", types: recordTypes["A"]}); fmt.Sprint(a.values, a.err) != "[192.0.2.1 192.0.2.2] <nil>" {
		t.Errorf("got %v", a)
	}
}

func TestNothingIsLookedUpInADryRun(t *testing.T) {
	out := actortest.StartDry(t, "- Lines\n- AddDnsLookup: {source_field: data}\n- TestCatch\n", Spec, actortest.Lines(closed("www.example.com"))).Finish()
	if len(out) != 1 || actortest.JSON(out[0]) != `{"data":"www.example.com"}` {
		t.Error("something was reached in a dry run")
	}
}

func closed(texts ...string) chan string {
	feed := make(chan string, len(texts))
	for _, s := range texts {
		feed <- s
	}
	close(feed)
	return feed
}

func TestAForcedEndDoesNotWait(t *testing.T) {
	s := start(t, mute)
	k := asker{servers: []string{s.addr}, timeout: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := k.race(ctx, "www.example.com.", dns.TypeA); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, Spec, map[string]string{
		"": "source_field", "source_field: a\naction: inverse": "resolve, reverse", "source_field: a\nnameservers: ns.example.com": "address of a name server", "source_field: a\nnameservers: ['1.2.3.4', 5]": "got integer 5",
		"source_field: a\nnameservers: '1.2.3.4:0'": "address", "source_field: a\nnameservers: {a: b}": "string or list", "source_field: a\ntimeout: 0": "at least 1ms", "source_field: a\nrecord_type: SOA": "A, AAAA, ANY_IP, TXT, MX", "source_field: a\ncache_size: 0": "at least 1",
	})
	for _, options := range []string{"source_field: a\nnameservers: null", "source_field: a\nnameservers: '::1'", "source_field: a\nnameservers: ['[::1]:5353', 10.0.0.1]\ntimeout: 0.5"} {
		if err := actortest.Options(t, Spec, options); err != nil {
			t.Error(err)
		}
	}
	if got := actortest.Warnings(t, Spec, "source_field: a\naction: reverse\nrecord_type: A"); len(got) != 1 {
		t.Errorf("warnings: %v", got)
	}
}

func FuzzAnswer(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("alias.example.com.", dns.TypeA)
	for _, text := range zone["alias.example.com. A"] {
		rr, _ := dns.NewRR(text)
		m.Answer = append(m.Answer, rr)
	}
	b, _ := m.Pack()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		for _, types := range recordTypes {
			for _, kind := range types {
				pick(m, "alias.example.com.", kind)
			}
		}
		pick(m, "alias.example.com.", dns.TypePTR)
	})
}

func BenchmarkEvent(b *testing.B) {
	s := start(b, nil)
	actortest.BenchEvents(b, Spec, "action: reverse\nsource_field: remote_ip\ntarget_field: remote_host\nnameservers: '"+s.addr+"'", "", nil, `{"remote_ip":"127.0.0.1"}`, `{"remote_ip":"192.0.2.1"}`)
}
