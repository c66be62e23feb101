package elasticsearch

import (
	"context"
	"fmt"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// reader makes events of the hits of a slice.
type reader struct {
	*run
	out     *actor.Outlet
	decoder event.Decoder
	page    page
}

// spare is how much memory of a page is kept for the next.
const spare = 16 << 20

func (r *reader) read(ctx context.Context, c cursor) error {
	for ctx.Err() == nil {
		if err := c.next(ctx, &r.page); err != nil {
			return err
		}
		hits := r.page.hits
		if len(hits) == 0 {
			return nil
		}
		if r.skip > 0 { // there is only one slice then
			n := min(r.skip, int64(len(hits)))
			r.skip -= n
			hits = hits[n:]
		}
		rest := r.left.Add(-int64(len(hits)))
		if rest < 0 {
			hits = hits[:max(0, int64(len(hits))+rest)]
		}
		if err := r.emit(hits); err != nil {
			return err
		}
		if rest <= 0 {
			return nil
		}
		if cap(r.page.text) > spare {
			r.page.text = nil
		}
	}
	return context.Cause(ctx)
}

// emit sends hits on, in batches that the receivers like.
func (r *reader) emit(hits []span) error {
	for len(hits) > 0 {
		n := min(len(hits), max(1, r.out.Size()))
		some := hits[:n]
		hits = hits[n:]
		base := some[0].from
		// They share memory of their own, so that the page can be used again.
		text := string(r.page.text[base:some[n-1].to])
		b := r.out.Batch(r.page.node)
		made := 0
		for _, h := range some {
			ok, err := r.event(b, text[h.from-base:h.to-base])
			if err != nil {
				return err
			}
			if ok {
				made++
			}
		}
		if made == 0 {
			continue
		}
		r.ticket.Hold(1)
		if err := r.out.Emit(b, r.ticket); err != nil {
			return fmt.Errorf("send hits on: %w", err)
		}
		r.emitted.Add(int64(made))
	}
	return nil
}

// event makes an event of a hit, unless it was delivered in an earlier run.
func (r *reader) event(b *actor.Batch, text string) (bool, error) {
	v, _, err := r.decoder.Decode(text)
	hit := v.Map()
	if err != nil || hit == nil {
		return false, fmt.Errorf("a hit cannot be read: %w", err)
	}
	source, _ := hit.GetName(sourceMember)
	document := source.Map()
	if r.since != nil && !r.since.take(hit, document) {
		return false, nil
	}
	e := b.New()
	e.SetField(event.Data, event.String(""))
	r.opts.Mapping.fill(r.env, e, hit, document)
	return true, nil
}
