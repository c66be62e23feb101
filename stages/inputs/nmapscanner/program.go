package nmapscanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is the absolute path of nmap.
type program string

// find looks for nmap.
func find(path string) (program, error) {
	found, err := exec.LookPath(path)
	if err == nil {
		found, err = filepath.Abs(found)
	}
	return program(found), err
}

// patience is how long the pipes of a process that has ended may stay open.
const patience = 2 * time.Second

// failure is an nmap that ended with an error.
type failure struct {
	code int
	said string // on standard error
	why  string // in the report
}

// Error gives the first line that nmap said.
func (f *failure) Error() string {
	line := firstLine(f.said)
	if line == "" {
		line = f.why
	}
	if line == "" {
		line = "it does not say why"
	}
	return fmt.Sprintf("nmap ended with code %d: %s", f.code, line)
}

// firstLine leaves out warnings, unless there is nothing else: nmap says them before the reason
// for which it ends.
func firstLine(text string) string {
	first := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(strings.ToLower(line), "warning:") {
			return line
		}
		if first == "" {
			first = line
		}
	}
	return first
}

// privileges reports whether nmap was not allowed to do what it was asked for.
func (f *failure) privileges() bool {
	text := strings.ToLower(f.said + f.why)
	return strings.Contains(text, "root privileges") || strings.Contains(text, "operation not permitted")
}

// run calls nmap without a shell and hands over the hosts of its report. It returns when the
// process is gone; if ctx ends, that is killed together with all that it has started.
func (p program) run(ctx context.Context, args []string, limit int64, each func(*host)) error {
	inner, kill := context.WithCancel(ctx)
	defer kill()
	cmd := exec.CommandContext(inner, string(p), append([]string{"-oX", "-"}, args...)...)
	cmd.Dir = "/" // nmap looks for scripts in its working directory
	cmd.WaitDelay = patience
	inGroup(cmd)
	var said head
	report, out := io.Pipe()
	cmd.Stdout, cmd.Stderr = out, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = out.Close() // never fails
		ended <- err
	}()
	read := readReport(report, limit, each)
	if read != nil {
		kill()
	}
	_ = report.Close() // never fails
	err := <-ended
	if ctx.Err() != nil && (err != nil || read != nil) {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		f := &failure{code: exit.ExitCode(), said: string(said)}
		if read != nil {
			f.why = read.Error()
		}
		return f
	}
	if read != nil {
		return read
	}
	return err
}

// head keeps the first bytes that are written to it.
type head []byte

// mostSaid is as much of standard error as is looked at.
const mostSaid = 4 << 10

// Write takes a piece.
func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), mostSaid-len(*h))]...)
	return len(p), nil
}
