package library

import (
	"math"
	"math/big"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"gambolputty/actor/expr"
)

// modules make the modules that programs may import, by their names.
func modules() map[string]func() *starlarkstruct.Module {
	return map[string]func() *starlarkstruct.Module{
		"base64": base64Module, "datetime": datetimeModule, "hashlib": hashlibModule, "json": jsonModule, "math": mathModule, "random": randomModule,
		"re": reModule, "string": stringModule, "time": timeModule, "uuid": uuidModule,
	}
}

// Members lists what a module has, nil if there is no such module.
func Members(name string) []string {
	m := modules()[name]
	if m == nil {
		return nil
	}
	return m().Members.Keys()
}

// module makes a module of functions and other members.
func module(name string, members starlark.StringDict, functions ...*starlark.Builtin) *starlarkstruct.Module {
	if members == nil {
		members = starlark.StringDict{}
	}
	for _, f := range functions {
		members[f.Name()] = f
	}
	return &starlarkstruct.Module{Name: name, Members: members}
}

// mathModule has the functions that calculations have, and a few more.
func mathModule() *starlarkstruct.Module {
	m := starlark.StringDict{
		"pi": starlark.Float(math.Pi), "e": starlark.Float(math.E), "tau": starlark.Float(2 * math.Pi),
		"inf": starlark.Float(math.Inf(1)), "nan": starlark.Float(math.NaN()),
	}
	for _, full := range expr.Functions() {
		if name, ok := strings.CutPrefix(full, "math."); ok {
			m[name] = starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
				v, err := calculate(full, a)
				return v, within(full, err)
			})
		}
	}
	return module("math", m,
		simple("isfinite", 1, 1, floating(func(f []float64) starlark.Value { return starlark.Bool(!math.IsNaN(f[0]) && !math.IsInf(f[0], 0)) })),
		simple("copysign", 2, 2, floating(func(f []float64) starlark.Value { return starlark.Float(math.Copysign(f[0], f[1])) })),
		simple("expm1", 1, 1, floating(func(f []float64) starlark.Value { return starlark.Float(math.Expm1(f[0])) })),
		simple("log1p", 1, 1, floating(func(f []float64) starlark.Value { return starlark.Float(math.Log1p(f[0])) })),
		simple("modf", 1, 1, floating(func(f []float64) starlark.Value {
			whole, rest := math.Modf(f[0])
			return starlark.Tuple{starlark.Float(rest), starlark.Float(whole)}
		})),
		simple("fsum", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			return sum(t, starlark.Tuple{a[0], starlark.Float(0)})
		}),
		simple("prod", 1, 1, product), simple("isqrt", 1, 1, wholeRoot),
		starlark.NewBuiltin("isclose", isClose),
	)
}

// floating makes a function of numbers.
func floating(f func(f []float64) starlark.Value) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	return func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		list := make([]float64, len(a))
		for i, v := range a {
			if err := toNumber(v, &list[i]); err != nil {
				return nil, err
			}
		}
		return f(list), nil
	}
}

func toNumber(v starlark.Value, to *float64) error {
	f, err := toFloat(nil, nil, starlark.Tuple{v}, nil)
	if _, isText := v.(starlark.String); isText || err != nil {
		return errNumber
	}
	*to = float64(f.(starlark.Float))
	return nil
}

func product(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	list, err := each(t, a[0])
	if err != nil {
		return nil, err
	}
	var total starlark.Value = starlark.MakeInt(1)
	for x := range starlark.Elements(list.(starlark.Iterable)) {
		work(t, 1)
		if total, err = multiply(t, total, x); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func wholeRoot(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	i, ok := number(a[0]).(starlark.Int)
	if !ok || i.Sign() < 0 {
		return nil, errNumber
	}
	return starlark.MakeBigInt(new(big.Int).Sqrt(i.BigInt())), nil
}

func isClose(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var a, b starlark.Value
	var relative, absolute starlark.Value = starlark.Float(1e-9), starlark.Float(0)
	if err := starlark.UnpackArgs("isclose", args, named, "a", &a, "b", &b, "rel_tol?", &relative, "abs_tol?", &absolute); err != nil {
		return nil, err
	}
	v, err := floating(func(f []float64) starlark.Value {
		if f[0] == f[1] {
			return starlark.True
		}
		d := math.Abs(f[0] - f[1])
		return starlark.Bool(!math.IsInf(d, 0) && d <= max(f[2]*max(math.Abs(f[0]), math.Abs(f[1])), f[3]))
	})(nil, starlark.Tuple{a, b, relative, absolute})
	return v, within("isclose", err)
}
