package netflowparser

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

var errWaited = errors.New("the template of some records has not come in time")

// keep lets a packet wait for templates, which may be broken behind what was read of it. It
// reports whether there is room for it.
func (p *parser) keep(e *event.Event, data string, broken bool) bool {
	d := &p.decoder
	w := &packet{event: e.Fork().Detach(), data: strings.Clone(data), parts: len(d.records), until: time.Now().Add(p.opts.Wait)}
	if w.parts == 0 && (d.templates > 0 || broken) {
		w.parts = 1 // the summary, or the packet as it came
	}
	w.event.Delete(p.opts.SourceField.Path)
	for i := range w.event.Len() {
		w.event.SetField(w.event.At(i).Key, w.event.At(i).Value.Clone())
	}
	return p.store.keep(w, d.missing, &d.ready)
}

// revive emits the records of a set whose template has come.
func (p *parser) revive(b *actor.Batch, set ready, emit func(*event.Event)) {
	d := &p.decoder
	d.records, d.values, d.header = d.records[:0], 0, append(d.header[:0], set.header...)
	err := set.problem()
	if t := p.store.template(set.key); t != nil {
		err = d.recordsOf(t, set.key.id, set.body)
	}
	n := len(d.records)
	if n == 0 && err == nil {
		return
	}
	events, before := p.store.fork(set.packet, max(n, 1), b.Fork)
	for i, c := range events {
		if before+i > 0 {
			c.ExtendID("." + strconv.Itoa(before+i))
		}
		p.restore(c, set.packet, n == 0)
		if n > 0 {
			p.set(c, kindOf(set.key.version), d.records[i])
		}
	}
	if err != nil {
		p.env.Fault(events[len(events)-1], p.opts.SourceField.String(), err)
	}
	for _, c := range events {
		emit(c)
	}
}

// restore gives an event its packet back, if it is to have it.
func (p *parser) restore(e *event.Event, from *packet, always bool) {
	if !always && !p.opts.KeepOriginal {
		return
	}
	if err := e.Set(p.opts.SourceField.Path, event.String(from.data)); err != nil {
		p.env.Fault(e, p.opts.SourceField.String(), err)
	}
}

func kindOf(version uint16) string {
	if version == 9 {
		return "NetFlowV9"
	}
	return "IPFIX"
}

// waiting is a parser whose packets may wait.
type waiting struct{ *parser }

// FlushEvery is how often packets are looked for that have waited long enough.
func (w *waiting) FlushEvery() time.Duration { return min(w.opts.Wait, 5*time.Second) }

// Flush lets them out.
func (w *waiting) Flush(_ context.Context, out *actor.Batch) error {
	for _, p := range w.store.expired(time.Now(), w.env.Ending()) {
		events, before := w.store.fork(p, 1, (*event.Event).Fork)
		e := events[0]
		if before > 0 {
			e.ExtendID("." + strconv.Itoa(before))
		}
		w.restore(e, p, true)
		w.env.Fault(e, w.opts.SourceField.String(), errWaited)
		out.Add(e)
	}
	return nil
}
