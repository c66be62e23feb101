package actortest

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// Case is one thing that a module does.
type Case struct {
	// Options are the options of the module as text.
	Options string
	// In is what goes in: a JSON object per line.
	In string
	// Want is what comes out: the events without their metadata, keys sorted, one per line.
	Want string
	// Tags are the tags of the first event, separated by commas; "" is none.
	Tags string
	// Type is the type of the first event; "" is not looked at.
	Type string
}

// Cases runs cases by their names.
func Cases(t *testing.T, s actor.Spec, cases map[string]Case) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var in []*event.Event
			for line := range strings.Lines(c.In) {
				in = append(in, Event(t, line))
			}
			out := Process(t, s, c.Options, in...)
			var got []string
			for _, e := range out {
				got = append(got, JSON(e))
			}
			if text := strings.Join(got, "\n"); text != strings.TrimSpace(c.Want) {
				t.Fatalf("got\n%s\nwant\n%s", text, strings.TrimSpace(c.Want))
			}
			if len(out) == 0 {
				return
			}
			if tags := Tags(out[0]); tags != c.Tags {
				t.Errorf("tags are %q, want %q", tags, c.Tags)
			}
			if c.Type != "" && out[0].Type() != c.Type {
				t.Errorf("type is %q, want %q", out[0].Type(), c.Type)
			}
		})
	}
}

// Tags are the tags of an event, separated by commas.
func Tags(e *event.Event) string {
	v, _ := e.Get(event.MustPath("gambolputty.tags"))
	var tags []string
	for i := range v.List().Len() {
		tags = append(tags, v.List().At(i).Str())
	}
	return strings.Join(tags, ",")
}

// Wrong checks that options are refused, each with a text in the message.
func Wrong(t *testing.T, s actor.Spec, cases map[string]string) {
	t.Helper()
	for options, want := range cases {
		err := Options(t, s, options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("options\n%s\ngive %v, want %q", options, err, want)
		}
	}
}

// Survive sends odd values through a parser or modifier as it stands in its example, in the
// given field: none of them may bring an instance down, and no event may get lost.
func Survive(t *testing.T, s actor.Spec, field string) {
	t.Helper()
	number := event.Intern("number_of_the_event")
	in := []*event.Event{Event(t, `{"nothing": "here"}`)}
	for _, v := range odd() {
		e := Event(t, `{}`)
		if err := e.Set(event.MustPath(field), v); err != nil {
			t.Fatal(err)
		}
		in = append(in, e)
	}
	for i, e := range in {
		e.SetField(number, event.Int(int64(i)))
	}
	r := Start(t, "- TestFeed\n"+s.Example+"- TestCatch\n", feed([][]*event.Event{in}), s)
	out := map[int64]bool{}
	for _, e := range r.Finish() {
		v, _ := e.Field(number)
		if n, ok := v.Int(); ok {
			out[n] = true
		}
	}
	// A piece of a stream that completes nothing becomes part of a later event.
	gathers := s.Withholds || strings.Contains(s.Example, "mode: stream")
	for i := range in {
		if !gathers && !out[int64(i)] {
			t.Errorf("event %d of %d is lost", i, len(in))
		}
	}
	for _, st := range r.graph.Status() {
		if n := st.Meter.Restarts.Load(); n > 0 {
			t.Errorf("%s was restarted %d times:\n%s", st.ID, n, r.Log())
		}
	}
}

// odd are values that nobody expects where text or a number should be.
func odd() []event.Value {
	list := []event.Value{
		event.Null, event.Bool(true), event.Bool(false), event.Int(0), event.Int(-1), event.Int(math.MaxInt64), event.Int(math.MinInt64),
		event.Float(0), event.Float(-1.5), event.Float(math.Inf(1)), event.Float(math.NaN()), event.Float(1e308),
		event.BigInt(new(big.Int).Lsh(big.NewInt(1), 300)), event.ListOf(), event.ListOf(event.Null), event.ListOf(event.String("a"), event.Int(1)),
		event.MapOf(event.NewMap(0)), event.MapOf(event.FromFields([]event.Field{{Key: event.Intern("a.b"), Value: event.ListOf(event.Null)}})),
		nested(10_000), event.String(strings.Repeat("spam ", 2<<20)), event.String(strings.Repeat("[", 100_000)), event.String(strings.Repeat("(", 100_000)),
	}
	for _, text := range []string{
		"", " ", "\x00", "\n", "\r\n\r\n", "-", "0", "-0", "007", "1e999", "0x1F", "NaN", "Infinity", "null", "None", "True",
		"\xff\xfe", "\xc3(", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\ufeffBOM", "e\u0301", "\u202eright to left", "\U0001d11e",
		"%(a)s $(b) %{C} \\ ' < > ( ) %zz %", "$(data)", "$(", "${HOME}", "\"", "'", "\\", "{", "}", "[]", "{}", `{"a":`, `{"a": 1}`, "<a>", "<a/>", "]]>",
		"http://[", "http://a:99999/", "//", "?a=%", "a;b,c|d", strings.Repeat("a=1&", 5_000), strings.Repeat("<", 10_000),
		"\x1f\x8b", "\x78\x9c", "\x82\xa4host", "\xc1", "00000000", "2014-13-45T99:99:99Z", "256.256.256.256", "::::", "::1", "<999>", "<13>1 - - - - - -",
	} {
		list = append(list, event.String(text))
	}
	return list
}

func nested(depth int) event.Value {
	v := event.String("bottom")
	for i := range depth {
		if i%2 == 0 {
			v = event.ListOf(v)
		} else {
			v = event.MapOf(event.FromFields([]event.Field{{Key: event.Data, Value: v}}))
		}
	}
	return v
}
