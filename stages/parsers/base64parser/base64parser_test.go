package base64parser_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/base64parser"
)

func TestDecode(t *testing.T) {
	actortest.Cases(t, base64parser.Spec, map[string]actortest.Case{
		"the documentation's":   {In: `{"data": "U3BhbSEgU3BhbSE="}`, Want: `{"data":"Spam! Spam!"}`},
		"to another field":      {Options: "target_field: a.b", In: `{"data": "U3BhbSE="}`, Want: `{"a":{"b":"Spam!"}}`},
		"the source is kept":    {Options: "target_field: b\nkeep_original: True", In: `{"data": "U3BhbSE="}`, Want: `{"b":"Spam!","data":"U3BhbSE="}`},
		"without padding":       {In: `{"data": "U3BhbSE"}`, Want: `{"data":"Spam!"}`},
		"for URLs":              {In: `{"data": "w7w_Pg"}`, Want: `{"data":"ü?>"}`},
		"with line breaks":      {In: `{"data": "U3Bh\r\nbSE=\n"}`, Want: `{"data":"Spam!"}`},
		"nothing":               {In: `{"data": ""}`, Want: `{"data":""}`},
		"other characters":      {Options: "target_field: b", In: `{"data": "Spam! Spam!"}`, Want: `{"data":"Spam! Spam!"}`, Tags: "base64_parser_failure"},
		"no text":               {In: `{"data": [1]}`, Want: `{"data":[1]}`, Tags: "base64_parser_failure"},
		"missing":               {In: `{"x": 1}`, Want: `{"x":1}`},
		"a target in a text":    {Options: "target_field: data.b", In: `{"data": "U3BhbSE="}`, Want: `{"data":"U3BhbSE="}`, Tags: "base64_parser_failure"},
		"a list with one field": {Options: "source_fields: [a]\ntarget_field: a", In: `{"a": "U3BhbSE="}`, Want: `{"a":"Spam!"}`},
	})
	out := actortest.Process(t, base64parser.Spec, "", actortest.Events("/+8AgA==")...)
	if v, _ := out[0].Field(event.Data); v.Str() != "\xff\xef\x00\x80" {
		t.Errorf("bytes became %q", v.Str())
	}
	actortest.Survive(t, base64parser.Spec, "payload")
}

func TestEncode(t *testing.T) {
	actortest.Cases(t, base64parser.Spec, map[string]actortest.Case{
		"the documentation's": {Options: "action: encode", In: `{"data": "Spam! Spam!"}`, Want: `{"data":"U3BhbSEgU3BhbSE="}`},
		"for URLs":            {Options: "action: encode\nalphabet: url", In: `{"data": "ü?>"}`, Want: `{"data":"w7w_Pg=="}`},
		"standard":            {Options: "action: encode\ntarget_field: b", In: `{"data": "ü?>"}`, Want: `{"b":"w7w/Pg=="}`},
		"one line":            {Options: "action: encode", In: `{"data": "` + strings.Repeat("spam", 100) + `"}`, Want: `{"data":"` + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("spam", 100))) + `"}`},
		"no text":             {Options: "action: encode", In: `{"data": 5}`, Want: `{"data":5}`, Tags: "base64_parser_failure"},
	})
	actortest.Wrong(t, base64parser.Spec, map[string]string{"alphabet: morse": "standard, url", "action: decipher": "decode, encode", "source_fields: [a, b]": "must be string"})
}

func BenchmarkDecode(b *testing.B) {
	line := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("Spam! Spam! ", 12)))
	actortest.Bench(b, base64parser.Spec, "", line)
}
