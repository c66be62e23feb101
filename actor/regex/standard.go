package regex

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
)

// standard is a pattern as the package regexp runs it, which takes over from the machine
// where that would need too many steps or too much memory.
type standard struct {
	search, start *regexp.Regexp
}

// newStandard writes a tree in the syntax of the package regexp. There is none for trees
// with lookaround and the like, and none where the meaning would differ.
func newStandard(tree *node) *standard {
	w := &goWriter{}
	w.write(tree)
	if w.differs {
		return nil
	}
	search, err := regexp.Compile(w.b.String())
	if err != nil {
		return nil
	}
	start, err := regexp.Compile(`\A(?:` + w.b.String() + `)`)
	if err != nil {
		return nil
	}
	return &standard{search, start}
}

// expressible reports whether newStandard could write the tree.
func expressible(tree *node) bool {
	ok := true
	tree.walk(func(n *node) {
		switch n.kind {
		case kindAtomic, kindLook, kindBackref, kindCondition:
			ok = false
		case kindAssert:
			ok = ok && n.place != unicodeBoundary && n.place != noUnicodeBoundary
		case kindRepeat:
			// Rounds that match nothing count differently.
			ok = ok && n.greed != possessive && (n.max <= 1 || !n.subs[0].empties())
		}
	})
	return ok
}

type goWriter struct {
	b       strings.Builder
	differs bool
}

func (w *goWriter) write(n *node) {
	switch n.kind {
	case kindEmpty:
		w.b.WriteString("(?:)")
	case kindLiteral:
		w.b.WriteString(regexp.QuoteMeta(n.text))
	case kindSet:
		w.set(n.set)
	case kindConcat, kindAlternate:
		w.b.WriteString("(?:")
		for i, s := range n.subs {
			if i > 0 && n.kind == kindAlternate {
				w.b.WriteByte('|')
			}
			w.write(s)
		}
		w.b.WriteByte(')')
	case kindCapture:
		w.b.WriteByte('(')
		w.write(n.subs[0])
		w.b.WriteByte(')')
	case kindRepeat:
		w.repeat(n)
	case kindAssert:
		text, ok := goPlaces[n.place]
		w.differs = w.differs || !ok
		w.b.WriteString(text)
	default:
		w.differs = true
	}
}

// goPlaces has the end of the text or a newline there as the end of a line, which is the
// same where no other newline is: the machine sees to that.
var goPlaces = map[place]string{
	textBegin: `\A`, textEnd: `\z`, textEndOrLine: `(?m:$)`, lineBegin: `(?m:^)`, lineEnd: `(?m:$)`,
	wordBoundary: `\b`, noWordBoundary: `\B`,
}

func (w *goWriter) set(s charSet) {
	if len(s) == 0 {
		w.b.WriteString(`[^\x00-\x{10FFFF}]`)
		return
	}
	w.b.WriteByte('[')
	for _, r := range s {
		w.rune(r.lo)
		w.b.WriteByte('-')
		w.rune(r.hi)
	}
	w.b.WriteByte(']')
}

func (w *goWriter) rune(r rune) {
	w.b.WriteString(`\x{` + strconv.FormatInt(int64(min(r, unicode.MaxRune)), 16) + `}`)
}

func (w *goWriter) repeat(n *node) {
	if n.max != unlimited && n.max > 1000 || n.min > 1000 || n.greed == possessive {
		w.differs = true
	}
	w.b.WriteString("(?:")
	w.write(n.subs[0])
	w.b.WriteString("){" + strconv.Itoa(n.min))
	if n.max != n.min {
		w.b.WriteByte(',')
		if n.max != unlimited {
			w.b.WriteString(strconv.Itoa(n.max))
		}
	}
	w.b.WriteByte('}')
	if n.greed == lazy {
		w.b.WriteByte('?')
	}
}

// run matches by the package regexp and puts what it finds into the slots.
func (s *standard) run(m *Machine, text string, from int, anchored bool) []int {
	re := s.search
	if anchored {
		re = s.start
	}
	found := re.FindStringSubmatchIndex(text[from:])
	if found == nil {
		return nil
	}
	for i, at := range found {
		if at >= 0 {
			at += from
		}
		m.slots[i] = at
	}
	return m.slots[:len(found)]
}

// suits reports whether a text from an offset on means the same to the package regexp.
func (p *Pattern) suits(s string, from int) bool {
	if from > 0 && p.context {
		return false
	}
	if p.lineless { // $ is at the end or before the newline there, and at no other
		i := strings.IndexByte(s, '\n')
		return i < 0 || i == len(s)-1
	}
	return true
}

// context reports whether matches depend on what stands before them, and lineless whether
// the end of the text stands for the end of its last line.
func contextOf(tree *node) (context, lineless bool) {
	tree.walk(func(n *node) {
		switch n.kind {
		case kindAssert:
			context = context || n.place != textEnd && n.place != textEndOrLine && n.place != lineEnd
			lineless = lineless || n.place == textEndOrLine
		case kindLook:
			context = context || n.behind
		}
	})
	return context, lineless
}

// verbatim is a pattern of the dialect RE2 as it was written.
func verbatim(pattern string) *standard {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	search, err := regexp.Compile(pattern)
	if err != nil {
		return nil
	}
	// Written anew, as a quotation in the pattern may be open at its end.
	start, err := regexp.Compile(`\A(?:` + parsed.String() + `)`)
	if err != nil {
		return nil
	}
	return &standard{search, start}
}
