package library

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// delta is a timedelta of Python, in microseconds.
type delta int64

var (
	_ starlark.HasAttrs   = delta(0)
	_ starlark.Comparable = delta(0)
	_ starlark.HasBinary  = delta(0)
	_ starlark.HasUnary   = delta(0)
)

const (
	second delta = 1e6
	day          = 24 * 3600 * second
	// longestDelta is about a hundred thousand years.
	longestDelta = 4e7 * day
)

func newDelta(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var parts [7]starlark.Value
	if err := starlark.UnpackArgs("timedelta", a, named, "days?", &parts[0], "seconds?", &parts[1], "microseconds?", &parts[2], "milliseconds?", &parts[3],
		"minutes?", &parts[4], "hours?", &parts[5], "weeks?", &parts[6]); err != nil {
		return nil, err
	}
	total := 0.0
	whole := delta(0)
	for i, unit := range []delta{day, second, 1, 1000, 60 * second, 3600 * second, 7 * day} {
		if parts[i] == nil {
			continue
		}
		if n, ok := parts[i].(starlark.Int); ok {
			if i64, small := n.Int64(); small && math.Abs(float64(i64)) < float64(longestDelta/unit) {
				whole += delta(i64) * unit
				continue
			}
		}
		var f float64
		if err := toNumber(parts[i], &f); err != nil {
			return nil, err
		}
		total += f * float64(unit)
	}
	return rounded(total).plus(whole)
}

// rounded makes a delta of a number of microseconds; what is too long is the longest one.
func rounded(f float64) delta {
	if !(math.Abs(f) <= float64(longestDelta)) {
		return longestDelta + 1
	}
	return delta(math.RoundToEven(f))
}

func (d delta) plus(o delta) (starlark.Value, error) {
	sum := d + o
	if d > longestDelta || sum > longestDelta || sum < -longestDelta {
		return nil, errors.New("the duration is out of range")
	}
	return sum, nil
}

// parts are days, seconds and microseconds; the latter are never negative.
func (d delta) parts() (days, seconds, micros int64) {
	days = int64(d / day)
	rest := d % day
	if rest < 0 {
		days--
		rest += day
	}
	return days, int64(rest / second), int64(rest % second)
}

func (d delta) text() string {
	days, s, micros := d.parts()
	out := ""
	if days != 0 {
		out = fmt.Sprintf("%d day", days)
		if days != 1 && days != -1 {
			out += "s"
		}
		out += ", "
	}
	out += fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	if micros != 0 {
		out += fmt.Sprintf(".%06d", micros)
	}
	return out
}

// String is what Python shows.
func (d delta) String() string {
	days, s, micros := d.parts()
	var list []string
	for i, n := range []int64{days, s, micros} {
		if n != 0 {
			list = append(list, fmt.Sprintf("%s=%d", []string{"days", "seconds", "microseconds"}[i], n))
		}
	}
	if list == nil {
		list = []string{"0"}
	}
	return "datetime.timedelta(" + strings.Join(list, ", ") + ")"
}

// Type is the name of the type.
func (d delta) Type() string { return "timedelta" }

// Freeze does nothing: durations do not change.
func (d delta) Freeze() {}

// Truth is false for nothing.
func (d delta) Truth() starlark.Bool { return d != 0 }

// Hash makes durations keys of dicts.
func (d delta) Hash() (uint32, error) { return uint32(d), nil }

// CompareSameType orders durations.
func (d delta) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	o := y.(delta)
	switch {
	case d < o:
		return ordered(op, -1), nil
	case d > o:
		return ordered(op, 1), nil
	}
	return ordered(op, 0), nil
}

// Unary is -d and +d.
func (d delta) Unary(op syntax.Token) (starlark.Value, error) {
	switch op {
	case syntax.MINUS:
		return -d, nil
	case syntax.PLUS:
		return d, nil
	}
	return nil, nil
}

// Binary calculates with durations and numbers.
func (d delta) Binary(op syntax.Token, y starlark.Value, side starlark.Side) (starlark.Value, error) {
	if o, ok := y.(delta); ok {
		if side == starlark.Right {
			d, o = o, d
		}
		return d.with(op, o)
	}
	if side == starlark.Right && op != syntax.STAR {
		return nil, nil
	}
	var f float64
	if toNumber(y, &f) != nil {
		return nil, nil
	}
	if f == 0 && op != syntax.STAR {
		return nil, errors.New("division by zero")
	}
	switch op {
	case syntax.STAR:
		return rounded(float64(d) * f).plus(0)
	case syntax.SLASH:
		return rounded(float64(d) / f).plus(0)
	case syntax.SLASHSLASH:
		return rounded(math.Floor(float64(d) / f)).plus(0)
	}
	return nil, nil
}

func (d delta) with(op syntax.Token, o delta) (starlark.Value, error) {
	switch op {
	case syntax.PLUS:
		return d.plus(o)
	case syntax.MINUS:
		return d.plus(-o)
	}
	if o == 0 {
		return nil, errors.New("division by zero")
	}
	switch op {
	case syntax.SLASH:
		return starlark.Float(float64(d) / float64(o)), nil
	case syntax.SLASHSLASH:
		return starlark.MakeInt64(int64(math.Floor(float64(d) / float64(o)))), nil
	case syntax.PERCENT:
		return d - o*delta(math.Floor(float64(d)/float64(o))), nil
	}
	return nil, nil
}

// Attr returns a member.
func (d delta) Attr(name string) (starlark.Value, error) {
	days, s, micros := d.parts()
	switch name {
	case "days":
		return starlark.MakeInt64(days), nil
	case "seconds":
		return starlark.MakeInt64(s), nil
	case "microseconds":
		return starlark.MakeInt64(micros), nil
	case "total_seconds":
		return simple(name, 0, 0, func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
			return starlark.Float(float64(d) / float64(second)), nil
		}), nil
	}
	return nil, nil
}

// AttrNames lists the members.
func (d delta) AttrNames() []string {
	return []string{"days", "microseconds", "seconds", "total_seconds"}
}
