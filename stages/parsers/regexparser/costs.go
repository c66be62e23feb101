package regexparser

import (
	"time"

	"gambolputty/actor"
)

// sampled is the share of events, one in so many, for which the time of every pattern is
// taken. Asking the clock for all of them would cost more than many a pattern.
const sampled = 64

// costs counts the hits of every pattern and estimates the time that it takes.
type costs struct {
	env          actor.Env
	hits, micros []string // names of the counters
	spent        []time.Duration
	events       uint
}

func newCosts(env actor.Env, rules []*rule) costs {
	c := costs{env: env, spent: make([]time.Duration, len(rules))}
	for _, r := range rules {
		c.hits = append(c.hits, "hits of pattern "+r.name)
		c.micros = append(c.micros, "microseconds of pattern "+r.name)
	}
	return c
}

func (c *costs) next() { c.events++ }

// begin returns the time if it is taken for this event.
func (c *costs) begin() time.Time {
	if c.events%sampled != 0 {
		return time.Time{}
	}
	return time.Now()
}

func (c *costs) end(rule int, began time.Time) {
	if !began.IsZero() {
		c.spent[rule] += time.Since(began) * sampled
	}
}

// report adds what a batch has brought to the counters of the module.
func (c *costs) report(hits []int64) {
	for i, n := range hits {
		if n > 0 {
			c.env.Count(c.hits[i], int(n))
		}
		if t := c.spent[i].Microseconds(); t > 0 {
			c.env.Count(c.micros[i], int(t))
			c.spent[i] = 0
		}
	}
}
