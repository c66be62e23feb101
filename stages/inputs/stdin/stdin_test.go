package stdin_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/inputs/stdin"
)

// reading makes the module read from r.
func reading(r io.Reader) actor.Spec {
	s := stdin.Spec
	defaults := s.Options
	s.Options = func() any {
		o := defaults().(*stdin.Options)
		o.In = r
		return o
	}
	return s
}

func TestLinesAndBlocks(t *testing.T) {
	cases := map[string]struct {
		options, in string
		want        []string
	}{
		"lines keep their ends":   {"", "foo\nfoo\r\n\nlast", []string{"foo\n", "foo\r\n", "\n", "last"}},
		"only newlines end lines": {"", "a\rb\x00c\x0cd\x1ce\u0085f\u2028g\n", []string{"a\rb\x00c\x0cd\x1ce\u0085f\u2028g\n"}},
		"nothing":                 {"", "", []string{}},
		"all at once":             {"multiline: True", "one\ntwo\n", []string{"one\ntwo\n"}},
		"blocks":                  {"multiline: True\nstream_end_signal: '--END--'", "one\ntwo\n--END--\n--END--\nthree", []string{"one\ntwo\n", "three"}},
		"the signal with its end": {"multiline: True\nstream_end_signal: \"--END--\\n\"", "one\ntwo\n--END--\nthree", []string{"one\ntwo\n", "three"}},
		"stripped":                {"strip_newline: True", "a\r\nb", []string{"a", "b"}},
		"blocks of two":           {"multiline: True\nmultiline_max_lines: 2", "1\n2\n3\n", []string{"1\n2\n", "3\n"}},
		"continued lines":         {`multiline_regex_before: '^\s'`, "Traceback\n  File x\n  y\nError\nnext\n", []string{"Traceback\n  File x\n  y\n", "Error\n", "next\n"}},
		"lines that go on":        {`multiline_regex_after: '\\$'`, "a \\\nb\nc\n", []string{"a \\\nb\n", "c\n"}},
		"latin":                   {"encoding: iso-8859-1", "gr\xfc\xdfe\n", []string{"grüße\n"}},
		"invalid bytes stay":      {"", "\xff\xfe\n", []string{"\xff\xfe\n"}},
		"long lines":              {"max_line_length: 3\nlong_line_action: truncate", "abcdef\nxy\n", []string{"abc", "xy\n"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out := actortest.Source(t, reading(strings.NewReader(c.in)), c.options).Finish()
			if got := actortest.Texts(out); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("got %q", got)
			}
			for _, e := range out {
				if !strings.HasPrefix(e.ReceivedFrom(), "stdin://") || actortest.Meta(e, "source_module") != "StdIn" {
					t.Error(actortest.Whole(e))
				}
			}
		})
	}
}

func TestALineComesOutAtOnce(t *testing.T) {
	r, w := io.Pipe()
	run := actortest.Source(t, reading(r), "")
	fmt.Fprintln(w, "hello")
	run.Wait(1)
	w.Close()
	run.Finish()
}

func TestAStopDoesNotWaitForALine(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	run := actortest.Source(t, reading(r), "multiline: True")
	fmt.Fprintln(w, "half a block")
	run.Logged("msg")
	for run.Status("StdIn").Meter.Received.Load() == 0 && len(run.Log()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := actortest.Texts(run.Stop()); len(got) > 1 {
		t.Errorf("got %q", got)
	}
}

func TestAQuietBlockIsSent(t *testing.T) {
	r, w := io.Pipe()
	run := actortest.Source(t, reading(r), "multiline: True\nmultiline_timeout_in_secs: 20ms")
	fmt.Fprintln(w, "half a block")
	if got := actortest.Texts(run.Wait(1)); got[0] != "half a block\n" {
		t.Errorf("got %q", got)
	}
	w.Close()
	run.Finish()
}

func TestAReadErrorEndsTheInput(t *testing.T) {
	r, w := io.Pipe()
	run := actortest.Source(t, reading(r), "")
	fmt.Fprint(w, "rest")
	w.CloseWithError(fmt.Errorf("the cable is gone"))
	if got := actortest.Texts(run.Finish()); len(got) != 1 || !strings.Contains(run.Log(), "the cable is gone") {
		t.Errorf("got %q\n%s", got, run.Log())
	}
}

func BenchmarkLines(b *testing.B) {
	text := strings.Repeat(strings.Repeat("x", 199)+"\n", 100_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		actortest.Source(b, reading(strings.NewReader(text)), "receivers: [TestCatch]\nfilter: 'False'").Finish()
	}
}
