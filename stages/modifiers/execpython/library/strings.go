package library

import (
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// stringModule has sets of characters, and the functions of Python 2 that are methods now.
func stringModule() *starlarkstruct.Module {
	const (
		lower  = "abcdefghijklmnopqrstuvwxyz"
		upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits = "0123456789"
		signs  = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
		blanks = " \t\n\r\v\f"
	)
	m := starlark.StringDict{}
	for name, set := range map[string]string{
		"ascii_letters": lower + upper, "ascii_lowercase": lower, "ascii_uppercase": upper, "letters": lower + upper, "lowercase": lower, "uppercase": upper,
		"digits": digits, "hexdigits": digits + "abcdefABCDEF", "octdigits": digits[:8], "punctuation": signs, "whitespace": blanks,
		"printable": digits + lower + upper + signs + blanks,
	} {
		m[name] = starlark.String(set)
	}
	own := textMethods()
	for _, name := range []string{
		"lower", "upper", "capitalize", "swapcase", "strip", "lstrip", "rstrip", "split", "rsplit", "find", "rfind", "index", "rindex", "count", "replace",
		"ljust", "rjust", "center", "zfill", "expandtabs",
	} {
		m[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			s, err := argument(a, 0)
			if err != nil {
				return nil, within(name, err)
			}
			v, err := own[name](t, s, a[1:], named)
			return v, within(name, err)
		})
	}
	join := simple("join", 1, 2, func(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
		sep := " "
		if len(a) > 1 {
			var err error
			if sep, err = argument(a, 1); err != nil {
				return nil, err
			}
		}
		return joinText(t, sep, a[:1], nil)
	})
	m["joinfields"] = join
	return module("string", m, join, simple("capwords", 1, 2, capWords))
}

func capWords(t *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
	s, err := argument(a, 0)
	if err != nil {
		return nil, err
	}
	words, sep := strings.Fields(s), " "
	if len(a) > 1 && a[1] != starlark.None {
		if sep, err = argument(a, 1); err != nil || sep == "" {
			return nil, errArguments
		}
		words = strings.Split(s, sep)
	}
	for i, w := range words {
		words[i] = capitalize(w)
	}
	return starlark.String(strings.Join(words, sep)), charge(t, len(s))
}
