package actor

import "time"

// ages makes b as old as o, whose events go into it.
func (b *Batch) ages(o *Batch) {
	if o.born != 0 && (b.born == 0 || o.born < b.born) {
		b.born = o.born
	}
}

// arrived notes how old events were when an output was done with them.
func (n *node) arrived(b *Batch, now time.Time, events int) {
	if b.born != 0 && n.Spec.Role == Output {
		n.meter.Age.Observe(time.Duration(now.UnixNano()-b.born)*time.Duration(events), events)
	}
}
