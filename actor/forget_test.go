package actor

import (
	"context"
	"strings"
	"testing"
	"unsafe"

	"gambolputty/actor/event"
)

// readingLines emits n batches of one event whose text lies in a buffer of its own.
func readingLines(n int) Spec {
	return source(func(_ context.Context, out *Outlet) error {
		for range n {
			m := out.Buffers().Buffer()
			text := m.Bytes[:copy(m.Bytes, "And now for something completely different")]
			b := out.Batch("the announcer")
			b.New().SetField(event.Data, event.String(unsafe.String(&text[0], len(text))))
			b.HoldBuffer(m)
			m.Release()
			if err := out.Emit(b, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestMemoryOfTextsIsUsedAgainOnlyIfAllModulesForget(t *testing.T) {
	const events = 100
	for name, c := range map[string]struct{ first, last, intact bool }{
		"all forget":                 {true, true, false},
		"the last one keeps texts":   {true, false, true},
		"one on the way keeps texts": {false, true, true},
		"none promises to forget":    {false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			middle := processor(func(context.Context, *Batch) error { return nil })
			end := sink(func(_ context.Context, b *Batch) error {
				for e := range b.Each() {
					v, _ := e.Field(event.Data)
					texts = append(texts, v.Str())
				}
				return nil
			})
			middle.Forgets, end.Forgets = c.first, c.last
			run(t, stage("in", readingLines(events), "on"), stage("on", middle, "out"), stage("out", end))
			if len(texts) != events {
				t.Fatalf("%d events", len(texts))
			}
			for _, s := range texts {
				if intact := strings.HasPrefix(s, "And now"); intact != c.intact {
					t.Fatalf("what was kept is %q", s)
				}
			}
		})
	}
}

func TestEventsThatAStageTakesKeepTheirTexts(t *testing.T) {
	var texts []string
	end := sink(func(_ context.Context, b *Batch) error {
		for e := range b.Each() {
			v, _ := e.Field(event.Data)
			texts = append(texts, strings.Clone(v.Str()))
		}
		return nil
	})
	middle := built(func(Env) (Processor, error) { return &gather{}, nil })
	middle.Forgets, end.Forgets = true, true
	run(t, stage("in", readingLines(20), "on"), stage("on", middle, "out"), stage("out", end))
	if len(texts) != 20 {
		t.Fatalf("%d events", len(texts))
	}
	for _, s := range texts {
		if !strings.HasPrefix(s, "And now") {
			t.Fatalf("what was taken is %q", s)
		}
	}
}
