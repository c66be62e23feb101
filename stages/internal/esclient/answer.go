package esclient

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/olivere/elastic/v7"
)

// ErrGarbage says that something else than a server of this kind has answered.
var ErrGarbage = errors.New("the answer is not that of Elasticsearch")

// Refusal is an answer to a whole request that is no success.
type Refusal struct {
	Node   string
	Status int
	// Reason is what the server says about it.
	Reason string
	// User is in whose name the request was made, of whatever kind.
	User string
	// Pause is what the server asks for before the next attempt.
	Pause time.Duration
}

func (c *Client) refused(x *Exchange, e *elastic.Error) *Refusal {
	r := &Refusal{Node: x.Node, Status: e.Status, User: c.user, Pause: x.pause}
	if d := e.Details; d != nil {
		r.Reason = strings.TrimSpace(d.Type + ": " + d.Reason)
	}
	return r
}

// Error names node, status and what the server says about it.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("%s answers %d %s", r.Node, r.Status, http.StatusText(r.Status))
	if r.Forbidden() {
		if r.User == "" {
			text += " to requests without a user"
		} else {
			text += " to user " + r.User
		}
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// Forbidden reports whether the server does not know us or does not let us do this.
func (r *Refusal) Forbidden() bool {
	return r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden
}

// Hopeless reports whether somebody has to do something before it can work.
func (r *Refusal) Hopeless() bool {
	switch r.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return r.Status < http.StatusInternalServerError
}

// closed reports whether only this one request is not allowed.
func (r *Refusal) closed() bool {
	switch r.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}
