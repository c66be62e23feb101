// Package webhdfssink appends events to files in HDFS.
package webhdfssink

import (
	"context"
	_ "embed"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/outfile"
	"gambolputty/stages/internal/render"
)

//go:embed webhdfssink.md
var doc string

// Spec is the WebHdfsSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:    "WebHdfsSink",
	Aliases: []string{"output.WebHdfs"},
	Role:    actor.Output,
	Summary: "Appends lines to files in HDFS, through WebHDFS or HttpFS.",
	Doc:     doc,
	Example: `- WebHdfsSink:
    server: 'hdfs-gw:14000'
    user: gambolputty
    path: /user/gambolputty/%Y/%m/%d
    name_pattern: 'access-$(gambolputty.event_type).log'
    format: '$(data)'
    compress: gzip
`,
}, defaults, New)

type sink struct {
	env     actor.Env
	opts    Options
	client  *client
	files   *files
	courier *delivery.Courier
	line    *render.Line
	name    []byte

	// What a batch is to write, by path, in the order of the first event for each.
	pending map[string]*pending
	order   []*pending
}

// New makes a WebHdfsSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	c, err := newClient(env, &o)
	if err != nil {
		return nil, err
	}
	return &sink{
		env: env, opts: o, client: c, files: newFiles(c, &o), line: render.NewLine(env, o.Format), pending: map[string]*pending{},
		courier: delivery.New(env, o.Options, strings.Join(o.urls, ", ")),
	}, nil
}

// Open asks for something harmless.
func (s *sink) Open(ctx context.Context) error { return s.courier.Connect(ctx, s.client.greet) }

// Write appends the lines of the batch to their files.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is stored, because nothing must be reached")
		return nil
	}
	s.gather(b)
	defer s.forget()
	return s.courier.Deliver(ctx, b, s.send)
}

// pending are the lines for one file.
type pending struct {
	path   string
	data   []byte
	ends   outfile.Ends // of the events in data
	events []*event.Event
	done   int // bytes that are in the file
	piece  piece
	held   error // by whom
}

// gather renders the events into the buffers of their files.
func (s *sink) gather(b *actor.Batch) {
	now := time.Now()
	for e := range b.View() {
		path := s.path(e, now)
		p := s.pending[path]
		if p == nil {
			p = &pending{path: path}
			s.pending[path] = p
		}
		if len(p.events) == 0 {
			s.order = append(s.order, p)
		}
		p.data = s.line.Append(p.data, s.env.Payload(e))
		p.ends, p.events = append(p.ends, len(p.data)), append(p.events, e)
	}
}

// path is where e goes.
func (s *sink) path(e *event.Event, now time.Time) string {
	at := s.opts.Of(s.env, e, now)
	s.name = s.opts.Path.AppendMapped(append(s.name[:0], '/'), e, at, outfile.SafeName)
	s.name = s.opts.Name.AppendMapped(append(s.name, '/'), e, at, outfile.SafeName)
	path := string(s.name)
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// keepBuffers is the number of buffers that are kept from batch to batch.
const keepBuffers = 16

func (s *sink) forget() {
	for _, p := range s.pending {
		clear(p.events)
		*p = pending{path: p.path, data: p.data[:0], ends: p.ends[:0], events: p.events[:0]}
	}
	s.order = s.order[:0]
	if len(s.pending) > keepBuffers {
		clear(s.pending)
	}
}

// patience are the attempts for a file that somebody else holds, before the batch waits as
// for every other failure.
const patience = 5

// send writes what has been gathered and is not written yet. What is in the way of one
// file does not stop the others.
func (s *sink) send(ctx context.Context, _ []*event.Event, r *delivery.Report) {
	left, held := s.round(ctx, s.order, r)
	for try := 1; len(held) > 0; try++ {
		if try > patience || !pause(ctx, time.Duration(try)*leasePause) {
			for _, p := range held {
				r.AllLater(p.events, p.held)
			}
			break
		}
		var more []*pending
		more, held = s.round(ctx, held, r)
		left = append(left, more...)
	}
	s.order = append(left, held...)
}

// leasePause is the first pause after a conflict; each one is longer by as much.
const leasePause = 400 * time.Millisecond

// round tries each file once.
func (s *sink) round(ctx context.Context, list []*pending, r *delivery.Report) (left, held []*pending) {
	for _, p := range list {
		err := s.files.write(ctx, p)
		switch {
		case err == nil:
		case isHeld(err):
			p.held = err
			held = append(held, p)
		case isBad(err):
			for _, e := range p.events {
				r.Never(e, err)
			}
		default:
			if isForbidden(err) {
				err = s.forbidden(p.path, err)
				r.Wait(s.opts.RetryMax)
			}
			r.Wait(pauseOf(err))
			r.AllLater(p.events, err)
			left = append(left, p)
		}
	}
	return left, held
}

// pause returns false if ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// FlushEvery is the time between two looks at what is remembered of files.
func (s *sink) FlushEvery() time.Duration { return time.Minute }

// Flush forgets files that were not written for a while.
func (s *sink) Flush(context.Context, *actor.Batch) error {
	s.files.age(time.Now())
	return nil
}

// Close gives connections back.
func (s *sink) Close(context.Context) error {
	s.client.http.CloseIdleConnections()
	return nil
}
