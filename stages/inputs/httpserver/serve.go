package httpserver

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"gambolputty/actor/ack"
)

// serve answers one request.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	eventType, status := s.admit(w.Header(), r)
	if status != 0 {
		s.refuse(w, r, status, http.StatusText(status))
		return
	}
	var sl *slot
	select {
	case sl = <-s.slots:
	default:
		s.env.Count("too_many_requests", 1)
		s.env.Warn("requests are refused, max_in_flight bodies are under way", "max_in_flight", s.opts.MaxInFlight)
		w.Header().Set("Retry-After", "1")
		s.refuse(w, r, http.StatusTooManyRequests, "too many bodies are under way")
		return
	}
	delivered, n, err := s.take(sl, w, r, eventType)
	if err == nil && s.opts.Respond == "delivered" {
		select {
		case err = <-delivered:
		case <-r.Context().Done():
			err = errGone // its events go on
		}
	}
	s.slots <- sl
	s.answer(w, r, n, err)
}

// admit checks who sends what to where. A status other than 0 is the answer.
func (s *server) admit(header http.Header, r *http.Request) (eventType string, status int) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !s.opts.AllowFrom.Allow(peer.Addr()) {
		return "", http.StatusForbidden
	}
	if !s.guard.allows(r) {
		s.env.Count("unauthorized_requests", 1)
		s.env.Warn("request without a valid login or token", "peer", r.RemoteAddr)
		s.guard.challenge(header)
		return "", http.StatusUnauthorized
	}
	eventType, known := s.opts.Paths[r.URL.Path]
	if len(s.opts.Paths) > 0 && !known {
		return "", http.StatusNotFound
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		header.Set("Allow", "POST, PUT")
		return "", http.StatusMethodNotAllowed
	}
	if s.stopping.Load() {
		return "", http.StatusServiceUnavailable
	}
	return eventType, 0
}

var (
	errStopping = errors.New("the program is stopping")
	errGone     = errors.New("the client did not wait for the answer")
)

// take reads the body and hands its events on. delivered hears when they have arrived.
func (s *server) take(sl *slot, w http.ResponseWriter, r *http.Request, eventType string) (delivered chan error, n int, err error) {
	if !s.enter() {
		return nil, 0, errStopping
	}
	defer s.reading.Done()
	body, err := sl.read(w, r)
	if err != nil {
		return nil, 0, err
	}
	// The time for reading is over; waiting for delivery may take longer. A connection that
	// cannot be told so is closed when its time is up, and the client sends again.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	delivered = make(chan error, 1)
	ticket := ack.New(func(err error) { delivered <- err })
	n, err = sl.emit(body, sl.kind(r), r.RemoteAddr, eventType, ticket)
	ticket.Release(nil)
	return delivered, n, err
}

// badRequest is what is wrong with a request, and the status that says so.
type badRequest struct {
	status int
	text   string
}

func (b *badRequest) Error() string { return b.text }

// answer tells the client what became of its events. What was not delivered may be sent again.
func (s *server) answer(w http.ResponseWriter, r *http.Request, n int, err error) {
	var bad *badRequest
	switch {
	case errors.As(err, &bad):
		s.env.Count("bad_requests", 1)
		s.refuse(w, r, bad.status, bad.text)
	case err != nil:
		switch {
		case errors.Is(err, errGone):
			s.env.Count("clients_gone", 1)
		case !errors.Is(err, errStopping):
			s.env.Warn("events of a request could not be delivered", "peer", r.RemoteAddr, "error", err)
		}
		s.refuse(w, r, http.StatusServiceUnavailable, "the events could not be delivered, send them again")
	default:
		w.Header().Set("Content-Type", "application/json")
		if s.opts.Respond == "accepted" {
			w.WriteHeader(http.StatusAccepted)
		}
		fmt.Fprintf(w, "{\"events\":%d}\n", n)
	}
}

// refuse answers with an error. A connection with a body that was not read ends.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	h := w.Header()
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	if s.stopping.Load() && r.ProtoMajor == 1 {
		h.Set("Connection", "close")
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// wrong says what is wrong with a body that could not be read.
func (s *server) wrong(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), errors.Is(err, errLarge):
		return &badRequest{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", s.opts.MaxBody)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &badRequest{http.StatusRequestTimeout, "the body did not come in time"}
	}
	return &badRequest{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
}
