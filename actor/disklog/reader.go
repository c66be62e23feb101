package disklog

import "fmt"

// Reader reads a log while it is written to, from the first record that is not finished. It
// belongs to one goroutine.
type Reader struct {
	log  *Log
	next uint64 // the lowest number that has not been read
	seg  *segment
	file File
	scan *scanner
}

// Reader returns a reader.
func (l *Log) Reader() *Reader { return &Reader{log: l} }

// Next returns the next record that is not finished; ok is false if there is none yet. After
// an error it goes on with the next segment.
func (r *Reader) Next() (rec Record, ok bool, err error) {
	for {
		if !r.find() {
			return Record{}, false, nil
		}
		found, ok, err := r.read()
		switch {
		case err != nil:
			name := r.seg.name
			r.leave()
			return Record{}, false, fmt.Errorf("%s: %w", name, err)
		case ok:
			r.next = found.number + 1
			if !r.log.isFinished(found.number) {
				return Record{found.number, found.data}, true, nil
			}
		case !r.over():
			return Record{}, false, nil
		}
	}
}

// find makes sure that there is a segment to read.
func (r *Reader) find() bool {
	if r.seg != nil {
		return true
	}
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.next > r.next || s.file != nil {
			r.seg = s
			return true
		}
	}
	return false
}

// read reads one record of the segment.
func (r *Reader) read() (record, bool, error) {
	l := r.log
	l.mu.Lock()
	size := l.readable(r.seg)
	l.mu.Unlock()
	if r.scan == nil {
		f, err := l.fs.Open(l.path(r.seg.name))
		if err != nil {
			if l.gone(r.seg) {
				return record{}, false, nil
			}
			return record{}, false, err
		}
		r.file, r.scan = f, newScanner(f, r.seg, size)
	}
	r.scan.size = size
	return r.scan.next()
}

// over leaves a segment to which nothing will be added any more.
func (r *Reader) over() bool {
	l := r.log
	l.mu.Lock()
	over := r.seg.file == nil && (r.scan == nil || r.scan.size == l.readable(r.seg))
	l.mu.Unlock()
	if over {
		r.leave()
	}
	return over
}

// readable is how far a segment can be read. What may still be given up, because it cannot be
// synced, is not.
func (l *Log) readable(s *segment) int64 {
	if l.opts.Fsync == Always {
		return max(s.safe, headSize)
	}
	return s.size
}

func (r *Reader) leave() {
	r.log.mu.Lock()
	r.next = max(r.next, r.seg.next)
	r.log.mu.Unlock()
	if r.file != nil {
		_ = r.file.Close() // it was read only
	}
	r.seg, r.file, r.scan = nil, nil, nil
}

// Close gives the open file back.
func (r *Reader) Close() {
	if r.seg != nil {
		r.leave()
	}
}

func (l *Log) isFinished(n uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finished.has(n)
}

// gone reports whether a segment has been removed.
func (l *Log) gone(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.segments {
		if o == s {
			return false
		}
	}
	return true
}
