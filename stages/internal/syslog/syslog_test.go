package syslog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// show writes what is known of a message.
func show(m *Message) string {
	var out []string
	for _, p := range []struct{ name, value string }{
		{"pri", m.Priority}, {"v", m.Version}, {"time", m.Stamp.Raw}, {"host", m.Host}, {"prog", m.Program}, {"pid", m.PID}, {"id", m.ID}, {"data", m.Data}, {"text", m.Text},
	} {
		if p.value != "" {
			out = append(out, p.name+"="+p.value)
		}
	}
	return strings.Join(out, "|")
}

func TestLinesAreTakenApart(t *testing.T) {
	for line, want := range map[string]string{
		// RFC 5424, section 6.5
		"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8":                                                              "pri=34|v=1|time=2003-10-11T22:14:15.003Z|host=mymachine.example.com|prog=su|id=ID47|text='su root' failed for lonvick on /dev/pts/8",
		"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.":                                                                            "pri=165|v=1|time=2003-08-24T05:14:15.000003-07:00|host=192.0.2.1|prog=myproc|pid=8710|text=%% It's time to make the do-nuts.",
		`<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]`: `pri=165|v=1|time=2003-10-11T22:14:15.003Z|host=mymachine.example.com|prog=evntslog|id=ID47|data=[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]`,
		"<0>1 - - - - - -":                              "pri=0|v=1",
		"<0>1 - - - - - - ":                             "pri=0|v=1",
		"<13>1 - h p - - -  two blanks":                 "pri=13|v=1|host=h|prog=p|text= two blanks",
		`<13>1 - - - - - [a b="]\"\\" c=""][d] x`:       `pri=13|v=1|data=[a b="]\"\\" c=""][d]|text=x`,
		"<13>1 2003-10-11T22:14:15Z h p - - no data":    "pri=13|v=1|time=2003-10-11T22:14:15Z|host=h|prog=p|text=no data",
		"<13>1 2003-10-11T22:14:15Z h p 5 ID":           "pri=13|v=1|time=2003-10-11T22:14:15Z|host=h|prog=p|pid=5|id=ID",
		"<13>1 - h p - - [not data, really] x":          "pri=13|v=1|host=h|prog=p|text=[not data, really] x",
		"52 <34>1 - h p - - - x\n":                      "pri=34|v=1|host=h|prog=p|text=x",
		"<34>1 - h p - - - x\r\n\x00":                   "pri=34|v=1|host=h|prog=p|text=x",
		"<34>1 - h p - - - x ":                          "pri=34|v=1|host=h|prog=p|text=x ",
		"<34>2 2003-10-11T22:14:15,5+0200 h p - - - ok": "pri=34|v=2|time=2003-10-11T22:14:15,5+0200|host=h|prog=p|text=ok",
		// RFC 3164, section 5.4, and as it is really sent
		"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8": "pri=34|time=Oct 11 22:14:15|host=mymachine|prog=su|text='su root' failed for lonvick on /dev/pts/8",
		"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!":                                   "pri=13|time=Feb  5 17:32:18|host=10.0.0.99|text=Use the BFG!",
		"<13>Oct 11 22:14:15 web01 nginx[812]: ok":                                     "pri=13|time=Oct 11 22:14:15|host=web01|prog=nginx|pid=812|text=ok",
		"Oct 11 22:14:15 web01 nginx[812]: ok":                                         "time=Oct 11 22:14:15|host=web01|prog=nginx|pid=812|text=ok",
		"<13>Oct  1 22:14:15 su[230]: no host":                                         "pri=13|time=Oct  1 22:14:15|prog=su|pid=230|text=no host",
		"<13>Oct 1 22:14:15 su: no host":                                               "pri=13|time=Oct 1 22:14:15|prog=su|text=no host",
		"<13>oct 01 22:14:15.123456 h postfix/smtpd[12]: connect":                      "pri=13|time=oct 01 22:14:15.123456|host=h|prog=postfix/smtpd|pid=12|text=connect",
		"<13>Oct 11 22:14:15 2003 h p: year behind":                                    "pri=13|time=Oct 11 22:14:15 2003|host=h|prog=p|text=year behind",
		"<13>Oct 11 2003 22:14:15 h p: year between":                                   "pri=13|time=Oct 11 2003 22:14:15|host=h|prog=p|text=year between",
		"<13>2003 Oct 11 22:14:15 h p: year in front":                                  "pri=13|time=2003 Oct 11 22:14:15|host=h|prog=p|text=year in front",
		"<13>Oct 11 22:14:15 UTC h p: zone":                                            "pri=13|time=Oct 11 22:14:15 UTC|host=h|prog=p|text=zone",
		"<13>2003-10-11T22:14:15.003+02:00 h p[1]: iso":                                "pri=13|time=2003-10-11T22:14:15.003+02:00|host=h|prog=p|pid=1|text=iso",
		"2003-10-11T22:14:15Z h p: iso":                                                "time=2003-10-11T22:14:15Z|host=h|prog=p|text=iso",
		"<13>2003-10-11 22:14:15 h p: blank":                                           "pri=13|time=2003-10-11 22:14:15|host=h|prog=p|text=blank",
		"<13>hello world":                                                              "pri=13|text=hello world",
		"<13>su: no time":                                                              "pri=13|prog=su|text=no time",
		"<13>sshd[12] no colon":                                                        "pri=13|prog=sshd|pid=12|text=no colon",
		"<13>":                                                                         "pri=13",
		"<13> Oct 11 22:14:15 h p: blank in front":                                     "pri=13|time=Oct 11 22:14:15|host=h|prog=p|text=blank in front",
		"<13>Oct 11 22:14:15 h last message repeated 2 times":                          "pri=13|time=Oct 11 22:14:15|host=h|text=last message repeated 2 times",
		"<13>Oct 11 22:14:15 h http://example.com/ was asked for":                      "pri=13|time=Oct 11 22:14:15|host=h|text=http://example.com/ was asked for",
		"<13>Oct 11 22:14:15 h C:\\x":                                                  "pri=13|time=Oct 11 22:14:15|host=h|text=C:\\x",
		"<13>Oct 11 22:14:15 h app:text":                                               "pri=13|time=Oct 11 22:14:15|host=h|prog=app|text=text",
		"<13>Oct 11 22:14:15 h app:":                                                   "pri=13|time=Oct 11 22:14:15|host=h|prog=app",
		"<13>Oct 11 22:14:15 h app[5]:text":                                            "pri=13|time=Oct 11 22:14:15|host=h|prog=app|pid=5|text=text",
		"<13>Oct 11 22:14:15 h app[not a pid]: x":                                      "pri=13|time=Oct 11 22:14:15|host=h|text=app[not a pid]: x",
		"<13>Oct 11 22:14:15 h app[]: x":                                               "pri=13|time=Oct 11 22:14:15|host=h|text=app[]: x",
		"<6>[ 123.456] usb 1-1: new":                                                   "pri=6|text=[ 123.456] usb 1-1: new",
		"<13>1 apple a day":                                                            "pri=13|text=1 apple a day",
		"<13>Feb 30 22:14:15 h p: x":                                                   "pri=13|text=Feb 30 22:14:15 h p: x",
		"<13>Oct 11 25:14:15 h p: x":                                                   "pri=13|text=Oct 11 25:14:15 h p: x",
		"<13>Oct 11 22:14:15":                                                          "pri=13|time=Oct 11 22:14:15",
		"<13>Oct 11 22:14:15 alone":                                                    "pri=13|time=Oct 11 22:14:15|text=alone",
		// Cisco
		"<189>29: *Mar  1 00:02:03.123: %SYS-5-CONFIG_I: Configured from console": "pri=189|time=Mar  1 00:02:03.123|prog=%SYS-5-CONFIG_I|text=Configured from console",
		"<189>29: .Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: x":                   "pri=189|time=Mar  1 18:46:11.123 UTC|prog=%SYS-5-CONFIG_I|text=x",
		"<189>29: sw1: *Mar  1 18:46:11 CET: %LINK-3-UPDOWN: Interface":           "pri=189|time=Mar  1 18:46:11|host=sw1|prog=%LINK-3-UPDOWN|text=Interface",
		"<189>sw1: *Mar  1 18:46:11: %LINK-3-UPDOWN: Interface":                   "pri=189|time=Mar  1 18:46:11|host=sw1|prog=%LINK-3-UPDOWN|text=Interface",
		"<189>000029: Mar  1 1993 18:46:11: %SYS-5-RESTART: System restarted --":  "pri=189|time=Mar  1 1993 18:46:11|prog=%SYS-5-RESTART|text=System restarted --",
		"<189>: 2014 Mar  1 18:46:11 UTC: %ETHPORT-5-IF_UP: Interface":            "pri=189|time=2014 Mar  1 18:46:11 UTC|prog=%ETHPORT-5-IF_UP|text=Interface",
		"<166>Oct 12 2005 22:14:15 fw1 : %ASA-6-302013: Built inbound TCP":        "pri=166|time=Oct 12 2005 22:14:15|host=fw1|prog=%ASA-6-302013|text=Built inbound TCP",
		"<166>Oct 12 2005 22:14:15: %ASA-6-302013: Built inbound TCP":             "pri=166|time=Oct 12 2005 22:14:15|prog=%ASA-6-302013|text=Built inbound TCP",
		"<166>Oct 12 22:14:15 fw1 %ASA-6-302013: Built":                           "pri=166|time=Oct 12 22:14:15|host=fw1|prog=%ASA-6-302013|text=Built",
		"<166>%ASA-6-302013: Built inbound TCP":                                   "pri=166|prog=%ASA-6-302013|text=Built inbound TCP",
		"%ASA-6-302013: Built inbound TCP":                                        "prog=%ASA-6-302013|text=Built inbound TCP",
		"<189>Oct 12 22:14:15 %SYS-5-CONFIG_I: no host":                           "pri=189|time=Oct 12 22:14:15|prog=%SYS-5-CONFIG_I|text=no host",
		"<13>su: Oct 11 22:14:15 is a time in the text":                           "pri=13|prog=su|text=Oct 11 22:14:15 is a time in the text",
		"%PLATFORM-SP-4-TEMP: a sub-facility":                                     "prog=%PLATFORM-SP-4-TEMP|text=a sub-facility",
		"<189>29: text without a time":                                            "pri=189|text=29: text without a time",
	} {
		var m Message
		if !m.Parse(line, Auto) {
			t.Errorf("%q is not taken", line)
		} else if got := show(&m); got != want {
			t.Errorf("%q\ngives %s\nwant  %s", line, got, want)
		}
	}
}

func TestOtherLinesAreRefused(t *testing.T) {
	for line, f := range map[string]Format{
		"": Auto, "hello": Auto, "\n": Auto, "\x00": Auto, "Octopus 11": Auto, "12": Auto, "<": Auto, "<1": Auto, "<>x": Auto, "<a>x": Auto, "<1234>x": Auto,
		"%ASA-9-302013: x": Auto, "%asa-6-1: x": Auto, "100% of all": Auto, "%ASA-6": Auto, "5 <x": Auto, "2003-10-11": Auto, "2003-10-11T22:14:15x": Auto,
		"<13>Oct 11 22:14:15 h p: x": Modern, "<13>hello": Modern, "<13>1 - - - - - [a b=\"c": Modern, "<13>1 - - - - - [a b=c]": Modern, "<13>1 - - - - - [] x": Modern,
		"<13>1 - - - - - [a]x": Modern, "<13>1 - - - - x": Modern, "<13>1 2003-10-11T22:14:15 h p - - -": Modern, "<13>1 2003-10-11 h p - - -": Modern, "<13>0 - h p - - -": Modern,
		"1 - - - - - -": Modern, "<13>1": Modern, "<13>1 ": Modern, "<13>1  - - - - -": Modern, "<13>1 2003-02-29T22:14:15Z h p - - -": Modern, "<13>1 - - - - -": Modern,
	} {
		var m Message
		if m.Parse(line, f) {
			t.Errorf("%q is taken as %s", line, show(&m))
		}
	}
	var m Message
	if !m.Parse("<13>1 2003-10-11T22:14:15Z h p - - - x", Legacy) || m.Version != "" || m.Text != "1 2003-10-11T22:14:15Z h p - - - x" {
		t.Errorf("as an older form it is %s", show(&m))
	}
}

func TestTimesAreCompleted(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		stamp      string
		year       int
		want       int
		wantOffset int
		wrong      bool
	}{
		{"Jan  1 00:00:00", 0, 2026, 3600, false},
		{"Dec 31 23:59:59", 0, 2025, 3600, false},
		{"Jul  1 00:00:00", 0, 2026, 7200, false},
		{"Jul  5 00:00:00", 0, 2025, 7200, false},
		{"Jul  1 00:00:00", 1999, 1999, 7200, false},
		{"Jul  1 2003 00:00:00", 1999, 2003, 7200, false},
		{"2003-07-01T00:00:00-03:30", 1999, 2003, -12600, false},
		{"2003-07-01T00:00:00+05", 0, 2003, 18000, false},
		{"2003-07-01T00:00:00", 0, 2003, 7200, false},
		{"Jul  1 00:00:00 GMT", 0, 2026, 0, false},
		{"Feb 29 00:00:00", 0, 2024, 3600, false},
		{"Feb 29 00:00:00", 2023, 2023, 0, true},
	} {
		var s Stamp
		if n := s.read(c.stamp + " "); n != len(c.stamp) {
			t.Errorf("%s: read %d bytes", c.stamp, n)
		}
		clock := Clock{Fixed: c.year}
		clock.Set(now, berlin)
		y, offset, ok := clock.Complete(&s)
		if y != c.want || ok == c.wrong || ok && offset != c.wantOffset {
			t.Errorf("%s is in %d, offset %d, %v", c.stamp, y, offset, ok)
		}
	}
}

func TestElementsOfStructuredData(t *testing.T) {
	var out []string
	Elements(`[a b="1" c="\"\\\]\n"][d e=""][f]`, func(id string) { out = append(out, "["+id) }, func(name, value string) { out = append(out, name+"="+value) })
	if got := strings.Join(out, " "); got != `[a b=1 c="\]\n [d e= [f` {
		t.Error(got)
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	var m Message
	for _, line := range []string{"<13>Oct 11 22:14:15 web01 nginx[812]: ok", `<34>1 2003-10-11T22:14:15.003Z host su 12 ID47 [a b="c"] text`, "<189>29: sw1: *Mar  1 18:46:11 CET: %LINK-3-UPDOWN: Interface"} {
		if n := testing.AllocsPerRun(100, func() { m.Parse(line, Auto) }); n > 0 {
			t.Errorf("%q: %v allocations", line, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"<34>1 2003-10-11T22:14:15.003Z h su - ID47 [a b=\"c\\\"\"] x", "<13>Oct 11 22:14:15 web01 nginx[812]: ok", "5 <189>29: h: *Mar  1 00:02:03.123 UTC: %SYS-5-A: x\n", "%A-1-B:", "Feb 29 00:00:00 2004 h", "2014 Mar 1 00:00:00:", "<1>1 - - - - - [a b=\"\\"} {
		f.Add(s)
	}
	var clock Clock
	clock.Set(time.Now(), time.UTC)
	f.Fuzz(func(t *testing.T, line string) {
		for _, format := range []Format{Auto, Modern, Legacy} {
			var m Message
			if !m.Parse(line, format) {
				continue
			}
			for _, part := range []string{m.Priority, m.Version, m.Stamp.Raw, m.Host, m.Program, m.PID, m.ID, m.Data} {
				if !strings.Contains(line, part) || strings.HasPrefix(part, " ") {
					t.Fatalf("%q: bad part %q in %s", line, part, show(&m))
				}
			}
			if !strings.Contains(line, m.Text) {
				t.Fatalf("%q: the text is %q", line, m.Text)
			}
			if m.Stamp.Raw != "" {
				if y, offset, ok := clock.Complete(&m.Stamp); !ok || y < 0 || y > 9999 || offset <= -24*3600 || offset >= 24*3600 {
					t.Fatalf("%q: %d %d %v", line, offset, y, ok)
				}
			}
			Elements(m.Data, func(string) {}, func(name, _ string) {
				if name == "" {
					t.Fatal("a parameter without a name")
				}
			})
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, line := range []string{"<13>Oct 11 22:14:15 web01 nginx[812]: upstream timed out while reading", `<34>1 2003-10-11T22:14:15.003Z host su 12 ID47 [a b="c"] text`} {
		b.Run(fmt.Sprint(line[:6]), func(b *testing.B) {
			var m Message
			for b.Loop() {
				m.Parse(line, Auto)
			}
		})
	}
}
