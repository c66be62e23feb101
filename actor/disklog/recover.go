package disklog

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Recovery is what was found when a log was opened.
type Recovery struct {
	// Records that are not finished, and the segments they are in.
	Records  uint64
	Segments int
	// Damaged counts records, or runs of bytes, that could not be read and were stepped over.
	Damaged int
	// Torn is the number of bytes that were cut off because they were not written to the end.
	Torn int64
	// Aside are segments of which nothing could be read, and which were renamed.
	Aside []string
	// Newer are segments of a later version, which were left alone.
	Newer []string
	// Refused are segments that the disk did not give out, in whole or in part, and which
	// stay for another attempt.
	Refused []string
	// DamagedNotes counts entries of the note of what is finished that could not be read.
	DamagedNotes int
}

// Clean reports whether nothing was wrong.
func (r Recovery) Clean() bool {
	return r.Damaged == 0 && r.Torn == 0 && len(r.Aside) == 0 && len(r.Newer) == 0 && len(r.Refused) == 0 && r.DamagedNotes == 0
}

// Recovery returns what was found when the log was opened.
func (l *Log) Recovery() Recovery { return l.recovery }

// asideEnding is appended to the name of a segment that cannot be read.
const asideEnding = ".damaged"

// recover reads what is in the directory.
func (l *Log) recover() error {
	names, err := l.fs.List(l.opts.Dir)
	if err != nil {
		return err
	}
	l.loadJournal()
	l.next = max(1, l.finished.end())
	slices.Sort(names)
	for _, name := range names {
		if strings.HasSuffix(name, ending) {
			l.recoverSegment(name)
		}
	}
	switch {
	case len(l.recovery.Newer)+len(l.recovery.Refused) > 0: // nobody knows what is in these
	case len(l.segments) > 0:
		l.finished.add(span{0, l.segments[0].first})
	default:
		l.finished.add(span{0, l.next})
	}
	l.synced, l.opened = l.next, l.next
	l.clean()
	for _, s := range l.segments {
		l.recovery.Records += s.left
	}
	l.recovery.Segments = len(l.segments)
	l.tell()
	return nil
}

// loadJournal reads which records are finished. Without it, records come again.
func (l *Log) loadJournal() {
	data, err := readAll(l.fs, l.path(journalName))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.recovery.DamagedNotes++
			l.opts.Log.Error("the note of what is finished cannot be read, so records may come again", "path", l.path(journalName), "error", err)
		}
		return
	}
	list, bad := parseJournal(data)
	l.recovery.DamagedNotes += bad
	for _, s := range list {
		l.finished.add(s)
	}
}

// readAll reads a file.
func readAll(files FS, path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was read only
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if size > 0 {
		_, err = f.ReadAt(data, 0)
	}
	return data, err
}

// recoverSegment takes stock of a segment.
func (l *Log) recoverSegment(name string) {
	if first, err := strconv.ParseUint(strings.TrimSuffix(name, ending), 16, 61); err == nil {
		l.next = max(l.next, first+1) // a name must not be used twice
	}
	f, err := l.fs.Open(l.path(name))
	if err != nil {
		l.leaveAlone(name, err)
		return
	}
	defer f.Close() // a torn end that comes back is cut off again
	size, err := f.Size()
	if err != nil {
		l.leaveAlone(name, err)
		return
	}
	s, verdict, err := l.readHead(name, f, size)
	switch {
	case err != nil:
		l.leaveAlone(name, err)
	case s == nil:
		l.putAside(name, size, verdict)
	default:
		l.takeStock(s, f, size)
	}
}

// stepOver leaves the numbers of a segment to it whose end is not known.
func (l *Log) stepOver(name string) {
	if first, err := strconv.ParseUint(strings.TrimSuffix(name, ending), 16, 61); err == nil {
		l.next = max(l.next, first+maxRelative+1)
	}
}

// leaveAlone notes a segment that the disk does not give out. The next start may do better.
func (l *Log) leaveAlone(name string, err error) {
	l.stepOver(name)
	l.recovery.Refused = append(l.recovery.Refused, name)
	l.opts.Log.Error("a segment of the disk buffer cannot be read and is left alone", "path", l.path(name), "error", err)
}

type verdict uint8

const (
	unreadable verdict = iota
	newer
)

func (l *Log) readHead(name string, f File, size int64) (*segment, verdict, error) {
	head := make([]byte, min(size, headSize))
	if _, err := f.ReadAt(head, 0); err != nil && len(head) > 0 {
		return nil, 0, err
	}
	s, format, ok := parseHead(head)
	switch {
	case ok && format > version:
		return nil, newer, nil
	case !ok || format != version || s.first == 0 || s.first > highest:
		return nil, unreadable, nil
	case len(l.segments) > 0 && s.first < l.segments[len(l.segments)-1].next:
		return nil, unreadable, nil // these numbers have been seen
	}
	s.name = name
	return s, 0, nil
}

// putAside deals with a file that cannot be used.
func (l *Log) putAside(name string, size int64, v verdict) {
	if v == newer {
		l.stepOver(name)
		l.recovery.Newer = append(l.recovery.Newer, name)
		return
	}
	var err error
	if size < headSize { // the power went away when it was begun; there is nothing in it
		l.recovery.Torn += size
		err = l.fs.Remove(l.path(name))
	} else {
		l.recovery.Aside = append(l.recovery.Aside, name+asideEnding)
		err = l.fs.Rename(l.path(name), l.path(name+asideEnding))
	}
	if err != nil {
		l.opts.Log.Warn("a damaged segment stays where it is", "path", l.path(name), "error", err)
	}
}

// takeStock finds out what is in a segment, and cuts off a torn end.
func (l *Log) takeStock(s *segment, f File, size int64) {
	scan := newScanner(f, s, size)
	missing := s.first // the next number that is expected
	for {
		r, ok, err := scan.next()
		if err != nil { // what is behind this place is not lost yet
			s.refused = true
			l.leaveAlone(s.name, err)
			break
		}
		if !ok {
			break
		}
		if r.number > missing { // nobody will ever ask for these
			l.finished.add(span{missing, r.number})
		}
		if missing = r.number + 1; !l.finished.has(r.number) {
			s.left++
		}
	}
	s.size, s.safe, s.next = scan.good, scan.good, missing
	// What was numbered and cannot be read must not be numbered again.
	if last := s.first + uint64(scan.last+1); last > missing {
		l.finished.add(span{missing, last})
		s.next = last
	}
	l.recovery.Damaged += scan.damaged
	if scan.good < size && !s.refused {
		l.recovery.Torn += size - scan.good
		if err := f.Truncate(scan.good); err != nil {
			l.opts.Log.Warn("a torn end of the disk buffer could not be cut off", "path", l.path(s.name), "error", err)
		}
	}
	l.segments = append(l.segments, s)
	l.next = max(l.next, s.next)
	l.bytes += s.size
}

// tell says what is wrong.
func (l *Log) tell() {
	r := l.recovery
	if r.Clean() {
		return
	}
	l.opts.Log.Warn("the disk buffer was not left in good order, what is whole is used", "path", l.opts.Dir,
		"records", r.Records, "damaged", r.Damaged, "torn_bytes", r.Torn, "set_aside", r.Aside, "damaged_notes", r.DamagedNotes)
	if len(r.Newer) > 0 {
		l.opts.Log.Error("segments of a later version are left alone", "path", l.opts.Dir, "segments", r.Newer)
	}
}
