package syslogprivalparser_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/parsers/syslogprivalparser"
)

func TestPriorities(t *testing.T) {
	one := func(options, in, want string) actortest.Case {
		return actortest.Case{Options: options, In: `{"syslog_prival": ` + in + `}`, Want: `{"syslog_facility":` + want + `,"syslog_prival":` + in + `}`}
	}
	with := func(c actortest.Case, severity string) actortest.Case {
		c.Want = c.Want[:len(c.Want)-1] + `,"syslog_severity":` + severity + `}`
		return c
	}
	actortest.Cases(t, syslogprivalparser.Spec, map[string]actortest.Case{
		"digits":       with(one("", `"13"`, `"user-level"`), `"Notice"`),
		"numbers":      with(one("map_values: False", `"13"`, `1`), `5`),
		"own names":    with(one("facility_mappings: {1: 'PetShopBolton'}\nseverity_mappings: {'5': 'DeadParrotException'}", `"13"`, `"PetShopBolton"`), `"DeadParrotException"`),
		"in brackets":  with(one("", `"<4>"`, `"kernel messages"`), `"Warning"`),
		"a number":     with(one("", `165`, `"local4"`), `"Notice"`),
		"the highest":  with(one("", `191`, `"local7"`), `"Debug"`),
		"beyond":       with(one("", `192`, `24`), `0`),
		"short names":  with(one("mapping_style: short", `27`, `"daemon"`), `"err"`),
		"not a number": {In: `{"syslog_prival": "spam"}`, Want: `{"syslog_prival":"spam"}`, Tags: "syslog_prival_parser_failure"},
		"negative":     {In: `{"syslog_prival": -1}`, Want: `{"syslog_prival":-1}`, Tags: "syslog_prival_parser_failure"},
		"missing":      {In: `{"x": 1}`, Want: `{"x":1}`},
	})
}

func TestHeaders(t *testing.T) {
	const options = "source_field: data\nparse_header: auto\ndelete_fields: [data]"
	actortest.Cases(t, syslogprivalparser.Spec, map[string]actortest.Case{
		"rfc 3164": {Options: options, In: `{"data": "<34>Oct 11 22:14:15 mymachine su[230]: 'su root' failed\n"}`,
			Want: `{"host":"mymachine","message":"'su root' failed","pid":"230","program":"su","syslog_facility":"security/authorization","syslog_prival":"34","syslog_severity":"Critical","syslog_timestamp":"Oct 11 22:14:15"}`},
		"rfc 5424": {Options: options, In: `{"data": "<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [a@1 b=\"\\\"]\"][c] \ufeffhi there"}`,
			Want: `{"host":"host","message":"hi there","msgid":"ID47","program":"evntslog","structured_data":"[a@1 b=\"\\\"]\"][c]","syslog_facility":"local4","syslog_prival":"165","syslog_severity":"Notice","syslog_timestamp":"2003-10-11T22:14:15.003Z"}`},
		"no header":  {Options: options, In: `{"data": "<13>hello world"}`, Want: `{"message":"hello world","syslog_facility":"user-level","syslog_prival":"13","syslog_severity":"Notice"}`},
		"no syslog":  {Options: "source_field: data\nparse_header: auto", In: `{"data": "hello"}`, Want: `{"data":"hello"}`, Tags: "syslog_prival_parser_failure"},
		"cut off":    {Options: "source_field: data\nparse_header: rfc5424", In: `{"data": "<165>1 2003 host"}`, Want: `{"data":"<165>1 2003 host"}`, Tags: "syslog_prival_parser_failure"},
		"open quote": {Options: "source_field: data\nparse_header: rfc5424", In: `{"data": "<165>1 - - - - - [a b=\"c"}`, Want: `{"data":"<165>1 - - - - - [a b=\"c"}`, Tags: "syslog_prival_parser_failure"},
	})
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"<34>Oct 11 22:14:15 m su[1]: x", "<1>1 - - - - - [a b=\"c\\", "<9>1 a b c d e -", "<>", "<1>x["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := actortest.Process(t, syslogprivalparser.Spec, "source_field: data\nparse_header: auto", actortest.Events(s)...)
		if len(out) != 1 || actortest.Meta(out[0], "error") != "" {
			t.Errorf("%q: %s", s, actortest.Meta(out[0], "error"))
		}
	})
}

func TestWrongMappingsAreRefused(t *testing.T) {
	actortest.Wrong(t, syslogprivalparser.Spec, map[string]string{"facility_mappings: {x: y}": "must be a number", "severity_mappings: {8: y}": "between 0 and 7", "severity_mappings: [1]": "must be map"})
}
