package sniffer

import (
	"container/list"
	"net/netip"
	"time"
)

// idleTime is how long a silent connection is remembered.
const idleTime = 5 * time.Minute

// flows remembers which services connections belong to.
type flows struct {
	most  int
	table map[flow]*list.Element
	order list.List // of *known, the one that was silent for longest first
}

// flow is a connection, the same for both directions.
type flow struct{ a, b netip.AddrPort }

type known struct {
	flow
	service string
	at      time.Time
}

func newFlows(most int) *flows { return &flows{most: most, table: map[flow]*list.Element{}} }

// service names the service that a packet belongs to, "" for none: that of the port to which
// the first packet went, or from which it came. ends says that it is the last one.
func (t *flows) service(src, dst netip.AddrPort, now time.Time, ends bool) string {
	t.expire(now)
	f := flow{src, dst}
	if dst.Compare(src) < 0 {
		f = flow{dst, src}
	}
	e := t.table[f]
	if e == nil {
		name := services[dst.Port()]
		if name == "" {
			name = services[src.Port()]
		}
		if name == "" || ends {
			return name
		}
		if len(t.table) >= t.most {
			t.forget(t.order.Front())
		}
		t.table[f] = t.order.PushBack(&known{f, name, now})
		return name
	}
	k := e.Value.(*known)
	if ends {
		t.forget(e)
		return k.service
	}
	if k.at = now; e != t.order.Back() {
		t.order.MoveToBack(e)
	}
	return k.service
}

func (t *flows) forget(e *list.Element) {
	delete(t.table, e.Value.(*known).flow)
	t.order.Remove(e)
}

func (t *flows) expire(now time.Time) {
	for e := t.order.Front(); e != nil && now.Sub(e.Value.(*known).at) > idleTime; e = t.order.Front() {
		t.forget(e)
	}
}
