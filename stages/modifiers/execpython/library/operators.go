package library

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/modifiers/execpython/python"
)

// operators are what the tree of a program calls instead of operators.
func operators() []*starlark.Builtin {
	return []*starlark.Builtin{
		infix(python.Add, add), infix(python.AddInPlace, addInPlace), infix(python.Multiply, multiply), infix(python.Power, power),
		infix(python.Modulo, modulo), infix(python.Index, index),
		infix(python.Delete, func(_ *starlark.Thread, x, key starlark.Value) (starlark.Value, error) {
			return starlark.None, remove(x, key)
		}),
		infix(python.Format, func(t *starlark.Thread, x, format starlark.Value) (starlark.Value, error) {
			return formatted(t, x, string(format.(starlark.String))) // Join makes it
		}),
		starlark.NewBuiltin(python.Slice, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return cut(t, a[0], a[1:])
		}),
		starlark.NewBuiltin(python.Each, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return each(t, a[0])
		}),
		starlark.NewBuiltin(python.Spread, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			v, err := each(t, a[0])
			if err == nil {
				err = chargeItems(t, max(starlark.Len(v), 0))
			}
			return v, err
		}),
		starlark.NewBuiltin(python.Set, universal("set")),
		starlark.NewBuiltin(python.Join, join),
		starlark.NewBuiltin(python.Raise, func(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return nil, raised(a)
		}),
	}
}

func infix(name string, f func(t *starlark.Thread, x, y starlark.Value) (starlark.Value, error)) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return f(t, a[0], a[1])
	})
}

// raised is the error of a raise statement.
func raised(a starlark.Tuple) error {
	text := string(a[0].(starlark.String)) // the parser writes it
	for i, v := range a[1:] {
		if i == 0 {
			text += ":"
		}
		text += " " + Str(v)
	}
	return errors.New(text)
}

// operate is an operator of Starlark, for which True and False count as numbers.
func operate(o syntax.Token, x, y starlark.Value) (starlark.Value, error) {
	v, err := starlark.Binary(o, number(x), number(y))
	if err != nil && strings.HasPrefix(err.Error(), "unknown binary op") {
		err = fmt.Errorf("%s is not possible with %s and %s", o, typeName(x), typeName(y))
	}
	return v, err
}

func add(t *starlark.Thread, x, y starlark.Value) (starlark.Value, error) {
	switch x := x.(type) {
	case starlark.String:
		if y, ok := y.(starlark.String); ok {
			if err := charge(t, len(x)+len(y)); err != nil {
				return nil, err
			}
			return x + y, nil
		}
	case starlark.Int:
		if y, ok := y.(starlark.Int); ok {
			return x.Add(y), nil
		}
	case starlark.Sequence:
		if n := starlark.Len(y); n >= 0 {
			if err := chargeItems(t, x.Len()+n); err != nil {
				return nil, err
			}
		}
	}
	return operate(syntax.PLUS, x, y)
}

// addInPlace extends a list, which other variables may see.
func addInPlace(t *starlark.Thread, x, y starlark.Value) (starlark.Value, error) {
	if l, ok := x.(*starlark.List); ok {
		return l, extend(t, l, y)
	}
	return add(t, x, y)
}

func extend(t *starlark.Thread, l *starlark.List, more starlark.Value) error {
	v, err := each(t, more)
	if err != nil {
		return err
	}
	if err := chargeItems(t, l.Len()+max(starlark.Len(v), 0)); err != nil {
		return err
	}
	items := elements(v.(starlark.Iterable)) // each makes sure
	for _, x := range items {
		if err := l.Append(x); err != nil {
			return err
		}
	}
	return nil
}

// mostBits bounds the size of an integer.
const mostBits = 1 << 16

func multiply(t *starlark.Thread, x, y starlark.Value) (starlark.Value, error) {
	x, y = number(x), number(y)
	a, ok1 := x.(starlark.Int)
	b, ok2 := y.(starlark.Int)
	switch {
	case ok1 && ok2:
		_, small1 := a.Int64()
		_, small2 := b.Int64()
		if !(small1 && small2) && a.BigInt().BitLen()+b.BigInt().BitLen() > mostBits {
			return nil, errTooLarge
		}
		return a.Mul(b), nil
	case ok1:
		return repeat(t, y, x, a)
	case ok2:
		return repeat(t, x, y, b)
	}
	return operate(syntax.STAR, x, y)
}

// repeat is x * times for a text or a list, or a product.
func repeat(t *starlark.Thread, x, y starlark.Value, times starlark.Int) (starlark.Value, error) {
	size, err := 0, error(nil)
	n, small := times.Int64()
	switch x.(type) {
	case starlark.String, *starlark.List, starlark.Tuple:
		size = starlark.Len(x)
		if s, ok := x.(starlark.String); ok {
			size = len(s)
		}
		if !small && times.Sign() > 0 || n > 0 && int64(size) > longest/n {
			return nil, errTooLarge
		}
	}
	if total := size * max(int(n), 0); total > 0 {
		if _, ok := x.(starlark.String); ok {
			err = charge(t, total)
		} else {
			err = chargeItems(t, total)
		}
	}
	if err != nil {
		return nil, err
	}
	return operate(syntax.STAR, x, y)
}

// power is a ** b, with the rules of calculations.
func power(_ *starlark.Thread, x, y starlark.Value) (starlark.Value, error) {
	return calculate("pow", starlark.Tuple{x, y})
}

// calculate calls a function of calculations.
func calculate(name string, args starlark.Tuple) (starlark.Value, error) {
	var room [2]event.Value
	a := room[:0]
	for _, x := range args {
		v, err := ToEvent(x)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	v, err := expr.Function(name, a...)
	if err != nil {
		return nil, err
	}
	return FromEvent(v), nil
}

func modulo(t *starlark.Thread, x, y starlark.Value) (starlark.Value, error) {
	if s, ok := x.(starlark.String); ok {
		out, err := percent(string(s), y)
		if err == nil {
			err = charge(t, len(out))
		}
		return starlark.String(out), err
	}
	return operate(syntax.PERCENT, x, y)
}

// index is x[y]. Texts are counted in characters.
func index(_ *starlark.Thread, x, y starlark.Value) (starlark.Value, error) {
	if m, ok := x.(starlark.Mapping); ok {
		v, found, err := m.Get(y)
		if err == nil && !found {
			err = fmt.Errorf("there is no key %s", repr(y))
		}
		return v, err
	}
	list, ok := x.(starlark.Indexable)
	if !ok {
		return nil, fmt.Errorf("%s has no index", typeName(x))
	}
	s, isText := x.(starlark.String)
	n := list.Len()
	if isText {
		n = utf8.RuneCountInString(string(s))
	}
	i, err := position(y, n)
	switch {
	case err != nil:
		return nil, err
	case isText:
		from := offset(string(s), i)
		_, w := utf8.DecodeRuneInString(string(s[from:]))
		return s[from : from+w], nil
	}
	return list.Index(i), nil
}

// position makes an index, which may count from the end, of a value.
func position(v starlark.Value, n int) (int, error) {
	i, err := starlark.AsInt32(number(v))
	if err != nil {
		return 0, fmt.Errorf("an index must be an integer, got %s", typeName(v))
	}
	at := i
	if at < 0 {
		at += n
	}
	if at < 0 || at >= n {
		return 0, fmt.Errorf("index %d is out of range, there are %d", i, n)
	}
	return at, nil
}

// offset is where the character with an index begins. An invalid byte is a character.
func offset(s string, at int) int {
	if len(s) == utf8.RuneCountInString(s) {
		return at
	}
	i := 0
	for ; at > 0 && i < len(s); at-- {
		_, w := utf8.DecodeRuneInString(s[i:])
		i += w
	}
	return i
}

// cut is x[from:to:step].
func cut(t *starlark.Thread, x starlark.Value, bounds starlark.Tuple) (starlark.Value, error) {
	list, ok := x.(starlark.Sliceable)
	if !ok {
		return nil, fmt.Errorf("%s cannot be sliced", typeName(x))
	}
	s, isText := x.(starlark.String)
	n := list.Len()
	if isText {
		n = utf8.RuneCountInString(string(s))
	}
	from, to, step, err := limits(bounds, n)
	if err != nil {
		return nil, err
	}
	if !isText || n == len(s) {
		if isText && step == 1 {
			return s[from:to], nil
		}
		if err := chargeItems(t, max(from, to)-min(from, to)); err != nil && !isText {
			return nil, err
		}
		return list.Slice(from, to, step), nil
	}
	if step == 1 {
		begin := offset(string(s), from)
		return s[begin : begin+offset(string(s[begin:]), to-from)], nil
	}
	runes := []rune(string(s))
	var out []rune
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		out = append(out, runes[i])
	}
	return starlark.String(string(out)), nil
}

// limits gives the bounds of a slice of n items as Sliceable wants them.
func limits(bounds starlark.Tuple, n int) (from, to, step int, err error) {
	step = 1
	get := func(v starlark.Value, otherwise, low, high int) int {
		if v == starlark.None {
			return otherwise
		}
		i, e := starlark.AsInt32(number(v))
		if e != nil {
			err = fmt.Errorf("a slice must be of integers, got %s", typeName(v))
		}
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	if v := bounds[2]; v != starlark.None {
		if step, err = starlark.AsInt32(number(v)); err != nil || step == 0 {
			return 0, 0, 0, errors.New("the step of a slice must be an integer other than 0")
		}
	}
	if step > 0 {
		from, to = get(bounds[0], 0, 0, n), get(bounds[1], n, 0, n)
		return from, max(from, to), step, err
	}
	from, to = get(bounds[0], n-1, -1, n-1), get(bounds[1], -1, -1, n-1)
	return max(from, to), to, step, err
}

// remove is del x[key].
func remove(x, key starlark.Value) error {
	switch x := x.(type) {
	case Deleter:
		return x.DeleteKey(key)
	case *starlark.Dict:
		_, found, err := x.Delete(key)
		if err == nil && !found {
			err = fmt.Errorf("there is no key %s", repr(key))
		}
		return err
	case *starlark.List:
		i, err := position(key, x.Len())
		if err != nil {
			return err
		}
		return refill(x, slices.Delete(elements(x), i, i+1))
	}
	return fmt.Errorf("nothing can be deleted from %s", typeName(x))
}

// Deleter is a mapping of the caller's from which keys can be deleted.
type Deleter interface {
	starlark.Mapping
	// DeleteKey removes a key; a missing one is an error.
	DeleteKey(key starlark.Value) error
}

// refill replaces the items of a list.
func refill(l *starlark.List, items []starlark.Value) error {
	if err := l.Clear(); err != nil {
		return err
	}
	for _, x := range items {
		if err := l.Append(x); err != nil {
			return err
		}
	}
	return nil
}

// each gives what a loop walks: of a text its characters.
func each(t *starlark.Thread, v starlark.Value) (starlark.Value, error) {
	s, ok := v.(starlark.String)
	if !ok {
		if _, ok := v.(starlark.Iterable); !ok {
			return nil, fmt.Errorf("%s cannot be iterated over", typeName(v))
		}
		return v, nil
	}
	n := utf8.RuneCountInString(string(s))
	if err := chargeItems(t, n); err != nil {
		return nil, err
	}
	list := make([]starlark.Value, 0, n)
	for len(s) > 0 {
		_, w := utf8.DecodeRuneInString(string(s))
		list = append(list, s[:w])
		s = s[w:]
	}
	return starlark.NewList(list), nil
}

// join joins the parts of an f-string.
func join(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var out []byte
	for _, v := range a {
		out = append(out, Str(v)...)
	}
	return starlark.String(out), charge(t, len(out))
}
