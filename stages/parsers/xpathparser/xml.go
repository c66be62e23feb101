package xpathparser

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// xmlReader makes documents of XML, one after the other.
type xmlReader struct {
	builder
	scanner
	plain  bool              // names are taken without their name spaces
	spaces map[string]string // by their prefixes, as they hold here
	hidden []hidden
	marks  []int // length of hidden at each open element
	open   []openTag
	tag    tag
}

// openTag is the name of an element that is open, as it was written.
type openTag struct{ prefix, name string }

// hidden is what a prefix means outside of the element that gives it another meaning.
type hidden struct {
	prefix, uri string
	was         bool
}

// mostSpaces bounds the declarations of name spaces that hold at one place.
const mostSpaces = 256

// placed is an error with its place.
type placed struct {
	line, column int
	err          error
}

// Error gives the place and the reason.
func (p *placed) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", p.line, p.column, p.err)
}

// Unwrap returns the reason.
func (p *placed) Unwrap() error { return p.err }

var (
	errRoots    = errors.New("there is something behind the end of the document")
	errSpaces   = fmt.Errorf("there are more than %d name spaces", mostSpaces)
	errTwice    = errors.New("an element has an attribute twice")
	errUnopened = errors.New("an element is closed that is not open")
	errUTF8     = errors.New("the document is not in the character set that it says")
)

// read makes a document, which is valid until the next call.
func (r *xmlReader) read(s string) (*node, error) {
	s, err := decoded(s)
	if err != nil {
		return nil, err
	}
	r.begin()
	r.scanner = scanner{s: s}
	r.hidden, r.marks, r.open = r.hidden[:0], r.marks[:0], r.open[:0]
	clear(r.spaces)
	if r.spaces == nil {
		r.spaces = map[string]string{}
	}
	r.spaces["xml"] = xmlSpace
	if err := r.document(); err != nil {
		line, column := r.scanner.place()
		return nil, &placed{line, column, err}
	}
	return r.root, nil
}

func (r *xmlReader) document() error {
	for r.scanner.at < len(r.s) {
		if err := r.next(); err != nil {
			return err
		}
	}
	switch {
	case len(r.open) > 0:
		return errOpen
	case r.root.last == nil:
		return errNoRoot
	}
	return nil
}

// next reads a tag, or what stands between tags.
func (r *xmlReader) next() error {
	outside := len(r.open) == 0
	if r.s[r.scanner.at] != '<' {
		from := r.scanner.at
		s, err := r.scanner.text()
		switch {
		case err != nil:
			return err
		case !outside:
			r.say(s)
		case strings.Trim(s, " \t\r\n") != "":
			r.scanner.at = from
			return errRoots
		}
		return nil
	}
	if c := r.s[min(r.scanner.at+1, len(r.s)-1)]; c == '!' || c == '?' {
		return r.between(outside)
	}
	if err := r.scanner.tag(&r.tag); err != nil {
		return err
	}
	if r.tag.opens {
		if outside && r.root.last != nil {
			return errRoots
		}
		if err := r.start(); err != nil {
			return err
		}
	}
	if r.tag.closes {
		return r.end()
	}
	return nil
}

// between reads a comment, marked text, an instruction or the document type.
func (r *xmlReader) between(outside bool) error {
	isType := r.has("<!DOCTYPE")
	if isType && (!outside || r.root.last != nil) {
		return errMarkup
	}
	marked := r.has("<![")
	s, isComment, err := r.scanner.skip()
	switch {
	case err != nil:
		return err
	case marked && outside:
		return errRoots
	case outside:
		return nil
	case isComment:
		n, err := r.add(comment)
		if err == nil {
			n.data = s
		}
		return err
	}
	r.say(s)
	return nil
}

func (r *xmlReader) start() error {
	n, err := r.begins()
	if err != nil {
		return err
	}
	r.marks = append(r.marks, len(r.hidden))
	r.open = append(r.open, openTag{r.tag.prefix, r.tag.name})
	if err := r.declare(n); err != nil {
		return err
	}
	n.name = r.tag.name
	if !r.plain {
		n.prefix = r.tag.prefix
		n.uri = r.spaces[n.prefix]
	}
	return r.attributes(n)
}

func isDeclaration(a written) bool { return a.prefix == "xmlns" || a.prefix == "" && a.name == "xmlns" }

// declare notes the name spaces that an element declares.
func (r *xmlReader) declare(n *node) error {
	if r.plain {
		return nil
	}
	for _, a := range r.tag.attrs {
		if !isDeclaration(a) {
			continue
		}
		s := space{uri: a.value}
		if a.prefix != "" {
			s.prefix = a.name
		}
		if len(r.hidden) >= mostSpaces {
			return errSpaces
		}
		outside, was := r.spaces[s.prefix]
		r.hidden = append(r.hidden, hidden{s.prefix, outside, was})
		r.spaces[s.prefix] = s.uri
		n.spaces = append(n.spaces, s)
	}
	return nil
}

func (r *xmlReader) attributes(n *node) error {
	if len(r.tag.attrs) == 0 {
		return nil
	}
	n.attrs = make([]attr, 0, len(r.tag.attrs))
	for _, a := range r.tag.attrs {
		if isDeclaration(a) {
			continue
		}
		to := attr{name: a.name, value: a.value}
		if r.plain {
			n.attrs = append(n.attrs, to)
			continue
		}
		if to.prefix = a.prefix; a.prefix != "" {
			to.uri = r.spaces[a.prefix]
		}
		for i := range n.attrs {
			if n.attrs[i].name == to.name && n.attrs[i].prefix == to.prefix {
				return errTwice
			}
		}
		n.attrs = append(n.attrs, to)
	}
	return nil
}

// xmlSpace is the name space that the prefix xml always means.
const xmlSpace = "http://www.w3.org/XML/1998/namespace"

func (r *xmlReader) end() error {
	last := len(r.open) - 1
	if last < 0 {
		return errUnopened
	}
	if o := r.open[last]; o.prefix != r.tag.prefix || o.name != r.tag.name {
		return fmt.Errorf("element %s is closed by %s", full(o.prefix, o.name), full(r.tag.prefix, r.tag.name))
	}
	r.open = r.open[:last]
	for i := len(r.hidden) - 1; i >= r.marks[last]; i-- {
		if h := r.hidden[i]; h.was {
			r.spaces[h.prefix] = h.uri
		} else {
			delete(r.spaces, h.prefix)
		}
	}
	r.hidden = r.hidden[:r.marks[last]]
	r.marks = r.marks[:last]
	return r.ends()
}

// decoded turns a document into UTF-8, as its mark or its declaration says.
func decoded(s string) (string, error) {
	var err error
	switch {
	case strings.HasPrefix(s, "\ufeff"):
		s = s[len("\ufeff"):]
	case strings.HasPrefix(s, "\xfe\xff"), strings.HasPrefix(s, "\x00<"):
		s, err = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().String(s)
	case strings.HasPrefix(s, "\xff\xfe"), strings.HasPrefix(s, "<\x00"):
		s, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().String(s)
	default:
		s, err = converted(s)
	}
	if err == nil && !utf8.ValidString(s) {
		err = errUTF8
	}
	return s, err
}

// converted turns a document into UTF-8 that declares another character set.
func converted(s string) (string, error) {
	declaration, _, ok := strings.Cut(s, "?>")
	if !ok || !strings.HasPrefix(s, "<?xml") {
		return s, nil
	}
	_, name, ok := strings.Cut(declaration, "encoding")
	if !ok {
		return s, nil
	}
	name = strings.TrimLeft(strings.TrimLeft(strings.TrimLeft(name, " \t\r\n"), "="), " \t\r\n")
	if name == "" {
		return s, nil
	}
	name, _, _ = strings.Cut(name[1:], name[:1])
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "utf-16": // the latter was converted by somebody else
		return s, nil
	}
	set, err := ianaindex.IANA.Encoding(name)
	if err != nil || set == nil {
		return "", fmt.Errorf("unknown character set %.40q", name)
	}
	return set.NewDecoder().String(s)
}
