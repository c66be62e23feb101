package syslogsink

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/render"
)

// relay writes whatever is in the fields of an event.
func relay(t testing.TB, style string) *messages {
	t.Helper()
	o := Options{
		Style: style, Facility: code{template("local0")}, Severity: code{template("$(severity)")}, Hostname: template("$(host)"), AppName: template("$(program)"),
		ProcID: template("$(pid)"), MsgID: template("$(id)"), Data: structure{{"a@1", []param{{"b", template("$(value)")}, {"c", template("x")}}}, {"empty", nil}},
		DataField: event.MustPath("sd"), Format: template("$(data)"), Framing: octetCounted, Proto: "tcp", Address: []string{"a:1"}, Clock: eventtime.Clock{TimeZone: "UTC"},
	}
	if err := o.Validate(); err != nil && style == modern {
		t.Fatal(err)
	}
	env := actor.Env{}
	return &messages{env: env, header: newHeader(env, &o), line: render.NewLine(env, o.Format), framing: octetCounted, most: mostInStream}
}

func with(host, program, pid, id, value, name, text string) *event.Event {
	inner := event.NewMap(1)
	inner.Set(event.Intern(name), event.String(value))
	outer := event.NewMap(2)
	outer.Set(event.Intern(name), event.MapOf(inner))
	outer.Set(event.Intern("a@1"), event.MapOf(inner)) // stands there already
	field := func(name, v string) event.Field { return event.Field{Key: event.Intern(name), Value: event.String(v)} }
	return event.New(event.NewSource("StdIn", "StdIn"), field("severity", "3"), field("host", host), field("program", program), field("pid", pid),
		field("id", id), field("value", value), field("data", text), event.Field{Key: event.Intern("sd"), Value: event.MapOf(outer)})
}

// part is what a part of the header says after what it cannot say was replaced.
func part(s string, most int) string {
	if s == "" {
		return ""
	}
	b := []byte(s[:min(len(s), most)])
	for i, c := range b {
		if c <= ' ' || c > '~' {
			b[i] = '_'
		}
	}
	if string(b) == "-" {
		return ""
	}
	return string(b)
}

func said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkModern compares a message with what the oracle makes of it.
func checkModern(t *testing.T, m *messages, host, program, pid, id, value, name, text string) {
	t.Helper()
	now := time.Date(2003, 10, 11, 22, 14, 15, 3_000_000, time.UTC)
	got := m.append(nil, with(host, program, pid, id, value, name, text), now, 0, "")
	v, err := rfc5424.NewParser().Parse(got)
	if err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	s := v.(*rfc5424.SyslogMessage)
	if *s.Priority != 16*8+3 || !s.Timestamp.Equal(now) {
		t.Errorf("%q: priority or time", got)
	}
	for what, pair := range map[string][2]string{
		"host": {said(s.Hostname), part(host, 255)}, "program": {said(s.Appname), part(program, 48)},
		"pid": {said(s.ProcID), part(pid, 128)}, "id": {said(s.MsgID), part(id, 32)}, "text": {said(s.Message), strings.TrimSuffix(text, "\n")},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%q: %s is %q, want %q", got, what, pair[0], pair[1])
		}
	}
	data := *s.StructuredData
	clean := strings.ToValidUTF8(value, "\ufffd")
	if utf8.ValidString(value) && data["a@1"]["b"] != clean || data["a@1"]["c"] != "x" || data["empty"] == nil {
		t.Errorf("%q: structured data is %q, want %q", got, data, clean)
	}
	key := string(appendName(nil, name))
	if key != "a@1" && key != "empty" && utf8.ValidString(value) && data[key][key] != clean {
		t.Errorf("%q: structured data of the field is %q", got, data)
	}
}

func TestRFC5424IsWhatTheOracleReads(t *testing.T) {
	m := relay(t, modern)
	checkModern(t, m, "web01", "nginx", "812", "ID47", `a "quoted" \ value [1]`, "x@2", "hello")
	checkModern(t, m, "", "", "", "", "", "", "")
	checkModern(t, m, "a b", "ü\n", "\x00", strings.Repeat("y", 99), "]\"\\", `="]`, "  blanks and ü")
	checkModern(t, m, strings.Repeat("h", 999), strings.Repeat("p", 999), strings.Repeat("9", 999), "-", "\n", strings.Repeat("n", 99), "x\n")
}

func FuzzRFC5424AgainstTheOracle(f *testing.F) {
	f.Add("web01", "nginx", "812", "ID47", `a "b"\]`, "x@2", "hello")
	f.Add("", "ü", "\x00", "-", "\xff", "=", "\xef\xbb\xbf")
	m := relay(f, modern)
	f.Fuzz(func(t *testing.T, host, program, pid, id, value, name, text string) {
		if !utf8.ValidString(text) && strings.Contains(text, "\xef\xbb\xbf") || len(text) > 10_000 || len(value) > 10_000 {
			return // after a byte order mark the oracle wants UTF-8
		}
		if strings.HasPrefix(text, "\xef\xbb\xbf") {
			return // which it takes away
		}
		checkModern(t, m, host, program, pid, id, value, name, text)
	})
}

func TestRFC3164IsWhatTheOracleReads(t *testing.T) {
	m := relay(t, legacy)
	now := time.Date(2003, 10, 1, 2, 14, 15, 0, time.UTC)
	for _, c := range []struct{ program, pid, tag, content string }{
		{"nginx", "812", "nginx", "812"}, {"postfix/smtpd", "1", "postfix/smtpd", "1"}, {"su", "-", "su", ""}, {"a:b[c]", "9]", "a_b_c_", "9_"},
	} {
		got := m.append(nil, with("web01", c.program, c.pid, "", "", "x", "'su root' failed"), now, 0, "")
		v, err := rfc3164.NewParser(rfc3164.WithYear(rfc3164.Year{YYYY: 2003})).Parse(got)
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		s := v.(*rfc3164.SyslogMessage)
		if *s.Priority != 131 || !s.Timestamp.Equal(now) || said(s.Hostname) != "web01" || said(s.Appname) != c.tag || said(s.ProcID) != c.content || said(s.Message) != "'su root' failed" {
			t.Errorf("%q means %v %q %q %q %q", got, s.Timestamp, said(s.Hostname), said(s.Appname), said(s.ProcID), said(s.Message))
		}
	}
}

func TestStructuredDataThatIsTooLongIsLeftOut(t *testing.T) {
	m := relay(t, modern)
	m.most = 512
	got := string(m.append(nil, with("h", "p", "1", "i", strings.Repeat("v", 600), "x", "text"), time.Unix(0, 0), 0, ""))
	if got != "<131>1 1970-01-01T00:00:00.000000Z h p 1 i - text" {
		t.Errorf("%q", got)
	}
}

func TestBreaksInStructuredDataDoNotEndALine(t *testing.T) {
	m := relay(t, modern)
	m.framing = newline
	got := string(m.appendFrame(nil, with("h", "p", "1", "i", "a\nb", "x", "c\nd\n"), time.Unix(0, 0)))
	if want := "<131>1 1970-01-01T00:00:00.000000Z h p 1 i [a@1 b=\"a#012b\" c=\"x\"][empty][x x=\"a#012b\"] c#012d\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestTheTimeMayComeFromTheEvent(t *testing.T) {
	e := event.New(event.NewSource("StdIn", "StdIn"), event.Field{Key: event.Intern("t"), Value: event.String("2003-10-11T22:14:15.003Z")})
	for style, want := range map[string]string{modern: "<14>1 2003-10-12T00:14:15.003000+02:00 h - - - - ", legacy: "<14>Oct 12 00:14:15 h -: "} {
		o := Options{Style: style, Facility: code{template("user")}, Severity: code{template("info")}, Hostname: template("h"), Proto: "tcp", Address: []string{"a:1"}, Clock: eventtime.Clock{TimeZone: "Europe/Berlin", TimestampField: event.MustPath("t")}}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := string(newHeader(actor.Env{}, &o).append(nil, e, time.Now(), true)); got != want {
			t.Errorf("%q", got)
		}
	}
}
