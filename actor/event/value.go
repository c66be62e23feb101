package event

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unsafe"
)

// Kind tells what a Value holds.
type Kind uint8

// The kinds of values. BigInt and Decimal keep the digits as they were written: an
// integer beyond 64 bits, and a fraction that nobody has calculated with yet.
const (
	KindNull Kind = iota
	KindString
	KindInt
	KindFloat
	KindBool
	KindBigInt
	KindDecimal
	KindList
	KindMap
)

// String names the kind as messages to an operator do.
func (k Kind) String() string {
	switch k {
	case KindNull:
		return "null"
	case KindString:
		return "string"
	case KindInt, KindBigInt:
		return "integer"
	case KindFloat, KindDecimal:
		return "float"
	case KindBool:
		return "boolean"
	case KindList:
		return "list"
	}
	return "map"
}

// Value is one field value in 16 bytes. The zero Value is null. Strings are bytes as
// they came, valid UTF-8 or not. Values are copied freely; lists and maps in them are
// shared by the copies and must be changed through their Event only.
type Value struct {
	p unsafe.Pointer // text, list or map; or one of the marks below
	n uint64         // length and kind; or the number itself
}

// The addresses of these marks say that all 64 bits of n are payload.
var markInt, markFloat, markBool byte

const (
	kindShift = 56
	lenMask   = 1<<kindShift - 1
)

// Null is the null value.
var Null Value

// String makes a string value. It points at the bytes of s and copies nothing.
func String(s string) Value { return text(s, KindString) }

// Int makes an integer value.
func Int(i int64) Value { return Value{unsafe.Pointer(&markInt), uint64(i)} }

// Float makes a floating point value.
func Float(f float64) Value { return Value{unsafe.Pointer(&markFloat), math.Float64bits(f)} }

// Bool makes a boolean value.
func Bool(b bool) Value {
	if b {
		return Value{unsafe.Pointer(&markBool), 1}
	}
	return Value{unsafe.Pointer(&markBool), 0}
}

// BigInt makes an integer value of any size.
func BigInt(i *big.Int) Value {
	if i.IsInt64() {
		return Int(i.Int64())
	}
	return text(i.String(), KindBigInt)
}

// Number makes a number of its JSON text: an integer of any size, or a fraction whose
// digits are kept until somebody calculates with it. ok is false if s is no number.
func Number(s string) (v Value, ok bool) {
	if isInteger(s) {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return Int(i), true
		}
		return text(s, KindBigInt), true
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || strings.ContainsAny(digits, "xX_") {
		return Null, false
	}
	if f, err := strconv.ParseFloat(s, 64); err != nil && !math.IsInf(f, 0) {
		return Null, false
	}
	return text(s, KindDecimal), true
}

func isInteger(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return digits != ""
}

// ListOf makes a list value of the items, which it keeps.
func ListOf(items ...Value) Value { return listValue(&List{items: items}) }

// MapOf makes a map value of m.
func MapOf(m *Map) Value { return Value{unsafe.Pointer(m), uint64(KindMap) << kindShift} }

func listValue(l *List) Value {
	return Value{unsafe.Pointer(l), uint64(KindList) << kindShift}
}

func text(s string, k Kind) Value {
	return Value{unsafe.Pointer(unsafe.StringData(s)), uint64(len(s)) | uint64(k)<<kindShift}
}

// Kind returns what v holds.
func (v Value) Kind() Kind {
	switch v.p {
	case unsafe.Pointer(&markInt):
		return KindInt
	case unsafe.Pointer(&markFloat):
		return KindFloat
	case unsafe.Pointer(&markBool):
		return KindBool
	}
	return Kind(v.n >> kindShift)
}

// IsString reports whether v is a string.
func (v Value) IsString() bool { return v.Kind() == KindString }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.p == nil && v.n == 0 }

// IsNumber reports whether v is an integer or a float of any form.
func (v Value) IsNumber() bool {
	switch v.Kind() {
	case KindInt, KindFloat, KindBigInt, KindDecimal:
		return true
	}
	return false
}

// Str returns the string of a string value, and "" for any other kind.
func (v Value) Str() string {
	if v.Kind() != KindString {
		return ""
	}
	return v.raw()
}

// raw returns the text behind a string, big integer or decimal.
func (v Value) raw() string { return unsafe.String((*byte)(v.p), v.n&lenMask) }

// Bool returns the truth of a boolean value, and false for any other kind.
func (v Value) Bool() bool { return v.Kind() == KindBool && v.n != 0 }

// Int returns the integer of v if it is one that fits 64 bits.
func (v Value) Int() (i int64, ok bool) {
	if v.Kind() != KindInt {
		return 0, false
	}
	return int64(v.n), true
}

// Big returns the integer of v, whatever its size.
func (v Value) Big() (*big.Int, bool) {
	switch v.Kind() {
	case KindInt:
		return big.NewInt(int64(v.n)), true
	case KindBigInt:
		return new(big.Int).SetString(v.raw(), 10)
	}
	return nil, false
}

// Float returns the number in v as a float, rounded where an integer has more digits
// than a float can hold.
func (v Value) Float() (f float64, ok bool) {
	switch v.Kind() {
	case KindInt:
		return float64(int64(v.n)), true
	case KindFloat:
		return math.Float64frombits(v.n), true
	case KindBigInt, KindDecimal:
		f, err := strconv.ParseFloat(v.raw(), 64)
		return f, err == nil || math.IsInf(f, 0)
	}
	return 0, false
}

// Map returns the map in v, or nil.
func (v Value) Map() *Map {
	if v.Kind() != KindMap {
		return nil
	}
	return (*Map)(v.p)
}

// List returns the list in v, or nil.
func (v Value) List() *List {
	if v.Kind() != KindList {
		return nil
	}
	return (*List)(v.p)
}

// Truth is the truth of v as Python sees it: null, False, 0, "", [] and {} are false.
func (v Value) Truth() bool {
	switch v.Kind() {
	case KindNull:
		return false
	case KindString:
		return v.n&lenMask != 0
	case KindInt, KindBool:
		return v.n != 0
	case KindFloat, KindDecimal:
		f, _ := v.Float()
		return f != 0
	case KindList:
		return v.List().Len() > 0
	case KindMap:
		return v.Map().Len() > 0
	}
	return true // a big integer is never 0
}

// Clone copies v with all it holds, text included, so that nothing of the event or the
// read buffer it came from is kept alive.
func (v Value) Clone() Value {
	switch k := v.Kind(); k {
	case KindString, KindBigInt, KindDecimal:
		return text(strings.Clone(v.raw()), k)
	case KindList:
		items := make([]Value, v.List().Len())
		for i := range items {
			items[i] = v.List().At(i).Clone()
		}
		return ListOf(items...)
	case KindMap:
		m := NewMap(v.Map().Len())
		for _, f := range v.Map().fields {
			m.fields = append(m.fields, Field{f.Key, f.Value.Clone()})
		}
		return MapOf(m)
	}
	return v
}

// Equal compares by value: integers and floats with each other, booleans as 0 and 1,
// lists and maps in depth; a string never equals a number.
func (v Value) Equal(o Value) bool {
	a, b := v.Kind(), o.Kind()
	switch {
	case a == KindString && b == KindString:
		return v.raw() == o.raw()
	case a == KindNull || b == KindNull:
		return a == b
	case a == KindList && b == KindList:
		return v.List().equal(o.List())
	case a == KindMap && b == KindMap:
		return v.Map().equal(o.Map())
	}
	c, ok := v.CompareNumber(o)
	return ok && c == 0
}

// CompareNumber orders two numbers exactly; booleans count as 0 and 1. ok is false if
// one of them is no number, or not a number in the sense of IEEE 754.
func (v Value) CompareNumber(o Value) (c int, ok bool) {
	a, aok := v.number()
	b, bok := o.number()
	if !aok || !bok {
		return 0, false
	}
	if a.Kind() == KindInt && b.Kind() == KindInt {
		return compare(int64(a.n), int64(b.n)), true
	}
	x, y := a.exact(), b.exact()
	if x != nil && y != nil {
		return x.Cmp(y), true
	}
	f, _ := a.Float()
	g, _ := b.Float()
	return compare(f, g), !math.IsNaN(f) && !math.IsNaN(g)
}

// number turns a boolean into an integer and refuses what is no number.
func (v Value) number() (Value, bool) {
	if v.Kind() == KindBool {
		return Int(int64(v.n)), true
	}
	return v, v.IsNumber()
}

// exact gives a number as a fraction without rounding, or nil for an infinity, for what
// is not a number, and for decimals, which mean the float next to them.
func (v Value) exact() *big.Rat {
	if i, ok := v.Big(); ok {
		return new(big.Rat).SetInt(i)
	}
	f, _ := v.Float()
	return new(big.Rat).SetFloat64(f)
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Text is v as text: strings as they are, numbers in their shortest exact form, True,
// False and None as Python writes them, lists and maps as compact JSON with sorted keys.
// A string costs nothing, everything else an allocation.
func (v Value) Text() string {
	if v.Kind() == KindString {
		return v.raw()
	}
	return string(v.AppendText(nil))
}

// AppendText appends Text to dst.
func (v Value) AppendText(dst []byte) []byte {
	switch v.Kind() {
	case KindNull:
		return append(dst, "None"...)
	case KindString, KindBigInt:
		return append(dst, v.raw()...)
	case KindInt:
		return strconv.AppendInt(dst, int64(v.n), 10)
	case KindFloat, KindDecimal:
		f, _ := v.Float()
		return AppendFloat(dst, f)
	case KindBool:
		if v.n != 0 {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	}
	var enc Encoder
	return enc.AppendValue(dst, v)
}

// AppendFloat appends the shortest text that reads back as f, always with a fraction or
// an exponent, so that it cannot be taken for an integer.
func AppendFloat(dst []byte, f float64) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}
