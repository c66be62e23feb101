package inflateparser_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/parsers/inflateparser"
)

const spam = "Spam! Spam!"

// samples are that text as other programs compress it: the formats, and what they wrote.
var samples = map[string]struct{ format, hex string }{
	"gzip, the documentation's": {"gzip", "1f8b08000000000002ff0b2e48cc555408069100e629a1d30b000000"},
	"zlib, the documentation's": {"zlib", "789c0b2e48cc55540806910015f10385"},
	"gzip":                      {"gzip", "1f8b08000000000000030b2e48cc555408069100e629a1d30b000000"},
	"gzip with zeros behind":    {"gzip", "1f8b08000000000000030b2e48cc555408069100e629a1d30b000000" + "0000000000"},
	"deflate":                   {"deflate", "0b2e48cc555408069100"},
	"bzip2":                     {"bzip2", "425a6839314159265359a38e7b540000019380600008002002400020002129a36a0c02526a2278bb9229c284851c73daa0"},
	"zstd":                      {"zstd", "28b52ffd04585900005370616d21205370616d21ca83f9d8"},
	"zstd without checksum":     {"zstd", "28b52ffd00585900005370616d21205370616d21"},
	"lz4":                       {"lz4", "04224d186440a70b0000805370616d21205370616d2100000000cacb3f71"},
	"lz4 of former times":       {"lz4", "02214c180c000000b05370616d21205370616d21"},
	"a block of snappy":         {"snappy", "0b28" + "5370616d21205370616d21"},
	"xz":                        {"xz", "fd377a585a000004e6d6b4460200210116000000742fe5a301000a5370616d21205370616d2100003e83a7abee8dd2700001230bc21bfd091fb6f37d010000000004595a"},
	"xz with SHA-256":           {"xz", "fd377a585a00000ae1fb0ca10200210116000000742fe5a301000a5370616d21205370616d21000075fd1824c81df97f0f59fe3cc6a6d3e986d2b229e8d8fbb9247077bb49643b0500013b0b9b83e68b189b4b9a01000000000a595a"},
	"xz with CRC-32":            {"xz", "fd377a585a0000016922de360200210116000000742fe5a301000a5370616d21205370616d210000e629a1d300011f0b3d620e7a9042990d010000000001595a"},
	"xz without checksum":       {"xz", "fd377a585a000000ff12d9410200210116000000742fe5a301000a5370616d21205370616d21000000011b0b39a7621e06729e7a010000000000595a"},
	"xz in blocks, padded":      {"xz", "fd377a585a000004e6d6b4460200210116000000742fe5a30100035370616d00f21d3a93479355950200210116000000742fe5a3010003212053700077d3a577b7f599f70200210116000000742fe5a3010002616d2100009c330d77edea8e9000031c041c041b030f7ba7f8b1c467fb020000000004595a" + "00000000"},
}

func unhex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// run sends texts through the module and returns the results, "" for those with a fault.
func run(t testing.TB, options string, data ...string) []string {
	t.Helper()
	var results []string
	for i, e := range actortest.Process(t, inflateparser.Spec, options, actortest.Events(data...)...) {
		v, _ := e.Field(event.Data)
		if actortest.Tags(e) == "" {
			results = append(results, v.Str())
			continue
		}
		if v.Str() != data[i] {
			t.Errorf("%s: data with a fault became %q", options, v.Str())
		}
		results = append(results, "")
	}
	return results
}

func TestWhatOtherProgramsCompressIsRead(t *testing.T) {
	for name, s := range samples {
		options := []string{"compression: " + s.format}
		if s.format != "deflate" && s.format != "snappy" {
			options = append(options, "compression: auto")
		}
		if s.format == "gzip" {
			options = append(options, "", "compression: zlib")
		}
		for _, o := range options {
			if got := run(t, o, unhex(t, s.hex)); got[0] != spam {
				t.Errorf("%s with %q gives %q", name, o, got[0])
			}
		}
	}
}

func TestMembersAndFramesInARowAreOneText(t *testing.T) {
	for _, name := range []string{"gzip", "bzip2", "zstd", "lz4", "xz", "xz in blocks, padded"} {
		s := samples[name]
		if got := run(t, "compression: auto", unhex(t, s.hex+s.hex)); got[0] != spam+spam {
			t.Errorf("%s gives %q", name, got[0])
		}
	}
}

func TestDamagedDataIsAFault(t *testing.T) {
	for name, s := range samples {
		whole := unhex(t, s.hex)
		var damaged []string
		for n := range len(strings.TrimRight(whole, "\x00")) {
			damaged = append(damaged, whole[:n])
		}
		damaged = append(damaged, whole+"x", whole+"spam and eggs", "spam and eggs")
		for i, got := range run(t, "compression: "+s.format, damaged...) {
			if got != "" {
				t.Errorf("%s: %x gives %q", name, damaged[i], got)
			}
		}
	}
}

func TestChecksumsAreVerified(t *testing.T) {
	for name, at := range map[string]int{
		"gzip": 21, "zlib, the documentation's": 13, "bzip2": 12, "zstd": 21, "lz4": 27, "xz": 42, "xz with SHA-256": 50, "xz with CRC-32": 41,
	} {
		s := samples[name]
		broken := []byte(unhex(t, s.hex))
		broken[at] ^= 1
		if got := run(t, "compression: "+s.format, string(broken)); got[0] != "" {
			t.Errorf("%s gives %q", name, got[0])
		}
	}
}

func TestCompressedIsDecompressedAgain(t *testing.T) {
	noise := make([]byte, 70_000)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	texts := []string{spam, "", string(noise), strings.Repeat("spam and ", 100_000), "ü\xff", strings.Repeat(string(noise[:1000]), 300)}
	for _, format := range []string{"gzip", "zlib", "deflate", "zstd", "snappy", "lz4", "xz"} {
		for _, more := range []string{"", "\nsource_encoding: base64"} {
			options := "compression: " + format + more
			packed := run(t, options+"\naction: encode", texts...)
			if len(packed[3]) > len(texts[3])/4 {
				t.Errorf("%s is no compression", format)
			}
			for i, got := range run(t, options, packed...) {
				if got != texts[i] || packed[i] == "" {
					t.Errorf("%s: text %d became %d bytes", options, i, len(got))
				}
			}
		}
	}
}

func TestBombsDoNotGoOff(t *testing.T) {
	const limit = 100_000
	for _, format := range []string{"gzip", "zlib", "deflate", "zstd", "snappy", "lz4", "xz"} {
		packed := run(t, "action: encode\ncompression: "+format, strings.Repeat("x", limit+1), strings.Repeat("x", limit), strings.Repeat("x", 50*limit))
		got := run(t, fmt.Sprintf("max_inflated_bytes: %d\ncompression: %s", limit, format), packed...)
		if got[0] != "" || len(got[1]) != limit || got[2] != "" {
			t.Errorf("%s gives %d, %d and %d bytes", format, len(got[0]), len(got[1]), len(got[2]))
		}
	}
}

func TestPromisesOfSizeAreNotBelieved(t *testing.T) {
	for name, s := range map[string][2]string{
		"a block of snappy of 64 MiB":   {"snappy", "80808020" + "00"},
		"a frame of zstd of 60 MiB":     {"zstd", "28b52ffda00000c003" + "0100 00"},
		"a dictionary of xz of 4 GiB":   {"xz", "fd377a585a000004e6d6b446" + "0200210128000000" + "d91f8b4f" + "01000a5370616d21205370616d210000"},
		"a window of zstd of 2 GiB":     {"zstd", "28b52ffd00a8" + "5900005370616d21205370616d21"},
		"a block of lz4 of 4 MiB":       {"lz4", "04224d186470b9" + "ffffff7f"},
		"blocks of bzip2 of 900 kB":     {"bzip2", "425a6839314159265359ffffffff"},
		"a chunk of snappy of 16 MiB":   {"snappy", "ff060000734e61507059" + "00ffffff" + "00000000" + "ffffff07"},
		"a name of gzip without an end": {"gzip", "1f8b08080000000000ff" + strings.Repeat("41", 5000)},
	} {
		data := unhex(t, strings.ReplaceAll(s[1], " ", ""))
		options := "max_inflated_bytes: 1000000\ncompression: " + s[0]
		run(t, options, data) // what is made once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got := run(t, options, data); got[0] != "" {
			t.Errorf("%s gives %q", name, got[0])
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 12<<20 {
			t.Errorf("%s costs %d bytes", name, n)
		}
	}
}

func TestFieldsAreHandledOneByOne(t *testing.T) {
	gz, bad := unhex(t, samples["gzip"].hex), "\x1f\x8bno"
	made := func(fields ...event.Field) *event.Event {
		e := actortest.Event(t, `{}`)
		for _, f := range fields {
			e.SetField(f.Key, f.Value)
		}
		return e
	}
	field := func(name, text string) event.Field {
		return event.Field{Key: event.Intern(name), Value: event.String(text)}
	}
	for name, c := range map[string]struct {
		options string
		in      *event.Event
		want    map[string]string
		tags    string
	}{
		"the documentation's": {"source_fields: [body]\ntarget_fields: [body_text]", made(field("body", gz)), map[string]string{"body": gz, "body_text": spam}, ""},
		"several":             {"source_fields: [a, b.c]", made(field("a", gz), event.Field{Key: event.Intern("b"), Value: event.MapOf(event.FromFields([]event.Field{field("c", gz)}))}), map[string]string{"a": spam, "b.c": spam}, ""},
		"one is broken":       {"source_fields: [a, b]\ntarget_fields: [c, d]", made(field("a", bad), field("b", gz)), map[string]string{"a": bad, "b": gz, "c": "", "d": spam}, "inflate_parser_failure"},
		"one is missing":      {"source_fields: [a, b]", made(field("b", gz)), map[string]string{"a": "", "b": spam}, ""},
		"in a row":            {"source_fields: [a, b]\ntarget_fields: [b, c]", made(field("a", gz), field("b", gz)), map[string]string{"a": gz, "b": spam, "c": spam}, ""},
		"one word":            {"source_field: a", made(field("a", gz)), map[string]string{"a": spam}, ""},
		"a list of formats":   {"source_fields: a\ncompression: [xz, zstd, gzip]", made(field("a", gz)), map[string]string{"a": spam}, ""},
		"none of a list":      {"source_fields: a\ncompression: [xz, zstd]", made(field("a", gz)), map[string]string{"a": gz}, "inflate_parser_failure"},
		"base64":              {"source_fields: a\nsource_encoding: base64", made(field("a", base64.RawURLEncoding.EncodeToString([]byte(gz)))), map[string]string{"a": spam}, ""},
		"no base64":           {"source_fields: a\nsource_encoding: base64", made(field("a", gz)), map[string]string{"a": gz}, "inflate_parser_failure"},
		"a target in a text":  {"source_fields: a\ntarget_fields: a.b", made(field("a", gz)), map[string]string{"a": gz}, "inflate_parser_failure"},
	} {
		out := actortest.Process(t, inflateparser.Spec, c.options, c.in)
		if tags := actortest.Tags(out[0]); tags != c.tags {
			t.Errorf("%s: tags %q", name, tags)
		}
		for path, want := range c.want {
			if v, _ := out[0].Get(event.MustPath(path)); v.Str() != want {
				t.Errorf("%s: %s is %q", name, path, v.Str())
			}
		}
	}
}

func TestOtherValuesPass(t *testing.T) {
	actortest.Cases(t, inflateparser.Spec, map[string]actortest.Case{
		"a number":    {In: `{"data": 5}`, Want: `{"data":5}`, Tags: "inflate_parser_failure"},
		"not packed":  {Options: "compression: auto", In: `{"data": "spam"}`, Want: `{"data":"spam"}`, Tags: "inflate_parser_failure"},
		"missing":     {In: `{"x": 5}`, Want: `{"x":5}`},
		"to compress": {Options: "action: encode", In: `{"data": null}`, Want: `{"data":null}`, Tags: "inflate_parser_failure"},
	})
	actortest.Survive(t, inflateparser.Spec, "body")
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, inflateparser.Spec, map[string]string{
		"source_fields: [a, b]\ntarget_fields: c":   "are 2, got 1",
		"compression: rar":                          `got "rar"`,
		"compression: []":                           "empty list",
		"action: encode\ncompression: auto":         `got "auto"`,
		"action: encode\ncompression: bzip2":        `got "bzip2"`,
		"action: encode\ncompression: [gzip, zlib]": "one format",
		"max_inflated_bytes: 0":                     "at least 1",
		"source_encoding: base32":                   "base64",
		"source_fields: a\nsource_field: b":         "another name",
		"action: inflate":                           "decode, encode",
		"compression: gizp":                         `did you mean "gzip"`,
	})
}

func benchmark(b *testing.B, format string) {
	var text bytes.Buffer
	for i := range 20 {
		fmt.Fprintf(&text, "192.168.2.%d - - [28/Jul/2006:10:27:%d -0300] \"GET /cgi-bin/try/%d HTTP/1.0\" 200 %d\n", i*7, 10+i, i*i, 3395+i)
	}
	packed := run(b, "action: encode\ncompression: "+format, text.String())
	actortest.Bench(b, inflateparser.Spec, "compression: "+format, packed...)
}

func BenchmarkInflate(b *testing.B) {
	for _, format := range []string{"gzip", "zlib", "zstd", "snappy", "lz4", "xz"} {
		b.Run(format, func(b *testing.B) { benchmark(b, format) })
	}
}
