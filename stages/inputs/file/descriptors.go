package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// errFull says that as many files are open as may be, and all of them are being read.
var errFull = errors.New("max_open_files are open")

// errReplaced says that there is another file in the place of the one that was there.
var errReplaced = errors.New("there is another file in its place")

// makeRoom sees that one more file may be open.
func (w *watcher) makeRoom() bool {
	for w.opened >= w.opts.MaxOpen {
		if !w.closeOne() {
			return false
		}
	}
	return true
}

// open opens a file, and closes another one for it if the system has no more descriptors.
func (w *watcher) open(path string) (*os.File, fs.FileInfo, error) {
	f, err := openFile(path)
	if (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) && (w.closeOne() || w.closeWaiting()) {
		f, err = openFile(path)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// openTail opens a file that was closed meanwhile.
func (w *watcher) openTail(t *tail) error {
	if !w.makeRoom() && !w.closeWaiting() {
		return errFull
	}
	f, info, err := w.open(t.where)
	if err != nil {
		return err
	}
	if idOf(t.where, info) != t.id {
		f.Close()
		return errReplaced
	}
	t.src = newContent(f, t.where)
	w.opened++
	return nil
}

// rest notes that there is nothing to do for a file.
func (w *watcher) rest(t *tail) {
	if t.src != nil && t.resting == nil {
		t.resting = w.resting.PushBack(t)
	}
}

// stir ends the rest of a file.
func (w *watcher) stir(t *tail) {
	if t.resting != nil {
		w.resting.Remove(t.resting)
		t.resting = nil
	}
}

// closeOne closes the file that has been quiet for longest, if there is one. Those that
// may never be found again come last.
func (w *watcher) closeOne() bool {
	var last *tail
	for e := w.resting.Front(); e != nil; e = e.Next() {
		t, _ := e.Value.(*tail)
		if t.gone.IsZero() {
			w.shut(t)
			return true
		}
		if last == nil {
			last = t
		}
	}
	if last == nil {
		return false
	}
	w.shut(last)
	return true
}

// closeWaiting closes the last of the files that wait for their turn, if one is open.
func (w *watcher) closeWaiting() bool {
	for i := len(w.ready) - 1; i > 0; i-- {
		if t := w.ready[i]; t.src != nil {
			w.shut(t)
			return true
		}
	}
	return false
}

// shut closes a file; it is opened again when it changes.
func (w *watcher) shut(t *tail) {
	w.stir(t)
	if t.src != nil {
		t.closeFile()
		w.opened--
	}
}

// retryAfter is the time after which a file that cannot be read is tried again.
const retryAfter = time.Minute

// trouble is what is wrong with a path.
type trouble struct {
	text  string
	until time.Time // it is not tried again before
	seen  bool      // it was there in the last search
}

// complain notes that a path cannot be read, and logs it unless that is known.
func (w *watcher) complain(path string, err error) {
	text := err.Error()
	old := w.troubles[path]
	now := &trouble{text: text, seen: true}
	w.troubles[path] = now
	if old != nil && old.text == text {
		now.until = old.until
	}
	known := old != nil && old.text == text
	switch {
	case errors.Is(err, errMissing), errors.Is(err, errNotRegular), errors.Is(err, errUnwanted):
	case !time.Now().Before(now.until):
		now.until = time.Now().Add(retryAfter)
	}
	switch {
	case known:
	case errors.Is(err, errMissing):
		w.env.Log.Warn("nothing is there yet, waiting for it", "path", path)
	case errors.Is(err, errNotRegular):
		w.env.Log.Warn("it is no regular file and is skipped", "path", path)
	case errors.Is(err, errUnwanted):
		w.env.Log.Info("file is left out", "path", path, "reason", text)
	default:
		w.env.Log.Error("file cannot be read, it is tried again", "path", path, "error", err, "pause", retryAfter)
	}
}

// spared reports whether it is too early to try a path again.
func (w *watcher) spared(path string) bool {
	t := w.troubles[path]
	if t == nil {
		return false
	}
	t.seen = true
	return time.Now().Before(t.until)
}

// unreadable deals with a known file that cannot be opened or read.
func (w *watcher) unreadable(t *tail, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errReplaced), errors.Is(err, errNotRegular):
		if t.gone.IsZero() {
			w.setDue(t, time.Now().Add(w.opts.StatInterval))
			w.lookAtPlace(t)
		} else {
			w.leave(t)
		}
		return
	case errors.Is(err, errFull):
		w.setDue(t, time.Now().Add(w.opts.StatInterval))
		return
	}
	w.complain(t.where, fmt.Errorf("read: %w", err))
	w.shut(t)
	w.release(t)
	w.setDue(t, time.Now().Add(retryAfter))
}
