package option_test

import (
	"strings"
	"testing"
	"time"

	"gambolputty/actor/option"
)

type family struct {
	Size int `opt:"size" min:"1" max:"10" doc:"Sheep."`
}

type flock struct {
	Given option.Given
	family
	Name    string            `opt:"name" required:"true"`
	Every   time.Duration     `opt:"every" min:"0s"`
	Timeout time.Duration     `opt:"millis" unit:"ms"`
	Rate    float64           `opt:"rate"`
	Flies   bool              `opt:"flies"`
	Limit   *int              `opt:"limit"`
	Colour  string            `opt:"colour" enum:"black|white"`
	Words   []string          `opt:"words" old:"texts"`
	Mode    string            `opt:"mode" kinds:"integer" null:"true"`
	Labels  map[string]string `opt:"labels"`
	Key     string            `opt:"key" secret:"true"`
	Old     string            `opt:"new" old:"former" deprecated:"true"`
	Nothing string
}

func scalar(k option.Kind, text string) *option.Value {
	return &option.Value{Kind: k, Text: text, Position: option.Position{Line: 1, Column: 5}}
}

func text(s string) *option.Value { return scalar(option.String, s) }

func mapOf(pairs ...any) *option.Value {
	m := &option.Value{Kind: option.Map}
	for i := 0; i < len(pairs); i += 2 {
		m.Pairs = append(m.Pairs, option.Pair{Key: text(pairs[i].(string)), Value: pairs[i+1].(*option.Value)})
	}
	return m
}

func list(items ...*option.Value) *option.Value {
	return &option.Value{Kind: option.List, Items: items}
}

func TestDecodeFillsEveryKindOfOption(t *testing.T) {
	o := flock{Colour: "white"}
	faults := option.Decode(mapOf(
		"name", text("Harold"), "size", scalar(option.Integer, "0x0a"), "every", text("90s"),
		"millis", scalar(option.Integer, "1500"), "rate", scalar(option.Integer, "2"), "flies", scalar(option.Boolean, "yes"),
		"limit", scalar(option.Integer, "7"), "texts", text("baa"), "mode", scalar(option.Integer, "0644"),
		"labels", mapOf("a", text("b")),
	), &o)
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	if o.Name != "Harold" || o.Size != 10 || o.Every != 90*time.Second || o.Timeout != 1500*time.Millisecond || o.Rate != 2 ||
		!o.Flies || *o.Limit != 7 || o.Words[0] != "baa" || o.Mode != "0644" || o.Labels["a"] != "b" || o.Colour != "white" {
		t.Errorf("got %+v", o)
	}
	if !o.Given["words"] || o.Given["colour"] {
		t.Errorf("given is %v", o.Given)
	}
}

func TestDecodeReportsWhatDoesNotFit(t *testing.T) {
	cases := map[string]struct {
		key   string
		value *option.Value
		code  option.Code
		text  string
	}{
		"unknown":            {"nmae", text("x"), option.Unknown, `did you mean "name"?`},
		"number for a text":  {"name", scalar(option.Integer, "5"), option.WrongType, "quote it: '5'"},
		"text for a number":  {"size", text("5"), option.WrongType, `must be integer, got string "5"`},
		"boolean for number": {"size", scalar(option.Boolean, "True"), option.WrongType, "got boolean True"},
		"float for integer":  {"size", scalar(option.Float, "1.5"), option.WrongType, "must be integer"},
		"too big":            {"size", scalar(option.Integer, "11"), option.OutOfRange, "between 1 and 10, got 11"},
		"beyond 64 bits":     {"size", scalar(option.Integer, "99999999999999999999"), option.OutOfRange, "64 bits"},
		"negative duration":  {"every", text("-1s"), option.OutOfRange, "at least 0s"},
		"bad duration":       {"every", text("soon"), option.WrongType, "such as 500ms"},
		"not in the enum":    {"colour", text("blck"), option.NotAllowed, `did you mean "black"?`},
		"map for a list":     {"words", mapOf(), option.WrongType, "must be list"},
		"null":               {"name", scalar(option.Null, ""), option.Required, "missing"},
		"wrong item":         {"words", list(scalar(option.Integer, "1")), option.WrongType, "must be string"},
		"wrong label":        {"labels", mapOf("a", list()), option.WrongType, "labels.a: must be string"},
		"former name":        {"former", text("x"), option.OldName, "write new"},
		"secret in the file": {"key", text("hunter2"), option.PlainSecret, "environment variable"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := mapOf(c.key, c.value)
			if c.key != "name" {
				m.Pairs = append(m.Pairs, option.Pair{Key: text("name"), Value: text("Harold")})
			}
			faults := option.Decode(m, &flock{})
			if len(faults) != 1 {
				t.Fatalf("got %v", faults)
			}
			if f := faults[0]; f.Code != c.code || !strings.Contains(f.Error(), c.text) {
				t.Errorf("got %s %s, want %s with %q", f.Code, f, c.code, c.text)
			}
		})
	}
}

func TestSecretsAreNotRepeatedInFaults(t *testing.T) {
	for _, f := range option.Decode(mapOf("name", text("x"), "key", scalar(option.Integer, "4711")), &flock{}) {
		if strings.Contains(f.Error(), "4711") {
			t.Error(f)
		}
	}
}

func TestFieldsTellTypeAndDefault(t *testing.T) {
	got := map[string]option.Field{}
	for _, f := range option.Fields(&flock{Every: 10 * time.Second, Colour: "white", Key: "x", Old: "a b"}) {
		got[f.Name] = f
	}
	for name, want := range map[string][2]string{
		"size": {"integer", "0"}, "every": {"duration", "10s"}, "limit": {"integer", "null"}, "words": {"list of string", "[]"},
		"mode": {"string or integer", "null"}, "key": {"string", "***"}, "new": {"string", "'a b'"}, "labels": {"map of string", "{}"}, "name": {"string", ""},
	} {
		if f := got[name]; f.Type != want[0] || f.Default != want[1] {
			t.Errorf("%s is %s with default %s, want %v", name, f.Type, f.Default, want)
		}
	}
}

func TestNearestFindsTypingMistakes(t *testing.T) {
	names := []string{"pretty_print", "format", "source_field"}
	for given, want := range map[string]string{
		"pretty_prnt": "pretty_print", "fromat": "format", "Source-Field": "source_field", "swallow": "", "": "",
	} {
		if got := option.Nearest(given, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", given, got, want)
		}
	}
}
