package packconfiguration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"gambolputty/stages/cluster/pack"
)

// Stage is how far a revision has come.
type Stage string

// The stages of a revision.
const (
	Proposed   Stage = "waiting"    // for approval
	Staged     Stage = "canary"     // some nodes have it
	Given      Stage = "given"      // to all
	Stopped    Stage = "stopped"    // it has failed on a canary
	Superseded Stage = "superseded" // there was a newer one before all had it
)

// Bounds of the history.
const (
	mostRevisions = 20
	mostActions   = 200
	mostBytes     = 4 * pack.MaxMessage
)

// record is a revision in the history.
type record struct {
	revision
	Stage Stage  `json:"stage"`
	By    string `json:"by,omitempty"`
	Note  string `json:"note,omitempty"`
	// Canaries are the nodes that got it first, with what ailed them before.
	Canaries map[string]string `json:"canaries,omitempty"`
}

// Action is something that somebody did about revisions.
type Action struct {
	Time time.Time `json:"time"`
	// Action is approve, rollback, canary_passed or canary_stopped.
	Action string `json:"action"`
	N      int64  `json:"n"`
	Hash   string `json:"hash"`
	Who
	Note string `json:"note,omitempty"`
}

// book is the history with what must survive a restart beside it. The mutex of the node guards it.
type book struct {
	Pack      string   `json:"pack"`
	Revisions []record `json:"revisions"`
	Actions   []Action `json:"actions"`
	// Away is the hash of the modules of the own file that have been rolled back.
	Away string `json:"away,omitempty"`

	unsaved bool
}

// Entry is a revision of the history for people.
type Entry struct {
	Term    int64     `json:"term"`
	N       int64     `json:"n"`
	Hash    string    `json:"hash"`
	Time    time.Time `json:"time"`
	Leader  string    `json:"leader"`
	Modules int       `json:"modules"`
	Stage   Stage     `json:"stage"`
	By      string    `json:"by,omitempty"`
	Note    string    `json:"note,omitempty"`
	// Runs says that this is what all nodes shall run.
	Runs bool `json:"runs"`
}

// History is what a node knows of former revisions, the newest first.
type History struct {
	Revisions []Entry  `json:"revisions"`
	Actions   []Action `json:"actions"`
}

// History tells the former revisions.
func (n *node) History() History {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := History{Revisions: []Entry{}, Actions: append([]Action{}, n.book.Actions...)}
	for _, r := range n.book.Revisions {
		h.Revisions = append(h.Revisions, Entry{r.Term, r.N, r.Hash, r.Time, r.Leader, len(r.Modules), r.Stage, r.By, r.Note, r.N == n.current.N && r.Hash == n.current.Hash})
	}
	slices.Reverse(h.Revisions)
	slices.Reverse(h.Actions)
	return h
}

// last is the newest revision.
func (b *book) last() (record, bool) {
	if len(b.Revisions) == 0 {
		return record{}, false
	}
	return b.Revisions[len(b.Revisions)-1], true
}

// given is the newest revision that all nodes were given.
func (b *book) given() (revision, bool) {
	for _, r := range slices.Backward(b.Revisions) {
		if r.Stage == Given {
			return r.revision, true
		}
	}
	return revision{}, false
}

// number is that of a new revision. One that has not been given to all keeps the one it has.
func (b *book) number(hash string, held int64) int64 {
	last, known := b.last()
	if known && last.Hash == hash && (last.Stage == Proposed || last.Stage == Staged) && last.N > held {
		return last.N
	}
	for _, r := range b.Revisions {
		held = max(held, r.N)
	}
	return held + 1
}

// target is the revision with a number, or for 0 the one before that which runs now.
func (b *book) target(number int64, now revision) (revision, error) {
	for _, r := range slices.Backward(b.Revisions) {
		switch {
		case number == 0 && r.Stage == Given && r.N < now.N && r.Hash != now.Hash:
			return r.revision, nil
		case number == 0 || r.N != number:
		case r.Stage != Given:
			return revision{}, fmt.Errorf("revision %d was never given to all nodes, it is %s", number, r.Stage)
		case r.Hash == now.Hash:
			return revision{}, fmt.Errorf("revision %d is what runs", number)
		default:
			return r.revision, nil
		}
	}
	if number == 0 {
		return revision{}, errors.New("there is no former revision in the history")
	}
	return revision{}, fmt.Errorf("revision %d is not in the history, which holds the last %d", number, mostRevisions)
}

// trim keeps the history within its bounds. The revision that all nodes have stays.
func (b *book) trim() {
	size := 0
	for _, r := range b.Revisions {
		size += r.size()
	}
	for len(b.Revisions) > mostRevisions || size > mostBytes && len(b.Revisions) > 2 {
		at := 0
		if r, known := b.given(); known && r.N == b.Revisions[0].N {
			at = 1
		}
		size -= b.Revisions[at].size()
		b.Revisions = slices.Delete(b.Revisions, at, at+1)
	}
	if len(b.Actions) > mostActions {
		b.Actions = slices.Delete(b.Actions, 0, len(b.Actions)-mostActions)
	}
}

func (r revision) size() (size int) {
	for _, m := range r.Modules {
		size += len(m.Text)
	}
	return size
}

// remember puts a revision into the history, or notes how far it has come.
func (n *node) remember(r revision, stage Stage, w why) {
	n.mu.Lock()
	if last, known := n.book.last(); known && last.N == r.N && last.Hash == r.Hash {
		e := &n.book.Revisions[len(n.book.Revisions)-1]
		e.revision, e.Stage = r, stage
	} else {
		n.book.Revisions = append(n.book.Revisions, record{revision: r, Stage: stage, By: w.by, Note: w.note})
	}
	n.book.Pack = r.Pack
	n.book.trim()
	n.mu.Unlock()
	n.saveBook()
}

// mark notes how far a revision has come.
func (n *node) mark(r revision, stage Stage, note string) {
	n.mu.Lock()
	for i, e := range n.book.Revisions {
		if e.N == r.N && e.Hash == r.Hash {
			n.book.Revisions[i].Stage = stage
			if note != "" {
				n.book.Revisions[i].Note = note
			}
		}
	}
	n.mu.Unlock()
	n.saveBook()
}

// act notes what somebody did, in the log and in the history.
func (n *node) act(what string, r revision, who Who, note string) {
	n.env.Log.Info("pack action: "+what, "user", who.User, "address", who.Address, "via", who.Via, "revision", r.N, "hash", r.Hash, "note", note)
	n.mu.Lock()
	n.book.Actions = append(n.book.Actions, Action{time.Now(), what, r.N, r.Hash, who, note})
	n.book.trim()
	n.mu.Unlock()
	n.saveBook()
}

func (n *node) bookPath() string { return n.cache + ".history" }

// openBook reads the history.
func (n *node) openBook() {
	text, err := os.ReadFile(n.bookPath())
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var b book
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		n.env.Log.Error("the history of revisions cannot be read and begins anew", "file", n.bookPath(), "error", err)
		return
	}
	if b.Pack != n.pack.View().Pack {
		n.env.Log.Warn("the history is of another pack and not used", "file", n.bookPath(), "pack", b.Pack)
		return
	}
	n.mu.Lock()
	n.book, n.away = b, b.Away
	n.mu.Unlock()
}

// saveBook writes the history.
func (n *node) saveBook() {
	n.mu.Lock()
	text, err := json.Marshal(n.book)
	was := n.book.unsaved
	n.mu.Unlock()
	if err == nil {
		err = replace(n.bookPath(), text)
	}
	if err != nil && !was {
		n.env.Log.Error("the history of revisions could not be written, that is tried again", "file", n.bookPath(), "error", err)
	}
	n.mu.Lock()
	n.book.unsaved = err != nil
	n.mu.Unlock()
}
