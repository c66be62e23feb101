package adddatetime_test

import (
	"regexp"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/modifiers/adddatetime"
)

func TestThePresentTime(t *testing.T) {
	for options, pattern := range map[string]string{
		"":                               `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`,
		"format: '%Y-%m-%dT%H:%M:%S.%f'": `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$`,
		"format: '%Y%% $(a)'":            `^\d{4}% 100%d$`,
		"format: iso8601":                `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`,
		"format: epoch":                  `^\d{10}$`,
		"format: epoch_millis":           `^\d{13}$`,
		"format: epoch_nanos":            `^\d{19}$`,
		"format: '%z'\ntarget_timezone: Asia/Kolkata": `^\+0530$`,
	} {
		out := actortest.Process(t, adddatetime.Spec, options, actortest.Event(t, `{"a": "100%d", "@timestamp": "old"}`))
		v, _ := out[0].Get(event.MustPath("@timestamp"))
		if !regexp.MustCompile(pattern).MatchString(v.Text()) {
			t.Errorf("%s gives %s", options, v.Text())
		}
	}
}

func TestTimesOfFields(t *testing.T) {
	cases := map[string]actortest.Case{
		"the second format": {Options: "source_fields: [timestamp]\nsource_formats: ['%Y', '%Y-%m-%dT%H:%M:%S.%fZ']", In: `{"timestamp": "2018-11-07T10:05:07.431Z"}`, Want: `{"@timestamp":"2018-11-07T10:05:07","timestamp":"2018-11-07T10:05:07.431Z"}`},
		"the first field":   {Options: "source_fields: [a, b]\nsource_formats: ['%Y']", In: `{"a": "x", "b": "2015"}`, Want: `{"@timestamp":"2015-01-01T00:00:00","a":"x","b":"2015"}`},
		"an offset":         {Options: "source_fields: [a]\nsource_formats: ['%d/%b/%Y:%H:%M:%S %z']", In: `{"a": "28/Jul/2006:10:27:10 -0300"}`, Want: `{"@timestamp":"2006-07-28T13:27:10","a":"28/Jul/2006:10:27:10 -0300"}`},
		"a zone":            {Options: "source_fields: [a]\nsource_formats: ['%c']\nsource_timezone: Europe/Berlin", In: `{"a": "Fri Dec 12 10:11:12 2014"}`, Want: `{"@timestamp":"2014-12-12T09:11:12","a":"Fri Dec 12 10:11:12 2014"}`},
		"half days":         {Options: "source_fields: [a]\nsource_formats: ['%D %I:%M %p']", In: `{"a": "12/31/99 12:05 pm"}`, Want: `{"@timestamp":"1999-12-31T12:05:00","a":"12/31/99 12:05 pm"}`},
		"day of the year":   {Options: "source_fields: [a]\nsource_formats: ['%Y %j']", In: `{"a": "2016 60"}`, Want: `{"@timestamp":"2016-02-29T00:00:00","a":"2016 60"}`},
		"seconds":           {Options: "source_fields: [a]\nsource_formats: [epoch]", In: `{"a": 1433152000}`, Want: `{"@timestamp":"2015-06-01T09:46:40","a":1433152000}`},
		"cut off":           {Options: "source_fields: [a]\nsource_formats: ['%F %T.%f']\nformat: '%S.%f'\nprecision: ms", In: `{"a": "2015-06-01 01:02:03.456789"}`, Want: `{"@timestamp":"03.456000","a":"2015-06-01 01:02:03.456789"}`},
		"digits of ISO":     {Options: "source_fields: [a]\nsource_formats: ['%F %T.%f']\nformat: iso8601\nprecision: us", In: `{"a": "2015-06-01 01:02:03.456789"}`, Want: `{"@timestamp":"2015-06-01T01:02:03.456789Z","a":"2015-06-01 01:02:03.456789"}`},
		"a point in time":   {Options: "source_fields: [a]\nsource_formats: ['%F %T.%f']\ntarget_timezone: Europe/Berlin\nas_object: True", In: `{"a": "2015-06-01 01:02:03.4"}`, Want: `{"@timestamp":"2015-06-01T01:02:03.400000000Z","a":"2015-06-01 01:02:03.4"}`},
		"a point, in ms":    {Options: "source_fields: [a]\nsource_formats: ['%F %T.%f']\nprecision: ms\nas_object: True", In: `{"a": "2015-06-01 01:02:03.4567"}`, Want: `{"@timestamp":"2015-06-01T01:02:03.456Z","a":"2015-06-01 01:02:03.4567"}`},
		"unreadable":        {Options: "source_fields: [a]\nsource_formats: ['%Y']", In: `{"a": "x"}`, Want: `{"a":"x"}`, Tags: "add_date_time_failure"},
		"no such day":       {Options: "source_fields: [a]\nsource_formats: ['%F']", In: `{"a": "2015-02-30"}`, Want: `{"a":"2015-02-30"}`, Tags: "add_date_time_failure"},
		"missing":           {Options: "source_fields: [a]\nsource_formats: ['%Y']", In: `{"b": "x"}`, Want: `{"b":"x"}`},
	}
	actortest.Cases(t, adddatetime.Spec, cases)
	out := actortest.Process(t, adddatetime.Spec, "source_fields: [a]\nsource_formats: ['%Y']\nfallback_to_now: True", actortest.Event(t, `{"a": "x"}`))
	if !out[0].Has(event.MustPath("@timestamp")) || actortest.Tags(out[0]) != "" {
		t.Error("there is no time")
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, adddatetime.Spec, map[string]string{
		"format: ''": "must not be empty", "source_fields: [a]": "source_formats", "source_fields: [a]\nsource_formats: ['%Q']": "%Q", "target_timezone: Moon/Base": "Moon/Base",
	})
}
