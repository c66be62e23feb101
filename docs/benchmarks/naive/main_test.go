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
	cases := map[string]struct {
		mode, line, eventType string
		want                  map[string]any
	}{
		"access line": {"access", access, "httpd_access_log", map[string]any{
			"data": access + "\n", "remote_ip": "192.168.2.20", "identd": "-", "user": "brian", "datetime": "28/Jul/2006:10:27:10 -0300",
			"url": "GET /cgi-bin/try/?a=<b>&c HTTP/1.0", "http_status": "200", "bytes_send": "3395"}},
		"other line":    {"access", "ni", "Unknown", map[string]any{"data": "ni\n"}},
		"JSON document": {"json", `{"a":[1,{"b":null}],"secret":"the airspeed"}`, "Unknown", map[string]any{"a": []any{1.0, map[string]any{"b": nil}}, "service": "web"}},
		"no document":   {"json", "ni", "Unknown", map[string]any{"data": "ni\n"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := run(c.mode, strings.NewReader(c.line+"\n"), &out); err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
				t.Fatal(err)
			}
			meta := got["gambolputty"].(map[string]any)
			delete(got, "gambolputty")
			if !reflect.DeepEqual(got, c.want) || meta["event_type"] != c.eventType || len(meta) != 6 {
				t.Errorf("got %v with %v", got, meta)
			}
			if strings.Contains(out.String(), `\u003c`) || strings.Count(out.String(), "\n") != 1 {
				t.Errorf("got %q", out.String())
			}
		})
	}
}

func TestThePatternIsThatOfTheConfiguration(t *testing.T) {
	conf, err := os.ReadFile("../access.yml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(conf), "'"+accessPattern+"'\n") {
		t.Error("access.yml runs another pattern, so the two programs do different work")
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
