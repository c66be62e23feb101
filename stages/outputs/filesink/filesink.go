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

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/outfile"
	"gambolputty/stages/internal/render"
)

//go:embed filesink.md
var doc string

// Spec is the FileSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:    "FileSink",
	Aliases: []string{"output.File"},
	Role:    actor.Output,
	Forgets: true,
	Summary: "Appends lines to files whose names may depend on time and event.",
	Doc:     doc,
	Example: `- FileSink:
    file_name: /var/log/web/%Y-%m-%d/$(remote_ip).log
    format: '$(@timestamp) $(url)'
    store_interval_in_secs: 1
`,
}, Options{
	Format:       template("$(data)"),
	Options:      bulk(),
	Fsync:        "flush",
	MaxOpenFiles: 256,
	FileMode:     "0644",
	DirMode:      "0755",
	Clock:        eventtime.UTC,
}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(500, 10*time.Second, 5000)
	o.Greedy = true // a write costs the same for one event and for all that wait
	return o
}

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
	delivery.Options
	Compress       string        `opt:"compress" null:"true" enum:"gzip|snappy|zstd" doc:"Compress what is written; the usual ending is added to the name."`
	MaxOpenFiles   int           `opt:"max_open_files" min:"1" doc:"Files open at a time; the one unused for longest is closed first."`
	FileMode       string        `opt:"file_mode" kinds:"integer" doc:"Permissions of new files in octal digits."`
	DirMode        string        `opt:"dir_mode" kinds:"integer" doc:"Permissions of new directories in octal digits."`
	Fsync          string        `opt:"fsync" enum:"never|flush|interval" doc:"When to make sure that data is on the disk and not only with the operating system: never, after every delivery before the inputs hear of it, or once a second."`
	RotateSize     int64         `opt:"rotate_size" min:"0" unit:"bytes" doc:"A file that would become larger is rotated first. No line is divided. 0 is no limit."`
	RotateInterval time.Duration `opt:"rotate_interval_in_secs" min:"0s" doc:"A file is rotated at the first write after each full interval since 1970 in UTC: 3600 is every hour on the hour. 0 is never."`
	RotateCount    int           `opt:"rotate_count" min:"0" doc:"Rotated files that are kept, called name.1, name.2 and so on; older ones are removed. 0 keeps all."`
	RotateCompress bool          `opt:"rotate_compress" doc:"Compress rotated files with gzip, all but the newest."`
	TempSuffix     string        `opt:"temp_suffix" null:"true" doc:"Write to the name with this suffix, and rename when the file is finished: at rotation, after 300 s without a write, and at the end."`
	eventtime.Clock

	fileMode, dirMode fs.FileMode
}

// Validate checks permissions and zone.
func (o *Options) Validate() error {
	errs := []error{o.CheckDelivery(), o.CheckTime()}
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
	return errors.Join(errs...)
}

// Writes names the file, where it is the same for all events.
func (o *Options) Writes() []actor.File {
	text, static := o.FileName.Static()
	if !static || text == "" || strings.Contains(text, "%") {
		return nil
	}
	return []actor.File{{Option: "file_name", Path: text + outfile.Endings[o.Compress]}}
}

type sink struct {
	env     actor.Env
	opts    Options
	files   *files
	courier *delivery.Courier
	line    *render.Line
	fixed   string // the path, where it is the same for all events
	name    []byte

	// What a batch is to write, by path, in the order of the first event for each.
	pending map[string]*pending
	order   []*pending
}

// New makes a FileSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	s := &sink{
		env: env, opts: o, files: newFiles(o), line: render.NewLine(env, o.Format), pending: map[string]*pending{},
		courier: delivery.New(env, o.Options, o.FileName.Source()),
	}
	if text, static := o.FileName.Static(); static && !strings.Contains(text, "%") {
		s.fixed = text
	}
	return s, nil
}

// Write appends the lines of the batch to their files.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	s.gather(b)
	defer s.forget()
	return s.courier.Deliver(ctx, b, s.send)
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
		p.ends, p.events = append(p.ends, len(p.data)), append(p.events, e)
	}
}

// keepBuffers is the number of buffers that are kept from batch to batch.
const keepBuffers = 16

func (s *sink) forget() {
	for _, p := range s.order {
		p.reset()
	}
	s.order = s.order[:0]
	if len(s.pending) > keepBuffers {
		clear(s.pending)
	}
}

// send writes what has been gathered and is not written yet. What is in the way of one
// file does not stop the others.
func (s *sink) send(_ context.Context, _ []*event.Event, r *delivery.Report) {
	now := time.Now()
	left := s.order[:0]
	for _, p := range s.order {
		err := s.files.write(p, now)
		if err == nil && s.opts.Fsync == "flush" && p.file != nil {
			err = s.files.settle(p)
		}
		if err != nil {
			r.AllLater(p.events, err)
			left = append(left, p)
			continue
		}
		p.reset()
	}
	s.order = left
}

// path is the path for an event.
func (s *sink) path(e *event.Event, now time.Time) string {
	s.name = s.opts.FileName.AppendMapped(s.name[:0], e, s.opts.Of(s.env, e, now), outfile.SafeName)
	return string(s.name)
}

// FlushEvery is the time between two looks at the files.
func (s *sink) FlushEvery() time.Duration {
	if s.opts.Fsync == "interval" {
		return time.Second
	}
	return time.Minute
}

// Flush syncs files and finishes those that were not used for a while.
func (s *sink) Flush(context.Context, *actor.Batch) error {
	var failed error
	if s.opts.Fsync == "interval" {
		failed = s.files.sync()
	}
	if err := errors.Join(failed, s.files.finishIdle(time.Now())); err != nil {
		s.env.Warn("files could not be finished", "error", err)
	}
	return nil
}

// Close writes everything to disk and closes the files.
func (s *sink) Close(context.Context) error { return s.files.close() }
