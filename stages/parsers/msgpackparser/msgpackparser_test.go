package msgpackparser_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ugorji/go/codec"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/msgpackparser"
)

// packed makes events of bytes written in hexadecimal.
func packed(t *testing.T, from string, pieces ...string) []*event.Event {
	t.Helper()
	var list []*event.Event
	for _, p := range pieces {
		b, err := hex.DecodeString(p)
		if err != nil {
			t.Fatal(err)
		}
		e := actortest.Events(string(b))[0]
		e.SetReceivedFrom(from)
		list = append(list, e)
	}
	return list
}

func TestLineMode(t *testing.T) {
	cases := map[string]struct{ options, in, want, tags string }{
		"a map":               {"", "82a4686f7374a477656231a16e07", `{"host":"web1","n":7}`, ""},
		"with a newline":      {"", "81a16101" + "0d0a", `{"a":1}`, ""},
		"timestamp":           {"", "81a174d6ff556c2a00", `{"t":"2015-06-01T09:46:40.000Z"}`, ""},
		"timestamp 64":        {"timestamp_format: '%Y'", "81a174d7ff0000000055" + "6c2a00", `{"t":"2015"}`, ""},
		"an extension":        {"", "81a165d40578", `{"e":{"data":"x","ext_type":5}}`, ""},
		"a list and a target": {"target_field: got", "920102", `{"got":[1,2]}`, ""},
		"prefix":              {"prefix: m_", "81a16101", `{"m_a":1}`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out := actortest.Process(t, msgpackparser.Spec, c.options, packed(t, "x", c.in)...)
			if got := actortest.JSON(out[0]); got != c.want || actortest.Tags(out[0]) != c.tags {
				t.Errorf("got %s, tags %s", got, actortest.Tags(out[0]))
			}
		})
	}
}

func TestBrokenDataPassesUnchanged(t *testing.T) {
	for name, in := range map[string]string{"cut off": "82a161", "more behind": "81a1610102", "no map": "01", "a bad byte": "c1", "a bomb": "ddffffffff", "bad timestamp": "81a174d4ff00"} {
		want := packed(t, "x", in)[0]
		data, _ := want.Field(event.Data)
		out := actortest.Process(t, msgpackparser.Spec, "", want)
		if got, _ := out[0].Field(event.Data); got.Str() != data.Str() || actortest.Tags(out[0]) != "msg_pack_parser_failure" {
			t.Errorf("%s: %q, tags %s", name, got.Str(), actortest.Tags(out[0]))
		}
	}
}

func TestTheREADMEsStream(t *testing.T) {
	out := actortest.Process(t, msgpackparser.Spec, "mode: stream", packed(t, "x", "82a4686f7374a4776562", "31a16e0781a47370616da47370616d")...)
	if len(out) != 2 || actortest.JSON(out[0]) != `{"host":"web1","n":7}` || actortest.JSON(out[1]) != `{"spam":"spam"}` || out[0].ID() == out[1].ID() {
		t.Errorf("%d events: %s", len(out), actortest.JSON(out[0]))
	}
}

func TestANewlineBehindAnObjectIsSkipped(t *testing.T) {
	for options, want := range map[string]string{
		"mode: stream":                     `{"a":1} {"b":2} {"c":3}`,
		"mode: stream\ntarget_field: data": `{"data":{"a":1}} {"data":{"b":2}} {"data":{"c":3}}`,
	} {
		out := actortest.Process(t, msgpackparser.Spec, options, packed(t, "x", "81a161010a81a162020d0a81", "a163030a")...)
		var got []string
		for _, e := range out {
			got = append(got, actortest.JSON(e)+actortest.Tags(e))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s", options, s)
		}
	}
	out := actortest.Process(t, msgpackparser.Spec, "mode: stream\ntarget_field: data", packed(t, "x", "0a0d")...)
	if len(out) != 2 || actortest.JSON(out[0]) != `{"data":10}` {
		t.Error("numbers that follow no object are numbers")
	}
}

func TestBigObjectsInPiecesOfAnySizeFromSeveralSenders(t *testing.T) {
	m := event.NewMap(1)
	m.Set(event.Intern("spam"), event.String(strings.Repeat("s", 65_000)))
	object := string(event.AppendMsgpack(nil, event.MapOf(m)))
	for _, size := range []int{7, 1000, 32768, len(object)} {
		var in []*event.Event
		for at := 0; at < len(object); at += size {
			for _, sender := range []string{"a", "b"} {
				e := actortest.Events(object[at:min(at+size, len(object))])[0]
				e.SetReceivedFrom(sender)
				in = append(in, e)
			}
		}
		out := actortest.Process(t, msgpackparser.Spec, "mode: stream", in...)
		if len(out) != 2 || out[0].ReceivedFrom() != "a" || len(actortest.JSON(out[1])) < 65_000 {
			t.Fatalf("pieces of %d: %d events", size, len(out))
		}
	}
}

func TestStreamsRecover(t *testing.T) {
	out := actortest.Process(t, msgpackparser.Spec, "mode: stream", packed(t, "x", "81a16101c1ff", "81a16202", "82a1")...)
	var got []string
	for _, e := range out {
		got = append(got, fmt.Sprint(e.Has(event.KeyPath(event.Data)), actortest.Tags(e)))
	}
	if s := strings.Join(got, ";"); s != "false ;true msg_pack_parser_failure;false ;true msg_pack_parser_failure" && s != "false;truemsg_pack_parser_failure;false;truemsg_pack_parser_failure" {
		t.Errorf("got %s", s)
	}
}

func TestEncodeIsDecodedAgain(t *testing.T) {
	for options, want := range map[string]string{
		"action: encode\nsource_fields: [a, b]\ntarget_field: out":                      `{"c":3,"out":{"a":1,"b":"x"}}`,
		"action: encode\nsource_fields: [a, b]\ntarget_field: out\nencode_layout: list": `{"c":3,"out":[{"a":1},{"b":"x"}]}`,
	} {
		out := actortest.Process(t, msgpackparser.Spec, options, actortest.Event(t, `{"a": 1, "b": "x", "c": 3}`))
		back := actortest.Process(t, msgpackparser.Spec, "source_fields: out\ntarget_field: out", out[0])
		if got := actortest.JSON(back[0]); got != want {
			t.Errorf("%s: %s", options, got)
		}
	}
	out := actortest.Process(t, msgpackparser.Spec, "action: encode\nsource_fields: all", actortest.Event(t, `{"a": 1}`))
	back := actortest.Process(t, msgpackparser.Spec, "", out[0])
	if actortest.JSON(back[0]) != `{"a":1}` || back[0].ID() != out[0].ID() {
		t.Error(actortest.JSON(back[0]))
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, msgpackparser.Spec, map[string]string{"action: encode": "target_field", "mode: stream\npool_size: 3": "in order", "source_fields: all": "all is for"})
}

func TestFramesOfTheForwardProtocol(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	entry := func(n int) []any {
		return []any{1433152000 + n, map[string]any{"n": n}}
	}
	raw := slices.Concat(encode(t, entry(1)), encode(t, entry(2)))
	z.Write(raw)
	z.Close()
	two := `{"@timestamp":"2015-06-01T09:46:41.000Z","n":1,"tag":"app"}{"@timestamp":"2015-06-01T09:46:42.000Z","n":2,"tag":"app"}`
	for name, c := range map[string]struct {
		frame any
		want  string
		tags  string
	}{
		"one record":           {[]any{"app", 1433152001, map[string]any{"n": 1}}, `{"@timestamp":"2015-06-01T09:46:41.000Z","n":1,"tag":"app"}`, ""},
		"with nanoseconds":     {[]any{"app", codec.RawExt{Tag: 0, Data: []byte("\x55\x6c\x2a\x01\x07\x5b\xcd\x15")}, map[string]any{"n": 1}}, `{"@timestamp":"2015-06-01T09:46:41.123Z","n":1,"tag":"app"}`, ""},
		"several":              {[]any{"app", []any{entry(1), entry(2)}, map[string]any{"size": 2}}, two, ""},
		"packed":               {[]any{"app", raw}, two, ""},
		"packed and zipped":    {[]any{"app", zipped.Bytes(), map[string]any{"compressed": "gzip", "chunk": "x"}}, two, ""},
		"nothing":              {[]any{"app", []any{}}, `{}`, ""},
		"fields of the record": {[]any{"app", 1, map[string]any{"tag": "mine", "@timestamp": "then"}}, `{"@timestamp":"then","tag":"mine"}`, ""},
		"no frame":             {map[string]any{"a": 1}, "", "msg_pack_parser_failure"},
		"no record":            {[]any{"app", 1, 2}, "", "msg_pack_parser_failure"},
		"broken inside":        {[]any{"app", raw[:len(raw)-1]}, "", "msg_pack_parser_failure"},
		"no gzip":              {[]any{"app", raw, map[string]any{"compressed": "gzip"}}, "", "msg_pack_parser_failure"},
	} {
		for _, mode := range []string{"line", "stream"} {
			in := packed(t, "x", hex.EncodeToString(encode(t, c.frame)))
			data, _ := in[0].Field(event.Data)
			got := ""
			ids := map[string]bool{}
			for _, e := range actortest.Process(t, msgpackparser.Spec, "protocol: forward\nmode: "+mode, in...) {
				if ids[e.ID()] {
					t.Errorf("%s, %s: the id %s is there twice", name, mode, e.ID())
				}
				ids[e.ID()] = true
				if tags := actortest.Tags(e); tags != c.tags {
					t.Errorf("%s, %s: tags %s", name, mode, tags)
				}
				if v, _ := e.Field(event.Data); c.tags != "" && v.Str() != data.Str() {
					t.Errorf("%s, %s: the frame is gone", name, mode)
				}
				got += actortest.JSON(e)
			}
			if c.tags == "" && got != c.want {
				t.Errorf("%s, %s: got %s", name, mode, got)
			}
		}
	}
}

// encode writes a value as a library does that is not ours.
func encode(t *testing.T, v any) (raw []byte) {
	t.Helper()
	h := &codec.MsgpackHandle{WriteExt: true}
	if err := codec.NewEncoderBytes(&raw, h).Encode(v); err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestNonsenseIsNoEventForEveryByte(t *testing.T) {
	out := actortest.Process(t, msgpackparser.Spec, "mode: stream", actortest.Events(strings.Repeat("spam", 100_000))...)
	if n := len(out); n < 2 || n > 1100 {
		t.Errorf("%d events of 400,000 bytes", n)
	}
	total := 0
	for _, e := range out {
		v, _ := e.Field(event.Data)
		total += len(v.Str())
		if actortest.Tags(e) != "msg_pack_parser_failure" {
			t.Fatalf("tags are %s", actortest.Tags(e))
		}
	}
	if total != 400_000 {
		t.Errorf("%d bytes are left", total)
	}
}
