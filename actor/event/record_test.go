package event

import (
	"errors"
	"math/big"
	"strings"
	"testing"
)

func recorded(t testing.TB, e *Event) *Event {
	t.Helper()
	var d RecordDecoder
	got, err := d.Decode(string(AppendRecord(nil, e)))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestARecordIsTheWholeEvent(t *testing.T) {
	src := NewSource("TcpServer", "tcp_plain")
	big, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	decimal, _ := Number("1.10")
	whole := func(changes ...func(*Event)) *Event {
		e := New(src, Field{Data, String("spam \xff egg")})
		for _, c := range changes {
			c(e)
		}
		return e
	}
	set := func(path string, v Value) func(*Event) {
		return func(e *Event) {
			if err := e.Set(MustPath(path), v); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, e := range map[string]*Event{
		"plain":              whole(),
		"kinds":              whole(set("a.i", Int(-5)), set("a.f", Float(1)), set("a.b", Bool(true)), set("a.n", Null), set("a.big", BigInt(big)), set("a.dec", decimal), set("a.l", ListOf(Int(1), decimal, ListOf(BigInt(big))))),
		"metadata":           whole(func(e *Event) { e.SetType("httpd"); e.SetReceivedFrom("10.1.1.1"); e.Tag("bad"); e.SetError("no") }),
		"unusual metadata":   whole(set("gambolputty.pid", String("x")), set("gambolputty.own.deep", Int(1)), set("gambolputty.event_type", Int(5))),
		"a copy":             whole(func(e *Event) { e.ExtendID(".3") }),
		"no id":              whole(func(e *Event) { e.Delete(MustPath("gambolputty.event_id")) }),
		"no metadata":        whole(func(e *Event) { e.Delete(MustPath("gambolputty")) }),
		"nothing but itself": New(src),
	} {
		t.Run(name, func(t *testing.T) {
			got := recorded(t, e)
			var n Encoder
			if a, b := string(n.AppendEvent(nil, e)), string(n.AppendEvent(nil, got)); a != b {
				t.Errorf("\n%s\n%s", a, b)
			}
			for i := range e.Len() {
				if a, b := e.At(i), got.At(i); a.Key != b.Key || a.Value.Kind() != b.Value.Kind() {
					t.Errorf("%v and %v", a, b)
				}
			}
			if m, id := got.Origin(); m != "TcpServer" || id != "tcp_plain" {
				t.Error(m, id)
			}
			if err := got.Set(MustPath("later.on"), Int(1)); err != nil {
				t.Error(err)
			}
			got.ExtendID(".1")
			if id := e.ID(); id != "" && got.ID() != id+".1" {
				t.Errorf("%s is not %s.1", got.ID(), id)
			}
		})
	}
}

func FuzzRecord(f *testing.F) {
	e := New(NewSource("StdIn", ""), Field{Data, String("spam")})
	e.Tag("x")
	record := string(AppendRecord(nil, e))
	f.Add(record)
	f.Add(record[:20])
	f.Add(strings.Replace(record, "spam", "eggs", 1))
	f.Fuzz(func(t *testing.T, s string) {
		var d RecordDecoder
		e, err := d.Decode(s)
		if err != nil {
			if !errors.Is(err, errRecord) {
				t.Error(err)
			}
			return
		}
		var n Encoder
		a := string(n.AppendEvent(nil, e))
		if b := string(n.AppendEvent(nil, recorded(t, e))); a != b {
			t.Errorf("\n%s\n%s", a, b)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	e := New(NewSource("TcpServer", "tcp_plain"), Field{Data, String(strings.Repeat("spam and eggs ", 12))})
	e.SetReceivedFrom("10.1.1.1")
	for name, encode := range map[string]func([]byte) []byte{
		"record":  func(buf []byte) []byte { return AppendRecord(buf, e) },
		"msgpack": func(buf []byte) []byte { return AppendMsgpack(buf, asMap(e)) },
		"json":    func(buf []byte) []byte { return new(Encoder).AppendValue(buf, asMap(e)) },
	} {
		b.Run("append "+name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = encode(buf[:0])
			}
			b.ReportMetric(float64(len(buf)), "bytes")
		})
	}
	b.Run("decode record", func(b *testing.B) {
		b.ReportAllocs()
		record := string(AppendRecord(nil, e))
		var d RecordDecoder
		for b.Loop() {
			if _, err := d.Decode(record); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// asMap is the event as one value, with the metadata as a field.
func asMap(e *Event) Value {
	meta, _ := e.Get(MustPath("gambolputty"))
	fields := append([]Field{{metaKey, meta}}, e.root.fields...)
	return MapOf(FromFields(fields))
}
