package xpathparser

import (
	"errors"
	"fmt"
)

// kind is the kind of a node.
type kind uint8

const (
	document kind = iota
	element
	text
	comment
)

// node is a node of a document, of XML or of HTML. Attributes are no nodes of their own.
type node struct {
	parent, first, last, prev, next *node

	kind   kind
	order  int    // place in the document
	name   string // of an element, without its prefix
	prefix string
	uri    string // of the name space
	data   string // of a text or a comment
	attrs  []attr
	spaces []space // that the element declares
}

type attr struct {
	prefix, name, uri, value string
}

// space is a name space with the prefix that it is declared for.
type space struct{ prefix, uri string }

// Bounds of a document.
const (
	mostNodes = 500_000
	mostAttrs = 256 // of one element
	mostDepth = 500
)

var (
	errManyNodes = fmt.Errorf("there are more than %d elements and texts", mostNodes)
	errManyAttrs = fmt.Errorf("an element has more than %d attributes", mostAttrs)
	errDeep      = fmt.Errorf("elements are nested more than %d levels deep", mostDepth)
	errNoRoot    = errors.New("there is no element")
)

// builder makes one document after the other, in the same memory.
type builder struct {
	root   *node
	inside *node // the element that is open
	depth  int
	count  int
	chunks [][]node
	said   string // text that has not become a node yet
	words  []byte // the same, once it has several pieces
}

const (
	chunkNodes = 64
	// keptChunks and keptWords bound the memory that is kept for the next document.
	keptChunks = 64
	keptWords  = 64 << 10
)

// begin forgets the last document and begins another one.
func (b *builder) begin() {
	for i := 0; i*chunkNodes < b.count; i++ {
		clear(b.chunks[i])
	}
	if len(b.chunks) > keptChunks {
		b.chunks = b.chunks[:keptChunks:keptChunks]
	}
	if cap(b.words) > keptWords {
		b.words = nil
	}
	b.depth, b.count, b.said, b.words = 0, 0, "", b.words[:0]
	b.root, _ = b.new(document) // the first one is within the bounds
	b.inside = b.root
}

func (b *builder) new(k kind) (*node, error) {
	if b.count >= mostNodes {
		return nil, errManyNodes
	}
	i := b.count / chunkNodes
	if i == len(b.chunks) {
		b.chunks = append(b.chunks, make([]node, chunkNodes))
	}
	n := &b.chunks[i][b.count%chunkNodes]
	n.kind, n.order = k, b.count
	b.count++
	return n, nil
}

// add appends a node to the element that is open.
func (b *builder) add(k kind) (*node, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	n, err := b.new(k)
	if err != nil {
		return nil, err
	}
	n.parent, n.prev = b.inside, b.inside.last
	if n.prev == nil {
		b.inside.first = n
	} else {
		n.prev.next = n
	}
	b.inside.last = n
	return n, nil
}

// begins begins an element.
func (b *builder) begins() (*node, error) {
	if b.depth++; b.depth > mostDepth {
		return nil, errDeep
	}
	n, err := b.add(element)
	if err == nil {
		b.inside = n
	}
	return n, err
}

// ends ends the element that is open.
func (b *builder) ends() error {
	err := b.flush()
	b.inside = b.inside.parent
	b.depth--
	return err
}

// say takes a piece of text.
func (b *builder) say(s string) {
	if b.said == "" && len(b.words) == 0 {
		b.said = s
		return
	}
	b.words = append(append(b.words, b.said...), s...)
	b.said = ""
}

// flush makes a node of the text that has come. Pieces that follow each other are one.
func (b *builder) flush() error {
	said := b.said
	if len(b.words) > 0 {
		said = string(b.words)
	}
	b.said, b.words = "", b.words[:0]
	if said == "" {
		return nil
	}
	n, err := b.add(text)
	if err == nil {
		n.data = said
	}
	return err
}

// following is the node after n in the document, within top; nil behind its end.
func (n *node) following(top *node) *node {
	if n.first != nil {
		return n.first
	}
	for n != top {
		if n.next != nil {
			return n.next
		}
		n = n.parent
	}
	return nil
}
