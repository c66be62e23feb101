package regex

import (
	"encoding/binary"
	"slices"
)

// An automaton matches a superset of what patterns match: assertions and lookarounds hold
// everywhere, groups that are atomic give back, references match anything. Where it finds
// no match there is none, and it finds that out in one pass over the text, whatever the
// patterns are like.

// automaton is the nondeterministic form, built once for a pattern or a list of them.
type automaton struct {
	states []state
	starts []int32 // by pattern
	where  []where // by pattern: at which places it can begin
	class  [256]uint8
	sample []byte // one byte of every class
	sets   map[byteSet]*byteSet
}

// where a pattern can begin.
type where uint8

const (
	anywhere where = iota
	atLines        // at the begin of lines
	atBegin        // at the begin of the text
)

func whereOf(tree *node) where {
	switch {
	case tree.begins(textBegin):
		return atBegin
	case tree.begins(lineBegin):
		return atLines
	}
	return anywhere
}

// state takes one byte of set and goes on at a, or goes on at a and b at once.
type state struct {
	set  *byteSet
	a, b int32
}

// mostStates bounds an automaton. Larger ones are not worth their memory.
const mostStates = 60_000

// accept is the state number at which the first pattern has matched; those of the others
// follow.
const accept = 0

func newAutomaton(trees []*node) *automaton {
	a := &automaton{sets: map[byteSet]*byteSet{}}
	for range trees {
		a.add(state{})
	}
	for i, tree := range trees {
		a.starts = append(a.starts, a.build(tree, int32(accept+i)))
		a.where = append(a.where, whereOf(tree))
	}
	if len(a.states) >= mostStates {
		return nil
	}
	a.classify()
	a.sets = nil
	return a
}

// set returns the one copy of a set.
func (a *automaton) set(s byteSet) *byteSet {
	if known := a.sets[s]; known != nil {
		return known
	}
	a.sets[s] = &s
	return &s
}

func (a *automaton) add(s state) int32 {
	a.states = append(a.states, s)
	return int32(len(a.states) - 1)
}

// build adds the states for n, which go on at next, and returns the first of them.
func (a *automaton) build(n *node, next int32) int32 {
	if len(a.states) >= mostStates {
		return next
	}
	switch n.kind {
	case kindLiteral:
		for i := len(n.text) - 1; i >= 0; i-- {
			var s byteSet
			s.add(n.text[i])
			next = a.add(state{set: a.set(s), a: next})
		}
	case kindSet:
		return a.one(n.set, next)
	case kindConcat, kindCapture, kindAtomic:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = a.build(n.subs[i], next)
		}
	case kindAlternate, kindCondition:
		first := a.build(n.subs[0], next)
		for _, s := range n.subs[1:] {
			first = a.add(state{a: first, b: a.build(s, next)})
		}
		return first
	case kindRepeat:
		return a.repeat(n, next)
	case kindBackref:
		return a.star(func(again int32) int32 {
			return a.add(state{set: a.set(everyByte), a: again})
		}, next)
	}
	return next
}

// one takes a character: its first byte, and any number of bytes that go on in it.
func (a *automaton) one(s charSet, next int32) int32 {
	c := newClass(s)
	if c.beyond != noneBeyond {
		next = a.star(func(again int32) int32 { return a.add(state{set: a.set(continuation), a: again}) }, next)
	}
	return a.add(state{set: a.set(c.first.bytes()), a: next})
}

func (a *automaton) star(body func(again int32) int32, next int32) int32 {
	head := a.add(state{b: next})
	a.states[head].a = body(head)
	return head
}

// Counted repeats beyond these are as good as unlimited.
const (
	mostMandatory = 8
	mostOptional  = 4
)

func (a *automaton) repeat(n *node, next int32) int32 {
	least := min(n.min, mostMandatory)
	if n.max == unlimited || n.min > mostMandatory || n.max-n.min > mostOptional {
		next = a.star(func(again int32) int32 { return a.build(n.subs[0], again) }, next)
	} else {
		last := next
		for range n.max - n.min {
			next = a.add(state{a: a.build(n.subs[0], next), b: last})
		}
	}
	for range least {
		next = a.build(n.subs[0], next)
	}
	return next
}

// classify finds the bytes that no state tells apart.
func (a *automaton) classify() {
	var newline byteSet
	newline.add('\n') // where lines begin anew
	a.set(newline)
	classes := 1
	for s := range a.sets {
		split := map[[2]uint8]uint8{}
		for b := range a.class {
			key := [2]uint8{a.class[b], 0}
			if s.has(byte(b)) {
				key[1] = 1
			}
			if _, known := split[key]; !known {
				split[key] = uint8(len(split))
			}
			a.class[b] = split[key]
		}
		classes = len(split)
	}
	a.sample = make([]byte, classes)
	for b := 255; b >= 0; b-- {
		a.sample[a.class[b]] = byte(b)
	}
}

// rejecter is the deterministic form, of which the states come into being as texts ask for
// them. Each belongs to one goroutine.
type rejecter struct {
	a       *automaton
	index   map[string]uint16
	members [][]int32  // by state: the states of the automaton that it stands for
	hits    [][]uint64 // by state: the patterns that match there, nil for none
	next    []uint16   // 256 for every state, with hit where a pattern matches; 0 is not known yet
	mark    []uint32   // the last generation in which a state was met
	gen     uint32
	size    int // of all members
	full    int // how often there was no room left
	key     []byte
}

const (
	// mostDFA bounds the states of a rejecter, half a kilobyte each, and mostMembers what
	// they stand for, some bytes each.
	mostDFA     = 1024
	mostMembers = 1 << 19
	// mostFull is how often a rejecter begins anew before it is given up.
	mostFull = 10
	// unknown and begin are the first two states: of what is not worked out yet, and in
	// front of the text.
	unknown = 0
	begin   = 1
	// hit marks a step after which a pattern has matched.
	hit = 1 << 15
)

func newRejecter(a *automaton) *rejecter {
	r := &rejecter{a: a, mark: make([]uint32, len(a.states))}
	r.reset()
	return r
}

func (r *rejecter) reset() {
	r.index = map[string]uint16{}
	clear(r.members) // or they would be kept alive
	r.members, r.hits, r.next, r.size = r.members[:0], r.hits[:0], r.next[:0], 0
	r.add(nil, nil)
	r.gen++
	var list []int32
	var hits []uint64
	for _, s := range r.a.starts {
		hits = r.close(&list, hits, s)
	}
	r.intern(list, hits)
}

// close adds a state to a list, or those to which it leads without a byte, and notes the
// patterns that have matched.
func (r *rejecter) close(list *[]int32, hits []uint64, s int32) []uint64 {
	for r.mark[s] != r.gen {
		r.mark[s] = r.gen
		if int(s) < len(r.a.starts) {
			if hits == nil {
				hits = make([]uint64, (len(r.a.starts)+63)/64)
			}
			hits[s/64] |= 1 << (s % 64)
			break
		}
		at := &r.a.states[s]
		if at.set != nil {
			*list = append(*list, s)
			break
		}
		hits = r.close(list, hits, at.a)
		s = at.b
	}
	return hits
}

// intern returns the number of the state for a list.
func (r *rejecter) intern(list []int32, hits []uint64) uint16 {
	slices.Sort(list)
	r.key = r.key[:0]
	for _, s := range list {
		r.key = binary.LittleEndian.AppendUint16(r.key, uint16(s))
	}
	for _, w := range hits {
		r.key = binary.LittleEndian.AppendUint64(append(r.key, 0xff, 0xff), w)
	}
	if id, ok := r.index[string(r.key)]; ok {
		return id
	}
	id := r.add(list, hits)
	r.index[string(r.key)] = id
	return id
}

func (r *rejecter) add(list []int32, hits []uint64) uint16 {
	r.size += len(list)
	r.members = append(r.members, list)
	r.hits = append(r.hits, hits)
	r.next = append(r.next, make([]uint16, 256)...)
	return uint16(len(r.members) - 1)
}

// step works out where a state goes with a byte.
func (r *rejecter) step(id uint16, b byte) uint16 {
	class := r.a.class[b]
	sample := r.a.sample[class]
	r.gen++
	var list []int32
	var hits []uint64
	for _, s := range r.members[id] {
		if at := &r.a.states[s]; at.set.has(sample) {
			hits = r.close(&list, hits, at.a)
		}
	}
	for i, s := range r.a.starts {
		if r.a.where[i] == anywhere || r.a.where[i] == atLines && b == '\n' {
			hits = r.close(&list, hits, s)
		}
	}
	to := r.intern(list, hits)
	if hits != nil {
		to |= hit
	}
	row := r.next[int(id)<<8 : int(id)<<8+256]
	for b := range row {
		if r.a.class[b] == class {
			row[b] = to
		}
	}
	return to
}

// rejects reports whether the text certainly holds no match of the only pattern.
func (r *rejecter) rejects(s string) bool {
	if r.full > mostFull || r.hits[begin] != nil {
		return false
	}
	id := uint16(begin)
	for i := 0; i < len(s); i++ {
		to := r.next[int(id)<<8|int(s[i])]
		if to-1 >= hit-1 { // unknown, or a hit
			if to == unknown {
				to = r.grow(id, s[i])
			}
			if to == unknown || to >= hit {
				return false
			}
		}
		id = to
	}
	return true
}

// grow works out a state if there is room, or else begins anew and returns unknown.
func (r *rejecter) grow(id uint16, b byte) uint16 {
	if len(r.members) >= mostDFA || r.size >= mostMembers {
		r.full++
		r.reset()
		return unknown
	}
	return r.step(id, b)
}
