package jsonparser_test

import (
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/jsonparser"
)

func TestDecode(t *testing.T) {
	actortest.Cases(t, jsonparser.Spec, map[string]actortest.Case{
		"an object":                         {Options: "source_fields: json_data", In: `{"json_data": "{\"South African\": \"Fast\", \"id\": 9007199254740993, \"n\": {\"a.b\": [1, 2.5, null]}}"}`, Want: `{"South African":"Fast","id":9007199254740993,"n":{"a.b":[1,2.5,null]}}`},
		"a key named like the source":       {In: `{"data": "{\"data\": 1, \"x\": 2}"}`, Want: `{"data":1,"x":2}`},
		"the source stays":                  {Options: "keep_original: True", In: `{"data": "{\"x\": 2}"}`, Want: `{"data":"{\"x\": 2}","x":2}`},
		"a target":                          {Options: "target_field: a.b", In: `{"data": "5"}`, Want: `{"a":{"b":5}}`},
		"the target is the source":          {Options: "target_field: data", In: `{"data": "{\"x\": 2}"}`, Want: `{"data":{"x":2}}`},
		"a list":                            {In: `{"data": "[{\"a\": 1}, {\"a\": 2}]", "x": 1}`, Want: "{\"a\":1,\"x\":1}\n{\"a\":2,\"x\":1}"},
		"documents in a row":                {In: `{"data": "{\"a\": 1}{\"a\": 2}\n"}`, Want: "{\"a\":1}\n{\"a\":2}"},
		"an empty list":                     {In: `{"data": "[]", "x": 1}`, Want: `{"x":1}`},
		"a number among objects":            {In: `{"data": "[{\"a\": 1}, 5]"}`, Want: "{\"a\":1}\n{\"data\":\"[{\\\"a\\\": 1}, 5]\"}"},
		"two fields":                        {Options: "source_fields: [a, b]", In: `{"a": "[{\"x\": 1}, {\"x\": 2}]", "b": "{\"y\": 3}"}`, Want: "{\"x\":1,\"y\":3}\n{\"x\":2,\"y\":3}"},
		"as Python writes it":               {In: `{"data": "{'South African': 'Fast'}"}`, Want: `{"South African":"Fast"}`},
		"apostrophes survive":               {In: `{"data": "{\"m\": \"it's\"}"}`, Want: `{"m":"it's"}`},
		"strict":                            {Options: "allow_single_quotes: False", In: `{"data": "{'a': 1}"}`, Want: `{"data":"{'a': 1}"}`, Tags: "json_parser_failure"},
		"a number is no event":              {In: `{"data": "5"}`, Want: `{"data":"5"}`, Tags: "json_parser_failure"},
		"nothing but blanks":                {In: `{"data": "  "}`, Want: `{"data":"  "}`, Tags: "json_parser_failure"},
		"a number instead of text":          {In: `{"data": 5}`, Want: `{"data":5}`, Tags: "json_parser_failure"},
		"no tag wanted":                     {Options: "tag_on_failure: null", In: `{"data": "x"}`, Want: `{"data":"x"}`},
		"the field is missing":              {In: `{"x": 1}`, Want: `{"x":1}`},
		"prefix":                            {Options: "prefix: j_", In: `{"data": "{\"a\": 1}"}`, Want: `{"j_a":1}`},
		"flatten":                           {Options: "flatten: True", In: `{"data": "{\"a\": {\"b\": {\"c\": 1}, \"d\": {}}}"}`, Want: `{"a.b.c":1,"a.d":{}}`},
		"fields stay":                       {Options: "overwrite_keys: False", In: `{"data": "{\"a\": 1, \"b\": 2}", "a": 0}`, Want: `{"a":0,"b":2}`},
		"comments":                          {Options: "comments: True", In: `{"data": "{\"a\": 1, /* x */ }"}`, Want: `{"a":1}`},
		"duplicates are refused":            {Options: "duplicate_keys: fault", In: `{"data": "{\"a\": 1, \"a\": 2}"}`, Want: `{"data":"{\"a\": 1, \"a\": 2}"}`, Tags: "json_parser_failure"},
		"too many":                          {Options: "max_events: 2", In: `{"data": "[{},{},{}]"}`, Want: `{"data":"[{},{},{}]"}`, Tags: "json_parser_failure"},
		"too deep":                          {Options: "max_depth: 2", In: `{"data": "[[[1]]]"}`, Want: `{"data":"[[[1]]]"}`, Tags: "json_parser_failure"},
		"encode fields":                     {Options: "action: encode\nsource_fields: [b, a]\ntarget_field: out", In: `{"a": 1, "b": "ü", "c": 2}`, Want: `{"c":2,"out":"{\"a\":1,\"b\":\"ü\"}"}`},
		"encode nothing":                    {Options: "action: encode\nsource_fields: [x]\ntarget_field: out", In: `{"c": 2}`, Want: `{"c":2,"out":"{}"}`},
		"metadata in the data is protected": {Options: "protect_metadata: True", In: `{"data": "{\"gambolputty\": {\"event_type\": \"x\"}, \"a\": 1}"}`, Want: `{"a":1}`, Type: "Unknown"},
		"metadata in the data is merged":    {In: `{"data": "{\"gambolputty\": {\"event_type\": \"x\"}, \"a\": 1}"}`, Want: `{"a":1}`, Type: "x"},
	})
}

func TestEncodeAll(t *testing.T) {
	out := actortest.Process(t, jsonparser.Spec, "action: encode\nsource_fields: all\ntarget_field: out", actortest.Event(t, `{"a": 1}`))
	v, _ := out[0].Get(event.MustPath("out"))
	if !strings.HasPrefix(v.Str(), `{"a":1,"gambolputty":{"event_id":"`) {
		t.Error(v.Str())
	}
}

func TestPartsHaveIDsOfTheirOwn(t *testing.T) {
	in := actortest.Events(`[{"a":1},{"a":2},{"a":3}]`)
	id := in[0].ID()
	out := actortest.Process(t, jsonparser.Spec, "", in...)
	if out[0].ID() != id || out[1].ID() != id+".1" || out[2].ID() != id+".2" {
		t.Error(out[0].ID(), out[1].ID(), out[2].ID())
	}
}

func TestStreamsOfSeveralSenders(t *testing.T) {
	text := map[string]string{"a": `{"x": {"y": "}"}} [1, 2]{"z": 3} `, "b": `{"q": "\"{"} {"r": 5}`}
	for size := 1; size < 12; size++ {
		var in []*event.Event
		for at := 0; at < 40; at += size {
			for _, sender := range []string{"a", "b"} {
				if s := text[sender]; at < len(s) {
					e := actortest.Events(s[at:min(at+size, len(s))])[0]
					e.SetReceivedFrom(sender)
					in = append(in, e)
				}
			}
		}
		got := map[string]string{}
		for _, e := range actortest.Process(t, jsonparser.Spec, "mode: stream\ntarget_field: got", in...) {
			got[e.ReceivedFrom()] += actortest.JSON(e)
		}
		if want := `{"got":{"x":{"y":"}"}}}{"got":1}{"got":2}{"got":{"z":3}}`; got["a"] != want {
			t.Errorf("pieces of %d: %s", size, got["a"])
		}
		if want := `{"got":{"q":"\"{"}}{"got":{"r":5}}`; got["b"] != want {
			t.Errorf("pieces of %d: %s", size, got["b"])
		}
	}
}

func TestWhatIsLeftOfAStreamComesOutAtTheEnd(t *testing.T) {
	actortest.Cases(t, jsonparser.Spec, map[string]actortest.Case{
		"cut off":  {Options: "mode: stream", In: `{"data": "{\"a\": 1}{\"b\":"}` + "\n" + `{"data": " 2"}`, Want: "{\"a\":1}\n{\"data\":\"{\\\"b\\\": 2\"}"},
		"too long": {Options: "mode: stream\nmax_buffer_bytes: 5", In: `{"data": "{\"abcdef\": "}`, Want: `{"data":"{\"abcdef\": "}`, Tags: "json_parser_failure"},
	})
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, jsonparser.Spec, map[string]string{
		"action: encode": "target_field", "action: endcode": `did you mean "encode"?`, "source_fields: all": "all is for", "mode: stream\nsource_fields: [a, b]": "one field",
		"mode: stream\npool_size: 2": "put together in order", "source_fields: [a]\nsource_field: b": "another name",
	})
}
