package filesink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/outfile"
)

// files are the files that are open.
type files struct {
	opts    Options
	open    map[string]*file
	rotator rotator
}

type file struct {
	*os.File
	final  string // the name when it is finished
	size   int64
	period int64 // of rotate_interval_in_secs, in which it was last written
	used   time.Time
	dirty  bool // there is something that was not synced
	cutOff bool // it ends within a line
}

// idleTime is how long a file stays open without a write.
const idleTime = 5 * time.Minute

func newFiles(o Options) *files {
	return &files{opts: o, open: map[string]*file{}, rotator: rotator{keep: o.RotateCount, compress: o.RotateCompress}}
}

// pending are the lines for one file.
type pending struct {
	path   string
	data   []byte
	ends   outfile.Ends // of the events in data
	events []*event.Event
	done   int // bytes written already

	file *file // where they went last, from which place on
	from struct {
		done int
		size int64
	}
}

func (p *pending) reset() {
	clear(p.events)
	p.data, p.ends, p.events, p.done, p.file = p.data[:0], p.ends[:0], p.events[:0], 0, nil
}

// write appends what is left of p. After a failure p knows how much of it is on disk.
func (l *files) write(p *pending, now time.Time) error {
	path := p.path + outfile.Endings[l.opts.Compress]
	for p.done < len(p.data) {
		f, err := l.get(path, now)
		if err != nil {
			return err
		}
		if err := f.endLine(p); err != nil {
			return errors.Join(err, l.drop(path))
		}
		if l.full(f, p, now) {
			if err := l.rotate(f); err != nil {
				return err
			}
			continue
		}
		if err := l.append(f, p, p.ends.UpTo(p.done, l.room(f))); err != nil {
			return errors.Join(err, l.drop(path))
		}
		f.used, f.period = now, l.periodOf(now)
	}
	return nil
}

// full reports whether f must be rotated before anything is written to it. One that holds
// nothing never is, and no event is divided: what was begun is finished first.
func (l *files) full(f *file, p *pending, now time.Time) bool {
	if f.size == 0 || !p.ends.Between(p.done) {
		return false
	}
	return l.opts.RotateInterval > 0 && f.period != l.periodOf(now) ||
		l.opts.RotateSize > 0 && f.size+int64(p.ends.UpTo(p.done, 0)-p.done) > l.opts.RotateSize
}

// room is the number of bytes before the file is full, or -1 if it never is.
func (l *files) room(f *file) int64 {
	if l.opts.RotateSize <= 0 {
		return -1
	}
	return max(0, l.opts.RotateSize-f.size)
}

func (l *files) periodOf(t time.Time) int64 {
	if l.opts.RotateInterval <= 0 {
		return 0
	}
	return t.UnixNano() / int64(l.opts.RotateInterval)
}

// append writes the bytes of p up to the given place.
func (l *files) append(f *file, p *pending, to int) error {
	if p.file != f {
		p.file, p.from.done, p.from.size = f, p.done, f.size
	}
	if l.opts.Compress != "" {
		return l.appendCompressed(f, p, to)
	}
	for p.done < to {
		n, err := f.Write(p.data[p.done:p.piece(to)])
		p.done += n
		f.size += int64(n)
		f.dirty = true
		if err != nil {
			return err // it names the file
		}
	}
	return nil
}

// writeSize is how many bytes are written at a time. For much more Linux takes large pages
// for its cache, which on a virtual machine are often memory that the host has to bring first:
// that costs several times the copying.
const writeSize = 64 << 10

// piece is the end of what is to be written next, at most up to the given place. It is the
// end of an event, so that others who write to the file do not come in between.
func (p *pending) piece(to int) int {
	n := sort.SearchInts(p.ends, p.done+writeSize+1) - 1
	if n < 0 || p.ends[n] <= p.done {
		n++
	}
	return min(p.ends[n], to)
}

// appendCompressed appends a compressed piece as a whole: one that was cut off would make
// everything behind it unreadable.
func (l *files) appendCompressed(f *file, p *pending, to int) error {
	packed, err := outfile.Compress(l.opts.Compress, p.data[p.done:to], f.size > 0)
	if err != nil {
		return fmt.Errorf("compress for %s: %w", f.Name(), err)
	}
	if _, err := f.Write(packed); err != nil {
		return errors.Join(err, f.Truncate(f.size))
	}
	p.done = to
	f.size += int64(len(packed))
	f.dirty = true
	return nil
}

// get returns the open file for a path. One that was moved or removed is opened anew.
func (l *files) get(path string, now time.Time) (*file, error) {
	if f := l.open[path]; f != nil {
		ours, err1 := f.Stat()
		there, err2 := os.Stat(f.Name())
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			f.size = ours.Size() // others may write to it or empty it
			return f, nil
		}
		if err := l.drop(path); err != nil {
			return nil, err
		}
	}
	if len(l.open) >= l.opts.MaxOpenFiles {
		if err := l.finishOldest(); err != nil {
			return nil, err
		}
	}
	f, err := l.create(path, now)
	if err != nil {
		return nil, err
	}
	l.open[path] = f
	return f, nil
}

func (l *files) create(path string, now time.Time) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(path), l.opts.dirMode); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", path, err)
	}
	f, err := os.OpenFile(path+l.opts.TempSuffix, os.O_APPEND|os.O_CREATE|os.O_WRONLY, l.opts.fileMode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	made := &file{File: f, final: path, size: info.Size(), period: l.periodOf(now), used: now}
	if info.Size() == 0 || !info.Mode().IsRegular() {
		return made, nil
	}
	made.period = l.periodOf(info.ModTime())
	made.cutOff = l.opts.Compress == "" && cutOff(f.Name(), info.Size())
	return made, nil
}

// endLine ends a line that was cut off, as by a loss of power, unless the rest of it comes
// now. The next line would else be joined to the piece and be lost with it.
func (f *file) endLine(p *pending) error {
	if !f.cutOff {
		return nil
	}
	if p.ends.Between(p.done) {
		n, err := f.WriteString("\n")
		f.size += int64(n)
		if err != nil {
			return err
		}
	}
	f.cutOff = false
	return nil
}

// cutOff reports whether a file ends within a line.
func cutOff(path string, size int64) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // it may be for writing only
	}
	defer f.Close()
	last := []byte{'\n'}
	if _, err := f.ReadAt(last, size-1); err != nil {
		return false
	}
	return last[0] != '\n'
}

// drop closes a file and leaves it as it is.
func (l *files) drop(path string) error {
	f := l.open[path]
	delete(l.open, path)
	if f == nil {
		return nil
	}
	return f.Close()
}

// finish closes a file for good: it is synced and gets its final name.
func (l *files) finish(f *file) error {
	err := l.syncOne(f)
	err = errors.Join(err, l.drop(f.final))
	if l.opts.TempSuffix == "" || err != nil {
		return err
	}
	if _, missing := os.Stat(f.final); missing == nil { // an earlier part must not be overwritten
		if err := l.rotator.shift(f.final); err != nil {
			return err
		}
	}
	return os.Rename(f.Name(), f.final)
}

// rotate finishes a file and moves it out of the way.
func (l *files) rotate(f *file) error {
	if err := l.finish(f); err != nil {
		return err
	}
	return l.rotator.shift(f.final)
}

func (l *files) finishOldest() error {
	var oldest *file
	for _, f := range l.open {
		if oldest == nil || f.used.Before(oldest.used) {
			oldest = f
		}
	}
	return l.finish(oldest)
}

func (l *files) finishIdle(now time.Time) error {
	var errs []error
	for _, f := range l.open {
		if now.Sub(f.used) > idleTime {
			errs = append(errs, l.finish(f))
		}
	}
	return errors.Join(errs...)
}

// settle makes sure that what was written for p survives a loss of power. If that cannot
// be said, it is taken back and has to be written again.
func (l *files) settle(p *pending) error {
	err := l.syncOne(p.file)
	if err == nil {
		return nil
	}
	p.done = p.from.done
	return errors.Join(err, p.file.Truncate(p.from.size), l.drop(p.file.final))
}

// sync syncs all files.
func (l *files) sync() error {
	var errs []error
	for _, f := range l.open {
		errs = append(errs, l.syncOne(f))
	}
	return errors.Join(errs...)
}

// syncOne syncs a file. That something like a pipe cannot be synced is no fault.
func (l *files) syncOne(f *file) error {
	if !f.dirty {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", f.Name(), err)
	}
	f.dirty = false
	return nil
}

// close finishes all files and waits for what happens to the rotated ones.
func (l *files) close() error {
	var errs []error
	for _, f := range l.open {
		errs = append(errs, l.finish(f))
	}
	return errors.Join(append(errs, l.rotator.wait())...)
}
