package expr

import (
	"strings"
	"unicode"

	"gambolputty/actor/event"
)

// callFunction evaluates a function other than those of re.
func (m *Matcher) callFunction(name string, args []val) val {
	a := args[0]
	switch name {
	case "len":
		return number(length(a))
	case "bool":
		return boolean(a.truth())
	case "isinstance":
		for _, t := range args[1:] {
			if isType(a, t.Str()) {
				return boolean(true)
			}
		}
		return boolean(false)
	case "int":
		return m.counted(toInt(a))
	case "float":
		return m.counted(toFloat(a))
	}
	for _, x := range args {
		if x.missing || x.match != nil {
			return missing
		}
	}
	switch name {
	case "str", "unicode":
		return text(a.Text())
	case "abs":
		if ordered("<", a, number(0)) && a.IsNumber() {
			return sign("-", a)
		}
		return sign("+", a)
	case "round":
		return rounded(args)
	case "min", "max":
		return extreme(several(args), name == "max")
	}
	return listFunction(name, a)
}

func rounded(args []val) val {
	digits := int64(0)
	if len(args) > 1 {
		n, ok := args[1].Int()
		if !ok {
			return missing
		}
		digits = n
	}
	return round(args[0], int(max(min(digits, 1000), -1000)))
}

// several are the items of a single list, or the arguments themselves.
func several(args []val) []event.Value {
	if len(args) == 1 && args[0].Kind() == event.KindList {
		return items(args[0])
	}
	var out []event.Value
	for _, a := range args {
		out = append(out, a.Value)
	}
	return out
}

func listFunction(name string, a val) val {
	if a.Kind() != event.KindList {
		return missing
	}
	list := items(a)
	switch name {
	case "sorted":
		return sorted(list)
	case "any", "all":
		for _, v := range list {
			if v.Truth() == (name == "any") {
				return boolean(name == "any")
			}
		}
		return boolean(name == "all")
	}
	total := number(0) // sum
	for _, v := range list {
		if total = arith("+", total, of(v)); total.missing {
			return missing
		}
	}
	return total
}

// counted notes a value that could not be cast.
func (m *Matcher) counted(v val, err error) val {
	if err != nil && m.probe != nil {
		m.probe.Failed(m.f.prog.source, err)
	}
	return v
}

// callMethod evaluates a method of args[0].
func callMethod(name string, args []val) val {
	a := args[0]
	if a.match != nil {
		return a.match.method(name, args[1:])
	}
	for _, x := range args[1:] {
		if x.missing || x.match != nil {
			return missing
		}
	}
	switch k := a.Kind(); {
	case a.missing || k == event.KindNull:
		return missing
	case k == event.KindList:
		return listMethod(name, a, args[1:])
	case k == event.KindMap:
		return mapMethod(name, a.Map(), args[1:])
	}
	return textMethod(name, a.Text(), args[1:])
}

func listMethod(name string, a val, args []val) val {
	if len(args) != 1 || name != "count" && name != "index" {
		return missing
	}
	n := 0
	for i, v := range items(a) {
		if equal(of(v), args[0]) {
			if name == "index" {
				return number(i)
			}
			n++
		}
	}
	if name == "index" {
		return missing
	}
	return number(n)
}

func mapMethod(name string, m *event.Map, args []val) val {
	var list []event.Value
	switch name {
	case "get":
		if v, ok := m.GetName(args[0].Text()); ok {
			return of(v)
		}
		if len(args) > 1 {
			return args[1]
		}
		return of(event.Null)
	case "has_key":
		_, ok := m.GetName(args[0].Text())
		return boolean(ok)
	case "keys":
		for i := range m.Len() {
			list = append(list, event.String(m.At(i).Key.Name))
		}
	case "values":
		for i := range m.Len() {
			list = append(list, m.At(i).Value)
		}
	default:
		return missing
	}
	return of(event.ListOf(list...))
}

// textMethod evaluates a method of a text.
func textMethod(name, s string, args []val) val {
	switch name {
	case "startswith", "endswith":
		return affix(name, s, args)
	case "lower":
		return text(strings.ToLower(s))
	case "upper":
		return text(strings.ToUpper(s))
	case "title":
		return text(title(s))
	case "capitalize":
		return text(capitalize(s))
	case "strip", "lstrip", "rstrip":
		return strip(name, s, args)
	case "split", "rsplit":
		return split(name, s, args)
	case "splitlines":
		return of(event.ListOf(texts(splitLines(s))...))
	case "find", "rfind", "index", "count":
		return find(name, s, args)
	case "replace":
		return replace(s, args)
	case "join":
		return join(s, args[0])
	case "zfill":
		return zfill(s, args[0])
	}
	if f := classes[name]; f != nil {
		return boolean(every(s, f))
	}
	switch name {
	case "islower":
		return boolean(s != strings.ToUpper(s) && s == strings.ToLower(s))
	case "isupper":
		return boolean(s != strings.ToLower(s) && s == strings.ToUpper(s))
	}
	return missing
}

// classes are the tests that every character must pass.
var classes = map[string]func(rune) bool{
	"isdigit": unicode.IsDigit, "isalpha": unicode.IsLetter, "isspace": unicode.IsSpace,
	"isalnum": func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) },
}

func every(s string, f func(rune) bool) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0
}

func texts(parts []string) []event.Value {
	list := make([]event.Value, 0, len(parts))
	for _, p := range parts {
		list = append(list, event.String(p))
	}
	return list
}

// affix is startswith or endswith, with a text or a tuple of texts.
func affix(name, s string, args []val) val {
	if len(args) > 1 {
		s = window(s, args[1:])
	}
	for _, v := range several(args[:1]) {
		if !v.IsString() {
			continue
		}
		if name == "startswith" && strings.HasPrefix(s, v.Str()) || name == "endswith" && strings.HasSuffix(s, v.Str()) {
			return boolean(true)
		}
	}
	return boolean(false)
}

// window is the part of s between an optional start and end.
func window(s string, args []val) string {
	var b [3]*val
	for i := range args {
		b[i] = &args[i]
	}
	return slice(text(s), b).Str()
}

func strip(name, s string, args []val) val {
	cut := unicode.IsSpace
	if len(args) > 0 && args[0].IsString() {
		set := args[0].Str()
		cut = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if name != "rstrip" {
		s = strings.TrimLeftFunc(s, cut)
	}
	if name != "lstrip" {
		s = strings.TrimRightFunc(s, cut)
	}
	return text(s)
}

func split(name, s string, args []val) val {
	limit := -1
	if len(args) > 1 {
		n, ok := args[1].Int()
		if !ok {
			return missing
		}
		limit = int(n)
	}
	if len(args) == 0 || args[0].IsNull() {
		return of(event.ListOf(texts(splitBlanks(s, limit, name == "rsplit"))...))
	}
	sep := args[0].Str()
	if sep == "" {
		return missing
	}
	if name == "split" || limit < 0 {
		n := -1
		if limit >= 0 {
			n = limit + 1
		}
		return of(event.ListOf(texts(strings.SplitN(s, sep, n))...))
	}
	var parts []string
	for ; limit > 0; limit-- {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		parts = append([]string{s[i+len(sep):]}, parts...)
		s = s[:i]
	}
	return of(event.ListOf(texts(append([]string{s}, parts...))...))
}

// splitBlanks splits at white space, at most limit times, from the left or the right.
func splitBlanks(s string, limit int, right bool) []string {
	fields := strings.Fields(s)
	if limit < 0 || len(fields) <= limit+1 {
		return fields
	}
	if right {
		rest := s
		for range limit {
			rest = strings.TrimRightFunc(rest, unicode.IsSpace)
			rest = rest[:strings.LastIndexFunc(rest, unicode.IsSpace)+1]
		}
		return append([]string{strings.TrimRightFunc(rest, unicode.IsSpace)}, fields[len(fields)-limit:]...)
	}
	rest := s
	for range limit {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		rest = rest[strings.IndexFunc(rest, unicode.IsSpace):]
	}
	return append(fields[:limit:limit], strings.TrimLeftFunc(rest, unicode.IsSpace))
}

func splitLines(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = strings.TrimSuffix(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// find is find, rfind, index or count. Positions are characters.
func find(name, s string, args []val) val {
	if !args[0].IsString() {
		return missing
	}
	part := args[0].Str()
	if name == "count" {
		return number(strings.Count(s, part))
	}
	offset := 0
	if len(args) > 1 {
		whole := s
		s = window(s, args[1:])
		offset = length(text(whole[:max(strings.Index(whole, s), 0)]))
		if n, ok := args[1].Int(); ok && n >= 0 {
			offset = int(n)
		}
	}
	i := strings.Index(s, part)
	if name == "rfind" {
		i = strings.LastIndex(s, part)
	}
	if i < 0 {
		if name == "index" {
			return missing
		}
		return number(-1)
	}
	return number(offset + length(text(s[:i])))
}

func replace(s string, args []val) val {
	if !args[0].IsString() || !args[1].IsString() {
		return missing
	}
	n := -1
	if len(args) > 2 {
		i, ok := args[2].Int()
		if !ok {
			return missing
		}
		n = int(i)
	}
	return text(strings.Replace(s, args[0].Str(), args[1].Str(), n))
}

func join(s string, list val) val {
	if list.Kind() != event.KindList {
		return missing
	}
	var parts []string
	for _, v := range items(list) {
		if !v.IsString() {
			return missing
		}
		parts = append(parts, v.Str())
	}
	return text(strings.Join(parts, s))
}

func zfill(s string, width val) val {
	n, ok := width.Int()
	if !ok || n > 1000 {
		return missing
	}
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		sign, s = s[:1], s[1:]
	}
	return text(sign + strings.Repeat("0", max(0, int(n)-length(text(s))-len(sign))) + s)
}

func title(s string) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		defer func() { before = r }()
		if unicode.IsLetter(before) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func capitalize(s string) string {
	first := true
	return strings.Map(func(r rune) rune {
		if first {
			first = false
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, s)
}

// method evaluates a method of a match.
func (m *match) method(name string, args []val) val {
	switch name {
	case "groups":
		var list []event.Value
		for g := 1; g < len(m.names); g++ {
			list = append(list, m.group(g).Value)
		}
		return of(event.ListOf(list...))
	case "groupdict":
		d := event.NewMap(len(m.names))
		for g, n := range m.names {
			if n != "" {
				d.Set(event.Intern(n), m.group(g).Value)
			}
		}
		return of(event.MapOf(d))
	case "group", "start", "end":
	default:
		return missing
	}
	if len(args) == 0 {
		args = []val{number(0)}
	}
	var list []event.Value
	for _, a := range args {
		g, ok := m.number(a)
		if !ok {
			return missing
		}
		switch name {
		case "start", "end":
			return m.edge(g, name)
		}
		list = append(list, m.group(g).Value)
	}
	if len(list) == 1 {
		return of(list[0])
	}
	return of(event.ListOf(list...))
}

func (m *match) number(a val) (int, bool) {
	if n, ok := a.Int(); ok {
		return int(n), n >= 0 && n < int64(len(m.names))
	}
	for g, name := range m.names {
		if g > 0 && a.IsString() && name == a.Str() {
			return g, true
		}
	}
	return 0, false
}

func (m *match) group(g int) val {
	if m.caps[2*g] < 0 {
		return of(event.Null)
	}
	return text(m.text[m.caps[2*g]:m.caps[2*g+1]])
}

func (m *match) edge(g int, name string) val {
	at := m.caps[2*g]
	if name == "end" {
		at = m.caps[2*g+1]
	}
	if at < 0 {
		return number(-1)
	}
	return number(length(text(m.text[:at])))
}
