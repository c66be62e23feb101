package eventbuffer

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// bad stands behind the prefix of what cannot be read.
const bad = "bad:"

// Each takes over what belongs to this host, and to processes that live no more.
func (s *shelf) Each(ctx context.Context, take func(Kept) bool) error {
	list, err := s.takeOver(ctx)
	if err != nil {
		return err
	}
	for _, k := range list {
		if !take(k) {
			return nil
		}
	}
	return nil
}

// found is an entry as it is in the store.
type found struct {
	Kept
	owner string
	at    int64
}

func (s *shelf) takeOver(ctx context.Context) ([]Kept, error) {
	if err := s.renew(ctx); err != nil {
		return nil, err
	}
	unlock, err := s.store.Lock(ctx, s.opts.KeyPrefix, leaseTime)
	if err != nil {
		return nil, fmt.Errorf("lock the event buffer: %w", err)
	}
	defer func() { _ = unlock(context.WithoutCancel(ctx)) }() // it ends by itself
	all, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	living := map[string]bool{}
	var list []Kept
	for _, f := range all {
		if f.Err != nil {
			s.setAside(ctx, &f)
		} else {
			mine, err := s.mayTake(ctx, f.owner, living)
			if err != nil {
				return nil, err
			}
			if !mine {
				continue
			}
			if err := s.claim(ctx, f); err != nil {
				return nil, err
			}
		}
		s.mu.Lock()
		s.live[f.Where] = true
		s.mu.Unlock()
		list = append(list, f.Kept)
	}
	return list, nil
}

// Look walks all entries and changes nothing.
func (s *shelf) Look(ctx context.Context, take func(Kept) bool) error {
	all, err := s.find(ctx)
	if err != nil {
		return err
	}
	living := map[string]bool{}
	for _, f := range all {
		if f.Living, err = s.lives(ctx, f.owner, living); err != nil {
			return err
		}
		if !take(f.Kept) {
			return nil
		}
	}
	return nil
}

// find reads all entries in the order of their times.
func (s *shelf) find(ctx context.Context) ([]found, error) {
	var all []found
	var decoder event.RecordDecoder
	prefix := s.opts.KeyPrefix + ":"
	for e, err := range s.store.Iterate(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if id := strings.TrimPrefix(e.Key, prefix); strings.HasPrefix(id, bad) {
			continue
		}
		f := found{Kept: Kept{Where: e.Key}}
		f.read(e.Value, &decoder)
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	return all, nil
}

func (f *found) read(v event.Value, d *event.RecordDecoder) {
	m := v.Map()
	if m == nil {
		f.Err = errors.New("the value is no event")
		return
	}
	field := func(k *event.Key) event.Value { v, _ := m.Get(k); return v }
	f.owner, f.Input = field(ownerKey).Str(), field(inputKey).Str()
	f.at, _ = field(timeKey).Int()
	record, err := base64.StdEncoding.DecodeString(field(eventKey).Str())
	if err != nil {
		f.Err = err
		return
	}
	f.Event, f.Err = d.Decode(string(record))
}

// setAside keeps a value that cannot be read under another key.
func (s *shelf) setAside(ctx context.Context, f *found) {
	v, there, err := s.store.Get(ctx, f.Where)
	if err != nil || !there {
		return // it stays where it is
	}
	prefix := s.opts.KeyPrefix + ":"
	to := prefix + bad + strings.TrimPrefix(f.Where, prefix)
	if err := s.store.Set(ctx, store.Entry{Key: to, Value: v}); err != nil {
		return
	}
	_ = s.store.Delete(ctx, f.Where) // or it is set aside once more
	f.Where = to
	s.env.Count("bad", 1)
}

// mayTake reports whether what an owner has left may be taken over.
func (s *shelf) mayTake(ctx context.Context, owner string, living map[string]bool) (bool, error) {
	if host, _, _ := strings.Cut(owner, "/"); host == s.host {
		return true, nil
	}
	lives, err := s.lives(ctx, owner, living)
	return err == nil && !lives, err
}

// lives reports whether an owner has been heard of lately.
func (s *shelf) lives(ctx context.Context, owner string, known map[string]bool) (bool, error) {
	if lives, ok := known[owner]; ok {
		return lives, nil
	}
	_, lives, err := s.store.Get(ctx, s.lease(owner))
	known[owner] = lives
	return lives, err
}

// claim makes this process the owner of an entry.
func (s *shelf) claim(ctx context.Context, f found) error {
	return s.store.Set(ctx, store.Entry{Key: f.Where, Value: s.value(f.Input, event.AppendRecord(nil, f.Event), f.at)})
}
