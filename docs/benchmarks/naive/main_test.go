package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestOneLineBecomesOneEvent(t *testing.T) {
	access := `192.168.2.20 - brian [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/?a=<b>&c HTTP/1.0" 200 3395`
	iptables := `<4>Mar 11 22:14:07 fw-01 kernel: iptables DROP : IN=eth0 OUT= SRC=203.0.113.50 DST=192.0.2.10 LEN=60 TTL=52 PROTO=TCP SPT=44321 DPT=22 WINDOW=29200`
	fields := map[string]any{
		"data": access, "remote_ip": "192.168.2.20", "identd": "-", "user": "brian", "datetime": "28/Jul/2006:10:27:10 -0300",
		"url": "GET /cgi-bin/try/?a=<b>&c HTTP/1.0", "http_status": "200", "bytes_send": "3395",
	}
	cases := map[string]struct {
		mode, line string
		want       map[string]any // nil for an event that is dropped
	}{
		"access line":    {"access", access, fields},
		"mixed access":   {"mixed", access, fields},
		"iptables line":  {"mixed", iptables, map[string]any{"data": iptables, "syslog_prival": "<4>", "log_timestamp": "Mar 11 22:14:07", "host": "fw-01", "iptables_action": "DROP", "iptables_in_int": "eth0", "iptables_out_int": "", "iptables_src": "203.0.113.50", "iptables_dst": "192.0.2.10", "iptables_len": "60", "iptables_proto": "TCP", "iptables_spt": "44321", "iptables_dpt": "22"}},
		"other line":     {"access", "ni", map[string]any{"data": "ni"}},
		"JSON document":  {"json", `{"a":[1,{"b":null}],"secret":"the airspeed"}`, map[string]any{"a": []any{1.0, map[string]any{"b": nil}}, "service": "web"}},
		"a large answer": {"json", `{"response":{"bytes":50000}}`, map[string]any{"response": map[string]any{"bytes": 50000.0}, "service": "web"}},
		"a small answer": {"json", `{"response":{"bytes":49999}}`, nil},
		"no document":    {"json", "ni", map[string]any{"data": "ni"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := run(c.mode, strings.NewReader(c.line+"\n"), &out); err != nil {
				t.Fatal(err)
			}
			if c.want == nil {
				if out.Len() > 0 {
					t.Errorf("got %s", out.String())
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v", got)
			}
			if strings.Contains(out.String(), `\u003c`) || strings.Count(out.String(), "\n") != 1 {
				t.Errorf("got %q", out.String())
			}
		})
	}
}

func TestThePatternsAreThoseOfTheConfigurations(t *testing.T) {
	for work, patterns := range map[string][]string{"access": {accessPattern}, "mixed": {accessPattern, commonPattern, iptablesPattern}} {
		conf, err := os.ReadFile("../ours/" + work + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range patterns {
			if !strings.Contains(string(conf), "'"+p+"'\n") {
				t.Errorf("%s.yml lacks %s, so the two programs do different work", work, p)
			}
		}
	}
}

func TestFilesAreReadAndWritten(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("spam\neggs\nspam\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := runFiles("access", in, out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(got), "\n"); n != 3 || strings.Index(string(got), "eggs") < strings.Index(string(got), "spam") {
		t.Errorf("%d lines: %s", n, got)
	}
}

// fullDisk takes nothing, deadParrot gives nothing.
type fullDisk struct{}

type deadParrot struct{}

var errFull, errDead = errors.New("not one wafer-thin byte more"), errors.New("bereft of life")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func (deadParrot) Read([]byte) (int, error) { return 0, errDead }

func TestFaultsEndTheProgram(t *testing.T) {
	many := strings.Repeat("spam\n", 10*queue)
	if err := run("access", strings.NewReader(many), fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("a full disk gave %v", err)
	}
	if err := run("access", deadParrot{}, io.Discard); !errors.Is(err, errDead) {
		t.Errorf("a broken input gave %v", err)
	}
	if err := run("spam", strings.NewReader(""), io.Discard); err == nil {
		t.Error("an unknown mode was accepted")
	}
}
