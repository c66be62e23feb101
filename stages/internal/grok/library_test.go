package grok_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gambolputty/actor/regex"
	"gambolputty/stages/internal/grok"
)

func TestEveryBuiltinPatternCompiles(t *testing.T) {
	names := grok.Builtin().Names()
	if len(names) < 360 {
		t.Errorf("there are only %d patterns", len(names))
	}
	for _, name := range names {
		x, err := grok.Builtin().Expand("%{" + name + ":field}")
		if err != nil {
			t.Error(name, err)
			continue
		}
		if _, err := regex.Compile(x.Pattern, regex.Options{Dialect: regex.Oniguruma}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// names2015 are the patterns that the program had in its first years.
const names2015 = `USERNAME USER INT BASE10NUM NUMBER BASE16NUM BASE16FLOAT FLOAT POSINT NONNEGINT WORD NOTSPACE SPACE DATA
GREEDYDATA QUOTEDSTRING UUID MAC CISCOMAC WINDOWSMAC COMMONMAC IPV6 IPV4 IP HOSTNAME HOST IPORHOST HOSTPORT PATH UNIXPATH TTY WINPATH
URIPROTO URIHOST URIPATH URIPARAM URIPATHPARAM URI MONTH MONTHNUM MONTHDAY DAY YEAR HOUR MINUTE SECOND TIME DATE_US DATE_EU
ISO8601_TIMEZONE ISO8601_SECOND TIMESTAMP_ISO8601 DATE DATESTAMP TZ DATESTAMP_RFC822 DATESTAMP_OTHER SYSLOGTIMESTAMP PROG SYSLOGPROG
SYSLOGHOST SYSLOGFACILITY HTTPDATE QS SYSLOGBASE COMMONAPACHELOG COMBINEDAPACHELOG LOGLEVEL HTTPMETHOD HTTPVERSION
NETSCREENSESSIONLOG CISCO_TAGGED_SYSLOG CISCOTIMESTAMP CISCOTAG CISCO_ACTION CISCO_REASON CISCO_DIRECTION CISCO_INTERVAL CISCO_XLATE_TYPE
CISCOFW106001 CISCOFW106006_106007_106010 CISCOFW106014 CISCOFW106015 CISCOFW106021 CISCOFW106023 CISCOFW106100 CISCOFW110002 CISCOFW302010
CISCOFW302013_302014_302015_302016 CISCOFW302020_302021 CISCOFW305011 CISCOFW313001_313004_313008 CISCOFW313005 CISCOFW402117 CISCOFW402119
CISCOFW419001 CISCOFW419002 CISCOFW500004 CISCOFW602303_602304 CISCOFW710001_710002_710003_710005_710006 CISCOFW713172 CISCOFW733100
HAPROXYTIME HAPROXYDATE HAPROXYCAPTUREDREQUESTHEADERS HAPROXYCAPTUREDRESPONSEHEADERS HAPROXYHTTP HAPROXYTCP`

func TestThePatternsOf2015AreStillThere(t *testing.T) {
	wanted := strings.Fields(names2015)
	if len(wanted) != 108 {
		t.Fatalf("the list has %d names", len(wanted))
	}
	have := grok.Builtin().Names()
	for _, name := range wanted {
		if !slices.Contains(have, name) {
			t.Errorf("%s is gone to meet its maker", name)
		}
	}
}

// write makes a directory with files.
func write(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func addDir(t *testing.T, l *grok.Library, dir string) *grok.Library {
	t.Helper()
	l, err := l.AddDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func expand(t *testing.T, l *grok.Library, pattern string) string {
	t.Helper()
	x, err := l.Expand(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return x.Pattern
}

func TestDefinitionsWinOverDirectoriesOverBuiltin(t *testing.T) {
	l := addDir(t, grok.Builtin(), write(t, map[string]string{"mine": "PARROT norwegian\nINT one\nEGGS first"}))
	l = addDir(t, l, write(t, map[string]string{"other": "PARROT dead\nSPAM spam\nEGGS second"}))
	l = l.With(map[string]string{"SPAM": "eggs"})
	l = addDir(t, l, write(t, map[string]string{"late": "SPAM late"}))
	want := "(?:norwegian) (?:one) (?:eggs) (?:first)"
	if got := expand(t, l, "%{PARROT} %{INT} %{SPAM} %{EGGS}"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := expand(t, grok.Builtin(), "%{INT}"); strings.Contains(got, "one") {
		t.Error("the built-in library changed")
	}
}

func TestPatternFilesAreReadLineByLine(t *testing.T) {
	dir := write(t, map[string]string{
		"ministry":  "# silly walks\r\n\r\nWALK  \tsilly walk \r\n  # more\nHOP\ta|b # c\nA-B x\n3COM y",
		".ministry": "WALK hidden\nWALK",
	})
	if err := os.Mkdir(filepath.Join(dir, "archive"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := addDir(t, grok.Builtin(), dir)
	want := "(?:silly walk )(?:a|b # c)(?:x)(?:y)"
	if got := expand(t, l, "%{WALK}%{HOP}%{A-B}%{3COM}"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBadPatternFilesAreNamedWithTheirLine(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"no expression":     {"A a\n\nLONELY\n", "bad:3: a line must be a name and an expression"},
		"blank expression":  {"LONELY  \n", "bad:1: "},
		"name with symbols": {"A+B c\n", "bad:1: "},
		"name is a number":  {"42 c\n", "bad:1: "},
		"endless line":      {"A a\nB " + strings.Repeat("b", 1<<17), "bad:2: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := grok.Builtin().AddDir(write(t, map[string]string{"bad": c.text}))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := grok.Builtin().AddDir(filepath.Join(t.TempDir(), "camelot")); err == nil || !strings.Contains(err.Error(), "camelot") {
		t.Errorf("a directory that is not there gave %v", err)
	}
}

func TestALibraryServesManyAtOnce(t *testing.T) {
	t.Run("group", func(t *testing.T) {
		for range 4 {
			t.Run("expand", func(t *testing.T) {
				t.Parallel()
				l := grok.Builtin().With(map[string]string{"SPAM": "%{INT}"})
				expand(t, l, "%{SPAM:spam:int} %{COMBINEDAPACHELOG}")
			})
		}
	})
}
