package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/olivere/elastic/v7"

	"gambolputty/stages/internal/esclient"
	"gambolputty/stages/internal/retry"
)

// ask tries until the server has answered. The error is one that another attempt would not
// change.
func (s *source) ask(ctx context.Context, try func(ctx context.Context) error) error {
	backoff := retry.Inputs()
	for {
		err := try(ctx)
		s.note(err)
		var no *esclient.Refusal
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, esclient.ErrLarge), errors.Is(err, errLost):
			return err
		case errors.As(err, &no) && no.Hopeless():
			return err
		}
		least := backoff.First
		if no != nil {
			least = no.Pause
		}
		if err := backoff.WaitAtLeast(ctx, least); err != nil {
			return err
		}
		if s.opts.SniffOnFail {
			s.client.Sniff(ctx, s.env, s.version().Compatible())
		}
	}
}

// note tells the log about outages. An answer that will never be another one is none.
func (s *source) note(err error) {
	var no *esclient.Refusal
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.outage.Over()
	case errors.As(err, &no) && no.Hopeless(), errors.Is(err, context.Canceled), errors.Is(err, esclient.ErrLarge), errors.Is(err, errLost):
	default:
		s.outage.Failed(err)
	}
}

func (s *source) version() esclient.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server
}

// request makes one request and reads the answer into p.
func (s *source) request(ctx context.Context, method, path string, params url.Values, body []byte, answer []byte) ([]byte, string, error) {
	x := &esclient.Exchange{Body: body, Compatible: s.version().Compatible()}
	answer, err := s.client.Perform(ctx, x, elastic.PerformRequestOptions{Method: method, Path: path, Params: params, ContentType: "application/json"}, answer[:0])
	s.env.Count("requests", 1)
	return answer, strings.TrimPrefix(strings.TrimPrefix(x.Node, "http://"), "https://"), err
}

// isMissing reports whether the index is not there.
func isMissing(err error) bool {
	var no *esclient.Refusal
	return errors.As(err, &no) && !errors.Is(err, errLost) && no.Status == http.StatusNotFound && (no.Reason == "" || strings.HasPrefix(no.Reason, "index_not_found_exception"))
}

// isUnknown reports whether the server does not know a request of this kind.
func isUnknown(err error) bool {
	var no *esclient.Refusal
	if !errors.As(err, &no) || strings.HasPrefix(no.Reason, "index_not_found_exception") {
		return false
	}
	switch no.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}

// errLost says that the server has forgotten the search.
var errLost = errors.New("the server has lost the search; a longer scroll_timeout may help")

// errAnswer says that a page has not reached us.
var errAnswer = errors.New("an answer of the server got lost on its way")

// forgotten turns the answer to a question for more into errLost.
func forgotten(err error) error {
	var no *esclient.Refusal
	if errors.As(err, &no) && no.Status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return err
}
