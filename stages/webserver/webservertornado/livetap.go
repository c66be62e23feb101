package webservertornado

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"gambolputty/actor"
	"gambolputty/actor/expr"
)

// seenEvent is an event as it passed.
type seenEvent struct {
	Timestamp float64         `json:"timestamp"`
	Module    string          `json:"module"`
	Where     string          `json:"where"`
	Edge      string          `json:"edge,omitempty"`
	Event     json.RawMessage `json:"event"`
	Lossy     bool            `json:"lossy,omitempty"`
}

const (
	usualRate, mostRate = 10, 1000
	// tapTime is how long a tap may be open.
	tapTime = 10 * time.Minute
	// reportEvery is how often a client hears what it did not see.
	reportEvery = time.Second
)

// liveTap sends the events that pass a module.
func (s *server) liveTap(w http.ResponseWriter, r *http.Request) {
	if !s.policy.Load().Tap {
		s.fail(w, r, http.StatusForbidden, "the tap is switched off")
		return
	}
	q := r.URL.Query()
	s.live(w, r, func(c *socket) error {
		o, err := tapOptions(q.Get)
		if err != nil {
			return err
		}
		tap, err := s.env.Tap(o)
		switch {
		case errors.Is(err, actor.ErrTooManyTaps):
			return &farewellError{websocket.StatusTryAgainLater, err.Error()}
		case err != nil:
			return &farewellError{4404, cut(err.Error())}
		}
		defer tap.Close()
		s.env.Log.Info("events are watched", "module", o.Module, "where", where(o.Out), "user", who(r).name, "peer", from(r))
		return s.show(c, tap, o)
	})
}

func where(out bool) string {
	if out {
		return "out"
	}
	return "in"
}

func (s *server) show(c *socket, tap *actor.Tap, o actor.TapOptions) error {
	report, over := time.NewTicker(reportEvery), time.NewTimer(tapTime)
	defer report.Stop()
	defer over.Stop()
	send := func(seen actor.Tapped) error {
		return c.send(seenEvent{float64(seen.Time.UnixMilli()) / 1000, o.Module, where(o.Out), seen.Edge, s.hideFields(seen.Event), seen.Lossy})
	}
	for {
		select {
		case seen := <-tap.Events():
			if err := send(seen); err != nil {
				return err
			}
		case <-report.C:
			if err := tellDropped(c, tap); err != nil {
				return err
			}
		case <-tap.Done():
			for len(tap.Events()) > 0 {
				if err := send(<-tap.Events()); err != nil {
					return err
				}
			}
			return errors.Join(tellDropped(c, tap), &farewellError{websocket.StatusNormalClosure, "these are all that were asked for"})
		case <-over.C:
			return &farewellError{websocket.StatusNormalClosure, "a tap is open for ten minutes at most"}
		case <-c.in: // there is nothing to ask for
		case <-c.ctx.Done():
			return nil
		}
	}
}

func tellDropped(c *socket, tap *actor.Tap) error {
	dropped, unseen := tap.Dropped()
	if dropped+unseen == 0 {
		return nil
	}
	return c.send(map[string]int64{"dropped": dropped, "not_looked_at": unseen})
}

// tapOptions reads what a client wants to see.
func tapOptions(get func(string) string) (o actor.TapOptions, err error) {
	bad := func(format string) error { return &farewellError{4400, cut(format)} }
	o = actor.TapOptions{Module: get("module"), Edge: get("edge"), Rate: usualRate}
	switch get("where") {
	case "out":
		o.Out = true
	case "in", "":
	default:
		return o, bad("where must be in or out")
	}
	for name, to := range map[string]*int{"rate": &o.Rate, "count": &o.Count} {
		text := get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || name == "rate" && n > mostRate {
			return o, bad(name + " must be a number from 1 on, and rate at most 1000")
		}
		*to = n
	}
	if text := get("filter"); text != "" {
		if o.Filter, err = expr.ParseFilter(text); err != nil {
			return o, bad("E029 " + err.Error())
		}
	}
	return o, nil
}

// cut makes a reason short enough for a close frame, which holds 123 bytes.
func cut(reason string) string {
	const most = 120
	if len(reason) <= most {
		return reason
	}
	return strings.ToValidUTF8(reason[:most-3], "") + "…"
}

// hideFields masks the fields that nobody may see, at every depth.
func (s *server) hideFields(text []byte) json.RawMessage {
	names := s.policy.Load().Mask
	if len(names) == 0 {
		return text
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return []byte("null")
	}
	for _, name := range names {
		hide(v, strings.Split(name, "."), name)
	}
	hidden, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return hidden
}

// hide masks the field at a path below v, and every field of that name.
func hide(v any, path []string, name string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			hide(item, path, name)
		}
	case map[string]any:
		for key, value := range v {
			switch {
			case key == name || key == path[0] && len(path) == 1:
				v[key] = mask
			case key == path[0]:
				hide(value, path[1:], name)
			default:
				hide(value, []string{name}, name)
			}
		}
	}
}
