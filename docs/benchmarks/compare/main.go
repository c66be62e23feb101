// Command compare tells whether two files hold the same events in the same order, apart
// from the metadata that depend on who received them. It names the first difference.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
)

// longestLine bounds the memory that a file without line endings can take.
const longestLine = 16 << 20

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: compare FILE FILE")
		os.Exit(2)
	}
	if err := compareFiles(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compareFiles(a, b string) error {
	f, err := os.Open(a)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := os.Open(b)
	if err != nil {
		return err
	}
	defer g.Close()
	return compare(f, g)
}

// compare reads both line by line. Numbers are compared as float64, since one program may
// write 1 where the other writes 1.0.
func compare(a, b io.Reader) error {
	x, y := scan(a), scan(b)
	for n := 1; ; n++ {
		first, second := x.Scan(), y.Scan()
		if err := errors.Join(x.Err(), y.Err()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if first != second {
			ended := "first"
			if first {
				ended = "second"
			}
			return fmt.Errorf("the %s file ends before line %d", ended, n)
		}
		if !first {
			return nil
		}
		if err := compareLines(x.Bytes(), y.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func scan(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, longestLine)
	return s
}

func compareLines(a, b []byte) error {
	x, err := decode(a)
	if err != nil {
		return fmt.Errorf("first file: %w", err)
	}
	y, err := decode(b)
	if err != nil {
		return fmt.Errorf("second file: %w", err)
	}
	if !reflect.DeepEqual(x, y) {
		return fmt.Errorf("the events differ:\n%s\n%s", a, b)
	}
	return nil
}

// decode reads an event and drops what differs by nature.
func decode(line []byte) (map[string]any, error) {
	var e map[string]any
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, err
	}
	meta, ok := e["gambolputty"].(map[string]any)
	if !ok {
		return e, nil
	}
	for _, k := range []string{"event_id", "pid", "received_by", "received_from", "source_module"} {
		delete(meta, k)
	}
	return e, nil
}
