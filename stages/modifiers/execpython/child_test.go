package execpython_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gambolputty/actor/actortest"
	"gambolputty/stages/modifiers/execpython"
)

// fakeMode names the environment variable that makes the test binary an interpreter.
const fakeMode = "EXECPYTHON_FAKE_INTERPRETER"

// fake answers as a Python with the driver does. The mode says what goes wrong, and the field
// data of an event may say so, too.
func fake(mode string) {
	in := bufio.NewReader(os.Stdin)
	setup, _ := in.ReadString('\n')
	switch mode {
	case "no start":
		os.Exit(3)
	case "bad program":
		fmt.Println(`{"error": "SyntaxError: invalid syntax"}`)
		return
	case "deaf":
		time.Sleep(time.Hour)
	}
	fmt.Println("{}")
	n := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		n++
		var request struct {
			Event    map[string]any
			Interval bool
		}
		if err := json.Unmarshal([]byte(line), &request); err != nil {
			fmt.Println(`{"error": "no JSON"}`)
			continue
		}
		if request.Interval {
			fmt.Println(`{"returned": null, "emitted": [{"tick": true}]}`)
			continue
		}
		answer(request.Event, n, strings.Contains(setup, "imported"))
	}
}

// answer does what the event says.
func answer(e map[string]any, n int, imported bool) {
	out := map[string]any{"emitted": []any{}}
	what, _ := e["data"].(string)
	e["n"] = n
	switch what {
	case "crash":
		os.Exit(7)
	case "hang":
		time.Sleep(time.Hour)
	case "garbage":
		fmt.Println("]")
		return
	case "long":
		fmt.Println(strings.Repeat("x", 17<<20))
		return
	case "print":
		fmt.Fprintln(os.Stderr, "spam\n"+strings.Repeat("y", 10_000))
	case "fail":
		out["error"] = "line 3: ValueError: spam"
	case "emit":
		out["emitted"] = []any{map[string]any{"extra": 1}}
	case "drop":
		out["returned"] = false
	case "replace":
		out["returned"] = map[string]any{"other": 1}
	case "several":
		out["returned"] = []any{map[string]any{"a": 1}, map[string]any{"a": 2}}
	case "number":
		out["returned"] = 5
	case "imports":
		e["imported"] = imported
	case "type":
		e["gambolputty"].(map[string]any)["event_type"] = "new"
	}
	out["event"] = e
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(b))
}

// interpreter gives options that take the test binary for a Python.
func interpreter(t *testing.T, mode string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeMode, mode)
	return "interpreter: " + self + "\nsource: 'x = 1'\n"
}

func TestInterpreterHandlesEvents(t *testing.T) {
	options := interpreter(t, "fine")
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"changes":       {Options: options, In: "{\"a\": 1}\n{\"a\": 2}", Want: "{\"a\":1,\"n\":1}\n{\"a\":2,\"n\":2}"},
		"an error":      {Options: options, In: `{"data": "fail"}`, Want: `{"data":"fail","n":1}`, Tags: "exec_python_failure"},
		"rolled back":   {Options: options + "rollback_on_error: True", In: `{"data": "fail"}`, Want: `{"data":"fail"}`, Tags: "exec_python_failure"},
		"emits":         {Options: options, In: `{"data": "emit"}`, Want: "{\"data\":\"emit\",\"n\":1}\n{\"extra\":1}"},
		"not returned":  {Options: options, In: `{"data": "drop"}`, Want: `{"data":"drop","n":1}`},
		"drops":         {Options: options + "use_return_value: True", In: "{\"data\": \"drop\"}\n{}", Want: `{"n":2}`},
		"replaces":      {Options: options + "use_return_value: True", In: `{"data": "replace"}`, Want: `{"other":1}`},
		"makes several": {Options: options + "use_return_value: True", In: `{"data": "several"}`, Want: "{\"a\":1}\n{\"a\":2}"},
		"a number":      {Options: options + "use_return_value: True", In: `{"data": "number"}`, Want: `{"data":"number","n":1}`, Tags: "exec_python_failure"},
		"imports":       {Options: options + "imports: [imported]", In: `{"data": "imports"}`, Want: `{"data":"imports","imported":true,"n":1}`},
		"the type":      {Options: options, In: `{"data": "type"}`, Want: `{"data":"type","n":1}`, Type: "new"},
		"in workers":    {Options: options + "pool_size: 2", In: `{"a": 1}`, Want: `{"a":1,"n":1}`},
		"big numbers":   {Options: options, In: `{"a": [1.5, true, null, "ü\n"]}`, Want: `{"a":[1.5,true,null,"ü\n"],"n":1}`},
	})
}

func TestInterpreterIsStartedAgain(t *testing.T) {
	options := interpreter(t, "fine")
	const next = "\n{\"a\": 1}\n{\"a\": 2}"
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"after a crash":        {Options: options, In: `{"data": "crash"}` + next, Want: "{\"data\":\"crash\"}\n{\"a\":1,\"n\":1}\n{\"a\":2,\"n\":2}", Tags: "exec_python_failure"},
		"after no answer":      {Options: options + "timeout_in_millis: 200", In: `{"data": "hang"}` + next, Want: "{\"data\":\"hang\"}\n{\"a\":1,\"n\":1}\n{\"a\":2,\"n\":2}", Tags: "exec_python_failure"},
		"after a long answer":  {Options: options, In: `{"data": "long"}` + next, Want: "{\"data\":\"long\"}\n{\"a\":1,\"n\":1}\n{\"a\":2,\"n\":2}", Tags: "exec_python_failure"},
		"not after some noise": {Options: options, In: `{"data": "garbage"}` + next, Want: "{\"data\":\"garbage\"}\n{\"a\":1,\"n\":2}\n{\"a\":2,\"n\":3}", Tags: "exec_python_failure"},
		"several crashes":      {Options: options, In: "{\"data\": \"crash\"}\n{\"data\": \"crash\"}" + next, Want: "{\"data\":\"crash\"}\n{\"data\":\"crash\"}\n{\"a\":1,\"n\":1}\n{\"a\":2,\"n\":2}", Tags: "exec_python_failure"},
	})
	for in, want := range map[string]string{"crash": "the interpreter ended", "hang": "the interpreter did not answer in time", "long": "the answer of the interpreter is too long", "garbage": "makes no sense"} {
		feed := make(chan string, 1)
		feed <- in
		close(feed)
		limit := "60000"
		if in == "hang" {
			limit = "300"
		}
		r := actortest.Start(t, "- Lines\n- ExecPython:\n    timeout_in_millis: "+limit+"\n    "+strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ")+"\n- TestCatch\n", execpython.Spec, actortest.Lines(feed))
		r.Finish()
		if !strings.Contains(r.Log(), want) {
			t.Errorf("%s: no %q in the log:\n%s", in, want, r.Log())
		}
	}
}

func TestInterpreterThatDoesNotStartEndsTheStart(t *testing.T) {
	for mode, want := range map[string]string{"no start": "start the program: ", "bad program": "SyntaxError: invalid syntax"} {
		options := interpreter(t, mode)
		r := actortest.Start(t, "- Lines\n- ExecPython:\n    "+strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ")+"\n- TestCatch\n", execpython.Spec, actortest.Lines(make(chan string)))
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the run ended with %v", mode, err)
		}
	}
	r := actortest.Start(t, "- Lines\n- ExecPython: {source: 'x = 1', interpreter: /no/such/python}\n- TestCatch\n", execpython.Spec, actortest.Lines(make(chan string)))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "/no/such/python") {
		t.Errorf("the run ended with %v", err)
	}
}

func TestInterpreterIsAskedAtIntervals(t *testing.T) {
	options := interpreter(t, "fine")
	options = strings.Replace(options, "'x = 1'", "'def on_interval(state): pass'", 1) + "interval: 1h"
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{"at the end": {Options: options, In: `{"a": 1}`, Want: "{\"a\":1,\"n\":1}\n{\"data\":\"\",\"tick\":true}"}})
}

func TestWhatAnInterpreterPrintsIsLogged(t *testing.T) {
	feed := make(chan string, 1)
	feed <- "print"
	close(feed)
	r := actortest.Start(t, "- Lines\n- ExecPython:\n    "+strings.ReplaceAll(strings.TrimSpace(interpreter(t, "fine")), "\n", "\n    ")+"\n- TestCatch\n", execpython.Spec, actortest.Lines(feed))
	r.Finish()
	if log := r.Log(); !strings.Contains(log, "text=spam") || !strings.Contains(log, "text="+strings.Repeat("y", 4<<10)+"\n") {
		t.Errorf("the log is %.2000s", log)
	}
}

func TestStoppingDoesNotWaitForAnInterpreter(t *testing.T) {
	options := interpreter(t, "fine")
	feed := make(chan string, 1)
	feed <- "hang"
	start := time.Now()
	r := actortest.Start(t, "- Global: {shutdown_timeout: 0.3}\n- Lines\n- ExecPython:\n    timeout_in_millis: 60000\n    "+strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ")+"\n- TestCatch\n", execpython.Spec, actortest.Lines(feed))
	r.StopHard()
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %s", d)
	}
}
