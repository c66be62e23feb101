package graphitesink_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/tlsopt/tlstest"
	"gambolputty/stages/internal/wire/wiretest"
	"gambolputty/stages/outputs/graphitesink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// split is host and port as the options have them.
func split(t testing.TB, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return "server: " + host + "\nport: " + port + "\n"
}

var times = regexp.MustCompile(`(?m) (\d+)$`)

// GRAPH-1, GRAPH-2, GRAPH-3.
func TestLines(t *testing.T) {
	for name, c := range map[string]struct{ options, in, want string }{
		"the reference's example": {
			"filter: if $(field_name) == \"http_status\"\nformats: ['web.status_200_$(interval)s $(field_counts.200)', 'web.status_400_$(interval)s $(field_counts.400)', 'web.all_$(interval)s $(total_count)']",
			`{"field_name":"http_status","interval":10,"total_count":7,"field_counts":{"200":7}}`,
			"web.status_200_10s 7 T\nweb.all_10s 7 T\n",
		},
		"numbers":                    {"formats: ['a $(i)', 'b $(f)', 'c $(s)', 'd $(big)', 'e -1e3']", `{"i":-5,"f":2.5,"s":"0.25","big":123456789012345678901234567890}`, "a -5 T\nb 2.5 T\nc 0.25 T\nd 123456789012345678901234567890 T\ne -1e3 T\n"},
		"truth":                      {"formats: ['a $(t)', 'b $(f)', 'c $(s)']", `{"t":true,"f":false,"s":"true"}`, "a 1 T\nb 0 T\nc 1 T\n"},
		"no numbers":                 {"formats: ['a $(a)', 'b $(b)', 'c $(c)', 'd $(d)', 'e $(e)', 'f $(f)', 'g 1']", `{"a":"inf","b":"NaN","c":"spam","d":"","e":null,"f":[1]}`, "g 1 T\n"},
		"two values in a field":      {"formats: ['a $(a)', 'b 1']", `{"a":"1 2"}`, "b 1 T\n"},
		"blanks in the path":         {"formats: ['$(host).x 1']", `{"host":"web 1\n\t\u0000\u00a0\u2028.spam"}`, "web_1_____.spam.x 1 T\n"},
		"dots in fields":             {"escape_dots: True\nformats: ['a.$(host).x 0.5']", `{"host":"web1.spam org"}`, "a.web1_spam_org.x 0.5 T\n"},
		"a missing field in a path":  {"formats: ['$(nope).x 1', '$(nope:-none).x 1']", `{"data":"x"}`, "none.x 1 T\n"},
		"bytes that are no text":     {"formats: ['$(host).x 1']", "{\"host\":\"a\xffb\"}", "a_b.x 1 T\n"},
		"two blanks":                 {"formats: ['a   $(v) ']", `{"v":1}`, "a 1 T\n"},
		"a prefix":                   {"prefix: servers.$(host)\nformats: ['a 1']", `{"host":"w 1"}`, "servers.w_1.a 1 T\n"},
		"a prefix with a dot":        {"prefix: servers.\nformats: ['a 1']", `{}`, "servers.a 1 T\n"},
		"a prefix without its field": {"prefix: $(nope)\nformats: ['a 1']", `{}`, ""},
		"tags":                       {"tags: {host: $(host), dc: fra, rack: $(nope), empty: '', n: 5}\nformats: ['a 1']", `{"host":"~w 1;x"}`, "a;host=_w_1_x;dc=fra;n=5 1 T\n"},
		"the time in a field":        {"timestamp_field: at\nformats: ['a 1']", `{"at":"2015-06-17T10:00:00Z"}`, "a 1 1434535200\n"},
		"seconds in a field":         {"timestamp_field: at\nformats: ['a 1']", `{"at":1434535200.9}`, "a 1 1434535200\n"},
		"a time that is none":        {"timestamp_field: at\nformats: ['a 1']", `{"at":"spam"}`, "a 1 T\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wiretest.Listen(t, nil)
			before := time.Now().Unix()
			actortest.Sink(t, graphitesink.Spec, split(t, p.Addr())+c.options, actortest.Event(t, c.in))
			got := times.ReplaceAllStringFunc(p.Text(), func(s string) string {
				if n, err := strconv.ParseInt(s[1:], 10, 64); err == nil && n >= before && n <= time.Now().Unix() {
					return " T"
				}
				return s
			})
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestEntriesThatAreNoMetricsAreNamedOnce(t *testing.T) {
	p := wiretest.Listen(t, nil)
	r := actortest.Start(t, "- Numbers\n- GraphiteSink:\n    formats: ['$(n)', 'a b 1', 'n.$(n) 1']\n    "+strings.ReplaceAll(split(t, p.Addr()), "\n", "\n    ")+"\n", graphitesink.Spec, actortest.Numbers(100))
	r.Finish()
	if n := strings.Count(r.Log(), "entry of formats is skipped"); n != 2 {
		t.Errorf("%d lines\n%s", n, r.Log())
	}
	m := r.Status("GraphiteSink").Meter
	if m.Own("skipped").Load() != 200 || m.Own("metrics").Load() != 100 || m.Own("delivered").Load() != 100 {
		t.Errorf("%d skipped, %d metrics", m.Own("skipped").Load(), m.Own("metrics").Load())
	}
}

// GRAPH-4, GRAPH-5: a batch whose connection ends is sent again with the same times.
func TestTheBatchIsSentAgain(t *testing.T) {
	p := wiretest.Listen(t, nil)
	feed := make(chan string)
	text := "- Lines\n- GraphiteSink:\n    retry_max_interval_in_secs: 0.01\n    formats: ['x.$(data) 1', 'y.$(data) 2']\n    " + strings.ReplaceAll(split(t, p.Addr()), "\n", "\n    ") + "\n"
	r := actortest.Start(t, text, graphitesink.Spec, actortest.Lines(feed))
	feed <- "a"
	actortest.Until(t, "it came", func() bool { return strings.Count(p.Text(), "\n") == 2 })
	p.Close()
	feed <- "b"
	actortest.Until(t, "it failed", func() bool { return strings.Contains(r.Log(), "target failed") })
	again := p.Again()
	actortest.Until(t, "it came again", func() bool { return strings.Contains(again.Text(), "x.b 1") && strings.Contains(again.Text(), "y.b 2") })
	close(feed)
	r.Finish()
}

func TestOneWriteForAllThatWaits(t *testing.T) {
	p := wiretest.Listen(t, nil)
	r := actortest.Start(t, "- Numbers\n- GraphiteSink:\n    batch_size: 1000\n    backlog_size: 4000\n    formats: ['n.$(n) $(n)', 'm.$(n) $(n)']\n    "+strings.ReplaceAll(split(t, p.Addr()), "\n", "\n    ")+"\n", graphitesink.Spec, actortest.Numbers(5000))
	r.Finish()
	lines := strings.Split(p.Text(), "\n")
	if len(lines) != 10001 || len(p.Connections()) != 1 {
		t.Fatalf("%d lines over %d connections", len(lines), len(p.Connections()))
	}
	for i := range 5000 {
		if !strings.HasPrefix(lines[2*i], fmt.Sprintf("n.%d %d ", i, i)) || !strings.HasPrefix(lines[2*i+1], fmt.Sprintf("m.%d %d ", i, i)) {
			t.Fatalf("event %d is %q and %q", i, lines[2*i], lines[2*i+1])
		}
	}
}

func TestPacketsAreFilled(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var events []*event.Event
	for i := range 200 {
		events = append(events, actortest.Event(t, fmt.Sprintf(`{"n":%d}`, i)))
	}
	events = append(events, actortest.Event(t, `{"n":"`+strings.Repeat("x", 70_000)+`"}`), actortest.Event(t, `{"n":200}`))
	actortest.Sink(t, graphitesink.Spec, split(t, c.LocalAddr().String())+"proto: udp\nbatch_size: 500\nbacklog_size: 500\nformats: ['some.path.n.$(n) 1']", events...)
	var all string
	packets := 0
	buf := make([]byte, 2000)
	for !strings.Contains(all, "n.200 ") {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n > 1400 || buf[n-1] != '\n' {
			t.Errorf("a packet of %d bytes", n)
		}
		all += string(buf[:n])
		packets++
	}
	if n := strings.Count(all, "\n"); n != 201 || packets > 10 {
		t.Errorf("%d lines in %d packets", n, packets)
	}
}

// unpickle reads what carbon's pickle receiver gets, as far as protocol 2 is used for it.
func unpickle(t *testing.T, b []byte) (list []string) {
	t.Helper()
	for len(b) > 0 {
		n := int(binary.BigEndian.Uint32(b))
		m := b[4 : 4+n]
		b = b[4+n:]
		if string(m[:4]) != "\x80\x02](" || string(m[n-2:]) != "e." {
			t.Fatalf("message %q", m)
		}
		for m = m[4 : n-2]; len(m) > 0; {
			size := int(binary.LittleEndian.Uint32(m[1:]))
			path, rest := string(m[5:5+size]), m[5+size:]
			at, value := binary.LittleEndian.Uint64(rest[2:]), math.Float64frombits(binary.BigEndian.Uint64(rest[11:]))
			list = append(list, fmt.Sprintf("%s %v %d", path, value, at))
			m = rest[21:]
		}
	}
	return list
}

func TestPickle(t *testing.T) {
	p := wiretest.Listen(t, nil)
	var events []*event.Event
	for i := range 1200 {
		events = append(events, actortest.Event(t, fmt.Sprintf(`{"n":%d,"at":1434535200}`, i)))
	}
	actortest.Sink(t, graphitesink.Spec, split(t, p.Addr())+"pickle: True\ntimestamp_field: at\nbatch_size: 2000\nbacklog_size: 2000\nformats: ['n.$(n) $(n).5']", events...)
	got := unpickle(t, []byte(p.Text()))
	if len(got) != 1200 || got[0] != "n.0 0.5 1434535200" || got[1199] != "n.1199 1199.5 1434535200" {
		t.Errorf("%d metrics: %.100q", len(got), got)
	}
	if python, err := exec.LookPath("python3"); err == nil { // an independent reader, where there is one
		cmd := exec.Command(python, "-c", "import sys,pickle,struct; b=sys.stdin.buffer.read(); n=struct.unpack('!L',b[:4])[0]; print(len(pickle.loads(b[4:4+n])), pickle.loads(b[4:4+n])[0])")
		cmd.Stdin = strings.NewReader(p.Text())
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "500 ('n.0', (1434535200, 0.5))\n" {
			t.Errorf("%s %v", out, err)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key := tlstest.New(t).Files()
	p := wiretest.ListenTLS(t, cert, key, nil)
	actortest.Sink(t, graphitesink.Spec, split(t, p.Addr())+"tls: True\ncacert: "+cert+"\nformats: ['a 1']", actortest.Event(t, `{}`))
	if !strings.HasPrefix(p.Text(), "a 1 ") {
		t.Errorf("got %q", p.Text())
	}
}

func TestOptions(t *testing.T) {
	actortest.Wrong(t, graphitesink.Spec, map[string]string{
		"server: x":                                  "formats",
		"formats: 'a 1'":                             "list",
		"formats: []":                                "at least one",
		"formats: [5]":                               "string",
		"formats: ['a $(b']":                         "not closed",
		"formats: ['a 1']\nserver: host:2003":        "an option of its own",
		"formats: ['a 1']\nport: 0":                  "between 1",
		"formats: ['a 1']\npickle: True\nproto: udp": "pickle",
		"formats: ['a 1']\ntls: True\nproto: udp":    "tls",
		"formats: ['a 1']\ntags: {'a b': x}":         "name of a tag",
		"formats: ['a 1']\ntags: {a: [x]}":           "string",
		"formats: ['a 1']\ntags: {a: $(x}":           "not closed",
		"formats: ['a 1']\ntags: [a]":                "map",
		"formats: ['a 1']\nreject_action: file":      "reject_file",
		"formats: ['a 1']\ncert: /nonexistent":       "key",
	})
	err := actortest.Start(t, "- Numbers\n- GraphiteSink: {server: '127.0.0.1', pickle: True, formats: ['a 1'], start_timeout_in_secs: 0.01}\n", graphitesink.Spec, actortest.Numbers(1)).Err()
	if err == nil || !strings.Contains(err.Error(), ":2004") {
		t.Errorf("the port of pickle: %v", err)
	}
}

func BenchmarkEvents(b *testing.B) {
	for name, options := range map[string]string{"lines": "", "pickle": "\npickle: True"} {
		b.Run(name, func(b *testing.B) {
			p := wiretest.Listen(b, func(_ int, c net.Conn, _ io.Writer) { io.Copy(io.Discard, c) })
			actortest.BenchEvents(b, graphitesink.Spec, split(b, p.Addr())+"batch_size: 1000\nbacklog_size: 5000\nformats: ['web.status_200_$(interval)s $(counts.200)', 'web.all_$(interval)s $(total)']"+options, "", nil, `{"interval":10,"total":7,"counts":{"200":7}}`)
		})
	}
}
