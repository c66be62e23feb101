package logging

import (
	"os"
	"sync"
	"time"
)

// File is a log file that is opened again when it was moved away or Reopen is called.
type File struct {
	path string

	mu      sync.Mutex
	f       *os.File
	checked time.Time
}

// checkEvery is how often the file's name is compared with the open file.
const checkEvery = time.Second

// OpenFile opens a log file for appending; truncate empties it first.
func OpenFile(path string, truncate bool) (*File, error) {
	l := &File{path: path}
	flag := os.O_APPEND
	if truncate {
		flag |= os.O_TRUNC
	}
	return l, l.open(flag)
}

func (l *File) open(flag int) error {
	f, err := os.OpenFile(l.path, flag|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if l.f != nil {
		_ = l.f.Close() // its lines are written; a new file is there already
	}
	l.f = f
	return nil
}

// Write appends a line. Without a file it goes to standard error.
func (l *File) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.checked) > checkEvery {
		l.checked = now
		l.follow()
	}
	n, err := l.f.Write(p)
	if err != nil {
		return os.Stderr.Write(p)
	}
	return n, nil
}

// follow opens the file anew if its name means another one by now.
func (l *File) follow() {
	there, err := os.Stat(l.path)
	if err == nil {
		if open, err := l.f.Stat(); err == nil && os.SameFile(there, open) {
			return
		}
	}
	_ = l.open(os.O_APPEND) // on failure the old file is still good
}

// Reopen opens the file by its name again.
func (l *File) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open(os.O_APPEND)
}

// Close closes the file.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
