// Command compare tells whether two files hold the same events, apart from what differs
// from run to run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
)

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

// compare reads both line by line.
func compare(a, b io.Reader) error {
	x, y := bufio.NewScanner(a), bufio.NewScanner(b)
	x.Buffer(nil, 1<<24)
	y.Buffer(nil, 1<<24)
	for n := 1; ; n++ {
		more, other := x.Scan(), y.Scan()
		switch {
		case more != other:
			return fmt.Errorf("one file ends at line %d", n)
		case !more:
			if err := x.Err(); err != nil {
				return err
			}
			return y.Err()
		}
		e, err := decode(x.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		f, err := decode(y.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if !reflect.DeepEqual(e, f) {
			return fmt.Errorf("line %d differs:\n%s\n%s", n, x.Bytes(), y.Bytes())
		}
	}
}

// decode reads an event and drops what differs from run to run.
func decode(line []byte) (map[string]any, error) {
	var e map[string]any
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, err
	}
	if meta, ok := e["gambolputty"].(map[string]any); ok {
		for _, k := range []string{"event_id", "pid"} {
			delete(meta, k)
		}
	}
	return e, nil
}
