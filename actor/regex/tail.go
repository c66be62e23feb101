package regex

import "strings"

// Most lines that nearly match a pattern are broken at one place, and those of one source
// at the same place. What stands from there on in the pattern is its tail: a text that
// every match contains, and all that must follow it. If the tail matches behind none of the
// places where the text stands, the line holds no match, whatever is in front. To look for
// that takes a fraction of a match: the quote in
//
//	"(?P<url>.*)"\s+(?P<status>\d+)\s+(?P<bytes>\d+)
//
// stands in few places of a line, and behind most of them the first byte is a wrong one.

// tail is what every match ends with.
type tail struct {
	text string
	rest *Pattern // what follows the text, without its groups
}

const (
	// mostTails bounds the tails of a pattern. Broken further in front, a line fails soon
	// enough without them.
	mostTails = 12
	// mostPlaces is how often the text of a tail may stand in a line before it tells nothing.
	mostPlaces = 32
	// tailSteps is what one look at a tail may take, at all places together.
	tailSteps = 1024
	// mostPause is after how many failures, at most, it is tried again which tail is broken.
	mostPause = 1 << 10
)

// tailsOf makes the tails of a pattern, the shortest one first.
func tailsOf(p *Pattern) []tail {
	if p.prog == nil || p.prog.depends {
		return nil
	}
	parts := p.tree.parts(nil)
	var tails []tail
	for i := len(parts) - 1; i > 0 && len(tails) < mostTails; i-- {
		if parts[i].kind != kindLiteral {
			continue
		}
		rest := &node{kind: kindConcat, subs: parts[i+1:]}
		prog, err := compileProgram(rest, &parser{names: []string{""}})
		if err != nil {
			break // it is too large, and longer ones are larger still
		}
		tails = append(tails, tail{parts[i].text, &Pattern{names: []string{""}, prog: prog}})
	}
	return tails
}

// parts appends what a match consists of from left to right. Groups are resolved, which may
// make more texts match but never fewer.
func (n *node) parts(found []*node) []*node {
	switch n.kind {
	case kindConcat, kindCapture, kindAtomic:
		for _, s := range n.subs {
			found = s.parts(found)
		}
		return found
	case kindEmpty:
		return found
	}
	return append(found, n.bare())
}

// bare returns n without the groups in it that keep what they match.
func (n *node) bare() *node {
	for n.kind == kindCapture {
		n = n.subs[0]
	}
	if len(n.subs) == 0 {
		return n
	}
	copied := *n
	copied.subs = make([]*node, len(n.subs))
	for i, s := range n.subs {
		copied.subs[i] = s.bare()
	}
	return &copied
}

// suspect is the tail that was broken of late, with the memory to look at it.
type suspect struct {
	tail  *tail
	m     *Machine
	pause int // after how many failures it was last tried which tail is broken
	wait  int // failures until that is tried again
}

// broken reports whether the suspected tail is missing in s from a place on, so that
// there is no match.
func (c *suspect) broken(s string, from int) bool {
	if c.tail == nil || !c.missing(s, from) {
		return false
	}
	c.pause, c.wait = 0, 0
	return true
}

// convict finds a tail that is broken in s, which holds no match from a place on.
func (c *suspect) convict(p *Pattern, s string, from int) {
	if c.wait--; c.wait > 0 {
		return
	}
	c.pause = min(max(2*c.pause, 1), mostPause)
	c.wait = c.pause
	c.tail, c.m = nil, nil
	least := tailSteps
	for i := range p.tails() {
		try := suspect{tail: &p.tails()[i]}
		try.m = try.tail.rest.Machine()
		if try.missing(s, from) && tailSteps-try.m.steps < least {
			least = tailSteps - try.m.steps
			c.tail, c.m = try.tail, try.m
		}
	}
}

// missing looks at all places where the text of the tail stands. It reports false also if
// that takes too long to be sure.
func (c *suspect) missing(s string, from int) bool {
	m := c.m
	m.steps, m.alarm, m.stage = tailSteps, 0, remembering
	m.lineFrom, m.lineTo = 1, 0
	for range mostPlaces {
		i := strings.Index(s[from:], c.tail.text)
		if i < 0 {
			return true
		}
		from += i
		if m.steps--; m.try(s, from+len(c.tail.text)) >= 0 || m.stage != remembering || m.steps <= 0 {
			return false
		}
		from++
	}
	return false
}
