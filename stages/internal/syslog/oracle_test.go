package syslog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	oracle "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

// text is what an optional part says.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// describe writes the parts of a message of the oracle.
func describe(b oracle.Base, data string) string {
	pri := ""
	if b.Priority != nil {
		pri = fmt.Sprint(*b.Priority)
	}
	stamp := ""
	if b.Timestamp != nil {
		stamp = b.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	return strings.Join([]string{pri, stamp, text(b.Hostname), text(b.Appname), text(b.ProcID), text(b.MsgID), data, strings.TrimPrefix(text(b.Message), "\ufeff")}, "|")
}

// ours writes ours in the same way.
func ours(m *Message, year int) string {
	stamp := ""
	if m.Stamp.Raw != "" {
		clock := Clock{Fixed: year}
		clock.Set(time.Time{}, time.UTC)
		y, offset, _ := clock.Complete(&m.Stamp)
		stamp = m.Stamp.date(y, time.UTC).Add(-time.Duration(offset) * time.Second).Format(time.RFC3339Nano)
	}
	elements := map[string]map[string]string{}
	id := ""
	Elements(m.Data, func(name string) {
		id = name
		if elements[id] == nil {
			elements[id] = map[string]string{}
		}
	}, func(name, value string) { elements[id][name] = value })
	pri := strings.TrimLeft(m.Priority, "0")
	if pri == "" && m.Priority != "" {
		pri = "0"
	}
	return strings.Join([]string{pri, stamp, m.Host, m.Program, m.PID, m.ID, sorted(elements), m.Text}, "|")
}

// sorted writes structured data in a stable order.
func sorted(data map[string]map[string]string) string {
	var out strings.Builder
	for _, id := range slices.Sorted(maps.Keys(data)) {
		fmt.Fprintf(&out, "[%s", id)
		for _, name := range slices.Sorted(maps.Keys(data[id])) {
			fmt.Fprintf(&out, " %s=%q", name, data[id][name])
		}
		out.WriteString("]")
	}
	return out.String()
}

// agree checks that what the oracle takes as RFC 5424 means the same here.
func agree(t *testing.T, line string) bool {
	t.Helper()
	v, err := rfc5424.NewParser().Parse([]byte(line))
	if err != nil || v == nil {
		return false
	}
	their := v.(*rfc5424.SyslogMessage)
	data := ""
	if their.StructuredData != nil {
		data = sorted(*their.StructuredData)
	}
	var m Message
	if !m.Parse(line, Modern) {
		t.Fatalf("%q is RFC 5424 for the oracle", line)
	}
	if a, b := ours(&m, 0), describe(their.Base, data); a != b {
		t.Fatalf("%q\ngives  %s\noracle %s", line, a, b)
	}
	if fmt.Sprint(their.Version) != m.Version {
		t.Fatalf("%q: version %s, for the oracle %d", line, m.Version, their.Version)
	}
	return true
}

func TestRFC5424MeansWhatTheOracleSays(t *testing.T) {
	for _, stamp := range []string{"-", "2003-10-11T22:14:15.003Z", "2003-08-24T05:14:15.000003-07:00", "2020-02-29T23:59:59+00:00", "1985-04-12T19:20:50.52-04:00"} {
		for _, header := range []string{"- - - -", "mymachine.example.com su - ID47", "192.0.2.1 myproc 8710 -", "2001:db8::1 a/b[c] x:y z"} {
			for _, data := range []string{"-", `[a@1 b="c"]`, `[a b="1" c="x y"][d e="\"\\\]"]`, `[a]`} {
				for _, msg := range []string{"", " text", " \ufefftext ü", "  two blanks"} {
					line := "<165>1 " + stamp + " " + header + " " + data + msg
					if !agree(t, line) {
						t.Errorf("the oracle does not take %q", line)
					}
				}
			}
		}
	}
}

func TestRFC3164MeansWhatTheOracleSays(t *testing.T) {
	for _, stamp := range []string{"Oct 11 22:14:15", "Feb  5 17:32:18", "Feb 29 00:00:00"} {
		for _, host := range []string{"mymachine", "10.0.0.99", "a-b.example.com"} {
			for _, tag := range []string{"su: ", "nginx[812]: ", "postfix/smtpd[1]: ", "%ASA-6-302013: "} {
				line := "<34>" + stamp + " " + host + " " + tag + "'su root' failed: for lonvick"
				v, err := rfc3164.NewParser(rfc3164.WithYear(rfc3164.Year{YYYY: 2004})).Parse([]byte(line))
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				var m Message
				if !m.Parse(line, Auto) {
					t.Fatalf("%q is not taken", line)
				}
				if a, b := ours(&m, 2004), describe(v.(*rfc3164.SyslogMessage).Base, ""); a != b {
					t.Errorf("%q\ngives  %s\noracle %s", line, a, b)
				}
			}
		}
	}
}

func FuzzAgainstTheOracle(f *testing.F) {
	for _, s := range []string{`<165>1 2003-10-11T22:14:15.003Z h p 1 ID47 [a@1 b="c\"" d=""][e] x`, "<0>999 - - - - - -", "<34>1 - h p - - - \ufeffx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		// Ours cuts off line ends, and it looks for the mark of UTF-8 only once.
		if strings.TrimRight(line, "\r\n\x00") != line || strings.Count(line, "\ufeff") > 1 || !utf8.ValidString(line) {
			return
		}
		// A name that occurs twice means a list here, and the last value for the oracle.
		agree(t, line)
	})
}
