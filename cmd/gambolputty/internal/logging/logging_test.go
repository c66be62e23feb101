package logging

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	for name, c := range map[string]struct {
		format, want string
	}{
		"default":       {"", `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - Cheese - WARNING - no cheddar shop="closed today" left=0$`},
		"message only":  {"%(message)s", `^no cheddar shop="closed today" left=0$`},
		"process":       {"[%(process)d] %(name)s", `^\[\d+\] Cheese$`},
		"source":        {"%(module)s:%(lineno)d", `^logging_test:\d+$`},
		"created":       {"%(created)f", `^\d+\.\d{6}$`},
		"no line there": {"plain", `^plain$`},
		"json":          {"json", `^\{"time":"[^"]+","level":"WARNING","module":"Cheese","message":"no cheddar","shop":"closed today","left":"0"\}$`},
	} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			h, err := New(&buf, Options{Format: c.format})
			if err != nil {
				t.Fatal(err)
			}
			slog.New(h).With(Module, "Cheese").With("shop", "closed today").Warn("no cheddar", "left", 0)
			if got := strings.TrimSuffix(buf.String(), "\n"); !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestUnknownPlaceholderIsAnError(t *testing.T) {
	for _, format := range []string{"%(parrot)s", "%(message)", "%(message"} {
		if err := CheckFormat(format); err == nil {
			t.Errorf("%s was taken", format)
		}
	}
}

func TestLevels(t *testing.T) {
	for name, want := range map[string]slog.Level{"debug": -4, "INFO": 0, "Warning": 4, "warn": 4, "error": 8, "critical": 12, "FATAL": 12} {
		if got, ok := ParseLevel(name); !ok || got != want {
			t.Errorf("%s is %v, %v", name, got, ok)
		}
	}
	if _, ok := ParseLevel("loud"); ok {
		t.Error("loud is a level")
	}
	var buf bytes.Buffer
	h, _ := New(&buf, Options{Level: slog.LevelError})
	slog.New(h).Warn("quiet")
	slog.New(h.WithLevel(slog.LevelDebug)).Debug("loud")
	if got := buf.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Errorf("got %s", got)
	}
}

func TestMovedFileIsOpenedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := OpenFile(path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.Write([]byte("before\n"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.checked = time.Time{}
	_, _ = f.Write([]byte("after\n"))
	for name, want := range map[string]string{path: "after\n", path + ".1": "before\n"} {
		if got, _ := os.ReadFile(name); string(got) != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}
