package config

import (
	"log/slog"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/disklog"
)

func TestBuffersOfEdges(t *testing.T) {
	usual := actor.Buffer{Path: "a", MaxBytes: 1 << 30, WhenFull: disklog.Block, Fsync: disklog.Always}
	changed := func(change func(*actor.Buffer)) *actor.Buffer {
		b := usual
		change(&b)
		return &b
	}
	for text, want := range map[string]struct {
		disk   *actor.Buffer
		memory *actor.Queue
	}{
		"{path: a}":             {&usual, nil},
		"{type: disk, path: a}": {&usual, nil},
		"{type: disk, path: a, max_size: 100000, max_events: 7, when_full: drop_oldest}": {changed(func(b *actor.Buffer) {
			b.MaxBytes, b.MaxEvents, b.WhenFull = 100_000, 7, disklog.DropOldest
		}), nil},
		"{type: memory}": {nil, &actor.Queue{MaxEvents: 1000, WhenFull: "block"}},
		"{type: memory, max_events: 7, when_full: drop_newest}":          {nil, &actor.Queue{MaxEvents: 7, WhenFull: "drop_newest"}},
		"{type: memory, max_events: 7, when_full: overflow, path: a}":    {&usual, &actor.Queue{MaxEvents: 7, WhenFull: "block"}},
		"{type: memory, when_full: overflow, path: a, max_bytes: 70000}": {changed(func(b *actor.Buffer) { b.MaxBytes = 70_000 }), &actor.Queue{MaxEvents: 1000, WhenFull: "block"}},
	} {
		plan, report := load("- StdIn:\n    receivers:\n      - StdOutSink: {buffer: " + text + "}\n- StdOutSink\n")
		if len(report.Problems) > 0 {
			t.Errorf("%s\n%s", text, report.Text())
			continue
		}
		r := plan.Nodes(func(string, *slog.Level) *slog.Logger { return nil })[0].Receivers[0]
		if (r.Buffer == nil) != (want.disk == nil) || r.Buffer != nil && *r.Buffer != *want.disk {
			t.Errorf("%s: the disk is %+v", text, r.Buffer)
		}
		if (r.Queue == nil) != (want.memory == nil) || r.Queue != nil && *r.Queue != *want.memory {
			t.Errorf("%s: the memory is %+v", text, r.Queue)
		}
	}
}
