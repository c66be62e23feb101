package library

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"gambolputty/stages/modifiers/execpython/python"
)

// Names are all names that programs find, but for those that belong to an event.
func Names() starlark.StringDict {
	names := starlark.StringDict{}
	for _, b := range operators() {
		names[b.Name()] = b
	}
	own := methods()
	for name, b := range own {
		names[python.MethodPrefix+name] = b
	}
	list := classes(own)
	for _, c := range list {
		names[c.name] = c
	}
	delete(names, "NoneType")
	delete(names, "function")
	names["unicode"], names["basestring"], names["bytes"], names["long"] = names["str"], names["str"], names["str"], names["int"]
	names["frozenset"] = names["set"]
	names["unichr"], names["xrange"] = starlark.Universe["chr"], starlark.Universe["range"]
	for _, b := range builtins(list) {
		names[b.Name()] = b
	}
	for _, name := range []string{"any", "all", "enumerate", "zip", "reversed", "sorted"} {
		names[name] = starlark.NewBuiltin(name, universal(name))
	}
	for _, name := range python.ModuleNames {
		m := modules()[name]()
		names[name], names[python.ModulePrefix+name] = m, m
	}
	return names
}

func builtins(list []*class) []*starlark.Builtin {
	return []*starlark.Builtin{
		simple("repr", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			s := repr(a[0])
			return starlark.String(s), charge(t, len(s))
		}),
		simple("len", 1, 1, length),
		simple("abs", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			return starlark.Call(t, starlark.Universe["abs"], starlark.Tuple{number(a[0])}, nil)
		}),
		simple("round", 1, 2, round),
		simple("pow", 2, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return power(t, a[0], a[1]) }),
		simple("sum", 1, 2, sum),
		starlark.NewBuiltin("min", extreme("min", syntax.LT)), starlark.NewBuiltin("max", extreme("max", syntax.GT)),
		simple("divmod", 2, 2, divMod),
		simple("isinstance", 2, 2, isInstance),
		simple("type", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return typeOf(list, a[0]), nil }),
		simple("callable", 1, 1, func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			_, ok := a[0].(starlark.Callable)
			return starlark.Bool(ok), nil
		}),
		simple("hex", 1, 1, based("0x", 16)), simple("oct", 1, 1, based("0o", 8)), simple("bin", 1, 1, based("0b", 2)),
		simple("map", 2, math.MaxInt, mapAll), simple("filter", 2, 2, filterAll),
		simple("format", 1, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			spec := ""
			if len(a) > 1 {
				var err error
				if spec, err = argument(a, 1); err != nil {
					return nil, err
				}
			}
			return formatted(t, a[0], spec)
		}),
		starlark.NewBuiltin("print", printLine),
	}
}

// simple makes a function of so many values without names.
func simple(name string, least, most int, f func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error)) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		switch {
		case len(named) > 0:
			return nil, fmt.Errorf("%s takes no named arguments", name)
		case len(a) < least || len(a) > most:
			return nil, within(name, errArguments)
		}
		v, err := f(t, a)
		return v, within(name, err)
	})
}

func toText(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) == 0 {
		return starlark.String(""), nil
	}
	s := Str(a[0]) // what follows is the encoding of bytes
	return starlark.String(s), charge(t, len(s))
}

func toBool(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) > 1 {
		return nil, errArguments
	}
	return starlark.Bool(len(a) == 1 && bool(a[0].Truth())), nil
}

// longestNumber bounds the text of a number.
const longestNumber = 10_000

func toInt(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var x starlark.Value = starlark.MakeInt(0)
	base := 10
	if err := starlark.UnpackArgs("int", a, named, "x?", &x, "base?", &base); err != nil {
		return nil, err
	}
	switch v := number(x).(type) {
	case starlark.String:
		return parseInt(strings.TrimSpace(string(v)), base)
	case starlark.Float:
		return starlark.NumberToInt(v)
	case starlark.Int:
		return v, nil
	}
	return nil, fmt.Errorf("cannot convert %s", typeName(x))
}

func parseInt(s string, base int) (starlark.Value, error) {
	switch {
	case base != 0 && (base < 2 || base > 36):
		return nil, errors.New("the base must be 0 or 2 to 36")
	case len(s) > longestNumber:
		return nil, errTooLarge
	case base == 10:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return starlark.MakeInt64(i), nil
		}
	}
	digits := s
	if prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]; prefix != "" {
		sign := strings.TrimLeft(s, "+-")
		if len(s)-len(sign) <= 1 && strings.HasPrefix(strings.ToLower(sign), prefix) {
			digits = s[:len(s)-len(sign)] + sign[len(prefix):]
		}
	}
	if digits != "" && digits[0] != '_' && digits[len(digits)-1] != '_' && base != 0 {
		digits = strings.ReplaceAll(digits, "_", "")
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, fmt.Errorf("%s is no integer", quote(s))
	}
	return starlark.MakeBigInt(n), nil
}

func toFloat(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) == 0 {
		return starlark.Float(0), nil
	}
	v := number(a[0])
	if s, ok := v.(starlark.String); ok {
		text := strings.TrimSpace(string(s))
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !math.IsInf(f, 0) || strings.ContainsAny(text, "xXpP") {
			return nil, fmt.Errorf("%s is no number", quote(text))
		}
		return starlark.Float(f), nil
	}
	f, ok := starlark.AsFloat(v)
	if !ok {
		return nil, fmt.Errorf("cannot convert %s", typeName(v))
	}
	return starlark.Float(f), nil
}

func length(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	if s, ok := a[0].(starlark.String); ok {
		return starlark.MakeInt(utf8.RuneCountInString(string(s))), nil
	}
	n := starlark.Len(a[0])
	if n < 0 {
		return nil, fmt.Errorf("%s has no length", typeName(a[0]))
	}
	return starlark.MakeInt(n), nil
}

// round rounds halves to the even neighbour; without digits, or with None, to an integer.
func round(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	if len(a) == 2 && a[1] == starlark.None {
		a = a[:1]
	}
	return calculate("round", a)
}

func sum(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	list, ok := a[0].(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("%s cannot be iterated over", typeName(a[0]))
	}
	var total starlark.Value = starlark.MakeInt(0)
	if len(a) == 2 {
		total = a[1]
	}
	n := max(starlark.Len(list), 0)
	if err := chargeItems(t, n); err != nil {
		return nil, err
	}
	work(t, n)
	for x := range starlark.Elements(list) {
		var err error
		if total, err = add(t, total, x); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// extreme is min and max.
func extreme(name string, better syntax.Token) function {
	return func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		var key, otherwise starlark.Value
		if err := starlark.UnpackArgs(name, nil, named, "key?", &key, "default?", &otherwise); err != nil {
			return nil, err
		}
		var list starlark.Iterable = a
		if len(a) == 1 {
			v, err := each(t, a[0])
			if err != nil {
				return nil, within(name, err)
			}
			list = v.(starlark.Iterable)
		}
		if err := chargeItems(t, max(starlark.Len(list), 0)); err != nil {
			return nil, within(name, err)
		}
		work(t, max(starlark.Len(list), 0))
		best, err := extremeOf(t, list, key, better)
		if err == nil && best == nil {
			if best = otherwise; best == nil {
				err = errors.New("there are no values")
			}
		}
		return best, within(name, err)
	}
}

func extremeOf(t *starlark.Thread, list starlark.Iterable, key starlark.Value, better syntax.Token) (best starlark.Value, err error) {
	var bestKey starlark.Value
	for x := range starlark.Elements(list) {
		k := x
		if key != nil && key != starlark.None {
			if k, err = starlark.Call(t, key, starlark.Tuple{x}, nil); err != nil {
				return nil, err
			}
		}
		if best != nil {
			wins, err := starlark.Compare(better, number(k), number(bestKey))
			if err != nil {
				return nil, err
			}
			if !wins {
				continue
			}
		}
		best, bestKey = x, k
	}
	return best, nil
}

func divMod(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	q, err := operate(syntax.SLASHSLASH, a[0], a[1])
	if err != nil {
		return nil, err
	}
	m, err := operate(syntax.PERCENT, a[0], a[1])
	return starlark.Tuple{q, m}, err
}

func isInstance(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	kinds, ok := a[1].(starlark.Tuple)
	if !ok {
		kinds = a[1:]
	}
	for _, k := range kinds {
		c, ok := k.(*class)
		if !ok {
			return nil, fmt.Errorf("%s is no type", repr(k))
		}
		if c.has(a[0]) {
			return starlark.True, nil
		}
	}
	return starlark.False, nil
}

func typeOf(list []*class, v starlark.Value) starlark.Value {
	var found *class
	for _, c := range list {
		if c.has(v) {
			found = c // the last one, as True is an int, too
		}
	}
	if found == nil {
		found = &class{name: typeName(v)}
	}
	return found
}

func based(prefix string, base int) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	return func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		i, ok := number(a[0]).(starlark.Int)
		if !ok {
			return nil, fmt.Errorf("%s is no integer", typeName(a[0]))
		}
		s := i.BigInt().Text(base)
		if rest, negative := strings.CutPrefix(s, "-"); negative {
			return starlark.String("-" + prefix + rest), nil
		}
		return starlark.String(prefix + s), nil
	}
}

// mapAll calls a function with the items of lists, side by side.
func mapAll(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	v, err := universal("zip")(t, nil, a[1:], nil)
	if err != nil {
		return nil, err
	}
	var out []starlark.Value
	for x := range starlark.Elements(v.(starlark.Iterable)) {
		y, err := starlark.Call(t, a[0], x.(starlark.Tuple), nil)
		if err != nil {
			return nil, err
		}
		out = append(out, y)
	}
	return starlark.NewList(out), nil
}

func filterAll(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	list, err := each(t, a[1])
	if err != nil {
		return nil, err
	}
	n := max(starlark.Len(list), 0)
	if err := chargeItems(t, n); err != nil {
		return nil, err
	}
	work(t, n)
	var out []starlark.Value
	for x := range starlark.Elements(list.(starlark.Iterable)) {
		y := x
		if a[0] != starlark.None {
			if y, err = starlark.Call(t, a[0], starlark.Tuple{x}, nil); err != nil {
				return nil, err
			}
		}
		if y.Truth() {
			out = append(out, x)
		}
	}
	return starlark.NewList(out), nil
}

// printLine is print(); where it goes is the caller's business.
func printLine(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	sep, end := " ", "\n"
	var ignored starlark.Value
	if err := starlark.UnpackArgs("print", nil, named, "sep?", &sep, "end?", &end, "file?", &ignored, "flush?", &ignored); err != nil {
		return nil, err
	}
	var line strings.Builder
	for i, v := range a {
		if i > 0 {
			line.WriteString(sep)
		}
		if line.WriteString(Str(v)); line.Len() > longest {
			return nil, within("print", errTooLarge)
		}
	}
	t.Print(t, line.String()+strings.TrimSuffix(end, "\n"))
	return starlark.None, charge(t, line.Len())
}
