package event_test

import (
	"strings"
	"testing"

	"gambolputty/actor/event"
)

// slabOn makes a slab with one event whose text lies in b.
func slabOn(pool *event.Pool, b *event.Buffer) *event.Slab {
	s := pool.Slab()
	s.New(event.NewSource("StdIn", ""), "").SetField(event.Data, event.String("spam"))
	s.HoldBuffer(b)
	return s
}

func TestABufferIsUsedAgainWhenNobodyHoldsItAnyMore(t *testing.T) {
	var pool event.Pool
	var buffers event.Buffers
	first := buffers.Buffer()
	one, two := slabOn(&pool, first), slabOn(&pool, first)
	first.Release() // whoever has filled it goes on to the next one
	one.Release()
	if second := buffers.Buffer(); second == first {
		t.Fatal("the buffer is given out while a slab holds it")
	}
	two.Release()
	if third := buffers.Buffer(); third != first {
		t.Error("the buffer is not used again")
	}
}

func TestABufferOfWhichSomethingIsKeptIsNotUsedAgain(t *testing.T) {
	var pool event.Pool
	var buffers event.Buffers
	b := buffers.Buffer()
	s := slabOn(&pool, b)
	s.KeepValues()
	b.Release()
	s.Release()
	if buffers.Buffer() == b {
		t.Error("the buffer is used again")
	}
}

func TestValuesBelowAnEventLastAsLongAsTheyAreKept(t *testing.T) {
	const document = `{"menu": {"egg": [1, 2, "b\u0061con"], "spam": {"more": "sp\u0061m"}}}`
	for name, keep := range map[string]bool{"the memory is used again": false, "the memory is left alone": true} {
		t.Run(name, func(t *testing.T) {
			var pool event.Pool
			var d event.Decoder
			decode := func(s *event.Slab, text string) event.Value {
				d.Into(s.Nodes())
				defer d.Into(nil)
				v, _, err := d.Decode(text)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			s := pool.Slab()
			v := decode(s, document)
			want := v.Clone()
			if keep {
				s.KeepValues()
			}
			s.Release()
			for range 100 {
				s := pool.Slab()
				for range 40 {
					if again := decode(s, document); !again.Equal(want) {
						t.Fatalf("decoded %v", again)
					}
					decode(s, strings.NewReplacer("menu", "dish", "1", "7").Replace(document))
				}
				s.Release()
			}
			if keep && !v.Equal(want) {
				t.Error("what was kept has changed")
			}
		})
	}
}
