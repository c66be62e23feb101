// Package logging writes log lines in the form that the configuration asks for: a format
// with placeholders as Python's logging knows them, or one JSON object per line.
package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor/logbook"
)

// DefaultFormat is the format of a log line where none is configured.
const DefaultFormat = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"

// Critical is the level above error.
const Critical = slog.Level(12)

// Module is the attribute whose value is the name of the logger.
const Module = "module"

// ParseLevel reads a level name in any letter case.
func ParseLevel(name string) (slog.Level, bool) {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn", "warning":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	case "critical", "fatal":
		return Critical, true
	}
	return 0, false
}

func levelName(l slog.Level) (name, colour string) {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG", "\x1b[32m"
	case l < slog.LevelWarn:
		return "INFO", "\x1b[34m"
	case l < slog.LevelError:
		return "WARNING", "\x1b[33m"
	case l < Critical:
		return "ERROR", "\x1b[31m"
	}
	return "CRITICAL", "\x1b[31m"
}

// Handler is a slog.Handler. Handlers made from one by With share its writer.
type Handler struct {
	out    *output
	level  slog.Leveler
	name   string
	attrs  string      // rendered for text
	fields []slog.Attr // for JSON
}

type output struct {
	form atomic.Pointer[form]
	book *logbook.Book

	mu sync.Mutex
	w  io.Writer
}

// form is how lines look.
type form struct {
	pieces []piece // nil writes JSON
	colour bool
}

// Options of a Handler.
type Options struct {
	// Format is a format with placeholders, or json. Empty is DefaultFormat.
	Format string
	// Level is the lowest level that is written.
	Level slog.Leveler
	// Colour colours the level.
	Colour bool
	// Book gets every line that is written, too; nil is none.
	Book *logbook.Book
}

// New makes a handler that writes to w. The error names an unknown placeholder.
func New(w io.Writer, o Options) (*Handler, error) {
	h := &Handler{out: &output{book: o.Book}, level: o.Level, name: "gambolputty"}
	if h.level == nil {
		h.level = slog.LevelInfo
	}
	return h, h.Redirect(w, o.Format, o.Colour)
}

// Redirect makes the handler, and all that were made from it or that it was made from, write
// to w in another form. After an error nothing has changed.
func (h *Handler) Redirect(w io.Writer, format string, colour bool) error {
	f := &form{colour: colour}
	if format != "json" {
		var err error
		if f.pieces, err = parseFormat(format); err != nil {
			return err
		}
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.w = w
	h.out.form.Store(f)
	return nil
}

// WithLevel returns the handler with another lowest level.
func (h *Handler) WithLevel(l slog.Leveler) *Handler {
	c := *h
	c.level = l
	return &c
}

// Enabled reports whether lines of a level are written.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// WithAttrs returns a handler that adds attributes to every line. The module attribute
// becomes the name of the logger.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == Module {
			c.name = a.Value.String()
			continue
		}
		c.attrs += attrText(a)
		c.fields = append(c.fields[:len(c.fields):len(c.fields)], a)
	}
	return &c
}

// WithGroup returns the handler itself: lines are flat.
func (h *Handler) WithGroup(string) slog.Handler { return h }

// Handle writes one line.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	var line []byte
	if f := h.out.form.Load(); f.pieces == nil {
		line = h.json(r)
	} else {
		line = h.text(f, r)
	}
	if h.out.book != nil {
		h.out.book.Add(logbook.Line{Time: r.Time, Level: r.Level, Module: h.name, Text: string(placeholders["message"](nil, h, r))})
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(append(line, '\n'))
	return err
}

func (h *Handler) text(f *form, r slog.Record) []byte {
	var line []byte
	for _, p := range f.pieces {
		line = append(line, p.literal...)
		if p.value != nil {
			line = p.value(line, h, r)
		}
	}
	return line
}

func (h *Handler) json(r slog.Record) []byte {
	level, _ := levelName(r.Level)
	line := fmt.Appendf(nil, `{"time":%q,"level":%q,"module":%s,"message":%s`,
		r.Time.Format(time.RFC3339Nano), level, quote(h.name), quote(r.Message))
	add := func(a slog.Attr) bool {
		line = fmt.Appendf(line, `,%s:%s`, quote(a.Key), quote(a.Value.Resolve().String()))
		return true
	}
	for _, a := range h.fields {
		add(a)
	}
	r.Attrs(add)
	return append(line, '}')
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string can always be encoded
	return b
}

func attrText(a slog.Attr) string {
	v := a.Value.Resolve().String()
	if v == "" || strings.ContainsAny(v, " \t\r\n\"=") {
		v = strconv.Quote(v)
	}
	return " " + a.Key + "=" + v
}

// piece is literal text followed by a placeholder, which may be missing.
type piece struct {
	literal string
	value   func(dst []byte, h *Handler, r slog.Record) []byte
}

// CheckFormat tells whether a format is one that New takes.
func CheckFormat(format string) error {
	if format == "json" {
		return nil
	}
	_, err := parseFormat(format)
	return err
}

func parseFormat(format string) ([]piece, error) {
	if format == "" {
		format = DefaultFormat
	}
	var pieces []piece
	for {
		literal, rest, found := strings.Cut(format, "%(")
		if !found {
			return append(pieces, piece{literal: literal}), nil
		}
		name, after, closed := strings.Cut(rest, ")")
		value, known := placeholders[name]
		if !closed || !known || after == "" {
			return nil, fmt.Errorf("unknown placeholder %%(%s)", name)
		}
		pieces = append(pieces, piece{literal, value})
		format = after[1:] // the verb; every placeholder has one
	}
}

var placeholders = map[string]func([]byte, *Handler, slog.Record) []byte{
	"asctime": func(dst []byte, _ *Handler, r slog.Record) []byte {
		return r.Time.Local().AppendFormat(dst, "2006-01-02 15:04:05,000")
	},
	"created": func(dst []byte, _ *Handler, r slog.Record) []byte {
		return fmt.Appendf(dst, "%f", float64(r.Time.UnixMicro())/1e6)
	},
	"name": func(dst []byte, h *Handler, _ slog.Record) []byte { return append(dst, h.name...) },
	"levelname": func(dst []byte, h *Handler, r slog.Record) []byte {
		name, colour := levelName(r.Level)
		if !h.out.form.Load().colour {
			return append(dst, name...)
		}
		return append(dst, colour+name+"\x1b[0m"...)
	},
	"message": func(dst []byte, h *Handler, r slog.Record) []byte {
		dst = append(append(dst, r.Message...), h.attrs...)
		r.Attrs(func(a slog.Attr) bool {
			dst = append(dst, attrText(a)...)
			return true
		})
		return dst
	},
	"process": func(dst []byte, _ *Handler, _ slog.Record) []byte {
		return strconv.AppendInt(dst, int64(os.Getpid()), 10)
	},
	"module": func(dst []byte, _ *Handler, r slog.Record) []byte {
		file := sourceOf(r).File
		file = file[strings.LastIndexByte(file, '/')+1:]
		return append(dst, strings.TrimSuffix(file, ".go")...)
	},
	"lineno": func(dst []byte, _ *Handler, r slog.Record) []byte {
		return strconv.AppendInt(dst, int64(sourceOf(r).Line), 10)
	},
	"threadName": func(dst []byte, h *Handler, _ slog.Record) []byte { return append(dst, h.name...) },
}

func sourceOf(r slog.Record) runtime.Frame {
	frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
	return frame
}
