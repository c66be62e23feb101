package disklog

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// machine is a computer whose power can be cut. It remembers what is on the disk for sure,
// and what only the operating system knows.
type machine struct {
	mu    sync.Mutex
	names map[string]*inode // as the program sees them
	safe  map[string]*inode // as they are after a loss of power
	fail  func(op, path string) error
	short int // bytes that a failing write writes all the same
}

type inode struct {
	data    []byte
	safe    []byte
	pending []write // since the last sync
}

// write is one that may be lost; data nil is a change of the size.
type write struct {
	at   int64
	data []byte
}

func newMachine() *machine {
	return &machine{names: map[string]*inode{}, safe: map[string]*inode{}, fail: func(string, string) error { return nil }}
}

func (w write) apply(b []byte) []byte {
	if w.data == nil {
		return b[:min(int64(len(b)), w.at)]
	}
	if end := w.at + int64(len(w.data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[w.at:], w.data)
	return b
}

// after returns the machine as it is after a loss of power. keep says how many bytes of the
// writes that were not synced arrived; with any, each of them may be missing.
func (m *machine) after(keep int, any *rand.Rand) *machine {
	n := newMachine()
	names := m.safe
	if any == nil || any.IntN(2) == 0 {
		names = m.names
	}
	for name, i := range names {
		data := slices.Clone(i.safe)
		for _, w := range i.pending {
			switch {
			case any != nil && any.IntN(3) == 0:
				continue
			case any != nil && len(w.data) > 0 && any.IntN(3) == 0:
				w.data = w.data[:any.IntN(len(w.data))]
			case any == nil && strings.HasSuffix(name, ending):
				w.data = w.data[:min(len(w.data), keep)]
				keep -= len(w.data)
			}
			if len(w.data) > 0 || w.data == nil {
				data = w.apply(data)
			}
		}
		n.names[name] = &inode{data: data, safe: slices.Clone(data)}
	}
	n.safe = maps.Clone(n.names)
	return n
}

// unsynced is the number of bytes in segments that may be lost.
func (m *machine) unsynced() (n int) {
	for name, i := range m.names {
		for _, w := range i.pending {
			if strings.HasSuffix(name, ending) {
				n += len(w.data)
			}
		}
	}
	return n
}

func (m *machine) List(dir string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path := range m.names {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	return names, nil
}

func (m *machine) Create(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("create", path); err != nil {
		return nil, err
	}
	if m.names[path] != nil {
		return nil, fs.ErrExist
	}
	m.names[path] = &inode{}
	return &handle{m, path, m.names[path]}, nil
}

func (m *machine) Open(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] == nil {
		return nil, fs.ErrNotExist
	}
	if err := m.fail("open", path); err != nil {
		return nil, err
	}
	return &handle{m, path, m.names[path]}, nil
}

func (m *machine) Remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] == nil {
		return fs.ErrNotExist
	}
	delete(m.names, path)
	return nil
}

func (m *machine) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("rename", from); err != nil {
		return err
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *machine) SyncDir(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("syncdir", ""); err != nil {
		return err
	}
	m.safe = maps.Clone(m.names)
	return nil
}

type handle struct {
	m    *machine
	path string
	i    *inode
}

func (h *handle) ReadAt(p []byte, at int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.fail("read", h.path); err != nil {
		return 0, err
	}
	if at >= int64(len(h.i.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.i.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, at int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	err := h.m.fail("write", h.path)
	if err != nil {
		p = p[:min(len(p), h.m.short)]
	}
	w := write{at, slices.Clone(p)}
	if len(p) > 0 {
		h.i.data = w.apply(h.i.data)
		h.i.pending = append(h.i.pending, w)
	}
	return len(p), err
}

func (h *handle) Truncate(size int64) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.fail("truncate", h.path); err != nil {
		return err
	}
	w := write{at: size}
	h.i.data = w.apply(h.i.data)
	h.i.pending = append(h.i.pending, w)
	return nil
}

func (h *handle) Size() (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return int64(len(h.i.data)), nil
}

// Sync loses what it could not write, as Linux does.
func (h *handle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.m.fail("sync", h.path); err != nil {
		h.i.pending = nil
		return err
	}
	h.i.safe, h.i.pending = slices.Clone(h.i.data), nil
	return nil
}

func (h *handle) Close() error { return nil }

var errDisk = errors.New("no space left on device")
