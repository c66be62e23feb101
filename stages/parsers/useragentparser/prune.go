package useragentparser

import (
	"regexp"
	"regexp/syntax"
	"slices"
)

// Some expressions have hundreds of alternatives or count up to hundreds, which makes them
// a hundred times slower than others. For one text nearly all alternatives can be left out,
// because the words they need are not in it, and a part may repeat without bound if the
// text is not longer than the bound. What is left means the same for that text.

const (
	// large is the size of an expression from which it pays to make it simpler.
	large = 100
	// wide is the number of alternatives from which it pays to look at each.
	wide = 4
	// far is the bound from which it pays to look at the length of the text.
	far = 30
)

// choice is a part of an expression that may be made simpler: an alternative, where one of
// its needs is not met, or a repetition, in a text that is not longer than its bound.
type choice struct {
	sub   *syntax.Regexp
	needs [][]uint16
	bound int // 0 for an alternative
}

// choices calls alternative and repetition for the parts of an expression that may be made
// simpler. Alternatives with groups must stay, because the numbers of the groups count.
func choices(re *syntax.Regexp, alternative func(sub *syntax.Regexp, needs []clause), repetition func(*syntax.Regexp)) {
	if re.Op == syntax.OpRepeat && re.Max >= far && oneCharacter(re.Sub[0].Op) {
		repetition(re)
	}
	if re.Op == syntax.OpAlternate && len(re.Sub) >= wide {
		for _, sub := range re.Sub {
			if sub.MaxCap() > 0 {
				continue
			}
			if needs := useful(look(sub.Simplify()).all()); len(needs) > 0 {
				alternative(sub, needs)
			}
		}
	}
	for _, sub := range re.Sub {
		choices(sub, alternative, repetition)
	}
}

// oneCharacter reports whether what repeats is a character, so that it repeats no more often
// than the text is long.
func oneCharacter(op syntax.Op) bool {
	return op == syntax.OpCharClass || op == syntax.OpAnyChar || op == syntax.OpAnyCharNotNL
}

// size is roughly how many steps the program of an expression has.
func size(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += size(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Max, re.Min, 1)
	}
	return n
}

// simpler is an expression with some parts made simpler.
func simpler(re *syntax.Regexp, parts []*syntax.Regexp) *syntax.Regexp {
	if len(re.Sub) == 0 {
		return re
	}
	out := *re
	out.Sub = nil
	if re.Op == syntax.OpRepeat && slices.Contains(parts, re) {
		out.Max = -1
	}
	for _, sub := range re.Sub {
		if sub.Op == syntax.OpRepeat || !slices.Contains(parts, sub) {
			out.Sub = append(out.Sub, simpler(sub, parts))
		}
	}
	if len(out.Sub) == 0 {
		return &syntax.Regexp{Op: syntax.OpNoMatch}
	}
	return &out
}

// maxVariants is how many patterns for combinations of words are remembered before the ones
// that are not in use any more are forgotten. 30,000 very different texts need 2,000.
const maxVariants = 2048

// pattern returns what to try for rule i: its expression, or what is left of it for the
// text at hand.
func (m *matcher) pattern(i int, text string) *regexp.Regexp {
	r := &m.all[i]
	if len(r.choices) == 0 {
		return r.compile()
	}
	m.key = append(m.key[:0], byte(i), byte(i>>8))
	for n := range r.choices {
		if n%8 == 0 {
			m.key = append(m.key, 0)
		}
		if m.stays(&r.choices[n], text) {
			m.key[len(m.key)-1] |= 1 << (n % 8)
		}
	}
	if re := m.variants[string(m.key)]; re != nil {
		return re
	}
	re := m.older[string(m.key)]
	if re == nil {
		re = m.variant(r, text)
	}
	if len(m.variants) >= maxVariants {
		m.older, m.variants = m.variants, map[string]*regexp.Regexp{}
	}
	m.variants[string(m.key)] = re
	return re
}

// stays reports whether a part must not be made simpler.
func (m *matcher) stays(c *choice, text string) bool {
	if c.bound > 0 {
		return len(text) > c.bound
	}
	return m.met(c.needs)
}

func (m *matcher) variant(r *rule, text string) *regexp.Regexp {
	var parts []*syntax.Regexp
	for n := range r.choices {
		if !m.stays(&r.choices[n], text) {
			parts = append(parts, r.choices[n].sub)
		}
	}
	re, err := regexp.Compile(simpler(r.tree, parts).String())
	if err != nil {
		return r.compile() // the whole is right as well
	}
	return re
}
