package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// goneFor is how long a file is read on after another one has taken its place: programs
// need a moment to notice, too.
const goneFor = 5 * time.Second

func (w *watcher) stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// look looks at all files.
func (w *watcher) look() {
	now := time.Now()
	for _, t := range w.tails {
		if !t.gone.IsZero() {
			w.lookAtGone(t, now)
			continue
		}
		w.lookAtPlace(t)
		idle := !t.busy && !t.queued && t.src != nil && t.gone.IsZero()
		if idle && w.opts.CloseInactive > 0 && now.Sub(t.changed) >= w.opts.CloseInactive {
			w.shut(t)
		}
	}
}

// lookAtPlace looks whether a file is where it was, and whether it has changed.
func (w *watcher) lookAtPlace(t *tail) {
	if !t.gone.IsZero() {
		return
	}
	path := t.where
	info, err := w.stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.lost(t)
	case err != nil:
		w.complain(path, err)
	case idOf(path, info) != t.id || !info.Mode().IsRegular():
		w.lost(t)
		if info.Mode().IsRegular() && w.places[path] == nil {
			w.arrived(path, info)
		}
	case info.Size() != t.size || !info.ModTime().Equal(t.mtime):
		t.size, t.mtime = info.Size(), info.ModTime()
		t.changed = time.Now()
		w.queue(t, 0)
	}
}

// lookAtGone looks at a file that is not in its place any more. When it has been quiet for
// long enough it is left.
func (w *watcher) lookAtGone(t *tail, now time.Time) {
	if t.busy || t.queued || t.after != nil {
		return
	}
	info, err := w.statGone(t)
	if err == nil && (info.Size() != t.size || !info.ModTime().Equal(t.mtime)) {
		t.size, t.mtime, t.changed = info.Size(), info.ModTime(), now
		w.queue(t, 0)
		return
	}
	t.erased = err == nil && deleted(info)
	if !t.combed && now.Sub(t.gone) >= w.opts.StatInterval {
		t.combed = true // in the first look the rotation may have been under way
		for _, stray := range w.straysAfter(t, t.abs) {
			w.adoptMoved(t.path, stray.path, stray.info)
		}
	}
	if now.Sub(t.gone) >= goneFor && now.Sub(t.changed) >= goneFor {
		w.queue(t, flushFinal)
	}
}

// statGone describes a file that was moved, also if it has been closed since.
func (w *watcher) statGone(t *tail) (fs.FileInfo, error) {
	if t.src != nil {
		return t.src.Stat()
	}
	info, err := w.stat(t.where)
	if err == nil && idOf(t.where, info) != t.id {
		err = errReplaced
	}
	return info, err
}

// lost deals with a file that is not in its place any more.
func (w *watcher) lost(t *tail) {
	if !t.gone.IsZero() {
		return
	}
	t.gone = time.Now()
	path := t.where
	w.displace(t)
	w.last[path], t.left = t, path
	w.searchSoon()
	if t.src != nil && !t.busy {
		if info, err := t.src.Stat(); err == nil {
			t.erased = deleted(info)
		}
	}
	to := w.hunt(filepath.Dir(path), t.id)
	if to == path { // what we know is older than the rotation
		delete(w.listings, filepath.Dir(path))
		to = w.hunt(filepath.Dir(path), t.id)
	}
	if to != "" && !t.erased {
		t.where = to
		w.db.moved(t.id, to, true)
	} else if t.src == nil && !t.busy {
		w.leave(t)
		return
	}
	if t.src == nil && !t.busy && !w.same(t.head, t.where) {
		w.leave(t)
		return
	}
	w.env.Log.Debug("file is not in its place any more, it is read to its end", "path", path, "now", t.where)
	w.queue(t, 0)
}

// leave stops to read a file.
func (w *watcher) leave(t *tail) {
	w.shut(t)
	w.displace(t)
	w.release(t)
	delete(w.due, t)
	if t.queued {
		t.queued = false
		w.ready = slices.DeleteFunc(w.ready, func(o *tail) bool { return o == t })
	}
	delete(w.tails, t.id)
	if w.last[t.left] == t {
		delete(w.last, t.left)
	}
	w.db.left(t.id, t.erased)
	w.env.Log.Debug("file is left", "path", t.path, "position", t.start)
}

// hunt finds a file in a directory by its identity.
func (w *watcher) hunt(dir string, id fileID) string {
	list := w.listings[dir]
	if list == nil {
		list = map[fileID]string{}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return ""
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				path := filepath.Join(dir, e.Name())
				list[idOf(path, info)] = path
			}
		}
		w.listings[dir] = list
	}
	return list[id]
}

// arrived begins with a file that is meant by the options.
func (w *watcher) arrived(path string, info fs.FileInfo) {
	if old := w.last[path]; old != nil {
		delete(w.last, path)
		w.succeed(old, path, info)
		return
	}
	w.adopt(path, path, info)
}

// succeed begins with the file that has taken the place of another one. It is read when
// the other has been read to its end, as are those that came and went in between.
func (w *watcher) succeed(old *tail, path string, info fs.FileInfo) {
	before := old
	for _, stray := range w.straysAfter(old, path) {
		if t := w.adoptMoved(path, stray.path, stray.info); t != nil {
			w.follow(before, t)
			before = t
		}
	}
	if t := w.adopt(path, path, info); t != nil {
		w.follow(before, t)
	}
}

// adoptMoved begins to read a file that is not in its place any more.
func (w *watcher) adoptMoved(name, path string, info fs.FileInfo) *tail {
	t := w.adopt(name, path, info)
	if t == nil {
		return nil
	}
	t.gone = time.Now()
	w.displace(t)
	w.db.moved(t.id, path, true)
	return t
}

// follow makes one file wait for another one, if that is not done yet.
func (w *watcher) follow(before, t *tail) {
	if w.tails[before.id] != before || !before.busy && !before.queued && before.after == nil {
		return
	}
	t.after = before
	before.next = append(before.next, t)
	if t.queued {
		t.queued = false
		w.ready = slices.DeleteFunc(w.ready, func(o *tail) bool { return o == t })
		w.rest(t)
	}
}
