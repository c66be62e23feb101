package main

import (
	"io"
	"log/slog"
	"os"
	"sync"

	"gambolputty/actor/logbook"
	"gambolputty/cmd/gambolputty/internal/logging"
	"gambolputty/config"
)

// logs is where the log goes.
type logs struct {
	handler *logging.Handler
	level   slog.LevelVar             // of modules without one of their own
	modules map[string]*slog.LevelVar // the levels of modules
	levels  *logging.Levels           // which hold for a while instead
	book    *logbook.Book             // the last lines
	options config.Logging            // in force

	fileMu sync.Mutex
	file   *logging.File // nil writes to standard error
}

// openLog makes the log of a configuration; flags win over it.
func (a *app) openLog(o config.Logging) (*logs, error) {
	l := &logs{levels: new(logging.Levels), book: new(logbook.Book), modules: map[string]*slog.LevelVar{}}
	var err error
	l.handler, err = logging.New(a.err, logging.Options{Level: l.levels.Of("", &l.level), Book: l.book})
	if err != nil {
		return nil, err
	}
	return l, l.configure(a, o)
}

// configure makes the log one of another configuration. After an error it is what it was.
func (l *logs) configure(a *app, o config.Logging) error {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	file, w := l.file, io.Writer(a.err)
	if o.Filename != "" {
		if file == nil || o.Filename != l.options.Filename {
			var err error
			if file, err = logging.OpenFile(o.Filename, o.Filemode == "w"); err != nil {
				return err
			}
		}
		w = file
	} else {
		file = nil
	}
	if err := l.handler.Redirect(w, a.logFormat(o.Format), a.colour(w)); err != nil {
		return err
	}
	if l.file != nil && l.file != file {
		l.file.Close() // the last line is written
	}
	l.file, l.options = file, o
	l.level.Set(o.Level.Level)
	if name := a.settings.GetString("log-level"); name != "" {
		level, _ := logging.ParseLevel(name) // it was checked before
		l.level.Set(level)
	}
	return nil
}

// logFormat is the format of lines; the flag wins.
func (a *app) logFormat(format string) string {
	switch a.settings.GetString("log-format") {
	case "json":
		return "json"
	case "text":
		if format == "json" {
			return logging.DefaultFormat
		}
	}
	return format
}

// colour reports whether w is a terminal that shows colours.
func (a *app) colour(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || a.settings.GetBool("no-color") || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// module makes the logger of a module and sets its level, also that of loggers which were
// made for it before.
func (l *logs) module(id string, level *slog.Level) *slog.Logger {
	v := l.modules[id]
	if v == nil {
		v = new(slog.LevelVar)
		if l.modules == nil {
			l.modules = map[string]*slog.LevelVar{}
		}
		l.modules[id] = v
	}
	if v.Set(l.level.Level()); level != nil {
		v.Set(*level)
	}
	return slog.New(l.handler.WithLevel(l.levels.Of(id, v))).With(logging.Module, id)
}

// reopen opens the log file by its name again.
func (l *logs) reopen() error {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Reopen()
}

// Close closes the log file.
func (l *logs) Close() {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	if l.file != nil {
		l.file.Close() // the last line is written
	}
}
