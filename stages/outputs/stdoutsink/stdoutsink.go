// Package stdoutsink prints events.
package stdoutsink

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"go.yaml.in/yaml/v3"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/render"
)

//go:embed stdoutsink.md
var doc string

// Spec is the StdOutSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:    "StdOutSink",
	Aliases: []string{"output.StdOut"},
	Role:    actor.Output,
	Forgets: true,
	Summary: "Prints events to standard output.",
	Doc:     doc,
	Example: `- StdOutSink:
    format: '$(data) - $(gambolputty.event_type)'
`,
}, Options{
	PrettyPrint:  true,
	PrettyFormat: "python",
	Target:       "stdout",
	StdOut:       &Writer{W: os.Stdout},
	StdErr:       &Writer{W: os.Stderr},
}, New)

// Options of the StdOutSink module.
type Options struct {
	PrettyPrint  bool          `opt:"pretty_print" doc:"Print over several lines, good to read. False prints one JSON object per line."`
	Format       expr.Template `opt:"format" null:"true" doc:"Text to print instead of the whole event."`
	Parser       string        `opt:"parser" null:"true" doc:"Taken for old configurations and not used."`
	Fields       []string      `opt:"fields" null:"true" doc:"Print these fields only."`
	PrettyFormat string        `opt:"pretty_format" enum:"python|json|yaml" doc:"Layout of pretty_print."`
	Target       string        `opt:"target" enum:"stdout|stderr" doc:"Where to print."`
	Color        bool          `opt:"color" doc:"Print events in colour."`

	// StdOut and StdErr are what is written to; they are no options, so that tests and
	// dry runs can set them.
	StdOut, StdErr *Writer
}

// Writer is a stream that several modules share. A write is never mixed with another.
type Writer struct {
	W  io.Writer
	mu sync.Mutex
}

// Write writes all of p.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.W.Write(p)
}

type sink struct {
	env    actor.Env
	opts   Options
	out    *Writer
	line   *render.Line
	enc    event.Encoder
	fields []*event.Key
	buf    []byte
	closed bool
}

// New makes a StdOutSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	s := &sink{env: env, opts: o, out: o.StdOut, line: render.NewLine(env, o.Format)}
	if o.Target == "stderr" {
		s.out = o.StdErr
	}
	for _, f := range o.Fields {
		s.fields = append(s.fields, event.Intern(f))
	}
	return s, nil
}

var errClosed = errors.New("nobody reads the output any more")

// Write prints the batch with one write.
func (s *sink) Write(_ context.Context, b *actor.Batch) error {
	if s.closed {
		return s.refuse(b)
	}
	s.buf = s.buf[:0]
	for e := range b.View() {
		s.buf = s.append(s.buf, e)
	}
	_, err := s.out.Write(s.buf)
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, fs.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		s.closed = true
		s.env.Quit(errClosed)
		return s.refuse(b)
	case err != nil:
		return fmt.Errorf("write to %s: %w", s.opts.Target, err)
	}
	return nil
}

// refuse says that the events cannot be delivered, so that nobody takes them for printed.
func (s *sink) refuse(b *actor.Batch) error {
	for e := range b.Each() {
		s.env.Fault(e, "", errClosed)
	}
	return nil
}

const (
	colourOn  = "\x1b[36m"
	colourOff = "\x1b[0m"
)

func (s *sink) append(dst []byte, e *event.Event) []byte {
	e = s.env.Payload(e)
	if !s.opts.Color {
		return s.layout(dst, e)
	}
	dst = s.layout(append(dst, colourOn...), e)
	if n := len(dst) - 1; dst[n] == '\n' {
		return append(append(dst[:n], colourOff...), '\n')
	}
	return append(dst, colourOff...)
}

func (s *sink) layout(dst []byte, e *event.Event) []byte {
	switch {
	case !s.opts.Format.IsZero(), !s.opts.PrettyPrint && s.fields == nil:
		return s.line.Append(dst, e)
	}
	v := e.Whole()
	if s.fields != nil {
		v = render.Only(v, s.fields)
	}
	switch {
	case !s.opts.PrettyPrint:
		return append(s.enc.AppendValue(dst, v), '\n')
	case s.opts.PrettyFormat == "json":
		return append(render.AppendIndented(dst, v), '\n')
	case s.opts.PrettyFormat == "yaml":
		return s.appendYAML(dst, v)
	}
	return append(event.AppendPretty(dst, v, 0), '\n')
}

// appendYAML appends v as one YAML document.
func (s *sink) appendYAML(dst []byte, v event.Value) []byte {
	text, err := yaml.Marshal(render.Node(v))
	if err != nil {
		return append(s.enc.AppendValue(dst, v), '\n') // JSON is YAML too
	}
	return append(append(dst, "---\n"...), text...)
}
