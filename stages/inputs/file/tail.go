package file

import (
	"container/list"
	"time"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// What to do with what is not complete, when nothing more is there.
const (
	flushBlock = 1 << iota // an event of several lines is complete
	flushRest              // a line without separator is complete
	flushFinal             // everything is: nothing more will come
)

// tail is a file that is read. It belongs to the watcher or, while it is read, to a
// reader; what the watcher alone uses it may use at any time.
type tail struct {
	path string // as it was found first
	name event.Value
	src  *content // nil while it is closed

	// What the reader knows.
	head      head
	dec       *decoder
	start     int64 // where the event under way begins
	line      int64 // where its last line begins
	seen      int64 // there is no separator between line and here
	lines     int   // of the event under way, without the last one
	blockEnd  int64 // end of these lines
	continues bool  // the line before said that the next one belongs to it
	shrunk    bool  // with ignore_truncate: waiting until it is longer than before
	told      bool  // there was an event
	noted     position
	ledger    *ack.Ledger[position]

	// Question and answer of a turn.
	flush int
	more  bool  // there is more to read
	fresh bool  // there was something to read
	err   error // why it was not read

	watched
}

// watched is what the watcher alone knows.
type watched struct {
	id      fileID
	where   string    // where it is now
	abs     string    // the same, seen from the root
	left    string    // where it was before it was moved
	real    string    // the same without symbolic links
	last    time.Time // when something was read
	size    int64
	mtime   time.Time
	changed time.Time // when that was seen
	gone    time.Time // since when there is another file, or none, in its place
	combed  bool      // files that came after it have been looked for once more
	erased  bool      // it has no name any more
	busy    bool      // a reader has it
	queued  bool
	dirty   bool // to be read again
	after   *tail
	next    []*tail // those that wait for it
	resting *list.Element
}

func newTail(path string, at int64, h head) *tail {
	return &tail{path: path, name: event.String(path), head: h, start: at, line: at, seen: at, noted: position{at, h}}
}

// begin says that everything before a place is done with.
func (t *tail) begin(at int64) {
	t.start, t.line, t.seen, t.lines, t.continues = at, at, at, 0, false
}

// rewind begins with the content of the file anew.
func (t *tail) rewind() {
	t.begin(0)
	t.dec, t.head = nil, head{}
}

// open makes the ticket for what was read, or none if there is nothing new.
func (t *tail) open() *ack.Ticket {
	p := position{t.start, t.head}
	if t.ledger == nil || p == t.noted {
		return nil
	}
	t.noted = p
	return t.ledger.Open(p)
}

// closeFile gives the descriptor back.
func (t *tail) closeFile() {
	if t.src != nil {
		t.src.Close()
		t.src = nil
	}
}
