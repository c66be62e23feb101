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

func TestWrongMappingsAreRefused(t *testing.T) {
	actortest.Wrong(t, syslogprivalparser.Spec, map[string]string{"facility_mappings: {x: y}": "must be a number", "severity_mappings: {8: y}": "between 0 and 7", "severity_mappings: [1]": "must be map"})
}
