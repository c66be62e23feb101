package execpython_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/modifiers/execpython"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeMode); mode != "" {
		fake(mode) // this process is the interpreter of a test
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// program is a case of a program and an event.
func program(source, in, want string) actortest.Case {
	return actortest.Case{Options: block("source", source), In: in, Want: want}
}

// faulty is one in which the program fails.
func faulty(source, in, want string) actortest.Case {
	c := program(source, in, want)
	c.Tags = "exec_python_failure"
	return c
}

// with adds options.
func with(options string, c actortest.Case) actortest.Case {
	c.Options += options + "\n"
	return c
}

func TestExamplesOfTheReadme(t *testing.T) {
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"import where it is not there": program("# Useless comment...\n  try:\n      imported = math\n  except NameError:\n      import math\n  event['request_time'] = math.ceil(event['request_time'] * 1000)",
			`{"request_time": 0.0123}`, `{"request_time":13}`),
		"one indented line": {Options: `source: ' event["data"] = "Incontinenzia"'`, In: `{"data": "x"}`, Want: `{"data":"Incontinenzia"}`},
		"nothing":           {Options: "source: ''", In: `{"data": "x"}`, Want: `{"data":"x"}`},
		"only a comment":    {Options: "source: '# nothing'", In: `{"data": "x"}`, Want: `{"data":"x"}`},
	})
}

func TestTheEventIsADictOfPaths(t *testing.T) {
	const in = `{"a": {"b": [1, {"c": "deep"}]}, "x.y": 1, "n": 5}`
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"read":                program("event['r'] = [event['a.b.0'], event['a.b.1.c'], event['a.b.-1.c'], event['x.y'], event['a']['b'][0]]", in, `{"a":{"b":[1,{"c":"deep"}]},"n":5,"r":[1,"deep","deep",1,1],"x.y":1}`),
		"write":               program("event['a.b.0'] = 2\nevent['a.b.2'] = 3\nevent['p.q.r'] = {'s': 1}\nevent['x.y'] = 2", in, `{"a":{"b":[2,{"c":"deep"},3]},"n":5,"p":{"q":{"r":{"s":1}}},"x.y":2}`),
		"delete":              program("del event['a.b.1.c']\ndel event['x.y'], event['n']\nevent['a.b.1.d'] = 1", in, `{"a":{"b":[1,{"d":1}]}}`),
		"delete after a look": program("a = event['a']\ndel event['a.b.0']\ndel event['a.b.0.c']", in, `{"a":{"b":[{}]},"n":5,"x.y":1}`),
		"in":                  program("event['r'] = ['a.b.0' in event, 'a.b.7' in event, 'a.z' in event, 'x.y' in event, 'x' in event, 'n.m' in event]", in, `{"a":{"b":[1,{"c":"deep"}]},"n":5,"r":[true,false,false,true,false,false],"x.y":1}`),
		"changes of what was read": program("a = event['a']\nb = a['b']\nb.append(2)\nevent['a.b.1'] = 'new'\na['z'] = event['a.b'][1]", in,
			`{"a":{"b":[1,"new",2],"z":"new"},"n":5,"x.y":1}`),
		"changes of what was set":   program("l = []\nevent['l'] = l\nl.append(1)\nd = {}\nevent['a.d'] = d\nd['k'] = l\nl.append(2)\nevent['m'] = {1, 2}", `{"a": {"o": 1}}`, `{"a":{"d":{"k":[1,2]},"o":1},"l":[1,2],"m":[1,2]}`),
		"set below what was set":    program("event['d'] = {}\nevent['d.e.f'] = 1\nevent['d']['g'] = event['d.e.f'] + 1\nevent['q.w'] = [1]\nevent['q.w'].append(2)", `{}`, `{"d":{"e":{"f":1},"g":2},"q":{"w":[1,2]}}`),
		"replaced after a look":     program("a = event['a']\nevent['a'] = 5\na['b'] = 1", in, `{"a":5,"n":5,"x.y":1}`),
		"a number as a key":         program("event['r'] = 5 in event", `{}`, `{"r":false}`),
		"get and pop with paths":    program("event['r'] = [event.get('a.b.0'), event.get('a.z', 'no'), event.get('no'), event.pop('a.b.1.c'), event.pop('no.no', 7), event.pop('n'), event.get(key='x.y', default=2)]", in, `{"a":{"b":[1,{}]},"r":[1,"no",null,"deep",7,5,1],"x.y":1}`),
		"update and setdefault":     program("event.update({'u.v': 1}, w=2)\nevent['r'] = [event.setdefault('u.v', 9), event.setdefault('u.z', 9)]", `{}`, `{"r":[1,9],"u":{"v":1,"z":9},"w":2}`),
		"clear, popitem, has_key":   program("k = event.has_key('n')\nevent.pop('gambolputty')\np = event.popitem()\nevent.clear()\nevent['r'] = [k, p[0]]", `{"n": 1}`, `{"r":[true,"n"]}`),
		"len, truth, keys, items":   program("n = len(event)\nks = sorted(event.keys())\nit = [k for k in event if k != 'gambolputty']\nvs = [v for k, v in event.items() if k in ('n', 'm')]\nevent['r'] = [n, bool(event), ks, it, vs]", `{"n": 1, "m": [2]}`, `{"m":[2],"n":1,"r":[3,true,["gambolputty","m","n"],["n","m"],[1,[2]]]}`),
		"copy":                      program("c = event.copy()\nc['n'] = 2\nevent['r'] = [c['n'], dict(event)['n']]", `{"n": 1}`, `{"n":1,"r":[2,1]}`),
		"the metadata":              program("event['gambolputty.event_type'] = 'spam'\nevent['r'] = [event['gambolputty']['event_type'], event['lumbermill.event_type']]\nevent['gambolputty']['x'] = 1\nevent['y'] = event['gambolputty.x']", `{}`, `{"r":["spam","spam"],"y":1}`),
		"text that is not UTF-8":    program("event['r'] = event['a'] + 'x'", "{\"a\": \"\xff\"}", "{\"a\":\"\ufffd\",\"r\":\"\ufffdx\"}"),
		"all kinds of values":       program("event['r'] = [event['big'] + 1, event['f'], event['t'], event['n'] is None, event['l']]", `{"big": 123456789012345678901234567890, "f": 0.5, "t": true, "n": null, "l": []}`, `{"big":123456789012345678901234567890,"f":0.5,"l":[],"n":null,"r":[123456789012345678901234567891,0.5,true,true,[]],"t":true}`),
		"the type of the event":     program("event['r'] = [isinstance(event, dict), type(event) == dict, '%(n)s' % event, json.dumps({'e': event.get('n')})]", `{"n": 1}`, `{"n":1,"r":[true,true,"1","{\"e\": 1}"]}`),
		"missing":                   faulty("event['r'] = 1\nx = event['nope']\nevent['s'] = 1", `{}`, `{"r":1}`),
		"delete what is missing":    faulty("del event['nope']", `{"n": 1}`, `{"n":1}`),
		"pop what is missing":       faulty("event.pop('nope')", `{"n": 1}`, `{"n":1}`),
		"no parent":                 faulty("event['n.m'] = 1", `{"n": 1}`, `{"n":1}`),
		"no place in a list":        faulty("event['l.5'] = 1", `{"l": [1]}`, `{"l":[1]}`),
		"no place in an open list":  faulty("event['l'].append(2)\nevent['l.5'] = 1", `{"l": [1]}`, `{"l":[1,2]}`),
		"no name":                   faulty("event[5] = 1", `{"n": 1}`, `{"n":1}`),
		"an empty name":             faulty("event[''] = 1", `{"n": 1}`, `{"n":1}`),
		"metadata must be a map":    faulty("event['gambolputty'] = 5", `{"n": 1}`, `{"n":1}`),
		"a list that holds itself":  faulty("l = []\nl.append(l)\nevent['l'] = l\nevent['m'] = 1", `{}`, `{"m":1}`),
		"what cannot be in a event": program("event['r'] = [len, lambda: 1, re.compile('a')]\nevent['s'] = datetime.date(2015, 6, 1)", `{}`, `{"r":["<built-in function len>","<function lambda>","re.compile('a')"],"s":"2015-06-01"}`),
	})
}

func TestReturnValueIsIgnoredUnlessAskedFor(t *testing.T) {
	const list = "return [{'a': 1}, {'a': 2, 'gambolputty': {'event_type': 'x'}}]"
	use := func(c actortest.Case) actortest.Case { return with("use_return_value: True", c) }
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"ignored":          program("event['n'] = 2\nreturn False\nevent['n'] = 3", `{"n": 1}`, `{"n":2}`),
		"nothing":          use(program("event['n'] = 2\nreturn", `{"n": 1}`, `{"n":2}`)),
		"False drops":      use(program("return event['n'] > 1", "{\"n\": 1}\n{\"n\": 2}", `{"n":2}`)),
		"a dict replaces":  use(program("return {'m': event['n'], 'gambolputty': {'event_type': 'new'}}", `{"n": 1}`, `{"m":1}`)),
		"the event itself": use(program("event['l'] = [1]\nreturn event", `{"n": 1}`, `{"l":[1],"n":1}`)),
		"a list":           use(program(list, `{"n": 1}`, "{\"a\":1}\n{\"a\":2}")),
		"with the event":   use(program("event['l'] = [1]\nreturn [event, {'b': 1}]", `{"n": 1}`, "{\"l\":[1],\"n\":1}\n{\"b\":1}")),
		"a tuple":          use(program("return {'a': 1}, {'b': 2}", `{"n": 1}`, "{\"a\":1}\n{\"b\":2}")),
		"an empty list":    use(program("return []", `{"n": 1}`, "")),
		"a number":         use(faulty("return 5", `{"n": 1}`, `{"n":1}`)),
		"a list of what":   use(faulty("return [{}, 5]", `{"n": 1}`, `{"n":1}`)),
		"too many":         use(faulty("return [{}] * 20000", `{"n": 1}`, `{"n":1}`)),
	})
	out := actortest.Process(t, execpython.Spec, block("source", list)+"use_return_value: True", actortest.Event(t, `{"n": 1}`))
	if a, b := actortest.Meta(out[0], "event_id"), actortest.Meta(out[1], "event_id"); b != a+".1" || out[1].Type() != "x" || out[0].Type() != "Unknown" {
		t.Errorf("ids %s and %s, types %s and %s", a, b, out[0].Type(), out[1].Type())
	}
}

func TestEmitMakesFurtherEvents(t *testing.T) {
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"two more":         program("for i in range(2):\n    emit({'i': i})\nevent['n'] = 2", `{"n": 1}`, "{\"n\":2}\n{\"i\":0}\n{\"i\":1}"),
		"as it was then":   program("d = {'l': [1]}\nemit(d)\nd['l'].append(2)\nemit(event)\nevent['n'] = 2", `{"n": 1}`, "{\"n\":2}\n{\"l\":[1]}\n{\"n\":1}"),
		"without the rest": with("use_return_value: True", program("emit({'i': 1})\nreturn False", `{"n": 1}`, `{"i":1}`)),
		"before an error":  faulty("emit({'i': 1})\nx = 1 / 0", `{"n": 1}`, "{\"n\":1}\n{\"i\":1}"),
		"rolled back":      with("rollback_on_error: True", faulty("emit({'i': 1})\nx = 1 / 0", `{"n": 1}`, `{"n":1}`)),
		"no dict":          faulty("emit(5)", `{"n": 1}`, `{"n":1}`),
		"holds itself":     faulty("d = {}\nd['d'] = d\nemit(d)", `{"n": 1}`, `{"n":1}`),
	})
	out := actortest.Process(t, execpython.Spec, block("source", "event['gambolputty.event_type'] = 'late'\nemit({})"), actortest.Event(t, `{"n": 1}`))
	if a, b := actortest.Meta(out[0], "event_id"), actortest.Meta(out[1], "event_id"); b != a+".1" || out[1].Type() != "Unknown" {
		t.Errorf("ids %s and %s, type %s", a, b, out[1].Type())
	}
	out = actortest.Process(t, execpython.Spec, block("source", "while True: emit({})"), actortest.Event(t, `{"n": 1}`))
	if len(out) != 10_001 || actortest.Tags(out[0]) != "exec_python_failure" {
		t.Errorf("%d events came out", len(out))
	}
}

func TestErrorsKeepTheChangesOrRollThemBack(t *testing.T) {
	const source = "event['a'] = 1\nevent['l'].append(2)\ndel event['n']\nevent['gambolputty.event_type'] = 'x'\nx = 1 / 0"
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"kept":        faulty(source, `{"n": 1, "l": [1]}`, `{"a":1,"l":[1,2]}`),
		"rolled back": with("rollback_on_error: True", faulty(source, `{"n": 1, "l": [1]}`, `{"l":[1],"n":1}`)),
		"no error":    with("rollback_on_error: True", program("event['a'] = 1", `{"n": 1}`, `{"a":1,"n":1}`)),
	})
	out := actortest.Process(t, execpython.Spec, block("source", source)+"rollback_on_error: True", actortest.Event(t, `{"n": 1, "l": [1]}`))
	if out[0].Type() != "Unknown" {
		t.Errorf("the type is %s", out[0].Type())
	}
}

// logged runs a program and returns the log.
func logged(t *testing.T, options string, events ...*event.Event) string {
	t.Helper()
	feed := make(chan string, len(events)+1)
	feed <- "x"
	close(feed)
	r := actortest.Start(t, "- Lines\n- ExecPython:\n    "+strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ")+"\n- TestCatch\n", execpython.Spec, actortest.Lines(feed))
	r.Finish()
	return r.Log()
}

func TestTheLogHasTheLineOfAnError(t *testing.T) {
	for source, want := range map[string]string{
		"\n\nx = event['nope']":                                       `line 3: key \"nope\" not in dict`,
		"def f():\n    return 1 / 0\nx = f()":                         "line 2: floating-point division by zero",
		"x = 'a' + 1":                                                 "line 1: unknown binary op: string + int",
		"x = event['data'] + len('a')":                                "line 1: + is not possible with str and int",
		"x = '%d' % 'a'":                                              "line 1: format d wants a number, got str",
		"if True:\n    raise ValueError('spam', 1)":                   "line 2: ValueError: spam 1",
		"assert 1 == 2, 'eggs'":                                       "line 1: AssertionError: eggs",
		"x = int('spam')":                                             "line 1: int: 'spam' is no integer",
		"x = [1][5]":                                                  "line 1: index 5 is out of range, there are 1",
		"x = math.sqrt('a')":                                          "line 1: math.sqrt: the types do not fit the operation",
		"x = 'abc'.nope()":                                            "line 1: string has no .nope field or method",
		"x = sorted([1, 'a'])":                                        "line 1: ",
		"x = y\ny = 1":                                                "line 1: local variable y referenced before assignment",
		"x = re.match('(', 'a')":                                      "line 1: re.match: bad regular expression",
		"def f(n):\n    return f(n + 1) + 1\nf(0)":                    "line 2: the functions call each other too deeply",
		"f = lambda n: f(n + 1)\nf(0)":                                "line 1: the functions call each other too deeply",
		"while True:\n    pass":                                       "takes more than max_steps, 1000000",
		"x = [i for i in range(10000000)]":                            "takes more than max_steps, 1000000",
		"x = 'a' * 10 ** 9":                                           "line 1: the value becomes too large",
		"x = [0] * 10 ** 9":                                           "line 1: the value becomes too large",
		"x = 10 ** 10000000":                                          "line 1: the calculation takes too many steps or too much memory",
		"x = 'a'\nwhile True:\n    x += x":                            "line 3: the value becomes too large",
		"x = 'a'\nwhile True:\n    x = x + x":                         "line 3: the value becomes too large",
		"x = [1]\nwhile True:\n    x += x":                            "line 3: the value becomes too large",
		"x = [1]\nwhile True:\n    x.extend(x)":                       "line 3: extend: the value becomes too large",
		"x = 'ab'\nwhile True:\n    x = x.replace('b', x)":            "line 3: replace: the value becomes too large",
		"x = 'a' * 1000\nwhile True:\n    x = ','.join([x] * 50)":     "line 3: join: the value becomes too large",
		"x = 3\nwhile True:\n    x = x * x":                           "line 3: the value becomes too large",
		"x = '%*d' % (10 ** 8, 1)":                                    "line 1: a directive of the format is incomplete or too wide",
		"x = '{:99999999}'.format(1)":                                 "line 1: format: invalid format",
		"x = f'{1:99999999}'":                                         "line 1: invalid format",
		"x = 'a'.zfill(10 ** 9)":                                      "line 1: zfill: the value becomes too large",
		"x = list(range(10 ** 9))":                                    "line 1: list: the value becomes too large",
		"x = [].extend(range(10 ** 9))":                               "line 1: extend: the value becomes too large",
		"x = set()\nx.update(range(10 ** 9))":                         "line 2: update: the value becomes too large",
		"x = set([1]).union(range(10 ** 9))":                          "line 1: union: the value becomes too large",
		"x = dict.fromkeys(range(10 ** 9))":                           "line 1: the value becomes too large",
		"print(*range(10 ** 9))":                                      "line 1: the value becomes too large",
		"x = []\nx += range(10 ** 9)":                                 "line 2: the value becomes too large",
		"x = random.sample(range(10 ** 9), 5)":                        "line 1: sample: the value becomes too large",
		"a, b = range(10 ** 9)":                                       "line 1: too many values to unpack",
		"x = sum(range(10 ** 9))":                                     "line 1: sum: the value becomes too large",
		"x = 10 ** 9 in map(str, range(10 ** 9))":                     "line 1: map: the value becomes too large",
		"x = []\nfor i in range(40):\n    x = [x, x]\ny = str(x)":     "line 4: str: the value becomes too large",
		"x = []\nfor i in range(40):\n    x = [x, x]\nevent['x'] = x": "field x: the value holds too much",
		"x = {}\nfor i in range(40):\n    x = {'a': x, 'b': x}\ny = json.dumps(x)": "line 4: json.dumps: the value becomes too large",
		"x = re.sub('(?=(.*))', r'\\1\\1\\1\\1', 'a' * 5000)":                      "line 1: re.sub: the value becomes too large",
	} {
		if log := logged(t, block("source", source)+"timeout_in_millis: 60000\n"); !strings.Contains(log, "field=source error=\"") || !strings.Contains(log, want) {
			t.Errorf("%q\nlogs %s\nwant %s", source, log, want)
		}
	}
}

func TestTheLimitsCanBeSet(t *testing.T) {
	if log := logged(t, block("source", "time.sleep(50)")+"timeout_in_millis: 20\n"); !strings.Contains(log, "line 1: the program takes more than timeout_in_millis, 20") {
		t.Error(log)
	}
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"steps":       with("max_steps: 500", faulty("event['a'] = 1\nfor i in range(1000): pass", `{}`, `{"a":1}`)),
		"more steps":  with("max_steps: 50000", program("for i in range(1000): pass\nevent['a'] = 1", `{}`, `{"a":1}`)),
		"next event":  with("max_steps: 500", program("if event['n'] == 2:\n    while True: pass", "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}")),
		"time":        with("max_steps: 1000000000\ntimeout_in_millis: 20", faulty("event['a'] = 1\nwhile True: pass", `{}`, `{"a":1}`)),
		"pattern":     with("timeout_in_millis: 50", faulty(`event['a'] = 1`+"\nre.match(r'^(\\w+\\s?)*\\1!$', 'a' * 40 + '!?')", `{}`, `{"a":1}`)),
		"sleep":       with("timeout_in_millis: 20", faulty("time.sleep(10)", `{"a": 1}`, `{"a":1}`)),
		"short sleep": program("time.sleep(0.001)\nevent['a'] = 2", `{"a": 1}`, `{"a":2}`),
	})
}

func TestNothingSurvivesButTheState(t *testing.T) {
	const three = "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}"
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"variables": faulty("if event['n'] == 2:\n    x = 1\nevent['x'] = x", `{"n": 1}`, `{"n":1}`),
		"state":     program("state['sum'] = state.get('sum', 0) + event['n']\nevent['sum'] = state['sum']", three, "{\"n\":1,\"sum\":1}\n{\"n\":2,\"sum\":3}\n{\"n\":3,\"sum\":6}"),
		"lists of events": program("state.setdefault('all', []).append(event['l'])\nevent['l'] = [9]\nevent['all'] = state['all']", "{\"l\": [1]}\n{\"l\": [2]}",
			"{\"all\":[[1]],\"l\":[9]}\n{\"all\":[[1],[2]],\"l\":[9]}"),
		"patterns and functions": program("if 'f' not in state:\n    state['f'] = lambda x: x + 1\n    state['p'] = re.compile('\\\\d')\nevent['r'] = [state['f'](event['n']), state['p'].findall('a1')]", three,
			"{\"n\":1,\"r\":[2,[\"1\"]]}\n{\"n\":2,\"r\":[3,[\"1\"]]}\n{\"n\":3,\"r\":[4,[\"1\"]]}"),
	})
	out := actortest.Process(t, execpython.Spec, block("source", "if 'e' in state:\n    event['old'] = state['e']['n']\nstate['e'] = event"), actortest.Event(t, `{"n": 1}`), actortest.Event(t, `{"n": 2}`))
	if actortest.Tags(out[1]) != "exec_python_failure" || actortest.JSON(out[1]) != `{"n":2}` {
		t.Errorf("an event that has gone on was read: %s", actortest.JSON(out[1]))
	}
}

func TestTheStateIsBounded(t *testing.T) {
	log := logged(t, block("source", "state['l'] = []"))
	if strings.Contains(log, "error") {
		t.Fatal(log)
	}
	many := func() []*event.Event {
		var in []*event.Event
		for range 1100 {
			in = append(in, actortest.Event(t, `{}`))
		}
		return in
	}
	out := actortest.Process(t, execpython.Spec, block("source", "state.setdefault('l', []).append([0] * 900)\nevent['n'] = 1"), many()...)
	last := out[len(out)-1]
	if actortest.JSON(last) != `{"n":1}` {
		t.Errorf("the state is small enough, but got %s", actortest.JSON(last))
	}
	out = actortest.Process(t, execpython.Spec, block("source", "state.setdefault('l', []).append([0] * 1100)\nevent['n'] = 1"), many()...)
	if last := out[len(out)-1]; actortest.JSON(last) != `{}` || actortest.Tags(last) != "exec_python_failure" {
		t.Errorf("the state has grown too much, but got %s", actortest.JSON(last))
	}
}

func TestOnIntervalIsCalledAtTheEnd(t *testing.T) {
	const counting = `
from math import floor as f
STEP = 10
def label(n):
    return 'total %d' % f(n)
def on_interval(state):
    if state.get('n'):
        emit({'label': label(state['n'] + STEP)})
    state['n'] = 0
state['n'] = state.get('n', 0) + 1
`
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"counts":        with("interval: 3600", program(counting, "{\"n\": 1}\n{\"n\": 2}", "{\"n\":1}\n{\"n\":2}\n{\"data\":\"\",\"label\":\"total 12\"}")),
		"without state": with("interval: 1h", program("def on_interval():\n    emit({'a': 1})", `{"n": 1}`, "{\"n\":1}\n{\"a\":1,\"data\":\"\"}")),
		"returned":      with("interval: 1h\nuse_return_value: True", program("def on_interval(state):\n    return [{'a': 1}, {'b': 2}]", `{"n": 1}`, "{\"n\":1}\n{\"a\":1,\"data\":\"\"}\n{\"b\":2,\"data\":\"\"}")),
		"fails":         with("interval: 1h", program("def on_interval(state):\n    emit({'a': 1})\n    x = 1 / 0", `{"n": 1}`, "{\"n\":1}\n{\"a\":1,\"data\":\"\"}")),
		"not asked for": program("def on_interval(state):\n    emit({'a': 1})", `{"n": 1}`, `{"n":1}`),
	})
	out := actortest.Process(t, execpython.Spec, block("source", "def on_interval():\n    emit({'gambolputty': {'event_type': 'tick'}})")+"interval: 1h", actortest.Event(t, `{}`))
	if last := out[1]; last.Type() != "tick" || actortest.Meta(last, "source_module") != "ExecPython" {
		t.Error(actortest.Whole(last))
	}
}

func TestOnIntervalIsCalledRegularly(t *testing.T) {
	feed := make(chan string)
	r := actortest.Start(t, "- Lines\n- ExecPython:\n    interval: 10ms\n    source: |\n      def on_interval(state):\n          emit({'n': 1})\n- TestCatch\n", execpython.Spec, actortest.Lines(feed))
	r.Wait(3)
	close(feed)
	r.Finish()
}

func TestPrintAndDebugGoToTheLog(t *testing.T) {
	log := logged(t, block("source", "print('spam', 1, [2], sep='-', end='!\\n')\nprint 'eggs'\nprint()")+"debug: True\n")
	for _, want := range []string{`level=DEBUG msg=print module=ExecPython text=spam-1-[2]!`, "text=eggs", "text=\"\"", `level=INFO msg=program module=ExecPython source="1\tprint('spam'`, `\n2\tprint 'eggs'`} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the log:\n%s", want, log)
		}
	}
}

func TestTheProgramMayStandInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program.py")
	if err := os.WriteFile(file, []byte("import math\nevent['a'] = math.floor(1.5)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{"file": {Options: "source_file: " + file, In: `{"b": 1}`, Want: `{"a":1,"b":1}`}})
	if err := os.WriteFile(file, []byte("a = 1\nclass Spam: pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	actortest.Wrong(t, execpython.Spec, map[string]string{
		"source_file: " + file:                   "E041]: ExecPython: source_file: line 2, column 1: class is not supported",
		"source_file: " + file + "\nsource: 'x'": "cannot be set together with source",
	})
	if err := actortest.Options(t, execpython.Spec, "source_file: /no/such/file"); err != nil {
		t.Errorf("files are looked at when they are needed, but got %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, execpython.Spec, map[string]string{
		"":                                      "source: required option is missing",
		"source: 5":                             "must be string, got integer 5",
		"source: 'x = '":                        "test:3:18: error[E041]: ExecPython: source: line 1, column 5: unexpected the end of the line, a value is missing",
		"source: 'open(\"/etc/passwd\")'":       "unknown name open",
		"source: 'x = 1'\nimports: [os]":        `E041]: ExecPython: imports: module "os" is not available, there are base64, datetime`,
		"source: 'x = 1'\nimports: [hashlob]":   `did you mean "hashlib"?`,
		"source: 'x = 1'\nmax_steps: 0":         "must be between 1 and 1000000000, got 0",
		"source: 'x = 1'\ntimeout_in_millis: 0": "must be between 1ms and 10m, got 0",
		"source: 'x = 1'\ninterval: 10":         "needs a function on_interval(state)",
		"source: 'x = 1'\nengine: perl":         "must be one of starlark, python3",
		"source: 'x = 1'\nengine: starlark\ninterpreter: python3":       "is for engine python3",
		"source: 'state[1] = 1'\npool_size: 2":                          "E035",
		"source: 'def on_interval(s): pass'\ninterval: 1\npool_size: 2": "the program keeps a state",
		"source: 'x = 1'\nengine: python3\ninterval: 10":                "needs a function on_interval(state)",
		"source: 'x = 1'\nengine: python3\nimports: ['a b']":            "must be names of modules",
		"source: |\n  x = 1\n  try:\n      y()\n  except: pass":         "line 2, column 1: try is not supported",
	})
	for _, options := range []string{
		"source: 'x = 1'\npool_size: 4", "source: 'state[1] = 1'\npool_size: 1", "source: 'x = 1'\nimports: [math, re, json, time, datetime, random, hashlib, base64, string, uuid]",
		"source: 'class Spam: pass'\nengine: python3\nimports: [os.path]", "source: 'x = 1'\ninterpreter: /usr/bin/python3",
	} {
		if err := actortest.Options(t, execpython.Spec, options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestWorkersRunPrograms(t *testing.T) {
	var in []*event.Event
	for range 1000 {
		in = append(in, actortest.Event(t, `{"n": 1}`))
	}
	out := actortest.Batches(t, execpython.Spec, block("source", "event['n'] = len(re.findall('[a-c]', 'abcd')) + random.randint(0, 0)")+"pool_size: 4", in[:300], in[300:600], in[600:])
	for _, e := range out {
		if actortest.JSON(e) != `{"n":3}` {
			t.Fatal(actortest.JSON(e))
		}
	}
}

func TestRandomNumbers(t *testing.T) {
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"ranges": program(`
ok = True
for i in range(200):
    ok = ok and 0 <= random.random() < 1 and 1 <= random.randint(1, 3) <= 3 and random.randrange(5) < 5 and random.randrange(0, 10, 5) in (0, 5)
    ok = ok and 2 <= random.uniform(2, 3) <= 3 and random.choice('ab') in 'ab' and random.getrandbits(3) < 8
l = list(range(10))
random.shuffle(l)
event['r'] = [ok, sorted(l) == list(range(10)), len(random.sample(range(10), 3)), len(random.choices([1, 2], weights=[1, 0], k=5)), set(random.choices([1, 2], weights=[1, 0], k=5)) == {1}]
random.seed(1)
a = random.random()
random.seed(1)
event['s'] = [a == random.random(), isinstance(random.gauss(0, 1), float), random.expovariate(1) >= 0, random.normalvariate(5, 0)]`,
			`{}`, `{"r":[true,true,3,5,true],"s":[true,true,true,5.0]}`),
		"nothing to choose": faulty("random.choice([])", `{"a": 1}`, `{"a":1}`),
		"an empty range":    faulty("random.randint(3, 1)", `{"a": 1}`, `{"a":1}`),
	})
}

func TestWhatOnlyPython2Has(t *testing.T) {
	actortest.Cases(t, execpython.Spec, map[string]actortest.Case{
		"dicts":      program("d = {'a': 1}\nevent['r'] = [d.has_key('a'), list(d.iteritems()), list(d.iterkeys()), list(d.itervalues()), [k for k in event.iterkeys() if k == 'x'], unicode('u'), long(5), unichr(97), [i for i in xrange(2)], isinstance('a', basestring)]", `{"x": 1}`, `{"r":[true,[["a",1]],["a"],[1],["x"],"u",5,"a",[0,1],true],"x":1}`),
		"string":     program("event['r'] = [string.upper('a'), string.join(['a', 'b'], '-'), string.join(['a', 'b']), string.split('a b'), string.replace('aa', 'a', 'b'), string.letters[:2], string.zfill('1', 3)]", `{}`, `{"r":["A","a-b","a b",["a","b"],"bb","ab","001"]}`),
		"bytes":      program("event['r'] = ['ü'.encode('utf-8').decode(), b'a' + 'b', str('x')]", `{}`, `{"r":["ü","ab","x"]}`),
		"statistics": program("event['r'] = [pow(2, 3), round(2.567, 1), sum([0.5, 1]), any([0, 1]), sorted([2, 1]), 7 / 2]", `{}`, `{"r":[8,2.6,1.5,true,[1,2],3.5]}`),
	})
}

func TestTimesOfNow(t *testing.T) {
	now := time.Now()
	out := actortest.Process(t, execpython.Spec, block("source", "event['r'] = [datetime.datetime.now().year, datetime.datetime.utcnow().isoformat(), int(time.time()), time.localtime().tm_year, datetime.date.today().isoformat(), int(datetime.datetime.now().timestamp()), time.strftime('%Y')]"), actortest.Event(t, `{}`))
	v, _ := out[0].Get(event.MustPath("r.2"))
	if n, _ := v.Int(); n < now.Unix() || n > now.Unix()+60 {
		t.Error(actortest.JSON(out[0]))
	}
	v, _ = out[0].Get(event.MustPath("r.5"))
	if n, _ := v.Int(); n < now.Unix() || n > now.Unix()+60 {
		t.Error(actortest.JSON(out[0]))
	}
}

// FuzzPrograms runs whatever compiles, within small limits.
func FuzzPrograms(f *testing.F) {
	for _, source := range programs(f) {
		f.Add(source)
	}
	for _, s := range []string{"x = [event] * 99\nwhile 1: x += x", "event['a'] = event", "def f(): return f()\nf()", "x = {}\nx['x'] = x\nprint(x, str(x), json.dumps(x))", "'%s%r%(a)d' % event", "'{0.a[b]!r:{w}}'.format(1, w=2)", "event.update(event)\nreturn [event]", "re.sub('(a)|b', r'\\1\\g<1>', 'ab' * 100)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		options := block("source", source) + "max_steps: 20000\ntimeout_in_millis: 100\nuse_return_value: True\nrollback_on_error: True\n"
		if strings.ContainsAny(source, "\x00\r\u0085\u2028\u2029\ufeff") || actortest.Options(t, execpython.Spec, options) != nil {
			return
		}
		start := time.Now()
		r := actortest.Start(t, "- Numbers\n- ExecPython:\n    "+strings.ReplaceAll(strings.TrimSpace(options), "\n", "\n    ")+"\n- TestCatch\n", execpython.Spec, actortest.Numbers(1))
		r.Finish()
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %s", d)
		}
		if log := r.Log(); strings.Contains(log, "internal error") || r.Status("ExecPython").Meter.Restarts.Load() > 0 {
			t.Error(log)
		}
	})
}
