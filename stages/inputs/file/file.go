// Package file reads files once, or follows them as they grow.
package file

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/charset"
	"gambolputty/stages/internal/framing"
	"gambolputty/stages/internal/statedir"
)

//go:embed file.md
var doc string

// Spec is the File module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "File",
	Aliases: []string{"input.File"},
	Role:    actor.Input,
	Summary: "Reads files once, or follows them through all rotations.",
	Doc:     doc,
	Example: `- File:
    paths: [/var/log/app/*.log, /var/log/nginx/**/access.log]
    mode: tail
    exclude: ['*.gz']
    multiline_regex_before: '^\s'
`,
}, Options{
	Pattern:          "*",
	Separator:        "\n",
	Mode:             cat,
	SincedbInterval:  15 * time.Second,
	StartPosition:    atEnd,
	StatInterval:     time.Second,
	MultilineMax:     1000,
	MultilineTimeout: time.Second,
	Encoding:         charset.UTF8,
	Discover:         10 * time.Second,
	CloseInactive:    5 * time.Minute,
	MaxOpen:          4096,
	MaxLineLength:    16 << 20,
	LongLineAction:   string(framing.Split),
}, New)

// source is the module.
type source struct {
	env    actor.Env
	opts   Options
	finder *finder
	from   string
	db     *sincedb      // with tail
	end    chan struct{} // ends the writing of positions
	saving sync.WaitGroup
}

// New makes a File.
func New(env actor.Env, o Options) (actor.Source, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	s := &source{env: env, opts: o, finder: newFinder(&o), from: "file://" + host}
	if o.Mode == cat {
		return s, nil
	}
	path := o.SincedbPath
	if path == "" {
		dir, err := statedir.Find()
		if err != nil {
			return nil, fmt.Errorf("sincedb_path is not set, and there is no place for it: %w", err)
		}
		path = dir + string(os.PathSeparator) + "gambolputty.sincedb"
	}
	s.db = newSincedb(env, path, o.Paths)
	return s, nil
}

// Open makes sure that positions can be kept.
func (s *source) Open(context.Context) error {
	if s.db == nil {
		return nil
	}
	if err := s.db.open(); err != nil {
		return fmt.Errorf("sincedb_path: %w", err)
	}
	return nil
}

// Run reads all files, or follows them until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	if s.db == nil {
		return s.readOnce(ctx, out)
	}
	if !s.db.own(ctx) {
		return nil
	}
	if err := s.db.load(); err != nil {
		return fmt.Errorf("sincedb_path: %w", err)
	}
	s.end = make(chan struct{})
	s.saving.Go(s.keepSaving)
	w := newWatcher(s)
	defer w.close()
	return w.run(ctx, out)
}

// keepSaving writes positions now and then. It goes on while the pipeline drains, so that
// a program that is killed then has little to repeat.
func (s *source) keepSaving() {
	tick := time.NewTicker(s.opts.SincedbInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.db.save()
		case <-s.end:
			return
		}
	}
}

// Close writes the last positions. By now everything has been answered.
func (s *source) Close(context.Context) error {
	if s.db == nil {
		return nil
	}
	if s.end != nil {
		close(s.end)
		s.saving.Wait()
		s.db.save()
	}
	s.db.disown()
	return nil
}
