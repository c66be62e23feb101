package disklog

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"gambolputty/actor/safefile"
)

// FS is what a log needs of a file system.
type FS interface {
	// List returns the names of the files in a directory.
	List(dir string) ([]string, error)
	// Create makes a file that is not there yet.
	Create(path string) (File, error)
	// Open opens a file for reading and writing.
	Open(path string) (File, error)
	Remove(path string) error
	Rename(from, to string) error
	// SyncDir makes durable which files are in a directory.
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
}

const lockName = "lock"

// openDisk makes the directory and takes it for this process.
func openDisk(dir string) (FS, func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	free, err := safefile.Lock(f, false)
	if err == nil && !free {
		err = ErrLocked
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return disk{}, func() { _ = f.Close() }, nil // which frees it
}

// disk is the file system of the operating system.
type disk struct{}

func (disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func (disk) Create(path string) (File, error) {
	return opened(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600))
}

func (disk) Open(path string) (File, error) { return opened(os.OpenFile(path, os.O_RDWR, 0)) }

func opened(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Remove(path string) error { return os.Remove(path) }

func (disk) Rename(from, to string) error { return os.Rename(from, to) }

func (disk) SyncDir(dir string) error { return safefile.SyncDir(dir) }

type diskFile struct{ *os.File }

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
