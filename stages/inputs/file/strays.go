package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type stray struct {
	path string
	info fs.FileInfo
}

// straysAfter finds strays that came after a file.
func (w *watcher) straysAfter(old *tail, path string) []stray {
	e, _ := w.db.get(old.id)
	since := old.mtime
	if old.src != nil {
		if info, err := old.src.Stat(); err == nil {
			since = info.ModTime()
		}
	}
	return w.strays(path, e.head, since)
}

// strays finds files that were at a path after another one, which began with h and was
// last written to at some time, and that have been moved on before anybody looked. They
// have a name that a rotation gives, and were written to later. Copies are none.
func (w *watcher) strays(path string, h head, since time.Time) []stray {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []stray
	for _, e := range entries {
		if !rotated(filepath.Base(path), e.Name()) {
			continue
		}
		p := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.ModTime().Before(since) || w.finder.excluded(p) {
			continue
		}
		id := idOf(p, info)
		if _, known := w.db.get(id); known || w.tails[id] != nil || h.n > 0 && w.same(h, p) {
			continue
		}
		list = append(list, stray{p, info})
	}
	slices.SortFunc(list, func(a, b stray) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	return list
}

// rotated reports whether a name is one that a rotation gives to a file: app.log.1,
// app.log-20240131, app-2024-01-31.log. Files that are packed are none: what is in them
// has been read.
func rotated(base, name string) bool {
	suffix, ok := strings.CutPrefix(name, base)
	if !ok {
		ext := filepath.Ext(base)
		if suffix, ok = strings.CutPrefix(name, strings.TrimSuffix(base, ext)); !ok {
			return false
		}
		if suffix, ok = strings.CutSuffix(suffix, ext); !ok {
			return false
		}
	}
	const separators, digits = ".-_", "0123456789"
	return len(suffix) > 1 && strings.Contains(separators, suffix[:1]) &&
		strings.ContainsAny(suffix, digits) && strings.Trim(suffix, separators+digits+"TZ:") == ""
}

// recoverMoved finds files that were moved while the program did not run, and reads what is
// left of them and of those that came after them.
func (w *watcher) recoverMoved() {
	clear(w.listings)
	for id, e := range w.db.present() {
		if w.tails[id] != nil {
			continue
		}
		to := w.hunt(filepath.Dir(e.path), id)
		if to == "" || to == e.path && !e.away || isPacked(to) {
			w.db.left(id, false)
			continue
		}
		w.resume(id, e, to)
	}
}

// resume reads the rest of a file that was moved to another name.
func (w *watcher) resume(id fileID, e entry, to string) {
	f, info, err := w.open(to)
	var begin []byte
	if err == nil {
		begin, err = readHead(f, &w.head)
		f.Close()
	}
	if err != nil || idOf(to, info) != id || !e.head.begins(begin) {
		w.db.left(id, false)
		return
	}
	var before *tail
	follow := func(t *tail) {
		if before != nil && t != nil {
			w.follow(before, t)
		}
		if t != nil {
			before = t
		}
	}
	if info.Size() > e.offset {
		follow(w.adoptMoved(e.path, to, info))
	}
	if !e.away {
		for _, stray := range w.strays(e.path, e.head, info.ModTime()) {
			follow(w.adoptMoved(e.path, stray.path, stray.info))
		}
		follow(w.places[e.path])
	}
	if w.tails[id] == nil {
		w.db.left(id, false)
	}
}
