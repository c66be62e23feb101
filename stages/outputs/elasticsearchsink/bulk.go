package elasticsearchsink

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/olivere/elastic/v7"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/esclient"
)

// item is an event with the place of its lines, or with why it has none.
type item struct {
	delivery.Draft
	from, to int
	err      error
}

// send stores events, in as many requests as it takes. When one of them could not do its
// work, the rest waits for the next attempt, so that the order stays.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	if err := s.prepare(ctx); err != nil {
		s.explain(err, r)
		r.AllLater(events, err)
		return
	}
	list := s.lines(events)
	for len(list) > 0 {
		if err := list[0].err; err != nil {
			r.Never(list[0].Event, err)
			list = list[1:]
			continue
		}
		n := s.fit(list)
		if err := s.request(ctx, list[:n], r); err != nil {
			delivery.Postpone(r, list[n:], err)
			return
		}
		list = list[n:]
	}
}

// prepare makes contact again after a failure.
func (s *sink) prepare(ctx context.Context) error {
	if s.met {
		return nil
	}
	if err := s.meet(ctx); err != nil {
		return err
	}
	if s.opts.SniffOnFail {
		s.client.Sniff(ctx, s.env, s.server.Compatible())
	}
	return nil
}

// lines encodes the events of a batch once, or again after the server has become another
// one, and finds those of the events that are left.
func (s *sink) lines(events []*event.Event) []item {
	if len(s.items) == 0 || s.encoder.server != s.server {
		s.items = s.items[:0]
		s.encoder.start(s.server)
		for _, e := range events {
			i := item{Draft: delivery.Draft{Event: e}, from: len(s.encoder.buf)}
			i.err = s.encoder.add(e)
			i.to = len(s.encoder.buf)
			s.items = append(s.items, i)
		}
		return s.items
	}
	s.items = delivery.Left(s.items, events)
	return s.items
}

// fit is the number of items from the front that make a request.
func (s *sink) fit(list []item) int {
	size := 0
	for n, i := range list {
		size += i.to - i.from
		if i.err != nil || n > 0 && (size > s.limit || n >= s.opts.BatchSize) {
			return n
		}
	}
	return len(list)
}

// smallest is the size of a request below which no lower limit is learnt.
const smallest = 64 << 10

// request sends items. The error says that the server could not do its work at all.
func (s *sink) request(ctx context.Context, list []item, r *delivery.Report) error {
	data := s.join(list)
	size := len(data)
	err := s.post(ctx, data)
	if err == nil {
		if err = readAnswer(s.answer, s.opts.Action, list, r); !errors.Is(err, esclient.ErrGarbage) {
			return err
		}
		s.client.Failed(s.node)
	}
	var no *esclient.Refusal
	if errors.As(err, &no) && divisible(no) {
		if len(list) == 1 {
			r.Never(list[0].Event, err)
			return nil
		}
		if no.Status == http.StatusRequestEntityTooLarge {
			s.limit = max(smallest, min(s.limit, size/2))
		}
		half := len(list) / 2
		if err := s.request(ctx, list[:half], r); err != nil {
			delivery.Postpone(r, list[half:], err)
			return err
		}
		return s.request(ctx, list[half:], r)
	}
	s.met = false // a node that comes back may be another one
	s.explain(err, r)
	delivery.Postpone(r, list, err)
	return err
}

// explain says how long to wait.
func (s *sink) explain(err error, r *delivery.Report) {
	var no *esclient.Refusal
	if !errors.As(err, &no) {
		return
	}
	r.Wait(no.Pause)
	if no.Hopeless() {
		r.Wait(s.opts.RetryMax)
	}
}

// join returns the lines of items, which most often lie side by side.
func (s *sink) join(list []item) []byte {
	last := list[len(list)-1]
	if size := last.to - list[0].from; size == total(list) {
		return s.encoder.buf[list[0].from:last.to]
	}
	s.again = s.again[:0]
	for _, i := range list {
		s.again = append(s.again, s.encoder.buf[i.from:i.to]...)
	}
	return s.again
}

func total(list []item) (n int) {
	for _, i := range list {
		n += i.to - i.from
	}
	return n
}

// post sends lines and keeps the answer.
func (s *sink) post(ctx context.Context, data []byte) error {
	x := &esclient.Exchange{Body: data, Compatible: s.server.Compatible()}
	if s.compresses() {
		out := bytes.NewBuffer(s.zipped[:0])
		s.zip.Reset(out)
		_, err := s.zip.Write(data)
		if err := errors.Join(err, s.zip.Close()); err != nil {
			return err
		}
		s.zipped = out.Bytes()
		x.Body, x.Gzip = s.zipped, true
	}
	var err error
	s.answer, err = s.client.Perform(ctx, x, elastic.PerformRequestOptions{
		Method: http.MethodPost, Path: "/_bulk", Params: s.params, ContentType: "application/x-ndjson",
	}, s.answer[:0])
	s.node = x.Node
	s.env.Count("requests", 1)
	s.env.Count("bytes", len(x.Body))
	return err
}

// spare is how much memory of a buffer is kept from batch to batch.
const spare = 16 << 20

// forget drops what belongs to the batch.
func (s *sink) forget() {
	clear(s.items)
	s.items = s.items[:0]
	for _, b := range []*[]byte{&s.encoder.buf, &s.again, &s.zipped, &s.answer} {
		if cap(*b) > spare {
			*b = nil
		}
	}
}
