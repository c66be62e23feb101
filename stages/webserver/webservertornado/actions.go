package webservertornado

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gambolputty/actor"
)

// acted notes in the log who has changed something.
func (s *server) acted(r *http.Request, what string, args ...any) {
	id := who(r)
	name := id.name
	if id.how == byNobody {
		name = "anybody"
	}
	s.env.Log.Info("action: "+what, append([]any{"user", name, "peer", from(r)}, args...)...)
}

// command asks a module to pause, resume, restart or flush.
func (s *server) command(w http.ResponseWriter, r *http.Request) {
	id, c := r.PathValue("id"), actor.Command(r.PathValue("command"))
	if !slices.Contains([]actor.Command{actor.Pause, actor.Resume, actor.Restart, actor.Flush}, c) {
		s.fail(w, r, http.StatusNotFound, "there is nothing here")
		return
	}
	err := s.env.Do(c, id)
	refusal, refused := errors.AsType[*actor.Refusal](err)
	switch {
	case errors.Is(err, actor.ErrNoModule):
		s.exists(w, r, id)
	case refused:
		s.fail(w, r, http.StatusConflict, refusal.Reason)
	case err != nil:
		s.fail(w, r, http.StatusInternalServerError, err.Error())
	default:
		s.acted(r, string(c), "target", id)
		s.accepted(w, map[string]any{string(c): true, "module": id})
	}
}

// accepted answers that something will be done.
func (s *server) accepted(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	s.encode(w, v)
}

// read reads a JSON object from a request.
func (s *server) read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is more than one object")
	}
	if err == nil {
		return true
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("there is no text")
	}
	s.unreadable(w, r, err)
	return false
}

func (s *server) unreadable(w http.ResponseWriter, r *http.Request, err error) {
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		s.fail(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is longer than %d bytes", tooBig.Limit))
		return
	}
	s.fail(w, r, http.StatusBadRequest, "the body cannot be read: "+err.Error())
}

// longestLevel is how long a level that is set by hand may hold.
const longestLevel = 24 * time.Hour

// logLevel sets the level of the log for a while.
func (s *server) logLevel(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Module  string `json:"module"`
		Level   string `json:"level"`
		Seconds int    `json:"seconds"`
	}
	if !s.hasProgram(w, r) || !s.read(w, r, &wish) || wish.Module != "" && !s.exists(w, r, wish.Module) {
		return
	}
	d := time.Duration(wish.Seconds) * time.Second
	if wish.Seconds < 0 || d > longestLevel {
		s.fail(w, r, http.StatusBadRequest, "seconds must be from 0, which ends it, to "+strconv.Itoa(int(longestLevel.Seconds())))
		return
	}
	if err := s.program.SetLevel(wish.Module, wish.Level, d); err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	s.acted(r, "log level", "target", wish.Module, "log_level", wish.Level, "seconds", wish.Seconds)
	s.answer(w, wish)
}

// stopProgram drains and ends the program.
func (s *server) stopProgram(w http.ResponseWriter, r *http.Request) {
	if !s.hasProgram(w, r) {
		return
	}
	s.acted(r, "stop")
	s.accepted(w, map[string]any{"stop": true})
	s.program.Stop()
}

// hasProgram answers for what cannot be done because there is no program behind the server.
func (s *server) hasProgram(w http.ResponseWriter, r *http.Request) bool {
	if s.program == nil {
		s.fail(w, r, http.StatusNotImplemented, "this program does not offer that")
	}
	return s.program != nil
}

// logs are the last lines of the log, the oldest first.
func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := logFilter{q.Get("level"), q.Get("module")}
	limit := 0
	if text := q.Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			s.fail(w, r, http.StatusBadRequest, "limit must be a number from 1 on")
			return
		}
	}
	if _, ok := levelOf(f.Level); !ok {
		s.fail(w, r, http.StatusBadRequest, "level must be one of debug, info, warn, error, critical")
		return
	}
	list := []logLine{}
	for _, l := range s.book.Lines() {
		if f.wants(l) {
			list = append(list, s.line(l))
		}
	}
	if limit > 0 && len(list) > limit {
		list = list[len(list)-limit:]
	}
	s.answer(w, list)
}
