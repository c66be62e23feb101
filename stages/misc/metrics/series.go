package metrics

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gambolputty/actor/event"
)

// state is what all workers share.
type state struct {
	opts Options

	mu   sync.Mutex
	now  map[int]map[string]*series   // of this interval, by task and key
	past []map[int]map[string]*series // of the intervals before it that a report covers
	size int
}

// series is what was found under a name and a group.
type series struct {
	task  int
	key   string // name and group
	name  string
	group []event.Value

	counts counts
	total  int64
	sum    float64
	unique unique
	values values
}

func newState(o Options) *state {
	return &state{opts: o, now: map[int]map[string]*series{}}
}

// find returns the series of a key, or nil.
func (s *state) find(task int, key []byte) *series { return s.now[task][string(key)] }

// add makes a series whose name is the front of the key; nil means that there are enough.
func (s *state) add(task int, key []byte, name int) *series {
	if s.size >= s.opts.MaxSeries {
		return nil
	}
	s.size++
	k := string(key)
	n := &series{task: task, key: k, name: k[:name]}
	if s.now[task] == nil {
		s.now[task] = map[string]*series{}
	}
	s.now[task][k] = n
	return n
}

// report returns the series that have values in the time that a report covers, in the order
// of the tasks and of their names, and begins a new interval.
func (s *state) report() []*series {
	s.mu.Lock()
	covered := append(s.past, s.now)
	s.past = covered[max(0, len(covered)-s.opts.intervals+1):]
	s.now, s.size = map[int]map[string]*series{}, 0
	s.mu.Unlock()
	var list []*series
	if len(covered) == 1 {
		for _, byKey := range covered[0] {
			list = slices.AppendSeq(list, maps.Values(byKey))
		}
	} else {
		list = join(covered)
	}
	slices.SortFunc(list, func(a, b *series) int { return cmp.Or(cmp.Compare(a.task, b.task), cmp.Compare(a.key, b.key)) })
	return list
}

// join adds the series of several intervals up, and leaves them as they are.
func join(intervals []map[int]map[string]*series) []*series {
	var list []*series
	sums := map[int]map[string]*series{}
	for _, interval := range intervals {
		for task, byKey := range interval {
			for k, s := range byKey {
				sum := sums[task][k]
				if sum == nil {
					sum = &series{task: task, key: k, name: s.name, group: s.group}
					if sums[task] == nil {
						sums[task] = map[string]*series{}
					}
					sums[task][k] = sum
					list = append(list, sum)
				}
				sum.merge(s)
			}
		}
	}
	return list
}

func (s *series) merge(o *series) {
	for k, n := range o.counts {
		s.counts.addN(k, n, false)
	}
	s.total += o.total
	s.sum += o.sum
	s.unique.merge(&o.unique)
	s.values.merge(&o.values)
}

// counts are numbers of values by their text.
type counts map[string]int64

const (
	other = "other"
	// maxCounts is the number of different values beyond which they are counted as other.
	maxCounts = 10_000
)

// add counts a value. Text that is part of a bigger piece is copied if it is kept.
func (c *counts) add(text string, part bool) { c.addN(text, 1, part) }

func (c *counts) addN(text string, n int64, part bool) {
	if *c == nil {
		*c = counts{}
	}
	if _, known := (*c)[text]; !known {
		switch {
		case len(*c) >= maxCounts:
			text = other
		case part:
			text = strings.Clone(text)
		}
	}
	(*c)[text] += n
}

func (c counts) value() event.Value {
	m := event.NewMap(len(c))
	for _, k := range slices.Sorted(maps.Keys(c)) {
		m.Set(event.Intern(k), event.Int(c[k]))
	}
	return event.MapOf(m)
}

// number reads a number, or text that is one. isInt tells whether it is an integer that a
// float holds exactly.
func number(v event.Value) (f float64, isInt, ok bool) {
	if v.IsString() {
		s := strings.TrimSpace(v.Str())
		if strings.Trim(s, "0123456789+-.eE") != "" {
			return 0, false, false
		}
		f, err := strconv.ParseFloat(s, 64)
		return f, !strings.ContainsAny(s, ".eE") && math.Abs(f) < 1<<53, err == nil
	}
	f, ok = v.Float()
	_, isInt = v.Int()
	return f, isInt && math.Abs(f) < 1<<53, ok && !math.IsNaN(f) && !math.IsInf(f, 0)
}
