package encodingparser_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/encodingparser"
)

func TestBytesBecomeTextAndBack(t *testing.T) {
	for _, c := range []struct{ options, in, want, tags string }{
		{"encoding: latin-1", "fc", "c3bc", ""},
		{"encoding: iso-8859-15", "a4", "e282ac", ""},
		{"encoding: cp1252", "80", "e282ac", ""},
		{"encoding: utf-16", "fffefc00", "c3bc", ""},
		{"encoding: shift_jis", "93fa", "e697a5", ""},
		{"", "c3bc", "c3bc", ""},
		{"", "fc", "fc", "encoding_parser_failure"},
		{"on_error: replace", "fc41", "efbfbd41", ""},
		{"on_error: ignore", "fc41", "41", ""},
		{"encoding: auto", "fc", "c3bc", ""},
		{"encoding: auto", "fffefc00", "c3bc", ""},
		{"action: encode\nencoding: latin-1", "c3bc", "fc", ""},
		{"action: encode\nencoding: utf-16", "c3bc", "fffefc00", ""},
		{"action: encode\nencoding: latin-1", "e282ac", "e282ac", "encoding_parser_failure"},
		{"action: encode\nencoding: latin-1\non_error: replace", "e282ac41", "3f41", ""},
		{"action: encode\nencoding: latin-1\non_error: ignore", "e282ac41", "41", ""},
	} {
		raw, err := hex.DecodeString(c.in)
		if err != nil {
			t.Fatal(err)
		}
		out := actortest.Process(t, encodingparser.Spec, c.options, actortest.Events(string(raw))...)
		v, _ := out[0].Field(event.Data)
		if got := hex.EncodeToString([]byte(v.Str())); got != c.want || actortest.Tags(out[0]) != c.tags {
			t.Errorf("%q makes %s of %s, tags %q", c.options, got, c.in, actortest.Tags(out[0]))
		}
	}
}

func TestFieldsBelongTogetherByPosition(t *testing.T) {
	const two = "source_fields: [a, b]\ntarget_fields: [c, d.e]"
	actortest.Cases(t, encodingparser.Spec, map[string]actortest.Case{
		"two":              {Options: two, In: `{"a": "1", "b": "2"}`, Want: `{"c":"1","d":{"e":"2"}}`},
		"kept":             {Options: two + "\nkeep_original: True", In: `{"a": "1", "b": "2"}`, Want: `{"a":"1","b":"2","c":"1","d":{"e":"2"}}`},
		"one is bad":       {Options: two, In: "{\"a\": \"\xff\", \"b\": \"2\"}", Want: "{\"a\":\"\ufffd\",\"d\":{\"e\":\"2\"}}", Tags: "encoding_parser_failure"},
		"one is missing":   {Options: two, In: `{"b": "2"}`, Want: `{"d":{"e":"2"}}`},
		"the same":         {Options: "source_fields: [a, b]\ntarget_fields: [a, b]", In: `{"a": "1", "b": "2"}`, Want: `{"a":"1","b":"2"}`},
		"exchanged":        {Options: "source_fields: [a, b]\ntarget_fields: [b, a]", In: `{"a": "1", "b": "2"}`, Want: `{"a":"2","b":"1"}`},
		"one word":         {Options: "source_field: a\ntarget_field: b", In: `{"a": "1"}`, Want: `{"b":"1"}`},
		"another source":   {Options: "source_fields: a", In: `{"a": "1"}`, Want: `{"data":"1"}`},
		"no text":          {In: `{"data": 5}`, Want: `{"data":5}`, Tags: "encoding_parser_failure"},
		"missing":          {In: `{"x": 5}`, Want: `{"x":5}`},
		"a target in text": {Options: "source_field: a\ntarget_field: b.c", In: `{"a": "1", "b": "2"}`, Want: `{"a":"1","b":"2"}`, Tags: "encoding_parser_failure"},
	})
	actortest.Survive(t, encodingparser.Spec, "message")
}

func TestOnErrorSaysWhatBecomesOfTheEventToo(t *testing.T) {
	in := func() []*event.Event { return actortest.Events("\xff", "spam") }
	if out := actortest.Process(t, encodingparser.Spec, "on_error: drop", in()...); len(out) != 1 {
		t.Errorf("with drop there are %d events", len(out))
	}
	if out := actortest.Process(t, encodingparser.Spec, "on_error: pass", in()...); len(out) != 2 {
		t.Errorf("with pass there are %d events", len(out))
	}
	const dead = "- Global: {dead_letter: TestCatch}\n- Lines\n- EncodingParser: {on_error: dead_letter, receivers: []}\n- TestCatch\n"
	lines := make(chan string, 2)
	lines <- "\xff"
	lines <- "spam"
	close(lines)
	r := actortest.Start(t, dead, encodingparser.Spec, actortest.Lines(lines))
	if out := r.Finish(); len(out) != 1 || !strings.Contains(actortest.Meta(out[0], "error"), "not valid UTF-8") {
		t.Errorf("with dead_letter there are %d events", len(out))
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, encodingparser.Spec, map[string]string{
		"encoding: klingon":                       `got "klingon"`,
		"encoding: 5":                             "must be string",
		"source_fields: [a, b]":                   "are 2, got 1",
		"source_fields: a\ntarget_fields: [a, b]": "are 1, got 2",
		"action: encode\nencoding: auto":          `got "auto"`,
		"on_error: panic":                         "fault, replace, ignore",
		"on_error: dead_letter":                   "dead letter module",
	})
}

func BenchmarkLatin1(b *testing.B) {
	line := "192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] \"GET /gr\xfc\xdfe/try/ HTTP/1.0\" 200 3395"
	actortest.Bench(b, encodingparser.Spec, "encoding: latin-1", line)
}
