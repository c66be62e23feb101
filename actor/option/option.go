// Package option is the neutral form of what stands in a configuration: a tree of values
// that know their place in the file, and the faults that are found in them. It knows
// nothing of YAML, so that a module can decode an option of its own without knowing what
// the file was written in.
package option

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the type of a value as the operator wrote it.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Boolean
	Integer
	Float
	String
	List
	Map
)

// String names the kind as messages do.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "integer", "float", "string", "list", "map"}[k]
}

// Position is a place in a file. Lines and columns count from 1, columns in characters.
// The zero Position means that the place is not known.
type Position struct {
	File         string
	Line, Column int
}

// Value is one node of the configuration.
type Value struct {
	Position
	Kind Kind
	// Text is the scalar as it stands in the file, quotes and escapes resolved and
	// environment variables replaced; it is empty for lists and maps.
	Text string
	// Items are the items of a list.
	Items []*Value
	// Pairs are the entries of a map in file order.
	Pairs []Pair

	// Inner maps a byte offset in Text to its place in the file. It is nil where text and
	// file differ, as in block scalars and after escapes; then the place of the value is
	// the best there is.
	Inner func(offset int) Position

	// FromEnv is set when Text holds the value of an environment variable.
	FromEnv bool
}

// Pair is one entry of a map.
type Pair struct {
	Key, Value *Value
}

// Get returns the value of the entry with the given key, or nil.
func (v *Value) Get(key string) *Value {
	for _, p := range v.Pairs {
		if p.Key.Text == key {
			return p.Value
		}
	}
	return nil
}

// OneOrMore returns the items of a list. A string alone is a list of one; ok is false for
// everything else.
func (v *Value) OneOrMore() (items []*Value, ok bool) {
	switch v.Kind {
	case String:
		return []*Value{v}, true
	case List:
		return v.Items, true
	}
	return nil, false
}

// Truth returns the value of a boolean.
func (v *Value) Truth() bool {
	switch strings.ToLower(v.Text) {
	case "true", "yes", "on":
		return true
	}
	return false
}

// At returns the place of a byte offset inside a scalar, as far as it is known. A
// negative offset means the value itself.
func (v *Value) At(offset int) Position {
	if v.Inner == nil || offset < 0 {
		return v.Position
	}
	return v.Inner(offset)
}

// Decoder is implemented by option types that read a value themselves. The error is a
// *Fault or several joined; a Fault without a place gets that of the value.
type Decoder interface {
	DecodeOption(v *Value) error
}

// Code identifies a kind of fault, such as E014.
type Code string

// The codes a module may report itself.
const (
	Unknown       Code = "E013"
	WrongType     Code = "E014"
	NotAllowed    Code = "E015"
	Required      Code = "E016"
	OutOfRange    Code = "E017"
	Filter        Code = "E029"
	FilterName    Code = "E030"
	Regex         Code = "E031"
	Dynamic       Code = "E032"
	Unreadable    Code = "E036"
	Contradiction Code = "E038"
	Source        Code = "E041"

	// The codes of warnings begin with a W.
	ConstantFilter Code = "W108"
	OldName        Code = "W111"
	LogstashRef    Code = "W113"
	PlainSecret    Code = "W114"
	Unseen         Code = "W119"
)

// IsWarning reports whether a fault with the code leaves the configuration usable.
func (c Code) IsWarning() bool { return len(c) > 0 && c[0] == 'W' }

// Fault is something wrong with an option.
type Fault struct {
	Position
	Code Code
	// Option is the path of the option, as in field_extraction_patterns.access. A decoder
	// names only what lies below its own option.
	Option string
	// Message says what was given and what is allowed, without the name of the option.
	Message string
	// Hint says what to write instead, if anything comes to mind.
	Hint string
}

// Error gives the message with its hint.
func (f *Fault) Error() string {
	text := f.Message
	if f.Option != "" {
		text = f.Option + ": " + text
	}
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return text
}

// Faultf makes a fault at v.
func (v *Value) Faultf(code Code, format string, args ...any) *Fault {
	return &Fault{Position: v.Position, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrong makes the fault for a value of another type than wanted.
func (v *Value) Wrong(wanted string) *Fault {
	f := v.Faultf(WrongType, "must be %s, got %s", wanted, v.Describe())
	if v.Kind == Integer || v.Kind == Float || v.Kind == Boolean {
		if wanted == "string" {
			f.Hint = fmt.Sprintf("quote it: '%s'", v.Text)
		}
	}
	return f
}

// Describe names type and content of v for a message.
func (v *Value) Describe() string {
	switch v.Kind {
	case Null, List, Map:
		return "a " + v.Kind.String()
	case String:
		return fmt.Sprintf("string %q", v.Text)
	}
	return v.Kind.String() + " " + v.Text
}

// Faults takes an error of a Decoder or a Validate method apart. What is no *Fault is
// given code.
func Faults(err error, code Code) []*Fault {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Fault
		for _, e := range j.Unwrap() {
			all = append(all, Faults(e, code)...)
		}
		return all
	}
	var f *Fault
	if errors.As(err, &f) {
		return []*Fault{f}
	}
	return []*Fault{{Code: code, Message: err.Error()}}
}

// Given tells which options stand in the configuration, by their canonical names. A field
// of this type in an options struct is filled by the decoder.
type Given map[string]bool
