package library

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

type textMethod = func(t *starlark.Thread, s string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error)

// textMethods are the methods of str. All of them count characters, not bytes.
func textMethods() map[string]textMethod {
	m := map[string]textMethod{
		"format": func(t *starlark.Thread, s string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			return formatText(t, s, a, named)
		},
		"format_map": formatMap,
		"encode":     same, "decode": same,
		"split": splitter(false), "rsplit": splitter(true), "splitlines": splitLines, "join": joinText, "replace": replaceText,
		"partition": partition(strings.Index), "rpartition": partition(strings.LastIndex),
		"find": finder(strings.Index, false), "rfind": finder(strings.LastIndex, false),
		"index": finder(strings.Index, true), "rindex": finder(strings.LastIndex, true), "count": countText,
		"startswith": affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
		"removeprefix": remover(strings.TrimPrefix), "removesuffix": remover(strings.TrimSuffix),
		"strip":  stripper(strings.TrimFunc, strings.Trim),
		"lstrip": stripper(strings.TrimLeftFunc, strings.TrimLeft), "rstrip": stripper(strings.TrimRightFunc, strings.TrimRight),
		"ljust": padder(func(n, _ int) int { return 0 }), "rjust": padder(func(n, _ int) int { return n }),
		"center": padder(func(n, width int) int { return n/2 + n&width&1 }), "zfill": zfill, "expandtabs": expandTabs,
	}
	for name, f := range map[string]func(string) string{
		"lower": lower, "upper": upper, "casefold": lower, "swapcase": swapCase, "title": title, "capitalize": capitalize,
	} {
		m[name] = func(t *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(a) > 0 {
				return nil, errArguments
			}
			return starlark.String(f(s)), charge(t, len(s))
		}
	}
	for name, f := range map[string]func(string) bool{
		"isalpha": every(unicode.IsLetter), "isdigit": every(unicode.IsDigit), "isdecimal": every(unicode.IsDigit), "isnumeric": every(unicode.IsNumber),
		"isspace": every(unicode.IsSpace), "isalnum": every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		"isupper": cased(unicode.IsLower, unicode.IsUpper), "islower": cased(unicode.IsUpper, unicode.IsLower), "istitle": isTitle,
		"isascii": func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 },
	} {
		m[name] = func(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(a) > 0 {
				return nil, errArguments
			}
			return starlark.Bool(f(s)), nil
		}
	}
	return m
}

// same is encode and decode: text is bytes here.
func same(_ *starlark.Thread, s string, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return starlark.String(s), nil
}

// argument returns a text among the arguments.
func argument(a starlark.Tuple, i int) (string, error) {
	if i >= len(a) {
		return "", errArguments
	}
	s, ok := a[i].(starlark.String)
	if !ok {
		return "", fmt.Errorf("must be str, got %s", typeName(a[i]))
	}
	return string(s), nil
}

func every(is func(rune) bool) func(string) bool {
	return func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
	}
}

// cased reports whether there are letters of one case and none of the other.
func cased(other, this func(rune) bool) func(string) bool {
	return func(s string) bool { return strings.IndexFunc(s, other) < 0 && strings.IndexFunc(s, this) >= 0 }
}

func isTitle(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 && title(s) == s }

// mapped changes every character; bytes that are none stay.
func mapped(s string, f func(rune) rune) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && w == 1 {
			out.WriteByte(s[i])
		} else {
			out.WriteRune(f(r))
		}
		i += w
	}
	return out.String()
}

func lower(s string) string {
	if utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	return mapped(s, unicode.ToLower)
}

func upper(s string) string {
	if utf8.ValidString(s) {
		return strings.ToUpper(s)
	}
	return mapped(s, unicode.ToUpper)
}

func title(s string) string {
	inWord := false
	return mapped(s, func(r rune) rune {
		first := !inWord
		if inWord = unicode.IsLetter(r); inWord && first {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	})
}

func capitalize(s string) string {
	first := true
	return mapped(s, func(r rune) rune {
		if first {
			first = false
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	})
}

func swapCase(s string) string {
	return mapped(s, func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	})
}

// splitter is split and rsplit.
func splitter(right bool) textMethod {
	return func(t *starlark.Thread, s string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
		var sep starlark.Value = starlark.None
		limit := -1
		if len(a) == 1 && len(named) == 0 {
			sep = a[0]
		} else if err := starlark.UnpackArgs("split", a, named, "sep?", &sep, "maxsplit?", &limit); err != nil {
			return nil, err
		}
		work(t, len(s)/bytesPerStep)
		var parts []string
		switch by, ok := sep.(starlark.String); {
		case sep == starlark.None:
			parts = splitBlanks(s, limit, right)
		case !ok:
			return nil, fmt.Errorf("must be str or None, got %s", typeName(sep))
		case by == "":
			return nil, errors.New("the separator is empty")
		case right && limit >= 0:
			parts = splitRight(s, string(by), limit)
		case limit >= 0:
			parts = strings.SplitN(s, string(by), limit+1)
		default:
			parts = strings.Split(s, string(by))
		}
		return texts(t, parts)
	}
}

// texts makes a list.
func texts(t *starlark.Thread, parts []string) (starlark.Value, error) {
	if err := chargeItems(t, len(parts)); err != nil {
		return nil, err
	}
	list := make([]starlark.Value, len(parts))
	for i, p := range parts {
		list[i] = starlark.String(p)
	}
	return starlark.NewList(list), nil
}

func splitRight(s, by string, limit int) []string {
	var parts []string
	for ; limit > 0; limit-- {
		i := strings.LastIndex(s, by)
		if i < 0 {
			break
		}
		parts = append([]string{s[i+len(by):]}, parts...)
		s = s[:i]
	}
	return append([]string{s}, parts...)
}

// splitBlanks splits at runs of blanks, limit times at most if that is not negative.
func splitBlanks(s string, limit int, right bool) []string {
	parts := strings.Fields(s)
	if limit < 0 || len(parts) <= limit {
		return parts
	}
	if right {
		rest := strings.TrimRightFunc(s, unicode.IsSpace)
		for range limit {
			rest = strings.TrimRightFunc(rest[:strings.LastIndexFunc(rest, unicode.IsSpace)+1], unicode.IsSpace)
		}
		parts = parts[len(parts)-limit:]
		return append([]string{rest}, parts...)
	}
	rest := strings.TrimLeftFunc(s, unicode.IsSpace)
	for range limit {
		rest = strings.TrimLeftFunc(rest[len(strings.Fields(rest)[0]):], unicode.IsSpace)
	}
	if rest == "" {
		return parts[:limit]
	}
	return append(parts[:limit:limit], rest)
}

func splitLines(t *starlark.Thread, s string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	keep := false
	if err := starlark.UnpackArgs("splitlines", a, named, "keepends?", &keep); err != nil {
		return nil, err
	}
	var parts []string
	for s != "" {
		n := strings.IndexAny(s, "\r\n")
		w := 1
		if n < 0 {
			n, w = len(s), 0
		} else if strings.HasPrefix(s[n:], "\r\n") {
			w = 2
		}
		end := n
		if keep {
			end += w
		}
		parts = append(parts, s[:end])
		s = s[n+w:]
	}
	return texts(t, parts)
}

func joinText(t *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) != 1 {
		return nil, errArguments
	}
	list, err := each(t, a[0])
	if err != nil {
		return nil, err
	}
	var parts []string
	size := 0
	for x := range starlark.Elements(list.(starlark.Iterable)) {
		part, ok := x.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("all items must be str, got %s", typeName(x))
		}
		if size += len(part) + len(s); size > longest {
			return nil, errTooLarge
		}
		parts = append(parts, string(part))
	}
	return starlark.String(strings.Join(parts, s)), charge(t, size)
}

func replaceText(t *starlark.Thread, s string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var old, with string
	limit := -1
	if err := starlark.UnpackArgs("replace", a, named, "old", &old, "new", &with, "count?", &limit); err != nil {
		return nil, err
	}
	n := strings.Count(s, old)
	if limit >= 0 {
		n = min(n, limit)
	}
	if len(with) > 0 && n > longest/len(with) {
		return nil, errTooLarge
	}
	if err := charge(t, len(s)+n*len(with)); err != nil {
		return nil, err
	}
	return starlark.String(strings.Replace(s, old, with, limit)), nil
}

func partition(find func(s, sep string) int) textMethod {
	last := find("aa", "a") == 1
	return func(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		sep, err := argument(a, 0)
		if err != nil {
			return nil, err
		}
		before, between, after := s, "", ""
		if i := find(s, sep); i >= 0 {
			before, between, after = s[:i], sep, s[i+len(sep):]
		} else if last {
			before, after = "", s
		}
		return starlark.Tuple{starlark.String(before), starlark.String(between), starlark.String(after)}, nil
	}
}

// window cuts the part of s between two indices, and tells how many characters are before it.
func window(s string, bounds starlark.Tuple) (part string, before int, err error) {
	if len(bounds) == 0 {
		return s, 0, nil
	}
	three := starlark.Tuple{bounds[0], starlark.None, starlark.None}
	if len(bounds) > 1 {
		three[1] = bounds[1]
	}
	n := utf8.RuneCountInString(s)
	from, to, _, err := limits(three, n)
	if err != nil {
		return "", 0, err
	}
	begin := offset(s, from)
	return s[begin : begin+offset(s[begin:], to-from)], from, nil
}

// finder is find, rfind, index and rindex.
func finder(find func(s, sep string) int, must bool) textMethod {
	return func(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		part, err := argument(a, 0)
		if err != nil {
			return nil, err
		}
		in, before, err := window(s, a[1:])
		if err != nil {
			return nil, err
		}
		switch i := find(in, part); {
		case i >= 0:
			return starlark.MakeInt(before + utf8.RuneCountInString(in[:i])), nil
		case must:
			return nil, errors.New("the text was not found")
		}
		return starlark.MakeInt(-1), nil
	}
}

func countText(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	part, err := argument(a, 0)
	if err != nil {
		return nil, err
	}
	in, _, err := window(s, a[1:])
	return starlark.MakeInt(strings.Count(in, part)), err
}

// affix is startswith and endswith.
func affix(has func(s, part string) bool) textMethod {
	return func(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(a) == 0 {
			return nil, errArguments
		}
		in, _, err := window(s, a[1:])
		if err != nil {
			return nil, err
		}
		parts, ok := a[0].(starlark.Tuple)
		if !ok {
			parts = a[:1]
		}
		for i := range parts {
			part, err := argument(parts, i)
			if err != nil {
				return nil, err
			}
			if has(in, part) {
				return starlark.True, nil
			}
		}
		return starlark.False, nil
	}
}

func remover(cut func(s, part string) string) textMethod {
	return func(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		part, err := argument(a, 0)
		return starlark.String(cut(s, part)), err
	}
}

func stripper(blanks func(string, func(rune) bool) string, chars func(s, set string) string) textMethod {
	return func(_ *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(a) == 0 || a[0] == starlark.None {
			return starlark.String(blanks(s, unicode.IsSpace)), nil
		}
		set, err := argument(a, 0)
		return starlark.String(chars(s, set)), err
	}
}

// padder fills text up to a width; before tells how much of the n characters goes in front.
func padder(before func(n, width int) int) textMethod {
	return func(t *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		fill := " "
		if len(a) > 1 {
			var err error
			if fill, err = argument(a, 1); err != nil {
				return nil, err
			}
		}
		n, err := missing(t, s, a, len(fill))
		if err != nil {
			return nil, err
		}
		left := before(n, n+utf8.RuneCountInString(s))
		return starlark.String(strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)), nil
	}
}

// missing is how many characters are missing from the width that the first argument gives.
func missing(t *starlark.Thread, s string, a starlark.Tuple, size int) (int, error) {
	if len(a) == 0 {
		return 0, errArguments
	}
	width, err := starlark.AsInt32(number(a[0]))
	if err != nil {
		return 0, err
	}
	n := max(0, width-utf8.RuneCountInString(s))
	if n > longest {
		return 0, errTooLarge
	}
	return n, charge(t, len(s)+n*size)
}

func zfill(t *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	n, err := missing(t, s, a, 1)
	if err != nil {
		return nil, err
	}
	sign := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign = 1
	}
	return starlark.String(s[:sign] + strings.Repeat("0", n) + s[sign:]), nil
}

func expandTabs(t *starlark.Thread, s string, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	size := 8
	if err := starlark.UnpackArgs("expandtabs", a, named, "tabsize?", &size); err != nil {
		return nil, err
	}
	if size < 0 || size > 100 {
		return nil, errTooLarge
	}
	if err := charge(t, len(s)+strings.Count(s, "\t")*size); err != nil {
		return nil, err
	}
	var out strings.Builder
	column := 0
	for i := 0; i < len(s); {
		_, w := utf8.DecodeRuneInString(s[i:])
		if s[i] == '\t' {
			n := 0
			if size > 0 {
				n = size - column%size
			}
			out.WriteString(strings.Repeat(" ", n))
			column += n
		} else {
			out.WriteString(s[i : i+w])
			if column++; s[i] == '\n' || s[i] == '\r' {
				column = 0
			}
		}
		i += w
	}
	return starlark.String(out.String()), nil
}

func formatMap(t *starlark.Thread, s string, a starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(a) != 1 {
		return nil, errArguments
	}
	m, ok := a[0].(starlark.Mapping)
	if !ok {
		return nil, fmt.Errorf("must be dict, got %s", typeName(a[0]))
	}
	return expandBraces(t, s, &braces{mapping: m})
}
