package useragentparser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/useragentparser"
)

func TestAgentsAreRecognised(t *testing.T) {
	for agent, want := range map[string][]string{
		"Mozilla/5.0 (Linux; U; Android 2.3.5; en-in; HTC_DesireS_S510e Build/GRJ90) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1": {
			`"device":{"brand":"HTC","family":"HTC`, `"os":{"family":"Android","major":"2","minor":"3","patch":"5","patch_minor":null}`, `"user_agent":{"family":"Android","major":"2","minor":"3","patch":"5"}`, `"bot":false`, `"browser":{"name":"Android","version":"2.3.5"}`, `"device_type":"mobile"`},
		"Mozilla/5.0 (Windows NT 6.0; rv:33.0) Gecko/20100101 Firefox/33.0":        {`"family":"Firefox","major":"33"`, `"version":"33.0"`, `"device_type":"desktop"`},
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": {`"family":"Spider"`, `"family":"Googlebot"`, `"bot":true`, `"device_type":"bot"`},
		"-": {`"user_agent":{"family":"Other","major":null,"minor":null,"patch":null}`, `"bot":false`, `"browser":{"name":"Other","version":null}`},
		"":  {`"os":{"family":"Other"`},
	} {
		in := actortest.Event(t, `{"user_agent": "`+agent+`"}`)
		out := actortest.Process(t, useragentparser.Spec, "source_fields: user_agent\ndevice_type: True", in)
		for _, w := range want {
			if got := actortest.JSON(out[0]); !strings.Contains(got, w) {
				t.Errorf("%s: %s is missing in %s", agent, w, got)
			}
		}
	}
}

func TestResultsAreNotShared(t *testing.T) {
	a, b := actortest.Event(t, `{"user_agent": "x"}`), actortest.Event(t, `{"user_agent": "x"}`)
	out := actortest.Process(t, useragentparser.Spec, "source_fields: user_agent\nadd_fields: {user_agent_info.os.family: '$(gambolputty.event_id)'}", a, b)
	if actortest.JSON(out[0]) == actortest.JSON(out[1]) {
		t.Error("both events have the same family")
	}
}

func TestFields(t *testing.T) {
	const other = `"device":{"brand":null,"family":"Other","model":null},"os":{"family":"Other","major":null,"minor":null,"patch":null,"patch_minor":null},"user_agent":{"family":"Other","major":null,"minor":null,"patch":null}`
	actortest.Cases(t, useragentparser.Spec, map[string]actortest.Case{
		"the first that is not empty": {Options: "source_fields: [a, b]\ntarget_field: r\nlegacy_fields: False", In: `{"a": "", "b": "x"}`, Want: `{"a":"","b":"x","r":{` + other + `}}`},
		"hints":                       {Options: "source_fields: a\ntarget_field: r\nlegacy_fields: False\nhint_fields: [h]", In: `{"a": "-", "h": "\"Windows\""}`, Want: `{"a":"-","h":"\"Windows\"","r":{` + strings.Replace(other, `"os":{"family":"Other"`, `"os":{"family":"Windows"`, 1) + `}}`},
		"no text":                     {Options: "source_fields: a", In: `{"a": 5}`, Want: `{"a":5}`, Tags: "user_agent_parser_failure"},
		"missing":                     {Options: "source_fields: a", In: `{"b": 5}`, Want: `{"b":5}`},
	})
	actortest.Wrong(t, useragentparser.Spec, map[string]string{"": "source_fields", "source_fields: a\nregexes_file: /nowhere": "regexes_file"})
}

func TestHintsWinOverTheText(t *testing.T) {
	const options = "source_fields: a\nlegacy_fields: False\nhint_fields: [p, v, m, more]"
	in := []*event.Event{actortest.Event(t, `{"a": "x"}`), actortest.Event(t, `{"a": "x", "p": "\"Android\"", "v": "\"13\"", "m": "\"Pixel 7\"", "more": "y"}`), actortest.Event(t, `{"a": "x", "p": 5, "v": "\"\""}`)}
	out := actortest.Process(t, useragentparser.Spec, options, in...)
	for i, want := range [][3]string{{"Other", "None", "None"}, {"Android", "13", "Pixel 7"}, {"Other", "None", "None"}} {
		for k, path := range []string{"user_agent_info.os.family", "user_agent_info.os.major", "user_agent_info.device.model"} {
			if v, _ := out[i].Get(event.MustPath(path)); v.Text() != want[k] {
				t.Errorf("event %d: %s is %s, want %s", i, path, v.Text(), want[k])
			}
		}
	}
}

func rulesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "regexes.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRulesOfAFile(t *testing.T) {
	path := rulesFile(t, `user_agent_parsers:
  - regex: '^(Spam)()/'
    family_replacement: '$2'
  - regex: '(spam|ſausage)/(\d+)'
    regex_flag: 'i'
    family_replacement: 'The $1'
os_parsers:
  - regex: '.'
    os_replacement: 'Any'
    os_v1_replacement: '7'
device_parsers:
  - regex: '(b)(r)(m)'
    device_replacement: ' $1 '
    brand_replacement: '$2$$'
`)
	for text, want := range map[string]string{
		"SPAM/5":         `{"device":{"brand":null,"family":"Other","model":null},"os":{"family":"Any","major":"7","minor":null,"patch":null,"patch_minor":null},"user_agent":{"family":"The SPAM","major":"5","minor":null,"patch":null}}`,
		"ſpam/6":         `{"device":{"brand":null,"family":"Other","model":null},"os":{"family":"Any","major":"7","minor":null,"patch":null,"patch_minor":null},"user_agent":{"family":"The ſpam","major":"6","minor":null,"patch":null}}`,
		"Spam/brm":       `{"device":{"brand":"r$","family":"b","model":"b"},"os":{"family":"Any","major":"7","minor":null,"patch":null,"patch_minor":null},"user_agent":{"family":"Other","major":null,"minor":null,"patch":null}}`,
		"bacon and eggs": `{"device":{"brand":null,"family":"Other","model":null},"os":{"family":"Any","major":"7","minor":null,"patch":null,"patch_minor":null},"user_agent":{"family":"Other","major":null,"minor":null,"patch":null}}`,
	} {
		out := actortest.Process(t, useragentparser.Spec, "source_fields: data\ntarget_field: data\nlegacy_fields: False\nregexes_file: "+path, actortest.Events(text)...)
		if got := actortest.JSON(out[0]); got != `{"data":`+want+`}` {
			t.Errorf("%s is\n%s, want\n%s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"user_agent_parsers:\n  - regex: '('": "missing closing", "user_agent_parsers:\n  - regex: '(?=x)'": "invalid", "x: [": "cannot use", "user_agent_parsers: []": "no rules", "- a": "cannot use",
	} {
		actortest.Wrong(t, useragentparser.Spec, map[string]string{"source_fields: a\nregexes_file: " + rulesFile(t, text): want})
	}
}

func TestWorkersShareRulesAndResults(t *testing.T) {
	var batches [][]*event.Event
	for i := range 40 {
		batches = append(batches, actortest.Events(fmt.Sprintf("Mozilla/5.0 (Windows NT 6.0; rv:%d.0) Gecko/20100101 Firefox/%d.0", i%7, i%7), fmt.Sprintf("curl/7.%d.0", i%5)))
	}
	out := actortest.Batches(t, useragentparser.Spec, "source_fields: data\ntarget_field: r\npool_size: 4\nadd_fields: {'r.os.family': '$(r.user_agent.family)'}", batches...)
	for i, e := range out {
		want := [...]string{"Firefox", "curl"}[i%2]
		if v, _ := e.Get(event.MustPath("r.os.family")); v.Str() != want {
			t.Errorf("event %d is of %s", i, v.Str())
		}
	}
	if len(out) != 80 {
		t.Errorf("there are %d events", len(out))
	}
}

func TestLongTextsAreCut(t *testing.T) {
	out := actortest.Process(t, useragentparser.Spec, "source_fields: data\ntarget_field: r\nmax_length: 10", actortest.Events(strings.Repeat(" ", 20)+"Firefox/33.0")...)
	if v, _ := out[0].Get(event.MustPath("r.user_agent.family")); v.Str() != "Other" {
		t.Errorf("it is %s", v.Str())
	}
	actortest.Survive(t, useragentparser.Spec, "user_agent")
}

func BenchmarkRemembered(b *testing.B) {
	var agents []string
	for i := range 500 {
		agents = append(agents, fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", i))
	}
	actortest.Bench(b, useragentparser.Spec, "source_fields: data\ntarget_field: ua", agents...)
}
