package webservertornado

import (
	"context"
	"encoding/json"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/logbook"
	"gambolputty/config"
)

// Program is what the web server asks of the program that it is part of. The program offers it
// with actor.Settings.Offers; without it, as in a test, the pages that need it say so.
type Program interface {
	// Plan is the configuration that runs.
	Plan() *config.Plan
	// Loader checks configurations and knows all modules.
	Loader() config.Loader
	// SetLevel sets the lowest level of the log for a module, or for all if it is "", and ends
	// that after d. The error says what is wrong with the name of the level.
	SetLevel(module, level string, d time.Duration) error
	// Reload reads the configuration again and puts it into effect. The error is a
	// *config.InvalidError, or says why it could not be done; all goes on as before then.
	Reload() (actor.Change, error)
	// LastReload is how the last reload ended, with the numbers of those that did what they
	// should and of those that did not.
	LastReload() (last Reload, good, bad int64)
	// Check reads the configuration again and says what is wrong with it.
	Check() *config.Report
	// Write replaces the text of the configuration, which must be one file with the given hash
	// on the disk still, and puts it into effect. After an error the file is what it was.
	Write(text, hash string) (actor.Change, error)
	// Stop drains and ends the program.
	Stop()
	// Rehearse runs lines through a configuration, as loader reads it, in which nothing is opened.
	Rehearse(ctx context.Context, loader config.Loader, text string, lines []string) ([]Step, error)
}

// Step is an event behind a module of a rehearsal. An output has no receiver.
type Step struct {
	Module   string          `json:"module"`
	Receiver string          `json:"receiver,omitempty"`
	Event    json.RawMessage `json:"event"`
}

// Policy is what a module that shows pages allows to all who come.
type Policy struct {
	// Title is what the pages are called.
	Title string
	// Tap and Actions say whether events may be watched and whether anything may be changed.
	Tap, Actions bool
	// Mask are the names of fields whose values nobody sees.
	Mask []string
}

// offered is what the program has to offer, looked up once.
type offered struct {
	program Program // nil in a test
	book    *logbook.Book
}

func lookUp(env actor.Env) offered {
	var o offered
	o.program, _ = actor.Offered[Program](env)
	if o.book, _ = actor.Offered[*logbook.Book](env); o.book == nil {
		o.book = new(logbook.Book)
	}
	return o
}

// Restrict sets what is allowed. Without it, events may be watched and things changed by
// those who are admins.
func (s *server) Restrict(p Policy) { s.policy.Store(&p) }
