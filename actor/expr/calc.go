package expr

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
)

// Calc is a compiled calculation: a Python 3 expression over the fields of an event. Unlike
// a filter it is strict, so wrong types are errors. It is immutable and safe for
// concurrent use.
type Calc struct{ prog *program }

// ParseCalc compiles a calculation. The error is a *SyntaxError, or several joined.
func ParseCalc(text string) (*Calc, error) {
	prog, errs := parse(text, true)
	if len(errs) > 0 {
		all := make([]error, len(errs))
		for i, e := range errs {
			all[i] = e
		}
		return nil, errors.Join(all...)
	}
	return &Calc{prog}, nil
}

// DecodeOption compiles the calculation of a configuration.
func (c *Calc) DecodeOption(v *option.Value) error {
	if v.Kind != option.String {
		return v.Wrong("string")
	}
	parsed, err := ParseCalc(v.Text)
	if err != nil {
		return Place(err, v)
	}
	*c = *parsed
	return nil
}

// OptionType describes calculations in tables of options.
func (*Calc) OptionType() string { return "expression" }

// Source is the calculation as it was written.
func (c *Calc) Source() string {
	if c == nil || c.prog == nil {
		return ""
	}
	return c.prog.source
}

// Evaluator evaluates a calculation in one goroutine.
type Evaluator struct {
	calc   *Calc
	m      *Matcher
	vars   []val
	fields func(*ref) (val, error)
	left   int
}

// Evaluator returns the calculation with scratch memory for one goroutine.
func (c *Calc) Evaluator() *Evaluator {
	return &Evaluator{
		calc: c, vars: make([]val, c.prog.vars),
		m: &Matcher{f: &Filter{prog: c.prog}, machines: make([]*regex.Machine, c.prog.patterns)},
	}
}

// Faults of calculations.
var (
	// ErrMissing says that a field is not there.
	ErrMissing = errors.New("a field of the calculation is missing")

	errTypes   = errors.New("the types do not fit the operation")
	errZero    = errors.New("division by zero")
	errTooLong = errors.New("the calculation takes too many steps or too much memory")
	errNoValue = errors.New("the result is no value")
	errRange   = errors.New("math domain error")
)

// maxSteps bounds the work of one evaluation.
const maxSteps = 1_000_000

// Eval calculates for e. Fields that are missing count as otherwise; if that is nil the
// error is ErrMissing.
func (v *Evaluator) Eval(e *event.Event, otherwise *event.Value) (event.Value, error) {
	v.m.e = e
	v.fields = func(r *ref) (val, error) {
		x := v.m.field(r)
		switch {
		case !x.missing:
			return x, nil
		case otherwise != nil:
			return of(*otherwise), nil
		}
		return x, ErrMissing
	}
	return v.run()
}

// EvalResults calculates with every field meaning the list of results.
func (v *Evaluator) EvalResults(results event.Value) (event.Value, error) {
	v.fields = func(*ref) (val, error) { return of(results), nil }
	return v.run()
}

func (v *Evaluator) run() (event.Value, error) {
	v.left = maxSteps
	x, err := v.eval(v.calc.prog.root)
	switch {
	case err != nil:
		return event.Null, err
	case x.missing || x.match != nil:
		return event.Null, errNoValue
	}
	return x.Value, nil
}

func (v *Evaluator) eval(n *node) (val, error) {
	if v.left--; v.left < 0 {
		return missing, errTooLong
	}
	switch n.kind {
	case nodeLiteral:
		return of(n.value), nil
	case nodeRef:
		return v.fields(n.ref)
	case nodeVar:
		return v.vars[n.slot], nil
	case nodeAnd, nodeOr:
		return v.logic(n)
	case nodeChoice:
		return v.choice(n)
	case nodeEach:
		return v.each(n)
	case nodeSlice:
		return v.slice(n)
	}
	args := make([]val, len(n.args))
	for i, a := range n.args {
		var err error
		if args[i], err = v.eval(a); err != nil {
			return missing, err
		}
	}
	return v.apply(n, args)
}

// logic returns the operand that decides, as Python does.
func (v *Evaluator) logic(n *node) (x val, err error) {
	for _, a := range n.args {
		if x, err = v.eval(a); err != nil || x.truth() == (n.kind == nodeOr) {
			return x, err
		}
	}
	return x, nil
}

func (v *Evaluator) choice(n *node) (val, error) {
	cond, err := v.eval(n.args[0])
	if err != nil {
		return missing, err
	}
	if cond.truth() {
		return v.eval(n.args[1])
	}
	return v.eval(n.args[2])
}

// each is [a for x in b if c].
func (v *Evaluator) each(n *node) (val, error) {
	in, err := v.eval(n.args[1])
	if err != nil {
		return missing, err
	}
	if in.match != nil || in.Kind() != event.KindList {
		return missing, errTypes
	}
	var out []event.Value
	for i := range in.List().Len() {
		v.vars[n.slot] = of(in.List().At(i))
		if n.args[2] != nil {
			take, err := v.eval(n.args[2])
			if err != nil {
				return missing, err
			}
			if !take.truth() {
				continue
			}
		}
		x, err := v.eval(n.args[0])
		if err != nil {
			return missing, err
		}
		out = append(out, x.Value)
	}
	return of(event.ListOf(out...)), nil
}

func (v *Evaluator) slice(n *node) (val, error) {
	object, err := v.eval(n.args[0])
	if err != nil {
		return missing, err
	}
	var bounds [3]*val
	for i, a := range n.args[1:] {
		if a == nil {
			continue
		}
		x, err := v.eval(a)
		if err != nil {
			return missing, err
		}
		bounds[i] = &x
	}
	return there(slice(object, bounds))
}

// there turns what the lenient rules call missing into an error.
func there(x val) (val, error) {
	if x.missing {
		return x, errTypes
	}
	return x, nil
}

func (v *Evaluator) apply(n *node, a []val) (val, error) {
	switch n.kind {
	case nodeList:
		return applyList(a), nil
	case nodeDict:
		return applyDict(a), nil
	case nodeNot:
		return boolean(!a[0].truth()), nil
	case nodeSign:
		return there(sign(n.op, a[0]))
	case nodeCompare:
		return strictCompare(n.op, a[0], a[1])
	case nodeArith:
		return strictArith(n.op, a[0], a[1])
	case nodeIndex:
		return there(index(a[0], a[1]))
	case nodeMethod:
		return strictMethod(n.op, a)
	case nodeCall:
		if strings.HasPrefix(n.op, "re.") {
			return v.regex(n, a)
		}
		return strictCall(v.m, n.op, a)
	case nodeInternal:
		return missing, ErrMissing
	}
	return missing, fmt.Errorf("%w: %s", errTypes, n.op)
}

// regex runs a function of re on text. No match is None, as in Python.
func (v *Evaluator) regex(n *node, a []val) (val, error) {
	for _, x := range a {
		if x.missing || x.match != nil || !x.IsString() && !x.IsNumber() {
			return missing, errTypes
		}
	}
	x := v.m.applyRegex(n, a)
	if x.missing {
		return of(event.Null), nil
	}
	return x, nil
}

func strictCompare(op string, a, b val) (val, error) {
	switch op {
	case "==", "!=":
		return boolean(equal(a, b) == (op == "==")), nil
	case "is", "is not":
		return boolean((a.match == nil && is(a, b.Value)) == (op == "is")), nil
	case "in", "not in":
		k := b.Kind()
		if b.match != nil || k != event.KindList && k != event.KindMap && !(k == event.KindString && a.IsString()) {
			return missing, errTypes
		}
		return boolean(contains(a, b) == (op == "in")), nil
	}
	_, x := asFloat(a)
	_, y := asFloat(b)
	if a.match != nil || b.match != nil || !(x && y) && !(a.IsString() && b.IsString()) {
		return missing, fmt.Errorf("%w: %s %s %s", errTypes, a.Kind(), op, b.Kind())
	}
	return boolean(ordered(op, a, b)), nil
}

// maxRepeat bounds text and lists that multiplication makes.
const maxRepeat = 1 << 20

func strictArith(op string, a, b val) (val, error) {
	x, xInt := asInt(a)
	y, yInt := asInt(b)
	g, yNumber := asFloat(b)
	switch {
	case yNumber && g == 0 && (op == "/" || op == "//" || op == "%"):
		if _, ok := asFloat(a); ok {
			return missing, errZero
		}
	case xInt && yInt && op == "/":
		q, _ := new(big.Rat).SetFrac(x, y).Float64()
		return of(event.Float(q)), nil
	case op == "*" && yInt && !xInt:
		if r, ok := repeat(a, y); ok {
			return there(r)
		}
	case op == "*" && xInt && !yInt:
		if r, ok := repeat(b, x); ok {
			return there(r)
		}
	}
	r := arith(op, a, b)
	if r.missing {
		if xInt && yInt {
			return r, errTooLong
		}
		return r, fmt.Errorf("%w: %s %s %s", errTypes, a.Kind(), op, b.Kind())
	}
	return r, nil
}

// repeat is text or a list times n; ok is false for anything else.
func repeat(a val, n *big.Int) (r val, ok bool) {
	times := max(0, n.Int64())
	size := int64(length(a))
	if !a.IsString() && a.Kind() != event.KindList {
		return missing, false
	}
	if !n.IsInt64() || times > 0 && size > maxRepeat/times {
		return missing, true
	}
	if a.IsString() {
		return text(strings.Repeat(a.Str(), int(times))), true
	}
	var out []event.Value
	for range times {
		out = append(out, items(a)...)
	}
	return of(event.ListOf(out...)), true
}

func strictMethod(name string, a []val) (val, error) {
	k := a[0].Kind()
	known := a[0].match != nil || k == event.KindString || k == event.KindList || k == event.KindMap
	if !known {
		return missing, fmt.Errorf("%w: a %s has no method %s", errTypes, k, name)
	}
	if name == "get" && k == event.KindMap {
		if x := callMethod(name, a); !x.missing {
			return x, nil
		}
		return of(event.Null), nil
	}
	return there(callMethod(name, a))
}

func strictCall(m *Matcher, name string, a []val) (val, error) {
	for _, x := range a {
		if x.match != nil && name != "bool" {
			return missing, errTypes
		}
	}
	switch name {
	case "int":
		return toInt(a[0])
	case "float":
		return toFloat(a[0])
	case "len":
		if k := a[0].Kind(); k != event.KindString && k != event.KindList && k != event.KindMap {
			return missing, errTypes
		}
	case "round":
		return strictRound(a)
	case "pow":
		return strictArith("**", a[0], a[1])
	case "percentile", "mean", "median", "stdev":
		return statistic(name, a)
	}
	if function, ok := strings.CutPrefix(name, "math."); ok {
		return callMath(function, a)
	}
	return there(m.callFunction(name, a))
}

// strictRound gives an integer without a number of digits, as Python 3 does.
func strictRound(a []val) (val, error) {
	if len(a) > 1 {
		return there(rounded(a))
	}
	if i, ok := asInt(a[0]); ok {
		return of(event.BigInt(i)), nil
	}
	f, ok := asFloat(a[0])
	if !ok {
		return missing, errTypes
	}
	return toInt(of(event.Float(math.RoundToEven(f))))
}

var mathFunctions = map[string]func(float64) float64{
	"sqrt": math.Sqrt, "exp": math.Exp, "log10": math.Log10, "log2": math.Log2, "sin": math.Sin, "cos": math.Cos, "tan": math.Tan,
	"asin": math.Asin, "acos": math.Acos, "atan": math.Atan, "sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "fabs": math.Abs,
	"degrees": func(x float64) float64 { return x * 180 / math.Pi }, "radians": func(x float64) float64 { return x * math.Pi / 180 },
}

func callMath(name string, a []val) (val, error) {
	var f [2]float64
	for i, x := range a {
		var ok bool
		if f[i], ok = asFloat(x); !ok {
			return missing, errTypes
		}
	}
	var r float64
	switch name {
	case "floor", "ceil", "trunc":
		return wholeMath(name, a[0], f[0])
	case "isnan":
		return boolean(math.IsNaN(f[0])), nil
	case "isinf":
		return boolean(math.IsInf(f[0], 0)), nil
	case "factorial", "gcd":
		return integerMath(name, a)
	case "log":
		if r = math.Log(f[0]); len(a) > 1 {
			r /= math.Log(f[1])
		}
	case "pow":
		r = math.Pow(f[0], f[1])
	case "atan2":
		r = math.Atan2(f[0], f[1])
	case "fmod":
		r = math.Mod(f[0], f[1])
	case "hypot":
		r = math.Hypot(f[0], f[1])
	default:
		r = mathFunctions[name](f[0])
	}
	if (math.IsNaN(r) || math.IsInf(r, 0)) && !math.IsNaN(f[0]) && !math.IsInf(f[0], 0) {
		return missing, errRange
	}
	return of(event.Float(r)), nil
}

func wholeMath(name string, a val, f float64) (val, error) {
	if i, ok := asInt(a); ok {
		return of(event.BigInt(i)), nil
	}
	switch name {
	case "floor":
		f = math.Floor(f)
	case "ceil":
		f = math.Ceil(f)
	}
	return toInt(of(event.Float(f)))
}

// maxFactorial bounds what factorial computes.
const maxFactorial = 1000

func integerMath(name string, a []val) (val, error) {
	var n [2]*big.Int
	for i, x := range a {
		var ok bool
		if n[i], ok = asInt(x); !ok {
			return missing, errTypes
		}
	}
	if name == "gcd" {
		return of(event.BigInt(new(big.Int).GCD(nil, nil, new(big.Int).Abs(n[0]), new(big.Int).Abs(n[1])))), nil
	}
	switch {
	case n[0].Sign() < 0:
		return missing, errRange
	case !n[0].IsInt64() || n[0].Int64() > maxFactorial:
		return missing, errTooLong
	}
	return of(event.BigInt(new(big.Int).MulRange(1, n[0].Int64()))), nil
}

// statistic computes a figure of a list of numbers.
func statistic(name string, a []val) (val, error) {
	if a[0].Kind() != event.KindList || a[0].List().Len() == 0 {
		return missing, errTypes
	}
	list := make([]float64, a[0].List().Len())
	sum := 0.0
	order := sorted(items(a[0]))
	for i := range list {
		f, ok := asFloat(of(a[0].List().At(i)))
		if !ok || order.missing {
			return missing, errTypes
		}
		sum += f
		list[i], _ = asFloat(of(order.List().At(i)))
	}
	mean := sum / float64(len(list))
	switch name {
	case "mean":
		return of(event.Float(mean)), nil
	case "stdev":
		if len(list) < 2 {
			return missing, errRange
		}
		squares := 0.0
		for _, f := range list {
			squares += (f - mean) * (f - mean)
		}
		return of(event.Float(math.Sqrt(squares / float64(len(list)-1)))), nil
	case "median":
		return of(event.Float(quantile(list, 0.5))), nil
	}
	p, ok := asFloat(a[1])
	if !ok || p < 0 || p > 100 {
		return missing, errRange
	}
	return of(event.Float(quantile(list, p/100))), nil
}

// quantile interpolates between the ranks of a sorted list.
func quantile(list []float64, q float64) float64 {
	at := q * float64(len(list)-1)
	low := int(at)
	if low+1 >= len(list) {
		return list[len(list)-1]
	}
	return list[low] + (at-float64(low))*(list[low+1]-list[low])
}
