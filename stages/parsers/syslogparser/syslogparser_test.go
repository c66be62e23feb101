package syslogparser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/syslogparser"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a case of a line whose source is not kept; times are in UTC and in 2003 unless the
// options say otherwise.
func line(options, in, want string) actortest.Case {
	if !strings.Contains(options, "keep_original") {
		options += "\nkeep_original: False"
	}
	if !strings.Contains(options, "timezone") {
		options += "\ntimezone: UTC"
	}
	if !strings.Contains(options, "year") {
		options += "\nyear: 2003"
	}
	return actortest.Case{Options: strings.TrimSpace(options), In: fmt.Sprintf(`{"data": %s}`, event.AppendJSONString(nil, in)), Want: want}
}

const pri13 = `"syslog_facility":"user-level","syslog_prival":13,"syslog_severity":"Notice"`

func TestLinesBecomeFields(t *testing.T) {
	actortest.Cases(t, syslogparser.Spec, map[string]actortest.Case{
		"rfc 5424": line("", "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed",
			`{"host":"mymachine.example.com","message":"'su root' failed","msgid":"ID47","program":"su","syslog_facility":"security/authorization","syslog_prival":34,"syslog_severity":"Critical","syslog_version":1,"timestamp":"2003-10-11T22:14:15.003000Z"}`),
		"rfc 3164": line("", "<13>Oct 11 22:14:15 web01 nginx[812]: ok", `{"host":"web01","message":"ok","pid":"812","program":"nginx",`+pri13+`,"timestamp":"2003-10-11T22:14:15.000000Z"}`),
		"structured data": line("", `<13>1 - - - - - [a@1 b="c\"d" e=""][f] x`,
			`{"message":"x","structured_data":{"a@1":{"b":"c\"d","e":""},"f":{}},`+pri13+`,"syslog_version":1}`),
		"repeated parameters":    line("", `<13>1 - - - - - [ip a="1" a="2" a="3"][ip b="4"]`, `{"structured_data":{"ip":{"a":["1","2","3"],"b":"4"}},`+pri13+`,"syslog_version":1}`),
		"nil values":             line("", "<13>1 - - - - - -", `{`+pri13+`,"syslog_version":1}`),
		"numbers":                line("map_prival: False", "<165>x", `{"message":"x","syslog_facility":20,"syslog_prival":165,"syslog_severity":5}`),
		"no priority":            line("", "Oct 11 22:14:15 h p: x", `{"host":"h","message":"x","program":"p","timestamp":"2003-10-11T22:14:15.000000Z"}`),
		"left over from framing": line("", "24 <13>Oct 11 22:14:15 h p: x\r\n\x00", `{"host":"h","message":"x","program":"p",`+pri13+`,"timestamp":"2003-10-11T22:14:15.000000Z"}`),
		"cisco":                  line("", "<189>29: sw1: *Mar  1 18:46:11.123 CET: %LINK-3-UPDOWN: Interface", `{"host":"sw1","message":"Interface","program":"%LINK-3-UPDOWN","syslog_facility":"local7","syslog_prival":189,"syslog_severity":"Notice","timestamp":"2003-03-01T18:46:11.123000Z"}`),
		"cisco without anything": line("", "%ASA-6-302013: Built", `{"message":"Built","program":"%ASA-6-302013"}`),
		"lowest":                 line("", "<0>x", `{"message":"x","syslog_facility":"kernel messages","syslog_prival":0,"syslog_severity":"Emergency"}`),
		"highest":                line("", "<191>x", `{"message":"x","syslog_facility":"local7","syslog_prival":191,"syslog_severity":"Debug"}`),
	})
}

func TestTimesAreISO8601(t *testing.T) {
	one := func(options, stamp, want string) actortest.Case {
		return line(options, stamp+" h p: x", `{"host":"h","message":"x","program":"p","timestamp":"`+want+`"}`)
	}
	actortest.Cases(t, syslogparser.Spec, map[string]actortest.Case{
		"zone of the option": one("timezone: Europe/Berlin", "Jul 11 22:14:15", "2003-07-11T22:14:15.000000+02:00"),
		"in winter":          one("timezone: Europe/Berlin", "Jan 11 22:14:15", "2003-01-11T22:14:15.000000+01:00"),
		"west":               one("timezone: America/St_Johns", "Jan 11 22:14:15", "2003-01-11T22:14:15.000000-03:30"),
		"zone of the line":   one("timezone: Europe/Berlin", "2015-06-01T12:00:00.123456789-07:00", "2015-06-01T12:00:00.123456-07:00"),
		"a line in UTC":      one("timezone: Europe/Berlin", "2015-06-01T12:00:00+00:00", "2015-06-01T12:00:00.000000Z"),
		"iso without a zone": one("timezone: Europe/Berlin", "2015-06-01 12:00:00", "2015-06-01T12:00:00.000000+02:00"),
		"year of the line":   one("", "Oct 11 2015 22:14:15", "2015-10-11T22:14:15.000000Z"),
	})
	now := time.Now().UTC().Truncate(time.Second)
	c := one("", now.Format("Jan _2 15:04:05"), now.Format("2006-01-02T15:04:05.000000Z"))
	c.Options = "timezone: UTC\nkeep_original: False"
	yesterday := now.Add(-24 * time.Hour)
	d := one("", yesterday.Format("Jan _2 15:04:05"), yesterday.Format("2006-01-02T15:04:05.000000Z"))
	d.Options = c.Options
	actortest.Cases(t, syslogparser.Spec, map[string]actortest.Case{"the nearest year": c, "the nearest year, yesterday": d})

	var in []*event.Event
	for i := range 300 {
		in = append(in, actortest.Events(fmt.Sprintf("2015-06-01T12:%02d:%02d.%06dZ h p: x", i/60, i/2%60, i))...)
	}
	for i, e := range actortest.Process(t, syslogparser.Spec, "", in...) {
		v, _ := e.Field(event.Intern("timestamp"))
		if want := fmt.Sprintf("2015-06-01T12:%02d:%02d.%06dZ", i/60, i/2%60, i); v.Str() != want {
			t.Fatalf("time %d is %s, want %s", i, v.Str(), want)
		}
	}
}

func TestTargetAndSource(t *testing.T) {
	const small = `{"message":"x","syslog_facility":"user-level","syslog_prival":13,"syslog_severity":"Notice"}`
	actortest.Cases(t, syslogparser.Spec, map[string]actortest.Case{
		"kept":            {In: `{"data": "<13>x"}`, Want: `{"data":"<13>x",` + small[1:]},
		"into a map":      {Options: "target_field: s.t", In: `{"data": "<13>x"}`, Want: `{"data":"<13>x","s":{"t":` + small + `}}`},
		"and not kept":    {Options: "target_field: s\nkeep_original: False", In: `{"data": "<13>x"}`, Want: `{"s":` + small + `}`},
		"into the source": {Options: "target_field: data\nkeep_original: False", In: `{"data": "<13>x"}`, Want: `{"data":` + small + `}`},
		"other source":    {Options: "source_field: a.b", In: `{"a": {"b": "<13>x"}}`, Want: `{"a":{"b":"<13>x"},` + small[1:]},
		"as a list":       {Options: "source_fields: [message]\nkeep_original: False", In: `{"message": "<13>x"}`, Want: small},
		"no source":       {In: `{"a": 1}`, Want: `{"a":1}`},
		"no place":        {Options: "target_field: n.m", In: `{"data": "<13>x", "n": 5}`, Want: `{"data":"<13>x","n":5}`, Tags: "syslog_failure"},
	})
}

func TestWhatIsNoSyslogPassesUnchanged(t *testing.T) {
	for name, c := range map[string]actortest.Case{
		"text":             {In: `{"data": "hello"}`},
		"a number":         {In: `{"data": 5}`},
		"null":             {In: `{"data": null}`},
		"nothing":          {In: `{"data": ""}`},
		"a priority > 191": {In: `{"data": "<192>x"}`},
		"not rfc 5424":     {Options: "format: rfc5424", In: `{"data": "<13>Oct 11 22:14:15 h p: x"}`},
		"no such day":      {Options: "year: 2003", In: `{"data": "<13>Feb 29 22:14:15 h p: x"}`},
		"too much data":    {In: `{"data": "<13>1 - - - - - [a` + strings.Repeat(` b=\"c\"`, 1001) + `]"}`},
	} {
		c.Want, c.Tags = strings.ReplaceAll(c.In, ": ", ":"), "syslog_failure"
		c.Want = strings.ReplaceAll(c.Want, "h p:x", "h p: x")
		actortest.Cases(t, syslogparser.Spec, map[string]actortest.Case{name: c})
	}
	actortest.Cases(t, syslogparser.Spec, map[string]actortest.Case{
		"own tag":     {Options: "tag_on_failure: spam", In: `{"data": "hello"}`, Want: `{"data":"hello"}`, Tags: "spam"},
		"as rfc 3164": {Options: "format: rfc3164\nkeep_original: False", In: `{"data": "<13>1 - h p - - - x"}`, Want: `{"message":"1 - h p - - - x",` + pri13 + `}`},
	})
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, syslogparser.Spec, map[string]string{
		"timezone: Spam/Eggs": `must be local, UTC or the name of a time zone, got "Spam/Eggs"`, "timezone: ''": "time zone", "format: rfc1": "must be one of auto, rfc5424, rfc3164",
		"year: 5": "must be between 1970 and 9999", "source_fields: [a, b]": "must be string",
	})
	for _, options := range []string{"timezone: LOCAL", "timezone: utc", "timezone: Local", "year: null", "target_field: null"} {
		if err := actortest.Options(t, syslogparser.Spec, options); err != nil {
			t.Error(err)
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"<34>1 2003-10-11T22:14:15.003Z h su - ID47 [a b=\"c\"] x", "<13>Feb 29 22:14:15 web01 nginx[812]: ok", "<189>29: h: *Mar  1 00:02:03.123 UTC: %SYS-5-A: x\n", "<192>", "<13>1 - - - - - [a b=\"\" b=\"\"][a]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := actortest.Process(t, syslogparser.Spec, "timezone: UTC", actortest.Events(s)...)
		if len(out) != 1 || actortest.Meta(out[0], "error") != "" {
			t.Errorf("%q: %s", s, actortest.Meta(out[0], "error"))
		}
		v, ok := out[0].Field(event.Intern("timestamp"))
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", v.Str()); ok && err != nil && !strings.Contains(v.Str(), ":60.") {
			t.Errorf("%q gives the time %q", s, v.Str())
		}
	})
}
