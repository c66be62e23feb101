package outfile

// Ends are the places where each of the events that were joined for a file ends.
type Ends []int

// UpTo is the end of the last event that fits in room behind done, and of the first in any
// case. A room below 0 has no bounds.
func (e Ends) UpTo(done int, room int64) int {
	if room < 0 && len(e) > 0 {
		return e[len(e)-1]
	}
	to := 0
	for _, end := range e {
		if end <= done {
			continue
		}
		if to > 0 && int64(end-done) > room {
			break
		}
		to = end
	}
	return to
}

// Between reports whether no event is written in part when as many bytes as done are.
func (e Ends) Between(done int) bool {
	if done == 0 {
		return true
	}
	for _, end := range e {
		if end >= done {
			return end == done
		}
	}
	return false
}
