package regex

// byteSet is a set of bytes, small enough to be handed around by value while a pattern is
// compiled.
type byteSet [4]uint64

func (s *byteSet) add(b byte) { s[b>>6] |= 1 << (b & 63) }

func (s *byteSet) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

func (s byteSet) union(o byteSet) byteSet {
	return byteSet{s[0] | o[0], s[1] | o[1], s[2] | o[2], s[3] | o[3]}
}

func (s byteSet) overlaps(o byteSet) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
}

func (s byteSet) within(o byteSet) bool {
	return s[0]&^o[0]|s[1]&^o[1]|s[2]&^o[2]|s[3]&^o[3] == 0
}

func (s *byteSet) table() *byteTable {
	t := &byteTable{}
	for b := range t {
		t[b] = s.has(byte(b))
	}
	return t
}

// continuation are the bytes that stand inside of a character in valid UTF-8.
var continuation = byteSet{2: ^uint64(0)}

func (t *byteTable) bytes() byteSet {
	var s byteSet
	for b, in := range t {
		if in {
			s.add(byte(b))
		}
	}
	return s
}

// continues is what the compiler knows about everything that comes after a part of the
// pattern. It is the reason why most repeats never have to give anything back.
type continues struct {
	// bytes are those with which it can begin.
	bytes byteSet
	// accepts tells that it may be content without taking any byte.
	accepts bool
	// lead is an assertion with which it begins in any case.
	lead leadKind
}

// leadKind is an assertion at the head of a continuation.
type leadKind uint8

const (
	leadNone leadKind = iota
	leadBoundary
	leadTextEnd
	leadLineEnd // also the end of the text, or a newline there
)

// first returns what a node and all that follows it can begin with.
func (c *compiler) first(n *node, after continues) continues {
	switch n.kind {
	case kindLiteral:
		var f continues
		f.bytes.add(n.text[0])
		return f
	case kindSet:
		return continues{bytes: c.class(n.set).first.bytes()}
	case kindConcat, kindCapture, kindAtomic:
		for i := len(n.subs) - 1; i >= 0; i-- {
			after = c.first(n.subs[i], after)
		}
		return after
	case kindAlternate:
		f := c.first(n.subs[0], after)
		for _, s := range n.subs[1:] {
			f = f.or(c.first(s, after))
		}
		return f
	case kindCondition:
		return c.first(n.subs[0], after).or(c.first(n.subs[1], after))
	case kindRepeat:
		if n.max == 0 {
			return after
		}
		f := c.first(n.subs[0], after)
		if n.min == 0 {
			f = f.or(after)
		}
		if n.subs[0].empties() {
			f = f.or(after) // rounds that match nothing
		}
		return f
	case kindBackref:
		return continues{bytes: everyByte, accepts: true}
	case kindAssert:
		after.lead = leadOf[n.place]
		return after
	}
	after.lead = leadNone
	return after
}

var everyByte = byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

var leadOf = map[place]leadKind{
	wordBoundary: leadBoundary, textEnd: leadTextEnd, textEndOrLine: leadLineEnd, lineEnd: leadLineEnd,
}

func (f continues) or(o continues) continues {
	f.bytes = f.bytes.union(o.bytes)
	f.accepts = f.accepts || o.accepts
	if f.lead != o.lead {
		f.lead = leadNone
	}
	return f
}

// keeps reports whether a run over a class that has taken all it can never needs to give
// any of it back, because what follows could not begin at an earlier place:
//
//   - the continuation cannot begin with a member of the class, and has to take a byte, or
//   - a word boundary follows, and there is none inside of a word, or
//   - the end of the text or line follows.
func (f continues) keeps(members byteSet, least int) bool {
	switch {
	case !f.accepts && !members.overlaps(f.bytes):
		return true
	case f.lead == leadBoundary && least >= 1:
		return members.within(asciiWordBytes)
	case f.lead == leadTextEnd:
		return true
	case f.lead == leadLineEnd:
		return !members.has('\n')
	}
	return false
}

var asciiWordBytes = newClass(asciiWord).first.bytes()

// leadingRun returns the class of an unlimited repeat with which every match begins, and
// whether there is one.
func (n *node) leadingRun() (*node, bool) {
	switch n.kind {
	case kindConcat, kindCapture:
		for _, s := range n.subs {
			if s.kind == kindEmpty {
				continue
			}
			return s.leadingRun()
		}
	case kindRepeat:
		if _, single := n.subs[0].single(); single && n.max == unlimited {
			return n, true
		}
	}
	return nil, false
}

// begins reports whether every match begins with an assertion.
func (n *node) begins(p place) bool {
	switch n.kind {
	case kindAssert:
		return n.place == p
	case kindConcat, kindCapture, kindAtomic:
		for _, s := range n.subs {
			if s.kind != kindEmpty {
				return s.begins(p)
			}
		}
	case kindAlternate:
		for _, s := range n.subs {
			if !s.begins(p) {
				return false
			}
		}
		return true
	case kindRepeat:
		return n.min > 0 && n.subs[0].begins(p)
	}
	return false
}

// literals appends the texts that every match contains, one after the other in this
// order. Texts of a single letter or digit tell too little to be looked for.
func (n *node) literals(found []string) []string {
	switch n.kind {
	case kindLiteral:
		return append(found, n.text)
	case kindConcat, kindCapture, kindAtomic:
		for _, s := range n.subs {
			found = s.literals(found)
		}
	case kindRepeat:
		if n.min >= 1 {
			return n.subs[0].literals(found)
		}
	}
	return found
}
