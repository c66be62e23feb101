package eventbuffer

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// shelf keeps events in a store, each under a key of its own. An entry names its owner, which
// is this host and this start of the program. As long as the owner lives, it renews a lease
// in the store, so that others can tell that it is dead.
type shelf struct {
	env   actor.Env
	store store.Store
	opts  Options
	name  string // of the store, for the log
	host  string
	owner string

	mu      sync.Mutex
	live    map[string]bool // keys in use
	done    []string        // keys to be deleted
	last    int64           // time of the newest entry, which orders them
	leased  time.Time
	cleaned time.Time
}

const (
	leaseTime  = 30 * time.Second
	leaseEvery = leaseTime / 3
	// mostDone is the number of keys that are deleted at once, before gc_interval is over.
	mostDone = 1000
	// patience bounds single operations of a store.
	patience = 30 * time.Second
)

// Fields of an entry.
var (
	ownerKey = event.Intern("owner")
	inputKey = event.Intern("input")
	timeKey  = event.Intern("time")
	eventKey = event.Intern("event")
)

func newShelf(env actor.Env, o Options, s store.Store, name string) *shelf {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return &shelf{
		env: env, store: s, opts: o, name: name, host: host, live: map[string]bool{},
		owner: host + "/" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(rand.Uint64(), 36),
	}
}

func (s *shelf) target() string { return s.name }

func (s *shelf) lease(owner string) string { return s.opts.KeyPrefix + "-owner:" + owner }

// shelfParcel is the entries of a batch.
type shelfParcel []store.Entry

func (p shelfParcel) count() int { return len(p) }

func (s *shelf) prepare(input string, events eventList) parcel {
	p := make(shelfParcel, len(events))
	var buf []byte
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range events {
		buf = event.AppendRecord(buf[:0], e)
		p[i] = store.Entry{Key: s.key(e.ID()), Value: s.value(input, buf, s.now())}
	}
	return p
}

// value is an entry. The event is text, because not every encoding can hold bytes.
func (s *shelf) value(input string, record []byte, at int64) event.Value {
	return event.MapOf(event.FromFields([]event.Field{
		{Key: ownerKey, Value: event.String(s.owner)},
		{Key: inputKey, Value: event.String(input)},
		{Key: timeKey, Value: event.Int(at)},
		{Key: eventKey, Value: event.String(base64.StdEncoding.EncodeToString(record))},
	}))
}

// key is a key that no other event has.
func (s *shelf) key(id string) string {
	k := s.opts.KeyPrefix + ":" + id
	for id == "" || s.live[k] {
		id += "~" + strconv.FormatUint(rand.Uint64(), 36)
		k = s.opts.KeyPrefix + ":" + id
	}
	s.live[k] = true
	return k
}

// now is the time, which is another one each time.
func (s *shelf) now() int64 {
	s.last = max(s.last+1, time.Now().UnixNano())
	return s.last
}

func (s *shelf) put(ctx context.Context, p parcel) error {
	if err := s.renew(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.store.Set(ctx, p.(shelfParcel)...)
	if r, refused := errors.AsType[*store.RefusedError](err); refused {
		s.env.Warn("events were refused by the store and go on without being kept", "events", len(r.Keys), "error", r)
		return errUnkept
	}
	return err
}

func (s *shelf) remove(p parcel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch p := p.(type) {
	case shelfParcel:
		for _, e := range p {
			s.done = append(s.done, e.Key)
		}
	case again:
		for _, k := range p {
			s.done = append(s.done, k.Where)
		}
	}
}

// renew says that this process lives.
func (s *shelf) renew(ctx context.Context) error {
	s.mu.Lock()
	due := time.Since(s.leased) >= leaseEvery
	s.mu.Unlock()
	if !due {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.store.Set(ctx, store.Entry{Key: s.lease(s.owner), Value: event.Int(time.Now().Unix()), TTL: leaseTime}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leased = time.Now()
	return nil
}

func (s *shelf) maintain(ctx context.Context) {
	if err := s.renew(ctx); err != nil {
		s.env.Warn("the store does not answer", "target", s.name, "error", err)
		return
	}
	s.mu.Lock()
	due := len(s.done) >= mostDone || time.Since(s.cleaned) >= s.opts.GCInterval
	s.mu.Unlock()
	if due {
		if err := s.clean(ctx); err != nil {
			s.env.Warn("delivered events could not be removed, trying again", "target", s.name, "error", err)
		}
	}
}

// clean deletes what has been delivered.
func (s *shelf) clean(ctx context.Context) error {
	for {
		s.mu.Lock()
		s.cleaned = time.Now()
		keys := slices.Clone(s.done[:min(len(s.done), mostDone)])
		s.mu.Unlock()
		if len(keys) == 0 {
			return nil
		}
		if err := s.delete(ctx, keys...); err != nil {
			return err
		}
		s.mu.Lock()
		s.done = s.done[len(keys):]
		for _, k := range keys {
			delete(s.live, k)
		}
		s.mu.Unlock()
	}
}

func (s *shelf) delete(ctx context.Context, keys ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.store.Delete(ctx, keys...)
}

// Move makes a kept event one of another input.
func (s *shelf) Move(ctx context.Context, k Kept, input string) error {
	if k.Err != nil {
		return k.Err
	}
	s.mu.Lock()
	at := s.now()
	s.mu.Unlock()
	return s.store.Set(ctx, store.Entry{Key: k.Where, Value: s.value(input, event.AppendRecord(nil, k.Event), at)})
}

// Remove removes a kept event.
func (s *shelf) Remove(ctx context.Context, k Kept) error { return s.delete(ctx, k.Where) }

func (s *shelf) age() time.Duration { return 0 }

// Close removes what has been delivered, and the lease.
func (s *shelf) Close(ctx context.Context) error {
	err := s.clean(ctx)
	if err != nil {
		s.env.Log.Error("delivered events could not be removed and will come again", "target", s.name, "error", err)
	}
	return errors.Join(err, s.delete(ctx, s.lease(s.owner)))
}
