package netflowparser

import (
	"container/list"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"gambolputty/actor/event"
)

// Bounds of what senders can make the store remember. Names of exporters can be forged.
const (
	maxTemplates      = 8192
	maxTemplateFields = 200_000
	maxWaiting        = 10_000
	maxWaitingBytes   = 16 << 20
)

// store has the templates of all exporters, and the packets that wait for one. All workers
// share it.
type store struct {
	mu        sync.Mutex
	templates *simplelru.LRU[templateKey, *template]
	fields    int // of all templates
	strangers strangers
	waiting   map[templateKey][]ready
	queue     *list.List // of packets, by age
	bytes     int        // of packets in the queue
}

// packet is one of which some sets wait.
type packet struct {
	event *event.Event // what it came in, without the packet
	data  string
	keys  []templateKey // of the sets that wait
	parts int           // events that were made of it
	until time.Time
	place *list.Element // in the queue
}

// ready is a set whose template has come.
type ready struct {
	missing
	packet *packet
}

func newStore() *store {
	s := &store{strangers: strangers{}, waiting: map[templateKey][]ready{}, queue: list.New()}
	s.templates, _ = simplelru.NewLRU(maxTemplates, func(_ templateKey, t *template) { s.fields -= len(t.fields) }) // the size is above 0
	return s
}

// template returns a template, nil if it is not known.
func (s *store) template(k templateKey) *template {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, _ := s.templates.Get(k)
	return t
}

// define remembers a template and appends the sets that have waited for it to found.
func (s *store) define(k templateKey, def definition, options bool, found *[]ready) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if def.raw == "" {
		s.withdraw(k)
		return nil
	}
	if t, ok := s.templates.Get(k); ok && t.definition == def && t.options == options {
		return nil
	}
	// Neither may keep the buffer alive that it was read into.
	k.exporter, def.raw = strings.Clone(k.exporter), strings.Clone(def.raw)
	t, err := compile(k.version, def, options, s.strangers)
	if err != nil {
		return err
	}
	s.templates.Remove(k)
	s.templates.Add(k, t)
	for s.fields += len(t.fields); s.fields > maxTemplateFields; {
		s.templates.RemoveOldest()
	}
	*found = append(*found, s.waiting[k]...)
	for _, set := range s.waiting[k] {
		s.settle(set.packet, k)
	}
	delete(s.waiting, k)
	return nil
}

// withdraw forgets a template, or all templates or options templates of a domain, which is
// what the numbers of their sets stand for.
func (s *store) withdraw(k templateKey) {
	if k.id >= firstData {
		s.templates.Remove(k)
		return
	}
	for _, o := range s.templates.Keys() {
		t, _ := s.templates.Peek(o)
		all := o
		all.id = k.id
		if all == k && t.options == (k.id == 3) {
			s.templates.Remove(o)
		}
	}
}

// settle takes a set of a packet off the list of what waits.
func (s *store) settle(p *packet, k templateKey) {
	for i, o := range p.keys {
		if o == k {
			p.keys = append(p.keys[:i], p.keys[i+1:]...)
			break
		}
	}
	if len(p.keys) == 0 {
		s.leave(p)
	}
}

func (s *store) leave(p *packet) {
	s.queue.Remove(p.place)
	s.bytes -= len(p.data)
}

// keep lets the sets of a packet wait and reports whether there is room for it. Sets whose
// template has come in the meantime are appended to found.
func (s *store) keep(p *packet, sets []missing, found *[]ready) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.Len() >= maxWaiting || s.bytes+len(p.data) > maxWaitingBytes {
		return false
	}
	var late []ready
	for _, m := range sets {
		m.body, m.key.exporter = strings.Clone(m.body), strings.Clone(m.key.exporter)
		if s.templates.Contains(m.key) {
			late = append(late, ready{m, p})
			continue
		}
		p.keys = append(p.keys, m.key)
		s.waiting[m.key] = append(s.waiting[m.key], ready{m, p})
	}
	*found = append(*found, late...)
	if len(p.keys) > 0 {
		p.place = s.queue.PushBack(p)
		s.bytes += len(p.data)
	}
	return true
}

// expired takes the packets out that have waited long enough, or all of them.
func (s *store) expired(now time.Time, all bool) []*packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []*packet
	for s.queue.Len() > 0 {
		p := s.queue.Front().Value.(*packet)
		if !all && now.Before(p.until) {
			break
		}
		gone = append(gone, p)
		s.leave(p)
		for _, k := range p.keys {
			s.forget(k, p)
		}
	}
	return gone
}

// forget removes the sets of a packet that wait for a template.
func (s *store) forget(k templateKey, p *packet) {
	var rest []ready
	for _, set := range s.waiting[k] {
		if set.packet != p {
			rest = append(rest, set)
		}
	}
	if s.waiting[k] = rest; rest == nil {
		delete(s.waiting, k)
	}
}

// fork makes copies of the event of a packet, by fork, and tells how many there were before.
func (s *store) fork(p *packet, n int, fork func(*event.Event) *event.Event) (events []*event.Event, before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		events = append(events, fork(p.event))
	}
	before = p.parts
	p.parts += n
	return events, before
}
