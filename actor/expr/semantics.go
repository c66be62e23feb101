package expr

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gambolputty/actor/event"
)

// The rules of this file are those of filters, whichever way they are evaluated: nothing
// fails, what has no answer is missing, and what is missing does not match.

// regexTimeout is the limit for one regular expression on one value.
const regexTimeout = time.Second

// val is a value of an expression: a field value, nothing at all, or a regex match.
type val struct {
	event.Value
	missing bool
	match   *match
}

// match is what a regular expression found.
type match struct {
	text  string
	caps  []int
	names []string
}

var missing = val{missing: true}

func of(v event.Value) val          { return val{Value: v} }
func boolean(b bool) val            { return of(event.Bool(b)) }
func text(s string) val             { return of(event.String(s)) }
func number[T int | int64](i T) val { return of(event.Int(int64(i))) }

var errNoNumber = errors.New("the value is not a number")

func (v val) truth() bool {
	switch {
	case v.missing:
		return false
	case v.match != nil:
		return true
	}
	return v.Truth()
}

// equal compares by value. What is missing equals None, False and what is missing.
func equal(a, b val) bool {
	switch {
	case a.missing && b.missing:
		return true
	case a.missing:
		return isNothing(b)
	case b.missing:
		return isNothing(a)
	case a.match != nil || b.match != nil:
		return a.match == b.match
	}
	return a.Value.Equal(b.Value)
}

func isNothing(v val) bool {
	return v.match == nil && (v.IsNull() || v.Kind() == event.KindBool && !v.Bool())
}

// mismatched reports whether text is compared with a number, which is never equal.
func mismatched(a, b val) bool {
	return !a.missing && !b.missing && (a.IsString() && b.IsNumber() || a.IsNumber() && b.IsString())
}

// order compares two values; ok is false if they have no order. Text that is a number in
// full is ordered as that number when the other side is one.
func order(a, b val) (c int, ok bool) {
	if a.missing || b.missing || a.match != nil || b.match != nil {
		return 0, false
	}
	switch {
	case a.IsString() && b.IsString():
		return strings.Compare(a.Str(), b.Str()), true
	case a.IsString():
		n, ok := parseNumber(a.Str())
		if !ok {
			return 0, false
		}
		return n.CompareNumber(b.Value)
	case b.IsString():
		n, ok := parseNumber(b.Str())
		if !ok {
			return 0, false
		}
		return a.CompareNumber(n)
	}
	return a.CompareNumber(b.Value)
}

func ordered(op string, a, b val) bool {
	c, ok := order(a, b)
	if !ok {
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// parseNumber reads a decimal number with blanks around it.
func parseNumber(s string) (event.Value, bool) {
	s = strings.TrimSpace(s)
	plain := strings.TrimLeft(s, "+-")
	if len(s)-len(plain) > 1 || plain == "" || strings.Trim(plain, "0123456789.eE+-") != "" {
		return event.Null, false
	}
	if strings.Trim(plain, "0123456789") == "" {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return event.Int(i), true
		}
		b, ok := new(big.Int).SetString(s, 10)
		if !ok {
			return event.Null, false
		}
		return event.BigInt(b), true
	}
	f, err := strconv.ParseFloat(s, 64)
	return event.Float(f), err == nil
}

// contains is the operator in: an item of a list, a key of a map, a part of a text.
func contains(item, in val) bool {
	switch {
	case in.missing || in.match != nil:
		return false
	case in.IsString():
		return !item.missing && item.IsString() && strings.Contains(in.Str(), item.Str())
	case in.Kind() == event.KindList:
		if item.missing {
			return false
		}
		for i := range in.List().Len() {
			if equal(item, of(in.List().At(i))) {
				return true
			}
		}
	case in.Kind() == event.KindMap:
		if !item.missing && item.IsString() {
			_, ok := in.Map().GetName(item.Str())
			return ok
		}
	}
	return false
}

// is compares with None, True or False.
func is(a val, constant event.Value) bool {
	if constant.IsNull() {
		return a.missing || a.match == nil && a.IsNull()
	}
	if a.missing {
		return !constant.Bool()
	}
	return a.match == nil && a.Kind() == event.KindBool && a.Bool() == constant.Bool()
}

// arith calculates; text is joined by +, everything that makes no sense is missing.
func arith(op string, a, b val) val {
	if a.missing || b.missing || a.match != nil || b.match != nil {
		return missing
	}
	if op == "+" {
		if a.IsString() && b.IsString() {
			return text(a.Str() + b.Str())
		}
		if a.Kind() == event.KindList && b.Kind() == event.KindList {
			return of(event.ListOf(append(items(a), items(b)...)...))
		}
	}
	x, xok := asInt(a)
	y, yok := asInt(b)
	if xok && yok {
		return arithInt(op, x, y)
	}
	f, fok := asFloat(a)
	g, gok := asFloat(b)
	if !fok || !gok {
		return missing
	}
	return arithFloat(op, f, g)
}

func items(v val) []event.Value {
	out := make([]event.Value, 0, v.List().Len())
	for i := range v.List().Len() {
		out = append(out, v.List().At(i))
	}
	return out
}

func asInt(v val) (*big.Int, bool) {
	if v.Kind() == event.KindBool {
		if v.Bool() {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	}
	return v.Big()
}

func asFloat(v val) (float64, bool) {
	if v.Kind() == event.KindBool {
		if v.Bool() {
			return 1, true
		}
		return 0, true
	}
	return v.Float()
}

// maxBits bounds the size of an integer that a calculation may make.
const maxBits = 1 << 14

// arithInt is exact. Division and remainder round towards minus infinity.
func arithInt(op string, a, b *big.Int) val {
	out := new(big.Int)
	switch op {
	case "+":
		out.Add(a, b)
	case "-":
		out.Sub(a, b)
	case "*":
		if a.BitLen()+b.BitLen() > maxBits {
			return missing
		}
		out.Mul(a, b)
	case "/", "//", "%":
		if b.Sign() == 0 {
			return missing
		}
		q, r := floorDiv(a, b)
		if op == "%" {
			return of(event.BigInt(r))
		}
		return of(event.BigInt(q))
	case "**":
		if b.Sign() < 0 {
			f, _ := new(big.Float).SetInt(a).Float64()
			g, _ := new(big.Float).SetInt(b).Float64()
			return arithFloat(op, f, g)
		}
		if !b.IsInt64() || a.BitLen() > 1 && int64(a.BitLen())*min(b.Int64(), maxBits) > maxBits {
			return missing
		}
		out.Exp(a, b, nil)
	}
	return of(event.BigInt(out))
}

func floorDiv(a, b *big.Int) (q, r *big.Int) {
	q, r = new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Sign() != 0 && r.Sign() != b.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, b)
	}
	return q, r
}

func arithFloat(op string, a, b float64) val {
	if b == 0 && (op == "/" || op == "//" || op == "%") {
		return missing
	}
	switch op {
	case "+":
		a += b
	case "-":
		a -= b
	case "*":
		a *= b
	case "/":
		a /= b
	case "//":
		a = math.Floor(a / b)
	case "%":
		a = floorMod(a, b)
	case "**":
		a = math.Pow(a, b)
	}
	return of(event.Float(a))
}

func floorMod(a, b float64) float64 {
	r := math.Mod(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

func sign(op string, a val) val {
	if a.missing || a.match != nil {
		return missing
	}
	if i, ok := asInt(a); ok {
		if op == "-" {
			i = new(big.Int).Neg(i)
		}
		return of(event.BigInt(i))
	}
	f, ok := asFloat(a)
	if !ok {
		return missing
	}
	if op == "-" {
		f = -f
	}
	return of(event.Float(f))
}

// index is a[b]: an item, a value or a character. What is not there is missing.
func index(a, b val) val {
	if a.missing || b.missing || a.match != nil {
		return missing
	}
	if a.Kind() == event.KindMap {
		if v, ok := a.Map().GetName(b.Text()); ok {
			return of(v)
		}
		return missing
	}
	n, ok := b.Int()
	if !ok {
		return missing
	}
	size := length(a)
	if n < 0 {
		n += int64(size)
	}
	if n < 0 || n >= int64(size) {
		return missing
	}
	switch {
	case a.Kind() == event.KindList:
		return of(a.List().At(int(n)))
	case a.IsString():
		return text(characters(a.Str(), int(n), int(n)+1, 1))
	}
	return missing
}

// length counts characters, items or keys; everything else has none.
func length(a val) int {
	switch {
	case a.missing || a.match != nil:
		return 0
	case a.IsString():
		return utf8.RuneCountInString(a.Str())
	case a.Kind() == event.KindList:
		return a.List().Len()
	case a.Kind() == event.KindMap:
		return a.Map().Len()
	}
	return 0
}

// slice is a[from:to:step] with Python's rules; it never fails.
func slice(a val, bounds [3]*val) val {
	if a.missing || a.match != nil || !a.IsString() && a.Kind() != event.KindList {
		return missing
	}
	step := 1
	if bounds[2] != nil {
		s, ok := bounds[2].Int()
		if !ok || s == 0 {
			return missing
		}
		step = int(s)
	}
	n := length(a)
	from, to := 0, n
	if step < 0 {
		from, to = n-1, -1
	}
	from, to = bound(bounds[0], from, n, step), bound(bounds[1], to, n, step)
	if a.IsString() {
		return text(characters(a.Str(), from, to, step))
	}
	var out []event.Value
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		out = append(out, a.List().At(i))
	}
	return of(event.ListOf(out...))
}

func bound(b *val, otherwise, n, step int) int {
	if b == nil || b.missing || b.IsNull() {
		return otherwise
	}
	i64, ok := b.Int()
	if !ok {
		return otherwise
	}
	i := int(max(min(i64, math.MaxInt32), math.MinInt32))
	if i < 0 {
		i += n
	}
	if step < 0 {
		return min(max(i, -1), n-1)
	}
	return min(max(i, 0), n)
}

// characters cuts characters out of a text; an invalid byte is one character.
func characters(s string, from, to, step int) string {
	if step == 1 && len(s) == utf8.RuneCountInString(s) {
		if from >= to {
			return ""
		}
		return s[from:to]
	}
	var at []int
	for i := range s {
		at = append(at, i)
	}
	at = append(at, len(s))
	var b strings.Builder
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		b.WriteString(s[at[i]:at[i+1]])
	}
	return b.String()
}

// toInt is int(): numbers are cut towards zero, text must be an integer in full.
func toInt(a val) (val, error) {
	switch {
	case a.missing || a.match != nil:
		return missing, nil
	case a.IsString():
		n, ok := parseNumber(a.Str())
		if k := n.Kind(); !ok || k != event.KindInt && k != event.KindBigInt {
			return missing, errNoNumber
		}
		return of(n), nil
	}
	if i, ok := asInt(a); ok {
		return of(event.BigInt(i)), nil
	}
	f, ok := a.Float()
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return missing, errNoNumber
	}
	if math.Abs(f) < 1<<62 {
		return of(event.Int(int64(f))), nil
	}
	whole, _ := big.NewFloat(f).Int(nil)
	return of(event.BigInt(whole)), nil
}

func toFloat(a val) (val, error) {
	switch {
	case a.missing || a.match != nil:
		return missing, nil
	case a.IsString():
		n, ok := parseNumber(a.Str())
		if !ok {
			return missing, errNoNumber
		}
		f, _ := n.Float()
		return of(event.Float(f)), nil
	}
	f, ok := asFloat(a)
	if !ok {
		return missing, errNoNumber
	}
	return of(event.Float(f)), nil
}

// isType is isinstance for one type name.
func isType(a val, name string) bool {
	if a.missing || a.match != nil {
		return false
	}
	k := a.Kind()
	switch name {
	case "str", "unicode", "basestring":
		return k == event.KindString
	case "int", "long":
		return k == event.KindInt || k == event.KindBigInt || k == event.KindBool
	case "float":
		return k == event.KindFloat || k == event.KindDecimal
	case "bool":
		return k == event.KindBool
	case "list", "tuple":
		return k == event.KindList
	}
	return k == event.KindMap
}

// sorted orders a list; one that has no order is missing.
func sorted(list []event.Value) val {
	out, fine := slices.Clone(list), true
	slices.SortStableFunc(out, func(a, b event.Value) int {
		c, ok := order(of(a), of(b))
		fine = fine && ok
		return c
	})
	if !fine {
		return missing
	}
	return of(event.ListOf(out...))
}

// extreme is min or max of several values.
func extreme(list []event.Value, largest bool) val {
	if len(list) == 0 {
		return missing
	}
	best := list[0]
	for _, v := range list[1:] {
		c, ok := order(of(v), of(best))
		if !ok {
			return missing
		}
		if largest && c > 0 || !largest && c < 0 {
			best = v
		}
	}
	return of(best)
}

// round cuts to a number of digits; halves go to the even neighbour.
func round(a val, digits int) val {
	if i, ok := asInt(a); ok {
		return of(event.BigInt(roundInt(i, digits)))
	}
	f, ok := asFloat(a)
	if !ok || math.Abs(float64(digits)) > 300 {
		return missing
	}
	s := strconv.FormatFloat(f, 'f', max(digits, 0), 64)
	if digits < 0 {
		p := math.Pow(10, float64(-digits))
		return of(event.Float(math.RoundToEven(f/p) * p))
	}
	r, _ := strconv.ParseFloat(s, 64)
	return of(event.Float(r))
}

// roundInt rounds to a multiple of a power of ten, where digits is negative.
func roundInt(i *big.Int, digits int) *big.Int {
	if digits >= 0 {
		return i
	}
	if -digits > i.BitLen() { // a power of ten has more bits than digits
		return new(big.Int)
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q, r := floorDiv(i, unit)
	if c := r.Lsh(r, 1).Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q.Mul(q, unit)
}
