// Package loggersink writes text about events to the log of the program.
package loggersink

import (
	"context"
	"log/slog"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/expr"
)

// Spec is the LoggerSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "LoggerSink",
	Aliases:  []string{"output.Logger"},
	Role:     actor.Output,
	Summary:  "Writes lines about events to the log of the program.",
	Doc:      "Every entry of `formats` is a line. Entries that come out empty are left out, and line breaks in them are written as `\\n`.",
	Parallel: true,
	Example: `- LoggerSink:
    formats: ['--- totals ---', '$(total_count) events in $(interval)s']
`,
}, Options{Level: "info"}, New)

// Options of the LoggerSink module.
type Options struct {
	Formats []expr.Template `opt:"formats" required:"true" doc:"Lines to write, with the values of fields."`
	Level   string          `opt:"level" enum:"debug|info|warn|error" doc:"Level of the lines."`
}

type sink struct {
	env   actor.Env
	opts  Options
	level slog.Level
	lines []string
}

// New makes a LoggerSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	s := &sink{env: env, opts: o}
	return s, s.level.UnmarshalText([]byte(o.Level))
}

// Write logs the lines of every event.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		shown := s.env.Payload(e)
		s.lines = s.lines[:0]
		for _, f := range s.opts.Formats {
			text, resolved := f.Text(shown)
			if !resolved {
				s.env.Unresolved("formats", f.Source())
			}
			if text != "" {
				s.lines = append(s.lines, strings.ReplaceAll(text, "\n", `\n`))
			}
		}
		for _, line := range s.lines {
			s.env.Log.Log(ctx, s.level, line)
		}
	}
	return nil
}
