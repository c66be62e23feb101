package eventbuffer_test

import (
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/misc/eventbuffer"
	"gambolputty/stages/misc/noop"
)

// BenchmarkFlow is what an event costs from an input through a module to an output, with
// and without a buffer.
func BenchmarkFlow(b *testing.B) {
	event := `{"data": "` + strings.Repeat("spam and eggs ", 14) + `"}`
	for _, c := range []struct{ name, options string }{
		{"no buffer", ""}, {"never", "fsync: never"}, {"always", "fsync: always"}, {"background", "sync: False"},
	} {
		b.Run(c.name, func(b *testing.B) {
			more := ""
			if c.options != "" {
				more = "- EventBuffer:\n    path: " + b.TempDir() + "\n    " + c.options + "\n"
			}
			actortest.BenchEvents(b, noop.Spec, "", more, []actor.Spec{eventbuffer.Spec}, event)
		})
	}
}
