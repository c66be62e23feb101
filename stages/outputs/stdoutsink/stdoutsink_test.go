package stdoutsink_test

import (
	"bytes"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/outputs/devnullsink"
	"gambolputty/stages/outputs/stdoutsink"
)

// printing makes the module write to w.
func printing(w *stdoutsink.Writer) actor.Spec {
	s := stdoutsink.Spec
	defaults := s.Options
	s.Options = func() any {
		o := defaults().(*stdoutsink.Options)
		o.StdOut = w
		return o
	}
	return s
}

func output(t *testing.T, options string, events ...*event.Event) string {
	t.Helper()
	var b bytes.Buffer
	actortest.Sink(t, printing(&stdoutsink.Writer{W: &b}), options, events...)
	return b.String()
}

func TestLayouts(t *testing.T) {
	const in = `{"b": [1, "it's"], "a": {"x": null, "y": true}}`
	for options, want := range map[string]string{
		"format: '$(b.0)-$(a)'":                             "1-{\"x\":null,\"y\":true}\n",
		"fields: [a]":                                       "{'a': {'x': None, 'y': True}}\n",
		"fields: [a, zz]\npretty_print: False":              "{\"a\":{\"x\":null,\"y\":true}}\n",
		"fields: [a]\npretty_format: json":                  "{\n  \"a\": {\n    \"x\": null,\n    \"y\": true\n  }\n}\n",
		"fields: [b]\npretty_format: yaml":                  "---\nb:\n    - 1\n    - it's\n",
		"fields: [b]\ncolor: True":                          "\x1b[36m{'b': [1, \"it's\"]}\x1b[0m\n",
		"delete_fields: [gambolputty]\npretty_print: False": "{\"a\":{\"x\":null,\"y\":true},\"b\":[1,\"it's\"]}\n",
	} {
		if got := output(t, options, actortest.Event(t, in)); got != want {
			t.Errorf("%s gives %q, want %q", options, got, want)
		}
	}
	if got := output(t, "format: $(data)", actortest.Events("line\n")...); got != "line\n" {
		t.Errorf("a line got a second end: %q", got)
	}
}

func TestPrettyPrintIsThatOfTheREADME(t *testing.T) {
	e := actortest.Event(t, `{"data": "a line of text that is long enough to need the multi-line form", "fields": ["one", "two", "three"], "http_status": "200"}`)
	got := output(t, "", e)
	got = regexp.MustCompile(`'(event_id|received_by)': '[^']*'`).ReplaceAllString(got, "'$1': 'X'")
	got = regexp.MustCompile(`'pid': \d+`).ReplaceAllString(got, "'pid': 4711")
	want := `{   'data': 'a line of text that is long enough to need the multi-line form',
    'fields': ['one', 'two', 'three'],
    'gambolputty': {   'event_id': 'X',
                       'event_type': 'Unknown',
                       'pid': 4711,
                       'received_by': 'X',
                       'received_from': '',
                       'source_module': 'StdIn'},
    'http_status': '200'}
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestStringsAreLiteralsOfPython(t *testing.T) {
	e := actortest.Event(t, `{"a": "tab\t quote' \"both\\ \u0001 ü"}`)
	if err := e.Set(event.MustPath("b"), event.String("\xff")); err != nil {
		t.Fatal(err)
	}
	if got, want := output(t, "fields: [a, b]", e), `{'a': 'tab\t quote\' "both\\ \x01 ü', 'b': '\xff'}`+"\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// closed is a pipe that nobody reads any more.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestAClosedPipeEndsTheProgram(t *testing.T) {
	s := printing(&stdoutsink.Writer{W: closed{}})
	r := actortest.Start(t, "- Numbers\n- StdOutSink\n", s, actortest.Numbers(10))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), actor.ErrQuit.Error()) {
		t.Errorf("as the only output: %v", err)
	}
	r = actortest.Start(t, "- Numbers:\n    receivers: [StdOutSink, DevNullSink]\n- StdOutSink\n- DevNullSink\n", s, devnullsink.Spec, actortest.Numbers(10))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "StdOutSink: nobody reads") {
		t.Errorf("as one of two: %v", err)
	}
}
