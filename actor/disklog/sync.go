package disklog

import (
	"errors"
	"io/fs"
)

// settle returns when records are on the disk. Whoever comes first syncs for all that have
// been written by then, and those who waited for that find theirs done.
func (l *Log) settle(s span) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	if l.synced < s.end && !l.closed {
		l.sync()
	}
	defer l.mu.Unlock()
	for _, bad := range l.lost {
		if bad.first < s.end && s.first < bad.end {
			return errors.New("sync the disk buffer: the disk refused to")
		}
	}
	return nil
}

// sync makes everything written so far safe. It is called with both locks, and lets go of
// mu while the disk works, so that others may append meanwhile.
func (l *Log) sync() {
	s := l.active()
	if s == nil {
		l.synced = l.next
		return
	}
	from, target, size, f := l.synced, l.next, s.size, s.file
	l.mu.Unlock()
	err := f.Sync()
	l.mu.Lock()
	switch {
	case s.file != f && (err == nil || errors.Is(err, fs.ErrClosed)): // a rotation was faster, and has synced or failed to
	case s.file != f: // it may have synced when there was nothing left to sync
		l.giveUp(span{max(from, s.first), target})
	case err != nil:
		l.opts.Log.Error("the disk buffer could not be synced", "path", l.path(s.name), "error", err)
		l.unsynced(s)
	default:
		l.synced, s.safe = max(l.synced, target), max(s.safe, size)
	}
}

// mostLost is how many failures of the disk are remembered for those who wait.
const mostLost = 64

// unsynced gives up what was written to a segment since it was synced: after a failure the
// operating system may have thrown it away, and a second attempt would seem to work.
func (l *Log) unsynced(s *segment) {
	bad := span{max(l.synced, s.first), l.next}
	l.synced = l.next
	if l.opts.Fsync != Always { // nobody waits, and what is there is better than nothing
		l.seal(s)
		return
	}
	l.giveUp(bad)
	l.withdraw(s, max(s.safe, headSize))
}

// giveUp tells those who wait for records that they are not there.
func (l *Log) giveUp(bad span) {
	if l.lost = append(l.lost, bad); len(l.lost) > mostLost {
		l.lost = l.lost[1:]
	}
	l.finish(bad)
}
