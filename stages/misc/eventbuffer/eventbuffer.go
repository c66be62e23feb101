// Package eventbuffer keeps what inputs emit until it has been delivered.
package eventbuffer

import (
	"context"
	_ "embed"
	"errors"
	"path/filepath"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/disklog"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/statedir"
	"gambolputty/stages/internal/store"
)

//go:embed eventbuffer.md
var doc string

// Spec is the EventBuffer module.
var Spec = actor.DefineService(actor.Info{
	Name:    "EventBuffer",
	Aliases: []string{"misc.EventBuffer"},
	Role:    actor.StandAlone,
	Summary: "Keeps events on disk or in a store until they have been delivered, so that a crash loses none.",
	Doc:     doc,
	Once:    true,
	Example: `- EventBuffer:
    path: /var/lib/gambolputty/buffer
    max_size: 10737418240
`,
}, Options{
	GCInterval: 5 * time.Second, KeyPrefix: "gambolputty:eventbuffer", MaxEvents: 100_000, Sync: true,
	MaxSize: 1 << 30, Fsync: string(disklog.Always), WhenFull: disklog.Block,
}, New)

// Options of the EventBuffer module.
type Options struct {
	Given      option.Given
	Backend    string        `opt:"backend" null:"true" doc:"Where events are kept: disk, or the id of a store module. Without it that is the module RedisStore if there is one, and the disk otherwise."`
	MaxEvents  int           `opt:"max_events" min:"1" doc:"Most events that have not been delivered; then the inputs wait."`
	Sync       bool          `opt:"sync" doc:"Events go on when they have been stored. Otherwise they go on at once and are stored in the background."`
	Path       string        `opt:"path" null:"true" doc:"Directory on disk. The default is buffer in the state directory."`
	MaxSize    int64         `opt:"max_size" old:"max_bytes" min:"0" unit:"bytes" doc:"Space that is taken on disk. 0 is no limit."`
	MaxAge     time.Duration `opt:"max_age" min:"0s" doc:"Events that have not been delivered after this time are given up, in seconds; a file is given up as a whole. 0 keeps them. On disk only."`
	WhenFull   string        `opt:"when_full" enum:"block|drop_oldest|drop_newest" doc:"What happens at max_size: the inputs wait, or the oldest or the newest events are not kept any more. They are delivered all the same if nothing crashes."`
	Fsync      string        `opt:"fsync" enum:"always|interval|never" doc:"When events are made safe from a loss of power, and not only from a crash of the program: before they go on, once a second, or when the operating system likes."`
	GCInterval time.Duration `opt:"gc_interval" min:"1s" doc:"How long a delivered event may stay in a store, in seconds. On disk it is noted at once."`
	KeyPrefix  string        `opt:"key_prefix" doc:"Text in front of the keys in a store; a colon and the id of the event follow."`
	ReplayRate int           `opt:"replay_rate" min:"0" doc:"Events per second that are sent again after a crash. 0 is as fast as they are taken."`

	// FS is where the files of a log on disk are; nil is the disk.
	FS disklog.FS
}

const (
	onDisk       = "disk"
	usualStore   = "RedisStore"
	directory    = "buffer"
	maintenance  = time.Second
	batchOfThese = 256 // events that are sent again at a time
)

// Validate warns of what has no effect.
func (o *Options) Validate() error {
	var errs []error
	none := func(name, text string) {
		if o.Given[name] {
			errs = append(errs, &option.Fault{Code: "W105", Option: name, Message: text})
		}
	}
	switch o.Backend {
	case "":
	case onDisk:
		none("key_prefix", "has no effect on disk")
		none("gc_interval", "has no effect on disk")
	default:
		for _, name := range []string{"path", "max_size", "max_bytes", "max_age", "when_full", "fsync"} {
			none(name, "has no effect in a store")
		}
	}
	return errors.Join(errs...)
}

// Uses names the store.
func (o *Options) Uses() []actor.Need {
	id, optional := o.storeID()
	if id == "" {
		return nil
	}
	n := store.Need("backend", id)
	n.Optional = optional
	return []actor.Need{n}
}

// storeID is the id of the store, which is used only if it is there where it is optional;
// "" is the disk.
func (o *Options) storeID() (id string, optional bool) {
	switch {
	case o.Backend == onDisk, o.Backend == "" && o.Path != "":
		return "", false
	case o.Backend == "":
		return usualStore, true
	}
	return o.Backend, false
}

// Directory is where events are kept on disk.
func (o *Options) Directory() (string, error) {
	if o.Path != "" {
		return o.Path, nil
	}
	dir, err := statedir.Find()
	return filepath.Join(dir, directory), err
}

// New makes an EventBuffer.
func New(env actor.Env, o Options) (actor.Service, error) {
	return &buffer{env: env, opts: o, places: newPlaces(o.MaxEvents)}, nil
}

// OpenPlace opens the place where events are kept.
func OpenPlace(env actor.Env, o Options) (Place, error) {
	id, optional := o.storeID()
	if id == "" {
		return openDisk(env, o)
	}
	s, ok := actor.Find[store.Store](env, id)
	switch {
	case ok:
		return newShelf(env, o, s, id), nil
	case optional:
		return openDisk(env, o)
	}
	_, err := store.Find(env, id)
	return nil, err
}

// Place is where events are kept. It is safe for concurrent use.
type Place interface {
	// prepare takes copies of events, to be put once or more often.
	prepare(input string, events eventList) parcel
	// put stores a parcel, in one attempt. errUnkept says that there is no room for it and
	// that it goes on without.
	put(ctx context.Context, p parcel) error
	// remove says that a parcel is not needed any more.
	remove(p parcel)
	// Look walks all that is kept and changes nothing.
	Look(ctx context.Context, take func(Kept) bool) error
	// Each walks what a former life has left, in order, and makes it that of this one. An event that cannot be read has an
	// error. An error of Each comes before the first event.
	Each(ctx context.Context, take func(Kept) bool) error
	// Move makes a kept event one of another input, and Remove removes it.
	Move(ctx context.Context, k Kept, input string) error
	Remove(ctx context.Context, k Kept) error
	// Close ends the use of the place.
	Close(ctx context.Context) error

	// target is how the log calls it.
	target() string
	// maintain is called once a second.
	maintain(ctx context.Context)
	// age is how old the oldest event is.
	age() time.Duration
}

// errUnkept says that events go on without being kept.
var errUnkept = errors.New("the event buffer is full, events go on without being kept")
