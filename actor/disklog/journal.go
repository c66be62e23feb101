package disklog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
)

const (
	journalName  = "finished"
	journalMagic = "GPDF"
	journalHead  = 16
	journalEntry = 24
	// shrinkFrom is the number of entries from which the file is written anew.
	shrinkFrom = 4096
	// highest bounds the numbers that are believed.
	highest = 1 << 62
)

// journal is the file that says which records are finished. Entries that are lost with the
// power make a record come again, no more.
type journal struct {
	file    File
	size    int64
	entries int
	entry   []byte // to be used again
	broken  bool   // an entry could not be written, which was told
}

func journalHeader() []byte {
	b := append(make([]byte, 0, journalHead), journalMagic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

func appendEntry(b []byte, s span) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, s.first)
	b = binary.LittleEndian.AppendUint64(b, s.end)
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b[at:]))
}

// parseJournal reads the entries. bad counts those that are damaged.
func parseJournal(b []byte) (list []span, bad int) {
	if len(b) > 0 && (len(b) < journalHead || string(b[:journalHead]) != string(journalHeader())) {
		bad++ // the entries have checksums of their own
	}
	b = b[min(len(b), journalHead):]
	for ; len(b) >= journalEntry; b = b[journalEntry:] {
		s := span{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
		if binary.LittleEndian.Uint32(b[20:]) != checksum(b[:20]) || s.first >= s.end || s.end > highest {
			bad++
			continue
		}
		list = append(list, s)
	}
	if len(b) > 0 {
		bad++
	}
	return list, bad
}

// note appends an entry.
func (j *journal) note(l *Log, s span) {
	if j.file == nil && !j.write(l) {
		return
	}
	j.entry = appendEntry(j.entry[:0], s)
	_, err := j.file.WriteAt(j.entry, j.size)
	if err != nil {
		j.tell(l, err)
		return
	}
	j.size += journalEntry
	j.entries++
	j.broken = false
}

// tell says once that the file cannot be written.
func (j *journal) tell(l *Log, err error) {
	if !j.broken {
		j.broken = true
		l.opts.Log.Warn("what is finished cannot be noted, so records may come again after a crash", "path", l.path(journalName), "error", err)
	}
}

// write writes the file anew.
func (j *journal) write(l *Log) bool {
	b := journalHeader()
	for _, s := range l.finished.list {
		b = appendEntry(b, s)
	}
	if j.file != nil {
		_ = j.file.Close() // it is about to be replaced
		j.file = nil
	}
	f, err := replace(l.fs, l.path(journalName), b, l.opts.Fsync != Never)
	if err != nil {
		j.tell(l, err)
		return false
	}
	j.file, j.size, j.entries, j.broken = f, int64(len(b)), len(l.finished.list), false
	return true
}

// replace puts a file with the given content in place in one step, and opens it.
func replace(files FS, path string, content []byte, sync bool) (File, error) {
	next := path + ".new"
	if err := files.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := files.Create(next)
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteAt(content, 0); err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write %s: %w", next, err)
	}
	if err := files.Rename(next, path); err != nil {
		return nil, err
	}
	return files.Open(path)
}

// shrink writes the file anew when most of it says nothing any more.
func (j *journal) shrink(l *Log) {
	if j.entries > shrinkFrom && j.entries > 4*len(l.finished.list) || j.broken {
		j.write(l)
	}
}

// close ends the use of the file, and removes it if there is nothing it could speak of.
func (j *journal) close(l *Log) error {
	var errs []error
	if j.file != nil {
		if l.opts.Fsync != Never && len(l.segments) > 0 {
			errs = append(errs, j.file.Sync())
		}
		errs = append(errs, j.file.Close())
		j.file = nil
	}
	if len(l.segments) == 0 && len(l.recovery.Newer) == 0 && len(l.recovery.Refused) == 0 {
		if err := l.fs.Remove(l.path(journalName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
