package python

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func members(module string) []string {
	if module == "math" || module == "json" {
		return []string{"floor", "dumps"}
	}
	return nil
}

func known(name string) bool {
	switch name {
	case "len", "print", "range", "str", "type", "repr", "map":
		return true
	}
	return strings.Contains(name, " ") && !strings.HasPrefix(name, "variable ")
}

// compile parses and compiles a program.
func compile(source string) error {
	p, err := Parse(source, members)
	if err != nil {
		return err
	}
	_, err = p.Compile(known)
	return err
}

func TestProgramsThatAreTaken(t *testing.T) {
	for name, source := range map[string]string{
		"nothing":                    "",
		"only a comment":             "# nothing to see here\n",
		"one indented line":          " event['a'] = 1",
		"all indented":               "    a = 1\n    if a:\n        a = 2\n",
		"comment less indented":      "# comment\n    a = 1\n  # another\n    b = a\n",
		"tabs":                       "if 1:\n\ta = 1\n\tb = a\n",
		"line ends of Windows":       "if 1:\r\n  a = 1\r\n  b = '''x\r\n  y'''\r\n",
		"no line end":                "if 1:\n  a = 1",
		"one line":                   "if 1: a = 1; b = 2",
		"the idiom of the README":    "# Useless comment...\n    try:\n        imported = math\n    except NameError:\n        import math\n    x = math.floor(1.5)",
		"the idiom, only named":      "try: math\nexcept NameError: import math",
		"import before and after":    "a = math.floor(1)\nimport math\nimport math, json as j\nb = j",
		"import of a member":         "from math import floor as f, floor\nfrom math import (floor, floor as g,)\na = f(1) + g(1)",
		"module shadowed":            "from math import floor as math\na = math",
		"print of Python 2":          "print 'a', 1\nprint\nprint x, 'y'\nx = 1",
		"long integers of Python 2":  "a = 10L + 0777 + 0xffL",
		"unequal of Python 2":        "a = 1 <> 2",
		"raise":                      "raise ValueError('x', 1)\nraise ValueError, 'x'\nraise a.b.Error\nraise E from e\ne = 1",
		"assert":                     "assert 1 == 1\nassert event, 'message'",
		"types":                      "def f(a: int, *b: str, c: 'x' = 1, **d) -> None:\n  x: int\n  y: int = 5\n  return y\na = f(1)",
		"position only":              "def f(a, /, b): pass",
		"is with a type":             "a = type(event) is str\nb = type(a) is not str",
		"ellipsis":                   "def f(): ...",
		"names that Starlark wants":  "load = 1\nassert_ = load\nexec = 2\nmatch = 3\n",
		"numbers":                    "a = [1_000, 0b1, 0o7, .5, 5., 1e-3, 1E+3, 0xe+1, 1.5e3, 00]",
		"strings":                    "a = ['', \"\", '''a'b''', r'\\\\', b'\\xff', u'\\u00e9', rb'\\d', 'a' \"b\" r'c', f'{1}' 'x']",
		"f-strings":                  `a = [f"{event["a"]}", f'{ {"a": 1}["a"] }', f"{'}'}", f'{1:>{2}}', f'{event!r:>5}', f'{1 != 2}', f'{event:{"x"}<5}', f'{(lambda: 1)()}', f'{1:(>5}', f'{"{"}']`,
		"nested f-strings":           `a = f"{f'{1}'}"`,
		"a line in brackets":         "a = [\n1,\n# comment\n\n2]\nb = (\n  3)",
		"a continued line":           "a = 1 + \\\n  2",
		"a semicolon at the end":     "a = 1;\n",
		"elif upon elif":             "if event: pass\n" + strings.Repeat("elif event: pass\n", 1000),
		"a long sum":                 "a = 1" + strings.Repeat(" + event", 5000),
		"a long f-string":            "a = f'" + strings.Repeat("{event}-", 1000) + "'",
		"many comparisons":           "a = 1 < 2 < 3 <= len(event) < 5 == 5 in [5] is True",
		"loops with else":            "for a in event:\n  for b in event:\n    break\n  else:\n    break\nelse:\n  pass\nwhile event:\n  if a: break\n  else: continue\nelse: pass",
		"assignments to everything":  "a = b = c = {}\na['x'], b[0], (c, [d, e]) = event\na[0] += 1\na['x']['y'] *= 2\na[len(a)] += a\nfor a['i'], b in event: pass",
		"starred arguments":          "print(*event, **event)\nprint(1, *event, sep='')",
		"an empty return":            "def f():\n  return\nif event: return\nreturn 1, 2",
		"operators":                  "a = -+~1 ** -2 // 3 % 4 << 5 >> 6 & 7 | 8 ^ 9\na //= 1; a >>= 1; a <<= 1; a &= 1; a |= 1; a ^= 1; a **= 2; a %= 3; a /= 4; a -= 1",
		"conditions":                 "a = 1 if event else 2 if not event else lambda x, y=1, *z: x",
		"functions within functions": "def f():\n  def g():\n    return f\n  return g\nf()",
	} {
		if err := compile(source); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFaultsHaveAPlaceAndAReason(t *testing.T) {
	for _, c := range []struct {
		source       string
		line, column int
		reason       string
	}{
		{"a = 1\ntry:\n  x()\nexcept NameError:\n  import math", 2, 1, "try is not supported"},
		{"try:\n  math\nexcept NameError:\n  a = 1", 1, 1, "try is not supported"},
		{"try:\n  math\nexcept ValueError:\n  import math", 1, 1, "try is not supported"},
		{"try:\n  math\nfinally:\n  pass", 1, 1, "try is not supported"},
		{"try:\n  math\nexcept NameError:\n  import math\nelse:\n  pass", 1, 1, "try is not supported"},
		{"if 1:\n    class Spam:\n        pass", 2, 5, "class is not supported"},
		{"with open('x') as f: pass", 1, 1, "with is not supported"},
		{"def f():\n  yield 1", 2, 3, "yield is not supported"},
		{"x = (yield)", 1, 6, "yield is not supported"},
		{"global x", 1, 1, "global is not supported"},
		{"def f():\n  nonlocal x", 2, 3, "nonlocal is not supported"},
		{"a = 1\ndel a", 2, 1, "del of a variable is not supported"},
		{"@cached\ndef f(): pass", 1, 1, "a decorator is not supported"},
		{"async def f(): pass", 1, 1, "async is not supported"},
		{"x = await y", 1, 5, "await is not supported"},
		{"if (a := 1): pass", 1, 7, ":= is not supported"},
		{"a, *b = event", 1, 4, "* at this place is not supported"},
		{"a = {**event}", 1, 6, "** at this place is not supported"},
		{"a[1:2] = []", 1, 1, "assigning to a slice is not supported"},
		{"f(*a, b)", 1, 7, "an argument behind * is not supported"},
		{"import os", 1, 8, "module os is not available, there are base64, datetime"},
		{"from subprocess import call", 1, 6, "module subprocess is not available"},
		{"import json.decoder", 1, 8, "module json is not available"},
		{"from math import nope", 1, 18, "module math has no nope"},
		{"from math import *", 1, 18, "import * is not supported"},
		{"event['a'] = open('/etc/passwd')", 1, 14, "unknown name open"},
		{"x = 5\ny = eval('1')", 2, 5, "unknown name eval"},
		{"a = x is 5", 1, 7, `write "=="`},
		{"None = 1", 1, 1, "None cannot be assigned to"},
		{"f() = 1", 1, 1, "this cannot be assigned to"},
		{"a, b += 1", 1, 6, "several variables cannot be assigned to with +="},
		{"a = 'x", 1, 5, "the string does not end"},
		{"a = '''x\ny", 1, 5, "the string does not end"},
		{"a = f'{x'", 1, 9, "the string does not end"},
		{"a = f'{}'", 1, 8, "a field of the f-string is empty"},
		{"a = f'}'", 1, 7, "a } of the f-string stands alone"},
		{"a = f'{1 1}'", 1, 10, "unexpected 1 in the f-string"},
		{"a = f'{x!z}'", 1, 8, "unknown conversion !z"},
		{"a = 'ü' + $", 1, 11, `unexpected character "$"`},
		{"a = 1 +", 1, 8, "unexpected the end of the line, a value is missing"},
		{"a = (1, 2", 1, 10, "expected ), got the end"},
		{"a = 1 2", 1, 7, "unexpected 2, an operator or the end of the line is missing"},
		{"if 1\n  a = 1", 1, 5, "expected :, got the end of the line"},
		{"if 1:\na = 1", 2, 1, "an indented block is missing"},
		{"a = 1\n  b = 2", 2, 3, "unexpected indentation"},
		{"if 1:\n    a = 1\n  b = 2", 3, 3, "the indentation fits no line before"},
		{"else: pass", 1, 1, "unexpected else"},
		{"break", 1, 1, "break not in a loop"},
		{"a = 1abc", 1, 5, "1abc is no number"},
		{"a = 1j", 1, 5, "1j is no number"},
		{"a = {1: 2, 3}", 1, 12, "a value of a dict is missing"},
		{"a = x[]", 1, 6, "the index is missing"},
		{"x.5", 1, 2, "unexpected .5"},
		{"raise", 1, 6, "expected a name, got the end of the line"},
		{"def f(a, a): pass", 1, 10, "duplicate parameter: a"},
		{"lambda = 1", 1, 8, "expected a name, got ="},
		{"f(a=1, a=2)", 1, 8, `keyword argument "a" is repeated`},
		{"a = " + strings.Repeat("(", 1000), 1, 65, "nested brackets"},
		{"a = " + strings.Repeat("-", 1000) + "1", 1, 245, "nested too deeply"},
		{strings.Repeat("if 1:\n", 3) + " a", 2, 1, "an indented block is missing"},
		{strings.Repeat("#", 300_000), 1, 1, "the program has more than 256 kilobytes"},
	} {
		err := compile(c.source)
		if s, ok := errors.AsType[*SyntaxError](err); !ok || s.Line != c.line || s.Column != c.column || !strings.Contains(s.Reason, c.reason) {
			t.Errorf("%.60q: got %v, want %q at line %d, column %d", c.source, err, c.reason, c.line, c.column)
		}
	}
}

func TestAllUnknownNamesAreReported(t *testing.T) {
	err := compile("a = spam\nb = eggs")
	if err == nil || !strings.Contains(err.Error(), "spam") || !strings.Contains(err.Error(), "line 2, column 5: unknown name eggs") {
		t.Errorf("got %v", err)
	}
}

func TestAFunctionIsTakenOutWithWhatItNeeds(t *testing.T) {
	const source = `
from math import floor as f
LIMIT = {'a': [-1, 2]}
other = event['x']
def helper(n):
    return inner(n)
def inner(n):
    return f(n) + LIMIT['a'][1]
def unused():
    return other
if event:
    def on_interval(state): pass
def on_interval(state):
    return helper(1)
`
	p, ok, err := ParseFunction(source, "on_interval", members)
	if err != nil || !ok {
		t.Fatalf("got %v, %v", ok, err)
	}
	if _, err := p.Compile(known); err != nil {
		t.Error(err)
	}
	if _, ok, _ := ParseFunction(source, "nope", members); ok {
		t.Error("there is no function nope")
	}
	if _, ok, _ := ParseFunction("on_interval = 5", "on_interval", members); ok {
		t.Error("a number is no function")
	}
	p, _, _ = ParseFunction(strings.Replace(source, "f(n)", "other", 1), "on_interval", members)
	if _, err := p.Compile(known); err == nil || !strings.Contains(err.Error(), "line 8, column 12: unknown name other") {
		t.Errorf("what depends on an event is not there, but got %v", err)
	}
}

func TestUsesKnowsTheNamesOfAProgram(t *testing.T) {
	p, err := Parse("a = state\nfrom math import floor as g\nx.y = 'emit'", members)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"state": true, "a": true, "g": true, "x": true, "emit": false, "y": false} {
		if p.Uses(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("../testdata/programs/*.py")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(string(b))
		}
	}
	for _, s := range []string{"try:\n math\nexcept NameError:\n import math", "f'{a:{b}}'", "a<b<c<d()", "x[1:2:3]+=y**z", "def f(a,*b,c=1,**d):\n return", "\xff", "if 1:\n\tx\n  y", "f'{'", "'''", "for x in y:\n break\nelse: z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, err := Parse(source, members)
		if err != nil {
			if s, ok := errors.AsType[*SyntaxError](err); !ok || s.Line < 1 || s.Column < 1 || s.Offset < 0 || s.Offset > len(source) {
				t.Fatalf("bad place: %#v", err)
			}
			return
		}
		if _, err := p.Compile(known); err != nil && strings.Contains(err.Error(), "cannot be compiled") {
			t.Fatal(err)
		}
		if _, _, err := ParseFunction(source, "on_interval", members); err != nil {
			t.Fatal(err)
		}
	})
}
