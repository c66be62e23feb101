package xpathparser

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner cuts a document in UTF-8 into tags and text. Names and values are pieces of the
// document, copied only where they have entities in them.
type scanner struct {
	s  string
	at int
}

// tag is what an element begins or ends with.
type tag struct {
	prefix, name string
	attrs        []written
	closes       bool // </a> and <a/>
	opens        bool // <a> and <a/>
}

// written is an attribute as it stands in a tag.
type written struct{ prefix, name, value string }

var (
	errOpen      = errors.New("the document ends too early")
	errBrackets  = errors.New("]]> stands in a text")
	errComment   = errors.New("-- stands in a comment")
	errName      = errors.New("a name is missing")
	errColons    = errors.New("a name has more than one colon")
	errCharacter = errors.New("there is a character that is not allowed in XML")
	errEquals    = errors.New("an attribute has no value")
	errQuotes    = errors.New("the value of an attribute has no quotes")
	errLess      = errors.New("< stands in the value of an attribute")
	errBehind    = errors.New("a tag does not end where it should")
	errDTD       = errors.New("declarations in a document type are not allowed")
	errMarkup    = errors.New("unknown markup")
)

// place is the line and the column of where the scanner is.
func (x *scanner) place() (line, column int) {
	before := x.s[:min(x.at, len(x.s))]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

func (x *scanner) has(prefix string) bool { return strings.HasPrefix(x.s[x.at:], prefix) }

// upTo takes everything up to and over a mark.
func (x *scanner) upTo(mark string) (string, error) {
	n := strings.Index(x.s[x.at:], mark)
	if n < 0 {
		x.at = len(x.s)
		return "", errOpen
	}
	s := x.s[x.at : x.at+n]
	x.at += n + len(mark)
	return s, nil
}

func (x *scanner) blanks() {
	for x.at < len(x.s) && blank(x.s[x.at]) {
		x.at++
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// text takes text up to the next tag.
func (x *scanner) text() (string, error) {
	n := strings.IndexByte(x.s[x.at:], '<')
	if n < 0 {
		n = len(x.s) - x.at
	}
	s := x.s[x.at : x.at+n]
	if i := strings.Index(s, "]]>"); i >= 0 {
		x.at += i
		return "", errBrackets
	}
	return x.resolve(s, false)
}

// resolve replaces entities and line ends in the piece of the document that begins here, and
// goes behind it. In attributes white space becomes blanks.
func (x *scanner) resolve(s string, attr bool) (string, error) {
	special := "&\r"
	if attr {
		special = "&\r\n\t"
	}
	start := x.at
	if i := control(s); i >= 0 {
		x.at += i
		return "", errCharacter
	}
	if !strings.ContainsAny(s, special) {
		x.at += len(s)
		return s, nil
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '&':
			x.at = start + i
			r, n, err := entity(s[i:])
			if err != nil {
				return "", err
			}
			out.WriteRune(r)
			i += n
			continue
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case attr && blank(c):
			out.WriteByte(' ')
		case c == '\r':
			out.WriteByte('\n')
		default:
			n := strings.IndexAny(s[i:], special)
			if n < 0 {
				n = len(s) - i
			}
			out.WriteString(s[i : i+n])
			i += n
			continue
		}
		i++
	}
	x.at = start + len(s)
	return out.String(), nil
}

// control is where a character stands that XML does not know, or -1.
func control(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' && !blank(c) || c == 0xef && (strings.HasPrefix(s[i:], "\ufffe") || strings.HasPrefix(s[i:], "\uffff")) {
			return i
		}
	}
	return -1
}

// longestEntity bounds an entity in bytes.
const longestEntity = 12

// entity reads the entity at the beginning of s and returns its length.
func entity(s string) (r rune, n int, err error) {
	name, _, ok := strings.Cut(s[1:min(len(s), longestEntity)], ";")
	if !ok {
		return 0, 0, errors.New("& stands alone")
	}
	switch name {
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "amp":
		r = '&'
	case "apos":
		r = '\''
	case "quot":
		r = '"'
	default:
		digits, base := strings.TrimPrefix(name, "#"), 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		u, err := strconv.ParseUint(digits, base, 32)
		r = rune(u)
		if err != nil || name[0] != '#' || u > utf8.MaxRune || !utf8.ValidRune(r) || control(string(r)) >= 0 {
			return 0, 0, fmt.Errorf("unknown entity &%s;", name)
		}
	}
	return r, len(name) + 2, nil
}

// skip takes what is no element: comments, text that is marked as such, instructions, and the
// document type. out is text, or a comment.
func (x *scanner) skip() (out string, isComment bool, err error) {
	start := x.at
	switch {
	case x.has("<!--"):
		x.at += len("<!--")
		s, err := x.upTo("--")
		switch {
		case err != nil:
			return "", true, err
		case x.at == len(x.s):
			return "", true, errOpen
		case !x.has(">"):
			x.at -= len("--")
			return "", true, errComment
		}
		x.at++
		return s, true, x.allowed(s, start+len("<!--"), nil)
	case x.has("<![CDATA["):
		x.at += len("<![CDATA[")
		s, err := x.upTo("]]>")
		if strings.Contains(s, "\r") {
			s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		}
		return s, false, x.allowed(s, start+len("<![CDATA["), err)
	case x.has("<?"):
		x.at += len("<?")
		_, err := x.upTo("?>")
		return "", false, err
	case x.has("<!DOCTYPE"):
		return "", false, x.docType()
	}
	return "", false, errMarkup
}

// allowed looks for characters that XML does not know.
func (x *scanner) allowed(s string, from int, err error) error {
	if err != nil {
		return err
	}
	if i := control(s); i >= 0 {
		x.at = from + i
		return errCharacter
	}
	return nil
}

// docType skips a document type that declares nothing.
func (x *scanner) docType() error {
	quote := byte(0)
	for ; x.at < len(x.s); x.at++ {
		switch c := x.s[x.at]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			return errDTD
		case c == '>':
			x.at++
			return nil
		}
	}
	return errOpen
}

// tag takes a tag; its attributes are valid until the next call.
func (x *scanner) tag(t *tag) (err error) {
	x.at++
	t.attrs, t.opens, t.closes = t.attrs[:0], true, false
	if x.has("/") {
		x.at++
		t.opens, t.closes = false, true
	}
	if t.prefix, t.name, err = x.name(); err != nil {
		return err
	}
	for {
		x.blanks()
		switch {
		case x.at >= len(x.s):
			return errOpen
		case x.s[x.at] == '>':
			x.at++
			return nil
		case !t.opens:
			return errBehind
		case x.s[x.at] == '/':
			if x.at++; x.at == len(x.s) {
				return errOpen
			} else if !x.has(">") {
				return errBehind
			}
			x.at++
			t.closes = true
			return nil
		}
		if len(t.attrs) >= mostAttrs {
			return errManyAttrs
		}
		a, err := x.attribute()
		if err != nil {
			return err
		}
		t.attrs = append(t.attrs, a)
	}
}

func (x *scanner) attribute() (a written, err error) {
	if a.prefix, a.name, err = x.name(); err != nil {
		return a, err
	}
	x.blanks()
	if !x.has("=") {
		return a, errEquals
	}
	x.at++
	x.blanks()
	if !x.has(`"`) && !x.has("'") {
		return a, errQuotes
	}
	quote := x.s[x.at]
	x.at++
	n := strings.IndexByte(x.s[x.at:], quote)
	if n < 0 {
		x.at = len(x.s)
		return a, errOpen
	}
	value := x.s[x.at : x.at+n]
	if i := strings.IndexByte(value, '<'); i >= 0 {
		x.at += i
		return a, errLess
	}
	if a.value, err = x.resolve(value, true); err == nil {
		x.at++
	}
	return a, err
}

// name takes a name apart at its colon.
func (x *scanner) name() (prefix, name string, err error) {
	start, colon, colons := x.at, 0, 0
	for x.at < len(x.s) && inName(x.s[x.at], x.at == start) {
		if x.s[x.at] == ':' {
			colon = x.at - start
			colons++
		}
		x.at++
	}
	full := x.s[start:x.at]
	switch {
	case full == "":
		return "", "", errName
	case colons > 1:
		return "", "", errColons
	case colons == 0 || colon == 0 || colon == len(full)-1:
		return "", full, nil
	}
	return full[:colon], full[colon+1:], nil
}

func inName(c byte, first bool) bool {
	switch {
	case c >= utf8.RuneSelf, c == '_', c == ':', c|0x20 >= 'a' && c|0x20 <= 'z':
		return true
	}
	return !first && (c >= '0' && c <= '9' || c == '-' || c == '.')
}
