package datetimeparser_test

import (
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/parsers/datetimeparser"
)

func TestTimesAreRewritten(t *testing.T) {
	const (
		httpd = "source_field: a\nsource_date_pattern: '%d/%b/%Y:%H:%M:%S %z'\n"
		iso   = "source_field: a\nsource_date_pattern: iso8601\n"
	)
	actortest.Cases(t, datetimeparser.Spec, map[string]actortest.Case{
		"the documentation's":  {Options: "source_field: a\nsource_date_pattern: '%d/%b/%Y'\ntarget_date_pattern: '%d-%b-%Y'", In: `{"a": "13/Sep/2017"}`, Want: `{"a":"13-Sep-2017"}`},
		"with an offset":       {Options: httpd + "target_date_pattern: '%Y-%m-%dT%H:%M:%S'", In: `{"a": "28/Jul/2006:10:27:10 -0300"}`, Want: `{"a":"2006-07-28T13:27:10"}`},
		"the offset wins":      {Options: httpd + "source_timezone: Asia/Tokyo\ntarget_date_pattern: '%H %z'\ntarget_timezone: europe/berlin", In: `{"a": "28/Jul/2006:10:27:10 -0300"}`, Want: `{"a":"15 +0200"}`},
		"between zones":        {Options: "source_field: a\nsource_date_pattern: '%Y-%m-%d %H:%M'\nsource_timezone: AMERICA/new_york\ntarget_timezone: Asia/Kolkata\ntarget_date_pattern: '%Y-%m-%d %H:%M %z'", In: `{"a": "2015-01-31 20:00"}`, Want: `{"a":"2015-02-01 06:30 +0530"}`},
		"another field":        {Options: iso + "target_field: b.c\ntarget_date_pattern: '%Y'", In: `{"a": "2015-01-31"}`, Want: `{"a":"2015-01-31","b":{"c":"2015"}}`},
		"several patterns":     {Options: "source_field: a\nsource_date_pattern: ['%Y', '%d.%m.%Y', '%F']\ntarget_date_pattern: '%F'", In: `{"a": "31.1.2015"}` + "\n" + `{"a": "2015-02-01"}` + "\n" + `{"a": "2015"}`, Want: `{"a":"2015-01-31"}` + "\n" + `{"a":"2015-02-01"}` + "\n" + `{"a":"2015-01-01"}`},
		"seconds":              {Options: "source_field: a\nsource_date_pattern: epoch\ntarget_date_pattern: '%FT%T.%f'", In: `{"a": 1433152000}` + "\n" + `{"a": "1433152000.000001"}` + "\n" + `{"a": 1433152000.5}`, Want: `{"a":"2015-06-01T09:46:40.000000"}` + "\n" + `{"a":"2015-06-01T09:46:40.000001"}` + "\n" + `{"a":"2015-06-01T09:46:40.500000"}`},
		"milliseconds":         {Options: "source_field: a\nsource_date_pattern: epoch_millis\ntarget_date_pattern: iso8601", In: `{"a": 1433152000123}`, Want: `{"a":"2015-06-01T09:46:40.123Z"}`},
		"nanoseconds":          {Options: "source_field: a\nsource_date_pattern: epoch_nanos\ntarget_date_pattern: epoch_nanos", In: `{"a": "1433152000123456789"}`, Want: `{"a":1433152000123456789}`},
		"to seconds":           {Options: iso + "target_date_pattern: epoch", In: `{"a": "2015-06-01T09:46:40.5Z"}`, Want: `{"a":1433152000}`},
		"to milliseconds":      {Options: iso + "target_date_pattern: epoch_millis", In: `{"a": "2015-06-01T11:46:40.5+02:00"}`, Want: `{"a":1433152000500}`},
		"ISO with a zone":      {Options: iso + "target_date_pattern: iso8601\ntarget_timezone: Europe/Berlin", In: `{"a": "2015-06-01T09:46:40Z"}`, Want: `{"a":"2015-06-01T11:46:40.000+02:00"}`},
		"no year":              {Options: "source_field: a\nsource_date_pattern: '%b %d %T'\ntarget_date_pattern: '%FT%T'", In: `{"a": "Mar  7 12:00:01"}`, Want: `{"a":"1900-03-07T12:00:01"}`},
		"a year as default":    {Options: "source_field: a\nsource_date_pattern: '%b %d'\ntarget_date_pattern: '%F'\ndefault_year: 2016", In: `{"a": "Feb 29"}`, Want: `{"a":"2016-02-29"}`},
		"unknown out":          {Options: iso + "target_date_pattern: '%Y %Q %%'", In: `{"a": "2015-06-01"}`, Want: `{"a":"2015 %Q %"}`},
		"names in any case":    {Options: "source_fields: [a]\nsource_date_pattern: '%A, %d %B %Y %I%p'\ntarget_date_pattern: '%a %d %b %Y %H'", In: `{"a": "MONDAY, 01 june 2015 12aM"}`, Want: `{"a":"Mon 01 Jun 2015 00"}`},
		"unreadable":           {Options: iso + "target_date_pattern: '%Y'\ntarget_field: b", In: `{"a": "yesterday"}`, Want: `{"a":"yesterday"}`, Tags: "date_time_parser_failure"},
		"more behind":          {Options: "source_field: a\nsource_date_pattern: '%Y'\ntarget_date_pattern: '%Y'", In: `{"a": "2015 June"}`, Want: `{"a":"2015 June"}`, Tags: "date_time_parser_failure"},
		"no such day":          {Options: iso + "target_date_pattern: '%Y'", In: `{"a": "2015-02-29"}`, Want: `{"a":"2015-02-29"}`, Tags: "date_time_parser_failure"},
		"neither text nor num": {Options: iso + "target_date_pattern: '%Y'", In: `{"a": [2015]}`, Want: `{"a":[2015]}`, Tags: "date_time_parser_failure"},
		"missing":              {Options: iso + "target_date_pattern: '%Y'", In: `{"b": 5}`, Want: `{"b":5}`},
		"a target in a text":   {Options: iso + "target_date_pattern: '%Y'\ntarget_field: a.b", In: `{"a": "2015-06-01"}`, Want: `{"a":"2015-06-01"}`, Tags: "date_time_parser_failure"},
	})
	actortest.Survive(t, datetimeparser.Spec, "timestamp")
}

func TestTheCurrentYearIsTheNearest(t *testing.T) {
	yesterday := time.Now().UTC().Add(-24 * time.Hour)
	in := actortest.Event(t, `{"a": "`+yesterday.Format("Jan _2 15:04:05")+`"}`)
	out := actortest.Process(t, datetimeparser.Spec, "source_field: a\nsource_date_pattern: '%b %d %T'\ntarget_date_pattern: '%FT%T'\ndefault_year: current", in)
	if got, want := actortest.JSON(out[0]), `{"a":"`+yesterday.Format("2006-01-02T15:04:05")+`"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	const need = "source_field: a\nsource_date_pattern: '%Y'\ntarget_date_pattern: '%Y'\n"
	actortest.Wrong(t, datetimeparser.Spec, map[string]string{
		"source_date_pattern: '%Y'\ntarget_date_pattern: '%Y'":                       "source_field",
		"source_field: a\ntarget_date_pattern: '%Y'":                                 "source_date_pattern",
		"source_field: a\nsource_date_pattern: '%Y'":                                 "target_date_pattern",
		"source_field: a\nsource_date_pattern: ['%Y', '%Q']\ntarget_date_pattern: x": `"%Q"`,
		"source_field: a\nsource_date_pattern: ''\ntarget_date_pattern: x":           "it is empty",
		"source_field: a\nsource_date_pattern: []\ntarget_date_pattern: x":           "empty list",
		"source_field: a\nsource_date_pattern: x\ntarget_date_pattern: ''":           "must not be empty",
		need + "source_timezone: Moon/Base":                                          "Moon/Base",
		need + "target_timezone: Europe/Brln":                                        "Europe/Berlin",
		need + "default_year: next":                                                  `got string "next"`,
		need + "default_year: 12345":                                                 "9999",
		need + "default_year: 0":                                                     "from 1",
		need + "default_year: [1]":                                                   "list",
	})
}

func BenchmarkAccessLogTime(b *testing.B) {
	actortest.Bench(b, datetimeparser.Spec, "source_field: data\ntarget_field: t\nsource_date_pattern: '%d/%b/%Y:%H:%M:%S %z'\ntarget_date_pattern: iso8601", "28/Jul/2006:10:27:10 -0300")
}

func BenchmarkSyslogTimeAsTheThirdPattern(b *testing.B) {
	actortest.Bench(b, datetimeparser.Spec, "source_field: data\ntarget_field: t\ndefault_year: current\nsource_date_pattern: [iso8601, '%d/%b/%Y:%H:%M:%S %z', '%b %d %H:%M:%S']\ntarget_date_pattern: '%Y-%m-%dT%H:%M:%S'", "Mar  7 12:00:01")
}
