package disklog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// SegmentState is what there is to know of a segment on disk.
type SegmentState struct {
	Name    string    `json:"name"`
	Bytes   int64     `json:"bytes"`
	Created time.Time `json:"created,omitzero"`
	// First and Last are the numbers of the first and the last record that can be read.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Records that can be read, and how many of them are not finished.
	Records    int `json:"records"`
	Unfinished int `json:"unfinished"`
	// Damaged places between records, and bytes behind the last one.
	Damaged int   `json:"damaged"`
	Torn    int64 `json:"torn_bytes"`
	// Problem says why nothing of it can be read.
	Problem string `json:"problem,omitempty"`
}

// State is what there is to know of a directory.
type State struct {
	Segments     []SegmentState `json:"segments"`
	DamagedNotes int            `json:"damaged_notes"`
	// Aside are files that were renamed because nothing in them could be read.
	Aside []string `json:"set_aside,omitempty"`
}

// Sound reports whether nothing is wrong.
func (s State) Sound() bool {
	for _, g := range s.Segments {
		if g.Damaged > 0 || g.Torn > 0 || g.Problem != "" {
			return false
		}
	}
	return s.DamagedNotes == 0
}

// Inspect looks at a directory and changes nothing. It may be in use; what is being written
// may look torn then.
func Inspect(dir string) (State, error) { return inspect(disk{}, dir) }

func inspect(files FS, dir string) (State, error) {
	var st State
	l := &Log{opts: Options{Dir: dir}, fs: files}
	names, err := files.List(dir)
	if err != nil {
		return st, err
	}
	data, err := readAll(files, l.path(journalName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return st, err
	}
	list, bad := parseJournal(data)
	st.DamagedNotes = bad
	for _, s := range list {
		l.finished.add(s)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, ending):
			g, err := l.inspectSegment(name)
			if err != nil {
				return st, err
			}
			st.Segments = append(st.Segments, g)
		case strings.HasSuffix(name, asideEnding):
			st.Aside = append(st.Aside, name)
		}
	}
	return st, nil
}

func (l *Log) inspectSegment(name string) (SegmentState, error) {
	g := SegmentState{Name: name}
	f, err := l.fs.Open(l.path(name))
	if err != nil {
		return g, err
	}
	defer f.Close() // it was read only
	if g.Bytes, err = f.Size(); err != nil {
		return g, err
	}
	s, verdict, err := l.readHead(name, f, g.Bytes)
	switch {
	case err != nil:
		g.Problem = err.Error()
		return g, nil
	case s == nil && verdict == newer:
		g.Problem = "the segment is of a later version"
		return g, nil
	case s == nil:
		g.Problem = "the head of the segment is damaged"
		return g, nil
	}
	g.Created = s.created
	scan := newScanner(f, s, g.Bytes)
	for {
		r, ok, err := scan.next()
		if err != nil {
			return g, fmt.Errorf("%s: %w", name, err)
		}
		if !ok {
			break
		}
		if g.Records++; g.Records == 1 {
			g.First = r.number
		}
		if g.Last = r.number; !l.finished.has(r.number) {
			g.Unfinished++
		}
	}
	g.Damaged, g.Torn = scan.damaged, g.Bytes-scan.good
	return g, nil
}

// Repair opens a directory, which cuts torn ends and removes what is finished, and writes
// the segments anew that are damaged in between. The damaged ones are kept under another
// name.
func Repair(o Options) (Recovery, error) {
	l, err := Open(o)
	if err != nil {
		return Recovery{}, err
	}
	var errs []error
	if l.recovery.Damaged > 0 {
		for _, s := range slices.Clone(l.segments) {
			errs = append(errs, l.rewrite(s))
		}
	}
	if l.journal.write(l); l.journal.broken {
		errs = append(errs, errors.New("the note of what is finished cannot be written"))
	}
	return l.recovery, errors.Join(append(errs, l.Close())...)
}

// rewrite writes the whole records of a damaged segment to a new file.
func (l *Log) rewrite(s *segment) error {
	data, err := readAll(l.fs, l.path(s.name))
	if err != nil {
		return err
	}
	f, err := l.fs.Open(l.path(s.name))
	if err != nil {
		return err
	}
	scan := newScanner(f, s, s.size)
	whole := s.head()
	for {
		r, ok, err := scan.next()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		if !ok {
			break
		}
		whole = append(whole, data[r.end-int64(len(r.data))-recordHead:r.end]...)
	}
	if err := f.Close(); err != nil || scan.damaged == 0 {
		return err
	}
	path := l.path(s.name)
	if err := l.fs.Rename(path, path+asideEnding); err != nil {
		return err
	}
	f, err = replace(l.fs, path, whole, true)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), l.fs.SyncDir(l.opts.Dir))
}
