package disklog

import "slices"

// Finish says that records are not needed any more, and returns how many of them had not
// been finished or dropped before.
func (l *Log) Finish(first uint64, n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || n <= 0 {
		return 0
	}
	s := span{first, first + uint64(n)}
	left := int(l.finished.missing(s))
	l.finish(s)
	if s := l.active(); s != nil && s.left == 0 && l.waiting > 0 {
		l.seal(s)
		l.synced = l.next
	}
	l.clean()
	if l.opts.MaxRecords > 0 && l.waiting > 0 {
		close(l.freed)
		l.freed = make(chan struct{})
	}
	return left
}

// Left returns how many of n records have not been finished or dropped.
func (l *Log) Left(first uint64, n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.finished.missing(span{first, first + uint64(n)}))
}

// finish marks records and notes it.
func (l *Log) finish(s span) {
	if s.first >= s.end {
		return
	}
	for _, seg := range l.segments {
		part := span{max(s.first, seg.first), min(s.end, seg.next)}
		if part.first < part.end {
			seg.left -= min(seg.left, l.finished.missing(part))
		}
	}
	if l.finished.missing(s) == 0 {
		return
	}
	l.finished.add(s)
	l.journal.note(l, s)
}

// clean removes the segments that are not needed any more.
func (l *Log) clean() {
	before := len(l.segments)
	l.segments = slices.DeleteFunc(l.segments, func(s *segment) bool {
		if s.left > 0 || s.file != nil || s.refused {
			return false
		}
		if err := l.fs.Remove(l.path(s.name)); err != nil {
			l.opts.Log.Warn("a segment of the disk buffer could not be removed", "path", l.path(s.name), "error", err)
		}
		l.bytes -= s.size
		return true
	})
	if len(l.segments) == before {
		return
	}
	close(l.freed)
	l.freed = make(chan struct{})
}
