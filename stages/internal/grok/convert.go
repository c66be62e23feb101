package grok

import (
	"strconv"
	"strings"

	"gambolputty/actor/event"
)

// converts reports whether Convert knows a type.
func converts(kind string) bool {
	switch kind {
	case "int", "integer", "float", "str", "string", "bool", "boolean":
		return true
	}
	return false
}

// Convert makes a value of a text: a number for the types int, integer and float, a truth
// value for bool and boolean, and text for all others. A text that cannot be read as what
// it should be stays text.
func Convert(kind, text string) event.Value {
	switch kind {
	case "int", "integer":
		if v, ok := integer(text); ok {
			return v
		}
	case "float":
		if f, ok := decimal(text); ok {
			return event.Float(f)
		}
	case "bool", "boolean":
		if b, ok := truth(text); ok {
			return event.Bool(b)
		}
	}
	return event.String(text)
}

func integer(text string) (event.Value, bool) {
	digits, plus := strings.CutPrefix(text, "+")
	if plus && strings.HasPrefix(digits, "-") {
		return event.Null, false
	}
	v, ok := event.Number(digits)
	// Beyond 64 bits a number is kept as it is written, and JSON knows no zeros in front.
	filled := strings.HasPrefix(strings.TrimPrefix(digits, "-"), "0")
	return v, ok && (v.Kind() == event.KindInt || v.Kind() == event.KindBigInt && !filled)
}

// decimal reads a number, but no words such as nan, which outputs could not write.
func decimal(text string) (f float64, ok bool) {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

func truth(text string) (value, ok bool) {
	for _, word := range [...]string{"true", "yes", "on", "1"} {
		if strings.EqualFold(text, word) {
			return true, true
		}
	}
	for _, word := range [...]string{"false", "no", "off", "0"} {
		if strings.EqualFold(text, word) {
			return false, true
		}
	}
	return false, false
}
