package elasticsearch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// mostIDs bounds how many documents with the highest value are remembered. If there are
// more, the next run asks only for higher values.
const mostIDs = 100_000

// since remembers the highest value of a field. Documents with the same value may still be
// written after a run, so the next one asks for them as well, and leaves out those that it
// knows by their ids.
type since struct {
	env   actor.Env
	field string
	name  name
	path  string

	mu   sync.Mutex
	have mark // what has been delivered
	next mark // what the run under way will have delivered
}

type mark struct {
	value event.Value // null if there is none
	ids   map[string]bool
	many  bool // too many ids
}

// record is the file.
type record struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
	IDs   []string        `json:"ids"`
	Many  bool            `json:"too_many_ids,omitempty"`
}

func newSince(env actor.Env, field, path string) *since {
	return &since{env: env, field: field, name: nameOf(field), path: path}
}

// load reads the file. A damaged one is moved aside.
func (s *since) load() error {
	if s.path == "" || s.env.CheckOnly {
		return nil
	}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(filepath.Dir(s.path), 0o750)
	}
	if err != nil {
		return err
	}
	var r record
	err = json.Unmarshal(text, &r)
	if err == nil {
		var d event.Decoder
		s.have.value, _, err = d.Decode(string(r.Value))
	}
	if err == nil && !ordered(s.have.value) {
		err = errors.New("the value is neither number nor text")
	}
	if err != nil {
		s.have = mark{}
		aside := s.path + ".damaged"
		s.env.Log.Warn("the file of since_path is damaged and was moved aside; all is read again", "path", s.path, "error", err, "aside", aside)
		return os.Rename(s.path, aside)
	}
	if r.Field != s.field {
		s.have = mark{}
		s.env.Log.Warn("the file of since_path belongs to another field; all is read again", "path", s.path, "field", r.Field)
		return nil
	}
	s.have.ids, s.have.many = map[string]bool{}, r.Many
	for _, id := range r.IDs {
		s.have.ids[id] = true
	}
	return nil
}

// begin returns the range that a run asks for, nil for all.
func (s *since) begin() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = mark{}
	if s.have.value.IsNull() {
		return nil
	}
	var enc event.Encoder
	b := append(event.AppendJSONString([]byte("{"), s.field), `:{"`...)
	if s.have.many {
		b = append(b, `gt":`...)
	} else {
		b = append(b, `gte":`...)
	}
	return append(enc.AppendValue(b, s.have.value), "}}"...)
}

// take notes a document. It returns false if that was delivered before.
func (s *since) take(hit, document *event.Map) bool {
	v, ok := s.name.of(document, hit)
	if !ok || !ordered(v) {
		s.env.Warn("documents have no usable value in since_field", "field", s.field)
		return true
	}
	id := idOf(hit)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next.note(v, id)
	return !(s.have.ids[id] && compare(v, s.have.value) == 0)
}

// note keeps a value if it is the highest.
func (m *mark) note(v event.Value, id string) {
	if m.value.IsNull() || compare(v, m.value) > 0 {
		*m = mark{value: v.Clone(), ids: map[string]bool{}}
	}
	if m.many || compare(v, m.value) < 0 {
		return
	}
	if m.ids[id] = true; len(m.ids) > mostIDs {
		m.ids, m.many = nil, true
	}
}

func idOf(hit *event.Map) string {
	index, _ := hit.GetName("_index")
	id, _ := hit.GetName("_id")
	return index.Str() + "/" + id.Str()
}

func ordered(v event.Value) bool { return v.IsString() || v.IsNumber() }

// compare orders numbers by size and texts by their bytes, numbers first.
func compare(a, b event.Value) int {
	if c, ok := a.CompareNumber(b); ok {
		return c
	}
	switch {
	case a.IsNumber():
		return -1
	case b.IsNumber():
		return 1
	case a.Str() < b.Str():
		return -1
	case a.Str() > b.Str():
		return 1
	}
	return 0
}

// commit says that all of a run has been delivered.
func (s *since) commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next.value.IsNull() {
		return
	}
	s.have = s.next
	if s.path == "" {
		return
	}
	if err := s.save(); err != nil {
		s.env.Warn("the file of since_path cannot be written", "path", s.path, "error", err)
	}
}

// save replaces the file in one step.
func (s *since) save() error {
	var enc event.Encoder
	r := record{Field: s.field, Value: enc.AppendValue(nil, s.have.value), IDs: make([]string, 0, len(s.have.ids)), Many: s.have.many}
	for id := range s.have.ids {
		r.IDs = append(r.IDs, id)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("replace: %w", err), os.Remove(f.Name()))
	}
	return nil
}
