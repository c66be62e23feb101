// Package charset knows character sets by their names and converts text from and to them.
package charset

import (
	"golang.org/x/text/encoding"

	"gambolputty/actor/option"
)

// Option is the name of a character set. UTF-8, the default, means that bytes stay as
// they come.
type Option struct {
	name string
	set  encoding.Encoding
}

// UTF8 is the option that converts nothing.
var UTF8 = Option{name: "utf-8"}

// String is the name as it was given.
func (o Option) String() string { return o.name }

// OptionType describes the option in tables.
func (Option) OptionType() string { return "string" }

// DecodeOption looks the name up.
func (o *Option) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	set, ok := find(v.Text)
	if !ok {
		return v.Faultf(option.NotAllowed, "must be the name of a character set such as utf-8, iso-8859-1 or windows-1252, got %q", v.Text)
	}
	o.name, o.set = v.Text, set
	return nil
}

// Converts reports whether text has to be converted.
func (o Option) Converts() bool { return o.set != nil }

// Converter makes a function that converts text to UTF-8, for one goroutine. Without a
// need to convert it is nil.
func (o Option) Converter() func(string) string {
	if o.set == nil {
		return nil
	}
	decoder := o.set.NewDecoder()
	return func(s string) string {
		out, err := decoder.String(s)
		if err != nil {
			return s // better the bytes as they are than none
		}
		return out
	}
}
