// Package disklog is a queue of records on disk that outlives the process: an append-only
// log in segments, with a note of what is finished.
//
// Records are numbered from 1 in the order in which they were appended. They may be finished
// in any order; a segment is removed when everything in it is. A record that was appended
// and not finished is there again after a crash, in its place.
//
// # Format, version 1
//
// A directory holds segments, called after the number of their first record in 16 hex digits
// with the ending .seg, and the file finished. All integers are little endian, all checksums
// CRC-32C.
//
// A segment begins with its head, twice: "GPDL", version (2 bytes), zero (2), number of the
// first record (8), time in Unix nanoseconds (8), salt (4), checksum of these (4). A record is
// length (4), number counted from the first one (4), checksum of the data (4), checksum of
// salt and these twelve bytes (4), data. The salt is random, so that data which looks like
// a record is never taken for one.
//
// The file finished is a head of 16 bytes, "GPDF", version (2), zeros (6), checksum (4), and
// entries of 24 bytes that say which records are finished: the first one (8), the one
// behind the last (8), zero (4), checksum (4).
package disklog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// Policy says when records are safe from a loss of power. They are safe from the end of the
// process in any case.
type Policy string

// The policies.
const (
	Always   Policy = "always"   // when Append returns
	Interval Policy = "interval" // after the next call of Maintain
	Never    Policy = "never"    // when the operating system likes
)

// What to do with a record for which there is no room.
const (
	Block      = "block"
	DropOldest = "drop_oldest"
	DropNewest = "drop_newest"
)

// Options of a log. The zero value of all but Dir will do.
type Options struct {
	// Dir is the directory, which is made if it is not there.
	Dir string
	// Fsync is the policy; the default is Always.
	Fsync Policy
	// MaxBytes bounds what the segments take on disk; 0 is no bound.
	MaxBytes int64
	// MaxRecords bounds how many records are not finished; 0 is no bound. With DropOldest, only
	// as many are dropped as there must be.
	MaxRecords int
	// MaxAge bounds how long an unfinished record is kept; 0 is no bound. The unit is the
	// segment, so it may be kept longer.
	MaxAge time.Duration
	// WhenFull is what happens at MaxBytes; the default is Block.
	WhenFull string
	// SegmentBytes is the size at which a new segment begins. The default is 16 MiB, and at
	// most an eighth of MaxBytes.
	SegmentBytes int64
	// Log hears of what is wrong; nil is nobody.
	Log *slog.Logger
	// FS is where the files are; nil is the disk, where the directory is locked too.
	FS FS
}

const (
	defaultSegment  = 16 << 20
	smallestSegment = 64 << 10
)

func (o *Options) fill() {
	if o.Fsync == "" {
		o.Fsync = Always
	}
	if o.WhenFull == "" {
		o.WhenFull = Block
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegment
	}
	if o.MaxBytes > 0 {
		o.SegmentBytes = max(min(o.SegmentBytes, o.MaxBytes/8), smallestSegment)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Faults of a log.
var (
	// ErrFull says that there was no room, and that the records are to be dropped.
	ErrFull = errors.New("the disk buffer is full")
	// ErrClosed says that the log has been closed.
	ErrClosed = errors.New("the disk buffer is closed")
	// ErrLocked says that another process uses the directory.
	ErrLocked = errors.New("the directory is in use by another process")
)

// Log is an open log. It is safe for concurrent use.
type Log struct {
	opts Options
	fs   FS
	lock func()

	syncing sync.Mutex // held by whoever syncs; the others wait for their turn and find it done

	mu       sync.Mutex
	segments []*segment // by number; the last one is written to if it is open
	next     uint64     // number of the next record
	opened   uint64     // the first number of this life
	synced   uint64     // records below are as safe as they will be
	lost     []span     // records that could not be synced, for those who wait for them
	finished ranges
	journal  journal
	bytes    int64
	dropped  uint64
	freed    chan struct{} // closed when there is more room
	waiting  int           // for room
	closed   bool
	recovery Recovery
}

// Open opens a log and recovers what is in it. What is damaged does not stop it; Recovery
// tells of it.
func Open(o Options) (*Log, error) {
	o.fill()
	l := &Log{opts: o, fs: o.FS, lock: func() {}, freed: make(chan struct{})}
	if l.fs == nil {
		disk, unlock, err := openDisk(o.Dir)
		if err != nil {
			return nil, fmt.Errorf("open the disk buffer %s: %w", o.Dir, err)
		}
		l.fs, l.lock = disk, unlock
	}
	if err := l.recover(); err != nil {
		l.lock()
		return nil, fmt.Errorf("open the disk buffer %s: %w", o.Dir, err)
	}
	return l, nil
}

// Append adds records and returns the number of the first one when they are as safe as the
// policy says. After an error none of them is there, and the caller may try again. It waits
// for room if the options say so.
func (l *Log) Append(ctx context.Context, r *Records) (first uint64, err error) {
	if r.Len() == 0 {
		return 0, nil
	}
	l.mu.Lock()
	first, err = l.append(ctx, r)
	l.mu.Unlock()
	if err != nil || l.opts.Fsync != Always {
		return first, err
	}
	return first, l.settle(span{first, first + uint64(r.Len())})
}

func (l *Log) append(ctx context.Context, r *Records) (first uint64, err error) {
	n, size := uint64(r.Len()), int64(len(r.buf))
	if err := l.room(ctx, n, size); err != nil {
		return 0, err
	}
	s := l.active()
	if s == nil || s.size >= l.opts.SegmentBytes || l.next-s.first > maxRelative-n {
		if s, err = l.rotate(); err != nil {
			return 0, err
		}
	}
	first = l.next
	r.seal(s.salt, uint32(first-s.first))
	l.next += n // also after an error, as some of it may have been written
	if _, err := s.file.WriteAt(r.buf, s.size); err != nil {
		l.finish(span{first, l.next})
		l.abandon(s)
		return 0, fmt.Errorf("write to the disk buffer: %w", err)
	}
	s.size += size
	s.left += n
	s.next = l.next
	s.last = time.Now()
	l.bytes += size
	return first, nil
}

// active returns the segment that is written to, or nil.
func (l *Log) active() *segment {
	if n := len(l.segments); n > 0 && l.segments[n-1].file != nil {
		return l.segments[n-1]
	}
	return nil
}

// abandon ends a segment to which the last write failed. Those who wait for what was written
// before need not write it again.
func (l *Log) abandon(s *segment) {
	if l.opts.Fsync == Always && s.safe < s.size {
		if err := s.file.Sync(); err != nil {
			l.unsynced(s)
			return
		}
		s.safe = s.size
	}
	l.synced = l.next
	l.withdraw(s, s.size)
}

// withdraw cuts a segment whose end is in doubt, and writes no more to it.
func (l *Log) withdraw(s *segment, size int64) {
	_ = s.file.Truncate(size) // what stays is marked as finished
	l.bytes -= s.size - size
	s.size = size
	l.seal(s)
	l.clean()
}

// seal ends the writing to a segment.
func (l *Log) seal(s *segment) {
	if s.file != nil {
		_ = s.file.Close() // it has been synced, or nobody asked for it
		s.file = nil
	}
}

// rotate begins a new segment.
func (l *Log) rotate() (*segment, error) {
	if s := l.active(); s != nil {
		if l.opts.Fsync != Never && l.synced < l.next {
			if err := s.file.Sync(); err != nil {
				l.unsynced(s)
				return nil, fmt.Errorf("sync the disk buffer: %w", err)
			}
			l.synced, s.safe = l.next, s.size
		}
		l.seal(s)
		l.clean()
	}
	s := newSegment(l.next)
	path := l.path(s.name)
	f, err := l.fs.Create(path)
	if err != nil {
		return nil, fmt.Errorf("begin a segment of the disk buffer: %w", err)
	}
	head := s.head()
	if _, err = f.WriteAt(head, 0); err == nil && l.opts.Fsync == Always {
		err = l.fs.SyncDir(l.opts.Dir)
	}
	if err != nil {
		err = fmt.Errorf("begin a segment of the disk buffer: %w", err)
		return nil, errors.Join(err, f.Close(), l.fs.Remove(path))
	}
	s.file, s.size, s.last = f, int64(len(head)), time.Now()
	l.bytes += s.size
	l.segments = append(l.segments, s)
	return s, nil
}

func (l *Log) path(name string) string { return filepath.Join(l.opts.Dir, name) }

// Maintain syncs where the policy is Interval, drops what is too old, and keeps the note of
// what is finished small. It is to be called about once a second.
func (l *Log) Maintain(now time.Time) {
	if l.opts.Fsync == Interval {
		l.syncing.Lock()
		l.mu.Lock()
		if l.synced < l.next && !l.closed {
			l.sync()
		}
		l.mu.Unlock()
		l.syncing.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	for l.opts.MaxAge > 0 && len(l.segments) > 0 && now.Sub(l.segments[0].last) > l.opts.MaxAge && l.segments[0].left > 0 {
		l.forget(l.segments[0])
	}
	l.journal.shrink(l)
}

// Stats are the figures of a log.
type Stats struct {
	Unfinished uint64
	Dropped    uint64 // without having been finished
	Bytes      int64
	Segments   int
	// Waiting are those who wait for room.
	Waiting int
	// Oldest is when the oldest unfinished record was written, as far as is known.
	Oldest time.Time
}

// Stats returns the figures as they are now.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := Stats{Dropped: l.dropped, Bytes: l.bytes, Segments: len(l.segments), Waiting: l.waiting}
	for _, s := range l.segments {
		st.Unfinished += s.left
		if s.left > 0 && st.Oldest.IsZero() {
			st.Oldest = s.created
		}
	}
	return st
}

// Close syncs, unless the policy is Never, and ends the use of the directory. If everything
// is finished it leaves no file behind but the one that is the lock.
func (l *Log) Close() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.freed)
	l.freed = make(chan struct{})
	var errs []error
	if s := l.active(); s != nil {
		if s.left > 0 && l.opts.Fsync != Never {
			errs = append(errs, s.file.Sync())
		}
		l.seal(s)
	}
	l.clean()
	errs = append(errs, l.journal.close(l))
	l.lock()
	return errors.Join(errs...)
}
