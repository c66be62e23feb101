package file_test

import (
	"bufio"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/config"
	"gambolputty/stages/inputs/file"
	"gambolputty/stages/outputs/devnullsink"
)

const accessLine = `192.168.2.20 - - [28/Jul/2006:10:27:10 -0300] "GET /cgi-bin/try/?spanish=inquisition HTTP/1.0" 200 3395 "-" "curl/7.38.0"` + "\n"

// BenchmarkLines compares reading a file into DevNullSink with what bufio.Scanner needs to
// find its lines.
func BenchmarkLines(b *testing.B) {
	const lines = 1_000_000
	path := write(b, filepath.Join(b.TempDir(), "access.log"), strings.Repeat(accessLine, lines))
	b.Run("reader=File", func(b *testing.B) {
		b.SetBytes(lines * int64(len(accessLine)))
		b.ReportAllocs()
		for b.Loop() {
			run(b, "- File: {paths: "+path+", line_by_line: True}\n- DevNullSink\n")
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
	})
	b.Run("reader=Tail", func(b *testing.B) {
		b.SetBytes(lines * int64(len(accessLine)))
		b.ReportAllocs()
		for b.Loop() {
			follow(b, path, lines)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
	})
	b.Run("reader=Scanner", func(b *testing.B) {
		b.SetBytes(lines * int64(len(accessLine)))
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			s, n := bufio.NewScanner(f), 0
			for s.Scan() {
				n += len(s.Bytes())
			}
			f.Close()
			if n == 0 {
				b.Fatal("nothing was read")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
	})
}

// follow follows a file until so many lines have come.
func follow(b *testing.B, path string, lines int) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	count := actor.DefineSink(actor.Info{Name: "Count", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) {
		return &countdown{lines, stop}, nil
	})
	runUntil(ctx, b, "- File: {paths: "+path+", mode: tail, start_position: beginning, sincedb_path: "+filepath.Join(b.TempDir(), "sincedb")+"}\n- Count\n", count)
}

// countdown calls stop when there is nothing left.
type countdown struct {
	left int
	stop func()
}

func (c *countdown) Write(_ context.Context, batch *actor.Batch) error {
	if c.left -= batch.Len(); c.left <= 0 {
		c.stop()
	}
	return nil
}

func run(b *testing.B, text string) { runUntil(context.Background(), b, text, devnullsink.Spec) }

// runUntil runs a configuration as the program does.
func runUntil(ctx context.Context, b *testing.B, text string, sink actor.Spec) {
	plan, report := config.Loader{Specs: []actor.Spec{file.Spec, sink}}.LoadText("bench", []byte(text))
	if !report.OK(false) {
		b.Fatal(report.Text())
	}
	graph, err := actor.New(plan.Settings(), plan.Nodes(func(string, *slog.Level) *slog.Logger { return slog.New(slog.DiscardHandler) })...)
	if err != nil {
		b.Fatal(err)
	}
	if err := graph.Run(ctx); err != nil {
		b.Fatal(err)
	}
}
