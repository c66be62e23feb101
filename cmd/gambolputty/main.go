// Command gambolputty collects, parses, enriches and ships events with a pipeline of
// modules that is written down in YAML.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// gcPercent is how much garbage may gather before it is collected, in percent of what is
// in use. Little is in use, so twice Go's default saves a tenth of the CPU time for some
// ten MiB; GOGC wins over it.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(execute(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are the standard streams, which tests replace.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes.
const (
	exitInvalid  = 1 // the configuration has errors
	exitUsage    = 2
	exitModule   = 3 // a module could not start or failed for good
	exitForced   = 4 // stopped by force or too late, events were lost
	exitExpected = 5 // test did not see what it expected
)

// exit is an error with an exit code. Without a text everything has been said.
type exit struct {
	code int
	text string
}

// Error is what is left to say.
func (e *exit) Error() string { return e.text }

// execute runs a command line and returns the exit code.
func execute(args []string, s streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.Execute()
	var e *exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		if e.text != "" {
			fmt.Fprintln(s.err, "gambolputty: "+e.text)
		}
		return e.code
	}
	fmt.Fprintf(s.err, "gambolputty: %s\nRun gambolputty --help for help.\n", err)
	return exitUsage
}
