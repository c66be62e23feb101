package expr

import (
	"gambolputty/actor/event"
	"gambolputty/actor/regex"
)

// nodeKind tells what a node of the tree does.
type nodeKind uint8

const (
	nodeLiteral  nodeKind = iota // value
	nodeRef                      // a field
	nodeInternal                 // $(internal.key)
	nodeEvent                    // the name event
	nodeList                     // [a, b], (a, b)
	nodeDict                     // {k: v}: keys and values in turn
	nodeNot                      // not a
	nodeSign                     // -a, +a
	nodeAnd                      // a and b and ...
	nodeOr                       // a or b or ...
	nodeCompare                  // a < b
	nodeArith                    // a + b
	nodeIndex                    // a[b]
	nodeSlice                    // a[b:c:d]
	nodeCall                     // function of args
	nodeMethod                   // method of args[0]
	nodeChoice                   // a if b else c, as b, a, c
	nodeEach                     // [a for x in b if c], as a, b, c
	nodeVar                      // x of nodeEach
)

// node is one operation of an expression.
type node struct {
	kind  nodeKind
	at    int
	op    string // operator, function or method
	value event.Value
	ref   *ref
	args  []*node

	pattern *regex.Pattern // of a literal pattern
	slot    int            // its machine, or the variable of nodeEach
	flags   regex.Flags
}

// ref is a reference to a field. It looks where former versions looked, too.
type ref struct {
	text   string
	path   event.Path
	key    *event.Key // for a plain top level field
	second event.Path // where to look if the field is not there
	legacy bool
}

// bareMeta are the metadata fields that old configurations name without the root.
var bareMeta = map[string]bool{
	"event_type": true, "event_id": true, "pid": true, "received_by": true, "received_from": true, "source_module": true,
}

func newRef(text string) (*ref, error) {
	p, err := event.ParsePath(text)
	if err != nil {
		return nil, err
	}
	r := &ref{text: text, path: p}
	const ownName, laterName = "event.", "lumbermill"
	switch {
	case bareMeta[text]:
		r.second, r.legacy = event.MustPath("gambolputty."+text), true
	case len(text) > len(ownName) && text[:len(ownName)] == ownName:
		r.second, r.legacy = event.MustPath(text[len(ownName):]), true
	case len(text) >= len(laterName) && text[:len(laterName)] == laterName:
		r.legacy = true
	case p.Key().Name == text && !p.IsMeta() && !hasDot(text):
		r.key = p.Key()
	}
	return r, nil
}

func hasDot(s string) bool {
	for i := range len(s) {
		if s[i] == '.' {
			return true
		}
	}
	return false
}

func (r *ref) get(e *event.Event) (event.Value, bool) {
	if r.key != nil {
		return e.Field(r.key)
	}
	v, ok := e.Get(r.path)
	if !ok && !r.second.IsZero() {
		if r.text[0] == 'e' && hasDot(r.text) { // event.x: only if there is no field event
			if e.Has(eventPath) {
				return v, ok
			}
		}
		return e.Get(r.second)
	}
	return v, ok
}

var eventPath = event.MustPath("event")

// walk calls f for n and everything below it.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, a := range n.args {
		if a != nil {
			a.walk(f)
		}
	}
}
