package event_test

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gambolputty/actor/event"
)

// sketch makes an event of a JSON object.
func sketch(t testing.TB, fields string) *event.Event {
	t.Helper()
	v, _, err := new(event.Decoder).Decode(fields)
	if err != nil {
		t.Fatal(err)
	}
	e := event.New(event.NewSource("StdIn", "StdIn"))
	e.Delete(event.KeyPath(event.Data))
	e.Merge(v.Map(), false)
	return e
}

// fields shows an event without its metadata.
func fields(e *event.Event) string {
	c := e.Fork()
	c.Delete(event.MustPath("gambolputty"))
	return string(new(event.Encoder).AppendEvent(nil, c))
}

const pythons = `{"bytes_send": 3395, "fields": ["nobody","expects","the"], "params": {"spanish": ["inquisition"]},
	"nested": {"x": {"y": 5}, "e": {}}, "none": null, "a.b": 1, "codes": {"200": "OK"}}`

func TestPathsAddressFields(t *testing.T) {
	e := sketch(t, pythons)
	for path, want := range map[string]string{
		"fields.0": `"nobody"`, "fields.-1": `"the"`, "fields.-3": `"nobody"`, "params.spanish.0": `"inquisition"`, "params.spanish": `["inquisition"]`,
		"nested.x.y": "5", "a.b": "1", "codes.200": `"OK"`, "none": "null", "gambolputty.event_type": `"Unknown"`, "lumbermill.event_type": `"Unknown"`,
		"fields.3": "", "fields.-4": "", "fields.x": "", "bytes_send.x": "", "none.x": "", "nope": "", "nested.e.bytes_send": "", "gambolputty.nope": "",
	} {
		v, ok := e.Get(event.MustPath(path))
		got := ""
		if ok {
			got = encode(v)
		}
		if got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestWritingCreatesParents(t *testing.T) {
	cases := map[string]struct {
		path, want string
		err        error
	}{
		"a new field":         {"new", `"X"`, nil},
		"missing parents":     {"p.q.r", `"X"`, nil},
		"an item":             {"fields.1", `"X"`, nil},
		"an item from behind": {"fields.-1", `"X"`, nil},
		"behind the last":     {"fields.3", `"X"`, nil},
		"too far":             {"fields.5", "", event.ErrIndex},
		"below a number":      {"bytes_send.x", "", event.ErrNoParent},
		"a name with a dot":   {"a.b", `"X"`, nil},
		"metadata":            {"gambolputty.event_type", `"X"`, nil},
		"below metadata":      {"gambolputty.mine.deep", `"X"`, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := sketch(t, pythons)
			before := string(new(event.Encoder).AppendEvent(nil, e))
			err := e.Set(event.MustPath(c.path), event.String("X"))
			if !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			if err != nil {
				if after := string(new(event.Encoder).AppendEvent(nil, e)); after != before {
					t.Errorf("a failed write changed the event to %s", after)
				}
				return
			}
			if v, _ := e.Get(event.MustPath(c.path)); encode(v) != c.want {
				t.Errorf("reads back as %s", encode(v))
			}
		})
	}
}

func TestDeletingShrinksLists(t *testing.T) {
	e := sketch(t, pythons)
	for _, p := range []string{"fields.0", "nested.x", "a.b", "none", "params", "codes", "nope", "fields.9"} {
		e.Delete(event.MustPath(p))
	}
	if got := fields(e); got != `{"bytes_send":3395,"fields":["expects","the"],"nested":{"e":{}}}` {
		t.Error(got)
	}
}

func TestAForkSharesUntilItIsWritten(t *testing.T) {
	e := sketch(t, pythons)
	before := fields(e)
	f := e.Fork()
	for path, v := range map[string]event.Value{
		"nested.x.y": event.Int(6), "params.spanish.0": event.String("bread"), "fields.1": event.Null, "new": event.Bool(true), "gambolputty.event_type": event.String("x"),
	} {
		if err := f.Set(event.MustPath(path), v); err != nil {
			t.Fatal(err)
		}
	}
	f.Delete(event.MustPath("codes.200"))
	if fields(e) != before || e.Type() != "Unknown" {
		t.Errorf("the original changed to %s", fields(e))
	}
	if err := e.Set(event.MustPath("nested.x.y"), event.Int(7)); err != nil {
		t.Fatal(err)
	}
	if v, _ := f.Get(event.MustPath("nested.x.y")); encode(v) != "6" {
		t.Error("the copy sees a change of the original")
	}
}

func TestAFreshEventHasItsMetadata(t *testing.T) {
	e := event.New(event.NewSource("TcpServer", "tcp_plain"))
	for name, pattern := range map[string]string{
		"event_id": `^[0-9a-f]{32}[0-9]+$`, "event_type": "^Unknown$", "source_module": "^TcpServer$", "source_id": "^tcp_plain$", "received_from": "^$", "pid": "^[0-9]+$", "received_by": ".",
	} {
		v, ok := e.Get(event.MustPath("gambolputty." + name))
		if !ok || !regexp.MustCompile(pattern).MatchString(v.Text()) {
			t.Errorf("%s is %q", name, v.Text())
		}
	}
	if same := event.New(event.NewSource("StdIn", "StdIn")); same.Has(event.MustPath("gambolputty.source_id")) {
		t.Error("an id equal to the module name is not repeated")
	}
}

func TestMetadataCanBeDeletedAndComesBack(t *testing.T) {
	e := sketch(t, `{"a": 1}`)
	e.Delete(event.MustPath("gambolputty"))
	if e.Has(event.MustPath("gambolputty.event_id")) || fields(e) != `{"a":1}` {
		t.Error("metadata is still there")
	}
	e.SetType("spam")
	if got := string(new(event.Encoder).AppendEvent(nil, e)); got != `{"a":1,"gambolputty":{"event_type":"spam"}}` {
		t.Error(got)
	}
}

func TestMergedMetadataIsMergedKeyByKey(t *testing.T) {
	e := sketch(t, `{"x": 1, "gambolputty": {"event_type": "httpd"}}`)
	if e.Type() != "httpd" || e.ID() == "" {
		t.Error("the metadata was replaced instead of merged")
	}
	v, _, _ := new(event.Decoder).Decode(`{"gambolputty": {"event_type": "spam"}, "y": 2}`)
	if !e.Merge(v.Map(), true) || e.Type() != "httpd" {
		t.Error("protected metadata changed")
	}
}

func TestValuesCompareByValue(t *testing.T) {
	num := func(s string) event.Value {
		v, ok := event.Number(s)
		if !ok {
			t.Fatal(s)
		}
		return v
	}
	if !event.Int(3395).Equal(num("3395.0")) || event.String("200").Equal(event.Int(200)) || !event.Bool(true).Equal(event.Int(1)) {
		t.Error("wrong equality")
	}
	if num("9007199254740993").Equal(num("9007199254740992")) || num("123456789012345678901234567890").Equal(num("123456789012345678901234567891")) {
		t.Error("integers are compared as floats")
	}
	if c, ok := num("9007199254740993").CompareNumber(num("9007199254740992.0")); !ok || c != 1 {
		t.Error("integer and float are not compared exactly", c, ok)
	}
}

func TestValuesAsText(t *testing.T) {
	big1, _ := new(big.Int).SetString("12345678901234567890123", 10)
	for want, v := range map[string]event.Value{
		"abc": event.String("abc"), "-3": event.Int(-3), "0.25": event.Float(0.25), "1.0": event.Float(1), "1e+16": event.Float(1e16), "True": event.Bool(true),
		"None": event.Null, `["a",1]`: event.ListOf(event.String("a"), event.Int(1)), "12345678901234567890123": event.BigInt(big1), "\xff": event.String("\xff"),
	} {
		if got := v.Text(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestKeysBeyondTheTableStillWork(t *testing.T) {
	var loose []*event.Key
	for i := range 1<<16 + 10 {
		if k := event.Intern(fmt.Sprintf("holy grail %d", i)); i >= 1<<16 {
			loose = append(loose, k)
		}
	}
	e := sketch(t, `{}`)
	for _, k := range loose {
		e.SetField(k, event.Int(1))
		e.SetField(event.Intern(k.Name), event.Int(2))
	}
	if strings.Contains(fields(e), ":1") || e.Len() != len(loose) {
		t.Errorf("a loose key is not the same as its name: %s", fields(e))
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a.b", "fields.-1", "fields.3", "gambolputty.event_type", "..", "nested.e.x", "lumbermill.x.y", "codes.200"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := event.ParsePath(s)
		if err != nil {
			return
		}
		e := sketch(t, pythons)
		copied := e.Fork()
		before := string(new(event.Encoder).AppendEvent(nil, copied))
		if err := e.Set(p, event.Int(42)); err == nil {
			if v, ok := e.Get(p); !ok && !p.IsMeta() || ok && encode(v) != "42" {
				t.Errorf("%q was set, but reads as %s", s, encode(v))
			}
			e.Delete(p)
		}
		if after := string(new(event.Encoder).AppendEvent(nil, copied)); after != before {
			t.Errorf("%q changed the copy to %s", s, after)
		}
	})
}

func TestMergeIntoACopyMakesRoomOnce(t *testing.T) {
	e := event.New(event.NewSource("StdIn", "StdIn"), event.Field{Key: event.Data, Value: event.String("x")})
	m := event.NewMap(20)
	for i := range 20 {
		m.Set(event.Intern("field"+strconv.Itoa(i)), event.Int(int64(i)))
	}
	var dst event.Event
	if n := testing.AllocsPerRun(100, func() {
		e.ForkTo(&dst)
		dst.Merge(m, false)
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestCopiesOfABatchWriteWithoutMemoryOfTheirOwn(t *testing.T) {
	src := event.NewSource("StdIn", "StdIn")
	a, b := event.Intern("a"), event.Intern("b")
	slab := new(event.Pool).Slab()
	e := slab.New(src, "")
	e.SetField(a, event.Int(1))
	if n := testing.AllocsPerRun(1000, func() { slab.Fork(e).SetField(a, event.Int(2)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	f := slab.Fork(e)
	f.SetField(a, event.Int(2))
	g := slab.Fork(f)
	g.SetField(b, event.Int(3))
	f.SetField(b, event.Int(4))
	h := f.Detach()
	h.SetField(a, event.Int(5))
	e.SetField(b, event.Int(6))
	f.SetField(a, event.Int(7))
	for i, want := range []string{`{"a":1,"b":6}`, `{"a":7,"b":4}`, `{"a":2,"b":3}`, `{"a":5,"b":4}`} {
		c := []*event.Event{e, f, g, h}[i].Fork()
		c.Delete(event.MustPath("gambolputty"))
		if got := string(new(event.Encoder).AppendEvent(nil, c)); got != want {
			t.Errorf("event %d is %s, want %s", i, got, want)
		}
	}
}

func TestAppendedListsBelongToOneEvent(t *testing.T) {
	shared := []event.Field{{Key: event.Intern("list"), Value: event.ListOf(event.Int(1))}}
	var got []string
	for i := range 2 {
		e := event.New(event.NewSource("StdIn", "StdIn"))
		e.AppendFields(shared)
		if err := e.Set(event.MustPath("list.0"), event.Int(int64(i))); err != nil {
			t.Fatal(err)
		}
		v, _ := e.Get(event.MustPath("list"))
		got = append(got, v.Text())
	}
	if got[0] != "[0]" || got[1] != "[1]" || shared[0].Value.Text() != "[1]" {
		t.Errorf("got %v, and %s is left", got, shared[0].Value.Text())
	}
}

func TestAnIDIsAppendedAsItIs(t *testing.T) {
	e := event.New(event.NewSource("StdIn", "StdIn"))
	for what, change := range map[string]func(){
		"as it was made": func() {},
		"a part":         func() { e.ExtendID(".1") },
		"set by hand":    func() { _ = e.Set(event.MustPath("gambolputty.event_id"), event.String("my id")) },
		"deleted":        func() { e.Delete(event.MustPath("gambolputty.event_id")) },
	} {
		change()
		if got := string(e.AppendID([]byte("id "))); got != "id "+e.ID() {
			t.Errorf("%s: %q is not %q", what, got, e.ID())
		}
	}
}
