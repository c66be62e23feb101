package useragentparser_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
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
