package collectdparser_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/collectdparser"
)

const (
	twoRecords   = "00000015776562312e6578616d706c652e6f7267000008000c1522af28200000000009000c00000002800000000002000e696e74657266616365000003000965746830000004000e69665f6f637465747300000600180002020200000000000004000000000000000800000200096c6f6164000003000500000400096c6f616400000600210003010101000000000000d03f000000000000e03f000000000000f03f"
	notification = "0000000977656231000001000c00000000548abca00101000c00000000000000020002000863707500010000116c6f6164206973206869676800"

	// These are two records as collectd's library for Go writes them: bare, and signed and
	// encrypted by harold with the password "spam eggs".
	bare      = "000000097765623100000200096c6f616400000400096c6f6164000008000c1522af28200000000009000c0000000280000000000600210003010101000000000000d03f000000000000e03f000000000000f03f0002000e696e74657266616365000003000965746830000004000e69665f6f63746574730000060018000202020000000000000400ffffffffffffffff"
	signed    = "0200002a2c64426927c3d8fa92427241eb51c081c27a457a40fd291acfabd99bd6bce08b6861726f6c64" + bare
	encrypted = "021000c100066861726f6c643df25308a42c3a11239f56d1b3d803a0f666985d6df3012b139f67b18de68ec565b860169cde917922c15480d493d076fcd5534ed0e4cfffc329f8b1ab1e944e099bcd671568f9bb713129c74ab008b320c8c5c0170d0aafac59f74fad0e12cad5f113504e59aac6adb69054e612e70b40569f7c17a29323ab6fe729b4f7c597919612cadd47c65131a5150d8eb429445c18b681f84b47eae53ac23cbe8597178f5ae31e5f7ebe1692e6f083b7f3d86374b09ecc4a"
)

// bytesOf makes the bytes of hexadecimal digits, among which blanks may stand.
func bytesOf(t testing.TB, digits string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decode returns what becomes of packets: the events one per line, with ! in front of those
// that have a tag.
func decode(t *testing.T, options string, packets ...string) string {
	t.Helper()
	var data []string
	for _, p := range packets {
		data = append(data, bytesOf(t, p))
	}
	var lines []string
	for _, e := range actortest.Process(t, collectdparser.Spec, options, actortest.Events(data...)...) {
		if v, ok := e.Field(event.Data); ok && v.IsString() {
			e.SetField(event.Data, event.String(hex.EncodeToString([]byte(v.Str()))))
		}
		mark := ""
		if actortest.Tags(e) != "" {
			mark = "!"
		}
		lines = append(lines, mark+actortest.JSON(e))
	}
	return strings.Join(lines, "\n")
}

const (
	first  = `{"datetime":"2014-12-12T10:00:00.500Z","dstypes":["derive","derive"],"host":"web1.example.org","interval":10.0,"plugin":"interface","plugininstance":"eth0","source":"web1.example.org/interface/eth0/if_octets","time":1418378400.5,"type":"if_octets","typeinstance":null,"values":[1024,2048]}`
	second = `{"datetime":"2014-12-12T10:00:00.500Z","dstypes":["gauge","gauge","gauge"],"host":"web1.example.org","interval":10.0,"plugin":"load","plugininstance":"","source":"web1.example.org/load/load","time":1418378400.5,"type":"load","typeinstance":null,"values":[0.25,0.5,1.0]}`
	third  = `{"datetime":"2014-12-12T10:00:00.000Z","host":"web1","interval":null,"message":"load is high","plugin":"cpu","plugininstance":null,"severity":2,"severitystring":"WARNING","source":"web1/cpu","time":1418378400,"type":null,"typeinstance":null}`
	bare1  = `{"datetime":"2014-12-12T10:00:00.500Z","dstypes":["gauge","gauge","gauge"],"host":"web1","interval":10.0,"plugin":"load","plugininstance":null,"source":"web1/load/load","time":1418378400.5,"type":"load","typeinstance":null,"values":[0.25,0.5,1.0]}`
	bare2  = `{"datetime":"2014-12-12T10:00:00.500Z","dstypes":["derive","derive"],"host":"web1","interval":10.0,"plugin":"interface","plugininstance":"eth0","source":"web1/interface/eth0/if_octets","time":1418378400.5,"type":"if_octets","typeinstance":null,"values":[1024,-1]}`
)

// Parts that tests put together.
const (
	host    = "0000 0009 7765623100"
	seconds = "0001 000c 00000000548abca0"
	plugin  = "0002 0009 6c6f616400"
	one     = "0006 000f 0001 01 000000000000f03f" // a gauge, 1.0
	nan     = "0006 0021 0003 010001 000000000000f87f 0000000000000007 000000000000f03f"
)

const simple = `{"datetime":"2014-12-12T10:00:00.000Z","dstypes":["gauge"],"host":"web1","interval":null,"plugin":"load","plugininstance":null,"source":"web1/load","time":1418378400,"type":null,"typeinstance":null,"values":[1.0]}`

func TestPacketsBecomeEvents(t *testing.T) {
	for name, c := range map[string]struct{ options, in, want string }{
		"the documentation's":        {"", twoRecords, first + "\n" + second},
		"a notification":             {"", notification, third},
		"of another program":         {"", bare, bare1 + "\n" + bare2},
		"in whole seconds":           {"", host + seconds + "0007 000c 000000000000000a" + plugin + one, strings.Replace(simple, `"interval":null`, `"interval":10`, 1)},
		"in a field":                 {"target_field: c.d", host + seconds + plugin + one, `{"c":{"d":` + simple + `}}`},
		"in the field of the packet": {"target_field: data", host + seconds + plugin + one, `{"data":` + simple + `}`},
		"in a field of the packet":   {"target_field: data.d", twoRecords, `!{"data":"` + twoRecords + `"}`},
		"the packet is kept":         {"keep_original: True", host + seconds + plugin + one, `{"data":"` + strings.ReplaceAll(host+seconds+plugin+one, " ", "") + `",` + simple[1:]},
		"without intervals":          {"prune_intervals: True", host + seconds + plugin + one, strings.Replace(simple, `"interval":null,`, "", 1)},
		"parts that nobody knows":    {"", "ffff 0006 abcd" + host + "0042 0004" + seconds + plugin + one, simple},
		"big numbers":                {"", host + seconds + plugin + "0006 0021 0003 000302 ffffffffffffffff 8000000000000000 8000000000000000", strings.Replace(strings.Replace(simple, `["gauge"]`, `["counter","absolute","derive"]`, 1), "[1.0]", "[18446744073709551615,9223372036854775808,-9223372036854775808]", 1)},
		"no values":                  {"", host + seconds + plugin + "0006 0006 0000", strings.Replace(strings.Replace(simple, `["gauge"]`, `[]`, 1), "[1.0]", "[]", 1)},
		"not a number":               {"", host + seconds + plugin + nan, strings.Replace(strings.Replace(simple, `["gauge"]`, `["gauge","counter","gauge"]`, 1), "[1.0]", "[null,7,1.0]", 1)},
		"not a number, dropped":      {"nan_handling: drop", host + seconds + plugin + nan, strings.Replace(strings.Replace(simple, `["gauge"]`, `["counter","gauge"]`, 1), "[1.0]", "[7,1.0]", 1)},
		"nothing is left":            {"nan_handling: drop", host + seconds + plugin + "0006 000f 0001 01 000000000000f87f", "{}"},
		"nothing to say":             {"", host + seconds, "{}"},
		"a text with two ends":       {"", "0000 000b 7765623100ff00" + seconds + plugin + one, simple},
		"severities":                 {"", host + "0101 000c 0000000000000001 0100 0005 00 0101 000c 0000000000000004 0100 0006 6100 0101 000c 0000000000000003 0100 0006 6200", strings.Join([]string{note(1, "FAILURE", ""), note(4, "OKAY", "a"), note(0, "UNKNOWN", "b")}, "\n")},
		"one by one":                 {"split_values: True", host + seconds + plugin + nan, strings.Join([]string{single("null", "gauge", "null"), single("7", "counter", "null"), single("1.0", "gauge", "null")}, "\n")},
		"one by one, dropped":        {"split_values: True\nnan_handling: drop", host + seconds + plugin + nan, strings.Join([]string{single("7", "counter", "null"), single("1.0", "gauge", "null")}, "\n")},
		"names with underscores":     {"field_style: snake", twoRecords, strings.NewReplacer("plugininstance", "plugin_instance", "typeinstance", "type_instance").Replace(first + "\n" + second)},
		"the same of a notification": {"field_style: snake", notification, strings.NewReplacer("plugininstance", "plugin_instance", "typeinstance", "type_instance", "severitystring", "severity_string").Replace(third)},
	} {
		if got := decode(t, c.options, c.in); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
	out := actortest.Process(t, collectdparser.Spec, "nan_handling: keep", actortest.Events(bytesOf(t, host+seconds+plugin+nan))...)
	if v, _ := out[0].Get(event.MustPath("values.0")); v.Text() != "nan" {
		t.Errorf("with keep it is %s", v.Text())
	}
}

func note(severity int, name, message string) string {
	return fmt.Sprintf(`{"datetime":null,"host":"web1","interval":null,"message":%q,"plugin":null,"plugininstance":null,"severity":%d,"severitystring":%q,"source":"web1","time":null,"type":null,"typeinstance":null}`, message, severity, name)
}

func single(value, kind, name string) string {
	return fmt.Sprintf(`{"datetime":"2014-12-12T10:00:00.000Z","dsname":%s,"dstype":%q,"host":"web1","interval":null,"plugin":"load","plugininstance":null,"source":"web1/load","time":1418378400,"type":null,"typeinstance":null,"value":%s}`, name, kind, value)
}

func TestBrokenPacketsKeepWhatIsGood(t *testing.T) {
	const good = host + seconds + plugin + one
	for name, broken := range map[string]string{
		"a part that is too short":    "0000 0003 00",
		"a part that is too long":     "0000 0009 776562",
		"half a header":               "0000 00",
		"a text without an end":       "0000 0005 61",
		"a text of nothing":           "0000 0004",
		"a number of seven bytes":     "0001 000b 00000000548abc",
		"too many values":             "0006 000f 0002 01 000000000000f03f",
		"too few values":              "0006 000f 0000 01 000000000000f03f",
		"no count":                    "0006 0005 00",
		"a source that nobody knows":  "0006 000f 0001 04 000000000000f03f",
		"a year with five digits":     "0001 000c 0000004000000000",
		"a signature of nothing":      "0200 0008 00000000",
		"an encryption of nothing":    "0210 0004",
		"an encryption cut off":       "0210 0010 0006 6861726f6c64 00000000",
		"an encryption by nobody":     encrypted,
		"a message without an end":    "0100 0005 61",
		"an interval of three bytes":  "0009 0007 000000",
		"a severity of three bytes":   "0101 0007 000000",
		"a name of user without size": "0210 0005 00",
	} {
		if got := decode(t, "", good+broken); got != "!"+simple {
			t.Errorf("%s behind a record:\n%s", name, got)
		}
		untouched := `!{"data":"` + strings.ReplaceAll(broken, " ", "") + `"}`
		if got := decode(t, "", broken); got != untouched {
			t.Errorf("%s alone:\n%s", name, got)
		}
	}
	if got := decode(t, "", host+plugin+one, "", strings.Repeat("00420004", 16384)); strings.Count(got, "!{") != 3 || strings.Contains(got, "values") {
		t.Errorf("values before any time, an empty packet and a long one give\n%s", got)
	}
	if got := decode(t, "on_error: drop", twoRecords+"ff"); got != first {
		t.Errorf("with drop:\n%s", got)
	}
}

func TestEveryRecordHasAnIDOfItsOwn(t *testing.T) {
	out := actortest.Process(t, collectdparser.Spec, "", actortest.Events(bytesOf(t, twoRecords))...)
	if len(out) != 2 || out[1].ID() != out[0].ID()+".1" {
		t.Errorf("the ids are %s and %s", out[0].ID(), out[1].ID())
	}
}

func TestRecordsDoNotShowInOneAnother(t *testing.T) {
	in := actortest.Event(t, `{"values": "old", "message": "old", "x": 1}`)
	in.SetField(event.Data, event.String(bytesOf(t, host+seconds+plugin+one+one+"0100 0006 6100")))
	out := actortest.Process(t, collectdparser.Spec, "add_fields: {'dstypes.0': '$(gambolputty.event_id)', 'values.0': 'x'}", in, actortest.Events(bytesOf(t, host+seconds+plugin+one))[0])
	seen := map[string]bool{}
	for i, e := range out {
		v, _ := e.Get(event.MustPath("dstypes.0"))
		if i != 2 && (v.Str() != e.ID() || seen[v.Str()]) {
			t.Errorf("event %d has the kind %s", i, v.Str())
		}
		seen[v.Str()] = true
	}
	for i, path := range []string{"message", "message", "values"} {
		if v, _ := out[i].Get(event.MustPath(path)); v.Str() != "old" {
			t.Errorf("event %d has the %s %s", i, path, v.Text())
		}
	}
}

func TestSeveralFields(t *testing.T) {
	in := actortest.Event(t, `{}`)
	in.SetField(event.Intern("a"), event.String(bytesOf(t, notification)))
	in.SetField(event.Intern("b"), event.String("no packet"))
	in.SetField(event.Intern("c"), event.String(bytesOf(t, host+seconds+plugin+one)))
	out := actortest.Process(t, collectdparser.Spec, "source_fields: [a, b, c, d]", in)
	if len(out) != 2 || actortest.Tags(out[0]) == "" || actortest.Tags(out[1]) != "" {
		t.Fatalf("%d events, tags %q", len(out), actortest.Tags(out[0]))
	}
	for i, want := range []string{third, simple} {
		if got := actortest.JSON(out[i]); got != `{"b":"no packet",`+want[1:] {
			t.Errorf("event %d is %s", i, got)
		}
	}
	actortest.Cases(t, collectdparser.Spec, map[string]actortest.Case{
		"no text": {In: `{"data": 5}`, Want: `{"data":5}`, Tags: "collectd_parser_failure"},
		"missing": {In: `{"x": 5}`, Want: `{"x":5}`},
	})
	actortest.Survive(t, collectdparser.Spec, "data")
	host := actortest.Event(t, `{}`)
	host.SetField(event.Intern("host"), event.String(bytesOf(t, notification)))
	if out := actortest.Process(t, collectdparser.Spec, "source_fields: host", host); actortest.JSON(out[0]) != third {
		t.Errorf("a record over its packet is %s", actortest.JSON(out[0]))
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSignaturesAndEncryption(t *testing.T) {
	known := "auth_file: " + file(t, "# who may send\n\n graham: x:y \nharold: spam eggs\n")
	unknown := "auth_file: " + file(t, "graham: x")
	wrong := "auth_file: " + file(t, "harold: eggs")
	const good, bad = bare1 + "\n" + bare2, "!"
	tampered := strings.Replace(signed, "0400ffff", "0401ffff", 1)
	spoiled := encrypted[:200] + "00" + encrypted[202:]
	for _, c := range []struct{ options, in, want string }{
		{"", signed, good}, {known, signed, good}, {unknown, signed, good}, {wrong, signed, bad}, {known, tampered, bad}, {unknown, tampered, strings.Replace(good, "1024", "1025", 1)},
		{known, encrypted, good}, {unknown, encrypted, bad}, {wrong, encrypted, bad}, {"", encrypted, bad}, {known, spoiled, bad},
		{known + "\nsecurity_level: sign", signed, good}, {known + "\nsecurity_level: sign", encrypted, good}, {known + "\nsecurity_level: sign", bare, bad},
		{unknown + "\nsecurity_level: sign", signed, bad}, {known + "\nsecurity_level: sign", tampered, bad},
		{known + "\nsecurity_level: encrypt", encrypted, good}, {known + "\nsecurity_level: encrypt", signed, bad}, {known + "\nsecurity_level: encrypt", bare, bad},
	} {
		got := decode(t, c.options, c.in)
		if c.want == bad {
			got = got[:1]
		}
		if got != c.want {
			t.Errorf("%s, %s...:\n%s\nwant\n%s", c.options, c.in[:20], got, c.want)
		}
	}
	// What stands in front of the signature has none.
	smuggled := decode(t, known+"\nsecurity_level: sign", "0000 0009 6576696c00"+host+seconds+plugin+signed)
	if smuggled != good {
		t.Errorf("parts in front of a signature:\n%s", smuggled)
	}
	if got := decode(t, known+"\nsecurity_level: encrypt", encrypted+host+seconds+plugin+one); got != bare1+"\n!"+bare2 {
		t.Errorf("parts behind the encrypted one:\n%s", got)
	}
}

func TestNamesOfDataSources(t *testing.T) {
	db := "types_db: " + file(t, "# types\nload  shortterm:GAUGE:0:5000, midterm:GAUGE:0:5000, longterm:GAUGE:0:5000\nif_octets rx:DERIVE:0:U,tx:DERIVE:0:U\n")
	later := "types_db: [" + strings.TrimPrefix(db, "types_db: ") + ", " + file(t, "load\ta:GAUGE:0:U") + "]"
	const gone = `"typeinstance":null`
	load := `"dsnames":["shortterm","midterm","longterm"],"dstypes":["gauge"`
	want := strings.Replace(bare1, `"dstypes":["gauge"`, load, 1) + "\n" + strings.Replace(bare2, `"dstypes":["d`, `"dsnames":["rx","tx"],"dstypes":["d`, 1)
	if got := decode(t, db, bare); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := decode(t, later, bare); !strings.HasPrefix(got, strings.Replace(bare1, `"dstypes"`, `"dsnames":null,"dstypes"`, 1)) {
		t.Errorf("another number of names:\n%s", got)
	}
	got := decode(t, db+"\nsplit_values: True", bare)
	for i, want := range []string{`"dsname":"shortterm","dstype":"gauge"`, `"dsname":"midterm"`, `"dsname":"longterm"`, `"dsname":"rx","dstype":"derive"`, `"dsname":"tx"`} {
		line := strings.Split(got, "\n")[i]
		if !strings.Contains(line, want) || strings.Contains(line, "values") || !strings.Contains(line, gone) || !strings.Contains(line, `"value":`) {
			t.Errorf("value %d is %s", i, line)
		}
	}
	gauges := host + seconds + "0004 0009 6c6f616400 0006 0021 0003 010101 000000000000f03f 000000000000f87f 0000000000000040"
	if got := decode(t, db+"\nnan_handling: drop", gauges); !strings.Contains(got, `"dsnames":["shortterm","longterm"]`) || !strings.Contains(got, `"values":[1.0,2.0]`) {
		t.Errorf("dropped: %s", got)
	}
	if got := decode(t, db+"\nnan_handling: drop\nsplit_values: True", gauges); !strings.Contains(got, `"dsname":"longterm"`) || strings.Contains(got, "midterm") {
		t.Errorf("dropped one by one: %s", got)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, collectdparser.Spec, map[string]string{
		"action: encode":                                "target_field",
		"source_fields: all":                            "all is for",
		"source_fields: []":                             "empty list",
		"security_level: sign":                          "auth_file",
		"security_level: strong":                        "none, sign, encrypt",
		"nan_handling: zero":                            "null, keep, drop",
		"field_style: camel":                            "collectd, snake",
		"action: encode\ntarget_field: a\nauth_file: x": "neither signs",
	})
}

func TestFilesThatMakeNoSenseStopTheStart(t *testing.T) {
	for options, want := range map[string]string{
		"auth_file: " + file(t, "harold spam"):        "line 1 is not of the form",
		"auth_file: " + file(t, "a: b\n: spam"):       "line 2 is not of the form",
		"types_db: " + file(t, "load short"):          "is no data source",
		"types_db: " + file(t, "a b:GAUGE:0:U\nload"): "line 2: the type load has no data sources",
		"types_db: " + t.TempDir():                    "is a directory",
		"auth_file: /nowhere/at/all":                  "no such file",
	} {
		lines := make(chan string)
		close(lines)
		r := actortest.Start(t, "- Lines\n- CollectdParser: {"+options+"}\n- TestCatch\n", collectdparser.Spec, actortest.Lines(lines))
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
}

func TestEncodedIsDecodedAgain(t *testing.T) {
	for _, style := range []string{"", "\nfield_style: snake"} {
		for _, packet := range []string{twoRecords, notification, bare, host + seconds + "0007 000c 000000000000000a" + plugin + one, host + seconds + plugin + nan, host + seconds + plugin + "0006 0021 0003 000302 ffffffffffffffff 8000000000000000 8000000000000000"} {
			for _, e := range actortest.Process(t, collectdparser.Spec, "target_field: m"+style, actortest.Events(bytesOf(t, packet))...) {
				want := actortest.JSON(e)
				out := actortest.Process(t, collectdparser.Spec, "action: encode\nsource_fields: m\ntarget_field: p"+style, e)
				back := actortest.Process(t, collectdparser.Spec, "source_fields: p\ntarget_field: m"+style, out...)
				if got := actortest.JSON(back[0]); got != want {
					t.Errorf("%s became %s", want, got)
				}
			}
		}
	}
}

func TestEncode(t *testing.T) {
	const enc = "action: encode\ntarget_field: p\n"
	packet := func(options, in string) string {
		out := actortest.Process(t, collectdparser.Spec, enc+options, actortest.Event(t, in))
		if tags := actortest.Tags(out[0]); tags != "" {
			return tags
		}
		v, _ := out[0].Get(event.MustPath("p"))
		return hex.EncodeToString([]byte(v.Str()))
	}
	whole := `{"host": "web1", "time": 1418378400, "plugin": "load", "values": [1], "dstypes": ["gauge"], "other": 5}`
	want := strings.ReplaceAll(host+plugin+seconds+one, " ", "")
	if got := packet("source_fields: all", whole); got != want {
		t.Errorf("all gives %s, want %s", got, want)
	}
	two := `{"a": ` + whole + `, "b": {"host": "web1", "time": 1418378400, "plugin": null, "message": "x", "severity": 4}}`
	want += strings.ReplaceAll("0002 0005 00"+seconds+"0101 000c 0000000000000004 0100 0006 7800", " ", "")
	if got := packet("source_fields: [a, b]", two); got != want {
		t.Errorf("two maps give %s, want %s", got, want)
	}
	long := strings.Repeat("x", 65535)
	for _, bad := range []string{
		`5`, `{}`, `{"time": 1}`, `{"time": -1, "values": [], "dstypes": []}`, `{"time": "1", "values": [], "dstypes": []}`, `{"time": 1e12, "values": [], "dstypes": []}`,
		`{"time": 1, "values": [1], "dstypes": []}`, `{"time": 1, "values": [1], "dstypes": ["meter"]}`, `{"time": 1, "values": ["1"], "dstypes": ["gauge"]}`,
		`{"time": 1, "values": [1.5], "dstypes": ["derive"]}`, `{"time": 1, "values": [-1], "dstypes": ["counter"]}`, `{"time": 1, "values": [18446744073709551616], "dstypes": ["absolute"]}`,
		`{"time": 1, "values": [9223372036854775808], "dstypes": ["derive"]}`, `{"time": 1, "values": [null], "dstypes": ["counter"]}`, `{"time": 1, "host": 5, "values": [], "dstypes": []}`,
		`{"time": 1, "host": "a\u0000b", "values": [], "dstypes": []}`, `{"time": 1, "host": "` + long + `", "values": [], "dstypes": []}`, `{"message": 5}`, `{"message": "x", "severity": -1}`,
		`{"message": "x", "severity": "OKAY"}`, `{"time": 1, "interval": [], "values": [], "dstypes": []}`, `{"message": "` + long[:40000] + `", "host": "` + long[:40000] + `"}`,
		`{"time": 1, "values": [` + strings.Repeat("1,", 8000) + `1], "dstypes": [` + strings.Repeat(`"gauge",`, 8000) + `"gauge"]}`,
	} {
		if got := packet("source_fields: m", `{"m": `+bad+`}`); got != "collectd_parser_failure" {
			t.Errorf("%.80s gives %s", bad, got)
		}
	}
	actortest.Cases(t, collectdparser.Spec, map[string]actortest.Case{
		"the source goes":  {Options: enc + "source_fields: m", In: `{"m": {"message": ""}}`, Want: `{"p":"\u0001\u0000\u0000\u0005\u0000"}`},
		"the source stays": {Options: enc + "source_fields: m\nkeep_original: True", In: `{"m": {"message": ""}}`, Want: `{"m":{"message":""},"p":"\u0001\u0000\u0000\u0005\u0000"}`},
		"all stays":        {Options: enc + "source_fields: all", In: `{"message": ""}`, Want: `{"message":"","p":"\u0001\u0000\u0000\u0005\u0000"}`},
		"missing":          {Options: enc + "source_fields: m", In: `{"x": 1}`, Want: `{"x":1}`},
	})
}

// packetOf makes a packet as a daemon sends it: many records of few bytes.
func packetOf(records int) string {
	var b []byte
	part := func(kind uint16, body string) {
		b = binary.BigEndian.AppendUint16(b, kind)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(body)+4)), body...)
	}
	part(0, "web1.example.org\x00")
	part(9, "\x00\x00\x00\x02\x80\x00\x00\x00")
	for i := range records {
		part(8, string(binary.BigEndian.AppendUint64(nil, 0x1522af2820000000+uint64(i)<<20)))
		part(2, "cpu\x00")
		part(3, fmt.Sprintf("%d\x00", i/8))
		part(4, "cpu\x00")
		part(5, [...]string{"user", "nice", "system", "idle", "wait", "interrupt", "softirq", "steal"}[i%8]+"\x00")
		part(6, "\x00\x01\x02"+string(binary.BigEndian.AppendUint64(nil, uint64(i*1000))))
	}
	return string(b)
}

func BenchmarkPacketOf24Records(b *testing.B) {
	packet := packetOf(24)
	b.Run("merged", func(b *testing.B) { actortest.Bench(b, collectdparser.Spec, "", packet) })
	b.Run("in a field", func(b *testing.B) { actortest.Bench(b, collectdparser.Spec, "target_field: c", packet) })
}
