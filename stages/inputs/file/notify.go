package file

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"gambolputty/actor"
)

// bell rings when something happens in a directory, where the system can tell. It only
// wakes the watcher up earlier: not every file system rings, and looking at files from
// time to time finds everything.
type bell struct {
	env     actor.Env
	watcher *fsnotify.Watcher // nil where there is none
	dirs    map[string]bool   // true if it is watched
	aliases map[string]string // of directories that are named by way of a link
	full    bool
}

func newBell(env actor.Env) *bell {
	b := &bell{env: env, dirs: map[string]bool{}, aliases: map[string]string{}}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		env.Log.Info("the system does not tell of changes, files are looked at every stat_interval", "error", err)
		return b
	}
	b.watcher = w
	return b
}

// watch watches these directories and no others. It reports whether one is new: what
// happened in it before was not heard.
func (b *bell) watch(dirs map[string]bool) (added bool) {
	if b.watcher == nil {
		return false
	}
	wanted := map[string]bool{}
	for d := range dirs {
		real, err := filepath.EvalSymlinks(d)
		if err != nil {
			continue
		}
		wanted[real] = true
		if real != d {
			b.aliases[real] = d
		}
	}
	for d, on := range b.dirs {
		if wanted[d] {
			continue
		}
		delete(b.dirs, d)
		delete(b.aliases, d)
		if on {
			_ = b.watcher.Remove(d) // it may be gone already
		}
	}
	for d := range wanted {
		added = b.add(d) || added
	}
	return added
}

// alias is a path as the options name it.
func (b *bell) alias(path string) string {
	dir, name := filepath.Split(path)
	if a, ok := b.aliases[filepath.Clean(dir)]; ok {
		return filepath.Join(a, name)
	}
	return path
}

func (b *bell) add(dir string) (added bool) {
	if b.watcher == nil || b.dirs[dir] {
		return false
	}
	err := b.watcher.Add(dir)
	b.dirs[dir] = err == nil
	if err != nil && !b.full {
		b.full = true
		b.env.Log.Info("a directory cannot be watched, its files are looked at every stat_interval", "path", dir, "error", err)
	}
	return err == nil
}

// again forgets that a directory is watched, because it has been removed or renamed.
func (b *bell) again(dir string) {
	if b.dirs[dir] {
		b.dirs[dir] = false
		_ = b.watcher.Remove(dir) // it ends by itself if the directory is gone
	}
}

func (b *bell) events() <-chan fsnotify.Event {
	if b.watcher == nil {
		return nil
	}
	return b.watcher.Events
}

func (b *bell) errors() <-chan error {
	if b.watcher == nil {
		return nil
	}
	return b.watcher.Errors
}

func (b *bell) close() {
	if b.watcher != nil {
		b.watcher.Close()
	}
}

// rung deals with a notification.
func (w *watcher) rung(e fsnotify.Event) {
	t := w.names[e.Name]
	switch {
	case t != nil && e.Has(fsnotify.Write):
		w.queue(t, 0)
	case e.Op == fsnotify.Chmod:
	case t != nil:
		clear(w.listings)
		w.lookAtPlace(t)
		if !t.gone.IsZero() {
			w.searchSoon()
		}
	case e.Has(fsnotify.Create), e.Has(fsnotify.Write) && w.opts.IgnoreEmpty:
		if w.opts.Recursive || w.finder.means(w.bell.alias(e.Name)) {
			w.searchSoon()
		}
	case e.Has(fsnotify.Remove), e.Has(fsnotify.Rename):
		w.bell.again(e.Name)
	}
}

// missed deals with notifications that were lost: everything is looked at.
func (w *watcher) missed(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		w.env.Warn("the system failed to tell of changes", "error", err)
	}
	w.lookAt = time.Time{}
	w.searchSoon()
}

// searchSoon looks for new files before the time, but not all the time.
func (w *watcher) searchSoon() {
	const least, share = 5 * time.Millisecond, 10
	at := w.searched.Add(max(least, share*w.took))
	if at.Before(w.searchAt) {
		w.searchAt = at
	}
}
