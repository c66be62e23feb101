package actortest

import (
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

// Survive sends values of all kinds through a parser or modifier as it stands in its
// example, in the given field: none of them may bring an instance down or get lost.
func Survive(t *testing.T, s actor.Spec, field string) {
	t.Helper()
	hostile := []string{
		`null`, `true`, `0`, `-1.5`, `123456789012345678901234567890`, `""`, `" "`, `"\u0000"`, `[]`, `{}`, `[[[{}]]]`, `{"a": {"b": [1, null]}}`,
		`"` + strings.Repeat("x", 100_000) + `"`, `"` + strings.Repeat("[", 10_000) + `"`, `"%(a)s $(b) %{C} \\ ' < > ( ) %zz %"`, "\"\xff\xfe\"",
	}
	in := []*event.Event{Event(t, `{"nothing": "here"}`)}
	for _, v := range hostile {
		in = append(in, Event(t, `{"`+field+`": `+v+`}`))
	}
	r := Start(t, "- TestFeed\n"+s.Example+"- TestCatch\n", feed([][]*event.Event{in}), s)
	out := r.Finish()
	if !s.Withholds && len(out) < len(in) {
		t.Errorf("%d events went in, %d came out", len(in), len(out))
	}
	for _, st := range r.graph.Status() {
		if n := st.Meter.Restarts.Load(); n > 0 {
			t.Errorf("%s was restarted %d times:\n%s", st.ID, n, r.Log())
		}
	}
}
