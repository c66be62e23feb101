package regex

// The parser makes a tree of a pattern. A tree has no dialect: what differs between the
// dialects has become different nodes.

type nodeKind uint8

const (
	kindEmpty     nodeKind = iota // matches the empty text
	kindLiteral                   // text
	kindSet                       // one character of set
	kindConcat                    // subs one after another
	kindAlternate                 // the first of subs that leads to a match
	kindRepeat                    // subs[0], min to max times
	kindCapture                   // subs[0], remembered as group
	kindAtomic                    // the first match of subs[0] and no other
	kindLook                      // whether subs[0] matches here
	kindAssert                    // a place in the text
	kindBackref                   // what group matched
	kindCondition                 // subs[0] if group matched, else subs[1]
)

type node struct {
	kind     nodeKind
	text     string
	set      charSet
	subs     []*node
	min, max int // max is unlimited for none
	greed    greed
	group    int
	place    place
	behind   bool // look: at what stands before
	negative bool // look: succeeds if there is no match
	fold     bool // backref: without regard to case
}

// unlimited is the most of a repeat that has none.
const unlimited = 1<<31 - 1

// greed is in which order a repeat tries how often.
type greed uint8

const (
	greedy     greed = iota // most first
	lazy                    // least first
	possessive              // as often as possible, and never less
)

// place is what an assertion asks about a position.
type place uint8

const (
	textBegin     place = iota
	textEnd             // the very end
	textEndOrLine       // the end, or before a newline at the end
	lineBegin
	lineEnd
	wordBoundary
	noWordBoundary
	unicodeBoundary
	noUnicodeBoundary
)

func literal(text string) *node { return &node{kind: kindLiteral, text: text} }
func setNode(s charSet) *node   { return &node{kind: kindSet, set: s} }
func assertion(p place) *node   { return &node{kind: kindAssert, place: p} }

// join makes one node of several, without a level that is not needed.
func join(kind nodeKind, subs []*node) *node {
	switch len(subs) {
	case 0:
		return &node{kind: kindEmpty}
	case 1:
		return subs[0]
	}
	return &node{kind: kind, subs: subs}
}

// alternate joins alternatives. Single characters side by side become one set, which
// changes nothing, as each of them takes exactly one character.
func alternate(subs []*node) *node {
	var out []*node
	for _, n := range subs {
		s, single := n.single()
		if len(out) > 0 && single {
			if before, ok := out[len(out)-1].single(); ok {
				both := append(before[:len(before):len(before)], s...)
				both.tidy()
				out[len(out)-1] = setNode(both)
				continue
			}
		}
		out = append(out, n)
	}
	return join(kindAlternate, out)
}

// single returns the set of characters of a node that matches exactly one of them.
func (n *node) single() (charSet, bool) {
	switch n.kind {
	case kindSet:
		return n.set, true
	case kindLiteral:
		if r := []rune(n.text); len(r) == 1 {
			return charSet{{r[0], r[0]}}, true
		}
	}
	return nil, false
}

// empties reports whether the node can match the empty text.
func (n *node) empties() bool {
	switch n.kind {
	case kindLiteral, kindSet:
		return false
	case kindConcat, kindCapture, kindAtomic:
		for _, s := range n.subs {
			if !s.empties() {
				return false
			}
		}
		return true
	case kindAlternate, kindCondition:
		for _, s := range n.subs {
			if s.empties() {
				return true
			}
		}
		return false
	case kindRepeat:
		return n.min == 0 || n.subs[0].empties()
	}
	return true
}

// shortest is the fewest bytes that the node can match.
func (n *node) shortest() int {
	switch n.kind {
	case kindLiteral:
		return len(n.text)
	case kindSet:
		return 1
	case kindConcat, kindCapture, kindAtomic:
		sum := 0
		for _, s := range n.subs {
			sum += s.shortest()
		}
		return min(sum, longestCount)
	case kindAlternate, kindCondition:
		least := n.subs[0].shortest()
		for _, s := range n.subs[1:] {
			least = min(least, s.shortest())
		}
		return least
	case kindRepeat:
		return min(n.min*n.subs[0].shortest(), longestCount)
	}
	return 0
}

// longestCount keeps sums of lengths from growing out of hand.
const longestCount = 1 << 24

// chars returns how many characters the node matches at least and at most, unlimited if
// there is no most.
func (n *node) chars() (least, most int) {
	switch n.kind {
	case kindLiteral:
		c := len([]rune(n.text))
		return c, c
	case kindSet:
		return 1, 1
	case kindConcat, kindCapture, kindAtomic:
		for _, s := range n.subs {
			a, b := s.chars()
			least, most = least+a, addUpTo(most, b)
		}
		return min(least, longestCount), most
	case kindAlternate, kindCondition:
		least, most = n.subs[0].chars()
		for _, s := range n.subs[1:] {
			a, b := s.chars()
			least, most = min(least, a), max(most, b)
		}
		return least, most
	case kindRepeat:
		a, b := n.subs[0].chars()
		if n.max == unlimited && b > 0 || b == unlimited && n.max > 0 || b*n.max > longestCount {
			return min(a*n.min, longestCount), unlimited
		}
		return min(a*n.min, longestCount), b * n.max
	case kindBackref:
		return 0, unlimited
	}
	return 0, 0
}

func addUpTo(a, b int) int {
	if a == unlimited || b == unlimited {
		return unlimited
	}
	return a + b
}

// walk calls visit for the node and all below it.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, s := range n.subs {
		s.walk(visit)
	}
}
