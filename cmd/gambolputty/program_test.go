package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/viper"

	"gambolputty/cmd/gambolputty/internal/logging"
	"gambolputty/config"
)

func TestLevelsOfARunningProgram(t *testing.T) {
	var out bytes.Buffer
	a := &app{streams: streams{strings.NewReader(""), io.Discard, &out}, settings: viper.New()}
	l, err := a.openLog(config.Logging{Format: "%(message)s"})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{app: a, logs: l}
	log := l.module("a", nil)
	log.Debug("too quiet")
	if err := p.SetLevel("a", "debug", time.Minute); err != nil {
		t.Fatal(err)
	}
	log.Debug("now it is heard")
	l.module("b", nil).Debug("others are not")
	if err := p.SetLevel("a", "", 0); err != nil {
		t.Fatal(err)
	}
	log.Debug("too quiet again")
	if got := out.String(); got != "now it is heard\n" {
		t.Error(got)
	}
	if lines := l.book.Lines(); len(lines) != 1 || lines[0].Module != "a" || lines[0].Text != "now it is heard" {
		t.Errorf("%+v", lines)
	}
	if err := p.SetLevel("a", "loud", time.Minute); err == nil || !strings.Contains(err.Error(), `"loud"`) {
		t.Error(err)
	}
}

func TestARehearsalTellsWhatIsWrong(t *testing.T) {
	p := &program{app: &app{}, logs: &logs{levels: new(logging.Levels)}}
	if _, err := p.Rehearse(t.Context(), p.Loader(), "- StdIm\n", nil); err == nil || !strings.Contains(err.Error(), "E011") {
		t.Error(err)
	}
	for module, want := range map[string]string{
		"HttpRequest: {url: 'http://127.0.0.1/'}":                     "HttpRequest uses web servers",
		"AddDnsLookup: {source_field: data}":                          "AddDnsLookup uses name servers",
		"ExecPython: {source: 'pass', interpreter: /usr/bin/python3}": "ExecPython uses a real Python",
	} {
		if _, err := p.Rehearse(t.Context(), p.Loader(), "- StdIn\n- "+module+"\n- StdOutSink\n", []string{"x"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", module, err)
		}
	}
	steps, err := p.Rehearse(t.Context(), p.Loader(), "- StdIn\n- Noop:\n    id: n\n    add_fields: {a: 'x'}\n- StdOutSink\n", []string{"one", `{"data": "two"}`})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, s := range steps {
		seen = append(seen, s.Module+">"+s.Receiver)
	}
	if got := strings.Join(seen, " "); len(steps) != 6 || !strings.HasPrefix(got, "StdIn>n StdIn>n ") || !strings.Contains(string(steps[5].Event), `"a":"x"`) {
		t.Errorf("%s\n%s", got, steps[5].Event)
	}
}
