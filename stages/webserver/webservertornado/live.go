package webservertornado

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"gambolputty/actor/logbook"
)

// liveStatistics sends what happens each second.
func (s *server) liveStatistics(w http.ResponseWriter, r *http.Request) {
	s.live(w, r, func(c *socket) error {
		reader, end := s.sampler.read()
		defer end()
		for {
			select {
			case next := <-reader.ch:
				next.Dropped = reader.dropped.Swap(0)
				if err := c.send(next); err != nil {
					return err
				}
			case <-c.in: // there is nothing to ask for
			case <-c.ctx.Done():
				return nil
			}
		}
	})
}

// logLine is a line of the log as clients get it.
type logLine struct {
	Timestamp float64 `json:"timestamp"`
	Message   string  `json:"log_message"`
	Level     string  `json:"level"`
	Module    string  `json:"module"`
}

// logFilter is what lines a client wants.
type logFilter struct {
	Level  string `json:"level"`
	Module string `json:"module"`
}

func (f logFilter) wants(l logbook.Line) bool {
	level, _ := levelOf(f.Level)
	return l.Level >= level && (f.Module == "" || f.Module == l.Module)
}

// firstLines is how many lines a new client gets at once.
const firstLines = 100

// liveLogs sends the log as it is written.
func (s *server) liveLogs(w http.ResponseWriter, r *http.Request) {
	f := logFilter{r.URL.Query().Get("level"), r.URL.Query().Get("module")}
	if _, ok := levelOf(f.Level); !ok {
		s.fail(w, r, http.StatusBadRequest, "there is no level "+f.Level)
		return
	}
	s.live(w, r, func(c *socket) error {
		lines, reader := s.book.Read(256)
		defer reader.Close()
		show := func(l logbook.Line) error {
			if !f.wants(l) {
				return nil
			}
			return c.send(s.line(l))
		}
		for _, l := range lines[max(0, len(lines)-firstLines):] {
			if err := show(l); err != nil {
				return err
			}
		}
		for {
			select {
			case l := <-reader.Lines():
				if n := reader.Dropped(); n > 0 {
					if err := c.send(map[string]int64{"dropped": n}); err != nil {
						return err
					}
				}
				if err := show(l); err != nil {
					return err
				}
			case message := <-c.in:
				var next logFilter
				err := json.Unmarshal(message, &next)
				if _, ok := levelOf(next.Level); err != nil || !ok {
					return &farewellError{4400, "a filter is as in {\"level\": \"warn\", \"module\": \"x\"}"}
				}
				f = next
			case <-c.ctx.Done():
				return nil
			}
		}
	})
}

// line is a line without what nobody may see.
func (s *server) line(l logbook.Line) logLine {
	text := withoutLogin.ReplaceAllStringFunc(l.Text, hideLogin)
	for _, field := range s.policy.Load().Mask {
		name := regexp.QuoteMeta(field)
		text = regexp.MustCompile(`(\b`+name+`=|["']`+name+`["']: ?)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,}]+)`).ReplaceAllString(text, "${1}"+mask)
	}
	return logLine{float64(l.Time.UnixMilli()) / 1000, strings.ToValidUTF8(text, "\ufffd"), levelName(l.Level), l.Module}
}

// levelOf reads the name of a level; "" is the lowest one.
func levelOf(name string) (slog.Level, bool) {
	switch strings.ToLower(name) {
	case "", "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn", "warning":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	case "critical", "fatal":
		return slog.LevelError + 4, true
	}
	return 0, false
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	case l < slog.LevelError+4:
		return "ERROR"
	}
	return "CRITICAL"
}
