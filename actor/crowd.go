package actor

import "sync"

// crowd counts what a run waits for. Unlike a sync.WaitGroup it takes no more members once
// all have left.
type crowd struct {
	mu      sync.Mutex
	members int
	empty   chan struct{}
}

func newCrowd() *crowd { return &crowd{empty: make(chan struct{})} }

// join adds a member, unless all have left.
func (c *crowd) join() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.empty:
		return false
	default:
	}
	c.members++
	return true
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members--; c.members == 0 {
		close(c.empty)
	}
}

// spawn runs f as a member. Whoever calls it is one.
func (c *crowd) spawn(f func()) {
	c.join()
	go func() {
		defer c.leave()
		f()
	}()
}
