package xpathparser

import (
	"strings"

	"golang.org/x/net/html"
)

// parseHTML makes a document of whatever a browser would make one of.
func (b *builder) parseHTML(s string) (*node, error) {
	b.begin()
	top, err := html.Parse(strings.NewReader(s))
	if err != nil {
		return nil, err
	}
	for n := top.FirstChild; n != nil; {
		if err := b.copy(n); err != nil {
			return nil, err
		}
		if n.FirstChild != nil && n.Type == html.ElementNode {
			n = n.FirstChild
			continue
		}
		for n != top && n.NextSibling == nil {
			if err := b.leave(n); err != nil {
				return nil, err
			}
			n = n.Parent
		}
		if n == top {
			break
		}
		if err := b.leave(n); err != nil {
			return nil, err
		}
		n = n.NextSibling
	}
	return b.root, nil
}

// leave closes an element of HTML.
func (b *builder) leave(n *html.Node) error {
	if n.Type != html.ElementNode {
		return nil
	}
	return b.ends()
}

// copy adds a node of HTML.
func (b *builder) copy(from *html.Node) error {
	switch from.Type {
	case html.TextNode:
		if b.inside != b.root {
			b.say(from.Data)
		}
	case html.CommentNode:
		n, err := b.add(comment)
		if err == nil {
			n.data = from.Data
		}
		return err
	case html.ElementNode:
		n, err := b.begins()
		if err != nil {
			return err
		}
		if len(from.Attr) > mostAttrs {
			return errManyAttrs
		}
		n.name = from.Data
		for _, a := range from.Attr {
			n.attrs = append(n.attrs, attr{prefix: a.Namespace, name: a.Key, uri: foreign[a.Namespace], value: a.Val})
		}
	}
	return nil
}

// foreign are the name spaces of attributes in drawings, by the prefixes that HTML knows.
var foreign = map[string]string{"xlink": "http://www.w3.org/1999/xlink", "xml": xmlSpace}
