package disklog

import "slices"

// span is the numbers from first up to, but not including, end.
type span struct{ first, end uint64 }

// ranges is a set of numbers as spans that are sorted and do not touch.
type ranges struct{ list []span }

// at returns the place of the first span that ends at or behind n.
func (r *ranges) at(n uint64) int {
	i, _ := slices.BinarySearchFunc(r.list, n, func(s span, n uint64) int {
		if s.end < n {
			return -1
		}
		return 1
	})
	return i
}

// add puts a span into the set.
func (r *ranges) add(s span) {
	i := r.at(s.first)
	j := i
	for j < len(r.list) && r.list[j].first <= s.end {
		s.first, s.end = min(s.first, r.list[j].first), max(s.end, r.list[j].end)
		j++
	}
	r.list = slices.Replace(r.list, i, j, s)
}

// missing counts the numbers of a span that are not in the set.
func (r *ranges) missing(s span) uint64 {
	n := s.end - s.first
	for i := r.at(s.first); i < len(r.list) && r.list[i].first < s.end; i++ {
		if a, b := max(s.first, r.list[i].first), min(s.end, r.list[i].end); a < b {
			n -= b - a
		}
	}
	return n
}

// has reports whether n is in the set.
func (r *ranges) has(n uint64) bool { return r.missing(span{n, n + 1}) == 0 }

// gap returns the first number from n on that is not in the set.
func (r *ranges) gap(n uint64) uint64 {
	if i := r.at(n); i < len(r.list) && r.list[i].first <= n {
		return r.list[i].end
	}
	return n
}

// end is the number behind the highest one.
func (r *ranges) end() uint64 {
	if len(r.list) == 0 {
		return 0
	}
	return r.list[len(r.list)-1].end
}
