package actortest

import "sync"

// Crowd is for a counterpart that must be asked many times at once: nobody gets on before so
// many are there.
type Crowd struct {
	size int
	full chan struct{}

	mu        sync.Mutex
	now, most int
}

// NewCrowd makes a crowd of the given size.
func NewCrowd(size int) *Crowd { return &Crowd{size: size, full: make(chan struct{})} }

// Join waits until the crowd is complete for the first time.
func (c *Crowd) Join() {
	c.mu.Lock()
	c.now++
	if c.now == c.size && c.most < c.size {
		close(c.full)
	}
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	<-c.full
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
}

// Most is how many were there at a time.
func (c *Crowd) Most() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}
