package library

import (
	"errors"
	"math"
	"math/rand/v2"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// randomModule has random numbers that are good enough for sampling, not for secrets.
func randomModule() *starlarkstruct.Module {
	return module("random", nil,
		simple("random", 0, 0, func(t *starlark.Thread, _ starlark.Tuple) (starlark.Value, error) {
			return starlark.Float(dice(t).Float64()), nil
		}),
		simple("seed", 0, 1, seed),
		simple("randint", 2, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			from, to, err := twoInts(a)
			if err == nil && to == math.MaxInt64 {
				err = errTooLarge
			}
			if err != nil {
				return nil, err
			}
			return between(t, from, to+1, 1)
		}),
		simple("randrange", 1, 3, randRange),
		simple("getrandbits", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			n, err := starlark.AsInt32(a[0])
			if err != nil || n < 0 || n > 64 {
				return nil, errNumber
			}
			if n == 0 {
				return starlark.MakeInt(0), nil
			}
			return starlark.MakeUint64(dice(t).Uint64() >> (64 - n)), nil
		}),
		simple("uniform", 2, 2, drawn(func(r *rand.Rand, f []float64) float64 { return f[0] + (f[1]-f[0])*r.Float64() })),
		simple("gauss", 2, 2, drawn(func(r *rand.Rand, f []float64) float64 { return f[0] + f[1]*r.NormFloat64() })),
		simple("normalvariate", 2, 2, drawn(func(r *rand.Rand, f []float64) float64 { return f[0] + f[1]*r.NormFloat64() })),
		simple("expovariate", 1, 1, drawn(func(r *rand.Rand, f []float64) float64 { return r.ExpFloat64() / f[0] })),
		simple("choice", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			list, err := some(t, a[0])
			if err != nil {
				return nil, err
			}
			return list[dice(t).IntN(len(list))], nil
		}),
		starlark.NewBuiltin("choices", choices),
		simple("sample", 2, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			n, err := starlark.AsInt32(a[1])
			if err != nil {
				return nil, err
			}
			list, err := some(t, a[0])
			if err == nil && (n < 0 || n > len(list)) {
				err = errNumber
			}
			if err != nil {
				return nil, err
			}
			return starlark.NewList(shuffled(t, list)[:n]), nil
		}),
		simple("shuffle", 1, 1, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			l, ok := a[0].(*starlark.List)
			if !ok {
				return nil, errors.New("must be a list")
			}
			work(t, l.Len())
			return starlark.None, refill(l, shuffled(t, elements(l)))
		}),
	)
}

// dice is the generator of the machine.
func dice(t *starlark.Thread) *rand.Rand {
	m := machineOf(t)
	if m.dice == nil {
		m.dice = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return m.dice
}

func seed(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	m := machineOf(t)
	m.dice = nil
	if len(a) == 1 && a[0] != starlark.None {
		h, err := a[0].Hash()
		if err != nil {
			return nil, err
		}
		m.dice = rand.New(rand.NewPCG(uint64(h), 1))
	}
	return starlark.None, nil
}

func twoInts(a starlark.Tuple) (from, to int64, err error) {
	var list [2]int64
	for i := range list {
		n, ok := number(a[i]).(starlark.Int)
		if !ok {
			return 0, 0, errNumber
		}
		if list[i], ok = n.Int64(); !ok {
			return 0, 0, errTooLarge
		}
	}
	return list[0], list[1], nil
}

// between draws one of from, from+step and so on below to.
func between(t *starlark.Thread, from, to, step int64) (starlark.Value, error) {
	width := to - from
	if step <= 0 || width <= 0 {
		return nil, errors.New("the range is empty")
	}
	return starlark.MakeInt64(from + step*dice(t).Int64N((width-1)/step+1)), nil
}

func randRange(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	bounds := starlark.Tuple{starlark.MakeInt(0), a[0]}
	if len(a) > 1 {
		bounds = a[:2]
	}
	from, to, err := twoInts(bounds)
	if err != nil {
		return nil, err
	}
	step := int64(1)
	if len(a) == 3 {
		if step, _, err = twoInts(starlark.Tuple{a[2], a[2]}); err != nil {
			return nil, err
		}
	}
	return between(t, from, to, step)
}

func drawn(f func(r *rand.Rand, f []float64) float64) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	return func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		return floating(func(list []float64) starlark.Value { return starlark.Float(f(dice(t), list)) })(t, a)
	}
}

// some are the items of what may not be empty.
func some(t *starlark.Thread, v starlark.Value) ([]starlark.Value, error) {
	list, err := each(t, v)
	if err != nil {
		return nil, err
	}
	if err := chargeItems(t, max(starlark.Len(list), 0)); err != nil {
		return nil, err
	}
	items := elements(list.(starlark.Iterable))
	if len(items) == 0 {
		return nil, errors.New("there is nothing to choose from")
	}
	return items, nil
}

func shuffled(t *starlark.Thread, list []starlark.Value) []starlark.Value {
	dice(t).Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	return list
}

// choices draws k times, with weights if there are some.
func choices(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var from starlark.Value
	var weights starlark.Value = starlark.None
	k := 1
	if err := starlark.UnpackArgs("choices", a, named, "population", &from, "weights?", &weights, "k?", &k); err != nil {
		return nil, err
	}
	list, err := some(t, from)
	if err != nil {
		return nil, within("choices", err)
	}
	if err := chargeItems(t, max(k, 0)); err != nil {
		return nil, err
	}
	sums, total, err := cumulated(t, weights, len(list))
	if err != nil {
		return nil, within("choices", err)
	}
	var out []starlark.Value
	for range k {
		x := dice(t).Float64() * total
		at := 0
		for at < len(list)-1 && sums[at] <= x {
			at++
		}
		work(t, at)
		out = append(out, list[at])
	}
	return starlark.NewList(out), nil
}

// cumulated sums weights up; without any, all weigh the same.
func cumulated(t *starlark.Thread, weights starlark.Value, n int) (sums []float64, total float64, err error) {
	var list []starlark.Value
	if weights != starlark.None {
		if list, err = some(t, weights); err != nil {
			return nil, 0, err
		}
		if len(list) != n {
			return nil, 0, errors.New("there must be a weight for each value")
		}
	}
	for i := range n {
		w := 1.0
		if list != nil {
			if err := toNumber(list[i], &w); err != nil || w < 0 {
				return nil, 0, errNumber
			}
		}
		total += w
		sums = append(sums, total)
	}
	return sums, total, nil
}
