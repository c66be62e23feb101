package throttle

import (
	"sync"
	"time"
)

// table counts events by their keys. All workers share it.
type table struct {
	opts Options
	base time.Time // times are counted from here, on a clock that nobody sets back

	mu      sync.Mutex
	windows map[string]*window
	oldest  window // ring of all windows; the one that began first stands behind it
	over    []summary
}

// window is what is known of a key.
type window struct {
	prev, next *window
	key        string
	start      time.Duration
	count      int
	tokens     float64       // with rate
	filled     time.Duration // when they were counted
	first      time.Duration // for the summary
	last       time.Duration
	throttled  int
}

// summary tells of a window that is over.
type summary struct {
	key         string
	throttled   int
	first, last time.Time
}

func newTable(o Options) *table {
	if o.Burst == 0 {
		o.Burst = max(1, int(o.Rate))
	}
	t := &table{opts: o, base: time.Now(), windows: map[string]*window{}}
	t.oldest.prev, t.oldest.next = &t.oldest, &t.oldest
	return t
}

// decide counts events by their keys and tells which of them pass. It returns how many keys
// had to be forgotten for that.
func (t *table) decide(keys [][]byte, passes []bool) (forgotten int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.base)
	t.clean(now)
	for i, k := range keys {
		if k == nil {
			continue
		}
		w := t.find(k, now)
		if t.opts.Rate > 0 {
			passes[i] = t.spend(w, now)
		} else {
			w.count++
			passes[i] = w.count >= t.opts.MinCount && w.count <= t.opts.MaxCount
		}
		w.note(passes[i], now)
	}
	for len(t.windows) > t.opts.MaxKeys {
		t.close(t.oldest.next)
		forgotten++
	}
	return forgotten
}

// note only keeps what a summary tells of events that were counted elsewhere.
func (t *table) note(keys [][]byte, passes []bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.base)
	t.clean(now)
	for i, k := range keys {
		if k != nil {
			t.find(k, now).note(passes[i], now)
		}
	}
	for len(t.windows) > t.opts.MaxKeys {
		t.close(t.oldest.next)
	}
}

func (w *window) note(passed bool, now time.Duration) {
	w.last = now
	if !passed {
		w.throttled++
	}
}

// find returns the window of a key, a new one if there is none.
func (t *table) find(key []byte, now time.Duration) *window {
	if w := t.windows[string(key)]; w != nil {
		return w
	}
	w := &window{key: string(key), start: now, first: now, filled: now, tokens: float64(t.opts.Burst)}
	t.windows[w.key] = w
	t.append(w)
	return w
}

func (t *table) append(w *window) {
	w.prev, w.next = t.oldest.prev, &t.oldest
	w.prev.next, w.next.prev = w, w
}

// spend takes a token if there is one. The window lasts until all tokens are there again, so
// it moves behind those that were used before it.
func (t *table) spend(w *window, now time.Duration) bool {
	w.tokens = min(float64(t.opts.Burst), w.tokens+t.opts.Rate*(now-w.filled).Seconds())
	w.filled, w.start = now, now
	w.prev.next, w.next.prev = w.next, w.prev
	t.append(w)
	if w.tokens < 1 {
		return false
	}
	w.tokens--
	return true
}

// lasts is how long a window lasts after its start.
func (t *table) lasts() time.Duration {
	if t.opts.Rate > 0 {
		return time.Duration(float64(t.opts.Burst) / t.opts.Rate * float64(time.Second))
	}
	return t.opts.Timeframe
}

// clean closes the windows whose time is over. They stand in the order of their start.
func (t *table) clean(now time.Duration) {
	for w := t.oldest.next; w != &t.oldest && now-w.start > t.lasts(); w = t.oldest.next {
		t.close(w)
	}
}

func (t *table) close(w *window) {
	w.prev.next, w.next.prev = w.next, w.prev
	delete(t.windows, w.key)
	t.tell(w)
}

// maxSummaries bounds how many summaries wait to be sent.
const maxSummaries = 100_000

// tell keeps what a summary will say.
func (t *table) tell(w *window) {
	if t.opts.Summary && w.throttled > 0 && len(t.over) < maxSummaries {
		t.over = append(t.over, summary{w.key, w.throttled, t.base.Add(w.first), t.base.Add(w.last)})
	}
}

// closed returns the windows that are over; in the end, all are.
func (t *table) closed(all bool) []summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.base)
	t.clean(now)
	for w := t.oldest.next; w != &t.oldest && t.opts.Summary; w = w.next {
		if all || t.opts.Rate > 0 && now-w.first > t.opts.Timeframe { // which may go on for ever
			t.tell(w)
			w.throttled, w.first = 0, now
		}
	}
	list := t.over
	t.over = nil
	return list
}
