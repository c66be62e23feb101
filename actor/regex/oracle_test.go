//go:build integration

package regex

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oracle is a Python that is asked what its package re makes of patterns.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// script answers each line, a pattern and texts, with a line of the offsets in bytes of
// all groups for every text. Classes are those of ASCII there as they are here.
const script = `
import json, re, signal, sys
def stop(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, stop)
for line in sys.stdin:
    pattern, texts = json.loads(line)
    answers = []
    try:
        r = re.compile(pattern, re.ASCII)
    except Exception:
        r, texts, answers = None, [], None
    for text in texts:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            m = r.search(text)
        except TimeoutError:
            answers.append("took too long")
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if m is None:
            answers.append(None)
            continue
        spans = []
        for g in range(r.groups + 1):
            for at in m.span(g):
                spans.append(at if at < 0 else len(text[:at].encode()))
        answers.append(spans)
    print(json.dumps(answers), flush=True)
`

func newOracle(t testing.TB) *oracle {
	cmd := exec.Command("python3", "-c", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs Python 3.11 or later: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &oracle{in, bufio.NewReader(out)}
}

// ask returns nil for a pattern that Python does not take.
func (o *oracle) ask(t testing.TB, pattern string, texts []string) (answers []json.RawMessage) {
	t.Helper()
	question, err := json.Marshal([]any{pattern, texts})
	if err == nil {
		_, err = o.in.Write(append(question, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &answers)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// rounds is how many patterns are compared: REGEX_ROUNDS, or as many as take some seconds.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("REGEX_ROUNDS")); err == nil {
		return n
	}
	return 20_000
}

// TestIntegrationRandomPatternsMatchAsInPython compares the dialect Python with Python.
func TestIntegrationRandomPatternsMatchAsInPython(t *testing.T) {
	o := newOracle(t)
	m := maker{
		choose: rand.New(rand.NewPCG(5, 6)).IntN,
		around: []string{"(?=%s)", "(?!%s)", "(?>%s)", "(?:%s)*+", "(?:%s)?+", "(?P<n>%s)(?P=n)", "(a)?(?(1)%s|%s)"},
		extra:  []string{`\1`, "(?<=a)", `(?<!\d)`, `(?<![a-c]\w)`, `(?<=\w{2})`, "(?<=^)", "a++", `\w*+`, `[^"]?+`, `\Z`, `\A`, "x{2,3}+"},
	}
	compared, matched := 0, 0
	for range rounds() {
		// Python has no POSIX classes, and flags only for groups.
		pattern := strings.NewReplacer("[[:alpha:]]", "[A-Za-z]", `\x{fffd}`, "z", "(?i:k)", "(?i:b)").Replace(m.pattern(2))
		var texts []string
		for len(texts) < 10 {
			// In an empty text there is no \B for Python before 3.14.
			texts = append(texts, "~"+strings.ToValidUTF8(m.text(), "~"))
		}
		answers := o.ask(t, pattern, texts)
		p, err := Compile(pattern, Options{Timeout: 200 * time.Millisecond})
		if answers == nil || err != nil {
			continue // one of them is stricter
		}
		for i, text := range texts {
			caps, err := p.Machine().Search(text, 0)
			if err != nil {
				continue // as Python takes too long for some
			}
			compared++
			keepsTails(t, p, text, caps)
			if caps != nil {
				matched++
			}
			var want []int
			if json.Unmarshal(answers[i], &want) == nil && !slices.Equal(caps, want) {
				t.Errorf("%q on %q: got %v, Python says %v", pattern, text, caps, want)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Log(fmt.Sprintf("%d comparisons, %d of them matches", compared, matched))
	if matched < 10_000 {
		t.Error("too few texts match for the comparison to mean anything")
	}
}
