package file

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/charset"
)

// Values of mode and start_position.
const (
	cat     = "cat"
	atEnd   = "end"
	atStart = "beginning"
)

// Options of the File module.
type Options struct {
	Paths            []string       `opt:"paths" required:"true" doc:"Files, directories, and shell patterns for them; ** stands for any number of directories."`
	Pattern          string         `opt:"pattern" doc:"Shell pattern for the names of files in directories that paths names."`
	Recursive        bool           `opt:"recursive" doc:"Look into the directories in these directories as well."`
	Exclude          []string       `opt:"exclude" doc:"Shell patterns for files to leave out: for the whole path if there is a slash in it, otherwise for the name."`
	Mode             string         `opt:"mode" enum:"cat|tail" doc:"cat reads every file once and ends; tail follows files until the program is stopped."`
	LineByLine       bool           `opt:"line_by_line" doc:"With cat, every line is an event, not every file."`
	Separator        string         `opt:"separator" doc:"What ends a line with tail. With cat it is a newline, with or without a carriage return."`
	SincedbPath      string         `opt:"sincedb_path" null:"true" doc:"File in which tail keeps how far each file has been delivered. The default is gambolputty.sincedb in the state directory. Several modules may use the same one."`
	SincedbInterval  time.Duration  `opt:"sincedb_write_interval" min:"10ms" doc:"Time in seconds between two writes of the positions. They are written at the end, too."`
	StartPosition    string         `opt:"start_position" enum:"beginning|end" doc:"Where tail begins with files that are there when it is started for the first time."`
	TailLines        Lines          `opt:"tail_lines" doc:"With start_position end, begin so many lines before it. True is 10."`
	StatInterval     time.Duration  `opt:"stat_interval" min:"1ms" doc:"Time in seconds between two looks at a file. Where the system tells of changes, they are seen at once."`
	Discover         time.Duration  `opt:"discover_interval_in_secs" min:"10ms" doc:"Time between two searches for new files. They are read from the beginning."`
	Incomplete       time.Duration  `opt:"incomplete_line_timeout_in_secs" min:"0s" doc:"With tail, a line without separator to which nothing was added for so long is an event; 0 waits for the separator."`
	IgnoreEmpty      bool           `opt:"ignore_empty" doc:"Leave empty files out."`
	IgnoreTruncate   bool           `opt:"ignore_truncate" doc:"Do not begin anew with a file that shrinks to nothing, but go on when it is longer than before."`
	IgnoreOlder      time.Duration  `opt:"ignore_older_in_secs" min:"0s" doc:"Of new files that were not written to for so long tail reads only what is added; 0 reads them whatever their age."`
	SizeLimit        int            `opt:"size_limit" null:"true" min:"0" doc:"Leave out files that have more bytes than this when they are found; 0 is no limit."`
	CloseInactive    time.Duration  `opt:"close_inactive_in_secs" min:"0s" doc:"Close files to which nothing was added for so long, until something is; 0 keeps them open."`
	MaxOpen          int            `opt:"max_open_files" min:"1" doc:"Most files that are open at a time. Those that were quiet for the longest time are closed first."`
	Before           string         `opt:"multiline_regex_before" null:"true" doc:"A line that matches belongs to the event before it."`
	After            string         `opt:"multiline_regex_after" null:"true" doc:"A line that matches is continued by the next one."`
	MultilineMax     int            `opt:"multiline_max_lines" min:"1" doc:"Most lines of an event."`
	MultilineTimeout time.Duration  `opt:"multiline_timeout_in_secs" min:"1ms" doc:"An event of several lines is complete when nothing was added for so long."`
	MaxLineLength    int            `opt:"max_line_length" min:"1" doc:"Most bytes of an event. It applies to whole files only if it is given."`
	LongLineAction   string         `opt:"long_line_action" enum:"split|truncate|drop" doc:"What becomes of longer lines: several events, the first part alone, or nothing."`
	Encoding         charset.Option `opt:"encoding" doc:"Character set of the files. Bytes that are wrong become U+FFFD; binary leaves all bytes as they are."`
	OffsetField      event.Path     `opt:"offset_field" null:"true" doc:"Field for the place in the file, in bytes, at which the event begins."`

	Given option.Given

	before, after *regex.Pattern
}

// Validate checks the patterns and tells of options that have no effect.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	compile := func(name, text string) *regex.Pattern {
		if text == "" {
			return nil
		}
		p, err := regex.Compile(text, regex.Options{})
		if err != nil {
			fault(name, option.Regex, err.Error())
		}
		return p
	}
	o.before, o.after = compile("multiline_regex_before", o.Before), compile("multiline_regex_after", o.After)
	if o.Given["paths"] && len(o.Paths) == 0 {
		fault("paths", option.NotAllowed, "must name at least one file or directory")
	}
	shell := func(name string, patterns ...string) {
		for _, p := range patterns {
			if _, err := filepath.Match(p, ""); err != nil || p == "" {
				fault(name, option.NotAllowed, fmt.Sprintf("must be a shell pattern, got %q", p))
			}
		}
	}
	shell("pattern", o.Pattern)
	shell("exclude", o.Exclude...)
	for _, p := range o.Paths {
		if p == "" {
			fault("paths", option.NotAllowed, "must not be empty")
		}
	}
	if o.Separator == "" {
		fault("separator", option.NotAllowed, "must not be empty")
	} else if _, err := newDecoders(o); err != nil {
		fault("separator", option.NotAllowed, err.Error())
	}
	for _, name := range o.idle() {
		if o.Given[name] {
			fault(name, "W105", "has no effect with mode: "+o.Mode)
		}
	}
	return errors.Join(errs...)
}

// idle are the options that mean nothing in the mode.
func (o *Options) idle() []string {
	if o.Mode != cat {
		return []string{"line_by_line"}
	}
	return []string{"separator", "sincedb_path", "sincedb_write_interval", "start_position", "tail_lines", "stat_interval",
		"discover_interval_in_secs", "incomplete_line_timeout_in_secs", "ignore_truncate", "ignore_older_in_secs",
		"close_inactive_in_secs", "max_open_files"}
}

// multiline reports whether an event may have several lines.
func (o *Options) multiline() bool { return o.before != nil || o.after != nil }

// whole reports whether a file is one event.
func (o *Options) whole() bool { return o.Mode == cat && !o.LineByLine }

// limit is the most bytes of an event.
func (o *Options) limit() int64 {
	if o.whole() && !o.Given["max_line_length"] {
		return math.MaxInt64 / 2 // so that sums do not overflow
	}
	return int64(o.MaxLineLength)
}

// Lines is a number of lines, or a boolean.
type Lines int

// someLines is what True means, as with the tail program.
const someLines = 10

// OptionType describes the option in tables.
func (Lines) OptionType() string { return "boolean or integer" }

// DecodeOption takes a boolean or a number.
func (l *Lines) DecodeOption(v *option.Value) error {
	switch v.Kind {
	case option.Null:
		*l = 0
	case option.Boolean:
		*l = 0
		if v.Truth() {
			*l = someLines
		}
	case option.Integer:
		n, err := strconv.Atoi(strings.ReplaceAll(v.Text, "_", ""))
		if err != nil || n < 0 {
			return v.Faultf(option.OutOfRange, "must be at least 0, got %s", v.Text)
		}
		*l = Lines(n)
	default:
		return v.Wrong("boolean or integer")
	}
	return nil
}
