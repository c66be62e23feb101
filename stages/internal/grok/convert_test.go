package grok_test

import (
	"testing"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/grok"
)

func TestTextIsConvertedOrStaysText(t *testing.T) {
	big, _ := event.Number("18446744073709551616")
	cases := map[string]struct {
		kind, text string
		want       event.Value
	}{
		"int":                  {"int", "12", event.Int(12)},
		"integer with plus":    {"integer", "+7", event.Int(7)},
		"negative int":         {"int", "-7", event.Int(-7)},
		"int filled up":        {"int", "007", event.Int(7)},
		"int of any size":      {"int", "18446744073709551616", big},
		"huge int filled up":   {"int", "018446744073709551616", event.String("018446744073709551616")},
		"int that is a float":  {"int", "1.5", event.String("1.5")},
		"int of nothing":       {"int", "", event.String("")},
		"int with two signs":   {"int", "+-1", event.String("+-1")},
		"hexadecimal int":      {"int", "0x1f", event.String("0x1f")},
		"float":                {"float", "1.5", event.Float(1.5)},
		"float without point":  {"float", "+2", event.Float(2)},
		"float without zero":   {"float", ".5", event.Float(.5)},
		"float with exponent":  {"float", "-1e3", event.Float(-1000)},
		"float that is a word": {"float", "nan", event.String("nan")},
		"infinite float":       {"float", "Inf", event.String("Inf")},
		"too large float":      {"float", "1e999", event.String("1e999")},
		"hexadecimal float":    {"float", "0x1p4", event.String("0x1p4")},
		"true":                 {"bool", "True", event.Bool(true)},
		"no":                   {"boolean", "NO", event.Bool(false)},
		"perhaps":              {"boolean", "maybe", event.String("maybe")},
		"string":               {"string", "1", event.String("1")},
		"str":                  {"str", "1", event.String("1")},
		"no type":              {"", "1", event.String("1")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := grok.Convert(c.kind, c.text)
			if got.Kind() != c.want.Kind() || !got.Equal(c.want) {
				t.Errorf("%s %q became %s %s", c.kind, c.text, got.Kind(), got.Text())
			}
		})
	}
}

func TestConvertAllocatesNothing(t *testing.T) {
	for kind, text := range map[string]string{"int": "302", "float": "0.25", "bool": "TRUE", "string": "spam", "integer": "spam", "boolean": "spam"} {
		if n := testing.AllocsPerRun(100, func() { grok.Convert(kind, text) }); n != 0 {
			t.Errorf("%s took %v allocations", kind, n)
		}
	}
}
