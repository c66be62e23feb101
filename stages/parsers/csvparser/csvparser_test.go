package csvparser_test

import (
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/parsers/csvparser"
)

func TestRowsAreSplitAsPythonDoes(t *testing.T) {
	const abc = "fieldnames: [a, b, c]\nkeep_original: False"
	actortest.Cases(t, csvparser.Spec, map[string]actortest.Case{
		"the documentation's": {Options: "source_field: csv-data\ndelimiter: ';'\nskipinitialspace: True\nfieldnames: [gumby, brain, specialist]", In: `{"csv-data": "It's;just;a;flesh;wound."}`,
			Want: `{"brain":"just","csv-data":"It's;just;a;flesh;wound.","gumby":"It's","specialist":"a"}`},
		"escaped":            {Options: abc, In: `{"data": "a|b\\|c|d"}`, Want: `{"a":"a","b":"b|c","c":"d"}`},
		"quoted":             {Options: abc, In: `{"data": "a|\"b|\"\"x\"\" y\"|d"}`, Want: `{"a":"a","b":"b|\"x\" y","c":"d"}`},
		"a quote inside":     {Options: abc, In: `{"data": "a|b\"c|d"}`, Want: `{"a":"a","b":"b\"c","c":"d"}`},
		"text behind quotes": {Options: abc, In: `{"data": "a|\"b\"c|d"}`, Want: `{"a":"a","b":"bc","c":"d"}`},
		"an open quote":      {Options: abc, In: `{"data": "a|\"b|c"}`, Want: `{"a":"a","b":"b|c"}`},
		"a newline":          {Options: abc, In: `{"data": "\"a|\n\"b|c\n"}`, Want: `{"a":"a|\nb","b":"c"}`},
		"blanks":             {Options: abc, In: `{"data": "a| \"b|c\"|d"}`, Want: `{"a":"a","b":" \"b","c":"c\""}`},
		"blanks skipped":     {Options: abc + "\nskipinitialspace: True", In: `{"data": "a| \"b|c\"|d"}`, Want: `{"a":"a","b":"b|c","c":"d"}`},
		"several rows":       {Options: abc, In: `{"data": "1|2|3\n\n4|5|6|7\n"}`, Want: "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}\n{\"a\":\"4\",\"b\":\"5\",\"c\":\"6\"}"},
		"few columns":        {Options: abc, In: `{"data": "1", "b": "old"}`, Want: `{"a":"1","b":"old"}`},
		"empty columns":      {Options: abc, In: `{"data": "||x"}`, Want: `{"a":"","b":"","c":"x"}`},
		"none of those":      {Options: abc + "\nskip_empty_columns: True", In: `{"data": "||x"}`, Want: `{"c":"x"}`},
		"names in the data":  {Options: "keep_original: False", In: `{"data": "x|y\n1|2\n"}`, Want: `{"x":"1","y":"2"}`},
		"names alone":        {In: `{"data": "x|y\n"}`, Want: `{"data":"x|y\n"}`},
		"types and target":   {Options: abc + "\ncolumn_types: {a: int, b: float}\ntarget_field: t", In: `{"data": "1|x|3"}`, Want: `{"t":{"a":1,"b":"x","c":"3"}}`},
		"strict":             {Options: abc + "\nstrict: True", In: `{"data": "1|2"}`, Want: `{"data":"1|2"}`, Tags: "csv_parser_failure"},
		"no text":            {Options: abc, In: `{"data": 5}`, Want: `{"data":5}`, Tags: "csv_parser_failure"},
		"nothing":            {Options: abc, In: `{"data": "\n"}`, Want: `{"data":"\n"}`},
		"other characters":   {Options: abc + "\ndelimiter: '→'\nquotechar: '«'", In: "{\"data\": \"\xff→«→«→ü\"}", Want: "{\"a\":\"\ufffd\",\"b\":\"→\",\"c\":\"ü\"}"},
		"missing":            {Options: abc, In: `{"x": 5}`, Want: `{"x":5}`},
	})
	actortest.Wrong(t, csvparser.Spec, map[string]string{
		"delimiter: '::'": "one character", "delimiter: ''": "one character", "delimiter: '\"'": "must differ", "fieldnames: x": "must be list", "column_types: {a: date}": "date",
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("a|\"b|\"\"x\"\" y\"|d\n\\")
	f.Add("\"\"\"|\r\n|")
	f.Fuzz(func(t *testing.T, s string) {
		out := actortest.Process(t, csvparser.Spec, "fieldnames: [a, b]", actortest.Events(s)...)
		if len(out) == 0 {
			t.Errorf("%q is gone", s)
		}
	})
}
