package execpython_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/modifiers/execpython"
)

// The files in testdata/programs are programs that behave the same in a real Python. Their
// first line is a comment with the event that they get. What a real Python makes of it lies
// beside them; the test with the tag integration renews it with -update.

func programs(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/programs/*.py")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no programs: %v", err)
	}
	list := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		list[strings.TrimSuffix(f, ".py")] = string(b)
	}
	return list
}

// block writes a program as an option.
func block(option, source string) string {
	return option + ": |\n  " + strings.ReplaceAll(strings.TrimRight(source, "\n"), "\n", "\n  ") + "\n"
}

// result runs a program on the event in its first line, and returns the event line by line.
func result(t *testing.T, options, source string) string {
	t.Helper()
	first, _, _ := strings.Cut(source, "\n")
	out := actortest.Process(t, execpython.Spec, options+block("source", source), actortest.Event(t, strings.TrimPrefix(first, "# ")))
	if len(out) != 1 {
		t.Fatalf("one event went in, %d came out", len(out))
	}
	if tags := actortest.Tags(out[0]); tags != "" {
		t.Errorf("the program failed: %s", tags)
	}
	var lines []string
	e := out[0]
	for i := range e.Len() {
		f := e.At(i)
		if l := f.Value.List(); l != nil {
			for k := range l.Len() {
				lines = append(lines, fmt.Sprintf("%s.%d: %s", f.Key.Name, k, encoder.AppendValue(nil, l.At(k))))
			}
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s", f.Key.Name, encoder.AppendValue(nil, f.Value)))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(before(a), before(b)) })
	return strings.Join(lines, "\n") + "\n"
}

// different shows the lines that differ.
func different(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			fmt.Fprintf(&out, "got %q, want %q\n", x, y)
		}
	}
	return out.String()
}

// before is the name of the field in a line.
func before(line string) string {
	name, _, _ := strings.Cut(line, ".")
	name, _, _ = strings.Cut(name, ":")
	return name
}

var encoder event.Encoder

func TestProgramsDoAsInPython(t *testing.T) {
	for name, source := range programs(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want, err := os.ReadFile(name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got := result(t, "", source); got != string(want) {
				t.Errorf("%s", different(got, string(want)))
			}
		})
	}
}
