package event_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bytedance/sonic"
	goccy "github.com/goccy/go-json"
	"github.com/ugorji/go/codec"

	"gambolputty/actor/event"
)

func encode(v event.Value) string { return string(new(event.Encoder).AppendValue(nil, v)) }

func TestJSONIsDecodedAndEncodedAgain(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"nested":              {`{"b": {"y": [1, 2.5, null, true]}, "a": "x"}`, `{"a":"x","b":{"y":[1,2.5,null,true]}}`},
		"exact integers":      {`[9007199254740993, 123456789012345678901234567890, -9223372036854775808, -0]`, `[9007199254740993,123456789012345678901234567890,-9223372036854775808,0]`},
		"last duplicate wins": {`{"a": 1, "a": 2}`, `{"a":2}`},
		"escapes":             {`"\"\\\/\b\f\n\r\tA\u00fc\ud83d\ude00"`, `"\"\\/\b\f\n\r\tAü😀"`},
		"half a pair":         {`"\ud83dx"`, "\"\ufffdx\""},
		"two halves":          {`"\ud83d\u0041"`, "\"\ufffdA\""},
		"nul":                 {`"\u0000"`, `"\u0000"`},
		"empty":               {`{"a": {}, "b": [], "c": ""}`, `{"a":{},"b":[],"c":""}`},
		"dots in keys":        {`{"a.b": 1}`, `{"a.b":1}`},
		"blanks":              {" \n\t{ \"a\" :\r1 } ", `{"a":1}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v, rest, err := new(event.Decoder).Decode(c.in)
			if err != nil || strings.TrimSpace(rest) != "" {
				t.Fatal(err, rest)
			}
			if got := encode(v); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestBrokenJSONIsRefusedWithItsOffset(t *testing.T) {
	cases := map[string]struct {
		in         string
		offset     int
		incomplete bool
	}{
		"cut off":          {`{"a": 1`, 7, true},
		"cut in a word":    {`[tru`, 4, true},
		"cut in an escape": {`"ab\u00`, 7, true},
		"single quotes":    {`{'a': 1}`, 1, false},
		"no colon":         {`{"a" 1}`, 5, false},
		"trailing comma":   {`[1,]`, 3, false},
		"leading zero":     {`[012]`, 4, false},
		"a lone minus":     {`[-]`, 2, false},
		"control":          {"\"a\nb\"", 2, false},
		"NaN":              {`NaN`, 0, false},
		"bad escape":       {`"\x"`, 1, false},
		"nothing":          {` `, 1, true},
		"fraction":         {`[1.]`, 3, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := new(event.Decoder).Decode(c.in)
			var s *event.SyntaxError
			if !errors.As(err, &s) {
				t.Fatalf("got %v", err)
			}
			if s.Offset != c.offset || s.Incomplete != c.incomplete {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestDecoderOptions(t *testing.T) {
	v, _, err := (&event.Decoder{AllowNaN: true}).Decode(`[NaN, Infinity, -Infinity]`)
	if err != nil || encode(v) != "[null,null,null]" {
		t.Error(encode(v), err)
	}
	v, _, err = (&event.Decoder{Comments: true}).Decode("{/* one */ \"a\": 1, // two\n}")
	if err != nil || encode(v) != `{"a":1}` {
		t.Error(encode(v), err)
	}
	v, _, err = (&event.Decoder{Duplicates: event.FirstWins}).Decode(`{"a": 1, "a": 2}`)
	if err != nil || encode(v) != `{"a":1}` {
		t.Error(encode(v), err)
	}
	if _, _, err = (&event.Decoder{Duplicates: event.RefuseDuplicates}).Decode(`{"a": 1, "a": 2}`); err == nil {
		t.Error("a duplicate passed")
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	if _, _, err := new(event.Decoder).Decode(deep); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Error(err)
	}
	if _, _, err := new(event.Decoder).DecodeMsgpack(strings.Repeat("\x91", 100_000)); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Error(err)
	}
}

func TestManyKeysAreDecodedInLinearTime(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	text := "{" + b.String()[1:] + `,"k0":"again"}`
	v, _, err := new(event.Decoder).Decode(text)
	if err != nil || v.Map().Len() != 50_000 {
		t.Fatal(err, v.Map().Len())
	}
	if first, _ := v.Map().GetName("k0"); first.Str() != "again" {
		t.Error("the last of two equal keys must win")
	}
}

func TestDocumentsDoNotKeepEachOtherAlive(t *testing.T) {
	d := new(event.Decoder)
	text := `{"a": {"b": [1, [], {"c": ["x\u0041", []]}], "d": "` + strings.Repeat("x", 1000) + `"}, "e": [[], [2]]}`
	var kept []event.Value
	for range 50_000 {
		v, _, err := d.Decode(strings.Clone(text))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept[:0], v) // only the last one is in use
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 20<<20 {
		t.Errorf("one document in use keeps %d MiB alive", m.HeapAlloc>>20)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(d)
}

func TestInvalidUTF8IsKept(t *testing.T) {
	v, _, err := new(event.Decoder).Decode("\"a\xffb\"")
	if err != nil || v.Str() != "a\xffb" {
		t.Errorf("%q %v", v.Str(), err)
	}
}

func TestDocumentsFollowEachOther(t *testing.T) {
	d := new(event.Decoder)
	rest := `{"a":1}{"a":2} 3`
	var got []string
	for rest != "" {
		var v event.Value
		var err error
		if v, rest, err = d.Decode(rest); err != nil {
			t.Fatal(err)
		}
		got = append(got, encode(v))
	}
	if s := strings.Join(got, " "); s != `{"a":1} {"a":2} 3` {
		t.Error(s)
	}
}

// reference decodes with the standard library in the same way.
func reference(s string) (any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return v, nil
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5e3,{"b":null}],"c":"\u00e4\n"}`, `[true,false,"\ud83d\ude00"]`, `{"a":1,"a":{"b":2}}`, `-0.0e-0`, "\"\xff\"", `[[[[]]]]`,
		"{\"a\":1}//x\n", strings.Repeat("[", 600),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, rest, err := new(event.Decoder).Decode(s)
		if err != nil || strings.Trim(rest, " \t\r\n") != "" {
			if want, wrong := reference(s); wrong == nil && !strings.Contains(fmt.Sprint(err), "nested") {
				t.Fatalf("%q is JSON (%v), but: %v, rest %q", s, want, err, rest)
			}
			return
		}
		want, wrong := reference(s)
		if wrong != nil {
			t.Fatalf("%q is no JSON: %v", s, wrong)
		}
		out := encode(v)
		got, err := reference(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", s, out, err)
		}
		if !sameJSON(got, want) {
			t.Fatalf("%q became %q", s, out)
		}
	})
}

// sameJSON compares what the standard library decoded; numbers by their value.
func sameJSON(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		if x == y {
			return true
		}
		f, _ := x.Float64()
		g, _ := y.Float64()
		return f == g
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if !sameJSON(x[k], y[k]) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameJSON(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMsgpackIsDecoded(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"map":             {"82a4686f7374a477656231a16e07", `{"host":"web1","n":7}`},
		"negative":        {"95ffd080d18000d280000000d38000000000000000", `[-1,-128,-32768,-2147483648,-9223372036854775808]`},
		"unsigned":        {"94ccffcdffffceffffffffcfffffffffffffffff", `[255,65535,4294967295,18446744073709551615]`},
		"floats":          {"92ca3fc00000cb3ff8000000000000", `[1.5,1.5]`},
		"nil and bools":   {"93c0c2c3", `[null,false,true]`},
		"bin":             {"c403616263", `"abc"`},
		"number as key":   {"8107a178", `{"7":"x"}`},
		"ext":             {"d40578", `{"data":"x","ext_type":5}`},
		"ext with length": {"c70205" + "7879", `{"data":"xy","ext_type":5}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := unhex(t, c.in)
			v, n, err := new(event.Decoder).DecodeMsgpack(in + "more")
			if err != nil || n != len(in) {
				t.Fatal(err, n)
			}
			if got := encode(v); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for cut := range len(in) {
				if _, _, err := new(event.Decoder).DecodeMsgpack(in[:cut]); !errors.Is(err, event.ErrShort) {
					t.Errorf("cut at %d: %v", cut, err)
				}
			}
		})
	}
}

func TestMsgpackBombsAllocateNothing(t *testing.T) {
	for _, bomb := range []string{"ddffffffff", "dfffffffff", "c6ffffffff", "dbffffffff", "c9ffffffff05"} {
		if _, _, err := new(event.Decoder).DecodeMsgpack(unhex(t, bomb)); !errors.Is(err, event.ErrShort) {
			t.Errorf("%s: %v", bomb, err)
		}
	}
}

func TestMsgpackIsEncodedAsTheLibraryReadsIt(t *testing.T) {
	text := `{"a":[0,127,128,-1,-33,255,256,65535,65536,4294967296,-129,-32769,-2147483649,18446744073709551615],"b":{"c":null,"d":true,"e":1.5},"f":"` +
		strings.Repeat("x", 40) + `","g":"` + strings.Repeat("y", 300) + `","h":"` + strings.Repeat("z", 70_000) + `"}`
	v, _, err := new(event.Decoder).Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	packed := event.AppendMsgpack(nil, v)
	back, n, err := new(event.Decoder).DecodeMsgpack(string(packed))
	if err != nil || n != len(packed) || encode(back) != encode(v) {
		t.Fatal("our own decoder reads something else", err)
	}
	if got := viaLibrary(t, packed); !sameJSON(got, mustReference(t, text)) {
		t.Errorf("the library reads %v", got)
	}
}

func mustReference(t *testing.T, s string) any {
	t.Helper()
	v, err := reference(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// viaLibrary decodes MessagePack with ugorji's codec.
func viaLibrary(t *testing.T, packed []byte) any {
	t.Helper()
	h := &codec.MsgpackHandle{}
	h.RawToString, h.MapType = true, reflect.TypeFor[map[string]any]()
	var v any
	if err := codec.NewDecoderBytes(packed, h).Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return mustReference(t, string(b))
}

func FuzzMsgpack(f *testing.F) {
	for _, s := range []string{"\x82\xa1a\x01\xa1b\x92\xc0\xc3", "\xdd\xff\xff\xff\xff", "\xc7\x02\x05xy", "\xd6\xff\x00\x00\x00\x01", "\xc1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, n, err := new(event.Decoder).DecodeMsgpack(string(b))
		end, bad := new(event.MsgpackScanner).End(b)
		var syntax *event.SyntaxError
		switch {
		case err == nil && (end != n || bad):
			t.Fatalf("%x: decoder says %d, scanner %d %t", b, n, end, bad)
		case errors.Is(err, event.ErrShort) && end != 0:
			t.Fatalf("%x: the decoder wants more, the scanner ends at %d", b, end)
		case errors.As(err, &syntax) && syntax.Offset > len(b):
			t.Fatalf("%x: offset %d", b, syntax.Offset)
		}
		if err == nil {
			packed := event.AppendMsgpack(nil, v)
			if again, _, err := new(event.Decoder).DecodeMsgpack(string(packed)); err != nil || encode(again) != encode(v) {
				t.Fatalf("%x: %s became %s, %v", b, encode(v), encode(again), err)
			}
		}
	})
}

func TestScannersFindTheEndsHoweverTheStreamIsCut(t *testing.T) {
	jsonText := `{"a":"}\"{","b":[1,{"c":2}]} [3] "x\\" 12 {"d":4}`
	var packed []byte
	for _, s := range []string{`{"host":"web1","n":7}`, `{"spam":["a","b",{"c":1.5}]}`, `"` + strings.Repeat("x", 300) + `"`} {
		v, _, _ := new(event.Decoder).Decode(s)
		packed = event.AppendMsgpack(packed, v)
	}
	for size := 1; size < 60; size++ {
		if got := cutJSON(jsonText, size); !reflect.DeepEqual(got, []string{`{"a":"}\"{","b":[1,{"c":2}]}`, `[3]`, `"x\\"`, `12`, `{"d":4}`}) {
			t.Fatalf("pieces of %d: %q", size, got)
		}
		if got := cutMsgpack(t, packed, size); len(got) != 3 || strings.Join(got, "") != string(packed) {
			t.Fatalf("pieces of %d: %q", size, got)
		}
	}
}

func cutJSON(text string, size int) (docs []string) {
	var s event.JSONScanner
	var buf []byte
	for piece := range pieces(text, size) {
		buf = append(buf, piece...)
		for n := s.End(buf); n > 0; n = s.End(buf) {
			docs = append(docs, strings.TrimSpace(string(buf[:n])))
			buf = buf[n:]
		}
	}
	return docs
}

func cutMsgpack(t *testing.T, packed []byte, size int) (objects []string) {
	t.Helper()
	var s event.MsgpackScanner
	var buf []byte
	for piece := range pieces(string(packed), size) {
		buf = append(buf, piece...)
		for {
			n, bad := s.End(buf)
			if bad {
				t.Fatal("the scanner sees a bad byte")
			}
			if n == 0 {
				break
			}
			objects = append(objects, string(buf[:n]))
			buf = bytes.Clone(buf[n:])
		}
	}
	return objects
}

func pieces(s string, size int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			n := min(size, len(s))
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

const sample = `{"timestamp":"2015-06-01T12:00:00.123Z","host":"web1.example.com","request":{"method":"GET","uri":"/wiki/Monty_Python/?spanish=inquisition","headers":{"accept":"text/html","agent":"Mozilla/5.0 (X11; Linux x86_64)"}},"status":200,"bytes":3395,"time":0.25,"tags":["web","prod"],"ok":true,"none":null}`

// peers are the libraries that programs of this kind use.
var peers = []struct {
	name      string
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}{
	{"encoding/json", json.Marshal, json.Unmarshal},
	{"goccy", goccy.Marshal, goccy.Unmarshal},
	{"sonic", sonic.Marshal, sonic.Unmarshal},
}

func BenchmarkDecodeJSON(b *testing.B) {
	b.Run("lib=ours", func(b *testing.B) {
		d := new(event.Decoder)
		b.SetBytes(int64(len(sample)))
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := d.Decode(sample); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, p := range peers {
		b.Run("lib="+p.name, func(b *testing.B) {
			b.SetBytes(int64(len(sample)))
			b.ReportAllocs()
			for b.Loop() {
				var v map[string]any
				if err := p.unmarshal([]byte(sample), &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeJSON(b *testing.B) {
	b.Run("lib=ours", func(b *testing.B) {
		v, _, _ := new(event.Decoder).Decode(sample)
		enc := new(event.Encoder)
		var buf []byte
		b.SetBytes(int64(len(sample)))
		b.ReportAllocs()
		for b.Loop() {
			buf = enc.AppendValue(buf[:0], v)
		}
	})
	for _, p := range peers {
		b.Run("lib="+p.name, func(b *testing.B) {
			var v map[string]any
			if err := json.Unmarshal([]byte(sample), &v); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(sample)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.marshal(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMsgpack(b *testing.B) {
	v, _, err := new(event.Decoder).Decode(sample)
	if err != nil {
		b.Fatal(err)
	}
	packed := string(event.AppendMsgpack(nil, v))
	b.Run("decode/lib=ours", func(b *testing.B) {
		d := new(event.Decoder)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := d.DecodeMsgpack(packed); err != nil {
				b.Fatal(err)
			}
		}
	})
	handle := &codec.MsgpackHandle{}
	handle.RawToString = true
	b.Run("decode/lib=ugorji", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m map[string]any
			if err := codec.NewDecoderBytes([]byte(packed), handle).Decode(&m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode/lib=ours", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf = event.AppendMsgpack(buf[:0], v)
		}
	})
}

func TestEventsArePackedAsTheirWholeValueIs(t *testing.T) {
	plain := event.New(event.NewSource("StdIn", "in"), event.Field{Key: event.Data, Value: event.String("spam")})
	tagged, bare := plain.Fork(), plain.Fork()
	tagged.Tag("eggs")
	bare.Delete(event.MustPath("gambolputty"))
	for name, e := range map[string]*event.Event{"plain": plain, "with a tag": tagged, "without metadata": bare} {
		if got, want := event.AppendMsgpackEvent(nil, e), event.AppendMsgpack(nil, e.Whole()); string(got) != string(want) {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
}

// TestEveryByteAtEveryPlaceOfAText: texts are looked at several bytes at a time, in other
// ways for short ones and for the rest of long ones.
func TestEveryByteAtEveryPlaceOfAText(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 31, 33, 41} {
		for at := range n {
			for c := range 256 {
				b := []byte(strings.Repeat("x", n))
				b[at] = byte(c)
				s := string(b)
				got := string(event.AppendJSONString(nil, s))
				var back string
				if err := json.Unmarshal([]byte(got), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") {
					t.Fatalf("%q became %s", s, got)
				}
				v, rest, err := new(event.Decoder).Decode(got + " ")
				if err != nil || rest != " " || v.Str() != back {
					t.Fatalf("%s was read as %q, %v", got, v.Str(), err)
				}
				if escaped := strings.Count(got, `\`) > 0; escaped != (c < 0x20 || c == '"' || c == '\\') {
					t.Fatalf("%q became %s", s, got)
				}
				_, rest, err = new(event.Decoder).Decode(`"` + s + `"`)
				if bad := c < 0x20 || c == '\\'; (err != nil) != bad {
					t.Fatalf("%q in quotes: %v", s, err)
				}
				if c == '"' && len(rest) != n-at {
					t.Fatalf("%q in quotes leaves %q", s, rest)
				}
			}
		}
	}
}
