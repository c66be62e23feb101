package disklog

import "context"

// room waits until there is room for so many records and bytes, or makes some.
func (l *Log) room(ctx context.Context, n uint64, size int64) error {
	for {
		switch {
		case l.closed:
			return ErrClosed
		case l.opts.MaxBytes <= 0 || l.bytes+size <= l.opts.MaxBytes || l.bytes == 0:
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
		case DropOldest:
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
