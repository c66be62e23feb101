package xpathparser

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/antchfx/xpath"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// queries compiles queries for one worker, and remembers those that depend on events.
type queries struct {
	spaces map[string]string
	known  map[string]*xpath.Expr
}

// mostQueries bounds the queries that are remembered.
const mostQueries = 1000

func newQueries(spaces map[string]string) *queries {
	q := &queries{spaces: map[string]string{"xml": xmlSpace}, known: map[string]*xpath.Expr{}}
	for prefix, uri := range spaces {
		q.spaces[prefix] = uri
	}
	return q
}

// compile returns a compiled query. The library panics where it does not understand one.
func (q *queries) compile(text string) (x *xpath.Expr, err error) {
	if x := q.known[text]; x != nil {
		return x, nil
	}
	defer func() {
		if v := recover(); v != nil {
			x, err = nil, fmt.Errorf("%v", v)
		}
		if err != nil {
			err = fmt.Errorf("bad query %.200q: %w", text, err)
		}
	}()
	if x, err = xpath.CompileWithNS(text, q.spaces); err != nil {
		return nil, err
	}
	if len(q.known) >= mostQueries {
		clear(q.known)
	}
	q.known[text] = x
	return x, nil
}

// evaluate returns a bool, a float64, a string, or nodes in the order of the document. A
// query that fails is not used again, as it may have stopped midway.
func (q *queries) evaluate(text string, root *node) (result any, err error) {
	x, err := q.compile(text)
	if err != nil {
		return nil, err
	}
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		delete(q.known, text)
		result, err = nil, fmt.Errorf("the query fails: %v", v)
		if e, ok := v.(error); ok && errors.Is(e, errSteps) {
			err = e
		}
	}()
	switch v := x.Evaluate(newNavigator(root)).(type) {
	case *xpath.NodeIterator:
		return collect(v), nil
	case bool, float64, string:
		return v, nil
	case nil:
		return places(nil), nil
	default:
		return fmt.Sprint(v), nil
	}
}

// place is a node, or an attribute of it.
type place struct {
	*node
	attr int // -1 for the node itself
}

type places []place

// collect takes the nodes of a result, each once, and in the order of the document, which the
// library does not promise.
func collect(it *xpath.NodeIterator) places {
	var list places
	for it.MoveNext() {
		if n, ok := it.Current().(*navigator); ok {
			n.step(1)
			list = append(list, place{n.at, n.attr})
		}
	}
	slices.SortFunc(list, func(a, b place) int {
		if a.order != b.order {
			return a.order - b.order
		}
		return a.attr - b.attr
	})
	return slices.Compact(list)
}

// dynamic is a query with fields in it.
type dynamic struct {
	text   expr.Template
	quotes []byte // the quote around each field, or 0
	plain  int    // quotes that belong to the query itself
}

// newDynamic looks which fields stand in a text of the query.
func newDynamic(t expr.Template) dynamic {
	const mark = "\x00"
	skeleton := t.Map(event.New(event.NewSource("XPathParser", "XPathParser")), func(string) string { return mark })
	d := dynamic{text: t}
	quote := byte(0)
	for i := range len(skeleton) {
		switch c := skeleton[i]; {
		case c == mark[0]:
			d.quotes = append(d.quotes, quote)
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		}
	}
	d.plain = countQuotes(skeleton)
	return d
}

func countQuotes(s string) int { return strings.Count(s, `"`) + strings.Count(s, "'") }

var (
	errUnresolved = errors.New("a field of the query is missing")
	errQuote      = errors.New("the value of a field would end the text in which it stands in the query")
)

// of returns the query for an event. A value must not end the text that it is a part of, and
// so become a piece of the query.
func (d *dynamic) of(e *event.Event) (string, error) {
	s, resolved := d.text.Text(e)
	switch {
	case !resolved:
		return "", errUnresolved
	case countQuotes(s) == d.plain:
		return s, nil
	}
	i, breaks := 0, false
	d.text.Map(e, func(value string) string {
		breaks = breaks || d.quotes[i] != 0 && strings.IndexByte(value, d.quotes[i]) >= 0
		i++
		return value
	})
	if breaks {
		return "", errQuote
	}
	return s, nil
}
