// Package filesink appends events to files.
package filesink

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the option timezone must work in a container without zone files

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/render"
	"gambolputty/stages/internal/retry"
)

//go:embed filesink.md
var doc string

// Spec is the FileSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:    "FileSink",
	Aliases: []string{"output.File"},
	Role:    actor.Output,
	Summary: "Appends lines to files whose names may depend on time and event.",
	Doc:     doc,
	Example: `- FileSink:
    file_name: /var/log/web/%Y-%m-%d/$(remote_ip).log
    format: '$(@timestamp) $(url)'
    store_interval_in_secs: 1
`,
}, Options{
	Format:       template("$(data)"),
	Bulk:         actor.Bulk{BatchSize: 500, StoreInterval: 10 * time.Second, BacklogSize: 5000},
	MaxOpenFiles: 256,
	FileMode:     "0644",
	DirMode:      "0755",
	TimeZone:     "UTC",
}, New)

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("filesink: " + err.Error())
	}
	return t
}

// Options of the FileSink module.
type Options struct {
	FileName expr.TimeTemplate `opt:"file_name" required:"true" doc:"Path of the file."`
	Format   expr.Template     `opt:"format" null:"true" doc:"Text of a line; json or null is the whole event as JSON."`
	actor.Bulk
	Compress       string     `opt:"compress" null:"true" enum:"gzip|snappy|zstd" doc:"Compress what is written; the usual ending is added to the name."`
	MaxOpenFiles   int        `opt:"max_open_files" min:"1" doc:"Files open at a time; the one unused for longest is closed first."`
	FileMode       string     `opt:"file_mode" kinds:"integer" doc:"Permissions of new files in octal digits."`
	DirMode        string     `opt:"dir_mode" kinds:"integer" doc:"Permissions of new directories in octal digits."`
	TimestampField event.Path `opt:"timestamp_field" null:"true" doc:"Field with the time for file_name, as RFC 3339 text or seconds since 1970, instead of the present time."`
	TimeZone       string     `opt:"timezone" doc:"Zone of the time in file_name: UTC, local, or a name such as Europe/London."`

	fileMode, dirMode fs.FileMode
	zone              *time.Location
}

// Validate checks permissions and zone.
func (o *Options) Validate() error {
	var errs []error
	mode := func(name, digits string) fs.FileMode {
		n, err := strconv.ParseUint(digits, 8, 32)
		if err != nil || n > 0o7777 {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: name, Message: fmt.Sprintf("must be octal digits such as 0644, got %q", digits)})
		}
		return fs.FileMode(n)
	}
	o.fileMode, o.dirMode = mode("file_mode", o.FileMode), mode("dir_mode", o.DirMode)
	if s, static := o.Format.Static(); static && s == "json" {
		o.Format = expr.Template{}
	}
	if s, static := o.FileName.Static(); static && s == "" {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "file_name", Message: "must not be empty"})
	}
	name := o.TimeZone
	if strings.EqualFold(name, "local") {
		name = "Local"
	}
	var err error
	if o.zone, err = time.LoadLocation(name); err != nil {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "timezone", Message: fmt.Sprintf("must be UTC, local or the name of a time zone, got %q", o.TimeZone)})
	}
	return errors.Join(errs...)
}

type sink struct {
	env   actor.Env
	opts  Options
	files *files
	line  *render.Line
	fixed string // the path, where it is the same for all events
	name  []byte

	// What a batch is to write, by path, in the order of the first event for each.
	pending map[string]*pending
	order   []*pending
}

// pending are the bytes for one file.
type pending struct {
	path string
	data []byte
	done int // bytes written already
}

// New makes a FileSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	s := &sink{env: env, opts: o, files: newFiles(o), line: render.NewLine(env, o.Format), pending: map[string]*pending{}}
	if text, static := o.FileName.Static(); static && !strings.Contains(text, "%") {
		s.fixed = text
	}
	return s, nil
}

// Write appends the lines of the batch to their files. Where that fails it is tried again
// with what is left, until it works or the program is stopped by force.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	s.gather(b)
	defer s.forget()
	backoff := retry.Sinks()
	for {
		failed := s.flush()
		if failed == nil {
			if backoff.Tries() > 0 {
				s.env.Log.Info("files can be written again", "tries", backoff.Tries())
			}
			return nil
		}
		s.env.Warn("file cannot be written, trying again", "option", "file_name", "error", failed, "tries", backoff.Tries()+1)
		if err := backoff.Wait(ctx); err != nil {
			return errors.Join(failed, err)
		}
	}
}

// gather renders the events into the buffers of their files.
func (s *sink) gather(b *actor.Batch) {
	now := time.Now()
	for e := range b.View() {
		path := s.fixed
		if path == "" {
			path = s.path(e, now)
		}
		p := s.pending[path]
		if p == nil {
			p = &pending{path: path}
			s.pending[path] = p
		}
		if len(p.data) == 0 {
			s.order = append(s.order, p)
		}
		p.data = s.line.Append(p.data, s.env.Payload(e))
	}
}

// keepBuffers is the number of buffers that are kept from batch to batch.
const keepBuffers = 16

func (s *sink) forget() {
	for _, p := range s.order {
		p.data, p.done = p.data[:0], 0
	}
	s.order = s.order[:0]
	if len(s.pending) > keepBuffers {
		clear(s.pending)
	}
}

// flush writes what is left; the error joins those of all files.
func (s *sink) flush() error {
	var errs []error
	var left []*pending
	for _, p := range s.order {
		if err := s.files.write(p); err != nil {
			errs = append(errs, err)
			left = append(left, p)
			continue
		}
		p.data, p.done = p.data[:0], 0
	}
	s.order = left
	return errors.Join(errs...)
}

// path is the path for an event.
func (s *sink) path(e *event.Event, now time.Time) string {
	if !s.opts.TimestampField.IsZero() {
		now = s.timeOf(e, now)
	}
	s.name = s.opts.FileName.AppendMapped(s.name[:0], e, now.In(s.opts.zone), harmless)
	return string(s.name)
}

// harmless makes a name of a value that cannot lead anywhere else.
func harmless(value string) string {
	switch value {
	case "":
		return "unknown"
	case ".", "..":
		return "_"
	}
	if !strings.ContainsAny(value, "/\\\x00") {
		return value
	}
	return strings.NewReplacer("/", "_", `\`, "_", "\x00", "_").Replace(value)
}

// timeOf reads the time in the event.
func (s *sink) timeOf(e *event.Event, now time.Time) time.Time {
	v, ok := e.Get(s.opts.TimestampField)
	if ok && v.IsString() {
		if t, err := time.Parse(time.RFC3339Nano, v.Str()); err == nil {
			return t
		}
		if n, isNumber := event.Number(v.Str()); isNumber {
			v = n
		}
	}
	if f, isNumber := v.Float(); ok && isNumber {
		return time.Unix(0, int64(f*float64(time.Second)))
	}
	s.env.Count("unreadable_timestamps", 1)
	return now
}

// idleCheck is how often files are looked at that were not used for a while.
const idleCheck = time.Minute

// FlushEvery is the time between two looks.
func (s *sink) FlushEvery() time.Duration { return idleCheck }

// Flush closes files that were not used for a while.
func (s *sink) Flush(context.Context, *actor.Batch) error { return s.files.closeIdle(time.Now()) }

// Close writes everything to disk and closes the files.
func (s *sink) Close(context.Context) error { return s.files.close() }
