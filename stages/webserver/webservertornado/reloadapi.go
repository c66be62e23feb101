package webservertornado

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/config"
)

// Reload is how a reload ended.
type Reload struct {
	Time   time.Time
	Change actor.Change
	Err    error
}

// reload reads the configuration again, puts it into effect and tells what has changed.
func (s *server) reload(w http.ResponseWriter, r *http.Request) {
	if s.hasProgram(w, r) {
		s.acted(r, "reload")
		s.change(w, r, s.program.Reload)
	}
}

// restart is reload under its former path, which did not tell how it ended.
func (s *server) restart(w http.ResponseWriter, r *http.Request) {
	if !s.hasProgram(w, r) {
		return
	}
	if report := s.program.Check(); !report.OK(false) {
		s.invalid(w, report)
		return
	}
	s.acted(r, "reload")
	go s.program.Reload() // the log and the pages tell how it ends
	s.accepted(w, map[string]any{"restart": true})
}

// change answers with the outcome of a change of the configuration. The change may end this
// server; then there is no time to wait for it.
func (s *server) change(w http.ResponseWriter, r *http.Request, do func() (actor.Change, error)) {
	type outcome struct {
		change actor.Change
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		c, err := do()
		done <- outcome{c, err}
	}()
	var o outcome
	select {
	case o = <-done:
	case <-s.leaving:
		s.accepted(w, map[string]any{"reload": "under way"})
		return
	}
	switch invalid, _ := errors.AsType[*config.InvalidError](o.err); {
	case invalid != nil:
		s.invalid(w, invalid.Report)
	case o.err != nil:
		s.fail(w, r, http.StatusConflict, o.err.Error())
	default:
		s.answer(w, changeJSON(o.change))
	}
}

func changeJSON(c actor.Change) map[string]any {
	return map[string]any{"text": c.String(), "kept": list(c.Kept), "rerouted": list(c.Rerouted), "replaced": list(c.Replaced), "added": list(c.Added), "removed": list(c.Removed)}
}

// list is never null in JSON.
func list(ids []string) []string { return append([]string{}, ids...) }

// invalid answers with what is wrong with a configuration.
func (s *server) invalid(w http.ResponseWriter, report *config.Report) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	errs, _ := report.Count()
	s.encode(w, map[string]any{"error": (&config.InvalidError{Report: report}).Error(), "status": http.StatusUnprocessableEntity, "errors": errs, "problems": problems(report)})
}

// putConfig writes the file of the configuration and puts it into effect. Who writes must have
// seen what is there now.
func (s *server) putConfig(w http.ResponseWriter, r *http.Request) {
	if !s.hasProgram(w, r) {
		return
	}
	if who(r).how == byNobody { // a configuration can run programs
		s.fail(w, r, http.StatusForbidden, "the configuration is written by those who have logged in only; give the web server users or tokens")
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.unreadable(w, r, err)
		return
	}
	plan, seen := s.program.Plan(), strings.Trim(r.Header.Get("If-Match"), `"`)
	switch {
	case seen == "":
		s.fail(w, r, http.StatusPreconditionRequired, "the header If-Match must hold the hash of the configuration that was changed")
		return
	case seen != plan.Hash():
		s.fail(w, r, http.StatusConflict, "the configuration has changed since it was read")
		return
	case len(plan.Texts) != 1:
		s.fail(w, r, http.StatusConflict, "the configuration is made of several files, which must be changed where they are")
		return
	}
	full, err := s.program.Loader().Unmask(string(text), plan.Texts[0].Text)
	if err != nil {
		s.fail(w, r, http.StatusUnprocessableEntity, err.Error())
		return
	}
	s.acted(r, "write the configuration", "file", plan.Texts[0].Name)
	s.change(w, r, func() (actor.Change, error) { return s.program.Write(full, seen) })
}

// lastReload describes the last reload for the pages; nil if there was none.
func (s *server) lastReload() any {
	last, _, _ := s.program.LastReload()
	if last.Time.IsZero() {
		return nil
	}
	about := map[string]any{"time": float64(last.Time.UnixMilli()) / 1000, "ok": last.Err == nil, "text": last.Change.String()}
	if last.Err != nil {
		about["text"] = last.Err.Error()
	}
	return about
}
