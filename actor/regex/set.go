package regex

// Set is a list of patterns of which a text is to be compared with all: it tells in one
// pass over the text which of them can match at all, so that only those need to be tried.
// A Set is immutable and safe for concurrent use.
type Set struct {
	automaton *automaton
	patterns  int
}

// NewSet makes a set of patterns. It returns nil if that would take too much memory.
func NewSet(patterns []*Pattern) *Set {
	var trees []*node
	for _, p := range patterns {
		trees = append(trees, p.tree)
	}
	a := newAutomaton(trees)
	if a == nil {
		return nil
	}
	return &Set{a, len(patterns)}
}

// Machine returns the scratch memory for one goroutine.
func (s *Set) Machine() *SetMachine {
	return &SetMachine{rejecter: newRejecter(s.automaton), found: make([]uint64, (s.patterns+63)/64)}
}

// SetMachine looks for the patterns of a set in one goroutine.
type SetMachine struct {
	rejecter *rejecter
	found    []uint64
	all      bool
}

// Search goes over a text. Afterwards May tells about it.
func (m *SetMachine) Search(s string) {
	clear(m.found)
	m.all = !m.rejecter.collect(s, m.found)
}

// May reports whether pattern i, in the order given to NewSet, may match the text. Where
// it does not, there is certainly no match.
func (m *SetMachine) May(i int) bool { return m.all || m.found[i/64]&(1<<(i%64)) != 0 }

// collect notes the patterns that may match. It reports false if that is not known.
func (r *rejecter) collect(s string, found []uint64) bool {
	if r.full > mostFull {
		return false
	}
	add := func(hits []uint64) {
		for i, w := range hits {
			found[i] |= w
		}
	}
	id := uint16(begin)
	add(r.hits[id])
	for i := 0; i < len(s); i++ {
		to := r.next[int(id)<<8|int(s[i])]
		if to == unknown {
			if to = r.grow(id, s[i]); to == unknown {
				return false
			}
		}
		id = to &^ hit
		if to >= hit {
			add(r.hits[id])
		}
	}
	return true
}
