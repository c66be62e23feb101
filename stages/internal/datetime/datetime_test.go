package datetime_test

import (
	"testing"
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
		{"2014-12-12T10:11:12.5+01:00", "iso8601"}:               "2014-12-12T09:11:12.5Z",
	} {
		got, err := datetime.Parse(in[0], in[1], time.UTC)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%v: %s, %v", in, got, err)
		}
	}
	for _, in := range [][2]string{{"2014-13-01", "%F"}, {"2014-02-30", "%F"}, {"x", "%Y"}, {"2014x", "%Y"}, {"", "%Y"}, {"25", "%H"}, {"Foo", "%b"}, {"+1", "%z"}, {"noon", "%p"}} {
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
