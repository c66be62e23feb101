package elasticsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gambolputty/actor/event"
)

// cursor fetches one slice of a search page by page.
type cursor interface {
	// next fetches a page. One that has no hits is the last.
	next(ctx context.Context, p *page) error
	// close tells the server that nothing more will be asked.
	close(ctx context.Context)
}

// slice is a part of the search, of how many.
type slice struct{ number, of int }

func (s slice) append(b []byte) []byte {
	if s.of < 2 {
		return b
	}
	return fmt.Appendf(b, `,"slice":{"id":%d,"max":%d}`, s.number, s.of)
}

func (r *run) keepAlive() string {
	return strconv.FormatInt(r.opts.ScrollTimeout.Milliseconds(), 10) + "ms"
}

// partial forbids answers in which some shards are missing.
func (r *run) partial() url.Values {
	if r.version().Before(7) {
		return url.Values{}
	}
	return url.Values{"allow_partial_search_results": {"false"}}
}

// scroll reads with the scroll API. The server counts on: a page whose answer gets lost
// does not come again.
type scroll struct {
	*run
	slice
	id      string
	read    int64
	total   int64
	unsure  bool
	started bool
}

func (c *scroll) next(ctx context.Context, p *page) error {
	path, params, body := "/_search/scroll", url.Values(nil), []byte(nil)
	if c.started {
		body = fmt.Appendf(nil, `{"scroll":%q,"scroll_id":`, c.keepAlive())
		body = append(event.AppendJSONString(body, c.id), '}')
	} else {
		path, params, body = c.path("_search"), c.partial(), c.first()
		params.Set("scroll", c.keepAlive())
	}
	err := c.ask(ctx, func(ctx context.Context) error {
		err := c.fetch(ctx, path, params, body, p)
		if c.started && err != nil {
			c.unsure = c.unsure || !answered(err)
			return forgotten(err)
		}
		if p.broken && err == nil {
			if c.started {
				return fmt.Errorf("%w: %s", errLost, p.why)
			}
			return fmt.Errorf("the answer is not whole: %s", p.why)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !c.started {
		c.started, c.total = true, p.total
	}
	if p.id != "" {
		c.id = p.id
	}
	c.read += int64(len(p.hits))
	if len(p.hits) == 0 && c.unsure && c.total > c.read {
		return fmt.Errorf("%w: %d of %d hits did not come", errAnswer, c.total-c.read, c.total)
	}
	return nil
}

func (c *scroll) first() []byte {
	b := append([]byte(nil), c.search...)
	b = fmt.Appendf(b, `,"size":%d,"sort":%s`, c.size(), c.sort(`["_doc"]`))
	return append(c.append(b), '}')
}

func (c *scroll) close(ctx context.Context) {
	if c.id == "" {
		return
	}
	c.farewell(ctx, "/_search/scroll", append(event.AppendJSONString([]byte(`{"scroll_id":[`), c.id), "]}"...))
}

// point reads from a point in time. Every page says itself where it begins, so it can be
// asked for again.
type point struct {
	*run
	slice
	id   string
	last []byte // where the next page begins
	less int    // halvings of the size of pages
}

func (c *point) next(ctx context.Context, p *page) error {
	return c.ask(ctx, func(ctx context.Context) error {
		for {
			err := c.fetch(ctx, "/_search", c.partial(), c.body(), p)
			switch {
			case tooLarge(err) && c.size()>>c.less > 1:
				c.less++
				continue
			case err != nil:
				return forgotten(err)
			case p.broken:
				return fmt.Errorf("the answer is not whole: %s", p.why)
			case len(p.hits) > 0 && p.last == nil:
				return errNoOrder
			}
			if p.id != "" {
				c.id = p.id
			}
			c.last = append(c.last[:0], p.last...)
			return nil
		}
	})
}

func (c *point) body() []byte {
	tie := `[{"_shard_doc":"asc"}]`
	if c.version().OpenSearch {
		tie = `[{"_id":"asc"}]` // there is nothing better
	}
	b := append([]byte(nil), c.search...)
	b = fmt.Appendf(b, `,"size":%d,"sort":%s,"pit":{"keep_alive":%q,"id":`, c.size()>>c.less, c.sort(tie), c.keepAlive())
	b = append(event.AppendJSONString(b, c.id), '}')
	if !c.opts.Query.has("track_total_hits") {
		b = append(b, `,"track_total_hits":false`...)
	}
	if len(c.last) > 0 {
		b = append(append(b, `,"search_after":`...), c.last...)
	}
	return append(c.append(b), '}')
}

// close does nothing: all slices have the point in common.
func (c *point) close(context.Context) {}

// openPoint makes a point in time.
func (r *run) openPoint(ctx context.Context) (string, error) {
	path := r.path("_pit")
	if r.version().OpenSearch {
		path = r.path("_search/point_in_time")
	}
	var id string
	err := r.ask(ctx, func(ctx context.Context) error {
		answer, _, err := r.request(ctx, http.MethodPost, path, url.Values{"keep_alive": {r.keepAlive()}}, nil, nil)
		if err != nil {
			return err
		}
		id, err = pointID(answer)
		return err
	})
	return id, err
}

// pointID reads the answer to the request for a point in time.
func pointID(answer []byte) (string, error) {
	var a struct {
		ID    string `json:"id"`
		PitID string `json:"pit_id"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.ID+a.PitID == "" {
		return "", errNoPoint
	}
	return a.ID + a.PitID, nil
}

var errNoPoint = errors.New("the answer holds no point in time")

func (r *run) closePoint(ctx context.Context, id string) {
	if r.version().OpenSearch {
		r.farewell(ctx, "/_search/point_in_time", append(event.AppendJSONString([]byte(`{"pit_id":[`), id), "]}"...))
		return
	}
	r.farewell(ctx, "/_pit", append(event.AppendJSONString([]byte(`{"id":`), id), '}'))
}

// goodbye is how long the server may take to forget a search, after which it does so by
// itself.
const goodbye = 5 * time.Second

// farewell tells the server to forget something, also when the program is being stopped.
func (r *run) farewell(ctx context.Context, path string, body []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if _, _, err := r.request(ctx, http.MethodDelete, path, nil, body, nil); err != nil {
		r.env.Log.Debug("the search could not be closed, the server will do that later", "error", err)
	}
}
