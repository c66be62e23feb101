package throttle

import (
	"context"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/store"
)

// remote counts in a store. All workers share it.
type remote struct {
	env    actor.Env
	opts   Options
	store  store.Store
	prefix string

	mu    sync.Mutex
	down  bool
	next  time.Time     // when a store that failed is tried again
	pause time.Duration // before that
}

func newRemote(env actor.Env, o Options) (*remote, error) {
	if o.Backend == "" {
		return nil, nil
	}
	s, err := store.Find(env, o.Backend)
	if err != nil {
		return nil, err
	}
	r := &remote{env: env, opts: o, store: s, prefix: o.Prefix + ":"}
	if env.ID != name {
		r.prefix += env.ID + ":"
	}
	return r, nil
}

const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// decide counts events by their keys, all in one round trip, and tells which of them pass.
// It reports false if the store cannot be asked.
func (r *remote) decide(ctx context.Context, keys [][]byte, passes []bool) bool {
	if !r.worthATry() {
		return false
	}
	counts, at := r.group(keys)
	if len(counts) == 0 {
		return true
	}
	numbers, err := r.store.Incr(ctx, r.opts.Timeframe, counts...)
	r.learn(err)
	if err != nil {
		return false
	}
	for i, c := range counts { // the number of the event before the first of ours
		numbers[i] -= c.By
	}
	for i, k := range keys {
		if k == nil {
			continue
		}
		n := &numbers[at[i]]
		*n++
		passes[i] = *n >= int64(r.opts.MinCount) && *n <= int64(r.opts.MaxCount)
	}
	return true
}

// group counts how often each key is there; at tells which of the counts is that of an
// event.
func (r *remote) group(keys [][]byte) (counts []store.Count, at []int) {
	known := map[string]int{}
	at = make([]int, len(keys))
	for i, k := range keys {
		if k == nil {
			continue
		}
		n, ok := known[string(k)]
		if !ok {
			n = len(counts)
			known[string(k)] = n
			counts = append(counts, store.Count{Key: strings.Join([]string{r.prefix, string(k)}, "")})
		}
		counts[n].By++
		at[i] = n
	}
	return counts, at
}

func (r *remote) worthATry() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.down || !time.Now().Before(r.next)
}

// learn notes whether the store works.
func (r *remote) learn(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.env.Warn("backend failed, counting in this process alone", "backend", r.opts.Backend, "error", err)
		if !r.down {
			r.env.Count("backend_down", 1)
		}
		r.pause = min(longestPause, max(firstPause, 2*r.pause))
		r.down, r.next = true, time.Now().Add(r.pause)
	case r.down:
		r.env.Log.Info("backend works again", "backend", r.opts.Backend)
		r.env.Count("backend_down", -1)
		r.down, r.pause = false, 0
	}
}
