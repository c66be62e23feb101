package actor

import (
	"slices"
	"sync"
)

// ailments are what keeps a module from working as it should, though it has not failed: mostly
// counterparts that do not answer.
type ailments struct {
	mu sync.Mutex
	by map[ailment]string
}

type ailment struct {
	worker int
	about  string
}

// Ailing says that the module cannot do its work at the moment, and why, for those who report
// on the program; "" says that it can again. about tells one thing from another. The end of an
// instance ends what it said.
func (v Env) Ailing(about, why string) {
	a := &v.node.ailments
	a.mu.Lock()
	defer a.mu.Unlock()
	key := ailment{v.Worker, about}
	if why == "" {
		delete(a.by, key)
		return
	}
	if a.by == nil {
		a.by = map[ailment]string{}
	}
	a.by[key] = why
}

// heal forgets what an instance has said.
func (a *ailments) heal(worker int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.by {
		if key.worker == worker {
			delete(a.by, key)
		}
	}
}

// list are all of them, once each.
func (a *ailments) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, why := range a.by {
		list = append(list, why)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
