package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

func (a *app) filterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "filter EXPR",
		Short: "Try a filter",
		Long: `Checks a filter and prints how it was understood. With events it prints for each
whether it matches.`,
		Example: `  gambolputty filter "\$(http_status) in ['200', '304']" --event '{"http_status": "200"}'
  gambolputty filter "\$(bytes) > 1000" --events events.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.filter(args[0], a.settings.GetString("event"), a.settings.GetString("events"))
		},
	}
	c.Flags().String("event", "", "event as a JSON object")
	c.Flags().String("events", "", "file with one event per line; - is standard input")
	return c
}

func (a *app) filter(text, one, path string) error {
	f, err := expr.ParseFilter(text)
	if err != nil {
		return &exit{exitInvalid, explain(text, err)}
	}
	fmt.Fprintln(a.out, f)
	m := f.Matcher(new(expr.Internal), nil)
	if one != "" {
		e, err := parseEvent(one, event.NewSource("StdIn", "StdIn"))
		if err != nil {
			return fmt.Errorf("the event is no JSON object: %w", err)
		}
		fmt.Fprintln(a.out, m.Match(e))
	}
	if path == "" {
		return nil
	}
	return a.eachLine(path, func(number int, line string) error {
		e, err := parseEvent(line, event.NewSource("StdIn", "StdIn"))
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
		_, err = fmt.Fprintln(a.out, m.Match(e))
		return err
	})
}

// explain points at the place of a syntax error.
func explain(text string, err error) string {
	var s *expr.SyntaxError
	if !errors.As(err, &s) {
		return err.Error()
	}
	message := fmt.Sprintf("%s[%s]: %s", "error", s.Code, s.Message)
	if s.Hint != "" {
		message += "; " + s.Hint
	}
	if strings.Contains(text, "\n") {
		return message
	}
	column := len([]rune(text[:min(s.Offset, len(text))]))
	return message + "\n  " + text + "\n  " + strings.Repeat(" ", column) + "^"
}

// parseEvent makes an event of a JSON object.
func parseEvent(text string, src *event.Source) (*event.Event, error) {
	v, rest, err := new(event.Decoder).Decode(text)
	switch {
	case err != nil:
		return nil, err
	case strings.TrimSpace(rest) != "" || v.Kind() != event.KindMap:
		return nil, errors.New("this is not one JSON object")
	}
	e := event.New(src)
	e.DeleteField(event.Data)
	e.Merge(v.Map(), false)
	return e, nil
}

// longestLine bounds the lines that commands read.
const longestLine = 64 << 20

// eachLine calls f for every line of a file, or of standard input for -.
func (a *app) eachLine(path string, f func(number int, line string) error) error {
	var in io.Reader = a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	for n := 1; lines.Scan(); n++ {
		if err := f(n, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}
