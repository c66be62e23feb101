package xpathparser

import (
	"errors"
	"strings"

	"github.com/antchfx/xpath"
)

// navigator walks a document for the evaluation of a query. All copies of it count their
// steps together, so that no query takes for ever.
type navigator struct {
	root, at *node
	attr     int // index of an attribute of at, or -1
	left     *int
}

var _ xpath.NodeNavigator = (*navigator)(nil)

// mostSteps bounds the steps of a query, each about ten nanoseconds.
const mostSteps = 20_000_000

// errSteps ends a query by a panic, which evaluate takes for what it is.
var errSteps = errors.New("the query takes too long for this document")

func newNavigator(root *node) *navigator {
	left := mostSteps
	return &navigator{root: root, at: root, attr: -1, left: &left}
}

// step counts n steps.
func (x *navigator) step(n int) {
	if *x.left -= n; *x.left < 0 {
		panic(errSteps)
	}
}

// NodeType tells what is here.
func (x *navigator) NodeType() xpath.NodeType {
	switch {
	case x.attr >= 0:
		return xpath.AttributeNode
	case x.at.kind == element:
		return xpath.ElementNode
	case x.at.kind == text:
		return xpath.TextNode
	case x.at.kind == comment:
		return xpath.CommentNode
	}
	return xpath.RootNode
}

// LocalName is the name without its prefix.
func (x *navigator) LocalName() string {
	if x.attr >= 0 {
		return x.at.attrs[x.attr].name
	}
	return x.at.name
}

// Prefix is the prefix of the name.
func (x *navigator) Prefix() string {
	if x.attr >= 0 {
		return x.at.attrs[x.attr].prefix
	}
	return x.at.prefix
}

// NamespaceURL is the name space of the name.
func (x *navigator) NamespaceURL() string {
	if x.attr >= 0 {
		return x.at.attrs[x.attr].uri
	}
	return x.at.uri
}

// Value is the text of what is here: of an element all text in it.
func (x *navigator) Value() string {
	switch {
	case x.attr >= 0:
		return x.at.attrs[x.attr].value
	case x.at.kind == text || x.at.kind == comment:
		return x.at.data
	}
	var only string
	var out strings.Builder
	for n := x.at; n != nil; n = n.following(x.at) {
		x.step(1)
		if n.kind != text {
			continue
		}
		if only == "" && out.Len() == 0 {
			only = n.data
			continue
		}
		if out.Len() == 0 {
			out.WriteString(only)
		}
		x.step(len(n.data) / 64)
		out.WriteString(n.data)
	}
	if out.Len() == 0 {
		return only
	}
	return out.String()
}

// Copy is another navigator at the same place.
func (x *navigator) Copy() xpath.NodeNavigator {
	x.step(1)
	c := *x
	return &c
}

// MoveToRoot goes to the document.
func (x *navigator) MoveToRoot() { x.at, x.attr = x.root, -1 }

// MoveToParent goes to the element around.
func (x *navigator) MoveToParent() bool {
	x.step(1)
	switch {
	case x.attr >= 0:
		x.attr = -1
		return true
	case x.at.parent == nil:
		return false
	}
	x.at = x.at.parent
	return true
}

// MoveToNextAttribute goes to the next attribute, first to the first one.
func (x *navigator) MoveToNextAttribute() bool {
	x.step(1)
	if x.attr+1 >= len(x.at.attrs) {
		return false
	}
	x.attr++
	return true
}

// MoveToChild goes to the first node in an element.
func (x *navigator) MoveToChild() bool {
	x.step(1)
	if x.attr >= 0 || x.at.first == nil {
		return false
	}
	x.at = x.at.first
	return true
}

// MoveToFirst goes to the first node beside.
func (x *navigator) MoveToFirst() bool {
	x.step(1)
	if x.attr >= 0 || x.at.prev == nil {
		return false
	}
	x.at = x.at.parent.first
	return true
}

// MoveToNext goes to the node behind.
func (x *navigator) MoveToNext() bool {
	x.step(1)
	if x.attr >= 0 || x.at.next == nil {
		return false
	}
	x.at = x.at.next
	return true
}

// MoveToPrevious goes to the node before.
func (x *navigator) MoveToPrevious() bool {
	x.step(1)
	if x.attr >= 0 || x.at.prev == nil {
		return false
	}
	x.at = x.at.prev
	return true
}

// MoveTo goes to where another navigator is.
func (x *navigator) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*navigator)
	if !ok || o.root != x.root {
		return false
	}
	x.at, x.attr = o.at, o.attr
	return true
}
