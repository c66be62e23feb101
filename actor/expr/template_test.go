package expr

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

func TestTemplates(t *testing.T) {
	for _, c := range []struct {
		template, want string
		unresolved     bool
	}{
		{"$(fields.0)-$(params.spanish.0)", "nobody-inquisition", false},
		{"$('url')", "GET /wiki/Monty_Python/?spanish=inquisition HTTP/1.0", false},
		{`$("user")`, "-", false},
		{"%(http_status)s!", "200!", false},
		{"%(http_status)d/%(rt)f%(http_status)f", "200/0.250000200.000000", false},
		{"%(rt)d %(user)d", "0 -", false},
		{"%(nope)d", "$(nope)", true},
		{"100% (of it) $(user)", "100% (of it) -", false},
		{"%{user}", "%{user}", false},
		{"$(bytes_send)s", "3395s", false},
		{"$(rt|%05.2f)", "00.25", false},
		{"$(bytes_send|%06d)", "003395", false},
		{"$(bytes_send|%x)", "d43", false},
		{"$(user|%4s)", "   -", false},
		{"$(missing:-none)", "none", false},
		{"$(none:-nothing)", "nothing", false},
		{"$$(user)", "$(user)", false},
		{"a-$(nope)-$(bytes_send)", "a-$(nope)-3395", true},
		{"$(ok) $(none) $(rt) $(neg)", "True None 0.25 -3", false},
		{"$(fields) $(params)", `["nobody","expects","the"] {"spanish":["inquisition"]}`, false},
		{"$(event_type)", "httpd_access_log", false},
		{"$(lumbermill.event_type)", "httpd_access_log", false},
		{"%Y.%m.%d", "%Y.%m.%d", false},
		{"", "", false},
		{"$(fields.-1)", "the", false},
	} {
		tmpl, err := ParseTemplate(c.template)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		got, resolved := tmpl.Text(sample())
		if got != c.want || resolved == c.unresolved {
			t.Errorf("%s gives %q, resolved %v, want %q", c.template, got, resolved, c.want)
		}
	}
}

func TestFieldValuesAreNotReadAgain(t *testing.T) {
	e := sample()
	e.SetField(event.Intern("trap"), event.String("$(user) %Y"))
	tmpl, _ := ParseTimeTemplate("$(trap)")
	if got, _ := tmpl.Text(e); got != "$(user) %Y" {
		t.Errorf("got %q", got)
	}
}

func TestBadTemplates(t *testing.T) {
	for template, at := range map[string]int{"a $(b": 2, "$()": 0, "x$('')": 1, "$(x|%q)": 0} {
		_, err := ParseTemplate(template)
		var s *SyntaxError
		if !errors.As(err, &s) || s.Offset != at || s.Code != option.Dynamic {
			t.Errorf("%s: got error %v", template, err)
		}
	}
}

func TestTimeDirectives(t *testing.T) {
	now := time.Date(2015, time.June, 1, 9, 5, 7, 345_000, time.UTC)
	for directive, want := range map[string]string{
		"%a %A %b %B": "Mon Monday Jun June", "%c": "Mon Jun  1 09:05:07 2015", "%C %d %D": "20 01 06/01/15",
		"%e|%f|%F": " 1|000345|2015-06-01", "%g %G %h": "15 2015 Jun", "%H %I %j": "09 09 152", "%k|%l": " 9| 9",
		"%m %M %n": "06 05 \n", "%p %r": "AM 09:05:07 AM", "%R %s %S": "09:05 1433149507 07", "%t%T": "\t09:05:07",
		"%u %U %V %w %W": "1 22 23 1 22", "%x %X": "06/01/15 09:05:07", "%y %Y": "15 2015", "%z %Z %%": "+0000 UTC %",
		"%q %Q": "%q %Q", "100%": "100%", "%Y-%m-%dT%H:%M:%S.%f": "2015-06-01T09:05:07.000345",
	} {
		if got := string(AppendTime(nil, directive, now)); got != want {
			t.Errorf("%s gives %q, want %q", directive, got, want)
		}
	}
	tmpl, _ := ParseTimeTemplate("test-%Y.%m.%d-$(http_status)")
	if got, _ := tmpl.AppendAt(nil, sample(), now); string(got) != "test-2015.06.01-200" {
		t.Errorf("got %s", got)
	}
}

func TestValueTemplates(t *testing.T) {
	str := func(s string) *option.Value { return &option.Value{Kind: option.String, Text: s} }
	v := &option.Value{Kind: option.Map, Pairs: []option.Pair{
		{Key: str("a_$(user)"), Value: &option.Value{Kind: option.List, Items: []*option.Value{
			str("$(http_status)"), {Kind: option.Integer, Text: "5"}, {Kind: option.Boolean, Text: "True"}, {Kind: option.Null}, {Kind: option.Float, Text: "1.5"},
		}}},
	}}
	tmpl, err := Value(v)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := tmpl.Eval(sample())
	if want := `{"a_-":["200",5,true,null,1.5]}`; !ok || got.Text() != want {
		t.Errorf("got %s, want %s", got.Text(), want)
	}
	if _, err := Value(str("$(x")); err == nil || !strings.Contains(err.Error(), "not closed") {
		t.Errorf("got error %v", err)
	}
}

func TestTemplatesAllocateNothing(t *testing.T) {
	tmpl, _ := ParseTemplate("$(fields.0)-$(bytes_send)-x")
	e, buf := sample(), make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() { buf, _ = tmpl.Append(buf[:0], e) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{"$(a)-%(b)s", "$$(x) $(y:-z) $(w|%d)", "%Y$("} {
		f.Add(s)
	}
	e := sample()
	f.Fuzz(func(_ *testing.T, s string) {
		if t, err := ParseTimeTemplate(s); err == nil {
			t.Text(e)
		}
	})
}

func TestTheTextOfFieldsCanBeChangedOnItsWay(t *testing.T) {
	tpl, err := ParseTemplate("a b.$(x).$(y:-none)")
	if err != nil {
		t.Fatal(err)
	}
	e := event.New(event.NewSource("StdIn", "in"), event.Field{Key: event.Intern("x"), Value: event.String("c d")})
	dashes := func(dst []byte, from int) []byte {
		return append(dst[:from], strings.ReplaceAll(string(dst[from:]), " ", "--")...)
	}
	if got, resolved := tpl.AppendWith(nil, e, dashes); string(got) != "a b.c--d.none" || !resolved {
		t.Errorf("%q %v", got, resolved)
	}
	e.Delete(event.MustPath("x"))
	if _, resolved := tpl.AppendWith(nil, e, dashes); resolved {
		t.Error("a missing field is not told")
	}
}
