package modifyfields

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// castTo prepares one of the cast_to actions.
func castTo(kind string) func(*Options) (step, error) {
	return func(o *Options) (step, error) {
		return step{change: func(m *modifier, e *event.Event) {
			for _, p := range o.SourceFields {
				o.castField(m, e, p, kind)
			}
		}}, nil
	}
}

// cast takes the type from an option, for all fields or for each of them.
func (o *Options) cast() (step, error) {
	if !o.Given["types"] && (!o.Given["type"] || !o.Given["source_fields"]) {
		return step{}, &option.Fault{Code: option.Required, Message: "action cast requires source_fields and type, or types"}
	}
	byField := map[string]string{}
	for _, p := range o.SourceFields {
		byField[p.String()] = o.Type
	}
	for name, kind := range o.Types {
		byField[name] = kind
	}
	type field struct {
		path event.Path
		kind string
	}
	var fields []field
	for name, kind := range byField {
		k, ok := kinds[kind]
		p, err := event.ParsePath(name)
		if !ok || err != nil {
			return step{}, &option.Fault{Code: option.NotAllowed, Option: "types", Message: fmt.Sprintf("%s: unknown type %q", name, kind), Hint: "types are int, float, str and bool"}
		}
		fields = append(fields, field{p, k})
	}
	return step{change: func(m *modifier, e *event.Event) {
		for _, f := range fields {
			o.castField(m, e, f.path, f.kind)
		}
	}}, nil
}

// kinds maps the spellings of a type to the one used here.
var kinds = map[string]string{
	"int": "int", "integer": "int", "float": "float", "str": "str", "string": "str", "bool": "bool", "boolean": "bool",
}

func (o *Options) castField(m *modifier, e *event.Event, p event.Path, kind string) {
	v, ok := e.Get(p)
	if !ok {
		return
	}
	out, err := convert(v, kind)
	if err == nil || errors.Is(err, errNoNumber) && o.OnCastError == "default" {
		m.set(e, p, out)
		return
	}
	switch {
	case !errors.Is(err, errNoNumber), o.OnCastError == "fault":
		m.env.Fault(e, p.String(), err)
	case o.OnCastError == "delete":
		e.Delete(p)
	}
}

var (
	errNoNumber = errors.New("the value is no number")
	errNoCast   = errors.New("lists and maps are no numbers")
)

// convert casts v. errNoNumber comes with the zero of the type.
func convert(v event.Value, kind string) (event.Value, error) {
	container := v.Kind() == event.KindList || v.Kind() == event.KindMap
	switch kind {
	case "str":
		return event.String(v.Text()), nil
	case "bool":
		return event.Bool(truth(v)), nil
	}
	if container {
		return event.Null, errNoCast
	}
	if kind == "int" {
		return toInt(v)
	}
	return toFloat(v)
}

// truth is that of Python, except that text which says no means no.
func truth(v event.Value) bool {
	if !v.IsString() {
		return v.Truth()
	}
	switch strings.ToLower(strings.TrimSpace(v.Str())) {
	case "", "false", "no", "off", "0", "n", "f", "none", "null":
		return v.Str() != "" && strings.TrimSpace(v.Str()) == ""
	}
	return true
}

func toInt(v event.Value) (event.Value, error) {
	switch v.Kind() {
	case event.KindInt, event.KindBigInt:
		return v, nil
	case event.KindBool:
		if v.Bool() {
			return event.Int(1), nil
		}
		return event.Int(0), nil
	case event.KindString:
		s := strings.TrimSpace(v.Str())
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return event.Int(n), nil
		}
		if b, ok := new(big.Int).SetString(s, 10); ok {
			return event.BigInt(b), nil
		}
	}
	f, err := toFloat(v)
	x, _ := f.Float()
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return event.Int(0), errNoNumber
	}
	whole, _ := big.NewFloat(math.Trunc(x)).Int(nil)
	return event.BigInt(whole), nil
}

func toFloat(v event.Value) (event.Value, error) {
	f, ok := v.Float()
	switch {
	case ok:
	case v.Kind() == event.KindBool:
		if v.Bool() {
			f = 1
		}
	case v.IsString():
		s := strings.TrimSpace(v.Str())
		if strings.ContainsAny(s, "xX_pP") {
			return event.Float(0), errNoNumber
		}
		var err error
		if f, err = strconv.ParseFloat(s, 64); err != nil {
			return event.Float(0), errNoNumber
		}
	default:
		return event.Float(0), errNoNumber
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return event.Float(0), errNoNumber
	}
	return event.Float(f), nil
}
