package option

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Field describes one option of an options struct, as its tags tell.
type Field struct {
	// Name is the option as it is written, Aliases are other spellings.
	Name    string
	Aliases []string
	// Deprecated says that the aliases are former names, for which there is a warning.
	Deprecated bool
	// Type says what values look like; Doc what they mean.
	Type, Doc string
	// Default is the value of an option that is not given, as it would be written.
	Default string
	// Min and Max are bounds as text, "" for none.
	Min, Max string
	// Enum are the allowed values, if they are a list.
	Enum []string
	// Required says that the option must be given.
	Required bool
	// Secret values are never shown.
	Secret bool
	// Parts are the options in an option that is a map with names of its own.
	Parts []Field

	nullable bool
	strict   bool // a single value does not stand for a list
	unit     string
	kinds    []string
	index    []int
}

// secretName is what options are called that hold secrets, whatever else is said of them.
var secretName = regexp.MustCompile(`(?i)password|passwd|secret|token|api_key|http_auth|basic_auth|authorization`)

// SecretName reports whether an option or a key of that name seems to hold a secret.
func SecretName(name string) bool { return secretName.MatchString(name) }

// Hidden reports whether the value of the option must not be shown to anybody.
func (f Field) Hidden() bool {
	return f.Secret || SecretName(f.Name) && f.Type != "boolean" && f.Type != "integer" && f.Type != "duration"
}

// Typed is implemented by option types that tell what their values look like.
type Typed interface{ OptionType() string }

// Fields lists the options of a struct or of a pointer to one, in the order in which they
// are declared. The tags are:
//
//	opt       name in the file; fields without it are no options
//	doc       one or two sentences
//	min, max  bounds of a number or a duration
//	enum      allowed values, separated by |
//	required  the option must be given and not null
//	old       other spellings, separated by commas
//	deprecated  the other spellings are former names, which deserve a warning
//	secret    the value is never shown
//	null      null and False both mean that the option is not set
//	kinds     kinds of values that a string option takes beside strings
//	unit      unit of a bare number in a duration: s (the default) or ms
//	list      strict: a single value does not stand for a list of one
//
// The options of an embedded struct are those of the struct itself.
func Fields(opts any) []Field {
	v := reflect.Indirect(reflect.ValueOf(opts))
	if v.Kind() != reflect.Struct {
		return nil
	}
	return fieldsOf(v, nil)
}

func fieldsOf(v reflect.Value, index []int) []Field {
	var list []Field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		at := append(append([]int(nil), index...), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("opt") == "" {
			list = append(list, fieldsOf(v.Field(i), at)...)
			continue
		}
		if f.Tag.Get("opt") != "" {
			list = append(list, newField(f, v.Field(i), at))
		}
	}
	return list
}

func newField(f reflect.StructField, v reflect.Value, index []int) Field {
	d := Field{
		Name: f.Tag.Get("opt"), Doc: f.Tag.Get("doc"), Min: f.Tag.Get("min"), Max: f.Tag.Get("max"),
		Enum: split(f.Tag.Get("enum"), "|"), Aliases: split(f.Tag.Get("old"), ","),
		Deprecated: f.Tag.Get("deprecated") != "", Required: f.Tag.Get("required") != "",
		Secret: f.Tag.Get("secret") != "", nullable: f.Tag.Get("null") != "" || f.Type.Kind() == reflect.Pointer,
		strict: f.Tag.Get("list") == "strict", unit: f.Tag.Get("unit"), kinds: split(f.Tag.Get("kinds"), ","), index: index,
	}
	d.Type = typeName(f.Type, d.kinds)
	if d.Default = defaultText(v, d.nullable); d.Secret && d.Default != "" && d.Default != "null" {
		d.Default = "***"
	}
	if d.Required {
		d.Default = ""
	}
	switch t := f.Type; {
	case t.Kind() == reflect.Pointer && t.Elem() != tree && isOptions(t.Elem()):
		d.Parts = Fields(reflect.New(t.Elem()).Interface())
	case t != tree && isOptions(t):
		d.Parts = Fields(v.Interface())
	}
	return d
}

func split(s, sep string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, sep)
}

var (
	typed       = reflect.TypeFor[Typed]()
	decoder     = reflect.TypeFor[Decoder]()
	unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	duration    = reflect.TypeFor[time.Duration]()
	tree        = reflect.TypeFor[Value]()
)

func typeName(t reflect.Type, kinds []string) string {
	switch {
	case reflect.PointerTo(t).Implements(typed):
		return reflect.New(t).Interface().(Typed).OptionType()
	case t == duration:
		return "duration"
	case t == tree, reflect.PointerTo(t).Implements(decoder):
		return "any"
	case reflect.PointerTo(t).Implements(unmarshaler):
		return "string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem(), kinds)
	case reflect.Slice:
		return "list of " + typeName(t.Elem(), kinds)
	case reflect.Map:
		return "map of " + typeName(t.Elem(), kinds)
	case reflect.Struct:
		return "map"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "float"
	}
	return strings.Join(append([]string{"string"}, kinds...), " or ")
}

// defaultText writes a default as it would stand in a file.
func defaultText(v reflect.Value, nullable bool) string {
	if nullable && v.IsZero() {
		return "null"
	}
	if v.Kind() == reflect.Pointer {
		return defaultText(v.Elem(), false)
	}
	if v.Kind() == reflect.Struct && v.IsZero() {
		return ""
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return durationText(x)
	case interface{ Source() string }:
		return quote(x.Source())
	case fmt.Stringer:
		return quote(x.String())
	case encoding.TextMarshaler:
		b, _ := x.MarshalText() // a default that cannot be written has no text
		return quote(string(b))
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Bool:
		if v.Bool() {
			return "True"
		}
		return "False"
	case reflect.Slice, reflect.Map:
		return listText(v)
	case reflect.Struct:
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func listText(v reflect.Value) string {
	if v.Kind() == reflect.Map {
		if v.Len() == 0 {
			return "{}"
		}
		return fmt.Sprint(v.Interface())
	}
	items := make([]string, v.Len())
	for i := range items {
		items[i] = defaultText(v.Index(i), false)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func durationText(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	return d.String()
}

// quote puts quotes around text that would not be read back as the same text without.
func quote(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && r != '.' && r != '-' && r != '/' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z')
	}) < 0
	if plain && strings.IndexByte("0123456789-.", s[0]) < 0 {
		return s
	}
	return "'" + strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s) + "'"
}
