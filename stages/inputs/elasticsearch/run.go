package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/ack"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/esclient"
)

// run is one run of the query.
type run struct {
	*source
	out     *actor.Outlet
	index   string
	search  []byte
	emitted atomic.Int64
	left    atomic.Int64 // hits that may still be emitted
	skip    int64
	ticket  *ack.Ticket // of all events, with since_field
}

// level keeps runs that are repeated out of the log.
func (r *run) level(first bool) slog.Level {
	if first || r.emitted.Load() > 0 && r.opts.Interval >= time.Minute {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func (r *run) do(ctx context.Context, first bool) error {
	if err := r.ask(ctx, r.meet); err != nil {
		return err
	}
	if first && r.opts.SniffAtStart {
		r.client.Sniff(ctx, r.env, r.version().Compatible())
	}
	r.begin()
	settle := r.remember()
	err := r.read(ctx)
	if isMissing(err) {
		if !strings.ContainsAny(r.index, "*?") {
			err = fmt.Errorf("index %s: %w", r.index, err)
		} else {
			err = nil
		}
	}
	return errors.Join(err, settle(ctx, err))
}

// begin settles what all pages have in common.
func (r *run) begin() {
	name, _ := r.opts.Index.AppendAt(nil, event.New(r.env.Source), time.Now().UTC())
	r.index = strings.ToLower(string(name))
	var atLeast []byte
	if r.since != nil {
		atLeast = r.since.begin()
	}
	r.search = r.opts.Query.search(atLeast)
	r.skip = r.opts.Query.skip
	r.left.Store(r.opts.Query.limit)
	if r.opts.Query.limit < 0 {
		r.left.Store(1 << 62)
	}
}

// remember accounts for the delivery of all events, if what has been read is to be
// remembered. The function waits for it at the end.
func (r *run) remember() func(context.Context, error) error {
	if r.since == nil {
		return func(context.Context, error) error { return nil }
	}
	done := make(chan struct{})
	whole := false
	r.ticket = ack.New(func(failed error) {
		defer close(done)
		if failed == nil && whole {
			r.since.commit()
		}
	})
	return func(ctx context.Context, err error) error {
		whole = err == nil
		r.ticket.Release(nil)
		if !r.opts.Repeat || err != nil {
			return nil // the runtime waits for the delivery
		}
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *run) path(what string) string {
	if r.index == "" {
		return "/" + what
	}
	return "/" + url.PathEscape(r.index) + "/" + what
}

// size is the number of hits of a page.
func (r *run) size() int64 {
	n := int64(r.opts.BatchSize)
	if q := r.opts.Query; q.limit >= 0 {
		n = min(n, q.limit+q.skip)
	}
	return max(1, n)
}

// sort is the order of the query, or what is best if it has none.
func (r *run) sort(best string) []byte {
	if s := r.opts.Query.sort; s != nil {
		return s
	}
	return []byte(best)
}

// read reads all slices.
func (r *run) read(ctx context.Context) error {
	if r.left.Load() == 0 {
		return nil
	}
	open := func(s slice) cursor { return &scroll{run: r, slice: s} }
	if r.usePoint() {
		id, err := r.openPoint(ctx)
		switch {
		case err == nil:
			defer r.closePoint(ctx, id)
			open = func(s slice) cursor { return &point{run: r, slice: s, id: id} }
		case r.opts.SearchType == normal && isUnknown(err):
			r.env.Log.Debug("the server knows no points in time, scrolling instead", "error", err)
		default:
			return err
		}
	}
	return r.slices(ctx, open)
}

// usePoint reports whether a point in time is the best way. Before 7.12, and on OpenSearch,
// there is no cheap order that tells all documents apart, so that scrolling is better.
func (r *run) usePoint() bool {
	v := r.version()
	return r.opts.SearchType == pit || r.opts.SearchType == normal && !v.OpenSearch && v.AtLeast(7, 12)
}

// slices reads them at the same time. The first failure ends all.
func (r *run) slices(ctx context.Context, open func(slice) cursor) error {
	n := r.opts.Slices
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for i := range n {
		out := r.out
		if i > 0 {
			out = r.out.Clone()
		}
		all.Go(func() {
			c := open(slice{i, n})
			defer c.close(ctx)
			rd := reader{run: r, out: out}
			if err := rd.read(ctx, c); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// fetch makes a request and finds the parts of the answer.
func (r *run) fetch(ctx context.Context, path string, params url.Values, body []byte, p *page) error {
	var err error
	var node string
	p.text, node, err = r.request(ctx, http.MethodPost, path, params, body, p.text)
	if err != nil {
		return err
	}
	p.node = node
	return p.read()
}

// answered reports whether the server has said that it did nothing.
func answered(err error) bool {
	var no *esclient.Refusal
	return errors.As(err, &no)
}

func tooLarge(err error) bool { return errors.Is(err, esclient.ErrLarge) }

var errNoOrder = fmt.Errorf("%w: hits have no sort values", errLost)
