//go:build integration

package execpython_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/execpython"
)

var update = flag.Bool("update", false, "write what a real Python makes of the programs in testdata")

func TestIntegrationProgramsInARealPython(t *testing.T) {
	for name, source := range programs(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got := result(t, "engine: python3\n", source)
			if *update {
				if err := os.WriteFile(name+".txt", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestIntegrationARealPythonDoesTheRest(t *testing.T) {
	real := func(c actortest.Case) actortest.Case { return with("engine: python3", c) }
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"all of Python":  real(with("imports: [os.path]", program("class Spam:\n    x = 1\ntry:\n    y = 1 / 0\nexcept ZeroDivisionError as e:\n    event['e'] = str(e)\nevent['x'] = Spam.x\nevent['p'] = os.path.basename('/a/b')", `{}`, `{"e":"division by zero","p":"b","x":1}`))),
		"indented":       real(program("# comment\n  import math\n  event['a'] = math.ceil(0.5)\n  return\n  event['b'] = 1", `{}`, `{"a":1}`)),
		"an error":       real(faulty("event['a'] = 1\nevent['b'] = 1 / 0", `{}`, `{"a":1}`)),
		"rolled back":    real(with("rollback_on_error: True", faulty("event['a'] = 1\nevent['b'] = 1 / 0", `{}`, `{}`))),
		"state and emit": real(program("state['n'] = state.get('n', 0) + 1\nevent['n'] = state['n']\nif state['n'] == 2:\n    emit({'x': 1})", "{}\n{}", "{\"n\":1}\n{\"n\":2}\n{\"x\":1}")),
		"returned":       real(with("use_return_value: True", program("return [event, {'a': 1}] if event['n'] else False", "{\"n\": 0}\n{\"n\": 1}", "{\"n\":1}\n{\"a\":1}"))),
		"at the end":     real(with("interval: 1h", program("X = 5\ndef f(n):\n    return n + X\ndef on_interval(state):\n    emit({'n': f(state['n'])})\nstate['n'] = event['n']", `{"n": 1}`, "{\"n\":1}\n{\"data\":\"\",\"n\":6}"))),
		"no JSON":        real(program("event['a'] = datetime.date(2015, 6, 1)\nprint('spam')", `{}`, `{"a":"2015-06-01"}`)),
		"paths":          real(program("event['a.b.-1'] = 3\nevent['a.b.2'] = 4\ndel event['a.b.0']\nevent['c.d'] = event.pop('e.f')\nevent['in'] = ['a.b.0' in event, 'a.x' in event]", `{"a": {"b": [1, 2]}, "e": {"f": 5}}`, `{"a":{"b":[3,4]},"c":{"d":5},"e":{},"in":[true,false]}`)),
	})
	log := logged(t, block("source", "print('spam')\nx = 1\nevent['a'] = {}['b']")+"engine: python3\n")
	for _, want := range []string{"text=spam", `error="line 3: KeyError: 'b'"`} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the log:\n%s", want, log)
		}
	}
}
