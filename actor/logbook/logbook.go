// Package logbook keeps the last lines of the log in memory, for those who look at them from
// elsewhere while the program runs. Readers that are too slow miss lines; writers never wait.
package logbook

import (
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// Line is one line of the log.
type Line struct {
	Time   time.Time
	Level  slog.Level
	Module string
	Text   string
}

// Size is how many lines a book keeps.
const Size = 1000

// longest bounds a line in bytes; a stack may well be longer.
const longest = 16 << 10

// Book keeps the last lines. The zero value is ready.
type Book struct {
	mu      sync.Mutex
	lines   []Line // a ring once it is full
	next    int
	readers map[*Reader]struct{}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")

// Add adds a line, without codes for terminals.
func (b *Book) Add(l Line) {
	if len(l.Text) > longest {
		l.Text = l.Text[:longest] + "…"
	}
	l.Text = colours.ReplaceAllString(l.Text, "")
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) < Size {
		b.lines = append(b.lines, l)
	} else {
		b.lines[b.next] = l
		b.next = (b.next + 1) % Size
	}
	for r := range b.readers {
		select {
		case r.lines <- l:
		default:
			r.dropped.Add(1)
		}
	}
}

// Lines returns what the book holds, the oldest line first.
func (b *Book) Lines() []Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all()
}

func (b *Book) all() []Line {
	return append(append(make([]Line, 0, len(b.lines)), b.lines[b.next:]...), b.lines[:b.next]...)
}

// Reader gets the lines that come.
type Reader struct {
	book    *Book
	lines   chan Line
	dropped atomic.Int64
}

// Read returns the lines so far and a reader for all that follow them. room is how many may
// wait for it.
func (b *Book) Read(room int) ([]Line, *Reader) {
	r := &Reader{book: b, lines: make(chan Line, room)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.readers == nil {
		b.readers = map[*Reader]struct{}{}
	}
	b.readers[r] = struct{}{}
	return b.all(), r
}

// Lines gives the lines as they come.
func (r *Reader) Lines() <-chan Line { return r.lines }

// Dropped returns how many lines the reader missed since it was asked last.
func (r *Reader) Dropped() int64 { return r.dropped.Swap(0) }

// Close ends the reader.
func (r *Reader) Close() {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	delete(r.book.readers, r)
}
