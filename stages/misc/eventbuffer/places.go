package eventbuffer

import (
	"context"
	"sync"
)

// places are the events that may be on their way at a time.
type places struct {
	mu    sync.Mutex
	most  int
	taken int
	freed chan struct{}
}

func newPlaces(most int) *places { return &places{most: most, freed: make(chan struct{})} }

// take waits for n places. So many that there will never be enough are there when nobody
// has any.
func (p *places) take(ctx context.Context, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.taken > 0 && p.taken+n > p.most {
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	p.taken += n
	return nil
}

// seize takes n places whether they are free or not.
func (p *places) seize(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken += n
}

func (p *places) free(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken -= n
	close(p.freed)
	p.freed = make(chan struct{})
}
