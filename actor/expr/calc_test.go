package expr

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gambolputty/actor/event"
)

func calcEvent(t *testing.T) *event.Event {
	t.Helper()
	v, _, err := new(event.Decoder).Decode(`{"bytes": "3395", "n": 7, "f": 2.5, "text": "spam", "list": [3, 1, 2], "map": {"a": 1}, "big": 9007199254740993, "request_time": "0.012"}`)
	if err != nil {
		t.Fatal(err)
	}
	e := event.New(event.NewSource("StdIn", "StdIn"))
	e.Merge(v.Map(), false)
	return e
}

func TestCalculationsFollowPython(t *testing.T) {
	for text, want := range map[string]string{
		"7 / 2": "3.5", "-100 // 7": "-15", "-100 % 7": "5", "2 + 3 * 4 ** 2 - -1": "51", "-2 ** 2": "-4", "2 ** 3 ** 2": "512",
		"$(big) * $(big)": "81129638414606699710187514626049", "float($(request_time)) * 1000": "12.0", "int(float($(request_time)) * 1000)": "12",
		"$(bytes) * 2": "33953395", "int($(bytes)) + 1": "3396", "int(-3.9)": "-3", "round(2.5)": "2", "round(2.567, 2)": "2.57", "True + 1": "2",
		"'big' if $(n) > 5 else 'small'": "big", "[x * 2 for x in $(list) if x > 1]": "[6,4]", "sum($(list)) / len($(list))": "2.0",
		"sorted($(list))": "[1,2,3]", "max($(list))": "3", "$(text).upper()": "SPAM", "$(text)[1:3]": "pa", "$(list)[-1]": "2", "$(map)['a']": "1",
		"1 < $(n) < 10": "True", "'pa' in $(text)": "True", "$(n) is None": "False", "math.sqrt(16)": "4.0", "math.floor(-1.5)": "-2", "math.pi > 3": "True",
		"re.sub('a', 'o', $(text))": "spom", "re.match('x', $(text)) is None": "True", "pow(2, 10)": "1024", "{'k': $(n)}": `{"k":7}`, "10 ** -1": "0.1",
		"median($(list))": "2.0", "percentile([10,20,30], 50)": "20.0", "mean([1,2])": "1.5", "7 // 2.0": "3.0", "abs(-5)": "5", "not 0": "True", "'a' * 3": "aaa",
		"9007199254740993 / 1": "9007199254740992.0", "math.gcd(12, 18)": "6", "len('Grüße')": "5",
		"round(1250, -2)": "1200", "round(1350, -2)": "1400", "round(-1250, -2)": "-1200", "round(7, -5)": "0", "round(50, -2)": "0", "round(51, -2)": "100", "round(7, 2)": "7",
		"int(1e20)": "100000000000000000000", "int(-4611686018427387904.0)": "-4611686018427387904",
	} {
		c, err := ParseCalc(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := c.Evaluator().Eval(calcEvent(t), nil)
		if err != nil || v.Text() != want {
			t.Errorf("%s is %s (%v), want %s", text, v.Text(), err, want)
		}
	}
}

func TestCalculationsAreStrict(t *testing.T) {
	for text, want := range map[string]error{
		"$(nope) + 1": ErrMissing, "$(text) + 1": errTypes, "1 / 0": errZero, "7 % 0": errZero, "$(text) > 1": errTypes, "len(5)": errTypes,
		"math.sqrt(-1)": errRange, "2 ** 100000000": errTooLong, "'x' * 100000000": errTypes, "5 .upper()": nil, "int('x')": errNoNumber,
		"[[[x for x in $(list)] for y in $(list)] for z in $(text)]": errTypes, "math.factorial(100000)": errTooLong,
	} {
		c, err := ParseCalc(text)
		if want == nil {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, err := c.Evaluator().Eval(calcEvent(t), nil); !errors.Is(err, want) {
			t.Errorf("%s is %s with error %v, want %v", text, v.Text(), err, want)
		}
	}
}

func TestCalculationsAreCheckedWhenLoaded(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "1 +": "", "os.system('x')": "unknown name os", "lambda: 1": "lambda", "x + 1": "write $(x)", "__import__('os')": "not allowed", "foo(1)": "unknown function foo",
		"[x for x in $(list)] + x": "unknown name x", "$(a": "",
	} {
		if _, err := ParseCalc(text); err == nil || !strings.Contains(err.Error()+hintOf(err), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func hintOf(err error) string {
	var s *SyntaxError
	if errors.As(err, &s) {
		return s.Hint
	}
	return ""
}

func TestMissingFieldsMayCountAsAValue(t *testing.T) {
	c, err := ParseCalc("$(nope) + 1")
	if err != nil {
		t.Fatal(err)
	}
	zero := event.Int(0)
	if v, err := c.Evaluator().Eval(calcEvent(t), &zero); err != nil || v.Text() != "1" {
		t.Error(v.Text(), err)
	}
}

func TestFunctionsCanBeCalledFromOutside(t *testing.T) {
	for _, c := range []struct {
		name string
		args []event.Value
		want string
	}{
		{"math.ceil", []event.Value{event.Float(12.3)}, "13"},
		{"round", []event.Value{event.Float(2.567), event.Int(1)}, "2.6"},
		{"pow", []event.Value{event.Int(2), event.Int(100)}, "1267650600228229401496703205376"},
		{"median", []event.Value{event.ListOf(event.Int(1), event.Int(9))}, "5.0"},
	} {
		if v, err := Function(c.name, c.args...); err != nil || v.Text() != c.want {
			t.Errorf("%s gives %s, %v, want %s", c.name, v.Text(), err, c.want)
		}
	}
	for name, args := range map[string][]event.Value{
		"math.sqrt": {event.String("x")}, "math.floor": nil, "pow": {event.Int(1)}, "math.nope": {event.Int(1)}, "len": {event.String("x")},
	} {
		if v, err := Function(name, args...); err == nil {
			t.Errorf("%s(%v) gives %s", name, args, v.Text())
		}
	}
	if list := Functions(); !slices.Contains(list, "math.sqrt") || !slices.Contains(list, "round") {
		t.Errorf("the functions are %v", list)
	}
}
