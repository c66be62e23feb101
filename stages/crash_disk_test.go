//go:build crash

package stages_test

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"gambolputty/actor/disklog"
)

// badDisk is a directory on a disk that is full at times, and at times cannot sync. What was
// written since the last sync is gone then, as it may be with Linux, if somebody waits for it.
type badDisk struct {
	life   *life
	sound  bool
	forget bool

	mu   sync.Mutex
	full int // operations that will still find the disk full
	left int // faults of this life: each costs a pause, and a stop must come to its end
}

func (l *life) disk(dir string, fsync disklog.Policy) disklog.FS {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	return &badDisk{life: l, sound: os.Getenv(crashFaults) == "", forget: fsync == disklog.Always, left: 4}
}

// space fails while the disk is full.
func (d *badDisk) space() error {
	if d.sound {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.full > 0:
		d.full--
		return errNoSpace
	case d.left > 0 && d.life.chance(1, 300):
		d.left--
		d.full = d.life.number(3)
		return errNoSpace
	}
	return nil
}

// refuses reports whether it cannot sync now.
func (d *badDisk) refuses() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sound || d.left == 0 || !d.life.chance(1, 100) {
		return false
	}
	d.left--
	return true
}

func (d *badDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (d *badDisk) Create(path string) (disklog.File, error) {
	if err := d.space(); err != nil {
		return nil, err
	}
	return d.open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (d *badDisk) Open(path string) (disklog.File, error) { return d.open(path, os.O_RDWR) }

func (d *badDisk) open(path string, flags int) (disklog.File, error) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return &badFile{File: f, disk: d}, nil
}

func (d *badDisk) Remove(path string) error       { return os.Remove(path) }
func (d *badDisk) Rename(from, to string) error   { return os.Rename(from, to) }
func (d *badDisk) SyncDir(dir string) (err error) { return d.space() }

type badFile struct {
	*os.File
	disk   *badDisk
	mu     sync.Mutex
	unsafe [][2]int64 // what was written since the last sync
}

func (f *badFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// WriteAt writes a part where there is no room for all.
func (f *badFile) WriteAt(p []byte, at int64) (int, error) {
	err := f.disk.space()
	if err != nil {
		p = p[:f.disk.life.number(len(p)+1)]
	}
	n, failed := f.File.WriteAt(p, at)
	if failed != nil {
		return n, failed
	}
	f.mu.Lock()
	f.unsafe = append(f.unsafe, [2]int64{at, int64(len(p))})
	f.mu.Unlock()
	return n, err
}

// Sync costs nothing: nobody cuts the power here.
func (f *badFile) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	unsafe := f.unsafe
	f.unsafe = nil
	if !f.disk.refuses() {
		return nil
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	for _, w := range unsafe {
		if n := min(w[1], size-w[0]); n > 0 && f.disk.forget && f.disk.life.chance(1, 2) {
			if _, err := f.File.WriteAt(make([]byte, n), w[0]); err != nil {
				return err
			}
		}
	}
	return &os.PathError{Op: "sync", Path: filepath.Base(f.Name()), Err: syscall.EIO}
}
