package disklog

import (
	"math/rand/v2"
	"testing"
)

func TestRangesAreASet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var set ranges
		var model [64]bool
		for range 30 {
			a := r.Uint64N(60)
			s := span{a, a + 1 + r.Uint64N(4)}
			missing := uint64(0)
			for i := s.first; i < s.end; i++ {
				if !model[i] {
					missing++
				}
			}
			if got := set.missing(s); got != missing {
				t.Fatalf("%v misses %d of %v, want %d", set.list, got, s, missing)
			}
			set.add(s)
			for i := s.first; i < s.end; i++ {
				model[i] = true
			}
			for i, in := range model {
				if set.has(uint64(i)) != in {
					t.Fatalf("%v has %d: %t", set.list, i, !in)
				}
			}
			for i := 1; i < len(set.list); i++ {
				if set.list[i-1].end >= set.list[i].first {
					t.Fatalf("%v", set.list)
				}
			}
		}
	}
}
