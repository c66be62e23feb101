package disklog

import "context"

// room waits until there is room for so many records and bytes, or makes some.
func (l *Log) room(ctx context.Context, n uint64, size int64) error {
	for {
		switch {
		case l.closed:
			return ErrClosed
		case l.tooMany(n) && l.opts.WhenFull == DropOldest:
			l.dropRecords(l.unfinished() + n - uint64(l.opts.MaxRecords))
			continue
		case !l.tooMany(n) && (l.opts.MaxBytes <= 0 || l.bytes+size <= l.opts.MaxBytes || l.bytes == 0):
			return nil
		}
		if s := l.active(); s != nil && (s.left == 0 || l.opts.WhenFull == DropOldest && len(l.segments) == 1) {
			l.seal(s)
			l.synced = l.next
			l.clean()
			continue
		}
		switch l.opts.WhenFull {
		case DropNewest:
			l.dropped += n
			return ErrFull
		case DropOldest: // the bytes are too many, or it would have been dealt with
			l.forget(l.segments[0])
			continue
		}
		freed := l.freed
		l.waiting++
		l.mu.Unlock()
		select {
		case <-freed:
			l.mu.Lock()
			l.waiting--
		case <-ctx.Done():
			l.mu.Lock()
			l.waiting--
			return context.Cause(ctx)
		}
	}
}

// forget drops a segment with what is not finished in it.
func (l *Log) forget(s *segment) {
	l.dropped += s.left
	l.opts.Log.Warn("unfinished records of the disk buffer were dropped", "records", s.left, "path", l.path(s.name))
	if s.file != nil {
		l.seal(s)
		l.synced = l.next
	}
	l.finish(span{s.first, s.next})
	s.refused = false
	l.clean()
}

// tooMany reports whether n more records would be too many. So many that they never could
// find room come alone.
func (l *Log) tooMany(n uint64) bool {
	have := l.unfinished()
	return l.opts.MaxRecords > 0 && have > 0 && have+n > uint64(l.opts.MaxRecords)
}

func (l *Log) unfinished() (n uint64) {
	for _, s := range l.segments {
		n += s.left
	}
	return n
}

// dropRecords drops the oldest n records.
func (l *Log) dropRecords(n uint64) {
	n = min(n, l.unfinished())
	l.dropped += n
	l.opts.Log.Warn("unfinished records of the disk buffer were dropped", "records", n)
	for _, s := range l.segments {
		for at := l.finished.gap(s.first); n > 0 && at < s.next; at = l.finished.gap(at) {
			l.finish(span{at, at + 1})
			n--
		}
	}
	l.clean()
}
