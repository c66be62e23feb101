package useragentparser

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// What a regular expression cannot match without is found in its syntax tree: a clause is a
// set of texts of which a match has at least one. Texts are in small letters, and compared
// without regard to case, so that a clause may ask for too little but never for too much.

// clause is a set of texts of which one must be there.
type clause []string

// meaning is what is known of a part of an expression: all texts that it matches, if they
// are few; otherwise texts of which one begins every match, and clauses that all must hold.
type meaning struct {
	texts   clause // nil if they are many
	starts  clause // nil if nothing is known
	clauses []clause
}

const (
	maxTexts = 64  // of a part, before they are too many to be multiplied
	maxUnion = 512 // of an alternation
	maxClass = 8   // characters in a class
)

var nothing = clause{""}

// useful are those clauses that ask for something.
func useful(clauses []clause) (list []clause) {
	for _, c := range clauses {
		if c = c.reduced(); c.shortest() > 1 {
			list = append(list, c)
		}
	}
	return list
}

// all are the clauses of m, whatever is known.
func (m meaning) all() []clause {
	if m.texts != nil {
		return []clause{m.texts}
	}
	return m.clauses
}

// beginnings are the texts of which one begins every match, at worst the empty one.
func (m meaning) beginnings() clause {
	switch {
	case m.texts != nil:
		return m.texts
	case m.starts != nil:
		return m.starts
	}
	return nothing
}

func look(re *syntax.Regexp) meaning {
	switch re.Op {
	case syntax.OpLiteral:
		return literal(re.Rune)
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return meaning{texts: nothing}
	case syntax.OpCapture:
		return look(re.Sub[0])
	case syntax.OpPlus:
		m := look(re.Sub[0])
		return meaning{starts: m.beginnings(), clauses: m.all()}
	case syntax.OpQuest:
		if m := look(re.Sub[0]); m.texts != nil {
			return meaning{texts: union(m.texts, nothing)}
		}
	case syntax.OpConcat:
		return concat(re.Sub)
	case syntax.OpAlternate:
		return alternate(re.Sub)
	}
	return meaning{}
}

// fold makes a small letter of r. The two letters beyond ASCII that are equal to one of
// ASCII without regard to case count as that; ok is false for all others beyond ASCII.
func fold(r rune) (small byte, ok bool) {
	const longS, kelvin = 'ſ', '\u212a'
	switch {
	case r >= 'A' && r <= 'Z':
		return byte(r - 'A' + 'a'), true
	case r < utf8.RuneSelf:
		return byte(r), true
	case r == longS:
		return 's', true
	case r == kelvin:
		return 'k', true
	}
	return 0, false
}

func literal(runes []rune) meaning {
	var text []byte
	m := meaning{}
	for i, r := range runes {
		b, ok := fold(r)
		if ok {
			text = append(text, b)
		}
		if ok && i < len(runes)-1 {
			continue
		}
		if m.clauses = append(m.clauses, clause{string(text)}); m.starts == nil {
			m.starts = m.clauses[0]
		}
		if ok && len(text) == len(runes) {
			return meaning{texts: m.starts}
		}
		text = nil // the text is cut here
	}
	return m
}

func class(ranges []rune) meaning {
	var texts clause
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] >= maxClass*2 {
			return meaning{}
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			b, ok := fold(r)
			if !ok {
				return meaning{}
			}
			texts = union(texts, clause{string(b)})
		}
	}
	if len(texts) > maxClass {
		return meaning{}
	}
	return meaning{texts: texts}
}

func union(a, b clause) clause {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// concat multiplies the texts of parts that follow each other, as long as they are few.
func concat(subs []*syntax.Regexp) meaning {
	run := nothing
	var m meaning
	flush := func(next clause) {
		if m.starts == nil {
			m.starts = run
		}
		if run.shortest() > 0 {
			m.clauses = append(m.clauses, run)
		}
		run = next
	}
	for _, sub := range subs {
		part := look(sub)
		begin := part.beginnings()
		fits := len(run)*len(begin) <= maxTexts || len(run) == 1 && len(begin) <= maxUnion
		switch {
		case part.texts != nil && fits:
			run = product(run, part.texts)
		case part.texts != nil:
			flush(part.texts)
		default:
			if fits {
				run = product(run, begin)
			}
			flush(nothing)
			m.clauses = append(m.clauses, part.clauses...)
		}
	}
	if m.starts == nil {
		return meaning{texts: run}
	}
	flush(nothing)
	return m
}

func product(a, b clause) clause {
	out := make(clause, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if s := x + y; !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// alternate joins the texts of alternatives or, if they are not known, one clause of each.
func alternate(subs []*syntax.Regexp) meaning {
	var texts, starts, joined clause
	exact, sound := true, true
	for _, sub := range subs {
		m := look(sub)
		if exact = exact && m.texts != nil && len(texts) < maxUnion; exact {
			texts = union(texts, m.texts)
		}
		if len(starts) < maxUnion {
			starts = union(starts, m.beginnings())
		} else {
			starts = nothing
		}
		best := choose(m.all())
		if sound = sound && best.shortest() > 0 && len(joined) < maxUnion; sound {
			joined = union(joined, best)
		}
	}
	switch {
	case exact:
		return meaning{texts: texts}
	case sound:
		return meaning{starts: starts, clauses: []clause{joined}}
	}
	return meaning{starts: starts}
}

// usual is what most texts have, so that it says nothing about which rule matches.
const usual = "mozilla/5.0 (windows nt 10.0; win64; x64; rv:1.9) applewebkit/537.36 (khtml, like gecko) chrome/100.0 mobile safari/537.36 firefox/1 version/4.0 " +
	"mozilla/5.0 (linux; u; android 4.2.2; en-us; build/ mozilla/5.0 (iphone; cpu iphone os 17_0 like mac os x; ipad; macintosh; intel mac os x 10_15 " +
	"mozilla/4.0 (compatible; msie 7.0; windows phone windows ce trident/4.0 opera/9.8 (x11; ubuntu; linux x86_64) http://www. .html samsung huawei bot"

// choose returns the clause that says most: the one whose texts are least usual, and long.
func choose(list []clause) clause {
	var best clause
	least := 0
	for _, c := range list {
		n := c.usual()
		if best == nil || n < least || n == least && c.shortest() > best.shortest() {
			best, least = c, n
		}
	}
	return best
}

// usual is how usual the texts of a clause are.
func (c clause) usual() (n int) {
	for _, s := range c {
		if strings.Contains(usual, s) {
			n++
		}
	}
	return n
}

// shortest is the length of the shortest text.
func (c clause) shortest() int {
	n := 0
	for i, s := range c {
		if i == 0 || len(s) < n {
			n = len(s)
		}
	}
	return n
}

// reduced leaves out what is there whenever something shorter is.
func (c clause) reduced() clause {
	var out clause
	for i, s := range c {
		needless := false
		for k, o := range c {
			needless = needless || strings.Contains(s, o) && (len(o) < len(s) || k < i)
		}
		if !needless {
			out = append(out, s)
		}
	}
	return out
}
