package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"gambolputty/cmd/gambolputty/internal/load"
)

func (a *app) benchTCPCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tcp",
		Short: "Send numbered lines to a running program and count what comes out of it",
		Long: `Sends numbered lines over TCP to a program that is running already, this one or another, and
counts what it passes on. Says how fast it was, and which lines are missing or came twice; if
any is missing the exit status is 1.

Without --to the lines go straight to the receiver, which shows how fast this command is itself.
For a program that reads a file, --write makes one, and --receive-only counts what comes of it.`,
		Example: `  gambolputty run -c relay.yml &   # TcpServer on 5151, TcpSink to 5152
  gambolputty bench tcp --to localhost:5151 --listen localhost:5152 --lines 5000000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.benchTCP(c.Context()) },
	}
	f := c.Flags()
	f.String("to", "", "address that takes the lines")
	f.String("listen", "", "address to listen on for what comes out")
	f.Bool("receive-only", false, "send nothing, and count from the first line that comes")
	f.String("write", "", "write the lines to this file and do nothing else")
	f.Bool("http", false, "what comes out are HTTP requests with lines, not lines over TCP")
	f.Int("lines", 1_000_000, "lines to send")
	f.Int("size", 256, "bytes of a line, with the newline")
	f.Bool("syslog", false, "lines are messages of RFC 5424")
	f.Int("connections", 1, "connections to send over at the same time")
	f.Duration("idle", 10*time.Second, "wait no longer when nothing has come for so long")
	return c
}

// loadTest is what bench tcp is asked to do.
type loadTest struct {
	to, listen, write  string
	http, receiveOnly  bool
	line               load.Line
	lines, connections int
	idle               time.Duration
}

func (a *app) loadTest() (loadTest, error) {
	s := a.settings
	l := loadTest{
		to: s.GetString("to"), listen: s.GetString("listen"), write: s.GetString("write"),
		http: s.GetBool("http"), receiveOnly: s.GetBool("receive-only"), lines: s.GetInt("lines"),
		connections: s.GetInt("connections"), idle: s.GetDuration("idle"),
		line: load.Line{Size: s.GetInt("size"), Syslog: s.GetBool("syslog")},
	}
	switch {
	case l.to == "" && l.listen == "" && l.write == "":
		return l, errors.New("nothing is to be done; say where to send to with --to, and where to listen with --listen")
	case l.receiveOnly && (l.listen == "" || l.to != ""):
		return l, errors.New("--receive-only needs --listen and no --to")
	case l.to == "" && l.http && !l.receiveOnly:
		return l, errors.New("--http needs --to, as lines are sent over TCP")
	case l.lines < 1 || l.lines > load.MostLines:
		return l, fmt.Errorf("--lines must be from 1 to %d, got %d", load.MostLines, l.lines)
	case l.line.Size < l.line.SmallestSize():
		return l, fmt.Errorf("--size must be at least %d, got %d", l.line.SmallestSize(), l.line.Size)
	case l.connections < 1 || l.connections > l.lines:
		return l, fmt.Errorf("--connections must be from 1 to the number of lines, got %d", l.connections)
	}
	return l, nil
}

func (a *app) benchTCP(ctx context.Context) error {
	l, err := a.loadTest()
	if err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if l.write != "" {
		return l.writeFile()
	}
	var r *load.Receiver
	if l.listen != "" {
		if r, err = load.Listen(l.listen, l.lines, l.http); err != nil {
			return err
		}
		defer r.Close()
		if l.to == "" {
			l.to = r.Address()
		}
	}
	began := time.Now()
	if !l.receiveOnly {
		if err := l.send(ctx); err != nil {
			return err
		}
		a.printRate("sent", l.lines, l.line.Size, time.Since(began))
	}
	if r == nil {
		return nil
	}
	res := r.Wait(ctx, l.lines, l.idle)
	if l.receiveOnly {
		began = res.First
	}
	if res.Lines > 0 {
		a.printRate("received", res.Lines, l.line.Size, res.Last.Sub(began))
	}
	fmt.Fprintln(a.out, res.Ledger(l.lines))
	if res.Different < l.lines {
		return &exit{code: exitModule, text: fmt.Sprintf("%d lines are missing", l.lines-res.Different)}
	}
	return nil
}

func (l loadTest) writeFile() error {
	f, err := os.Create(l.write)
	if err != nil {
		return err
	}
	return errors.Join(l.line.Write(f, l.lines), f.Close())
}

// send sends the lines, a part over each connection.
func (l loadTest) send(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range l.connections {
		first, end := i*l.lines/l.connections, (i+1)*l.lines/l.connections
		group.Go(func() error { return load.Send(ctx, l.to, l.line, first, end) })
	}
	return group.Wait()
}

func (a *app) printRate(what string, lines, size int, took time.Duration) {
	seconds := max(took.Seconds(), 1e-9)
	fmt.Fprintf(a.out, "%s %d lines in %s, %.0f lines/s, %.1f MiB/s\n", what, lines, took.Round(time.Millisecond),
		float64(lines)/seconds, float64(lines)*float64(size)/(1<<20)/seconds)
}
