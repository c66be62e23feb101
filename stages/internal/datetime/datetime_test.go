package datetime_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/stages/internal/datetime"
)

func TestParse(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"12/Dec/2014:10:11:12 +01:00", "%d/%b/%Y:%H:%M:%S %z"}: "2014-12-12T09:11:12Z",
		{"14-1-2 3:4:5", "%y-%m-%d %H:%M:%S"}:                   "2014-01-02T03:04:05Z",
		{"68", "%y"}:                                            "2068-01-01T00:00:00Z", {"69", "%y"}: "1969-01-01T00:00:00Z",
		{"Friday, december 12 2014 12 am", "%A, %B %d %Y %I %p"}: "2014-12-12T00:00:00Z",
		{"2014-12-12T10:11:12.1", "%FT%T.%f"}:                    "2014-12-12T10:11:12.1Z",
		{"100% 2014", "100%% %Y"}:                                "2014-01-01T00:00:00Z",
		{"1418379072.5", "epoch"}:                                "2014-12-12T10:11:12.5Z",
		{"1418379072500", "epoch_millis"}:                        "2014-12-12T10:11:12.5Z",
		{"1418379072.123456789", "epoch"}:                        "2014-12-12T10:11:12.123456789Z",
		{"1418379072123.456789", "epoch_millis"}:                 "2014-12-12T10:11:12.123456789Z",
		{"1418379072123456789", "epoch_nanos"}:                   "2014-12-12T10:11:12.123456789Z",
		{"1.4183790725e9", "epoch"}:                              "2014-12-12T10:11:12.5Z",
		{"-0.5", "epoch"}:                                        "1969-12-31T23:59:59.5Z",
		{"-1.25", "epoch"}:                                       "1969-12-31T23:59:58.75Z",
		{"2014-12-12 10:11:12,25", "iso8601"}:                    "2014-12-12T10:11:12.25Z",
		{"2014-12-12t10:11z", "iso8601"}:                         "2014-12-12T10:11:00Z",
		{"2014-12-12", "iso8601"}:                                "2014-12-12T00:00:00Z",
		{"2014-12-12T10:11:12-0330", "iso8601"}:                  "2014-12-12T13:41:12Z",
		{"2014-12-12T10:11:12+01", "iso8601"}:                    "2014-12-12T09:11:12Z",
		{"12 SEPT 2014", "%d sePT %Y"}:                           "2014-01-12T00:00:00Z",
		{"Jul  8 10:11:12", "%b %d %H:%M:%S"}:                    "1900-07-08T10:11:12Z",
		{"2016-12-31T23:59:60Z", "%Y-%m-%dT%H:%M:%S%z"}:          "2017-01-01T00:00:00Z",
		{"2014-12-12T10:11:12.5+01:00", "iso8601"}:               "2014-12-12T09:11:12.5Z",
	} {
		got, err := datetime.Parse(in[0], in[1], time.UTC)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%v: %s, %v", in, got, err)
		}
	}
	for _, in := range [][2]string{{"2014-13-01", "%F"}, {"2014-02-30", "%F"}, {"x", "%Y"}, {"2014x", "%Y"}, {"", "%Y"}, {"25", "%H"}, {"Foo", "%b"}, {"+1", "%z"}, {"+1:00", "%z"}, {"1e300", "epoch"}, {"nan", "epoch"}, {"inf", "epoch"}, {"", "epoch"}, {"x", "epoch_millis"}, {"999999999999", "epoch"}, {"-99999999999999", "epoch"},
		{"999999999999999", "%s"}, {"2014-12-12T", "iso8601"}, {"2014-12-12x10:11", "iso8601"}, {"2014-12-12T10:11:12.", "iso8601"}, {"2014-12-12T10:11:12 Berlin", "iso8601"}, {"noon", "%p"}} {
		if got, err := datetime.Parse(in[0], in[1], time.UTC); err == nil {
			t.Errorf("%v: %s", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2014-12-12T10:11:12.123Z", "%Y-%m-%dT%H:%M:%S.%f%z")
	f.Add("Fri Dec 12 10:11:12 2014", "%c")
	f.Fuzz(func(t *testing.T, s, format string) {
		if datetime.Check(format) != nil {
			return
		}
		datetime.Parse(s, format, time.UTC) // it must come back
	})
}

func TestTimesWithoutAYear(t *testing.T) {
	for _, c := range []struct{ now, in, want string }{
		{"2015-06-01T12:00:00Z", "Mar  7 12:00:01", "2015-03-07T12:00:01Z"},
		{"2015-01-01T00:30:00Z", "Dec 31 23:59:59", "2014-12-31T23:59:59Z"},
		{"2014-12-31T23:59:59Z", "Jan  1 00:00:01", "2015-01-01T00:00:01Z"},
		{"2015-02-10T00:00:00Z", "Feb 29 10:00:00", "2016-02-29T10:00:00Z"},
		{"2015-06-01T00:00:00Z", "Jun  1 00:00:00", "2015-06-01T00:00:00Z"},
	} {
		synctest.Test(t, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(now)) // the clock in here takes no time
			p := datetime.Parser{Zone: time.UTC, Nearest: true}
			got, err := p.Parse(c.in, "%b %d %H:%M:%S")
			if err != nil || got.Format(time.RFC3339) != c.want {
				t.Errorf("at %s, %s is %s, %v", c.now, c.in, got, err)
			}
		})
	}
	p := datetime.Parser{Zone: time.UTC, Year: 2020}
	if got, err := p.Parse("Feb 29", "%b %d"); err != nil || got.Year() != 2020 {
		t.Errorf("got %s, %v", got, err)
	}
	p = datetime.Parser{Zone: time.UTC, Nearest: true}
	if got, err := p.Parse("2014 Feb 28", "%Y %b %d"); err != nil || got.Year() != 2014 {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := p.Parse("Feb 30", "%b %d"); err == nil {
		t.Error("there is a 30th of February")
	}
}

func TestZonesAreFoundInAnyLetterCase(t *testing.T) {
	for given, want := range map[string]string{
		"utc": "UTC", "Europe/Berlin": "Europe/Berlin", "europe/berlin": "Europe/Berlin", "AMERICA/PORT_OF_SPAIN": "America/Port_of_Spain", "etc/gmt+5": "Etc/GMT+5", "local": "Local",
	} {
		if l, err := datetime.Zone("zone", given); err != nil || l.String() != want {
			t.Errorf("%s is %v, %v", given, l, err)
		}
	}
	for given, want := range map[string]string{"": "must be UTC", "Moon/Base": "Moon/Base", "Europe/Berlni": `did you mean "Europe/Berlin"`, "../etc/passwd": "passwd"} {
		if _, err := datetime.Zone("zone", given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestEveryZoneOfTheListLoads(t *testing.T) {
	list, err := os.ReadFile("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(list)) {
		if _, err := datetime.Zone("zone", strings.ToUpper(name)); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	p := datetime.Parser{Zone: time.UTC}
	for b.Loop() {
		if _, err := p.Parse("28/Jul/2006:10:27:10 -0300", "%d/%b/%Y:%H:%M:%S %z"); err != nil {
			b.Fatal(err)
		}
	}
}
