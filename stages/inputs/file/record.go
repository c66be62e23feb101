package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor/safefile"
)

// The sincedb is a text of JSON objects, one in a line: the first tells the format, the
// last how many there are in between. A record without a path tells for which paths a
// module was configured.
type record struct {
	Module string     `json:"module"`
	Paths  string     `json:"paths,omitempty"`
	Path   string     `json:"path,omitempty"`
	Device uint64     `json:"device,omitempty"`
	Inode  uint64     `json:"inode,omitempty"`
	Head   int        `json:"head,omitempty"`
	Hash   string     `json:"hash,omitempty"`
	Offset int64      `json:"offset,omitempty"`
	Moved  bool       `json:"moved,omitempty"`
	Gone   *time.Time `json:"gone,omitempty"`
}

const (
	firstLine = `{"format":"gambolputty sincedb","version":1}`
	lastLine  = `{"records":%d}`
)

func newRecord(module string, id fileID, e *entry) record {
	r := record{Module: module, Path: e.path, Device: id.dev, Inode: id.ino, Head: e.head.n, Offset: e.offset, Moved: e.away}
	if e.head.n > 0 {
		r.Hash = fmt.Sprintf("%016x", e.head.sum)
	}
	if !e.gone.IsZero() {
		gone := e.gone.UTC().Truncate(time.Second)
		r.Gone = &gone
	}
	return r
}

func (r record) id() fileID { return fileID{r.Device, r.Inode} }

func (r record) entry() *entry {
	e := &entry{path: r.Path, away: r.Moved, position: position{offset: r.Offset, head: head{n: r.Head}}}
	if r.Head > 0 {
		e.head.sum, _ = strconv.ParseUint(r.Hash, 16, 64) // checked
	}
	if r.Gone != nil {
		e.gone = *r.Gone
	}
	return e
}

func (r record) check() error {
	switch {
	case r.Module == "":
		return errors.New("a record has no module")
	case r.Offset < 0:
		return fmt.Errorf("the offset %d is negative", r.Offset)
	case r.Head < 0 || r.Head > headSize:
		return fmt.Errorf("a hash of %d bytes makes no sense", r.Head)
	case r.Head == 0:
		return nil
	}
	if _, err := strconv.ParseUint(r.Hash, 16, 64); err != nil {
		return fmt.Errorf("%q is no hash", r.Hash)
	}
	return nil
}

func formatRecords(list []record) []byte {
	slices.SortFunc(list, func(a, b record) int {
		if c := strings.Compare(a.Module, b.Module); c != 0 {
			return c
		}
		return strings.Compare(a.Path, b.Path)
	})
	b := []byte(firstLine + "\n")
	for _, r := range list {
		line, err := json.Marshal(r)
		if err != nil {
			continue // there is nothing in it that could not be written
		}
		b = append(append(b, line...), '\n')
	}
	return fmt.Appendf(b, lastLine+"\n", len(list))
}

func parseRecords(text []byte) ([]record, error) {
	lines := strings.Split(string(text), "\n")
	n := len(lines) - 3
	if n < 0 || lines[0] != firstLine || lines[n+1] != fmt.Sprintf(lastLine, n) || lines[n+2] != "" {
		return nil, errors.New("it does not begin or end as it should")
	}
	list := make([]record, 0, n)
	for i, line := range lines[1 : n+1] {
		d := json.NewDecoder(bytes.NewReader([]byte(line)))
		d.DisallowUnknownFields()
		var r record
		err := d.Decode(&r)
		if err == nil && d.More() {
			err = errors.New("there is something behind the object")
		}
		if err == nil {
			err = r.check()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		list = append(list, r)
	}
	return list, nil
}

// replace writes the records of this module and those of the others. After a crash there
// is the old file or the new one.
func (s *sincedb) replace(own []record) error {
	lock, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := safefile.Lock(lock, true); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	text, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		others, err := parseRecords(text)
		if err != nil {
			s.env.Log.Warn("the sincedb was damaged while the program ran, it is written anew", "path", s.path, "error", err)
		}
		for _, r := range others {
			if r.Module != s.module {
				own = append(own, r)
			}
		}
	}
	return writeFile(s.path, formatRecords(own))
}

// writeFile replaces a file in one step.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = errors.Join(f.Chmod(0o640), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return safefile.SyncDir(filepath.Dir(path))
}
