package library

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"gambolputty/actor/event"
)

func jsonModule() *starlarkstruct.Module {
	return module("json", nil,
		starlark.NewBuiltin("loads", func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			v, err := loads(t, a)
			return v, within("json.loads", err)
		}),
		starlark.NewBuiltin("dumps", func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			v, err := dumps(t, a, named)
			return v, within("json.dumps", err)
		}),
	)
}

func loads(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	s, err := argument(a, 0)
	if err != nil {
		return nil, err
	}
	if err := charge(t, 4*len(s)); err != nil {
		return nil, err
	}
	work(t, len(s)/4)
	d := event.Decoder{MaxDepth: nesting, AllowNaN: true}
	v, rest, err := d.Decode(s)
	if err == nil && strings.Trim(rest, " \t\r\n") != "" {
		err = errors.New("there is more behind the value")
	}
	if err != nil {
		return nil, err
	}
	return FromEvent(v), nil
}

// dumper writes JSON.
type dumper struct {
	t           *starlark.Thread
	out         []byte
	ascii, sort bool
	indent      string
	item, key   string // what stands between items, and behind keys
	otherwise   starlark.Value
	left        int
}

func dumps(t *starlark.Thread, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	var indent, separators starlark.Value = starlark.None, starlark.None
	d := dumper{t: t, ascii: true, item: ", ", key: ": ", otherwise: starlark.None, left: values}
	var ignored starlark.Value
	if err := starlark.UnpackArgs("dumps", a, named, "obj", &v, "skipkeys?", &ignored, "ensure_ascii?", &d.ascii, "check_circular?", &ignored, "allow_nan?", &ignored,
		"cls?", &ignored, "indent?", &indent, "separators?", &separators, "default?", &d.otherwise, "sort_keys?", &d.sort); err != nil {
		return nil, err
	}
	switch x := indent.(type) {
	case starlark.Int:
		n, _ := x.Int64()
		d.indent = "\n" + strings.Repeat(" ", int(min(max(n, 0), 16)))
		d.item = ","
	case starlark.String:
		d.indent, d.item = "\n"+string(x), ","
	}
	if pair, ok := separators.(starlark.Tuple); ok && len(pair) == 2 {
		d.item, d.key = Str(pair[0]), Str(pair[1])
	}
	if err := d.value(v, 1); err != nil {
		return nil, err
	}
	return starlark.String(d.out), charge(t, len(d.out))
}

func (d *dumper) value(v starlark.Value, depth int) error {
	if d.left--; d.left < 0 || len(d.out) > longest {
		return errTooLarge
	}
	if depth > nesting {
		return errNested
	}
	work(d.t, 2)
	switch v := v.(type) {
	case starlark.NoneType:
		d.out = append(d.out, "null"...)
	case starlark.Bool:
		d.out = append(d.out, strings.ToLower(v.String())...)
	case starlark.Int:
		d.out = append(d.out, v.String()...)
	case starlark.Float:
		d.out = append(d.out, jsonNumber(v)...)
	case starlark.String:
		d.text(string(v))
	case starlark.IterableMapping:
		return d.mapping(v, depth)
	case *starlark.List, starlark.Tuple:
		return d.list(v.(starlark.Iterable), depth)
	default:
		if d.otherwise == starlark.None {
			return fmt.Errorf("%s cannot be written as JSON", typeName(v))
		}
		x, err := starlark.Call(d.t, d.otherwise, starlark.Tuple{v}, nil)
		if err != nil {
			return err
		}
		return d.value(x, depth+1)
	}
	return nil
}

// jsonNumber writes a float as Python does, infinities included.
func jsonNumber(f starlark.Float) string {
	switch s := event.Float(float64(f)).Text(); s {
	case "nan":
		return "NaN"
	case "inf":
		return "Infinity"
	case "-inf":
		return "-Infinity"
	default:
		return s
	}
}

func (d *dumper) newLine(depth int) {
	if d.indent != "" {
		d.out = append(d.out, '\n')
		for range depth {
			d.out = append(d.out, d.indent[1:]...)
		}
	}
}

func (d *dumper) list(list starlark.Iterable, depth int) error {
	first := true
	d.out = append(d.out, '[')
	for x := range starlark.Elements(list) {
		if !first {
			d.out = append(d.out, d.item...)
		}
		first = false
		d.newLine(depth)
		if err := d.value(x, depth+1); err != nil {
			return err
		}
	}
	if !first {
		d.newLine(depth - 1)
	}
	d.out = append(d.out, ']')
	return nil
}

func (d *dumper) mapping(m starlark.IterableMapping, depth int) error {
	pairs := m.Items()
	if d.sort {
		slices.SortStableFunc(pairs, func(a, b starlark.Tuple) int { return strings.Compare(jsonKey(a[0]), jsonKey(b[0])) })
	}
	d.out = append(d.out, '{')
	for i, pair := range pairs {
		if i > 0 {
			d.out = append(d.out, d.item...)
		}
		d.newLine(depth)
		d.text(jsonKey(pair[0]))
		d.out = append(d.out, d.key...)
		if err := d.value(pair[1], depth+1); err != nil {
			return err
		}
	}
	if len(pairs) > 0 {
		d.newLine(depth - 1)
	}
	d.out = append(d.out, '}')
	return nil
}

// jsonKey makes a text of the key of a dict.
func jsonKey(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.NoneType:
		return "null"
	case starlark.Bool:
		return strings.ToLower(v.String())
	}
	return Str(v)
}

func (d *dumper) text(s string) {
	if !d.ascii {
		d.out = event.AppendJSONString(d.out, s)
		return
	}
	plain := event.AppendJSONString(nil, s)
	for len(plain) > 0 {
		r, w := utf8.DecodeRune(plain)
		switch {
		case r < 0x7f:
			d.out = append(d.out, byte(r))
		case r > 0xffff:
			a, b := utf16.EncodeRune(r)
			d.out = fmt.Appendf(d.out, `\u%04x\u%04x`, a, b)
		default:
			d.out = fmt.Appendf(d.out, `\u%04x`, r)
		}
		plain = plain[w:]
	}
}
