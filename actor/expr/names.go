package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
)

// arity is how many arguments a function or method takes.
type arity struct{ min, max int }

// functions of both languages. A negative maximum means any number.
var functions = map[string]arity{
	"len": {1, 1}, "int": {1, 1}, "float": {1, 1}, "str": {1, 1}, "unicode": {1, 1}, "bool": {1, 1}, "abs": {1, 1},
	"min": {1, -1}, "max": {1, -1}, "round": {1, 2}, "sum": {1, 1}, "any": {1, 1}, "all": {1, 1}, "sorted": {1, 1}, "isinstance": {2, 2},
}

// calcFunctions are known to calculations only.
var calcFunctions = map[string]arity{
	"pow": {2, 2}, "percentile": {2, 2}, "mean": {1, 1}, "median": {1, 1}, "stdev": {1, 1},
	"math.sqrt": {1, 1}, "math.exp": {1, 1}, "math.log": {1, 2}, "math.log10": {1, 1}, "math.log2": {1, 1}, "math.pow": {2, 2},
	"math.sin": {1, 1}, "math.cos": {1, 1}, "math.tan": {1, 1}, "math.asin": {1, 1}, "math.acos": {1, 1}, "math.atan": {1, 1}, "math.atan2": {2, 2},
	"math.sinh": {1, 1}, "math.cosh": {1, 1}, "math.tanh": {1, 1}, "math.floor": {1, 1}, "math.ceil": {1, 1}, "math.trunc": {1, 1},
	"math.fabs": {1, 1}, "math.fmod": {2, 2}, "math.hypot": {2, 2}, "math.degrees": {1, 1}, "math.radians": {1, 1},
	"math.isnan": {1, 1}, "math.isinf": {1, 1}, "math.factorial": {1, 1}, "math.gcd": {2, 2},
}

// methods of text, lists, maps and matches, the object not counted.
var methods = map[string]arity{
	"startswith": {1, 3}, "endswith": {1, 3}, "lower": {0, 0}, "upper": {0, 0}, "strip": {0, 1}, "lstrip": {0, 1}, "rstrip": {0, 1},
	"split": {0, 2}, "rsplit": {0, 2}, "splitlines": {0, 0}, "find": {1, 3}, "rfind": {1, 3}, "index": {1, 1}, "count": {1, 1},
	"replace": {2, 3}, "join": {1, 1}, "isdigit": {0, 0}, "isalpha": {0, 0}, "isalnum": {0, 0}, "isspace": {0, 0}, "islower": {0, 0},
	"isupper": {0, 0}, "title": {0, 0}, "capitalize": {0, 0}, "zfill": {1, 1},
	"get": {1, 2}, "has_key": {1, 1}, "keys": {0, 0}, "values": {0, 0},
	"group": {0, -1}, "groups": {0, 0}, "groupdict": {0, 0}, "start": {0, 1}, "end": {0, 1},
}

// types that isinstance knows.
var typeNames = []string{"str", "unicode", "basestring", "int", "long", "float", "bool", "list", "tuple", "dict"}

// name reads what begins with a name: a constant, a function call, event, or re.
func (p *parser) name(t token) *node {
	constant := func(v event.Value) *node {
		n := p.new(nodeLiteral, t.at, "")
		n.value = v
		return n
	}
	switch t.text {
	case "True", "true":
		return constant(event.Bool(true))
	case "False", "false":
		return constant(event.Bool(false))
	case "None":
		return constant(event.Null)
	case "event":
		if !p.calc {
			return p.new(nodeEvent, t.at, "event")
		}
	case "re":
		if p.op(".") {
			return p.regex(t)
		}
	case "math":
		if p.calc && p.op(".") {
			return p.math(t)
		}
	}
	if a, ok := functions[t.text]; ok && p.peek().text == "(" {
		return p.call(t, t.text, a)
	}
	if a, ok := calcFunctions[t.text]; ok && p.calc && p.peek().text == "(" {
		return p.call(t, t.text, a)
	}
	return p.unknown(t)
}

// words that mean something in Python but nothing here.
var words = []string{"lambda", "print", "exec", "eval", "yield", "import", "from", "def", "class", "assert", "del", "pass", "return", "while", "with", "try", "raise", "global", "await", "async"}

func (p *parser) unknown(t token) *node {
	switch next := p.peek(); {
	case slices.Contains(words, t.text):
		p.refuse(t.at, "", "%s is not allowed", t.text)
	case t.text == "for", t.text == "if", t.text == "else":
		p.unexpected(t)
	case strings.HasPrefix(t.text, "__"):
		p.refuse(t.at, "", "the name %s is not allowed", t.text)
	case next.text == "(" && next.kind == tokOp:
		p.refuse(t.at, p.near(t.text), "unknown function %s", t.text)
	case next.text == "." && next.kind == tokOp:
		p.refuse(t.at, "fields are written as $(name)", "unknown name %s", t.text)
	case p.calc:
		n := p.new(nodeVar, t.at, t.text)
		p.free = append(p.free, n)
		return n
	}
	p.refuse(t.at, fmt.Sprintf("write $(%s) for the field", t.text), "unknown name %s", t.text)
	return nil
}

func (p *parser) near(name string) string {
	var known []string
	for f := range functions {
		known = append(known, f)
	}
	if p.calc {
		for f := range calcFunctions {
			known = append(known, f)
		}
	}
	slices.Sort(known)
	if near := option.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}

// comprehension reads what follows the first value of [a for x in b if c].
func (p *parser) comprehension(t token, body *node, open token) *node {
	if !p.calc {
		p.unexpected(t)
	}
	p.pos++
	v := p.take()
	if v.kind != tokName {
		p.fail(v.at, "", "a name must follow for")
	}
	p.expect("in")
	n := p.new(nodeEach, open.at, v.text, body, p.or(), nil)
	if p.op("if") {
		n.args[2] = p.or()
	}
	p.expect("]")
	n.slot = p.slots
	p.slots++
	p.bind(n)
	return n
}

// bind gives the variables inside a comprehension their meaning.
func (p *parser) bind(each *node) {
	inside := map[*node]bool{}
	for _, part := range []*node{each.args[0], each.args[2]} {
		if part != nil {
			part.walk(func(n *node) { inside[n] = true })
		}
	}
	p.free = slices.DeleteFunc(p.free, func(n *node) bool {
		if !inside[n] || n.op != each.op {
			return false
		}
		n.slot = each.slot
		return true
	})
}

// args reads the arguments of a call; the parenthesis is still there.
func (p *parser) args(what string, at int, a arity) []*node {
	defer p.deeper()()
	p.expect("(")
	var args []*node
	for !p.op(")") {
		if t := p.peek(); t.kind == tokOp && (t.text == "*" || t.text == "**") {
			p.refuse(t.at, "", "star arguments are not allowed")
		}
		args = append(args, p.choice())
		if t := p.peek(); t.kind == tokName && t.text == "for" {
			p.unexpected(t)
		}
		if !p.op(",") {
			p.expect(")")
			break
		}
	}
	if len(args) < a.min || a.max >= 0 && len(args) > a.max {
		p.refuse(at, "", "%s takes %s, got %d", what, a, len(args))
	}
	return args
}

// String says how many arguments are taken.
func (a arity) String() string {
	switch {
	case a.max < 0:
		return fmt.Sprintf("%d or more arguments", a.min)
	case a.min == a.max && a.min == 1:
		return "1 argument"
	case a.min == a.max:
		return fmt.Sprintf("%d arguments", a.min)
	}
	return fmt.Sprintf("%d to %d arguments", a.min, a.max)
}

func (p *parser) call(t token, name string, a arity) *node {
	if name == "isinstance" {
		return p.isinstance(t)
	}
	n := p.new(nodeCall, t.at, name)
	n.args = p.args(name, t.at, a)
	return n
}

// isinstance reads the types as names.
func (p *parser) isinstance(t token) *node {
	p.expect("(")
	n := p.new(nodeCall, t.at, "isinstance", p.choice())
	p.expect(",")
	tuple := p.op("(")
	for {
		name := p.take()
		if name.kind != tokName || !slices.Contains(typeNames, name.text) {
			p.refuse(name.at, "types are "+strings.Join(typeNames, ", "), "unknown type %s", describe(name))
		}
		lit := p.new(nodeLiteral, name.at, "")
		lit.value = event.String(name.text)
		n.args = append(n.args, lit)
		if !tuple || !p.op(",") {
			break
		}
	}
	if tuple {
		p.expect(")")
	}
	p.expect(")")
	return n
}

func (p *parser) math(t token) *node {
	name := p.take()
	full := "math." + name.text
	switch full {
	case "math.pi", "math.e":
		n := p.new(nodeLiteral, t.at, "")
		n.value = event.Float(map[string]float64{"math.pi": 3.141592653589793, "math.e": 2.718281828459045}[full])
		return n
	}
	a, ok := calcFunctions[full]
	if !ok {
		p.refuse(t.at, "", "unknown function %s", full)
	}
	return p.call(t, full, a)
}

func (p *parser) method(object *node) *node {
	t := p.take()
	a, ok := methods[t.text]
	if t.kind != tokName || !ok || p.peek().text != "(" {
		hint := ""
		if near := option.Nearest(t.text, sortedKeys(methods)); near != "" {
			hint = fmt.Sprintf("did you mean .%s()?", near)
		}
		p.refuse(t.at, hint, "unknown method .%s", t.text)
	}
	n := p.new(nodeMethod, t.at, t.text, object)
	n.args = append(n.args, p.args("."+t.text, t.at, a)...)
	if object.kind == nodeEvent {
		return p.eventMethod(n)
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (p *parser) eventMethod(n *node) *node {
	if n.op != "get" && n.op != "has_key" {
		p.refuse(n.at, "", "event has no method .%s here", n.op)
	}
	return n
}

// regexCalls are the functions of re; the pattern and the text are among the arguments.
var regexCalls = map[string]arity{
	"match": {2, 3}, "search": {2, 3}, "findall": {2, 3}, "split": {2, 4}, "sub": {3, 5}, "compile": {1, 2},
}

// regex reads what follows re and its dot.
func (p *parser) regex(t token) *node {
	name := p.take()
	if f, err := regex.ParseFlags("re." + name.text); err == nil && p.peek().text != "(" {
		n := p.new(nodeCall, t.at, "flags")
		n.flags = f
		return n
	}
	a, ok := regexCalls[name.text]
	if !ok || name.kind != tokName {
		p.refuse(t.at, "", "unknown function re.%s", name.text)
	}
	n := p.new(nodeCall, t.at, "re."+name.text)
	n.args = p.args(n.op, t.at, a)
	p.takeFlags(n)
	if n.op == "re.compile" {
		return p.compiled(n)
	}
	p.literalPattern(n)
	return n
}

// takeFlags moves flags from the end of the arguments to the node.
func (p *parser) takeFlags(n *node) {
	last := n.args[len(n.args)-1]
	if last.kind == nodeCall && last.op == "flags" {
		n.flags = last.flags
		n.args = n.args[:len(n.args)-1]
	}
	for _, a := range n.args {
		if a.kind == nodeCall && a.op == "flags" {
			p.refuse(a.at, "", "flags stand at the end of the arguments")
		}
	}
	if len(n.args) < regexCalls[n.op[len("re."):]].min {
		p.refuse(n.at, "", "%s needs a pattern and a text", n.op)
	}
}

// compiled turns re.compile(p).match(s) into re.match(p, s).
func (p *parser) compiled(n *node) *node {
	p.expect(".")
	name := p.take()
	if name.text != "match" && name.text != "search" && name.text != "findall" {
		p.refuse(name.at, "", "unknown method .%s of a compiled pattern", name.text)
	}
	n.op = "re." + name.text
	n.args = append(n.args[:1], p.args(n.op, n.at, arity{1, 1})...)
	p.literalPattern(n)
	return n
}

// literalPattern compiles the pattern of a call if it stands in the expression.
func (p *parser) literalPattern(n *node) {
	n.slot = p.prog.patterns
	p.prog.patterns++
	lit := n.args[0]
	if lit.kind != nodeLiteral {
		return
	}
	if !lit.value.IsString() {
		p.fail(lit.at, "", "the pattern must be a string")
	}
	pattern, err := regex.Compile(lit.value.Str(), regex.Options{Flags: n.flags, Timeout: regexTimeout})
	if err == nil {
		n.pattern = pattern
		return
	}
	reason := err.Error()
	var s *regex.SyntaxError
	if errors.As(err, &s) {
		reason = fmt.Sprintf("bad regular expression %q: %s", s.Pattern, s.Reason)
	}
	p.note(lit.at, option.Regex, "", "%s", reason)
}
