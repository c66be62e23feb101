package disklog

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
)

// Record is a record that was not finished.
type Record struct {
	// Number is what Finish takes.
	Number uint64
	// Data is valid until the next record.
	Data []byte
}

// Unfinished walks the records that were in the log when it was opened and are not finished,
// in the order in which they were appended. An error is that of one segment; the walk goes
// on with the next one.
func (l *Log) Unfinished() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		l.mu.Lock()
		old := slices.DeleteFunc(slices.Clone(l.segments), func(s *segment) bool { return s.first >= l.opened })
		l.mu.Unlock()
		for _, s := range old {
			if !l.walk(s, yield) {
				return
			}
		}
	}
}

// walk walks one segment and reports whether to go on.
func (l *Log) walk(s *segment, yield func(Record, error) bool) bool {
	f, err := l.fs.Open(l.path(s.name))
	switch {
	case errors.Is(err, fs.ErrNotExist): // all of it was finished meanwhile
		return true
	case err != nil:
		return yield(Record{}, err)
	}
	defer f.Close() // it was read only
	scan := newScanner(f, s, s.size)
	for {
		r, ok, err := scan.next()
		if err != nil {
			return yield(Record{}, fmt.Errorf("%s: %w", s.name, err))
		}
		if !ok {
			return true
		}
		l.mu.Lock()
		done := l.finished.has(r.number)
		l.mu.Unlock()
		if !done && !yield(Record{r.number, r.data}, nil) {
			return false
		}
	}
}
