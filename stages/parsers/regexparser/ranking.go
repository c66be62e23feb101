package regexparser

import (
	"slices"
	"sync"
	"time"
)

// ranking is the order of the rules by hits, which all workers of a parser share.
type ranking struct {
	mu    sync.Mutex
	every time.Duration
	due   time.Time
	hits  []int64
	now   []int // never changed, only replaced
}

func newRanking(rules int, every time.Duration) *ranking {
	r := &ranking{every: every, due: time.Now().Add(every), hits: make([]int64, rules)}
	for i := range rules {
		r.now = append(r.now, i)
	}
	return r
}

func (r *ranking) order() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// report adds the hits of a batch and returns the order to go on with.
// Rules with as many hits as others keep their place among them.
func (r *ranking) report(hits []int64) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range hits {
		r.hits[i] += n
	}
	if now := time.Now(); !now.Before(r.due) {
		r.due = now.Add(r.every)
		r.now = slices.Clone(r.now)
		slices.SortStableFunc(r.now, func(a, b int) int { return int(r.hits[b] - r.hits[a]) })
		clear(r.hits)
	}
	return r.now
}
