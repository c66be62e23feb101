package filesink

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// files are the files that are open.
type files struct {
	opts Options
	open map[string]*file
}

type file struct {
	*os.File
	used time.Time
}

// idleTime is how long a file stays open without a write.
const idleTime = 5 * time.Minute

func newFiles(o Options) *files { return &files{opts: o, open: map[string]*file{}} }

var endings = map[string]string{"gzip": ".gz", "snappy": ".snappy", "zstd": ".zst"}

// write appends what is left of p. After a failure p knows how much of it is on disk.
func (l *files) write(p *pending) error {
	path := p.path + endings[l.opts.Compress]
	f, err := l.get(path)
	if err != nil {
		return err
	}
	f.used = time.Now()
	if l.opts.Compress != "" {
		return l.writeCompressed(f, p)
	}
	n, err := f.Write(p.data[p.done:])
	p.done += n
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, l.drop(path)))
	}
	return nil
}

// writeCompressed appends a compressed piece as a whole: one that was cut off would make
// everything behind it unreadable.
func (l *files) writeCompressed(f *file, p *pending) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at %s: %w", f.Name(), err)
	}
	packed, err := compress(l.opts.Compress, p.data, info.Size() > 0)
	if err != nil {
		return fmt.Errorf("compress for %s: %w", f.Name(), err)
	}
	if _, err := f.Write(packed); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), errors.Join(err, f.Truncate(info.Size()), l.drop(f.Name())))
	}
	p.done = len(p.data)
	return nil
}

// snappyHeader is the length of the stream identifier of the snappy framing format, which
// stands once at the beginning of a file.
const snappyHeader = 10

// compress makes one gzip member, one zstd frame, or snappy frames of data.
func compress(kind string, data []byte, appended bool) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	switch kind {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			return nil, err
		}
		w = z
	default:
		w = snappy.NewBufferedWriter(&out)
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if kind == "snappy" && appended {
		return out.Bytes()[snappyHeader:], nil
	}
	return out.Bytes(), nil
}

// get returns the open file for a path. One that was moved or removed is opened anew.
func (l *files) get(path string) (*file, error) {
	if f := l.open[path]; f != nil {
		ours, err1 := f.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			return f, nil
		}
		if err := l.drop(path); err != nil {
			return nil, err
		}
	}
	if len(l.open) >= l.opts.MaxOpenFiles {
		if err := l.dropOldest(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), l.opts.dirMode); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, l.opts.fileMode)
	if err != nil {
		return nil, err
	}
	l.open[path] = &file{File: f}
	return l.open[path], nil
}

func (l *files) drop(path string) error {
	f := l.open[path]
	delete(l.open, path)
	if f == nil {
		return nil
	}
	return f.Close()
}

func (l *files) dropOldest() error {
	oldest := ""
	for path, f := range l.open {
		if oldest == "" || f.used.Before(l.open[oldest].used) {
			oldest = path
		}
	}
	return l.drop(oldest)
}

func (l *files) closeIdle(now time.Time) error {
	var errs []error
	for path, f := range l.open {
		if now.Sub(f.used) > idleTime {
			errs = append(errs, l.drop(path))
		}
	}
	return errors.Join(errs...)
}

// close syncs and closes all files. That something like a pipe cannot be synced is no
// fault.
func (l *files) close() error {
	var errs []error
	for path, f := range l.open {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			errs = append(errs, f.Sync())
		}
		errs = append(errs, l.drop(path))
	}
	return errors.Join(errs...)
}
