package option

import "strings"

// Nearest returns the name that is most like the given one, or "" if none is near. Case
// is ignored and - is the same as _. Of names equally near the first one wins.
func Nearest(given string, names []string) string {
	g := fold(given)
	best, least := "", max(2, len([]rune(given))/3)+1
	for _, n := range names {
		if d := distance(g, fold(n), least); d < least {
			best, least = n, d
		}
	}
	return best
}

func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
}

// distance is the number of insertions, deletions, changes and swaps of neighbours that
// lead from a to b, after Damerau and Levenshtein; at least limit if it is no smaller.
func distance(a, b []rune, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		now[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
