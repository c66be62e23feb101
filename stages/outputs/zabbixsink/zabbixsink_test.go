package zabbixsink_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/stages/outputs/zabbixsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers requests of the sender protocol.
type server struct {
	net.Listener
	t       *testing.T
	answers []string // of the first requests; a success is the answer to the others

	mu       sync.Mutex
	requests []request
	all      sync.WaitGroup
}

type request struct {
	Request string
	Data    []value
	Clock   int64
}

type value struct {
	Host, Key, Value string
	Clock            int64
}

func serve(t *testing.T, answers ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, t: t, answers: answers}
	s.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.one(c)
		}
	})
	t.Cleanup(func() { l.Close(); s.all.Wait() })
	return s
}

func frame(text string) []byte {
	return append(binary.LittleEndian.AppendUint64([]byte("ZBXD\x01"), uint64(len(text))), text...)
}

func (s *server) one(c net.Conn) {
	defer c.Close()
	head := make([]byte, 13)
	if _, err := io.ReadFull(c, head); err != nil {
		return // the next one
	}
	body := make([]byte, binary.LittleEndian.Uint64(head[5:]))
	if _, err := io.ReadFull(c, body); err != nil || !bytes.HasPrefix(head, []byte("ZBXD\x01")) {
		s.t.Errorf("%q: %v", head, err)
		return
	}
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	answer := string(frame(fmt.Sprintf(`{"response":"success","info":"processed: %d; failed: 0; total: %[1]d; seconds spent: 0.000055"}`, len(r.Data))))
	if len(s.answers) > 0 {
		answer, s.answers = s.answers[0], s.answers[1:]
	}
	io.WriteString(c, answer)
}

func TestFieldsBecomeValuesOfItems(t *testing.T) {
	s := serve(t)
	actortest.Sink(t, zabbixsink.Spec, "hostname: web-$(n)-%Y\nfields: [a.b, c, missing]\nserver: "+s.Addr().String(),
		actortest.Event(t, `{"n":1,"a":{"b":1.5},"c":"say \"x\"","timestamp":1434535200.9}`), actortest.Event(t, `{"n":2,"c":true,"timestamp":"1434535201"}`), actortest.Event(t, `{"n":3}`))
	year := time.Now().UTC().Format("2006")
	want := []value{{"web-1-" + year, "gambolputty_a.b", "1.5", 1434535200}, {"web-1-" + year, "gambolputty_c", `say "x"`, 1434535200}, {"web-2-" + year, "gambolputty_c", "True", 1434535201}}
	if len(s.requests) != 1 || s.requests[0].Request != "sender data" || s.requests[0].Clock == 0 || !reflect.DeepEqual(s.requests[0].Data, want) {
		t.Errorf("got %+v", s.requests)
	}
}

func TestWithoutATimeItIsNow(t *testing.T) {
	s := serve(t)
	before := time.Now().Unix()
	actortest.Sink(t, zabbixsink.Spec, "hostname: h\nfields: c\nfield_prefix: ''\nserver: "+s.Addr().String(), actortest.Event(t, `{"c":1}`), actortest.Event(t, `{"c":2,"timestamp":"soon"}`))
	for _, v := range s.requests[0].Data {
		if v.Clock < before || v.Clock > time.Now().Unix() || v.Key != "c" {
			t.Errorf("%+v", v)
		}
	}
}

func TestWhatTheServerDoesNotTakeIsToldAndDelivered(t *testing.T) {
	s := serve(t, string(frame(`{"response":"success","info":"processed: 0; failed: 1; total: 1; seconds spent: 0.1"}`)))
	r := start(t, "hostname: h\nfields: data\nserver: "+s.Addr().String())
	r.Finish()
	if len(s.requests) != 1 || !strings.Contains(r.Log(), "failed=1 processed=0") {
		t.Errorf("%d requests\n%s", len(s.requests), r.Log())
	}
}

// start runs the module behind an input with one line.
func start(t *testing.T, options string) *actortest.Running {
	t.Helper()
	feed := make(chan string, 1)
	feed <- "5"
	close(feed)
	return actortest.Start(t, "- Lines\n- ZabbixSink:\n    "+strings.ReplaceAll(options+"\nretry_max_interval_in_secs: 0.001", "\n", "\n    ")+"\n", zabbixsink.Spec, actortest.Lines(feed))
}

func TestAServerThatFailsIsAskedAgain(t *testing.T) {
	for name, bad := range map[string]string{
		"nothing": "", "garbage": "HTTP/1.1 400 Bad Request\r\n\r\n", "cut off": "ZBXD\x01\x05\x00", "no JSON": string(frame("spam")), "a refusal": string(frame(`{"response":"failed","info":"no"}`)),
		"too long": "ZBXD\x01\xff\xff\xff\xff\xff\xff\xff\xff", "no numbers": string(frame(`{"response":"success","info":"all well"}`)),
	} {
		s := serve(t, bad)
		r := start(t, "hostname: h\nfields: data\nserver: "+s.Addr().String())
		r.Finish()
		if len(s.requests) != 2 || !strings.Contains(r.Log(), "target works again") {
			t.Errorf("%s: %d requests\n%s", name, len(s.requests), r.Log())
		}
	}
}

func TestAnEventWithoutItsHostIsRejected(t *testing.T) {
	s := serve(t)
	file := filepath.Join(t.TempDir(), "rejected")
	actortest.Sink(t, zabbixsink.Spec, "hostname: $(host)\nfields: data\nreject_action: file\nreject_file: "+file+"\nserver: "+s.Addr().String(), actortest.Event(t, `{"data":"lost"}`), actortest.Event(t, `{"data":"1","host":"h"}`))
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "lost") || len(s.requests[0].Data) != 1 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestTheServerOfTheAgent(t *testing.T) {
	s := serve(t)
	conf := filepath.Join(t.TempDir(), "agent.conf")
	for _, text := range []string{
		"# ServerActive=1.2.3.4\nServer=1.2.3.4\nServerActive=" + s.Addr().String() + ",other\n",
		"Server = " + s.Addr().String() + "\n", "ServerActive=" + s.Addr().String() + ";second:10051\n",
	} {
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		actortest.Sink(t, zabbixsink.Spec, "hostname: h\nfields: data\nagent_conf: "+conf, actortest.Event(t, `{"data":"1"}`))
	}
	if len(s.requests) != 3 {
		t.Errorf("%d requests", len(s.requests))
	}
	if err := os.WriteFile(conf, []byte("Hostname=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(t, "hostname: h\nfields: data\nagent_conf: "+conf).Err(); err == nil || !strings.Contains(err.Error(), "neither ServerActive nor Server") {
		t.Error(err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, zabbixsink.Spec, map[string]string{
		"fields: a\nserver: s":                        "hostname",
		"hostname: h\nserver: s":                      "fields",
		"hostname: h\nserver: s\nfields: []":          "at least one field",
		"hostname: h\nfields: a\nagent_conf: False":   "agent_conf is False",
		"hostname: h\nfields: a\nserver: 'a:b:c'":     "must be host or host:port",
		"hostname: h\nfields: a\nserver: 5":           "must be string",
		"hostname: h\nfields: a\nagent_conf: [x]":     "boolean or string",
		"hostname: h\nfields: a\nserver: s\nkey: /no": "cert",
	})
	for _, good := range []string{"server: s", "server: 's:1'", "server: '::1'", "server: False\nagent_conf: True"} {
		if err := actortest.Options(t, zabbixsink.Spec, "hostname: h\nfields: a\n"+good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
