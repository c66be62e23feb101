// Package stdin reads events from standard input.
package stdin

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/charset"
	"gambolputty/stages/internal/framing"
)

//go:embed stdin.md
var doc string

// Spec is the StdIn module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "StdIn",
	Aliases: []string{"StdInHandler", "input.StdIn"},
	Role:    actor.Input,
	Summary: "Reads standard input, line by line or in blocks.",
	Doc:     doc,
	Example: `- StdIn:
    multiline: True
    stream_end_signal: '--END--'
`,
}, Options{
	MaxLineLength:  16 << 20,
	LongLineAction: string(framing.Split),
	Encoding:       charset.UTF8,
	In:             os.Stdin,
}, New)

// Options of the StdIn module.
type Options struct {
	Multiline        bool           `opt:"multiline" doc:"Collect lines into one event."`
	EndSignal        string         `opt:"stream_end_signal" null:"true" doc:"Line that ends a block of lines."`
	MultilineMax     int            `opt:"multiline_max_lines" min:"0" doc:"Most lines of a block; 0 is no limit."`
	MultilineTimeout time.Duration  `opt:"multiline_timeout_in_secs" min:"0s" doc:"Send a block to which nothing was added for so long; 0 waits."`
	Before           string         `opt:"multiline_regex_before" null:"true" doc:"A line that matches belongs to the event before it."`
	After            string         `opt:"multiline_regex_after" null:"true" doc:"A line that matches is continued by the next one."`
	StripNewline     bool           `opt:"strip_newline" doc:"Remove the line ending of a line or block."`
	MaxLineLength    int            `opt:"max_line_length" min:"1" doc:"Most bytes of a line, and of a block."`
	LongLineAction   string         `opt:"long_line_action" enum:"split|truncate|drop" doc:"What becomes of longer lines: several events, the first part alone, or nothing."`
	Encoding         charset.Option `opt:"encoding" doc:"Character set of the text. utf-8 leaves the bytes as they are."`

	before, after *regex.Pattern

	// In is what is read; it is no option, so that tests and benchmarks can set it.
	In io.Reader
}

// Validate compiles the patterns and warns of a signal that would never be looked at.
func (o *Options) Validate() error {
	var errs []error
	compile := func(name, text string) *regex.Pattern {
		if text == "" {
			return nil
		}
		p, err := regex.Compile(text, regex.Options{})
		if err != nil {
			errs = append(errs, &option.Fault{Code: option.Regex, Option: name, Message: err.Error()})
		}
		return p
	}
	o.before, o.after = compile("multiline_regex_before", o.Before), compile("multiline_regex_after", o.After)
	if o.EndSignal != "" && !o.Multiline {
		errs = append(errs, &option.Fault{Code: "W105", Option: "stream_end_signal", Message: "has no effect without multiline: True"})
	}
	return errors.Join(errs...)
}

// Listens makes sure that there is one StdIn only.
func (o *Options) Listens() []actor.Address {
	if o.In != os.Stdin {
		return nil
	}
	return []actor.Address{{Option: "id", Network: "unix", Host: "standard input"}}
}

type reader struct {
	env     actor.Env
	opts    Options
	convert func(string) string
	from    string
	signal  string
	block   strings.Builder
	lines   int

	before, after *regex.Machine
	continues     bool // the last line said that the next one belongs to it
}

// New makes a StdIn.
func New(env actor.Env, o Options) (actor.Source, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	r := &reader{env: env, opts: o, convert: o.Encoding.Converter(), from: "stdin://" + host, signal: chomp(o.EndSignal)}
	if o.before != nil {
		r.before = o.before.Machine()
	}
	if o.after != nil {
		r.after = o.after.Machine()
	}
	return r, nil
}

// chomp removes one line ending.
func chomp(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// Run reads to the end. Reading from a terminal or a pipe cannot be interrupted, so it
// happens in a goroutine that is left behind when the program is asked to stop while
// nothing comes.
func (r *reader) Run(ctx context.Context, out *actor.Outlet) error {
	lines := framing.NewReader(r.opts.In, framing.Lines(true), r.opts.MaxLineLength, framing.LongLine(r.opts.LongLineAction))
	lines.Buffers = out.Buffers()
	if isFile(r.opts.In) {
		return r.runFile(ctx, out, lines)
	}
	filled, next := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(filled)
		for range next {
			filled <- lines.Fill()
		}
	}()
	defer close(next)
	for {
		next <- struct{}{}
		err, stopped := r.await(ctx, out, filled)
		if stopped {
			return r.end(out)
		}
		if done, err := r.handle(lines, out, err); done {
			return err
		}
	}
}

// handle sends what a read has brought, and reports whether it was the last one.
func (r *reader) handle(lines *framing.Reader, out *actor.Outlet, err error) (done bool, sendErr error) {
	if sendErr := r.collect(lines, out, err != nil); sendErr != nil {
		return true, sendErr
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.env.Log.Error("standard input cannot be read", "error", err)
	}
	return err != nil, nil
}

// isFile reports whether a read never waits for long, as it may from a pipe.
func isFile(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// runFile reads a file without another goroutine, so that the bytes stay with the processor
// that cuts them into lines.
func (r *reader) runFile(ctx context.Context, out *actor.Outlet, lines *framing.Reader) error {
	for ctx.Err() == nil {
		if done, err := r.handle(lines, out, lines.Fill()); done {
			return err
		}
	}
	return r.end(out)
}

// await waits for bytes. A block that is not added to for long enough is sent.
func (r *reader) await(ctx context.Context, out *actor.Outlet, filled <-chan error) (err error, stopped bool) {
	var quiet <-chan time.Time
	if r.opts.MultilineTimeout > 0 && r.block.Len() > 0 {
		timer := time.NewTimer(r.opts.MultilineTimeout)
		defer timer.Stop()
		quiet = timer.C
	}
	for {
		select {
		case err := <-filled:
			return err, false
		case <-quiet:
			if err := r.end(out); err != nil {
				return err, true
			}
			quiet = nil
		case <-ctx.Done():
			select {
			case err := <-filled:
				return err, false
			default:
				return nil, true
			}
		}
	}
}

// end sends an unfinished block.
func (r *reader) end(out *actor.Outlet) error {
	b := out.Batch(r.from)
	r.emitBlock(b)
	if b.Len() == 0 {
		return nil
	}
	return out.Emit(b, nil)
}

// collect sends what has been read.
func (r *reader) collect(lines *framing.Reader, out *actor.Outlet, atEnd bool) error {
	b := out.Batch(r.from)
	for {
		line, ok, err := lines.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		r.line(b, line)
		if b.Full(out.Size()) {
			b.HoldBuffer(lines.Buffer())
			if err := out.Emit(b, nil); err != nil {
				return err
			}
			b = out.Batch(r.from)
		}
	}
	if n := lines.TooLong; n > 0 {
		lines.TooLong = 0
		r.env.Count("long_lines", n)
		r.env.Warn("line is longer than max_line_length", "limit", r.opts.MaxLineLength, "action", r.opts.LongLineAction)
	}
	if atEnd {
		if rest := lines.Rest(); rest != "" {
			r.line(b, rest)
		}
		r.emitBlock(b)
	}
	if b.Len() == 0 {
		return nil
	}
	b.HoldBuffer(lines.Buffer())
	return out.Emit(b, nil)
}

// line makes an event of a line, or adds it to the block.
func (r *reader) line(b *actor.Batch, line string) {
	byPattern := r.before != nil || r.after != nil
	if !r.opts.Multiline && !byPattern {
		r.emit(b, line)
		return
	}
	if byPattern && !r.belongs(line) {
		r.emitBlock(b)
	}
	if r.signal != "" && chomp(line) == r.signal {
		r.emitBlock(b)
		return
	}
	if r.block.Len()+len(line) > r.opts.MaxLineLength {
		r.emitBlock(b)
	}
	r.block.WriteString(line)
	r.lines++
	if r.opts.MultilineMax > 0 && r.lines >= r.opts.MultilineMax {
		r.emitBlock(b)
	}
}

// belongs reports whether a line belongs to the one before it.
func (r *reader) belongs(line string) bool {
	matches := func(m *regex.Machine) bool {
		if m == nil {
			return false
		}
		caps, err := m.Search(chomp(line), 0)
		return err == nil && caps != nil
	}
	belongs := r.continues || matches(r.before)
	r.continues = matches(r.after)
	return belongs
}

func (r *reader) emitBlock(b *actor.Batch) {
	if r.block.Len() > 0 {
		r.emit(b, r.block.String())
	}
	r.block.Reset()
	r.lines = 0
}

func (r *reader) emit(b *actor.Batch, text string) {
	if r.opts.StripNewline {
		text = chomp(text)
	}
	if r.convert != nil {
		text = r.convert(text)
	}
	b.New().SetField(event.Data, event.String(text))
}
