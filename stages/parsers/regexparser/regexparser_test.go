package regexparser_test

import (
	"fmt"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/parsers/regexparser"
)

func TestPatternsSetFieldsAndType(t *testing.T) {
	const access = `httpd: '(?P<ip>\S+) (?P<user>\w+|-)'`
	actortest.Cases(t, regexparser.Spec, map[string]actortest.Case{
		"a match":                   {Options: "field_extraction_patterns: [{" + access + "}]", In: `{"data": "1.2.3.4 -"}`, Want: `{"data":"1.2.3.4 -","ip":"1.2.3.4","user":"-"}`, Type: "httpd"},
		"no match":                  {Options: "field_extraction_patterns: [{x: 'spam'}]", In: `{"data": "eggs", "gambolputty": {"event_type": "old"}}`, Want: `{"data":"eggs"}`, Type: "Unknown"},
		"another mark":              {Options: "field_extraction_patterns: [{x: 'spam'}]\nmark_unmatched_as: eggs\ntag_on_unmatched: odd", In: `{"data": "eggs"}`, Want: `{"data":"eggs"}`, Type: "eggs", Tags: "odd"},
		"the field is missing":      {Options: "field_extraction_patterns: [{x: 'spam'}]", In: `{"a": 1, "gambolputty": {"event_type": "old"}}`, Want: `{"a":1}`, Type: "old"},
		"no text":                   {Options: "field_extraction_patterns: [{x: 'spam'}]", In: `{"data": 5}`, Want: `{"data":5}`, Tags: "regex_parser_failure"},
		"a group that took no part": {Options: "field_extraction_patterns: [{x: '(?P<a>a)|(?P<b>b)'}]", In: `{"data": "b", "a": "old"}`, Want: `{"a":null,"b":"b","data":"b"}`},
		"left alone":                {Options: "field_extraction_patterns: [{x: '(?P<a>a)|(?P<b>b)'}]\nkeep_empty_captures: False", In: `{"data": "b", "a": "old"}`, Want: `{"a":"old","b":"b","data":"b"}`},
		"findall":                   {Options: `field_extraction_patterns: [{x: ['(?P<date>When)', 're.MULTILINE | re.DOTALL', 'findall']}]`, In: `{"data": "When x When\nWhen"}`, Want: `{"data":"When x When\nWhen","date":["When","When","When"]}`},
		"without flags":             {Options: `field_extraction_patterns: [{poem: '(?P<poem>.*)'}]`, In: `{"data": "one\ntwo"}`, Want: `{"data":"one\ntwo","poem":"one"}`},
		"dotall":                    {Options: `field_extraction_patterns: [{poem: ['(?P<poem>.*)', 're.MULTILINE | re.DOTALL']}]`, In: `{"data": "one\ntwo"}`, Want: `{"data":"one\ntwo","poem":"one\ntwo"}`},
		"the first wins":            {Options: "field_extraction_patterns: [{a: '(?P<x>.)'}, {b: '(?P<y>.)'}]", In: `{"data": "z"}`, Want: `{"data":"z","x":"z"}`, Type: "a"},
		"all are tried":             {Options: "field_extraction_patterns: [{a: '(?P<x>.)'}, {b: '(?P<y>.)'}, {c: 'nope'}]\nbreak_on_match: False", In: `{"data": "z"}`, Want: `{"data":"z","x":"z","y":"z"}`, Type: "b"},
		"without groups":            {Options: "field_extraction_patterns: [{a: 'z'}]", In: `{"data": "z"}`, Want: `{"data":"z"}`, Type: "a"},
		"several keys":              {Options: "field_extraction_patterns: [{a: 'q', b: '(?P<y>z)'}]", In: `{"data": "z"}`, Want: `{"data":"z","y":"z"}`, Type: "b"},
		"grok with a type":          {Options: "field_extraction_patterns: [{a: '%{IP:remote_ip} .*? \"(?P<url>[^\"]*)\" %{NUMBER:http_status:int}'}]", In: `{"data": "192.168.2.20 - \"GET /\" 200"}`, Want: `{"data":"192.168.2.20 - \"GET /\" 200","http_status":200,"remote_ip":"192.168.2.20","url":"GET /"}`},
		"nested fields":             {Options: "field_extraction_patterns: [{a: '%{WORD:[a][b]} %{WORD:a.c}'}]", In: `{"data": "x y"}`, Want: `{"a":{"b":"x","c":"y"},"data":"x y"}`},
		"two groups of one name":    {Options: "field_extraction_patterns: [{a: '%{WORD:w} %{WORD:w}'}]", In: `{"data": "x y"}`, Want: `{"data":"x y","w":["x","y"]}`},
		"a target":                  {Options: "field_extraction_patterns: [{a: '(?P<x>.)'}]\ntarget_field: got\nkeep_original: False", In: `{"data": "z"}`, Want: `{"got":{"x":"z"}}`},
		"several sources":           {Options: "field_extraction_patterns: [{a: '(?P<x>z)'}]\nsource_fields: [one, two]", In: `{"one": "y", "two": "z"}`, Want: `{"one":"y","two":"z","x":"z"}`},
		"lookbehind":                {Options: `field_extraction_patterns: [{a: '(?<=\$)(?P<price>\d+)'}]`, In: `{"data": "costs $42"}`, Want: `{"data":"costs $42","price":"42"}`},
		"backreference":             {Options: `field_extraction_patterns: [{a: '(?P<q>["''])(?P<text>.*?)(?P=q)'}]`, In: `{"data": "say \"it's\""}`, Want: `{"data":"say \"it's\"","q":"\"","text":"it's"}`},
		"own definitions":           {Options: "field_extraction_patterns: [{a: '%{SKETCH:s}'}]\npattern_definitions: {SKETCH: 'parrot|cheese'}", In: `{"data": "the cheese shop"}`, Want: `{"data":"the cheese shop","s":"cheese"}`},
		"trimmed":                   {Options: "field_extraction_patterns: [{a: '(?P<x>.*)'}]\ntrim_values: True", In: `{"data": " z "}`, Want: `{"data":" z ","x":"z"}`},
	})
}

func TestTheREADMEsPatterns(t *testing.T) {
	options := `field_extraction_patterns:
  - httpd_access_log: '(?P<remote_ip>%{IP})\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<http_method>%{HTTPMETHOD}) (?P<uri>\S+) (?P<http_version>%{HTTPVERSION})\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)\s+\"(?P<user_agent>[^"]*)\"'`
	in := actortest.Events(`192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/ HTTP/1.0" 200 3395 "curl/7.38.0"`)
	out := actortest.Process(t, regexparser.Spec, options, in...)
	for _, want := range []string{`"http_method":"GET"`, `"uri":"/cgi-bin/try/"`, `"http_version":"HTTP/1.0"`, `"user_agent":"curl/7.38.0"`, `"bytes_send":"3395"`} {
		if got := actortest.JSON(out[0]); !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}

func TestAPatternThatNeverEndsIsCutOff(t *testing.T) {
	out := actortest.Process(t, regexparser.Spec, "field_extraction_patterns: [{a: '^(\\w+\\s?)*\\1!$'}]\npattern_timeout_in_millis: 50", actortest.Events(strings.Repeat("x", 40)+"!?")...)
	if actortest.Tags(out[0]) != "regex_parser_failure,regex_timeout" && actortest.Tags(out[0]) != "regex_timeout,regex_parser_failure" && actortest.Tags(out[0]) != "regex_timeout" {
		t.Errorf("tags are %s", actortest.Tags(out[0]))
	}
	if actortest.Meta(out[0], "event_type") != "Unknown" {
		t.Error("the event counts as matched")
	}
}

func TestWrongPatternsAreRefused(t *testing.T) {
	actortest.Wrong(t, regexparser.Spec, map[string]string{
		"":                               "field_extraction_patterns",
		"field_extraction_patterns: []":  "at least one",
		"field_extraction_patterns: x":   "must be list",
		"field_extraction_patterns: [x]": "map of event type",
		"field_extraction_patterns: [{a: '(?P<x>['}]":                  "offset 6",
		"field_extraction_patterns: [{a: ['x', 're.Q']}]":              "re.Q",
		"field_extraction_patterns: [{a: ['x', 're.M', 'match']}]":     "search or findall",
		"field_extraction_patterns: [{a: '%{NOPE:x}'}]":                "NOPE",
		"field_extraction_patterns: [{a: '(?P<gambolputty>x)'}]":       "gambolputty",
		"field_extraction_patterns: [{a: '(?=x)'}]\nlinear_only: True": "lookahead",
	})
}

func BenchmarkAccessLog(b *testing.B) {
	options := `field_extraction_patterns: [{httpd: '(?P<remote_ip>\d+\.\d+\.\d+\.\d+)\s+(?P<identd>\w+|-)\s+(?P<user>\w+|-)\s+\[(?P<datetime>\d+\/\w+\/\d+:\d+:\d+:\d+\s.\d+)\]\s+\"(?P<url>.*)\"\s+(?P<http_status>\d+)\s+(?P<bytes_send>\d+)'}]`
	in := make([]string, 1000)
	for i := range in {
		in[i] = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/` + strings.Repeat("x", 100) + ` HTTP/1.0" 200 3395`
	}
	b.SetBytes(int64(len(in[0]) * len(in)))
	for b.Loop() {
		actortest.Process(b, regexparser.Spec, options, actortest.Events(in...)...)
	}
}

func TestHitsOfEveryPatternAreCounted(t *testing.T) {
	feed := make(chan string, 3)
	for _, line := range []string{"spam", "42", "eggs"} {
		feed <- line
	}
	close(feed)
	r := actortest.Start(t, "- Lines\n- RegexParser:\n    field_extraction_patterns: [{word: '^[a-z]+$'}, {number: '^\\d+$'}]\n- TestCatch\n", regexparser.Spec, actortest.Lines(feed))
	r.Finish()
	hits := map[string]int64{}
	r.Status("RegexParser").Meter.EachOwn(func(name string, n int64) { hits[name] = n })
	if hits["hits of pattern word"] != 2 || hits["hits of pattern number"] != 1 {
		t.Errorf("counted %v", hits)
	}
}

// TestManyPatternsGiveWhatFewGive compares a list that is narrowed down with one pattern
// at a time.
func TestManyPatternsGiveWhatFewGive(t *testing.T) {
	var list []string
	for i := range 12 {
		list = append(list, fmt.Sprintf(`{type%d: 'spam%d (?P<word>\w+)'}`, i, i))
	}
	options := "field_extraction_patterns: [" + strings.Join(list, ", ") + "]"
	for i := range 12 {
		out := actortest.Process(t, regexparser.Spec, options, actortest.Events(fmt.Sprintf("some spam%d eggs", i), "nothing")...)
		if got := actortest.Meta(out[0], "event_type"); got != fmt.Sprintf("type%d", i) {
			t.Errorf("the type is %s", got)
		}
		if got := actortest.Meta(out[1], "event_type"); got != "Unknown" {
			t.Errorf("the type of what does not match is %s", got)
		}
	}
}

// BenchmarkThirtyPatterns has thirty patterns of a firewall of which each line matches one.
func BenchmarkThirtyPatterns(b *testing.B) {
	names := strings.Fields("104001 104002 104003 104004 105003 105004 105005 105008 105009 106001 106006_106007_106010 106014 106015 106021 106023 106100 110002 302010 302013_302014_302015_302016 302020_302021 305011 313001_313004_313008 313005 321001 402117 402119 419001 419002 500004 602303_602304")
	var list []string
	for _, n := range names {
		list = append(list, fmt.Sprintf("{f%s: '%%{CISCOFW%s}'}", n, n))
	}
	options := "field_extraction_patterns: [" + strings.Join(list, ", ") + "]"
	lines := []string{
		`Teardown UDP connection 2118 for outside:192.0.2.1/53 to inside:10.0.0.1/53 duration 0:02:01 bytes 124`,
		`access-list acl_outside denied tcp outside/192.0.2.7(33434) -> inside/10.0.0.1(80) hit-cnt 1 first hit [0x71a87d94, 0x0]`,
		`Deny TCP (no connection) from 192.0.2.14/443 to 10.0.0.5/48000 flags RST on interface outside`,
		`Some entirely different line that no pattern of the firewall was made for`,
	}
	actortest.Bench(b, regexparser.Spec, options, lines...)
}
