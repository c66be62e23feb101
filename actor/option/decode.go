package option

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Decode fills options structs from a map, each from the keys it knows; a struct may
// already hold defaults. A nil value and null leave everything as it is. It returns all
// faults: unknown keys, missing ones, and values that do not fit. Whoever wants a struct
// checked as a whole calls its Validate afterwards.
func Decode(v *Value, into ...any) []*Fault {
	d := &decoding{}
	if v != nil && v.Kind != Null && v.Kind != Map {
		return []*Fault{v.Wrong("map")}
	}
	known := map[string]*target{}
	var names []string
	var all []*target
	for _, opts := range into {
		for _, f := range Fields(opts) {
			t := &target{Field: f, owner: opts, to: reflect.ValueOf(opts).Elem().FieldByIndex(f.index)}
			all = append(all, t)
			names = append(names, f.Name)
			known[f.Name] = t
			for _, a := range f.Aliases {
				known[a] = t
			}
		}
	}
	if v != nil {
		d.pairs(v, known, names)
	}
	for _, t := range all {
		if t.Required && (t.value == nil || t.value.Kind == Null) {
			f := &Fault{Code: Required, Option: t.Name, Message: "required option is missing"}
			if v != nil {
				f.Position = v.Position
			}
			d.faults = append(d.faults, f)
		}
	}
	for _, opts := range into {
		setGiven(reflect.ValueOf(opts).Elem(), opts, all)
	}
	return d.faults
}

// target is an option and where its value goes.
type target struct {
	Field
	owner any // the struct it belongs to
	to    reflect.Value
	value *Value // once it was given
	as    string // the spelling that was used
}

type decoding struct{ faults []*Fault }

func setGiven(v reflect.Value, owner any, all []*target) {
	given := Given{}
	for _, t := range all {
		if t.owner == owner && t.value != nil {
			given[t.Name] = true
		}
	}
	for i := range v.NumField() {
		if v.Field(i).Type() == reflect.TypeFor[Given]() {
			v.Field(i).Set(reflect.ValueOf(given))
		}
	}
}

func (d *decoding) pairs(v *Value, known map[string]*target, names []string) {
	for _, p := range v.Pairs {
		t := known[p.Key.Text]
		switch {
		case t == nil:
			d.unknown(p.Key, names)
			continue
		case t.value != nil:
			d.add(p.Key.Faultf(Contradiction, "%s is another name of %s, which is given too", p.Key.Text, t.as), p.Key.Text)
			continue
		}
		t.value, t.as = p.Value, p.Key.Text
		if t.Deprecated && t.as != t.Name {
			f := p.Key.Faultf(OldName, "%s is a former name", t.as)
			f.Hint = "write " + t.Name
			d.add(f, t.as)
		}
		d.option(t)
	}
}

func (d *decoding) unknown(key *Value, names []string) {
	f := key.Faultf(Unknown, "unknown option %q", key.Text)
	if near := Nearest(key.Text, names); near != "" {
		f.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	d.add(f, key.Text)
}

// add notes a fault of an option.
func (d *decoding) add(f *Fault, name string) {
	if f.Option == "" {
		f.Option = name
	} else if f.Option != name {
		f.Option = name + "." + f.Option
	}
	d.faults = append(d.faults, f)
}

func (d *decoding) option(t *target) {
	v := t.value
	if t.Secret {
		if v.Kind == String && v.Text != "" && !v.FromEnv {
			d.add(v.Faultf(PlainSecret, "the secret stands in the file as plain text; it is safer in an environment variable, as in ${NAME}"), t.Name)
		}
		masked := *v
		masked.Text = "***"
		if v.Kind != String && v.Kind != Null {
			v = &masked
		}
	}
	if t.nullable && t.to.Type() != reflect.TypeFor[*Value]() && (v.Kind == Null || v.Kind == Boolean && !v.Truth() && !takesBool(t.to.Type())) {
		t.to.SetZero()
		return
	}
	if v.Kind == Null && t.Required {
		return // reported as missing
	}
	for _, f := range d.value(v, t.to, &t.Field) {
		d.add(f, t.Name)
	}
}

func takesBool(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Bool
}

// value decodes v into to, obeying the tags in f.
func (d *decoding) value(v *Value, to reflect.Value, f *Field) []*Fault {
	if to.Type() == reflect.TypeFor[*Value]() {
		to.Set(reflect.ValueOf(v))
		return nil
	}
	if to.Kind() == reflect.Pointer && !to.Type().Implements(decoder) {
		if v.Kind == Null {
			to.SetZero()
			return nil
		}
		to.Set(reflect.New(to.Type().Elem()))
		return d.value(v, to.Elem(), f)
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		faults := placed(v, Faults(to.Interface().(Decoder).DecodeOption(v), WrongType))
		for _, one := range faults {
			if !one.Code.IsWarning() {
				to.SetZero() // nobody shall use half a value
			}
		}
		return faults
	}
	switch x := to.Addr().Interface().(type) {
	case Decoder:
		return placed(v, Faults(x.DecodeOption(v), WrongType))
	case encoding.TextUnmarshaler:
		return decodeText(v, x, f)
	}
	if to.Type() == duration {
		return decodeDuration(v, to, f)
	}
	switch to.Kind() {
	case reflect.Slice:
		return d.list(v, to, f)
	case reflect.Map:
		return d.mapping(v, to, f)
	case reflect.Struct:
		return Decode(v, to.Addr().Interface())
	}
	return decodeScalar(v, to, f)
}

// placed gives faults without a place that of the value.
func placed(v *Value, faults []*Fault) []*Fault {
	for _, f := range faults {
		if f.Line == 0 {
			f.Position = v.Position
		}
	}
	return faults
}

func decodeText(v *Value, x encoding.TextUnmarshaler, f *Field) []*Fault {
	if v.Kind != String && !f.takes(v.Kind) {
		return []*Fault{v.Wrong("string")}
	}
	if err := x.UnmarshalText([]byte(v.Text)); err != nil {
		return placed(v, Faults(err, WrongType))
	}
	return nil
}

// takes reports whether a string option takes values of kind k as text.
func (f *Field) takes(k Kind) bool {
	for _, name := range f.kinds {
		if name == k.String() {
			return true
		}
	}
	return false
}

func (d *decoding) list(v *Value, to reflect.Value, f *Field) []*Fault {
	items := v.Items
	if v.Kind != List {
		if f.strict || v.Kind == Map && !isOptions(to.Type().Elem()) || v.Kind == Null {
			return []*Fault{v.Wrong("list")}
		}
		items = []*Value{v}
	}
	list := reflect.MakeSlice(to.Type(), len(items), len(items))
	var faults []*Fault
	for i, item := range items {
		faults = append(faults, d.value(item, list.Index(i), f)...)
	}
	to.Set(list)
	return faults
}

// isOptions reports whether a type is a struct of options, written as a map.
func isOptions(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Struct && !p.Implements(decoder) && !p.Implements(unmarshaler)
}

func (d *decoding) mapping(v *Value, to reflect.Value, f *Field) []*Fault {
	if v.Kind != Map {
		return []*Fault{v.Wrong("map")}
	}
	m := reflect.MakeMapWithSize(to.Type(), len(v.Pairs))
	var faults []*Fault
	for _, p := range v.Pairs {
		item := reflect.New(to.Type().Elem()).Elem()
		for _, one := range d.value(p.Value, item, f) {
			one.Option = strings.TrimSuffix(p.Key.Text+"."+one.Option, ".")
			faults = append(faults, one)
		}
		m.SetMapIndex(reflect.ValueOf(p.Key.Text), item)
	}
	to.Set(m)
	return faults
}

func decodeScalar(v *Value, to reflect.Value, f *Field) []*Fault {
	switch to.Kind() {
	case reflect.Bool:
		if v.Kind != Boolean {
			return []*Fault{v.Wrong("boolean")}
		}
		to.SetBool(v.Truth())
		return nil
	case reflect.String:
		if v.Kind != String && !f.takes(v.Kind) && !(v.FromEnv && v.Kind != Null) {
			return []*Fault{v.Wrong("string")}
		}
		to.SetString(v.Text)
		return f.allowed(v)
	case reflect.Float64:
		n, err := ParseFloat(v.Text)
		if err != nil || v.Kind != Float && v.Kind != Integer {
			return []*Fault{v.Wrong("float")}
		}
		to.SetFloat(n)
		return f.inRange(v, n, ParseFloat)
	}
	if v.Kind != Integer {
		return []*Fault{v.Wrong("integer")}
	}
	n, err := ParseInt(v.Text)
	if err != nil {
		return []*Fault{v.Faultf(OutOfRange, "must be an integer of at most 64 bits, got %s", v.Text)}
	}
	to.SetInt(n)
	return f.inRange(v, float64(n), ParseFloat)
}

// allowed checks text against the values of an enum.
func (f *Field) allowed(v *Value) []*Fault {
	if f.Enum == nil {
		return nil
	}
	for _, one := range f.Enum {
		if one == v.Text {
			return nil
		}
	}
	fault := v.Faultf(NotAllowed, "must be one of %s, got %q", strings.Join(f.Enum, ", "), v.Text)
	if near := Nearest(v.Text, f.Enum); near != "" {
		fault.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return []*Fault{fault}
}

func (f *Field) inRange(v *Value, n float64, parse func(string) (float64, error)) []*Fault {
	low, high := math.Inf(-1), math.Inf(1)
	if f.Min != "" {
		low, _ = parse(f.Min) // the tags are part of the program
	}
	if f.Max != "" {
		high, _ = parse(f.Max)
	}
	if n >= low && n <= high {
		return nil
	}
	switch {
	case f.Max == "":
		return []*Fault{v.Faultf(OutOfRange, "must be at least %s, got %s", f.Min, v.Text)}
	case f.Min == "":
		return []*Fault{v.Faultf(OutOfRange, "must be at most %s, got %s", f.Max, v.Text)}
	}
	return []*Fault{v.Faultf(OutOfRange, "must be between %s and %s, got %s", f.Min, f.Max, v.Text)}
}

func decodeDuration(v *Value, to reflect.Value, f *Field) []*Fault {
	unit := time.Second
	if f.unit == "ms" {
		unit = time.Millisecond
	}
	t, ok := parseDuration(v, unit)
	if !ok {
		return []*Fault{v.Wrong("number of " + map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}[unit] + " or a duration such as 500ms, 10s or 5m")}
	}
	to.SetInt(int64(t))
	return f.inRange(v, float64(t), func(s string) (float64, error) {
		d, err := time.ParseDuration(s)
		return float64(d), err
	})
}

func parseDuration(v *Value, unit time.Duration) (time.Duration, bool) {
	switch v.Kind {
	case Integer, Float:
		n, err := ParseFloat(v.Text)
		n *= float64(unit)
		return time.Duration(n), err == nil && math.Abs(n) < math.MaxInt64
	case String:
		d, err := time.ParseDuration(strings.TrimSpace(v.Text))
		return d, err == nil
	}
	return 0, false
}

// ParseInt reads an integer as YAML writes it: decimal, octal with a leading 0 or 0o,
// hexadecimal with 0x, binary with 0b, with or without underscores.
func ParseInt(s string) (int64, error) {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "+"), "_", "")
	n, err := strconv.ParseInt(s, 0, 64)
	if errors.Is(err, strconv.ErrSyntax) { // such as 089, which is no octal number
		return strconv.ParseInt(s, 10, 64)
	}
	return n, err
}

// ParseFloat reads a number as YAML writes it.
func ParseFloat(s string) (float64, error) {
	switch strings.ToLower(strings.TrimPrefix(s, "+")) {
	case ".inf":
		return math.Inf(1), nil
	case "-.inf":
		return math.Inf(-1), nil
	case ".nan":
		return math.NaN(), nil
	}
	if n, err := ParseInt(s); err == nil {
		return float64(n), nil
	}
	return strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
}
