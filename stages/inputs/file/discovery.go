package file

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"gambolputty/actor/ack"
)

// search looks for new files.
func (w *watcher) search() {
	began := time.Now()
	dirs := map[string]bool{}
	for _, t := range w.troubles {
		t.seen = false
	}
	w.finder.find(w.found, func(dir string) { dirs[absolute(dir)] = true }, w.complain)
	for path, t := range w.troubles {
		if !t.seen {
			delete(w.troubles, path)
		}
	}
	if w.first {
		w.first = false
		w.recoverMoved()
	}
	for _, t := range w.tails {
		if t.real != "" {
			dirs[filepath.Dir(t.real)] = true
		}
	}
	unheard := w.bell.watch(dirs)
	w.searched = time.Now()
	w.took = w.searched.Sub(began)
	w.searchAt = w.searched.Add(w.opts.Discover)
	if unheard {
		w.searchSoon()
	}
}

// errUnwanted marks files that are left out.
var errUnwanted = errors.New("unwanted")

type unwanted string

func (u unwanted) Error() string      { return string(u) }
func (unwanted) Is(target error) bool { return target == errUnwanted }

// found deals with a file that is meant by the options.
func (w *watcher) found(path string, info fs.FileInfo) {
	id := idOf(path, info)
	if t := w.tails[id]; t != nil {
		if !t.gone.IsZero() || t.where != path && w.places[path] != t {
			w.renamed(t, path)
		}
		return
	}
	if old := w.places[path]; old != nil {
		w.lost(old)
	}
	w.arrived(path, info)
}

// renamed deals with a known file that is found under another name.
func (w *watcher) renamed(t *tail, path string) {
	if t.gone.IsZero() {
		return // another name of a file that is still in its place
	}
	if t.src == nil && !t.busy && !w.same(t.head, path) {
		w.leave(t) // an inode that is used again
		if info, err := w.stat(path); err == nil {
			w.arrived(path, info)
		}
		return
	}
	t.gone = time.Time{}
	w.place(t, path)
	w.release(t)
	w.queue(t, 0)
}

// same reports whether a file begins like a known one.
func (w *watcher) same(h head, path string) bool {
	f, _, err := w.open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	begin, err := readHead(f, &w.head)
	return err == nil && h.begins(begin)
}

// adopt begins to read a file. Its events carry the given name.
func (w *watcher) adopt(name, path string, info fs.FileInfo) *tail {
	if reason := w.opts.unwanted(info); reason != "" {
		if info.Size() > 0 {
			w.complain(path, unwanted(reason))
		}
		return nil
	}
	if w.spared(path) {
		return nil
	}
	f, info, err := w.open(path)
	if err == nil && w.tails[idOf(path, info)] != nil {
		f.Close()
		return nil
	}
	var begin []byte
	if err == nil {
		if begin, err = readHead(f, &w.head); err != nil {
			f.Close()
		}
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			w.complain(path, err)
		}
		return nil
	}
	delete(w.troubles, path)
	id := idOf(path, info)
	src := newContent(f, path)
	at := w.beginning(path, id, info, src, begin)
	t := newTail(name, at, headOf(begin))
	t.src, t.id, t.changed, t.last = src, id, time.Now(), time.Now()
	t.size, t.mtime = info.Size(), info.ModTime()
	t.ledger = ack.NewLedger(
		w.db.put(id, path, t.noted),
		func(p position, err error) {
			w.env.Warn("events were not delivered, they come again after the next start", "path", name, "position", p.offset, "error", err)
		})
	if w.makeRoom() {
		w.opened++
	} else {
		t.closeFile() // it is opened again when it is its turn
	}
	w.tails[id] = t
	w.place(t, path)
	w.env.Log.Debug("file found", "path", path, "position", at)
	w.queue(t, 0)
	return t
}

// place notes where a file is.
func (w *watcher) place(t *tail, path string) {
	w.displace(t)
	t.where, t.abs = path, absolute(path)
	t.real = t.abs
	if real, err := filepath.EvalSymlinks(t.abs); err == nil {
		t.real = real
	}
	w.places[path], w.names[t.abs], w.names[t.real] = t, t, t
	w.bell.add(filepath.Dir(t.real))
	w.db.moved(t.id, path, false)
}

// displace forgets where a file was.
func (w *watcher) displace(t *tail) {
	if w.places[t.where] == t {
		delete(w.places, t.where)
	}
	for _, name := range [...]string{t.abs, t.real} {
		if w.names[name] == t {
			delete(w.names, name)
		}
	}
}

// beginning is where to begin with a file.
func (w *watcher) beginning(path string, id fileID, info fs.FileInfo, src *content, begin []byte) int64 {
	known := w.db.paths[path]
	e, ok := w.db.get(id)
	if ok && !e.head.begins(begin) {
		known = known || e.path == path
		ok = false
	}
	if !ok {
		e, ok = w.db.elsewhere(id, path, begin)
	}
	size := info.Size()
	switch {
	case ok && (e.offset <= size || src.packed != nil):
		return e.offset
	case ok, known:
		return 0 // truncated or replaced while nobody looked
	}
	old := w.opts.IgnoreOlder > 0 && time.Since(info.ModTime()) > w.opts.IgnoreOlder
	unseen := w.first && !w.db.again && w.opts.StartPosition == atEnd
	switch {
	case !old && !unseen:
		return 0
	case src.packed != nil:
		return unknownSize
	case old:
		return w.backwards(src, size, begin, 0)
	}
	return w.backwards(src, size, begin, int(w.opts.TailLines))
}

// backwards finds the place n lines before the end. A line that is not complete is not
// torn apart.
func (w *watcher) backwards(src *content, size int64, begin []byte, n int) int64 {
	const step = 64 << 10
	d, mark := w.sets.choose(begin)
	length := int64(len(d.separator))
	end := size
	if n > 0 && endsWith(src, d, size) {
		end -= length
	}
	if n > 0 {
		n--
	}
	buf := make([]byte, step)
	for end > mark {
		from := max(mark, end-step)
		from -= from % int64(d.width)
		b, err := src.readAt(buf[:end-from], from)
		if err != nil {
			return size
		}
		for at := d.lastIndex(buf[:b], from); at >= 0; at = d.lastIndex(buf[:at], from) {
			if n == 0 {
				return from + int64(at) + length
			}
			n--
		}
		if from <= mark {
			break
		}
		end = from + length - 1 // a separator may lie across
		if length == 1 {
			end = from
		}
		if end-from >= step {
			return size
		}
	}
	return mark
}

func endsWith(src *content, d *decoder, size int64) bool {
	n := int64(len(d.separator))
	if size < n {
		return false
	}
	b := make([]byte, n)
	got, err := src.readAt(b, size-n)
	return err == nil && string(b[:got]) == string(d.separator)
}
