package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"gambolputty/actor"
	"gambolputty/actor/safefile"
)

// Bounds of what is remembered of files that are gone.
const (
	forgetAfter = 7 * 24 * time.Hour
	mostGone    = 10_000
)

// lockPause is the time between two attempts to get a lock.
const lockPause = 200 * time.Millisecond

// sincedb keeps how far files have been delivered. The file is shared by all modules, also
// of other programs: everyone replaces his own records in it.
type sincedb struct {
	env    actor.Env
	path   string
	module string
	wanted string // tells one set of paths from another
	owner  *os.File

	saving sync.Mutex

	mu      sync.Mutex
	entries map[fileID]*entry
	paths   map[string]bool // that had an entry at the start
	again   bool            // the same paths were read before
	changed bool
}

// entry is what is known of a file.
type entry struct {
	path string
	position
	away bool      // it was moved to this path, at which nobody would look for it
	gone time.Time // since when it is not there any more
}

func newSincedb(env actor.Env, path string, paths []string) *sincedb {
	sorted := slices.Sorted(slices.Values(paths))
	return &sincedb{
		env: env, path: path, module: env.ID,
		wanted:  fmt.Sprintf("%016x", xxhash.Sum64String(strings.Join(sorted, "\x00"))),
		entries: map[fileID]*entry{}, paths: map[string]bool{},
	}
}

// open makes sure that the file can be read and written.
func (s *sincedb) open() error {
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if _, err := os.ReadFile(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	name := strings.Map(func(r rune) rune {
		if r == os.PathSeparator || r < ' ' {
			return '_'
		}
		return r
	}, s.module)
	var err error
	s.owner, err = os.OpenFile(s.path+"."+name+".lock", os.O_RDWR|os.O_CREATE, 0o640)
	return err
}

// own waits until no other program reads for this module: what two programs delivered
// could not be told apart. It returns false if ctx ends.
func (s *sincedb) own(ctx context.Context) bool {
	warned := false
	for ctx.Err() == nil {
		free, err := safefile.Lock(s.owner, false)
		if free {
			return true
		}
		if err != nil {
			s.env.Log.Warn("the sincedb cannot be locked, so nothing protects it from a second program", "path", s.path, "error", err)
			return true
		}
		if !warned {
			warned = true
			s.env.Log.Warn("another program uses the sincedb for a module with this id, waiting for its end", "path", s.path)
		}
		pause := time.NewTimer(lockPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	return false
}

// disown lets others in.
func (s *sincedb) disown() {
	if s.owner != nil {
		s.owner.Close()
		s.owner = nil
	}
}

// load reads the positions. A damaged file is moved aside.
func (s *sincedb) load() error {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	records, err := parseRecords(text)
	if err != nil {
		aside := s.path + ".damaged"
		s.env.Log.Warn("the sincedb is damaged and was moved aside; files are read as if they were new", "path", s.path, "error", err, "aside", aside)
		return os.Rename(s.path, aside)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		switch {
		case r.Module != s.module:
		case r.Path == "":
			s.again = r.Paths == s.wanted
		default:
			s.entries[r.id()] = r.entry()
			s.paths[r.Path] = true
		}
	}
	return nil
}

// put enters a file that is read from now on. The function that it returns notes how far it
// has been delivered; it does no harm when another file has got the identity.
func (s *sincedb) put(id fileID, path string, p position) (commit func(position)) {
	e := &entry{path: path, position: p}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[id] = e
	s.changed = true
	return func(p position) {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.position = p
		s.changed = true
	}
}

// moved notes a new name. away says that the file is not found under it by a search.
func (s *sincedb) moved(id fileID, path string, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[id]; e != nil && (e.path != path || e.away != away || !e.gone.IsZero()) {
		e.path, e.away, e.gone = path, away, time.Time{}
		s.changed = true
	}
}

// left notes that a file is read no more. If it was erased it can be forgotten.
func (s *sincedb) left(id fileID, erased bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	switch {
	case e == nil:
		return
	case erased:
		delete(s.entries, id)
	case e.gone.IsZero():
		e.gone = time.Now()
	}
	s.changed = true
}

// get returns what is known of a file.
func (s *sincedb) get(id fileID) (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[id]; e != nil {
		return *e, true
	}
	return entry{}, false
}

// elsewhere finds a file under another device number, as it may have after the computer
// was started anew.
func (s *sincedb) elsewhere(id fileID, path string, begin []byte) (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paths[path] {
		return entry{}, false
	}
	for other, e := range s.entries {
		if other.ino == id.ino && e.path == path && e.head.n > 0 && e.head.begins(begin) {
			found := *e
			delete(s.entries, other)
			return found, true
		}
	}
	return entry{}, false
}

// present lists the files that were not gone.
func (s *sincedb) present() map[fileID]entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := map[fileID]entry{}
	for id, e := range s.entries {
		if e.gone.IsZero() {
			list[id] = *e
		}
	}
	return list
}

// save writes the positions if they have changed.
func (s *sincedb) save() {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	if !s.changed {
		s.mu.Unlock()
		return
	}
	s.forget()
	own := []record{{Module: s.module, Paths: s.wanted}}
	for id, e := range s.entries {
		own = append(own, newRecord(s.module, id, e))
	}
	s.changed = false
	s.mu.Unlock()
	if err := s.replace(own); err != nil {
		s.env.Warn("positions were not written; lines may come twice after a crash", "path", s.path, "error", err)
		s.mu.Lock()
		s.changed = true
		s.mu.Unlock()
	}
}

// forget drops what was gone for long, and the oldest of too many.
func (s *sincedb) forget() {
	var gone []fileID
	for id, e := range s.entries {
		switch {
		case e.gone.IsZero():
		case time.Since(e.gone) > forgetAfter:
			delete(s.entries, id)
		default:
			gone = append(gone, id)
		}
	}
	if len(gone) <= mostGone {
		return
	}
	slices.SortFunc(gone, func(a, b fileID) int { return s.entries[a].gone.Compare(s.entries[b].gone) })
	for _, id := range gone[:len(gone)-mostGone] {
		delete(s.entries, id)
	}
}
