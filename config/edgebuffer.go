package config

import (
	"errors"
	"fmt"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/disklog"
	"gambolputty/actor/option"
)

// Where the events of an edge wait.
const (
	bufferOnDisk   = "disk"
	bufferInMemory = "memory"
	// overflow is what memory does with events for which it has no room: they go to the disk.
	overflow = "overflow"
)

// edgeBuffer are the options of what holds events in front of a receiver.
type edgeBuffer struct {
	Given     option.Given
	Type      string        `opt:"type" enum:"disk|memory" doc:"Where events wait: on the disk, what finds no room in front of the receiver; or in memory of the edge's own."`
	Path      string        `opt:"path" null:"true" doc:"Directory that no other edge uses. Required for a disk, and for memory that overflows to one."`
	MaxEvents int           `opt:"max_events" min:"0" doc:"Events that may wait. 0 is no limit on a disk, and 1000 in memory."`
	MaxBytes  int64         `opt:"max_bytes" old:"max_size" min:"0" unit:"bytes" doc:"Space that is taken on disk. 0 is no limit."`
	WhenFull  string        `opt:"when_full" enum:"block|drop_oldest|drop_newest|overflow" doc:"What happens when the buffer is full: the sender waits, or the oldest or the newest events are dropped. What does not fit into memory may overflow to the disk at path; the sender waits when that is full, too."`
	MaxAge    time.Duration `opt:"max_age" min:"0s" doc:"Events that have waited on the disk for longer are dropped, in seconds; a file is dropped as a whole. 0 keeps them."`
	Fsync     string        `opt:"fsync" enum:"always|interval|never" doc:"When events on the disk are made safe from a loss of power: before the sender hears that they are, once a second, or when the operating system likes."`
}

// usualMemory is how many events wait in memory unless somebody says so.
const usualMemory = 1000

func defaultEdgeBuffer() edgeBuffer {
	return edgeBuffer{Type: bufferOnDisk, MaxBytes: 1 << 30, WhenFull: disklog.Block, Fsync: string(disklog.Always)}
}

// disk reports whether there is a disk.
func (o edgeBuffer) disk() bool { return o.Type == bufferOnDisk || o.WhenFull == overflow }

// check says what does not go together.
func (o edgeBuffer) check() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case o.Type == bufferOnDisk && o.WhenFull == overflow:
		fault("when_full", option.Contradiction, "overflow is for type: memory, which then goes on to the disk")
	case o.disk() && o.Path == "":
		fault("path", option.Required, "required option is missing")
	case o.Type == bufferInMemory && !o.disk():
		for _, name := range []string{"path", "max_bytes", "max_age", "fsync"} {
			if o.Given[name] {
				fault(name, "W105", "has no effect in memory, unless when_full is overflow")
			}
		}
	}
	return errors.Join(errs...)
}

// buffer is the disk that the runtime takes; nil without one.
func (o edgeBuffer) buffer() *actor.Buffer {
	if !o.disk() || o.Path == "" {
		return nil
	}
	b := &actor.Buffer{Path: o.Path, MaxBytes: o.MaxBytes, MaxAge: o.MaxAge, WhenFull: o.WhenFull, Fsync: disklog.Policy(o.Fsync)}
	if o.Type == bufferOnDisk {
		b.MaxEvents = o.MaxEvents
	} else {
		b.WhenFull = disklog.Block
	}
	return b
}

// queue is the memory that the runtime takes; nil without it.
func (o edgeBuffer) queue() *actor.Queue {
	if o.Type != bufferInMemory {
		return nil
	}
	q := &actor.Queue{MaxEvents: o.MaxEvents, WhenFull: o.WhenFull}
	if q.MaxEvents == 0 {
		q.MaxEvents = usualMemory
	}
	if q.WhenFull == overflow {
		q.WhenFull = disklog.Block
	}
	return q
}
