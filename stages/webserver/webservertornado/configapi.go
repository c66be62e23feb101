package webservertornado

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/config"
)

// configFile is a file of the configuration.
type configFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
	// OnDisk is what the file holds now, if that is something else.
	OnDisk *string `json:"on_disk,omitempty"`
	Gone   bool    `json:"gone,omitempty"`
}

// configText shows what runs, and what has changed on the disk since it was read.
func (s *server) configText(w http.ResponseWriter, r *http.Request) {
	if !s.hasProgram(w, r) {
		return
	}
	plan, loader := s.program.Plan(), s.program.Loader()
	files, all, changed := []configFile{}, strings.Builder{}, false
	for _, t := range plan.Texts {
		f := configFile{Name: t.Name, Text: loader.Mask(t.Text)}
		if now, err := os.ReadFile(t.Name); errors.Is(err, os.ErrNotExist) {
			f.Gone = true
		} else if err == nil && string(now) != t.Text {
			text := loader.Mask(string(now))
			f.OnDisk = &text
		}
		changed = changed || f.Gone || f.OnDisk != nil
		all.WriteString(f.Text)
		files = append(files, f)
	}
	w.Header().Set("ETag", `"`+plan.Hash()+`"`)
	s.answer(w, map[string]any{"text": all.String(), "hash": plan.Hash(), "files": files, "changed": changed})
}

// validate checks the text of a configuration, which is the body. It is 200 whatever is found.
func (s *server) validate(w http.ResponseWriter, r *http.Request) {
	if !s.hasProgram(w, r) {
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.unreadable(w, r, err)
		return
	}
	loader := s.program.Loader()
	loader.Env, loader.Sealed = harmless, !trusted(r)
	_, report := loader.LoadText("configuration", text)
	s.answer(w, problems(report))
}

// trusted reports whether whoever asks may learn what is in the files of this machine: an admin
// who has said who he is. Without a login, all who have an account here are admins.
func trusted(r *http.Request) bool { return who(r).role == admin && who(r).how != byNobody }

// plainValue is what tells nobody a secret, such as a port or a switch.
var plainValue = regexp.MustCompile(`^([0-9]{0,5}|(?i:true|false|yes|no|on|off))$`)

// harmless makes every variable of the environment known, but not what it holds, because
// messages repeat what is wrong.
func harmless(name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	if ok && !plainValue.MatchString(value) {
		value = mask
	}
	return value, ok
}

func problems(report *config.Report) []config.Problem {
	if report.Problems == nil {
		return []config.Problem{}
	}
	return report.Problems
}

const (
	// mostLines bounds a rehearsal, and rehearsalTime its time.
	mostLines     = 1000
	rehearsalTime = 10 * time.Second
)

// rehearse runs lines through a configuration.
func (s *server) rehearse(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Config string   `json:"config"`
		Lines  []string `json:"lines"`
	}
	if !s.hasProgram(w, r) || !s.read(w, r, &wish) {
		return
	}
	if len(wish.Lines) > mostLines {
		s.fail(w, r, http.StatusBadRequest, "there may be 1000 lines at most")
		return
	}
	loader := s.program.Loader()
	if !trusted(r) {
		loader.Env, loader.Sealed = harmless, true
	}
	_, report := loader.LoadText("configuration", []byte(wish.Config))
	if slices.ContainsFunc(report.Problems, func(p config.Problem) bool { return p.Code == option.Unseen }) {
		s.fail(w, r, http.StatusForbidden, "without a login, no configuration is run that names files of this machine")
		return
	}
	if !report.OK(false) {
		s.answer(w, map[string]any{"problems": problems(report), "steps": []Step{}})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), rehearsalTime)
	defer cancel()
	steps, err := s.program.Rehearse(ctx, loader, wish.Config, wish.Lines)
	answer := map[string]any{"problems": problems(report), "steps": steps}
	if err != nil {
		answer["error"] = err.Error()
	}
	s.answer(w, answer)
}

// tryFilter tries a filter on an event.
func (s *server) tryFilter(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Filter string `json:"filter"`
		Event  any    `json:"event"`
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.unreadable(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	if !s.read(w, r, &wish) {
		return
	}
	f, err := expr.ParseFilter(wish.Filter)
	if err != nil {
		answer := map[string]any{"result": nil, "error": err.Error()}
		if at, ok := errors.AsType[*expr.SyntaxError](err); ok {
			answer["code"], answer["offset"] = at.Code, at.Offset
		}
		s.answer(w, answer)
		return
	}
	e, err := eventOf(text)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, "the event must be a JSON object")
		return
	}
	var trouble probe
	result := f.Matcher(new(expr.Internal), &trouble).Match(e)
	s.answer(w, map[string]any{"result": result, "error": trouble.text(), "parsed": f.String()})
}

// eventOf makes an event of the field event of a request.
func eventOf(text []byte) (*event.Event, error) {
	v, _, err := new(event.Decoder).Decode(string(text))
	if err != nil {
		return nil, err
	}
	object, ok := v.Map().GetName("event")
	if !ok || object.Kind() != event.KindMap {
		return nil, errors.New("this is no object")
	}
	e := event.New(event.NewSource("StdIn", "StdIn"))
	e.DeleteField(event.Data)
	e.Merge(object.Map(), false)
	return e, nil
}

// probe hears what goes wrong in a filter.
type probe struct{ said string }

// Mismatch is called when a filter compares text with a number.
func (p *probe) Mismatch(_, field string, _, _ event.Value) {
	p.said = "text is compared with a number in " + field + ", which are never equal"
}

// Failed is called when a filter fails.
func (p *probe) Failed(_ string, err error) { p.said = err.Error() }

// Timeout is called when a regular expression takes too long.
func (p *probe) Timeout(string) { p.said = "a regular expression takes too long" }

func (p *probe) text() any {
	if p.said == "" {
		return nil
	}
	return p.said
}

// longestTry bounds the text that a regular expression is tried on.
const longestTry = 64 << 10

// tryRegex tries a regular expression on a text.
func (s *server) tryRegex(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Pattern string `json:"pattern"`
		Text    string `json:"text"`
	}
	if !s.read(w, r, &wish) {
		return
	}
	if len(wish.Text) > longestTry {
		s.fail(w, r, http.StatusRequestEntityTooLarge, "the text may have 64 KiB at most")
		return
	}
	p, err := regex.Compile(wish.Pattern, regex.Options{Timeout: time.Second})
	if err != nil {
		s.answer(w, map[string]any{"match": false, "error": err.Error()})
		return
	}
	at, err := p.Machine().Search(wish.Text, 0)
	answer := map[string]any{"match": at != nil, "error": nil}
	if err != nil {
		answer["error"] = err.Error()
	}
	if at != nil {
		groups := []map[string]any{}
		for i, name := range p.Names() {
			if 2*i+1 >= len(at) {
				break
			}
			g := map[string]any{"number": i, "name": name, "text": nil}
			if from, to := at[2*i], at[2*i+1]; from >= 0 && to >= from {
				g["text"], g["from"], g["to"] = strings.ToValidUTF8(wish.Text[from:to], "\ufffd"), from, to
			}
			groups = append(groups, g)
		}
		answer["groups"] = groups
	}
	s.answer(w, answer)
}
